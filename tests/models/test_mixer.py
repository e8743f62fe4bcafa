from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Identity, MixerBlock, channel_mixing_conv, token_mixing_conv
from minivit.models import PRESETS, Mixer, create_model
from tests import facts

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (4, 6),
    "patch_size": 2,
    "in_chans": 3,
    "num_classes": 5,
    "num_blocks": 2,
    "embed_dim": 8,
    "mlp_ratio": (0.5, 1.5),
}
IMAGES = RNG.standard_normal((2, 4, 6, 3))
N, D, E, F, L, CLASSES = 64, 128, 64, 512, 8, 10  # of mixer_tiny_patch4_32
BLOCK = 2 * 2 * D + (N * E + E + E * N + N) + (D * F + F + F * D + D)
PARAMETERS = {name: params for name, (params, _) in facts.MIXER.items()}
PARAMETERS["mixer_tiny_patch4_32"] = (4 * 4 * 3) * D + D + L * BLOCK + 2 * D + D * CLASSES + CLASSES


@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is Mixer])
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 0},
        {"mlp_ratio": 0.75, "act_layer": "gelu_tanh"},
        {"patch_size": (2, 3), "act_layer": "relu", "norm_eps": 1e-3},
        {"patch_size": (4, 6), "mlp_ratio": (1 / 8, 1 / 8)},
        {"embed_dim": 1, "mlp_ratio": (3.0, 2.0), "norm_eps": 1.0},
        {"num_blocks": 0},
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(Mixer(**{**SMALL, **options}), IMAGES)


RATES: dict[str, Any] = {"drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4}


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    model = Mixer(**SMALL, **RATES, grad_checkpointing=grad_checkpointing)
    check_layer(model, IMAGES, rng=np.random.default_rng(1))


def test_grad_checkpointing_gives_the_same_bits():
    images = IMAGES.astype(np.float32)
    results = []
    for grad_checkpointing in (False, True):
        model = Mixer(**SMALL, **RATES, grad_checkpointing=grad_checkpointing)
        logits, cache = model.forward(images, rng=np.random.default_rng(1))
        dimages = model.backward(logits, cache)
        results.append({"logits": logits, "images": dimages} | {n: p.grad for n, p in model.named_params().items()})
    assert list(results[0]) == list(results[1])
    for name, array in results[0].items():
        np.testing.assert_array_equal(results[1][name], array)


def test_stochastic_depth_is_the_same_in_every_block():
    """As timm has it, where that of its ViT grows."""
    blocks = Mixer(**SMALL, drop_path_rate=0.3).blocks
    assert [vars(block)[name].rate for block in blocks for name in ("drop_path1", "drop_path2")] == [0.3] * 4
    assert all(isinstance(vars(block)["drop_path1"], Identity) for block in Mixer(**SMALL).blocks)


def test_hidden_widths_are_multiples_of_the_width():
    """Those of token mixing, too: they do not grow with the number of tokens."""
    for img_size in ((4, 6), (8, 12)):
        params = Mixer(**{**SMALL, "img_size": img_size}).named_params()
        tokens = img_size[0] * img_size[1] // 4
        assert params["blocks.0.mlp_tokens.fc1.weight"].shape == (tokens, 4)
        assert params["blocks.0.mlp_channels.fc1.weight"].shape == (8, 12)


def test_parameter_names_are_those_of_timm():
    layers = ["norm1", "mlp_tokens.fc1", "mlp_tokens.fc2", "norm2", "mlp_channels.fc1", "mlp_channels.fc2"]
    names = ["stem.proj", *(f"blocks.{i}.{layer}" for i in range(2) for layer in layers), "norm", "head"]
    assert [*Mixer(**SMALL).named_params()] == [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]


def test_a_block_row_by_row_and_column_by_column():
    """Token mixing is an MLP of each channel, channel mixing one of each token of what token mixing has made."""
    x = RNG.standard_normal((2, 5, 3))
    block = MixerBlock(3, 5, tokens_dim=7, channels_dim=4).init(0, "float64")
    y, _ = block.forward(x)
    u, (h, _) = x.copy(), block.norm1.forward(x)
    for b in range(2):
        for d in range(3):
            u[b, :, d] += block.mlp_tokens.forward(h[b, :, d][None])[0][0]
    expected, (h, _) = u.copy(), block.norm2.forward(u)
    for b in range(2):
        for n in range(5):
            expected[b, n] += block.mlp_channels.forward(h[b, n][None])[0][0]
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_block():
    x = RNG.standard_normal((4, 5, 6))
    options: dict[str, Any] = {"tokens_dim": 7, "channels_dim": 8}
    dropping = MixerBlock(6, 5, **options, proj_drop=0.3, drop_path_rate=0.4)
    check_layer(dropping.init(), x)
    check_layer(dropping.init(), x, rng=np.random.default_rng(1))
    check_layer(MixerBlock(6, 5, **options, act_layer="relu").init(), x)


def test_what_token_mixing_adds_to_all_channels_alike_changes_nothing():
    """The last bias of token mixing is one number per token, and every norm takes the mean of a token away."""
    model = Mixer(**SMALL, dtype="float64")
    logits, cache = model.forward(IMAGES)
    model.backward(logits, cache)
    bias = model.named_params()["blocks.0.mlp_tokens.fc2.bias"]
    np.testing.assert_allclose(bias.grad, 0, atol=1e-15)
    bias.value = bias.value + 3
    np.testing.assert_allclose(model.forward(IMAGES)[0], logits, atol=1e-12)


def test_samples_do_not_see_each_other():
    model = Mixer(**SMALL, dtype="float64")
    np.testing.assert_allclose(model.forward(IMAGES[:1])[0], model.forward(IMAGES)[0][:1], rtol=1e-10)


def test_replica_computes_the_same_and_owns_its_gradients():
    model = Mixer(**SMALL)
    twin = model.replica()
    images = IMAGES.astype(np.float32)
    logits, cache = twin.forward(images)
    np.testing.assert_array_equal(logits, model.forward(images)[0])
    twin.backward(logits, cache)
    assert twin.stem.proj.weight.grad.any()
    assert not model.stem.proj.weight.grad.any()


# -- a weird convolutional network -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("grid", "D"), [((2, 3), 4), ((3, 3), 3), ((1, 1), 2), ((4, 1), 1)])
def test_mixing_is_convolution(grid, D):
    """Every parameter random, biases, too."""
    (Y, X), (E, F) = grid, (5, 7)
    block = MixerBlock(D, Y * X, tokens_dim=E, channels_dim=F).init(0, "float64")
    for param in block.params:
        param.value = RNG.standard_normal(param.shape)
    x = RNG.standard_normal((2, Y, X, D))
    rows = x.reshape(2, Y * X, D)
    by_rows = {
        token_mixing_conv: (block.mlp_tokens, block.mlp_tokens.forward(rows.mT)[0].mT),
        channel_mixing_conv: (block.mlp_channels, block.mlp_channels.forward(rows)[0]),
    }
    for convolve, (mlp, expected) in by_rows.items():
        y = convolve(x, *(param.value for param in mlp.params))
        assert y.shape == x.shape
        np.testing.assert_allclose(y.reshape(2, Y * X, D), expected, rtol=0, atol=1e-12)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"patch_size": 4}, ValueError, "image size 4 x 6 is not divisible by the patch size 4 x 4"),
        ({"act_layer": "elu"}, ValueError, "act_layer is 'elu'"),
        ({"mlp_ratio": (0.5, 0.0)}, ValueError, "mlp_ratio is .0.5, 0.0.; expected above 0"),
        ({"mlp_ratio": (0.1, 1.0)}, ValueError, "mlp_ratio is 0.1; it makes 0.8 of 8 channels, expected at least 1"),
        ({"mlp_ratio": (0.5, 1.0, 2.0)}, TypeError, "mlp_ratio is .*; expected float or "),
        ({"mlp_ratio": 1e300}, ValueError, "more numbers than any array can have"),
        ({"norm_eps": -1.0}, ValueError, "norm_eps is -1.0"),
        ({"num_blocks": -1}, ValueError, "num_blocks is -1; expected at least 0"),
        ({"num_blocks": 1_001}, ValueError, "num_blocks is 1001; expected at least 0 and below 1001"),
        ({"drop_path_rate": 1.0}, ValueError, "drop_path_rate is 1.0; expected at least 0 and below 1"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        Mixer(**{**SMALL, **options})


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 6, 4, 3), np.float32), ValueError, r"shape \(2, 6, 4, 3\); the model expects \(batch, 4, 6, 3\)"),
        (np.zeros((2, 8, 6, 3), np.float32), ValueError, r"shape \(2, 8, 6, 3\); the model expects \(batch, 4, 6, 3\)"),
        (np.zeros((2, 4, 6, 1), np.float32), ValueError, "images have 1 channels; the model expects 3"),
        (np.zeros((2, 4, 6, 3), np.float64), TypeError, "images have dtype float64; the model computes in float32"),
    ],
)
def test_wrong_images(images, error, message):
    with pytest.raises(error, match=message):
        Mixer(**SMALL).forward(images)


def test_options_may_be_numbers_of_numpy():
    options: dict[str, Any] = {"embed_dim": np.int32(12), "num_blocks": np.int64(1), "patch_size": np.int64(2)}
    model = Mixer(**{**SMALL, **options, "mlp_ratio": (np.float64(0.5), np.int64(2))})
    assert model.config["mlp_ratio"] == (0.5, 2)
    both = Mixer(**{**SMALL, "mlp_ratio": np.float32(2)}).named_params()
    assert both["blocks.0.mlp_tokens.fc1.bias"].shape == both["blocks.0.mlp_channels.fc1.bias"].shape == (16,)
    assert model.forward(IMAGES.astype(np.float32))[0].dtype == np.float32
