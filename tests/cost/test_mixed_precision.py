from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.cost.formats import round_to
from minivit.cost.mixed_precision import (
    Rounded,
    low_matmul,
    mixed_matmul,
    mixed_precision_step,
    relative_error,
    rounded,
    underflow,
)
from minivit.layers import Layer, Linear
from minivit.tasks import Classification
from minivit.train import AdamW, training_step

TINY = {"img_size": 8, "patch_size": 4, "num_classes": 3, "embed_dim": 8, "depth": 2, "num_heads": 2, "mlp_ratio": 2.0}
LOW = ["tf32", "bf16", "fp16", "fp8_e4m3", "fp8_e5m2"]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def batch(rng):
    return rng.standard_normal((7, 8, 8, 3)).astype(np.float32), np.arange(7) % 3


def build(format, **options):
    return rounded(mv.models.ViT(**TINY, **options), format)


def step(model, batch, **options):
    return mixed_precision_step(model, *batch, optimizer=AdamW(model, lr=0.01), task=Classification(), **options)


def holds(array, format):
    """Whether every number of an array is one of the format."""
    return np.array_equal(array, round_to(array, format))


@pytest.mark.parametrize("format", LOW)
def test_a_mixed_product_is_that_of_rounded_factors_in_float32(format, rng):
    a, b = rng.standard_normal((2, 5, 11)), rng.standard_normal((2, 11, 3))
    exact = round_to(a, format) @ round_to(b, format)  # in float64
    y = mixed_matmul(a, b, format)
    assert (y.shape, y.dtype) == ((2, 5, 3), np.float64)
    np.testing.assert_allclose(y, exact, atol=1e-6)
    assert holds(y, "fp32")
    assert mixed_matmul(a.astype("f4"), b.astype("f4"), format).dtype == np.float32


@pytest.mark.parametrize("format", LOW)
def test_a_low_product_is_the_sum_of_one_number_after_the_other(format, rng):
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 9), (9, 2)))
    expected = np.zeros((3, 2))
    for n in range(3):
        for m in range(2):
            for k in range(9):
                product = float(round_to(a[n, k], format)) * float(round_to(b[k, m], format))
                expected[n, m] = round_to(expected[n, m] + product, format)
    np.testing.assert_array_equal(low_matmul(a, b, format), expected)


def test_products_of_numbers_of_a_low_format_are_exact_in_float32(rng):
    for format in LOW:
        a, b = (round_to(rng.standard_normal(1000).astype(np.float32), format) for _ in range(2))
        np.testing.assert_array_equal(a * b, a.astype(float) * b.astype(float))


def test_a_low_sum_of_ones_stands_still_where_its_numbers_are_2_apart():
    ones = np.ones((1, 300), np.float32)
    assert mixed_matmul(ones, ones.T, "bf16") == low_matmul(ones, ones.T, "fp16") == 300
    assert low_matmul(ones, ones.T, "bf16") == 256
    assert low_matmul(ones[:, :20], ones[:, :20].T, "fp8_e4m3") == 16
    assert low_matmul(ones[:, :20], ones[:, :20].T, "fp8_e5m2") == 8


def test_the_error_of_low_sums_grows_with_their_length_and_that_of_mixed_ones_does_not(rng):
    def error(product, length):
        a, b = (rng.random(shape, np.float32) for shape in ((8, length), (length, 8)))
        return relative_error(product(a, b, "bf16"), a.astype(float) @ b.astype(float))

    assert error(mixed_matmul, 512) < error(mixed_matmul, 16)  # errors of factors have either sign
    assert error(low_matmul, 512) > 10 * error(low_matmul, 16)


def test_no_rows_and_sums_too_large():
    for product in (mixed_matmul, low_matmul):
        assert product(np.zeros((2, 0, 3)), np.ones((2, 3, 4)), "fp16").shape == (2, 0, 4)
    large = np.full((1, 2), 60000, np.float32)
    assert low_matmul(large, np.ones((2, 1), np.float32), "fp16") == np.inf
    assert mixed_matmul(large, np.ones((2, 1), np.float32), "fp16") == 120000


def test_products_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="b has shape"):
        mixed_matmul(np.zeros((2, 3)), np.zeros((4, 2)), "bf16")
    with pytest.raises(ValueError, match="format is 'fp64'; expected one that float32 holds"):
        mixed_matmul(np.zeros((2, 3)), np.zeros((3, 2)), "fp64")
    with pytest.raises(ValueError, match="format is 'half'; expected one of fp64"):
        low_matmul(np.zeros((2, 3)), np.zeros((3, 2)), "half")


def test_relative_error():
    assert relative_error(np.array([3.0, 5.0]), np.array([3.0, 4.0])) == 0.2
    assert relative_error(np.array([4.0], np.float32), np.array([3.0])) == 1 / 3
    with pytest.raises(ValueError, match=r"y has shape \(1,\); expected \(2,\)"):
        relative_error(np.zeros(1), np.ones(2))


def test_underflow_is_a_share_of_what_was_not_zero():
    x = np.array([0, 1, 2.0**-24, -(2.0**-25), 2.0**-30])  # a half of the smallest is rounded to the even 0
    assert underflow(x, "fp16") == 0.5
    assert underflow(x, "fp16", scale=2.0**6) == 0
    assert underflow(x, "bf16") == 0
    assert underflow(np.zeros(3), "fp16") == underflow(np.zeros(0), "fp16") == 0


@pytest.mark.parametrize("format", LOW)
def test_all_that_goes_in_and_out_of_a_rounded_layer_is_rounded(format, rng):
    layer = Rounded(Linear(6, 4).init(), format)
    x, dy = (rng.standard_normal((5, n)).astype(np.float32) for n in (6, 4))
    y, cache = layer.forward(x)
    dx = layer.backward(dy, cache)
    weight, bias = (param.value.copy() for param in layer.params)
    assert all(holds(array, format) for array in (y, dx, cache.x, cache.weight, *(p.grad for p in layer.params)))
    assert not holds(weight, format)  # the master weights are as they were
    np.testing.assert_array_equal(cache.x, round_to(x, format))
    np.testing.assert_array_equal(cache.weight, round_to(weight, format))
    np.testing.assert_array_equal(y, round_to(cache.x @ cache.weight + bias, format))
    np.testing.assert_array_equal(dx, round_to(round_to(dy, format) @ cache.weight.T, format))
    before = [param.grad.copy() for param in layer.params]
    layer.backward(dy, cache)
    for param, grad in zip(layer.params, before, strict=True):
        np.testing.assert_array_equal(param.grad, 2 * grad)


def test_a_rounded_model_has_the_names_and_shares_the_values_of_the_model():
    model = mv.models.ViT(**TINY)
    low = rounded(model, "bf16")
    assert [*low.named_params()] == [*model.named_params()]
    assert all(param.value is model.named_params()[name].value for name, param in low.named_params().items())
    assert isinstance(low.blocks[1].mlp.fc1, Rounded)
    assert isinstance(low.patch_embed.proj, Rounded)
    assert isinstance(model.blocks[1].mlp.fc1, Linear)  # the model is as it was
    with pytest.raises(ValueError, match="expected one of fp64"):
        rounded(model, "half")


def test_parameters_and_layers_that_stand_in_two_places_stay_one():
    class Twice(Layer):
        def __init__(self):
            self.first, self.second = Linear(3, 3), Linear(3, 3)
            self.second.weight = self.first.weight
            self.again = [self.first]

    low: Any = rounded(Twice().init(), "bf16")
    assert [*low.named_params()] == ["first.weight", "first.bias", "second.bias"]
    assert len({id(layer.layer.weight) for layer in (low.first, low.second, *low.again)}) == 1
    assert isinstance(rounded(Linear(2, 2).init(), "bf16"), Rounded)


def test_a_model_that_recomputes_gives_the_same_step(batch):
    model, light = build("fp16"), build("fp16", grad_checkpointing=True)
    assert step(model, batch) == step(light, batch)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(light.state_dict()[name], value)


@pytest.mark.parametrize("loss_scale", [1.0, 2.0**12])
def test_in_fp32_a_step_is_the_training_step(batch, loss_scale):
    model, low = mv.models.ViT(**TINY), build("fp32")
    loss = training_step(model, *batch, optimizer=AdamW(model, lr=0.01), threads=1)
    assert step(low, batch, loss_scale=loss_scale) == (loss, True)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(low.state_dict()[name], value)


def test_a_rounded_model_can_take_training_steps(batch):
    """It is a layer as any other: replicas, shards and all."""
    model, low = build("bf16"), build("bf16")
    loss = training_step(model, *batch, optimizer=AdamW(model, lr=0.01), threads=1)
    assert step(low, batch) == (loss, True)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(low.state_dict()[name], value)


def test_updates_that_a_low_format_cannot_hold_are_kept_in_the_master_weights(batch):
    model = build("bf16")
    weight = model.named_params()["blocks.0.mlp.fc1.weight"]
    before = weight.value.copy()
    mixed_precision_step(model, *batch, optimizer=AdamW(model, lr=1e-5), task=Classification())
    assert (weight.value != before).all()
    same = round_to(weight.value, "bf16") == round_to(before, "bf16")
    assert same.mean() > 0.9


def test_small_gradients_vanish_in_fp16_and_loss_scaling_keeps_them(batch):
    """The loss is as much smaller as a mean over so many more numbers would make it."""

    class Faint(Classification):
        def backward(self, dloss, cache):
            return super().backward(dloss * np.float32(2.0**-20), cache)

    def gradient(format, loss_scale):
        model = build(format)
        mixed_precision_step(model, *batch, optimizer=AdamW(model, lr=0.0), task=Faint(), loss_scale=loss_scale)
        return np.concatenate([param.grad.ravel() for param in model.params])

    exact = gradient("fp32", 1.0)
    assert underflow(exact, "fp16") > 0.5
    assert underflow(exact, "fp16", scale=2.0**20) < 0.01
    assert relative_error(gradient("fp16", 1.0), exact) > 0.3
    assert relative_error(gradient("fp16", 2.0**20), exact) < 0.01
    assert relative_error(gradient("bf16", 1.0), exact) < 0.05


def test_a_step_whose_gradient_overflows_is_left_out(batch):
    model = build("fp16")
    before = model.state_dict()
    loss, made = step(model, batch, loss_scale=2.0**24)
    assert np.isfinite(loss)
    assert not made
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert step(model, batch).made


def test_a_scale_that_is_none_is_refused(batch):
    for loss_scale in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="loss_scale is"):
            step(build("fp16"), batch, loss_scale=loss_scale)


@pytest.mark.parametrize("format", ["bf16", "fp16"])
def test_low_formats_learn(batch, format):
    model = build(format)
    optimizer = AdamW(model, lr=0.01)
    options = {"optimizer": optimizer, "task": Classification(), "loss_scale": 2.0**10}
    losses = [mixed_precision_step(model, *batch, **options).loss for _ in range(12)]
    assert losses[-1] < 0.5 * losses[0]
