"""CLIP's ResNet: what it does otherwise; tests/test_parity_clip.py holds it against OpenAI's code."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.attention_pool import AttentionPool
from minivit.layers.blur_bottleneck import BlurBottleneck
from minivit.models import ModifiedResNet
from minivit.ops import avg_pool2d_forward
from minivit.weights import load_timm, to_timm
from tests import facts

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (16, 8),
    "num_classes": 5,
    "layers": (1, 1),
    "stem_chans": 4,
    "num_heads": 2,
    "zero_init_last": False,
}
IMAGES = RNG.standard_normal((3, 16, 8, 3))


def test_parameters_and_macs():
    params, macs = facts.CLIP_IMAGE_TOWERS["resnet50_clip"]
    assert mv.create_model("resnet50_clip").num_params == params
    assert mv.cost.estimate("resnet50_clip").macs_forward == macs


@pytest.mark.parametrize("options", [{}, {"layers": (2,), "in_chans": 1, "num_heads": 4}], ids=str)
def test_gradients(options):
    model = ModifiedResNet(**{**SMALL, **options})
    check_layer(model, IMAGES[..., : options.get("in_chans", 3)])


def test_the_pool_asks_with_the_mean_and_looks_at_all():
    """Literally, one head: the mean and all tokens with their positions, a softmax, and two maps."""
    pool = AttentionPool((2, 3), 4, 1, 7).init(0, "float64")
    x = RNG.standard_normal((2, 6, 4))
    y, cache = pool.forward(x)
    values = {name: param.value for name, param in pool.named_params().items()}

    def mapped(part, tokens):
        return tokens @ values[f"attn.{part}.weight"] + values[f"attn.{part}.bias"]

    for b in range(2):
        tokens = np.concatenate((x[b].mean(0, keepdims=True), x[b])) + values["pos_embed"]
        scores = mapped("k", tokens) @ mapped("q", tokens[0]) / 2
        weights = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(cache.attn.attention.weights[b, 0, 0], weights, rtol=1e-12)
        np.testing.assert_allclose(y[b], mapped("proj", weights @ mapped("v", tokens)), rtol=1e-12)


def test_no_convolution_has_a_stride_where_a_block_halves():
    block: Any = BlurBottleneck(6, 2, stride=2).init(0, "float64")
    assert {block.conv1.stride, block.conv2.stride, block.conv3.stride, block.downsample[1].stride} == {1}
    x = RNG.standard_normal((2, 4, 6, 6))
    _, cache = block.forward(x)
    halved, _ = avg_pool2d_forward(x, kernel_size=2)
    conv, norm = block.downsample[1:]
    shortcut, _ = norm.forward(conv.forward(halved)[0])
    h = x
    for layer in block.branch:
        h, _ = layer.forward(h)
    np.testing.assert_allclose(block.forward(x)[0], np.maximum(h + shortcut, 0), rtol=1e-12)
    assert cache.avgpool.y_shape == (2, 2, 3, 2)


def test_a_stage_that_halves_nothing_has_no_pool():
    block = BlurBottleneck(6, 2).init()
    assert block.avgpool.forward(np.ones((1, 2)))[0].shape == (1, 2)
    assert len(BlurBottleneck(8, 2).downsample) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"img_size": (16, 12)}, "image size 16 x 12 is not divisible by 8: stem and stages make it so much smaller"),
        ({"stem_chans": 5}, "stem_chans is 5; expected an even number"),
        ({"num_heads": 3}, "width 32 is not divisible by num_heads 3"),
        ({"layers": (1, 1, 1, 1, 1), "img_size": 64}, "up to four stages"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ModifiedResNet(**{**SMALL, **options})


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"images have shape \(1, 8, 8, 3\); the model expects \(batch, 16, 8, 3\)"):
        ModifiedResNet(**SMALL).forward(np.zeros((1, 8, 8, 3), "f"))


def test_names_of_timm():
    """Those of its resnet50_clip, a ByobNet."""
    model, other = (ModifiedResNet(**SMALL, seed=seed) for seed in (0, 1))
    stem = {"conv1.conv1": "stem.conv1.conv", "conv1.bn1": "stem.conv1.bn", "conv1.conv2": "stem.conv2.conv"}
    stem |= {"conv1.bn2": "stem.conv2.bn", "conv1.conv3": "stem.conv3.conv", "bn1": "stem.conv3.bn"}
    block = {"conv1": "conv1_1x1.conv", "bn1": "conv1_1x1.bn", "conv2": "conv2_kxk.conv", "bn2": "conv2_kxk.bn"}
    block |= {"conv3": "conv3_1x1.conv", "bn3": "conv3_1x1.bn"}
    block |= {"downsample.1": "shortcut.conv.conv", "downsample.2": "shortcut.conv.bn"}
    layers = stem | {f"pool.attn.{part}": f"head.{part}" for part in ("q", "k", "v", "proj")}
    for i in range(2):
        layers |= {f"layer{i + 1}.0.{ours}": f"stages.{i}.0.{theirs}" for ours, theirs in block.items()}
    arrays = {"head.pos_embed": other.pool.pos_embed.value}
    for name, param in other.named_state().items():
        if name != "pool.pos_embed":
            layer, _, kind = name.rpartition(".")
            value = param.value
            axes = (3, 2, 0, 1) if value.ndim == 4 else (1, 0)
            arrays[f"{layers[layer]}.{kind}"] = value.transpose(axes) if value.ndim in (2, 4) else value
    load_timm(model, arrays)
    with pytest.raises(ValueError, match="timm calls the parts of this network otherwise"):
        to_timm(model)
    for name, array in other.state_dict().items():
        np.testing.assert_array_equal(model.state_dict()[name], array)
