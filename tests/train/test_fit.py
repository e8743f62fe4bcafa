"""Models that are too large for their images are refused before anything is computed."""

import numpy as np
import pytest

from minivit.caches import arrays_in
from minivit.data import Dataset, LabeledImages
from minivit.models import PRESETS, create_model
from minivit.train import Recipe, Trainer
from minivit.train.fit import MOST_BYTES, attention_bytes, check_attention_fits
from minivit.train.step import SHARD_SIZE


def images_of(size: tuple[int, int]) -> Dataset:
    images = LabeledImages(np.zeros((2, *size, 3), np.uint8), np.array([0, 1]))
    return Dataset("large", images, images, ("a", "b"), (0.5,) * 3, (0.2,) * 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_bytes_are_those_of_the_cache(dtype: str) -> None:
    """Of a real forward, of one image, without a class token."""
    options = {"img_size": (24, 32), "class_token": False, "global_pool": "avg", "dtype": dtype}
    model = create_model("vit_micro_patch4_32", **options)
    _, cache = model.forward(np.zeros((1, 24, 32, 3), dtype))
    (weights,) = (array for name, array in arrays_in(cache) if name == "blocks.0.attn.attention.weights")
    assert attention_bytes(model.config) == SHARD_SIZE * weights.nbytes


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        ((224, 224), "use --model vit_tiny_patch16_224, or smaller images"),
        ((160, 224), "use --model vit_tiny_patch16_224, or smaller images"),
        ((200, 200), "use --model vit_small_patch8_224, or smaller images"),
        ((196, 196), "use --model vit_large_patch14_224, or smaller images"),
        ((412, 412), "use smaller images"),  # no preset has patches that divide it, but those of 4 pixels
    ],
)
def test_small_patches_of_large_images(size: tuple[int, int], advice: str) -> None:
    gib = 16 * 4 * (size[0] * size[1] // 16) ** 2 * 4 / 2**30
    message = (
        rf"vit_tiny_patch4_32 cuts images of {size[0]} x {size[1]} pixels into {size[0] * size[1] // 16} patches, and "
        rf"each array of its attention takes {gib:.1f} GiB for 16 images, more than 0.5: {advice} \(--img-size\)$"
    )
    with pytest.raises(ValueError, match=message):
        Trainer(Recipe(), images_of(size))


def test_the_advice_can_be_followed() -> None:
    trainer = Trainer(Recipe(model="vit_tiny_patch16_224"), images_of((224, 224)))
    assert attention_bytes(trainer.model.config) < MOST_BYTES
    Trainer(Recipe(), images_of((96, 128)))


def test_a_padding_that_would_push_images_out() -> None:
    """Found before the run has a folder, not in its first step."""
    with pytest.raises(
        ValueError, match=r"images of 4 x 8 pixels can be pushed out .* crop_padding of 4; expected larger"
    ):
        Trainer(Recipe(), images_of((4, 8)))
    Trainer(Recipe(crop_padding=3), images_of((4, 8)))


DINOV2 = [name for name in PRESETS if name.endswith("dinov2")]


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("name", [name for name in PRESETS if name not in DINOV2])
def test_every_preset_fits_images_of_its_own_size(name: str) -> None:
    check_attention_fits(name, create_model(name))


@pytest.mark.parametrize("name", DINOV2)
def test_dinov2_is_trained_further_on_smaller_images(name: str) -> None:
    """Of 518 pixels, sixteen images would take gigabytes in each block; of 224, a seventh of the patches is left."""
    check_attention_fits(name, create_model(name, img_size=224))
    with pytest.raises(ValueError, match=r"518 x 518 pixels into 1369 patches, .* GiB for 16 images.*smaller images"):
        check_attention_fits(name, create_model(name))
