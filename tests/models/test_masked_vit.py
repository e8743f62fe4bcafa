from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.models import MaskedViT, ViT, create_model
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "target": "rgb",
    "img_size": (4, 6),
    "patch_size": 2,
    "embed_dim": 8,
    "depth": 1,
    "num_heads": 2,
    "mlp_ratio": 1.5,
}
IMAGES = RNG.standard_normal((2, 4, 6, 3))
SHOWN = np.array([[0, -1, 2, 1, 4, -1], [3, 3, 3, 3, -1, 0]])  # a patch that is shown four times, and some never


@pytest.mark.parametrize("options", [{}, {"target": "pixels", "class_token": False}, {"grad_checkpointing": True}])
def test_gradients(options):
    check_layer(MaskedViT(**{**SMALL, **options}), IMAGES, SHOWN)


def test_of_what_it_is_shown_it_is_a_vit():
    """With every patch at its place: the tokens behind the last norm, and the head on each of them."""
    model = MaskedViT(**SMALL, dtype="float64")
    options = {name: value for name, value in SMALL.items() if name != "target"}
    vit = ViT(**options, num_classes=3, dtype="float64")
    vit.load_state_dict({k: v for k, v in model.state_dict().items() if k != "patch_embed.mask_token"})
    outputs, _ = model.forward(IMAGES)
    np.testing.assert_array_equal(model.forward(IMAGES, np.tile(np.arange(6), (2, 1)))[0], outputs)
    _, cache = vit.forward(IMAGES)
    tokens = cache.norm.xhat * vit.norm.weight.value + vit.norm.bias.value
    np.testing.assert_allclose(outputs, tokens[:, 1:] @ vit.head.weight.value + vit.head.bias.value, rtol=1e-12)


def test_what_is_hidden_has_no_say():
    model = MaskedViT(**SMALL, dtype="float64")
    other = IMAGES.copy()
    other[0, :2, 2:4] += 1  # patch 1 of the first image, which is shown at place 3
    other[0, 2:, :2] += 1  # patch 3, which is not shown
    shown = SHOWN.copy()
    shown[0, 3] = 2
    np.testing.assert_array_equal(model.forward(other, shown)[0], model.forward(IMAGES, shown)[0])
    assert not np.array_equal(model.forward(other, SHOWN)[0], model.forward(IMAGES, SHOWN)[0])


def test_the_gradient_of_the_mask_token_is_that_of_all_hidden_places():
    model = MaskedViT(**SMALL, dtype="float64")
    outputs, cache = model.forward(IMAGES, np.full((2, 6), -1))
    dimages, nothing = model.backward(np.ones_like(outputs), cache)
    assert nothing is None
    np.testing.assert_array_equal(dimages, 0)
    assert np.abs(model.patch_embed.mask_token.grad).max() > 0
    assert list(model.named_params())[:3] == [
        "patch_embed.proj.weight",
        "patch_embed.proj.bias",
        "patch_embed.mask_token",
    ]


@pytest.mark.parametrize(
    ("shown", "kind", "message"),
    [
        (SHOWN[:1], ValueError, r"shown has shape \(1, 6\); expected \(2, 6\), a number for each patch"),
        (SHOWN + 7, ValueError, "shown: number .* is out of range; expected -1 to 5 for 6 patches and the mask"),
        (SHOWN - 2, ValueError, "shown: number -.* is out of range"),
        (SHOWN.tolist(), TypeError, "shown is .*; expected ndarray"),
        (SHOWN * 1.0, TypeError, "shown: numbers have dtype float64; expected integers"),
    ],
)
def test_what_cannot_be_shown(shown, kind, message):
    model = MaskedViT(**SMALL, dtype="float64")
    with pytest.raises(kind, match=message):
        without_annotations(lambda: model.forward(IMAGES, shown))()


def test_as_many_outputs_as_the_target_has():
    model = create_model("masked_vit_micro_patch8_32")
    assert model.head.weight.shape == (96, 512)
    assert model.task_options() == {"patch_size": 8, "target": "mean"}
    assert create_model("masked_vit_micro_patch8_32", target="downsized").head.weight.shape == (96, 16 * 512)
    with pytest.raises(ValueError, match="target is 'all'"):
        MaskedViT(**{**SMALL, "target": "all"})
