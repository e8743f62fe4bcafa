"""What the page says made a number, held to backward: `pytest -m browser -n 0 tests/steps/test_because.py`.

The script of the page runs in Chromium or Chrome. What it returns for an element of an output is held to backward of a
cotangent that is 1 there and 0 elsewhere, as it is or, where the op is linear, times what went in; what it returns for
an element of a gradient, to the same for each place.
"""

import re
from base64 import b64decode, b64encode
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from minivit.caches import arrays_in, owner
from minivit.check import CASES, Case
from minivit.every_op import EVERY_OP
from minivit.steps.page import ANSWERS

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parents[2] / "minivit" / "steps" / "web"
NUMBERS, *SCRIPTS = ((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in ("numbers", *ANSWERS))
SCRIPT = "\n".join(SCRIPTS)

ASKING = """
const bytesIn = flat => [...new Uint8Array(Float64Array.from(flat).buffer)];
const toText = flat => btoa(bytesIn(flat).map(n => String.fromCharCode(n)).join(""));
const toNumbers = text => new Float64Array(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
class Strided {
    constructor({flat, ...place}) { Object.assign(this, {flat: toNumbers(flat), ...place}); }
    at(index) { return this.flat[index.reduce((at, n, axis) => at + n * this.strides[axis], this.offset)]; }
}
function ask({label, way, arrays, options, places}) {
    const made = nest => Object.fromEntries(Object.entries(nest).map(([name, array]) => [name, new Strided(array)]));
    const all = Object.fromEntries(Object.entries(arrays).map(([part, nest]) => [part, made(nest)]));
    return places.map(([name, index]) => {
        const found = whatMade(label, way, all, options, name, index);
        if (!found) return null;
        const of = Object.entries(found.of).map(([input, {flat, shape}]) => [input, {flat: toText(flat), shape}]);
        const number = inDigits(all.outputs[name].at(index));
        return {of: Object.fromEntries(of), slopes: found.slopes, words: found.words, number};
    });
}
"""

KNOWN = [
    *("linear", "conv2d", "conv1d", "conv_transpose2d", "map_products", "mel_scale", "scaled_similarities"),
    *("spatial_gating", "softmax", "log_softmax", "cross_entropy"),
    *("attention", "multi_head_attention", "attention_chunked", "cosine_attention", "additive_attention"),
    *("dot_product_mean", "concatenation_mean", "local_attention", "stem_attention", "split_attention"),
    *("layer_norm", "layer_norm_sample", "rms_norm", "batch_norm", "group_norm", "unit_vectors", "unit_norm"),
    *("weight_standardization", "gelu", "gelu_tanh", "quick_gelu", "sigmoid", "tanh", "relu", "leaky_relu"),
    *("log_compression", "log_floor", "dropout", "drop_path", "layer_scale", "affine", "gru"),
    *("add_positions", "prepend_token", "prepend_mean", "first_token", "pick_token", "prefix_tokens", "patch_tokens"),
    *("embedding", "relative_position_bias", "patchify", "unpatchify", "merge_patches", "pixel_shuffle"),
    *("upsample_nearest", "window_partition", "window_reverse", "split_heads", "merge_heads", "mean_pool"),
    *("avg_pool2d", "max_pool2d", "mse", "l1", "charbonnier"),
]
SUMS = {
    **dict.fromkeys(("linear", "conv2d", "conv1d"), ("x", "bias")),
    **dict.fromkeys(("layer_scale", "relu", "leaky_relu", "dropout", "drop_path", "mean_pool", "avg_pool2d"), ("x",)),
    **dict.fromkeys(("patchify", "window_partition", "window_reverse", "merge_patches", "prepend_mean"), ("x",)),
    **dict.fromkeys(("attention", "multi_head_attention", "cosine_attention", "local_attention"), ("v",)),
    "affine": ("x", "beta"),
    "add_positions": ("x", "positions"),
    "embedding": ("table",),
}
"""Of some ops the inputs whose parts add up to what comes out."""

RNG = np.random.default_rng(0)
normal = RNG.standard_normal

LOG_SCALE = np.array([1.0, 5.0, 0.3]).reshape(3, 1, 1)  # of the second head it is more than log(100)
SHORT = np.array([0, 2e-13, 1])[:, None]

MORE = {
    "linear of three batch axes": ("linear", (normal((2, 3, 4, 5)), normal((5, 6)), normal(6)), {}),
    "attention with bias and mask": (
        "attention",
        (normal((2, 3, 4, 6)), normal((2, 3, 5, 6)), normal((2, 3, 5, 7)), normal((3, 1, 5))),
        {"mask": RNG.random((2, 1, 4, 5)) < 0.6, "scale": 0.7},
    ),
    "attention that may look at nothing": (
        "attention",
        (normal((4, 6)), normal((5, 6)), normal((5, 3)), normal((1, 5))),
        {"mask": np.arange(4)[:, None] > np.arange(5)},
    ),
    "attention with a bias of all": (
        "attention",
        (normal((2, 4, 6)), normal((2, 5, 6)), normal((2, 5, 3)), normal(())),
        {},
    ),
    "heads of windows, with bias and mask": (
        "multi_head_attention",
        (normal((2, 3, 4, 5, 1)), normal((2, 3, 4, 6, 1)), normal((2, 3, 4, 6, 2)), normal((4, 5, 6))),
        {"mask": RNG.random((3, 1, 5, 6)) < 0.6},
    ),
    "layer_norm of three batch axes": ("layer_norm", (normal((2, 3, 4, 5)), normal(5), normal(5)), {"eps": 0.1}),
    "convolution with every option": (
        "conv2d",
        (normal((2, 7, 8, 6)), normal((3, 2, 3, 4)), normal(4)),
        {"stride": (2, 1), "padding": ((1, 2), (0, 1)), "dilation": (1, 3), "groups": 2},
    ),
    "depthwise convolution": ("conv2d", (normal((2, 5, 4, 3)), normal((3, 3, 1, 6))), {"padding": 1, "groups": 3}),
    "convolution that keeps the size": (
        "conv2d",
        (normal((1, 7, 5, 2)), normal((4, 3, 2, 3))),
        {"stride": 2, "padding": "same", "dilation": (1, 2)},
    ),
    "convolution along time with every option": (
        "conv1d",
        (normal((2, 9, 4)), normal((3, 2, 6)), normal(6)),
        {"stride": 2, "padding": (2, 1), "dilation": 2, "groups": 2},
    ),
    "transposed convolution without a bias": ("conv_transpose2d", (normal((2, 3, 2, 4)), normal((2, 3, 4, 5))), {}),
    "attention in blocks, with bias, mask and scale": (
        "attention_chunked",
        (normal((2, 3, 4, 6)), normal((2, 3, 5, 6)), normal((2, 3, 5, 7)), normal((3, 1, 5))),
        {"mask": RNG.random((2, 1, 4, 5)) < 0.6, "scale": 0.7, "block_size": 2},
    ),
    "attention in blocks that looks back": (
        "attention_chunked",
        (normal((2, 3, 4)), normal((2, 5, 4)), normal((2, 5, 3))),
        {"causal": True, "block_size": 2},
    ),
    "cosine attention with a clamped scale, bias and mask": (
        "cosine_attention",
        (normal((2, 3, 4, 6)), normal((2, 3, 5, 6)), normal((2, 3, 5, 7)), LOG_SCALE, normal((3, 4, 5))),
        {"mask": RNG.random((2, 1, 4, 5)) < 0.6},
    ),
    "cosine attention of queries too short for a direction": (
        "cosine_attention",
        (normal((2, 3, 4)) * SHORT, normal((2, 5, 4)), normal((2, 5, 3)), LOG_SCALE[::2]),
        {},
    ),
    "additive attention of a masked batch": (
        "additive_attention",
        (normal((2, 4, 6)), normal((2, 5, 6)), normal((2, 5, 3)), normal(6)),
        {"mask": RNG.random((2, 4, 5)) < 0.6},
    ),
    "local attention with every option": (
        "local_attention",
        (normal((2, 3, 4, 2, 3)), normal((2, 6, 4, 2, 3)), normal((2, 6, 4, 2, 5)), normal((2, 6, 3)), normal((2, 6))),
        {"kernel_size": (2, 3), "stride": (2, 1), "padding": ((0, 0), (1, 1))},
    ),
    "local attention of content alone": (
        "local_attention",
        (normal((1, 3, 4, 2, 3)), normal((1, 3, 4, 2, 3)), normal((1, 3, 4, 2, 5))),
        {"kernel_size": 3, "padding": "same"},
    ),
    "stem attention with stride and padding": (
        "stem_attention",
        (normal((1, 2, 3, 2, 3)), normal((1, 4, 5, 2, 3)), normal((2, 1, 4, 5, 2, 4)), normal((2, 4))),
        {"kernel_size": 2, "stride": 2, "padding": (0, 1)},
    ),
    "split attention of more batch axes": ("split_attention", (normal((2, 2, 3, 4, 5)), normal((2, 2, 3, 5))), {}),
    "batch norm of maps": ("batch_norm", (normal((2, 3, 4, 5)), normal(5), normal(5)), {"eps": 0.1}),
    "group norm of maps": ("group_norm", (normal((2, 3, 4, 6)), normal(6), normal(6)), {"num_groups": 3, "eps": 0.1}),
    "group norm of one channel": ("group_norm", (normal((2, 3, 1)), normal(1), normal(1)), {"num_groups": 1}),
    "layer norm of samples, a scale for each place": (
        "layer_norm_sample",
        (normal((2, 3, 4)), normal((3, 4)), normal((3, 4))),
        {"eps": 0.1},
    ),
    "layer norm of samples, a scale for each channel": (
        "layer_norm_sample",
        (normal((2, 3, 4)), normal(4), normal(4)),
        {},
    ),
    "unit vectors, some too short for a direction": ("unit_vectors", (normal((2, 3, 4)) * SHORT,), {}),
    "unit norm with a large eps": ("unit_norm", (normal((2, 3, 4)),), {"eps": 0.5}),
    "kernels with eps beside the deviation, one of ones": (
        "weight_standardization",
        (np.concatenate([normal((2, 3, 4, 3)), np.ones((2, 3, 4, 1))], axis=-1),),
        {"eps": 0.1, "eps_beside": "deviation"},
    ),
    "sigmoid from -40 to 40": ("sigmoid", (np.linspace(-40, 40, 33)[:, None],), {}),
    "logarithms below a floor": ("log_floor", (RNG.random((2, 3, 4)) - 0.4,), {"floor": 0.1}),
    "stochastic depth": ("drop_path", (normal((5, 3, 4)),), {"rate": 0.5, "rng": np.random.default_rng(1)}),
    "stochastic depth without a generator": ("drop_path", (normal((2, 3, 4)),), {"rate": 0.5}),
    "shifted windows": ("window_partition", (normal((2, 8, 6, 3)),), {"window_size": (4, 3), "shift_size": (2, 1)}),
    **{
        f"shifted windows that do not divide the map, {words}": (
            "window_partition",
            (normal((2, 7, 5, 3)),),
            {"window_size": (4, 3), "shift_size": (2, 1), "pad_first": first},
        )
        for words, first in (("rolled first", False), ("filled first", True))
    },
    **{
        f"such windows put back, {words}": (
            "window_reverse",
            (normal((2, 4, 12, 3)),),
            {"map_size": (7, 5), "window_size": (4, 3), "shift_size": (2, 1), "pad_first": first},
        )
        for words, first in (("rolled first", False), ("filled first", True))
    },
    "patches merged on an odd map": ("merge_patches", (normal((2, 5, 3, 4)),), {}),
    "patches that are not square put back": (
        "unpatchify",
        (normal((2, 12, 30)),),
        {"img_size": (8, 9), "patch_size": (2, 3)},
    ),
    "positions of a window that is not square": (
        "relative_position_bias",
        (normal((15, 4)),),
        {"window_size": (2, 3)},
    ),
    "mean of windows that overlap": (
        "avg_pool2d",
        (normal((2, 7, 6, 3)),),
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": ((1, 0), (1, 1))},
    ),
    "largest of windows that keep the size": (
        "max_pool2d",
        (normal((2, 7, 6, 3)),),
        {"kernel_size": 3, "stride": 2, "padding": "same"},
    ),
    "a mean squared error of one number": ("mse", (normal((1,)), normal((1,))), {}),
    "largest of windows that touch": ("max_pool2d", (normal((2, 6, 6, 3)),), {"kernel_size": (3, 2)}),
    "split_heads of windows": ("split_heads", (normal((2, 3, 5, 12)),), {"num_heads": 4}),
    "merge_heads of windows": ("merge_heads", (normal((2, 3, 4, 5, 6)),), {}),
    "registers in front": ("prepend_token", (normal((2, 4, 5)), normal((1, 3, 5))), {}),
    "prepend_token without one": ("prepend_token", (normal((2, 3, 4)),), {}),
    "positions without a batch axis": ("add_positions", (normal((2, 3, 4)), normal((3, 4))), {}),
    "mean_pool of the tokens behind": ("mean_pool", (normal((2, 6, 3)),), {"num_prefix_tokens": 2}),
    "dropout": ("dropout", (normal((2, 3, 4)),), {"rate": 0.5, "rng": np.random.default_rng(1)}),
    "dropout without a generator": ("dropout", (normal((2, 3, 4)),), {"rate": 0.5}),
    "leaky_relu": ("leaky_relu", (normal((2, 3, 4)),), {"negative_slope": 0.2}),
    "patches that are not square": ("patchify", (normal((2, 8, 9, 5)),), {"patch_size": (2, 3)}),
    "gelu far from zero": ("gelu", (np.linspace(-12, 12, 97)[:, None],), {}),
    "soft targets of any sum": ("cross_entropy", (normal((2, 3, 4)), RNG.random((2, 3, 4))), {}),
    **{
        f"{name} from -40 to 40": (name, (np.linspace(-40, 40, 33)[:, None],), {})
        for name in ("gelu_tanh", "quick_gelu")
    },
}


class Recorded(NamedTuple):
    """Both ways of one call of an op."""

    label: str
    inputs: dict[str, np.ndarray]
    options: dict[str, str]
    cache: Any
    y: np.ndarray
    dy: np.ndarray
    grads: dict[str, np.ndarray]

    def backward(self, dy):
        """Gradients by name; those that are None are left out."""
        grads = EVERY_OP[self.label].backward(dy, self.cache)._asdict()
        return {name: grad for name, grad in grads.items() if grad is not None}

    def by_each(self):
        """Of each gradient the derivatives (y.size, ...) by each element of dy."""
        ones = np.eye(self.y.size).reshape(self.y.size, *self.y.shape)
        rows = [self.backward(one if self.y.ndim else float(one)) for one in ones]
        return {name: np.stack([row[name] for row in rows]) for name in rows[0]}

    def question(self, way, places):
        """What is asked in the page about elements of outputs, or of gradients."""
        losses = self.y.ndim == 0
        cache = dict(arrays_in(self.cache))
        if way == "forward":
            inputs, outputs, options = self.inputs, {"y": self.y}, self.options
        else:
            inputs = {} if losses else {"dy": self.dy}
            options = self.options | ({"dy": repr(np.float64(self.dy))} if losses else {})
            outputs = {f"d{name}": grad for name, grad in self.grads.items()}
        arrays = {"inputs": inputs, "cache": cache, "outputs": outputs}
        packed = {part: {name: in_memory(array) for name, array in nest.items()} for part, nest in arrays.items()}
        return {"label": self.label, "way": way, "arrays": packed, "options": options, "places": places}


def recorded(label, args, kwargs, lay=lambda array: array) -> Recorded:
    """Call both functions of an op with arrays that lie in memory as ``lay`` lays them."""
    op = EVERY_OP[label]
    bound = signature(op.forward).bind(*args, **kwargs)
    bound.apply_defaults()
    given = {name: value for name, value in bound.arguments.items() if value is not None}
    arrays = {name: lay(value) for name, value in given.items() if isinstance(value, np.ndarray)}
    y, cache = op.forward(**given | arrays)
    options = {name: repr(value) for name, value in given.items() if name not in {*arrays, "rng"}}
    y = np.asarray(y)
    dy = lay(np.random.default_rng(5).standard_normal(y.shape)) if y.ndim else np.asarray(0.7)
    call = Recorded(label, arrays, options, cache, y, dy, {})
    return call._replace(grads=call.backward(dy if y.ndim else float(dy)))


def in_memory(array):
    """An array as a page has it: the memory that it lies in, and where."""
    memory = owner(array)
    step = array.itemsize
    offset = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    return {
        "flat": b64encode(memory.ravel(order="K").astype("<f8").tobytes()).decode(),  # Playwright is slow with lists
        "shape": list(array.shape),
        "strides": [stride // step for stride in array.strides],
        "offset": offset // step,
    }


def some_places(shape, count=3):
    """So many indices, drawn at random, and the last."""
    rng = np.random.default_rng(3)
    last = [length - 1 for length in shape]
    return [[int(rng.integers(length)) for length in shape] for _ in range(count)] + [last]


def many_places(shape, most=60):
    """Every index, or of a large array so many, evenly spread."""
    every = [list(index) for index in np.ndindex(shape)]
    return every[:: -(-len(every) // most)]


def array_of(packed):
    """An array that came out of the page."""
    return np.frombuffer(b64decode(packed["flat"]), "<f8").reshape(packed["shape"])


def close(found, expected):
    """Equal to rounding."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def check_forward(ask, call, places_of=some_places):
    """The parts of elements of the output, or their derivatives, by each input."""
    places = places_of(call.y.shape)
    for place, found in zip(places, ask(call.question("forward", [["y", place] for place in places])), strict=True):
        one = np.zeros(call.y.shape)
        one[tuple(place)] = 1
        expected = call.backward(one if one.ndim else 1.0)
        assert set(found["of"]) == set(expected)
        for name, grad in expected.items():
            close(array_of(found["of"][name]), grad if name in found["slopes"] else grad * call.inputs[name])
        if call.label in SUMS:
            parts = [array_of(found["of"][name]).sum() for name in SUMS[call.label] if name in found["of"]]
            close(sum(parts), call.y[tuple(place)])
        assert found["number"] in found["words"]


def check_backward(ask, call, places_of=some_places):
    """The parts of elements of each gradient, each of them and their sum."""
    by_each = call.by_each()
    places = [[f"d{name}", place] for name, grad in call.grads.items() for place in places_of(grad.shape)]
    for (name, place), found in zip(places, ask(call.question("backward", places)), strict=True):
        at = tuple(place)
        parts = {part: array_of(of) for part, of in found["of"].items()}
        close(sum(part.sum() for part in parts.values()), call.grads[name[1:]][at])
        if call.y.ndim:
            rates = by_each[name[1:]][(slice(None), *at)].reshape(call.y.shape)
            assert set(parts) == {"dy"}
            close(parts["dy"], call.dy * rates)
        assert found["number"] in found["words"]


@pytest.fixture(scope="module")
def tab(browser):
    """A blank page with the script in it."""
    tab = browser.new_page()
    tab.set_content("<!doctype html><title>because</title>")
    tab.add_script_tag(content=f'"use strict";\n{NUMBERS}\n{SCRIPT}\n{ASKING}')
    return tab


@pytest.fixture(scope="module")
def ask(tab):
    """Asks the page what made some numbers."""
    return lambda question: tab.evaluate("question => ask(question)", question)


LAYOUTS = {
    "transposed": lambda array: array.T.copy().T,
    "every other": lambda array: np.repeat(array[..., None], 2, -1)[..., 1] if array.ndim else array,
    "backwards": lambda array: array[::-1].copy()[::-1] if array.ndim else array,
    "one for all": lambda array: np.broadcast_to(array[:1], array.shape) if array.ndim else array,
}


def drawn(label, seed) -> Case:
    """A case of the project's own."""
    return CASES[label](np.random.default_rng(seed))


@pytest.mark.parametrize("label", KNOWN)
def test_derivatives_and_parts_are_those_of_backward(ask, label):
    call = recorded(label, *drawn(label, 0))
    check_forward(ask, call, many_places)
    check_backward(ask, call, many_places)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("label", KNOWN)
def test_they_are_whatever_the_arrays_lie_in_memory_like(ask, label, layout):
    call = recorded(label, *drawn(label, 1), lay=LAYOUTS[layout])
    check_forward(ask, call)
    check_backward(ask, call)


@pytest.mark.parametrize("case", MORE)
def test_more_cases(ask, case):
    label, args, kwargs = MORE[case]
    call = recorded(label, args, kwargs)
    check_forward(ask, call)
    check_backward(ask, call)


def test_every_op_of_the_script_is_tested_and_is_one_of_ours(tab):
    assert sorted(tab.evaluate("Object.keys(KNOWN_OPS)")) == sorted(KNOWN)
    assert set(KNOWN) <= set(EVERY_OP)


def test_all_that_normalise_attend_or_are_of_one_number_are_known():
    """A new one is no exception."""
    activations = {name for name, op in EVERY_OP.items() if op.forward.__module__.endswith(".activations")}
    named = {name for name in EVERY_OP if re.search("attention|norm|conv|linear|softmax", name)}
    assert len(named) >= 18
    assert (named | activations) - set(KNOWN) == set()


@pytest.mark.parametrize("label", KNOWN)
def test_parts_are_of_what_the_op_is_linear_in(ask, label):
    """Twice as much of one input adds its parts once more, to every number; of slopes it does not hold."""
    args, kwargs = drawn(label, 0)
    call = recorded(label, args, kwargs)
    places = many_places(call.y.shape, 10)
    found = ask(call.question("forward", [["y", place] for place in places]))
    for name, given in zip(signature(EVERY_OP[label].forward).parameters, args, strict=False):
        if name in found[0]["of"]:
            twice = [2 * array if array is given else array for array in args]
            more = recorded(label, twice, kwargs).y - call.y
            parts = [array_of(each["of"][name]).sum() for each in found]
            expected = [more[tuple(place)] for place in places]
            is_linear = np.allclose(parts, expected, rtol=1e-9, atol=1e-12)
            assert is_linear == (name not in found[0]["slopes"]), name


def test_what_is_not_known_is_nothing(ask):
    question = recorded("linear", *drawn("linear", 0)).question("forward", [["y", [0, 0]]])
    for label in ("fourier_features", "constructor", "no_op"):
        assert ask(question | {"label": label}) == [None]
    assert ask(question | {"way": "backward", "places": [["y", [0, 0]]]}) == [None]


def test_the_largest_products_are_named(ask):
    x, weight = np.array([[1.0, -5, 2, 0.1]]), np.array([[3.0], [2], [1], [1]])
    (found,) = ask(recorded("linear", (x, weight, np.array([0.25])), {}).question("forward", [["y", [0, 0]]]))
    assert found["words"] == (
        "y[0, 0] = -4.650: the sum of 4 products x × weight; the largest are x[0, 1] × 2 = -10, "
        "x[0, 0] × 3 = 3, x[0, 2] × 1 = 2, plus bias[0] = 0.2500."
    )


def test_what_is_kept_in_part_or_not_at_all_is_said(ask):
    question = recorded("linear", *drawn("linear", 0)).question("forward", [["y", [0, 0]]])
    question["arrays"]["cache"]["weight"]["cropped"] = True
    (found,) = ask(question)
    assert found["of"] == {}
    assert "cannot be computed from a corner of weight" in found["words"]
    del question["arrays"]["cache"]["weight"]
    (found,) = ask(question)
    assert found["of"] == {}
    assert "cannot be computed without weight" in found["words"]


def test_an_option_that_is_not_kept_is_said(ask):
    question = recorded("mean_pool", (np.ones((2, 3, 4)),), {}).question("backward", [["dx", [0, 0, 0]]])
    (found,) = ask(question | {"options": {}})
    assert found["of"] == {}
    assert "cannot be computed without num_prefix_tokens" in found["words"]


def test_the_cotangent_of_a_loss_may_be_kept_as_an_array(ask):
    call = recorded("cross_entropy", *drawn("cross_entropy", 0))
    question = call.question("backward", [["dlogits", [0] * call.grads["logits"].ndim]])
    question["arrays"]["inputs"] = {"dy": in_memory(np.array(0.7))}
    from_options = ask(call.question("backward", question["places"]))
    assert ask(question | {"options": {}}) == from_options


def test_no_other_script_of_the_page_has_its_names():
    """They are pasted one behind the other: of two functions with one name the first would be lost."""

    def names(text):
        return set(re.findall(r"^(?:async )?(?:function|const|let|class) (\w+)", text, re.M))

    for path in PAGE.glob("*.js"):
        if path.stem not in ANSWERS:
            assert not names(SCRIPT) & names(path.read_text(encoding="utf-8"))
