from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.block import BlockCache
from minivit.models import AST
from minivit.plot import attention_rollout, read_by_head

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


def test_it_is_as_large_as_that_of_transformers():
    """86,594,063 parameters, counted there; 12 x 101 patches of 10.24 s."""
    model = mv.create_model("ast_base_patch16_128x1024")
    assert model.num_params == 86_594_063
    assert model.patch_embed.grid_size == (12, 101)


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
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        ast(**options)


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "message"),
    [
        ((2, 11, 7), np.float32, ValueError, r"shape \(2, 11, 7\); the model expects \(batch, 7, 11\)"),
        ((2, 7, 11), np.float64, TypeError, "spectrograms have dtype float64; the model computes in float32"),
    ],
)
def test_wrong_spectrograms(shape, dtype, error, message):
    with pytest.raises(error, match=message):
        ast().forward(np.zeros(shape, dtype))
