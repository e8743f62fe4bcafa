"""What one op, layer or function costs; and that a new one needs no line in the counter."""

from typing import NamedTuple

import numpy as np
import pytest

import minivit as mv
from minivit.cost import Work, formulas
from minivit.cost.errors import CostError
from minivit.layers import Linear, SelfAttention
from minivit.models.model import MODELS, Model


def test_an_op_by_its_function_and_by_its_name():
    shapes = {"q": (2, 3, 5, 4), "k": (2, 3, 7, 4), "v": (2, 3, 7, 6)}
    cost = mv.cost.of(mv.ops.attention_forward, **shapes)
    assert cost == mv.cost.of("attention", **shapes)
    assert cost.forward.macs == 2 * 3 * 5 * 7 * (4 + 6)
    assert cost.backward.macs == 2 * cost.forward.macs
    arrays = {name: np.random.default_rng(0).standard_normal(shape, "f4") for name, shape in shapes.items()}
    assert cost.kept_bytes == mv.nbytes(mv.ops.attention_forward(**arrays)[1])
    assert mv.cost.of("attention", dtype="float64", **shapes).kept_bytes == 2 * cost.kept_bytes


def test_what_is_no_shape_is_handed_on():
    """A tuple where a tuple is asked for, labels, generators."""
    conv = mv.cost.of("conv2d", x=(2, 8, 8, 3), weight=(3, 3, 3, 5), stride=(2, 1), padding=1)
    assert conv.forward.macs == 2 * 4 * 8 * (3 * 3 * 3) * 5
    labels = mv.cost.of("cross_entropy", logits=(4, 10), targets=np.arange(4))
    assert labels.kept_bytes == 2 * 4 * 10 * 4
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    dropout = mv.cost.of("dropout", x=(10, 10), rate=0.5, rng=rng)
    assert rng.bit_generator.state == before  # nothing is drawn
    _, cache = mv.ops.dropout_forward(np.ones((10, 10), np.float32), rate=0.5, rng=rng)
    assert dropout.kept_bytes == mv.nbytes(cache)


def test_transforms_and_spectra():
    """A transform of n numbers is log2 n passes over them; a spectrum is complex though only a shape was given."""
    assert mv.cost.of("rfft", x=(3, 8)).forward == Work(macs=0, elements=3 * 8 * 3)
    assert mv.cost.of("irfft", X=(3, 5), n=8).forward == Work(macs=0, elements=3 * 8 * 3)
    y = np.zeros((2, 4000), np.float32)
    cost = mv.cost.of("spectrogram", y=y.shape, n_fft=64)
    assert cost.kept_bytes == mv.nbytes(mv.audio.spectrogram_forward(y, n_fft=64)[1])


def test_a_layer():
    layer = SelfAttention(12, 3).init()
    cost = mv.cost.of(layer, x=(2, 35, 12))
    assert cost.forward.macs == 2 * formulas.msa_macs((5, 7), 12)
    assert cost.backward.macs == 2 * cost.forward.macs
    x = np.random.default_rng(0).standard_normal((2, 35, 12), "f4")
    assert cost.kept_bytes == mv.nbytes(layer.forward(x)[1])
    assert mv.cost.of(SelfAttention(12, 3), x=(2, 35, 12)) == cost  # no values are needed
    assert mv.cost.of(layer, x=(2, 35, 12), dtype="float64").kept_bytes == 2 * cost.kept_bytes
    assert layer.qkv.weight.value.dtype == np.float32
    assert not layer.qkv.weight.grad.any()


def test_a_function_of_ones_own():
    def attention(q, k, v):
        scores = q @ k.T / np.sqrt(q.shape[-1])
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True) @ v

    cost = mv.cost.of(attention, q=(5, 4), k=(7, 4), v=(7, 6))
    assert cost.forward.macs == 5 * 7 * 4 + 5 * 7 * 6
    assert (cost.backward, cost.kept_bytes) == (Work(0, 0), 0)
    rows = mv.cost.of(lambda q, k: np.stack([k @ row for row in q]), q=(5, 4), k=(7, 4))  # going through rows is right
    assert rows.forward.macs == 5 * 7 * 4


def test_constants_are_factors_and_ones_are_sums():
    x = np.full((4, 4), 0.5, "f4")
    assert mv.cost.of(lambda x, y: x @ y, x=(3, 4), y=x).forward.macs == 3 * 4 * 4
    assert mv.cost.of(lambda x, y: x @ y, x=(3, 4), y=np.ones_like(x)).forward == Work(0, 16)


class GateCache(NamedTuple):
    x: np.ndarray
    weight: np.ndarray
    gate: np.ndarray


def gate_forward(x, weight):
    gate = np.tanh(x @ weight)
    return x * gate, GateCache(x, weight, gate)


def gate_backward(dy, cache):
    x, weight, gate = cache
    dgate = dy * x * (1 - gate * gate)
    return dy * gate + dgate @ weight.T, x.T @ dgate


def test_a_new_op_needs_no_line():
    cost = mv.cost.of(gate_forward, x=(6, 4), weight=(4, 4))
    assert (cost.forward.macs, cost.backward.macs) == (6 * 4 * 4, 2 * 6 * 4 * 4)
    assert cost.kept_bytes == (6 * 4 + 4 * 4 + 6 * 4) * 4


def test_a_new_family_needs_no_line():
    class Gated(Model):
        def __init__(self, *, img_size: int = 4, in_chans: int = 3, width: int = 6, seed: int = 0, dtype="float32"):
            self.stem = Linear(img_size * img_size * in_chans, width)
            self.gate = Linear(width, width, bias=False)
            self.maps = Linear(width, 2 * 5)
            self.init(seed, dtype)

        def forward(self, images, *, rng=None):
            h, c_stem = self.stem.forward(images.reshape(len(images), -1))
            h, c_gate = gate_forward(h, self.gate.weight.value)
            h, c_maps = self.maps.forward(h)
            outputs = {"boxes": h[:, :4], "maps": h.reshape(-1, 1, 2, 5)}  # several, and no logits
            return outputs, {"stem": c_stem, "gate": c_gate, "maps": c_maps, "shape": images.shape}

        def backward(self, doutputs, cache):
            dh = doutputs["maps"].reshape(-1, 10).copy()
            dh[:, :4] += doutputs["boxes"]
            dh, dweight = gate_backward(self.maps.backward(dh, cache["maps"]), cache["gate"])
            self.gate.weight.add_grad(dweight)
            return self.stem.backward(dh, cache["stem"]).reshape(cache["shape"])

    try:
        estimate = mv.cost.estimate(Gated(), batch=20)
        macs = 20 * (48 * 6 + 6 * 6 + 6 * 10)
        assert (estimate.macs_forward, estimate.macs_backward) == (macs, 2 * macs)
        assert estimate.params == (48 * 6 + 6) + 6 * 6 + (6 * 10 + 10)
        _, cache = Gated().forward(np.ones((20, 4, 4, 3), np.float32))
        assert estimate.activation_bytes == mv.nbytes(cache)
        gate = next(cost for cost in estimate.by_op() if cost.name == "gate")
        assert gate.forward.macs == 20 * 6 * 6
        assert [layer.name for layer in estimate.by_layer()] == ["stem", "gate", "maps"]
    finally:
        del MODELS["Gated"]


# -- what cannot be counted --------------------------------------------------------------------------------------------


def unknown_forward(x):
    return np.fft.fft(x), x


def unknown_backward(dy, cache):
    return (dy,)


def branches(x):
    return x if x.max() > 0 else -x


def picks(x):
    return x[x > 0]


def converts(x):
    return x * float(x.sum())


def rounds(x):
    return x[int(x.max())]


def goes_through_numbers(x):
    total = 0
    for number in x[0]:
        if number > 0:
            total = total + number
    return total


def largest(x):
    return max(x[0])


def lists(x):
    return x.tolist()


def finds(x):
    return x[np.nonzero(x)]


def writes_into_numbers(x):
    y = np.zeros(x.shape)
    return np.add(x, x, out=y)


def loses_what_it_is(x):
    return np.asarray(x) * 2


def sums_a_list(x):
    return np.sum([x, x])


def fills_numbers(x):
    y = np.zeros(x.shape)
    for i in range(len(x)):
        y[i] = x[i] * 2
    return y


LOOKS = r"^the code looks at a number, and here are none: only shapes \(in NAME, test_of.py line \d+\)$"


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (unknown_forward, r"^the counter does not know numpy.fft.fft \(in unknown_forward, test_of.py line \d+\)$"),
        (branches, LOOKS),
        (picks, LOOKS),
        (converts, LOOKS),
        (rounds, LOOKS),
        (goes_through_numbers, LOOKS),
        (largest, LOOKS),
        (lists, r"^the counter does not know ndarray.tolist \(in lists, test_of.py line \d+\)$"),
        (finds, r"^the counter does not know numpy.nonzero \(in finds, test_of.py line \d+\)$"),
        (writes_into_numbers, r"^an array of numbers is written into .* \(in writes_into_numbers, test_of.py line"),
        (
            loses_what_it_is,
            r"^the code returns an array of numbers, of shape \(3, 4\), .* \(in NAME, test_of.py line \d+\)$",
        ),
        (sums_a_list, r"^the code returns an array of numbers, of shape \(\), .* \(in NAME, test_of.py line \d+\)$"),
        (
            fills_numbers,
            r"^the code returns an array of numbers, of shape \(3, 4\), .* \(in NAME, test_of.py line \d+\)$",
        ),
    ],
)
def test_what_cannot_be_counted_is_said_with_its_line(function, says):
    with pytest.raises(CostError, match=says.replace("NAME", function.__name__)) as caught:
        mv.cost.of(function, x=(3, 4))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (("atention", {"x": (1, 2)}), ValueError, "there is no op 'atention'; expected one of relu"),
        (("linear", {"x": (2, 3)}), TypeError, "missing 1 required positional argument: 'weight'"),
        (("softmax", {"x": (2, 3), "z": (2,)}), TypeError, "unexpected keyword argument 'z'"),
        (("linear", {"x": (2, 3), "weight": (4, 5)}), ValueError, r"weight has shape \(4, 5\); expected \(D, F\)"),
        (("softmax", {"x": (2, 3), "dtype": "float16"}), TypeError, "x has dtype float16; expected float32 or float64"),
        (("softmax", {"x": (-1, 3)}), ValueError, "negative dimensions are not allowed"),
        (("softmax", {"x": (10**9, 10**9, 10**9)}), CostError, "has more bytes than NumPy can count"),
    ],
)
def test_wrong_calls(call, error, says):
    function, arguments = call
    with pytest.raises(error, match=says):
        mv.cost.of(function, **arguments)


def double_forward(x):
    return x * 2


def double_backward(dy, cache):
    return dy * 2


def converted(x, dtype):
    return x.astype(dtype)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            (double_forward, {"x": (2, 3)}),
            r"a forward that has a backward .* y and a cache \(in double_forward, test_of.py line \d+\)",
        ),
        (
            (converted, {"x": (2, 3), "dtype": "float64"}),
            r"converted has a parameter dtype, .* around it, such as",
        ),
        ((np.exp, {"x": (2, 3)}), r"exp takes no arguments by name; .* such as lambda x: exp\(x\)"),
        ((np.matmul, {"x": (2, 3)}), "matmul takes no arguments by name"),
        (
            (lambda x: x, {"x": (2, 3), "dtype": "object"}),
            "dtype is 'object'; expected one of numbers, such as f",
        ),
        ((lambda x: x, {"x": (2, 3), "dtype": "U5"}), "dtype is 'U5'; expected one of numbers"),
        ((lambda x: x, {"x": (2, 3), "dtype": "flaot"}), "dtype is 'flaot'; expected one of numbers"),
    ],
)
def test_what_no_function_may_be(call, says):
    function, arguments = call
    with pytest.raises(TypeError, match=f"^{says}") as caught:
        mv.cost.of(function, **arguments)
    assert "\n" not in str(caught.value)


def test_names_of_arguments_are_free():
    assert mv.cost.of(lambda x, function: function(x), x=(2, 3), function=np.exp).forward.elements == 6
    assert mv.cost.of(np.sum, a=(2, 3)).forward.elements == 6  # it has a dtype of its own, with a default


@pytest.mark.parametrize(
    "function",
    [
        lambda x, it: x.reshape(it),
        lambda x, it: x.reshape(it[0], -1),
        lambda x, it: x.transpose(it),
        lambda x, it: x.sum(it),
        lambda x, it: x[: it[0]],
        lambda x, it: x * int(it[0]),
        lambda x, it: x * float(it[0]),
        lambda x, it: x if it[0] else -x,
        lambda x, it: x * it[0].item(),
        lambda x, it: np.zeros(it),
        lambda x, it: np.zeros_like(x, shape=it),
        lambda x, it: np.pad(x, it),
        lambda x, it: [x for _ in range(it[0])],
    ],
)
def test_a_tuple_that_is_no_shape_is_said_to_need_an_annotation(function):
    says = r"test_of.py line \d+\); if it is meant as a tuple, not as the shape of an array, annotate it: it: tuple$"
    with pytest.raises(CostError, match=says):
        mv.cost.of(function, x=(2, 3), it=(3, 2))


def test_a_tuple_that_is_annotated_is_one():
    def turned(x, order: tuple):
        return x.transpose(order).copy()

    assert mv.cost.of(turned, x=(2, 3), order=(1, 0)).forward.elements == 6


def test_huge_arrays_are_counted_without_memory():
    assert mv.cost.of("linear", x=(10**9, 64), weight=(64, 32)).forward.macs == 10**9 * 64 * 32
    assert mv.cost.of("mse", x=(10**9, 10**8), target=(10**9, 10**8)).kept_bytes == 4 * 10**17


def test_no_code_runs_for_ever(monkeypatch):
    monkeypatch.setattr("minivit.cost.meta.MOST_ARRAYS", 1000)
    with pytest.raises(CostError, match=r"the code makes more than 1,000 arrays, too many to count \(in "):
        mv.cost.of("attention_chunked", q=(1, 10**9, 4), k=(1, 10**9, 4), v=(1, 10**9, 4))


def test_noise_is_counted_too():
    rng = np.random.default_rng(0)
    for draw in (
        lambda x, rng: x + rng.normal(size=x.shape),
        lambda x, rng: x + rng.uniform(0, 1, x.shape),
        lambda x, rng: x + rng.standard_normal(x.shape),
        lambda x, rng: x + rng.random([3, 4]),
    ):
        assert mv.cost.of(draw, x=(3, 4), rng=rng).peak_bytes == 12 * (4 + 8 + 8)
    assert mv.cost.of(lambda x, rng: x + rng.random(), x=(3, 4), rng=rng).forward.elements == 13


@pytest.mark.parametrize("x", [5, [2, 3], (2.0, 3), "a"])
def test_a_function_of_no_array_is_refused(x):
    with pytest.raises(ValueError, match="no argument is an array without numbers"):
        mv.cost.of(lambda x: x, x=x)


def test_a_layer_without_backward_is_counted():
    class Forward(mv.layers.Layer):
        def forward(self, x):
            return x + x

    assert mv.cost.of(Forward(), x=(3, 4)).forward.elements == 12


def test_our_own_code_is_told_that_numbers_are_ordinary() -> None:
    """Softmax looks whether a sum is extreme; what is counted is exp, sum, divide, and the two extremes of 4 sums."""
    assert mv.cost.of("softmax", x=(4, 8)).forward.elements == 3 * 4 * 8 + 2 * (4 + 1)
