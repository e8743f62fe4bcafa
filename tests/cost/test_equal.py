"""Random configurations of every model and every op: what is estimated is what a real run does and keeps, to the last.

The products are counted in a second way. The estimate follows shapes, by rules of its own for what NumPy's functions
make of them. Here NumPy computes with real numbers, and of every matrix product that it computes, the multiplications
are counted by the same product of ones: it adds as many ones as the other one has products. What does not come from
inputs or parameters and is nothing but ones makes a product a sum; that rule alone is in both.
"""

from importlib import import_module
from inspect import signature
from typing import Any

import numpy as np
import pytest
from numpy.random import Generator

import minivit as mv
from minivit.check.arguments import as_dtype
from minivit.check.cases import CASES
from minivit.check.draw import choose
from minivit.cost.estimate import OPTIMIZERS
from minivit.cost.meta import MetaArray
from minivit.cost.run import MetaGenerator, numberless
from minivit.cost.tally import Tally
from minivit.every_op import EVERY_OP
from minivit.layers.checkpoint import checkpointed
from minivit.models import MODELS
from minivit.nests import mapped, named_leaves

CONFIGURATIONS = 500
IN_DEFAULT = 50
FAMILIES = [kind for kind in MODELS.values() if kind.__module__.startswith("minivit.models.")]
CHOICES = {
    "global_pool": ("token", "avg"),
    "act_layer": ("relu", "gelu", "gelu_tanh", "quick_gelu"),
    "positions": ("sincos", "learned"),
    "grad_checkpointing": (False,),  # recompute="blocks" is the same
}


class Counting(np.ndarray):
    """Real numbers, and a count of the multiplications in the matrix products that are computed with them."""

    macs = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if ufunc is np.matmul:
            count_product(np.matmul, *inputs)
        inputs, options = mapped(plain, (inputs, options))
        if out is None:
            return wrapped(getattr(ufunc, method)(*inputs, **options))
        getattr(ufunc, method)(*inputs, out=tuple(np.asarray(each) for each in out), **options)
        return out[0] if len(out) == 1 else out

    def __array_function__(self, func, types, args: Any, kwargs: Any):
        if func is np.einsum:
            count_product(lambda *factors: np.einsum(args[0], *factors), *args[1:])
        assert func not in (np.dot, np.tensordot, np.inner)
        args, kwargs = mapped(plain, (args, kwargs))
        return wrapped(func(*args, **kwargs))


def plain(value):
    return np.asarray(value) if isinstance(value, np.ndarray) else value


def wrapped(nest):
    return mapped(lambda each: each.view(Counting) if isinstance(each, np.ndarray) else each, nest)


def count_product(product, *factors):
    if sum(isinstance(factor, Counting) or not (factor == 1).all() for factor in factors) > 1:
        Counting.macs += int(np.sum(product(*(np.ones(factor.shape) for factor in factors))))


def counted(function):
    """What a function returns, and how many multiplications its products had."""
    before = Counting.macs
    result = function()
    return result, Counting.macs - before


def layout(nest):
    """Of every array: its shape, dtype and the steps along axes that have any."""
    return {
        name: (a.shape, a.dtype, [step for step, n in zip(a.strides, a.shape, strict=True) if n > 1] if a.size else [])
        for name, a in named_leaves(nest)
        if isinstance(a, (np.ndarray, np.generic))
    }


def gradient_like(rng: Generator, nest):
    return mapped(lambda y: rng.standard_normal(np.shape(y)).astype(y.dtype), nest)


# -- ops ---------------------------------------------------------------------------------------------------------------


def check_op(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    dtype = choose(rng, "float32", "float64")
    whole_numbers = choose(rng, True, False)  # whether masks and labels, too, have no numbers

    def case():
        drawn = CASES[name](np.random.default_rng(seed))  # a generator among the options draws, so it is drawn anew
        bound = signature(EVERY_OP[name].forward).bind(*drawn.args, **drawn.kwargs).arguments
        bound |= bound.pop("options", {})  # of **options, all that have no place of their own
        return mapped(lambda a: as_dtype(a, dtype) if isinstance(a, np.ndarray) else a, bound)

    def without_numbers(array):
        is_array = isinstance(array, np.ndarray) and (array.dtype.kind in "fc" or whole_numbers)
        if isinstance(array, Generator):
            return MetaGenerator(tally)
        return MetaArray(array.shape, array.dtype, tally) if is_array else array

    op, tally = EVERY_OP[name], Tally()
    y, cache = op.forward(**mapped(lambda a: a.copy() if isinstance(a, np.ndarray) else a, case()))
    dy = gradient_like(rng, y)
    grads = op.backward(dy, cache)
    (_, counting_cache), macs_forward = counted(lambda: op.forward(**wrapped(case())))
    _, macs_backward = counted(lambda: op.backward(wrapped(dy), counting_cache))

    meta_y, meta_cache = op.forward(**mapped(without_numbers, case()))
    assert layout(meta_y) == layout(y)
    assert layout(meta_cache) == layout(cache)
    assert layout(op.backward(mapped(without_numbers, dy), meta_cache)) == layout(grads)

    shapes = mapped(lambda a: a.shape if isinstance(a, np.ndarray) and a.dtype.kind in "fc" else a, case())
    cost = mv.cost.of(op.forward, dtype=dtype, **shapes)
    assert cost.kept_bytes == mv.nbytes(cache)
    assert (cost.forward.macs, cost.backward.macs) == (macs_forward, macs_backward)


# -- models ------------------------------------------------------------------------------------------------------------


def draw_options(kind, rng: Generator) -> dict:
    """Options of a small model, from those that its own tests have; a set that it refuses is drawn again."""
    small = import_module(f"tests.models.test_{kind.__module__.rpartition('.')[2]}").SMALL
    while True:
        options = {"seed": 0, "dtype": choose(rng, "float32", "float64")}
        for name, parameter in signature(kind).parameters.items():
            default = small.get(name, parameter.default)
            if name in CHOICES:
                options[name] = choose(rng, *CHOICES[name])
            elif isinstance(parameter.default, bool) or name == "fc_norm":
                options[name] = choose(rng, False, True)
            elif name.endswith(("drop_rate", "path_rate")):
                options[name] = choose(rng, 0.0, 0.3)
            elif name in small and isinstance(default, int):
                options[name] = default * choose(rng, 0, 1, 1, 2, 3)
            elif name in small and isinstance(default, tuple):
                options[name] = tuple(n * choose(rng, 1, 2) for n in default)
            elif name in small:
                options[name] = default
        try:
            kind(**options)
        except ValueError:
            continue
        return options


def check_model(kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    options, batch, length = draw_options(kind, rng), int(rng.integers(1, 21)), int(rng.integers(1, 7))
    recompute, optimizer = choose(rng, "none", "none", "blocks"), choose(rng, *OPTIMIZERS)
    estimate = mv.cost.estimate(
        kind(**options), batch=batch, length=length, recompute=recompute, optimizer=optimizer, dtype=options["dtype"]
    )
    model = kind(**options)
    inputs = model.example(
        batch,
        length,
        lambda shape, dtype: (
            rng.integers(1, model.config.get("vocab_size", 3), shape)  # 0 is padding, which not all places are
            if np.issubdtype(dtype, np.integer)
            else rng.standard_normal(shape).astype(dtype)
        ),
    )

    def ready(model):
        return checkpointed(model) if recompute == "blocks" else model

    running = ready(model)
    outputs, cache = running.forward(*inputs, rng=np.random.default_rng(1))
    kept = mv.nbytes(cache)
    doutputs = gradient_like(rng, outputs)
    dinputs = running.backward(doutputs, cache)
    grads = {name: param.grad for name, param in running.named_params().items()}

    assert estimate.activation_bytes == kept
    assert estimate.params == model.num_params
    assert estimate.weight_bytes == sum(param.value.nbytes for param in model.named_state().values())
    assert estimate.gradient_bytes == sum(grad.nbytes for grad in grads.values())
    state = OPTIMIZERS[optimizer](running).state
    assert estimate.optimizer_bytes == sum(array.nbytes for array in state.values())
    assert estimate.input_bytes == sum(array.nbytes for array in inputs)

    counting = kind(**options)
    for param in counting.named_state().values():
        param.adopt(param.value.view(Counting))
    counting = ready(counting)
    (_, counting_cache), macs = counted(lambda: counting.forward(*wrapped(inputs), rng=np.random.default_rng(1)))
    assert estimate.macs_forward == macs
    _, macs = counted(lambda: counting.backward(wrapped(doutputs), counting_cache))
    assert estimate.macs_backward == macs

    tally, meta = Tally(), kind(**options)
    numberless(meta, tally)
    meta = ready(meta)
    new = mapped(lambda array: MetaArray(array.shape, array.dtype, tally), (inputs, doutputs))
    meta_outputs, meta_cache = meta.forward(*new[0], rng=MetaGenerator(tally))
    assert layout(meta_outputs) == layout(outputs)
    assert layout(meta_cache) == layout(cache)
    assert layout(meta.backward(new[1], meta_cache)) == layout(dinputs)
    assert layout({name: param.grad for name, param in meta.named_params().items()}) == layout(grads)


def check(number: int) -> None:
    """Ops and models by turns, so that the first fifty have one of nearly each op, and of each model several."""
    half, is_model = divmod(number, 2)
    if is_model:
        check_model(FAMILIES[half % len(FAMILIES)], number)
    else:
        check_op([*EVERY_OP][half % len(EVERY_OP)], number)


@pytest.mark.sampled(every=4, rest=2)
@pytest.mark.parametrize("number", range(IN_DEFAULT))
def test_equal(number):
    check(number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(IN_DEFAULT, CONFIGURATIONS))
def test_equal_in_all_configurations(number):
    check(number)
