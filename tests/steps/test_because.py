"""What the page says made a number, held to backward: `pytest -m browser -n 0 tests/steps/test_because.py`.

The script of the page runs in Chromium or Chrome. What it returns for an element of an output is held to backward of a
cotangent that is 1 there and 0 elsewhere; what it returns for an element of a gradient, to the same for each place.
"""

import re
from inspect import signature
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from minivit.caches import owner
from minivit.check import CASES, Case
from minivit.every_op import EVERY_OP
from minivit.nests import named_leaves

pytestmark = pytest.mark.browser

PAGE = Path(__file__).parents[2] / "minivit" / "steps" / "web"
SCRIPTS = ("numbers", "because", "attention_rates", "rates")
SCRIPT = "\n".join((PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)

ASKING = """
class Strided {
    constructor({flat, ...place}) { Object.assign(this, {flat: Float64Array.from(flat), ...place}); }
    at(index) { return this.flat[index.reduce((at, n, axis) => at + n * this.strides[axis], this.offset)]; }
}
function ask({label, way, arrays, options, places}) {
    const made = nest => Object.fromEntries(Object.entries(nest).map(([name, array]) => [name, new Strided(array)]));
    const all = Object.fromEntries(Object.entries(arrays).map(([part, nest]) => [part, made(nest)]));
    return places.map(([name, index]) => {
        const found = whatMade(label, way, all, options, name, index);
        if (!found) return null;
        const of = Object.entries(found.of).map(([input, {flat, shape}]) => [input, {flat: [...flat], shape}]);
        const number = inDigits(all.outputs[name].at(index));
        return {of: Object.fromEntries(of), slopes: found.slopes, words: found.words, number};
    });
}
"""

KNOWN = [
    *("linear", "conv2d", "conv1d", "embedding", "scaled_similarities", "spatial_gating", "softmax", "log_softmax"),
    *("attention", "multi_head_attention", "cosine_attention", "additive_attention", "local_attention"),
    *("layer_norm", "rms_norm", "batch_norm", "group_norm", "layer_norm_sample", "unit_norm", "unit_vectors"),
    *("gelu", "gelu_tanh", "quick_gelu", "relu", "leaky_relu", "sigmoid", "tanh", "layer_scale", "affine"),
    *("dropout", "drop_path", "add_positions", "relative_position_bias", "prepend_token", "prepend_mean"),
    *("first_token", "pick_token", "prefix_tokens", "patch_tokens", "mean_pool", "avg_pool2d", "max_pool2d"),
    *("patchify", "unpatchify", "merge_patches", "window_partition", "window_reverse", "pixel_shuffle"),
    *("upsample_nearest", "split_heads", "merge_heads", "cross_entropy", "mse", "l1", "charbonnier"),
]

SUMS = {
    **dict.fromkeys(("linear", "conv2d", "conv1d"), ("x", "bias")),
    **dict.fromkeys(("layer_scale", "relu", "leaky_relu", "dropout", "drop_path", "mean_pool", "avg_pool2d"), ("x",)),
    **dict.fromkeys(("patchify", "window_partition", "window_reverse", "merge_patches", "prepend_mean"), ("x",)),
    "affine": ("x", "beta"),
    "add_positions": ("x", "positions"),
    "embedding": ("table",),
}
"""Ops whose output is the sum of what these inputs give."""

RNG = np.random.default_rng(0)
normal = RNG.standard_normal

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
    "conv2d of three groups": (
        "conv2d",
        (normal((2, 7, 6, 6)), normal((3, 2, 2, 9)), normal(9)),
        {"groups": 3, "stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2)},
    ),
    "a depthwise conv2d": ("conv2d", (normal((2, 5, 6, 4)), normal((3, 3, 1, 4))), {"groups": 4, "padding": 1}),
    "a conv2d as TensorFlow fills up": (
        "conv2d",
        (normal((1, 6, 7, 2)), normal((4, 3, 2, 3))),
        {"stride": 2, "padding": "same"},
    ),
    "conv1d of two groups": (
        "conv1d",
        (normal((2, 9, 4)), normal((3, 2, 6)), normal(6)),
        {"groups": 2, "stride": 2, "padding": (3, 1), "dilation": 2},
    ),
    "cosines of a clamped head, with bias and mask": (
        "cosine_attention",
        (
            normal((2, 2, 3, 4)),
            normal((2, 2, 5, 4)),
            normal((2, 2, 5, 3)),
            np.log([[[1e3]], [[2.0]]]),
            normal((2, 3, 5)),
        ),
        {"mask": RNG.random((2, 1, 3, 5)) < 0.6},
    ),
    "additive attention with a mask": (
        "additive_attention",
        (normal((2, 3, 4)), normal((2, 5, 4)), normal((2, 5, 2)), normal(4)),
        {"mask": RNG.random((3, 5)) < 0.6},
    ),
    "local attention with all tables": (
        "local_attention",
        (normal((2, 3, 2, 2, 4)), normal((2, 5, 4, 2, 4)), normal((2, 5, 4, 2, 3)), normal((2, 9, 4)), normal((2, 9))),
        {"kernel_size": 3, "stride": 2, "padding": "same"},
    ),
    "batch_norm of maps": ("batch_norm", (normal((2, 3, 4, 5)), normal(5), normal(5)), {"eps": 0.1}),
    "group_norm of one group": ("group_norm", (normal((2, 3, 6)), normal(6), normal(6)), {"num_groups": 1}),
    "unit_vectors of no length": ("unit_vectors", (np.eye(3) * [0, 1e-13, 2],), {}),
    "unit_norm of short vectors": ("unit_norm", (normal((4, 3)) * 0.1,), {"eps": 0.5}),
    "drop_path": ("drop_path", (normal((6, 3, 4)),), {"rate": 0.5, "rng": np.random.default_rng(1)}),
    "windows that move and do not divide": (
        "window_partition",
        (normal((2, 5, 7, 2)),),
        {"window_size": (3, 2), "shift_size": (1, 1)},
    ),
    "windows that move on a map filled up": (
        "window_partition",
        (normal((2, 5, 7, 2)),),
        {"window_size": (3, 2), "shift_size": (1, 1), "pad_first": True},
    ),
    "windows that moved, and back": (
        "window_reverse",
        (normal((2, 8, 6, 2)),),
        {"map_size": (5, 7), "window_size": (3, 2), "shift_size": (1, 1)},
    ),
    "windows that moved on a map filled up, and back": (
        "window_reverse",
        (normal((2, 8, 6, 2)),),
        {"map_size": (5, 7), "window_size": (3, 2), "shift_size": (1, 1), "pad_first": True},
    ),
    "merge_patches of an odd map": ("merge_patches", (normal((2, 5, 3, 2)),), {}),
    "avg_pool2d with padding": ("avg_pool2d", (normal((2, 6, 5, 2)),), {"kernel_size": (3, 2), "padding": (1, 0)}),
    "max_pool2d of windows that overlap": (
        "max_pool2d",
        (normal((2, 6, 5, 2)),),
        {"kernel_size": 3, "stride": 2, "padding": 1},
    ),
    "tokens that are picked": ("pick_token", (normal((3, 4, 2)),), {"places": np.array([3, 0, 3])}),
    "a mean squared error of one number": ("mse", (normal((1,)), normal((1,))), {}),
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
        cache = {name: value for name, value in named_leaves(self.cache) if isinstance(value, np.ndarray)}
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
        "flat": memory.ravel(order="K").astype(float).tolist(),
        "shape": list(array.shape),
        "strides": [stride // step for stride in array.strides],
        "offset": offset // step,
    }


def some_places(shape, count=3):
    """So many indices, drawn at random, and the last."""
    rng = np.random.default_rng(3)
    last = [length - 1 for length in shape]
    return [[int(rng.integers(length)) for length in shape] for _ in range(count)] + [last]


def array_of(packed):
    """An array that came out of the page."""
    return np.array(packed["flat"]).reshape(packed["shape"])


def close(found, expected):
    """Equal to rounding."""
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def check_forward(ask, call):
    """What each input gives to some elements of the output, or their derivatives by it."""
    places = some_places(call.y.shape)
    for place, found in zip(places, ask(call.question("forward", [["y", place] for place in places])), strict=True):
        one = np.zeros(call.y.shape)
        one[tuple(place)] = 1
        expected = call.backward(one if one.ndim else 1.0)
        assert set(found["of"]) == set(expected)
        for name, grad in expected.items():
            slope = name in found["slopes"]
            close(array_of(found["of"][name]), grad if slope else grad * call.inputs[name])
        if call.label in SUMS:
            assert not found["slopes"]
            shares = sum(array_of(found["of"][name]).sum() for name in SUMS[call.label] if name in found["of"])
            close(shares, call.y[tuple(place)])
        assert found["number"] in found["words"]


def check_backward(ask, call):
    """The parts of some elements of each gradient, each of them and their sum."""
    by_each = call.by_each()
    places = [[f"d{name}", place] for name, grad in call.grads.items() for place in some_places(grad.shape)]
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
    tab.add_script_tag(content=f'"use strict";\n{SCRIPT}\n{ASKING}')
    return tab


@pytest.fixture(scope="module")
def ask(tab):
    """Asks the page what made some numbers."""
    return lambda question: tab.evaluate("question => ask(question)", question)


LAYOUTS = {
    "in order": lambda array: array,
    "transposed": lambda array: array.T.copy().T,
    "every other": lambda array: np.repeat(array[..., None], 2, -1)[..., 1] if array.ndim else array,
    "backwards": lambda array: array[::-1].copy()[::-1] if array.ndim else array,
    "one for all": lambda array: np.broadcast_to(array[:1], array.shape) if array.ndim else array,
}


def drawn(label, seed) -> Case:
    """A case of the project's own."""
    return CASES[label](np.random.default_rng(seed))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("label", KNOWN)
def test_derivatives_and_parts_are_those_of_backward(ask, label, layout):
    for seed in (0, 1):
        call = recorded(label, *drawn(label, seed), lay=LAYOUTS[layout])
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


def test_what_is_not_known_is_nothing(ask):
    question = recorded("linear", *drawn("linear", 0)).question("forward", [["y", [0, 0]]])
    for label in ("gru", "constructor", "no_op"):
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
        if path.stem not in SCRIPTS:
            assert not names(SCRIPT) & names(path.read_text(encoding="utf-8"))
