"""Optimizers: the trajectories of PyTorch, which parameters decay, and the clipping of gradients."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minivit.layers.initial import ones
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.train import SGD, Adam, AdamW, Optimizer, adam_update, adamw_update, clip_grad_norm, sgd_update
from tests.train.small import assert_same_bits, small_batch, small_model

FIXTURES = Path(__file__).parents[1] / "fixtures"


class Bag(Layer):
    """A layer that is nothing but its parameters."""

    def __init__(self, values: list[np.ndarray]) -> None:
        for i, value in enumerate(values):
            axes = "out" if value.ndim == 1 else "place " * (value.ndim - 2) + "in out"
            setattr(self, f"p{i}", Param(value.shape, axes, lambda rng, param, value=value: value))
        self.init(dtype=values[0].dtype)


def read(name: str) -> tuple[dict[str, np.ndarray], dict]:
    with np.load(FIXTURES / f"{name}.npz") as file:
        arrays = dict(file)
    return arrays, json.loads(arrays.pop("__meta__").tobytes())


@pytest.mark.parametrize(("name", "kind"), [("optim_adam", Adam), ("optim_adamw", AdamW), ("optim_sgd", SGD)])
def test_six_steps_of_pytorch(name: str, kind: Any) -> None:
    arrays, meta = read(name)
    options: dict[str, Any] = {k: v for k, v in meta["config"].items() if k != "nesterov"}
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    bag = Bag([arrays[f"p0/{i}"] for i in range(3)])
    optimizer = kind(bag, decays=lambda name, param: True, **options)
    for t in range(6):
        for i, param in enumerate(bag.params):
            param.grad = arrays[f"g{t}/{i}"]
        optimizer.step()
        for i, param in enumerate(bag.params):
            np.testing.assert_allclose(param.value, arrays[f"p{t + 1}/{i}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [AdamW, Adam, SGD])
def test_decay_shrinks_matrices_only(kind: Any) -> None:
    model = small_model(dtype="float64")
    for param in model.params:
        param.value = 1 + np.zeros(param.shape)
    kind(model, lr=0.1, weight_decay=0.5).step()  # every gradient is zero
    shrunk = {name for name, param in model.named_params().items() if (param.value < 1).all()}
    kept = {name for name, param in model.named_params().items() if (param.value == 1).all()}
    assert shrunk | kept == model.named_params().keys()
    assert shrunk == {name for name in model.named_params() if name.endswith("weight") and "norm" not in name}
    assert {"cls_token", "pos_embed", "norm.weight", "head.bias"} <= kept


def test_axes_and_not_their_number_decide_what_decays() -> None:
    layer = Layer()
    axes = {"kernel": "row column in out", "depthwise": "row column in out", "table": "offset head", "scale": "out"}
    for name, names in axes.items():
        setattr(layer, name, Param((2,) * len(names.split()), names, ones))
    SGD(layer.init(), lr=0.1, weight_decay=0.5).step()
    shrunk = {name for name, param in layer.named_params().items() if (param.value < 1).all()}
    assert shrunk == {"kernel", "depthwise"}


def test_adamw_decays_at_one_rate_whatever_the_gradient() -> None:
    bag = Bag([np.full((2, 3), 4.0)])
    AdamW(bag, lr=0.1, weight_decay=0.5).step()
    np.testing.assert_allclose(bag.params[0].value, 4 * (1 - 0.1 * 0.5), rtol=1e-15)


def test_the_first_step_of_adam_is_lr_long() -> None:
    """Whatever the size of the gradient: this is what the correction of m and v is for."""
    for size in (1e-3, 1.0, 1e3):
        bag = Bag([np.zeros(3)])
        bag.params[0].grad = size * np.array([1.0, -1.0, 2.0])
        Adam(bag, lr=0.01).step()
        np.testing.assert_allclose(bag.params[0].value, [-0.01, 0.01, -0.01], rtol=1e-4)


@pytest.mark.parametrize("kind", [AdamW, Adam, SGD])
def test_float32_stays_float32(kind: Any) -> None:
    model = small_model()
    optimizer = kind(model)
    optimizer.step()
    assert {param.value.dtype for param in model.params} == {np.dtype("float32")}
    assert {array.dtype for array in optimizer.state.values()} == {np.dtype("float32")}


def random_steps(model: Layer, optimizer: Optimizer, steps: range) -> None:
    for t in steps:
        for param in model.params:
            param.grad = np.random.default_rng(t).standard_normal(param.shape)
        optimizer.step()


@pytest.mark.parametrize("kind", [AdamW, Adam, SGD])
def test_state_comes_back(kind: Any) -> None:
    """Three steps, a copy of the state, three more: the same bits as six steps."""
    model, again = small_model(), small_model(seed=1)
    optimizer, other = kind(model), kind(again)
    random_steps(model, optimizer, range(3))
    again.load_state_dict(model.state_dict())
    other.load_state_dict({name: array.copy() for name, array in optimizer.state_dict().items()})
    random_steps(model, optimizer, range(3, 6))
    random_steps(again, other, range(3, 6))
    assert_same_bits(model.state_dict(), again.state_dict())
    assert_same_bits(optimizer.state_dict(), other.state_dict())


def test_the_state_of_another_model_is_refused() -> None:
    state = AdamW(small_model()).state_dict()
    with pytest.raises(KeyError, match="has no place in this model"):
        AdamW(small_model(depth=1)).load_state_dict(state)
    with pytest.raises(ValueError, match=r"expects \(16, 16\)"):
        AdamW(small_model(embed_dim=16, num_heads=4)).load_state_dict(
            {**AdamW(small_model(embed_dim=16, num_heads=4)).state_dict(), "m.blocks.0.attn.proj.weight": np.ones(3)}
        )


@pytest.mark.parametrize("kind", [AdamW, Adam, SGD])
def test_a_state_that_is_none_changes_nothing(kind: Any) -> None:
    optimizer = kind(small_model())
    state = optimizer.state_dict()
    name = [*state][-1]
    for wrong, message in [
        ({name: state[name] * 1j}, "has dtype complex64; expected real numbers"),
        ({name: np.full(state[name].shape, None)}, "has dtype object; expected real numbers"),
        ({name: np.full(state[name].shape, "1.5")}, "has dtype <U3; expected real numbers"),
        ({"steps": np.array(-3)}, "steps is -3; expected at least 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimizer.load_state_dict({**state, "steps": np.array(5), **wrong})
        assert_same_bits(optimizer.state_dict(), state)
    optimizer.load_state_dict({key: array.astype(float) for key, array in state.items()})
    assert optimizer.state[name].dtype == np.float32


@pytest.mark.parametrize("lr", [-1e-3, np.nan, np.inf])
def test_a_rate_that_is_set_later_is_checked_too(lr: float) -> None:
    model = small_model()
    before, optimizer = model.state_dict(), SGD(model)
    optimizer.lr = lr
    with pytest.raises(ValueError, match=f"lr is {lr}; expected at least 0 and finite"):
        optimizer.step()
    assert_same_bits(model.state_dict(), before)


def test_the_rules_say_what_they_want() -> None:
    ones, wrong = np.ones(3), np.ones(1)
    for arrays in [(wrong, ones, ones, ones), (ones, wrong, ones, ones), (ones, ones, ones, wrong)]:
        for rule in (adam_update, adamw_update):
            with pytest.raises(ValueError, match=rf"^{rule.__name__}: .* has shape .*, with \.\.\. as in value"):
                rule(*arrays, 1, lr=0.1)
    with pytest.raises(ValueError, match=r"sgd_update: grad has shape \(1,\)"):
        sgd_update(ones, wrong, ones, lr=0.1)
    for step, betas in [(0, (0.9, 0.999)), (-1, (0.9, 0.999)), (1, (1.0, 0.999)), (1, (0.9, 2.0)), (1, (np.nan, 0.9))]:
        with pytest.raises(ValueError, match=f"adam_update: step is {step}, betas are .*; expected"):
            adam_update(ones, ones, ones, ones, step, lr=0.1, betas=betas)


def test_clipping_is_pytorchs() -> None:
    arrays, meta = read("optim_clip")
    bag = Bag([np.zeros_like(arrays[f"g/{i}"]) for i in range(2)])
    for i, param in enumerate(bag.params):
        param.grad = arrays[f"g/{i}"].copy()
    norm = clip_grad_norm(bag.params, meta["max_norm"])
    assert norm == pytest.approx(float(arrays["norm"]), rel=1e-12)
    for i, param in enumerate(bag.params):
        np.testing.assert_allclose(param.grad, arrays[f"clipped/{i}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("max_norm", [5.1, np.inf])
def test_a_short_gradient_is_not_clipped(max_norm: float) -> None:
    bag = Bag([np.zeros(1), np.zeros(1)])
    bag.params[0].grad, bag.params[1].grad = np.array([3.0]), np.array([-4.0])
    assert clip_grad_norm(bag.params, max_norm) == 5
    assert [param.grad[0] for param in bag.params] == [3, -4]


def test_the_norm_of_large_float32_gradients_is_finite() -> None:
    """Their squares do not fit float32."""
    bag = Bag([np.zeros(2, np.float32)])
    bag.params[0].grad = np.array([3e25, 4e25], np.float32)
    assert clip_grad_norm(bag.params, 1.0) == pytest.approx(5e25, rel=1e-6)
    np.testing.assert_allclose(bag.params[0].grad, [0.6, 0.8], rtol=1e-6)


def test_replicas_see_the_step() -> None:
    """Values are written in place, so the threads' replicas never train on old weights."""
    model = small_model()
    replica = model.replica()
    before = replica.named_params()["head.weight"].value.copy()
    images, _ = small_batch(2)
    logits, cache = model.forward(images)
    model.backward(np.ones_like(logits), cache)
    AdamW(model).step()
    assert not np.array_equal(before, replica.named_params()["head.weight"].value)
    assert_same_bits(model.state_dict(), replica.state_dict())


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (kind, {name: value}, f"{name} is {value}; expected at least 0 and finite")
        for kind in (AdamW, Adam, SGD)
        for name in ("lr", "weight_decay")
        for value in (-1e-3, np.nan, np.inf)
    ]
    + [
        (AdamW, {"betas": (0.9, 1.0)}, r"betas\[1\] is 1.0; expected at least 0 and below 1"),
        (Adam, {"betas": (-0.1, 0.9)}, r"betas\[0\] is -0.1; expected at least 0 and below 1"),
        (AdamW, {"eps": -1e-8}, "eps is -1e-08; expected above 0 and finite"),
        (Adam, {"eps": 0.0}, "eps is 0.0; expected above 0 and finite"),  # nan, where a gradient is 0
        (SGD, {"momentum": 1.0}, "momentum is 1.0; expected at least 0 and below 1"),
    ],
)
def test_options_out_of_range(kind: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind(small_model(), **options)


def test_options_of_another_type() -> None:
    with pytest.raises(TypeError, match="AdamW: lr is '1e-3'; expected float"):
        AdamW(small_model(), lr="1e-3")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"Adam: betas is 0.9; expected \(float, float\)"):
        Adam(small_model(), betas=0.9)  # type: ignore[arg-type]
