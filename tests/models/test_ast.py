from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.block import BlockCache
from minivit.models import AST
from minivit.plot import attention_rollout, read_by_head
from tests.sampled import REST

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "n_mels": 7,
    "length": 11,
    "patch_size": (3, 4),
    "stride": (2, 3),
    "num_classes": 5,
    "embed_dim": 8,
    "depth": 2,
    "num_heads": 2,
    "mlp_ratio": 1.5,
}
SPECTROGRAMS = RNG.standard_normal((2, 7, 11))


def ast(**options: Any) -> AST:
    return AST(**{**SMALL, **options})


@pytest.mark.sampled(every=12)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 0},
        {"patch_size": 3, "stride": 3, "qkv_bias": False, "act_layer": "relu"},
        {"stride": (5, 1), "drop_rate": 0.2, "pos_drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4},
        {"depth": 0, "norm_eps": 1e-3},
    ],
    ids=str,
)
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients(options, grad_checkpointing):
    model = ast(**options, grad_checkpointing=grad_checkpointing)
    check_layer(model, SPECTROGRAMS, rng=np.random.default_rng(1))


WAVES: dict[str, Any] = {**SMALL, "n_mels": 5, "length": 470, "sr": 4_000, "patch_size": 3, "stride": 2}


def test_gradients_reach_the_wave():
    """Frames of 100 samples, one every 40: ten of them, of which four patches of three see nine, to sample 420."""
    model = AST(**WAVES)
    assert model.patch_embed.grid_size == (2, 4)
    check_layer(model, RNG.standard_normal((2, 470)))
    y, cache = AST(**WAVES, dtype="float64").forward(RNG.standard_normal((2, 470)))
    dx = AST(**WAVES, dtype="float64").backward(y, cache)
    assert not dx[:, 420:].any()
    assert dx[:, :420].all()


def test_waves_are_heard_as_kaldi_hears_them():
    """The features of transformers' ASTFeatureExtractor, which subtracts a mean and divides by twice a deviation."""
    waves = RNG.standard_normal((2, 470))
    options = {**WAVES, "mean": 3.0, "std": 0.7, "dtype": "float64"}
    features, _ = mv.audio.kaldi_fbank_forward(waves, sr=4_000.0, n_mels=5, window="hann")
    eyes = AST(**{**options, "sr": None, "length": features.shape[2]})
    np.testing.assert_allclose(AST(**options).forward(waves)[0], eyes.forward((features - 3) / 1.4)[0], rtol=1e-10)


def test_ten_seconds_are_the_frames_of_the_paper():
    model = mv.create_model("ast_base_patch16_128x1024", sr=16_000, length=164_080)
    assert model.patch_embed.grid_size == (12, 101)
    assert model.num_params == 86_594_063
    shorter = mv.create_model("ast_base_patch16_128x1024", sr=16_000, length=164_079)
    assert shorter.patch_embed.grid_size == (12, 101)  # 1023 frames


def test_the_tiny_one_fits_the_embedded_sounds():
    """Mean and deviation of its features are those of what it is trained on."""
    model = mv.create_model("ast_tiny_patch16_64x98")
    data = mv.data.sounds(150, 1)
    features, _ = model.log_mel.forward(mv.train.normalize_waves(data.train.waves))
    assert features.shape == (150, 64, 98)
    np.testing.assert_allclose(features.mean(), model.config["mean"], atol=0.1)
    np.testing.assert_allclose(features.std(), model.config["std"], atol=0.1)
    assert (model.config["sr"], model.config["num_classes"]) == (data.sr, len(data.class_names))


def test_it_is_as_large_as_that_of_transformers():
    """86,594,063 parameters, counted there; 12 x 101 patches of 10.24 s."""
    model = mv.create_model("ast_base_patch16_128x1024")
    assert model.num_params == 86_594_063
    assert model.patch_embed.grid_size == (12, 101)


@REST
def test_what_it_costs():
    """Products by hand: overlapping patches, blocks on 2 + N tokens, one head on the mean of two."""
    N, D, F, L = 12 * 101, 768, 3072, 12
    tokens = N + 2
    block = tokens * D * 4 * D + 2 * tokens * tokens * D + 2 * tokens * D * F
    estimate = mv.cost.estimate("ast_base_patch16_128x1024")
    assert estimate.macs_forward == N * 16 * 16 * D + L * block + D * 527 == 130_514_373_888
    assert estimate.macs_backward == 2 * estimate.macs_forward


def test_patches_overlap_and_leave_the_far_edge_over():
    """What is left over of 7 bands and 11 frames behind the last patch of 3 x 4 with a stride of (3, 3) is not seen."""
    model = ast(stride=(3, 3), dtype="float64")
    assert model.patch_embed.grid_size == (2, 3)
    y, cache = model.forward(SPECTROGRAMS)
    dx = model.backward(y, cache)
    assert not dx[:, 6].any()
    assert not dx[:, :, 10].any()
    assert dx[:, :6, :10].all()


def test_the_mean_of_both_tokens_is_read():
    model = ast(depth=0, num_classes=0, dtype="float64")
    both = [model.cls_token.value[0, 0] + model.pos_embed.value[0, 0]]
    both += [model.dist_token.value[0, 0] + model.pos_embed.value[0, 1]]
    normed = [(x - x.mean()) / np.sqrt(x.var() + 1e-12) for x in both]
    mean = (normed[0] + normed[1]) / 2
    expected = (mean - mean.mean()) / np.sqrt(mean.var() + 1e-12)
    np.testing.assert_allclose(model.forward(SPECTROGRAMS)[0], [expected] * 2, rtol=1e-10)


def test_attention_maps_lie_over_the_spectrogram():
    _, cache = ast().forward(SPECTROGRAMS.astype(np.float32))
    block = cache.blocks[1]
    assert isinstance(block, BlockCache)
    assert block.attn.attention.weights.shape == (2, 2, 11, 11)  # 3 x 3 patches and two tokens
    flow = attention_rollout(cache)
    np.testing.assert_allclose(read_by_head(flow, cache).reshape(2, 9), flow[:, :2, 2:].mean(1), rtol=1e-6)


def test_parameter_names_are_those_of_a_distilled_vit_with_another_norm():
    ours = {*ast().named_params()}
    vit = mv.models.ViT(img_size=8, patch_size=4, embed_dim=8, depth=2, num_heads=2, distilled=True)
    assert ours ^ {*vit.named_params()} == {"fc_norm.weight", "fc_norm.bias", "head_dist.weight", "head_dist.bias"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": (8, 4)}, "image size 7 x 11 is smaller than the patch size 8 x 4"),
        ({"stride": 0}, "AST: stride is 0; expected at least 1"),
        ({"num_heads": 3}, "width 8 is not divisible by num_heads 3"),
        ({"length": 0}, "AST: length is 0; expected at least 1"),
        ({"sr": 4_000, "length": 99}, "length is 99; expected at least 100 samples, a frame of 25 ms at 4000 Hz"),
        ({"sr": 99}, "AST: sr is 99; expected at least 100"),
        ({"sr": 4_000, "std": 0.0}, "std is 0.0"),
        ({"sr": 4_000, "mean": float("nan")}, "mean is nan"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        ast(**options)


@pytest.mark.parametrize(
    ("waves", "error", "message"),
    [
        (np.zeros((2, 471), np.float32), ValueError, r"waves have shape \(2, 471\); the model expects \(batch, 470\)"),
        (np.zeros((2, 1, 470), np.float32), ValueError, r"waves have shape \(2, 1, 470\); the model expects"),
        (np.zeros((2, 470)), TypeError, "waves have dtype float64; the model computes in float32$"),
        (np.zeros((2, 470), np.int16), TypeError, r"waves have dtype int16; .* float32 \(divide samples .* by 32768\)"),
    ],
)
def test_wrong_waves(waves, error, message):
    with pytest.raises(error, match=message):
        AST(**WAVES).check_inputs(waves)


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "message"),
    [
        ((2, 11, 7), np.float32, ValueError, r"shape \(2, 11, 7\); the model expects \(batch, 7, 11\)"),
        ((7, 11), np.float32, ValueError, r"shape \(7, 11\); the model expects \(batch, 7, 11\)"),
        ((), np.float32, ValueError, r"shape \(\); the model expects \(batch, 7, 11\)"),
        ((2, 7, 11), np.float64, TypeError, "spectrograms have dtype float64; the model computes in float32"),
    ],
)
def test_wrong_spectrograms(shape, dtype, error, message):
    with pytest.raises(error, match=message):
        ast().check_inputs(np.zeros(shape, dtype))
