"""What counts for one place: of models in which it is known."""

import numpy as np
import pytest

import minivit as mv
from minivit.look.influence import AT_ONCE, influence
from minivit.models import S2MLP, Mixer, NonLocalResNet, ResNet, Swin, ViT

RNG = np.random.default_rng(0)
SIDE = 8


def random(model):
    """Norms that begin with scale 0 would hide what is in front of them."""
    for param in model.named_params().values():
        param.value = RNG.normal(0, 0.5, param.shape).astype("f")
    return model


def seen(model, block):
    """The pixels that count, one at a time."""
    image = RNG.standard_normal((1, SIDE, SIDE, 3)).astype("f")
    changed = np.repeat(image, SIDE**2, 0)
    changed.reshape(SIDE**2, SIDE**2, 3)[np.arange(SIDE**2), np.arange(SIDE**2)] += 1
    found = influence(model, image, changed)
    assert all(np.isfinite(share).all() for share in found.values())
    return {name: share.reshape(SIDE, SIDE) > 0 for name, share in found.items()}[block]


SIZES = {"img_size": SIDE, "num_classes": 3}


def test_attention_sees_all_at_once():
    model = ViT(**SIZES, patch_size=2, embed_dim=8, depth=2, num_heads=2)
    assert seen(random(model), "blocks.0").all()


def test_windows_grow_when_they_are_shifted():
    model = Swin(**SIZES, patch_size=1, embed_dim=4, depths=(2,), num_heads=(2,), window_size=4)
    model = random(model)
    window = np.zeros((SIDE, SIDE), bool)
    window[4:, 4:] = True
    np.testing.assert_array_equal(seen(model, "layers.0.blocks.0"), window)
    assert seen(model, "layers.0.blocks.1").all()


def test_a_residual_block_sees_two_steps_and_the_running_averages_are_used():
    model = random(ResNet(**SIZES, layers=(2,), channels=(32,), stem="3x3", stem_chans=32))
    square = np.zeros((SIDE, SIDE), bool)
    square[1:8, 1:8] = True  # 3 x 3 of the stem, and twice 3 x 3
    first = next(name for name in influence(model, *[np.ones((1, SIDE, SIDE, 3), "f")] * 2))
    np.testing.assert_array_equal(seen(model, first), square)


def test_a_block_is_asked_and_not_its_shortcut_or_what_it_adds():
    """The first block of a stage has a list of its own, and a non-local block has two."""
    options = {"layers": (1, 1), "channels": (8, 16), "stem": "3x3", "stem_chans": 8, "non_local": (0, 1)}
    model = random(NonLocalResNet(**SIZES, **options, block="basic"))
    image = np.ones((1, SIDE, SIDE, 3), "f")
    assert [*influence(model, image, image)] == ["layer1.0", "layer2.0", "layer2.1"]
    assert seen(model, "layer2.0").all()  # by its convolutions; its shortcut sees 7 x 7 pixels


def test_a_shift_sees_a_cross():
    model = S2MLP(**SIZES, patch_sizes=(1,), embed_dims=(8,), depths=(1,), mlp_ratios=(1.0,))
    cross = np.zeros((SIDE, SIDE), bool)
    cross[4, 3:6] = cross[3:6, 4] = True
    name = next(iter(influence(model, *[np.ones((1, SIDE, SIDE, 3), "f")] * 2)))
    np.testing.assert_array_equal(seen(random(model), name), cross)


def test_the_model_stays_as_it_is():
    model = Mixer(**SIZES, patch_size=2, embed_dim=8, num_blocks=2)
    image = RNG.standard_normal((1, SIDE, SIDE, 3)).astype("f")
    before, _ = model.forward(image)
    changed = np.concatenate([image + i for i in range(AT_ONCE + 6)])
    found = influence(model, image, changed)
    assert [*found] == ["blocks.0", "blocks.1"]
    for share in found.values():
        assert share.shape == (AT_ONCE + 6,)
        assert share[0] == 0
        assert (share[1:] > 0).all()
    np.testing.assert_array_equal(model.forward(image)[0], before)
    assert "Heard" not in repr(vars(model))


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("name", [name for name in mv.models.PRESETS if name.endswith("_32")])
def test_of_every_family(name):
    model = mv.create_model(name)
    if not hasattr(model, "in_chans") or "img_size" not in model.config:
        pytest.skip("it takes no images")
    image = RNG.standard_normal((1, 32, 32, 3)).astype("f")
    assert influence(model, image, image)
