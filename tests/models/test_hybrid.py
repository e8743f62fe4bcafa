from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.models import PRESETS, HybridViT, create_model
from minivit.weights import load_google, load_timm, to_timm
from tests import facts
from tests.sampled import REST

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (9, 12),
    "num_classes": 5,
    "layers": (1, 2),
    "channels": (4, 6),
    "stem": "3x3",
    "stem_chans": 4,
    "num_groups": 2,
    "embed_dim": 8,
    "depth": 1,
    "num_heads": 2,
    "mlp_ratio": 1.5,
}
IMAGES = RNG.standard_normal((2, 9, 12, 3))
BY_HAND = {"vit_tiny_r8_s4_32": 588_922}


@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is HybridViT])
def test_number_of_parameters(name):
    assert create_model(name).num_params == (facts.HYBRID[name][0] if name in facts.HYBRID else BY_HAND[name])


@REST
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"backbone_like": "google", "patch_size": (1, 3)},
        {"stem": "7x7", "layers": (1,), "channels": (6,), "class_token": False, "global_pool": "avg"},
        {"grad_checkpointing": True, "num_classes": 0},
    ],
    ids=str,
)
def test_gradients(options):
    model = HybridViT(**{**SMALL, **options})
    for name, param in model.named_params().items():  # the last norm of a block begins with zeros, which hide the rest
        if name.endswith("norm3.weight"):
            param.init([3], param.dtype)
    check_layer(model, IMAGES)


@pytest.mark.parametrize("name", ["vit_small_r26_s32_224", "vit_base_r50_s16_224"])
def test_tokens_are_the_places_of_the_map(name):
    model = create_model(name)
    stride = int(name.split("_")[3][1:])
    assert model.patch_embed.grid_size == (224 // stride, 224 // stride)
    odd = create_model(name, img_size=(225, 31))
    assert odd.patch_embed.grid_size == (-(-225 // stride), 1 if stride == 32 else 2)


def test_weights_come_back():
    model, other = HybridViT(**SMALL, seed=1), HybridViT(**SMALL, seed=2)
    load_timm(other, to_timm(model))
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[name], value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": (1,)}, r"^layers are \(1,\), channels \(4, 6\); expected one of each for every stage$"),
        ({"layers": (), "channels": ()}, "expected one of each for every stage$"),
        ({"stem": "5x5"}, "^stem is '5x5'; expected one of 7x7, 3x3$"),
        ({"backbone_like": "torch"}, "^backbone_like is 'torch'; expected one of timm, google$"),
        ({"patch_size": (2, 3)}, r"^the map of the backbone, 5 x 6, is not divisible by the patch size 2 x 3$"),
        ({"num_groups": 3}, "num_channels 4 is not divisible by num_groups 3"),
        ({"img_size": 0}, "img_size is 0"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        HybridViT(**{**SMALL, **options})


def test_images_of_another_size():
    with pytest.raises(ValueError, match=r"images have shape \(2, 9, 11, 3\); the model expects \(batch, 9, 12, 3\)"):
        HybridViT(**SMALL).forward(np.ones((2, 9, 11, 3), np.float32))


def test_googles_weights_of_a_model_like_timms():
    """Its formulas are other ones, so the model must have been built for them."""
    model = HybridViT(**SMALL, act_layer="gelu_tanh")
    with pytest.raises(ValueError, match="trained with backbone_like='google', the model has 'timm'"):
        load_google(model, {})
