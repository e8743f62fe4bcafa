"""What every op asks of its arguments is written once, so it is tested once, on a function made for it."""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from minivit.checked import check_range, check_type, checked, plain, real_numbers
from minivit.types import Bool, Complex, Count, Depths, Float, Int, Real, Scalar, Share, Size, ndarray
from tests.unchecked import without_annotations

X, WEIGHT, BIAS = np.ones((2, 3, 5), np.float32), np.ones((5, 7), np.float32), np.ones(7, np.float32)


class MapCache(NamedTuple):
    """As that of an op."""

    x: Float[ndarray, "*B D"]
    weight: Float[ndarray, "D F"]


def seen_forward(
    x: Float[ndarray, "*B D"],
    weight: Float[ndarray, "D F"],
    bias: Float[ndarray, " F"] | None = None,
    *,
    rate: float = 0.0,
    size: Size = 1,
    heads: int = 1,
    mode: str = "one",
    mask: Bool[ndarray, "..."] | None = None,
    tokens: Int[ndarray, "N"] | None = None,
    targets: ndarray = X,
):
    """Show what arrives."""
    return locals(), MapCache(x, weight)


def seen_backward(dy: Float[ndarray, "*B F"], cache: MapCache):
    return dy


def seen_loss_backward(dy: Scalar, cache: MapCache):
    return dy


ops: Any = map(checked, (seen_forward, seen_backward, seen_loss_backward))
forward, backward, loss_backward = ops


def arrives(*args, **options):
    return forward(*args, **options)[0]


def test_what_is_right_arrives_as_it_is():
    got = arrives(X, WEIGHT, BIAS, rate=0.5, size=(2, 3), mask=np.ones(3, bool), targets=np.arange(3))
    assert got["x"] is X
    assert got["bias"] is BIAS
    assert (got["rate"], got["size"]) == (0.5, (2, 3))
    assert arrives(x=X, weight=WEIGHT, bias=None)["bias"] is None


@pytest.mark.parametrize("time", [1, 2])
def test_numbers_of_numpy_become_pythons(time):
    got = arrives(X, WEIGHT, rate=np.float64(0.5), size=(np.int64(2), np.uint8(3)), heads=np.array(4))
    assert [type(got[name]) for name in ("rate", "heads")] == [float, int]
    assert [*map(type, got["size"])] == [int, int]
    assert [*map(type, arrives(X, WEIGHT, size=[np.int64(2), np.int64(3)])["size"])] == [int, int]


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"x": X.astype(int)}, TypeError, "x has dtype int64; expected float32 or float64"),
        ({"x": X.astype(np.float16)}, TypeError, "x has dtype float16; expected float32 or float64"),
        ({"x": X.astype(np.longdouble)}, TypeError, "x has dtype (longdouble|float128); expected float32 or float64"),
        ({"x": X.astype(">f4")}, TypeError, "x has dtype >f4; expected float32 or float64"),
        ({"x": np.ma.masked_array(X)}, TypeError, "x is a masked array; expected a plain one"),
        ({"targets": np.ma.masked_array(X)}, TypeError, "targets is a masked array; expected a plain one"),
        ({"x": X > 0}, TypeError, "x has dtype bool; expected float32 or float64"),
        ({"x": X.astype(object)}, TypeError, "x has dtype object; expected float32 or float64"),
        ({"x": [[1.0] * 5]}, TypeError, r"x is \[\[1.0, 1.0, .*\]\], of type list; expected a NumPy array"),
        ({"x": 3}, TypeError, "x is 3, of type int; expected a NumPy array"),
        ({"x": None}, TypeError, "x is None, of type NoneType; expected a NumPy array"),
        ({"weight": WEIGHT.astype(float)}, TypeError, "weight is of float64, but x of float32; expected one precision"),
        ({"x": X[0, 0, 0]}, ValueError, r"x has shape \(\); expected \(\.\.\., D\)"),
        ({"weight": WEIGHT[0]}, ValueError, r"weight has shape \(7,\); expected \(D, F\)"),
        ({"weight": WEIGHT.T}, ValueError, r"weight .* expected \(D, F\), with D as in x, which has shape \(2, 3, 5\)"),
        ({"bias": BIAS[:1]}, ValueError, r"bias has shape \(1,\); expected \(F,\), with F as in weight"),
        ({"x": X[..., :0]}, ValueError, r"x has shape \(2, 3, 0\); expected \(\.\.\., D\), with D at least 1"),
        ({"mask": np.ones(3)}, TypeError, "mask has dtype float64; expected bool"),
        ({"tokens": np.ones(3)}, TypeError, "tokens has dtype float64; expected integers"),
        ({"tokens": np.ones(3, bool)}, TypeError, "tokens has dtype bool; expected integers"),
        ({"tokens": np.arange(3, dtype=">i4")}, TypeError, "tokens has dtype >i4; expected integers"),
        ({"targets": [1, 2]}, TypeError, r"targets is \[1, 2\], of type list; expected a NumPy array"),
        ({"rate": "half"}, TypeError, "rate is 'half'; expected float"),
        ({"rate": None}, TypeError, "rate is None; expected float"),
        ({"rate": True}, TypeError, "rate is True; expected float"),
        ({"rate": X}, TypeError, "rate is array.*; expected float"),
        ({"heads": 2.0}, TypeError, "heads is 2.0; expected int"),
        ({"mode": b"one"}, TypeError, "mode is b'one'; expected str"),
        ({"size": (2, 3.0)}, TypeError, r"size is \(2, 3\.0\); expected int or \(int, int\)"),
        ({"size": (2, 3, 4)}, TypeError, r"size is \(2, 3, 4\); expected int or \(int, int\)"),
        ({"size": 0}, ValueError, "size is 0; expected at least 1"),
        ({"size": (2, -1)}, ValueError, r"size is \(2, -1\); expected at least 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(changes, error, message):
    arrives(X, WEIGHT, size=2)  # what was right once must not make this right
    with pytest.raises(error, match=f"^seen: {message}") as caught:
        forward(**{"x": X, "weight": WEIGHT, **changes})
    assert "\n" not in str(caught.value)


@checked
def filtered(
    X: Complex[ndarray, "*B F"], response: Real[ndarray, "F"] | str = "flat", gain: Float[ndarray, "F"] | None = None
):
    """A spectrum is always complex, a response never, and a gain where the complex step makes it so."""
    return X, response, gain


def test_a_spectrum_is_complex_and_makes_nothing_else_so():
    X, response = np.ones((2, 5), np.complex64), np.ones(5, np.float32)
    got = filtered(X, response, response)
    assert [np.asarray(array).dtype for array in got] == [np.complex64, np.float32, np.float32]
    assert filtered(X, "low")[1] == filtered(X, response="low")[1] == "low"
    assert np.asarray(filtered(X, response, response + 0j)[1]).dtype == np.float32
    for args, error, message in [
        ((X.real,), TypeError, "X has dtype float32; expected complex64 or complex128"),
        ((X, response + 0j), TypeError, "response has dtype complex64; expected float32 or float64"),
        ((X, response.astype(float)), TypeError, "response is of float64, but X of float32; expected one precision"),
        ((X, response[1:]), ValueError, r"response has shape \(4,\); expected \(F,\), with F as in X"),
        ((X, None), TypeError, "response is None, of type NoneType; expected a NumPy array or a name"),
        ((X, "low", "high"), TypeError, "gain is 'high', of type str; expected a NumPy array$"),
    ]:
        with pytest.raises(error, match=f"^filtered: {message}"):
            filtered(*args)


@pytest.mark.parametrize("kind", [np.matrix, np.recarray, np.memmap])
def test_of_a_subclass_the_plain_array_arrives(kind):
    """Products of np.matrix are others; and what was right of one shape is not right of another."""
    x, weight = X[0].view(kind), WEIGHT.view(kind)
    for _ in range(2):
        got = arrives(x, weight)
        assert type(got["x"]) is type(got["weight"]) is np.ndarray
        assert np.shares_memory(got["x"], X)
        with pytest.raises(ValueError, match=r"seen: weight has shape \(7, 5\)"):
            forward(x, WEIGHT.T.view(kind))
        with pytest.raises(TypeError, match="weight is of float64, but x of float32"):
            forward(x, WEIGHT.astype(float).view(kind))


def test_an_array_with_ways_of_its_own_keeps_them():
    """Those that record what is done with them, say."""

    class Recorded(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            raise NotImplementedError

    x = X[0].view(Recorded)
    assert arrives(x, WEIGHT)["x"] is x


@pytest.mark.parametrize("shape", [(3, 1, 5), (0, 1, 5), (1, 3, 5)])
def test_every_side_that_is_a_number_counts(shape):
    @checked
    def token(x: Float[np.ndarray, "1 1 D"]):
        return x

    with pytest.raises(ValueError, match=r"token: x has shape .*; expected \(1, 1, D\)"):
        token(np.ones(shape))


def test_python_says_what_is_no_argument():
    for args, options in [((X,) * 4, {}), ((X, WEIGHT), {"x": X}), ((X, WEIGHT), {"colour": 1}), ((X,), {})]:
        with pytest.raises(TypeError, match=r"^seen_forward"):
            forward(*args, **options)


def test_what_has_no_annotation_may_be_anything():
    @checked
    def anything(x, *, y=None):
        return x, y

    assert anything("x", y=anything) == ("x", anything)


def test_where_one_is_complex_all_become_so():
    got = arrives(X, 1j * WEIGHT, BIAS)
    assert {got[name].dtype.name for name in ("x", "weight", "bias")} == {"complex64"}
    assert got["targets"].dtype == np.float32
    with pytest.raises(TypeError, match="weight is of complex128, but x of float32"):
        forward(X, WEIGHT * np.complex128(1))


def test_a_cotangent_fits_what_was_kept():
    _, cache = forward(X, WEIGHT)
    dy = np.ones((2, 3, 7), np.float32)
    assert backward(dy, cache) is dy
    for wrong, where in [(dy[:1], "... as in cache.x"), (dy[..., :5], "F as in cache.weight")]:
        with pytest.raises(ValueError, match=f"^seen_backward: dy has shape .*, with {where}"):
            backward(wrong, cache)
    with pytest.raises(TypeError, match=r"dy is of float64, but cache\.x of float32"):
        backward(dy.astype(float), cache)
    with pytest.raises(TypeError, match=r"seen_backward: cache is \(1, 2\); expected MapCache"):
        backward(dy, (1, 2))
    own = namedtuple("Own", MapCache._fields)
    assert backward(dy, own(*cache)) is dy


def test_the_cotangent_of_a_number_takes_the_precision_of_what_was_kept():
    _, cache = forward(X, WEIGHT)
    for dy in (1, 1.0, np.float64(1), np.float32(1), np.array(1.0)):
        got = loss_backward(dy, cache)
        assert (got.dtype, got.shape, float(got)) == (np.float32, (), 1.0)
    with pytest.raises(TypeError, match=r"seen_loss_backward: dy is array\(\[1\.\]\); expected a number"):
        loss_backward(np.ones(1), cache)


def test_plain():
    value = {"a": (np.float32(0.5), [np.int64(2)]), np.str_("b"): np.bool_(True), "c": np.arange(2), "d": None}
    got = plain(value)
    assert [type(item) for item in (got["a"][0], got["a"][1][0], got["b"])] == [float, int, bool]
    assert got["c"] is value["c"]


@pytest.mark.parametrize(
    ("hint", "right", "wrong"),
    [
        (int, [0, -3, 2**70], [True, 1.0, "1", None]),
        (float, [0, 0.5, 10**308], [True, "1", None, 10**309, -(10**400)]),
        (bool, [True], [1, 0, "no"]),
        (str | None, ["a", None], [3, b"a"]),
        (int | tuple[int, int], [3, (3, 4), [3, 4]], [(3,), (3, 4, 5), (3, 4.0), True]),
        (tuple[str, ...], [(), ("a", "b"), ["a"]], [("a", 3), "ab", None, 3]),
        (dict[str, Any], [{}, {"a": {}}], [[], {1: 2}, None]),
        (dict[str, int], [{"a": 1}], [{"a": "b"}]),
        (Any, [None, 3, {}], []),
    ],
)
def test_what_an_annotation_means(hint: Any, right: list, wrong: list) -> None:
    for value in right:
        check_type("it", value, hint)
    for value in wrong:
        with pytest.raises(TypeError, match=r"^it is .*; expected "):
            check_type("it", value, hint)


def test_a_wrong_type_is_said_in_a_short_sentence() -> None:
    with pytest.raises(TypeError, match=r"^names is \('a', 3\); expected \(str, \.\.\.\)$"):
        check_type("names", ("a", 3), tuple[str, ...])
    with pytest.raises(TypeError, match=r"^options is \{1: 2\}; expected dict$"):
        check_type("options", {1: 2}, dict[str, Any])
    with pytest.raises(TypeError) as caught:
        check_type("model", ["a" * 10**6] * 1000, str)
    assert len(str(caught.value)) < 300


def test_each_of_several_numbers_is_in_the_range():
    @checked
    def checked_stages(*, depths: Depths = (1,)) -> Any:
        return depths

    stages: Any = checked_stages
    assert stages(depths=(np.int64(2), 0)) == (2, 0)
    with pytest.raises(ValueError, match=r"depths is \(2, -1\); expected at least 0 and below 1001"):
        stages(depths=(2, -1))
    with pytest.raises(TypeError, match=r"depths is \(2, 0\.5\); expected \(int, \.\.\.\)"):
        stages(depths=(2, 0.5))


def test_what_may_be_left_out_is_in_the_range_where_it_is_given():
    @checked
    def filled(*, width: Count | None = None) -> Any:
        return width

    assert [filled(), filled(width=None), filled(width=0), filled(width=3)] == [None, None, 0, 3]
    assert type(filled(width=np.int64(3))) is int  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="filled: width is -1; expected at least 0"):
        filled(width=-1)
    with pytest.raises(TypeError, match=r"filled: width is 2\.0; expected int or None"):
        filled(width=2.0)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint8, np.uint64])
def test_integers_are_of_any_size_and_may_be_without_a_sign(dtype):
    tokens = np.arange(3, dtype=dtype)
    assert arrives(X, WEIGHT, tokens=tokens)["tokens"] is tokens


def test_what_is_named_is_checked_beside_what_is_not():
    """Of a function that takes any further options, too."""

    def build_model(name: str, *, batch: Count = 1, **options: Any):
        return name, batch, options

    build: Any = checked(build_model)
    anything = object()
    assert build("it", batch=np.int64(2), depth=anything) == ("it", 2, {"depth": anything})
    for given, says in [
        ({"batch": -1, "depth": 2}, "build_model: batch is -1; expected at least 0"),
        ({"batch": 1.5, "depth": 2}, "build_model: batch is 1.5; expected int"),
        ({"name": 3, "depth": 2}, "build_model: name is 3; expected str"),
    ]:
        with pytest.raises((ValueError, TypeError), match=says):
            build(**{"name": "it", **given})
    with pytest.raises(TypeError, match="multiple values"):
        build("it", name="it")


def test_numbers_of_a_kind_of_their_own_are_looked_at_each_time():
    class Whole(int):
        pass

    @checked
    def blocks(*, depth: Count = 0) -> Any:
        return depth

    assert blocks(depth=Whole(1)) == 1
    with pytest.raises(ValueError, match="depth is -5; expected at least 0"):
        blocks(depth=Whole(-5))


def test_sequences_are_of_what_they_are_said_to_be():
    @checked
    def play(notes: Sequence[float], tubes: Sequence[tuple[float, float]] = ()) -> Any:
        return len(notes)

    play = without_annotations(play)
    for notes in ([1.0, 2], (1.0, np.float32(2)), range(2), np.array([1.0, 2.0]), np.arange(2)):
        assert play(notes) == 2
    assert play([], np.ones((3, 2))) == 0
    for notes in (None, 3, "ab", ["a"], [None], [True], iter([1.0]), np.float64(3), [[1.0]], np.ones((2, 2)), [1j]):
        with pytest.raises(TypeError, match=r"play: notes is .*; expected a sequence of float$"):
            play(notes)

    @checked
    def write(words: Sequence[Sequence[str]]) -> Any:
        return len(words)

    write = without_annotations(write)
    assert write(["ab", ("a", "b"), ["c"], ""]) == 4
    for words in ("ab", [3], [b"ab"], [["a", 3]]):
        with pytest.raises(TypeError, match=r"words is .*; expected a sequence of a sequence of str$"):
            write(words)
    for tubes in ([1.0], [(1.0,)], [(1.0, "a")], np.ones((2, 3))):
        with pytest.raises(TypeError, match=r"play: tubes is .*; expected a sequence of \(float, float\)$"):
            play([], tubes)


def test_a_whole_number_that_no_float_can_be_is_refused_after_others_too():
    @checked
    def half(x: float) -> float:
        return x / 2

    assert half(4) == 2
    with pytest.raises(TypeError, match=r"half: x is 1000+\.\.\.0+; expected float$"):
        half(10**400)


def test_a_long_number_is_cut():
    with pytest.raises(ValueError, match=r"^x is 10+\.\.\.0+; expected at most 5$"):
        check_range("x", 10**400, at_most=5)


def test_numbers_are_floats_or_become_float64():
    """NumPy's cosine of a small integer has three digits."""
    numbers = without_annotations(real_numbers)
    for values in (3, 3.0, np.int8(3), np.float64(3), np.array([3], np.uint8), 10**30):
        assert numbers("x", values).dtype == np.float64
    single = np.ones(2, np.float32)
    assert numbers("x", single) is single
    for values in (["a"], 1j, None, np.float16(3), np.array([True]), np.array([None]), np.array([10**30]), "3"):
        with pytest.raises(TypeError, match=r"^x has dtype .*; expected float32, float64 or integers"):
            numbers("x", values)
    with pytest.raises(TypeError, match=r"^x is a masked array"):
        numbers("x", np.ma.masked_array([1.0], [True]))


def test_annotations_that_are_text_are_read():
    """As ``from __future__ import annotations`` leaves them, which many write on top of every file."""
    names = {"Float": Float, "ndarray": ndarray, "Share": Share, "checked": checked}
    text = """
from __future__ import annotations
@checked
def faded_forward(x: Float[ndarray, "*B D"], rate: Share = 0.5): return x * rate
"""
    exec(compile(text, "solution.py", "exec", dont_inherit=True), names)
    with pytest.raises(ValueError, match=r"faded: rate is 2.0; expected at least 0 and at most 1"):
        names["faded_forward"](X, 2.0)
    with pytest.raises(TypeError, match=r"faded: x is .1.0., of type list"):
        names["faded_forward"]([1.0])
