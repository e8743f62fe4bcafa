"""The edges that all ops share: nothing, one number, wrong dtypes, NumPy's own numbers, one complex argument."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minivit.check import CASES, check_complex_step
from minivit.checked import PRECISION, without_range
from minivit.every_op import EVERY_OP
from minivit.types import Scalar
from tests.ops.annotations import is_analytic
from tests.ops.drawing import drawn_with

SEEDS = st.integers(0, 2**32 - 1)
every_op = pytest.mark.parametrize("name", EVERY_OP)


def in_precision(array, dtype):
    """Real numbers in this dtype, complex ones in its precision."""
    return array.astype(np.result_type(dtype, np.complex64) if array.dtype.kind == "c" else dtype)


def drawn(name, seed, dtype="float64"):
    """An op, its arguments by name, those that are arrays of numbers, and its options."""
    op, case = EVERY_OP[name], CASES[name](np.random.default_rng(seed))
    names = [*inspect.signature(op.forward).parameters]
    args = dict(zip(names, case.args, strict=False))
    arrays = {n: in_precision(a, dtype) for n, a in args.items() if isinstance(a, np.ndarray) and a.dtype in PRECISION}
    return op, args | arrays, arrays, case.kwargs


@every_op
@pytest.mark.parametrize("dtype", [np.int64, np.float16, bool])
def test_arrays_that_are_no_numbers_are_refused(name, dtype):
    op, args, arrays, options = drawn(name, 0)
    for array in arrays:
        if array != "targets":  # class numbers are integers
            expected = "complex64" if args[array].dtype.kind == "c" else "float32"
            with pytest.raises(TypeError, match=f"^{name}: {array} has dtype {np.dtype(dtype)}; expected {expected}"):
                op.forward(**{**args, array: np.real(args[array]).astype(dtype)}, **options)


@every_op
def test_one_number_is_refused_and_a_cotangent_that_does_not_fit(name):
    op, args, arrays, options = drawn(name, 1)
    first = next(iter(arrays))
    with pytest.raises(ValueError, match=rf"^{name}: {first} has shape \(\); expected \("):
        op.forward(**{**args, first: np.ones((), arrays[first].dtype)}, **options)
    y, cache = op.forward(**args, **options)
    if inspect.signature(op.backward).parameters["dy"].annotation == Scalar:
        with pytest.raises(TypeError, match=f"^{name}_backward: dy is .*; expected a number"):
            op.backward(np.ones(2), cache)
        return
    if not name.startswith("drop"):  # what was not dropped leaves no shape behind
        with pytest.raises(ValueError, match=f"^{name}_backward: dy has shape"):
            op.backward(y[0, ..., 0] if y.ndim > 1 else y[0, ...], cache)
    with pytest.raises(TypeError, match=f"^{name}_backward: dy has dtype int64"):
        op.backward(y.real.astype(int), cache)


@every_op
def test_precisions_do_not_mix(name):
    op, args, arrays, options = drawn(name, 2)
    for array in [*arrays][1:]:
        if array != "targets":  # they take the precision of the logits
            with pytest.raises(TypeError, match=f"^{name}: .* float.*; expected one precision"):
                op.forward(**{**args, array: in_precision(args[array], np.float32)}, **options)


@every_op
@given(seed=SEEDS)
@settings(max_examples=5)
def test_numpys_numbers_lift_nothing(name, seed):
    """An option may be a np.float64, as 1 / np.sqrt(64) is one: float32 stays float32, to the same bits."""
    op, args, _, options = drawn(name, seed, "float32")
    lifting = {n: np.float64(o) if isinstance(o, float) else o for n, o in options.items()}
    lifting |= {n: np.int64(o) for n, o in options.items() if isinstance(o, int) and not isinstance(o, bool)}
    if "rng" in options:
        options["rng"], lifting["rng"] = np.random.default_rng(0), np.random.default_rng(0)
    (y, cache), (lifted, lifted_cache) = op.forward(**args, **options), op.forward(**args, **lifting)
    assert PRECISION[lifted.dtype] == np.float32
    np.testing.assert_array_equal(lifted, y)
    dy = np.float64(1) if np.ndim(y) == 0 else y
    for grad, expected in zip(op.backward(dy, lifted_cache), op.backward(dy, cache), strict=True):
        assert grad is None or PRECISION[grad.dtype] == np.float32
        np.testing.assert_array_equal(grad, expected)


@pytest.mark.parametrize("name", [name for name, op in EVERY_OP.items() if is_analytic(op.forward)])
@given(seed=SEEDS)
@settings(max_examples=5)
def test_one_complex_argument_is_enough(name, seed):
    """The complex step in one argument, while the others are real."""
    op, args, arrays, options = drawn(name, seed)
    if "rng" in options:
        options["rng"] = None
    y, cache = op.forward(**args, **options)
    dy = np.random.default_rng(seed).standard_normal(np.shape(y))
    grads = op.backward(dy, cache)._asdict()
    for array in [n for n in arrays if grads.get(n) is not None]:
        direction = np.random.default_rng(seed).standard_normal(args[array].shape)
        ahead, _ = op.forward(**{**args, array: args[array] + 1e-30j * direction}, **options)
        slope, size = (dy * ahead.imag).sum() / 1e-30, np.linalg.norm(dy) * np.linalg.norm(direction)
        assert abs(slope - (grads[array] * direction).sum()) <= 1e-12 * size


@pytest.mark.parametrize("name", ["avg_pool2d", "max_pool2d", "conv2d", "patchify", "add_positions"])
def test_a_cotangent_has_the_shape_of_the_output(name):
    """Also where lengths follow from options: one place more or less was broadcast, or NumPy's own error."""
    for seed in range(5):
        op, args, _, options = drawn(name, seed)
        y, cache = op.forward(**args, **options)
        for axis in range(y.ndim):
            for more in (-1, 1):
                shape = [n + more * (i == axis) for i, n in enumerate(y.shape)]
                if name != "add_positions" or axis > 0:  # the table does not know how many samples there are
                    with pytest.raises(ValueError, match=f"^{name}_backward: dy has shape .*; expected"):
                        op.backward(np.ones(shape), cache)


WRONG = [
    (name, option, value)
    for name, op in EVERY_OP.items()
    for option, it in inspect.signature(op.forward).parameters.items()
    for value in {int: [-1], float: [-1e-6, np.nan, np.inf]}.get(without_range(it.annotation), [])
]
"""Options that are one number, out of range. (The scale of attention may be any.)"""


@pytest.mark.parametrize(("name", "option", "value"), WRONG)
def test_a_number_out_of_range_is_refused_by_the_name_of_the_op(name, option, value):
    op, args, _, options = drawn(name, 0)
    with pytest.raises(ValueError, match=f"^{name}: .*{value}"):
        op.forward(**args, **{**options, option: value})


@pytest.mark.parametrize("width", [5, 1024, 1025, 3000])
def test_no_rows_of_any_width(width):
    """Long rows and many tokens are summed in blocks, and of no samples there are as many blocks."""
    x, ones = np.zeros((0, width), np.float32), np.ones(width, np.float32)
    for name, more in [("layer_norm", (ones, ones)), ("softmax", ()), ("log_softmax", ())]:
        y, cache = EVERY_OP[name].forward(x, *more)
        assert y.shape == EVERY_OP[name].backward(y, cache).x.shape == x.shape
    x = np.zeros((0, width, 3), np.float32)
    for name, more in [("layer_norm_sample", (ones[:3], ones[:3])), ("mean_pool", ())]:
        y, cache = EVERY_OP[name].forward(x, *more)
        assert EVERY_OP[name].backward(y, cache).x.shape == x.shape


def with_none(rng, count):
    """As ``sizes``, but one of the lengths is 0."""
    lengths = (2 + rng.permutation(count)).tolist()
    lengths[rng.integers(count)] = 0
    return lengths


@every_op
@given(seed=SEEDS)
def test_of_nothing_comes_nothing_or_a_sentence(name, seed):
    with drawn_with(sizes=with_none, different=lambda *shapes: True):
        try:
            op, args, arrays, options = drawn(name, seed, "float32")
        except (ValueError, ZeroDivisionError):  # the case itself cannot be made of nothing
            return
        try:
            y, cache = op.forward(**args, **options)
        except ValueError as error:
            if not str(error).startswith(f"{name}: "):  # a sentence of ours
                raise
            return
    assert np.isfinite(y).all()
    grads = op.backward(y, cache)._asdict()
    for array, grad in grads.items():
        if grad is not None:
            assert (grad.shape, grad.dtype) == (arrays[array].shape, arrays[array].dtype)
            assert PRECISION[grad.dtype] == np.float32
            assert np.isfinite(grad).all()


@pytest.mark.parametrize("name", ["attention", "attention_chunked"])
def test_queries_without_any_key_get_zeros(name):
    q, k = np.ones((2, 3, 5)), np.ones((2, 0, 5))
    y, cache = EVERY_OP[name].forward(q, k, np.ones((2, 0, 4)))
    np.testing.assert_array_equal(y, np.zeros((2, 3, 4)))
    dq, dk, dv, _ = EVERY_OP[name].backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dq, np.zeros_like(q))
    assert (dk.shape, dv.shape) == ((2, 0, 5), (2, 0, 4))


@pytest.mark.parametrize("name", ["attention", "attention_chunked"])
def test_a_bias_and_a_mask_may_be_one_number(name):
    q, k, v = (np.random.default_rng(0).standard_normal((2, n, 5)) for n in (3, 4, 4))
    y, cache = EVERY_OP[name].forward(q, k, v, np.array(0.5), mask=np.array(True))
    np.testing.assert_allclose(y, EVERY_OP[name].forward(q, k, v)[0], rtol=1e-12)
    dbias = EVERY_OP[name].backward(y, cache).bias
    assert dbias.shape == ()
    np.testing.assert_allclose(dbias, 0, atol=1e-14)  # shifting all scores changes nothing
    check_complex_step(EVERY_OP[name].forward, EVERY_OP[name].backward, q, k, v, np.array(0.5), mask=np.array(True))
    y, _ = EVERY_OP[name].forward(q, k, v, mask=np.array(False))
    np.testing.assert_array_equal(y, 0)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "layer_norm", "gelu", "attention"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_does_not_depend_on_its_neighbours(name, dtype):
    """Bit for bit: neither on their numbers nor on how many there are."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((37, 13)).astype(dtype)
    more = (rng.standard_normal((2, 13)).astype(dtype)) if name == "layer_norm" else ()
    wild = x.copy()
    wild[::2] *= 1e3
    wild[4] = -1e30
    if name == "attention":
        k, v = rng.standard_normal((2, 5, 13)).astype(dtype)
        y, extreme = EVERY_OP[name].forward(x, k, v)[0], EVERY_OP[name].forward(wild, k, v)[0]
        np.testing.assert_array_equal(y[1::2], extreme[1::2])
        return
    y, extreme = EVERY_OP[name].forward(x, *more)[0], EVERY_OP[name].forward(wild, *more)[0]
    np.testing.assert_array_equal(y[1::2], extreme[1::2])
    for i in range(len(x)):
        np.testing.assert_array_equal(EVERY_OP[name].forward(x[i : i + 1], *more)[0][0], y[i])
        np.testing.assert_array_equal(EVERY_OP[name].forward(wild[i], *more)[0], extreme[i])
