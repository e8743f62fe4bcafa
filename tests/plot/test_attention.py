from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import minivit as mv
from minivit.ops.pool import FirstTokenCache
from minivit.plot import attention_maps, attention_rollout, attention_weights, read_by_head
from minivit.plot.attention import seen_through
from tests.sampled import REST

TOKEN: dict[str, Any] = {}
AVERAGE = {"class_token": False, "global_pool": "avg"}
BOTH = {"class_token": True, "global_pool": "avg"}
kinds = pytest.mark.parametrize("options", [TOKEN, AVERAGE, BOTH])


def run(**options: Any):
    """Two images of 8 rows and 12 columns, so a grid of 2 x 3 patches, and what a small ViT keeps of them."""
    small = {"img_size": (8, 12), "patch_size": 4, "num_classes": 3, "embed_dim": 10, "depth": 3, "num_heads": 5}
    model = mv.models.ViT(**(small | options))
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 12, model.in_chans)).astype(np.uint8)
    _, cache = model.forward(images.astype(np.float32) / 128 - 1)
    return images, cache


def with_weights(cache, weights):
    """The same cache with these attention maps, one (B, H, N, N) per block."""
    blocks = [
        block._replace(attn=block.attn._replace(attention=block.attn.attention._replace(weights=A)))
        for block, A in zip(cache.blocks, weights, strict=True)
    ]
    return cache._replace(blocks=blocks)


@kinds
def test_rows_of_the_rollout_sum_to_one(options):
    _, cache = run(**options)
    rollout = attention_rollout(cache)
    N = 6 + options.get("class_token", True)
    assert rollout.shape == (2, N, N)
    assert rollout.dtype == np.float32
    assert (rollout > 0).all()
    np.testing.assert_allclose(rollout.sum(-1), 1, rtol=1e-5)


def test_rollout_of_tokens_that_look_at_themselves():
    _, cache = run()
    eye = np.broadcast_to(np.eye(7), (2, 5, 7, 7))
    np.testing.assert_array_equal(attention_rollout(with_weights(cache, [eye] * 3)), eye[:, 0])


def test_both_tokens_of_a_distilled_model_are_read():
    _, cache = run(distilled=True)
    A = attention_rollout(cache)
    assert A.shape == (2, 8, 8)
    np.testing.assert_allclose(read_by_head(A, cache).reshape(2, 6), A[:, :2, 2:].mean(1), rtol=1e-6)


def test_registers_are_neither_read_nor_patches():
    """Of class token, registers and patches, one row is read, and the columns of the last."""
    _, cache = run(reg_tokens=3)
    A = attention_weights(cache)[-1]
    patches = A.shape[-1] - 4
    np.testing.assert_array_equal(read_by_head(A, cache).reshape(*A.shape[:2], -1), A[:, :, 0, 4:])
    assert read_by_head(A, cache)[0, 0].size == patches
    _, cache = run(reg_tokens=3, global_pool="avg")
    A = attention_weights(cache)[-1]
    expected = A[:, :, 4:, 4:].mean(-2)
    np.testing.assert_allclose(read_by_head(A, cache).reshape(*A.shape[:2], -1), expected, rtol=1e-6)


def test_rollout_multiplies_later_blocks_from_the_left():
    """Token 1 takes from token 2, then token 0 from token 1: so token 0 has some of 2, but not the other way round."""
    _, cache = run(depth=2)
    first, second = np.eye(7), np.eye(7)
    first[1] = np.eye(7)[2]
    second[0] = np.eye(7)[1]
    weights = [np.broadcast_to(A, (2, 5, 7, 7)) for A in (first, second)]
    rollout = attention_rollout(with_weights(cache, weights))
    np.testing.assert_allclose(rollout[0, 0], [1 / 2, 1 / 4, 1 / 4, 0, 0, 0, 0])
    np.testing.assert_allclose(rollout[0, 1], [0, 1 / 2, 1 / 2, 0, 0, 0, 0])
    np.testing.assert_allclose(rollout[0, 2], [0, 0, 1, 0, 0, 0, 0])


def test_what_the_head_reads_with_a_class_token():
    _, cache = run()
    A = attention_weights(cache)[-1]
    maps = read_by_head(A, cache)
    assert maps.shape == (2, 5, 2, 3)
    np.testing.assert_array_equal(maps[1, 4, 1, 2], A[1, 4, 0, 6])  # the last patch, asked for by the class token


def test_what_the_head_reads_without_a_class_token():
    _, cache = run(**AVERAGE)
    A = attention_weights(cache)[-1]
    maps = read_by_head(A, cache)
    np.testing.assert_allclose(maps.reshape(2, 5, 6), A.mean(-2), rtol=1e-6)
    np.testing.assert_allclose(maps.sum((-2, -1)), 1, rtol=1e-5)


def test_what_the_head_reads_when_it_does_not_read_the_class_token():
    _, cache = run(**BOTH)
    A = attention_weights(cache)[-1]
    np.testing.assert_allclose(read_by_head(A, cache).reshape(2, 5, 6), A[..., 1:, 1:].mean(-2), rtol=1e-6)


@REST
@kinds
@pytest.mark.parametrize("in_chans", [1, 3])
def test_maps_are_drawn(options, in_chans):
    images, cache = run(in_chans=in_chans, **options)
    figure = attention_maps(images, cache)
    assert isinstance(figure, Figure)
    assert [ax.get_title() for ax in figure.axes[:8]] == [
        "image", "head 1", "head 2", "head 3", "head 4", "head 5", "rollout", "× image",
    ]  # fmt: skip
    assert len(figure.axes) == 2 * 8 + 1  # and the scale
    reader = "class token" if isinstance(cache.pool, FirstTokenCache) else "patches"
    assert reader in figure.get_suptitle()
    drawn = figure.axes[8 + 2].images[0].get_array()  # second image, head 2
    np.testing.assert_array_equal(drawn, read_by_head(attention_weights(cache)[-1], cache)[1, 1])


def test_every_panel_is_as_large_as_its_image():
    images, cache = run(patch_size=(4, 2))  # 2 x 6 patches, twice as high as wide
    figure = attention_maps(images, cache)
    figure.draw_without_rendering()
    shapes = [ax.get_position().size * figure.get_size_inches() for ax in figure.axes[:-1]]
    np.testing.assert_allclose([height / width for width, height in shapes], 8 / 12, rtol=1e-6)


def test_the_first_row_may_lie_below():
    """As that of the lowest frequencies of a spectrogram."""
    images, cache = run()
    shares = read_by_head(attention_weights(cache)[-1], cache)[1, 1]
    for origin, expected in (("upper", shares), ("lower", shares[::-1])):
        drawn = attention_maps(images, cache, origin=origin).axes[8 + 2].images[0].get_array()
        np.testing.assert_array_equal(drawn, expected)
    with pytest.raises(ValueError, match='origin is \'left\'; expected "upper" or "lower"'):
        attention_maps(images, cache, origin="left")


def test_a_distilled_model_looks_with_both_tokens():
    images, cache = run(distilled=True)
    assert "Where the class and distillation token look:" in attention_maps(images, cache).get_suptitle()


def test_many_heads_take_several_lines():
    images, cache = run(embed_dim=12, num_heads=12)
    figure = attention_maps(images, cache)
    assert len(figure.axes) == 2 * 2 * 8 + 1  # two lines of eight for each image, and the scale
    assert sum(ax.axison for ax in figure.axes[:-1]) == 2 * (1 + 12 + 2)


def test_equal_shares_have_equal_colours_in_all_maps():
    """One head looks at a single patch, another at all alike, a third at none: the pixels say which is which."""
    images, cache = run(depth=1)
    A = np.full((2, 5, 7, 7), 1 / 7)
    A[:, 1] = np.eye(7)[1]
    A[1, 2] = np.eye(7)[0]
    A[1, 3] = A[1, 0]
    figure = attention_maps(images, with_weights(cache, [A]))
    figure.canvas.draw()
    maps = [panel.images[0] for panel in (*figure.axes[1:7], *figure.axes[9:15])]
    colours = [image.to_rgba(np.asarray(image.get_array())) for image in maps]
    np.testing.assert_array_equal(colours[0], colours[6 + 3])  # the same shares in another row
    assert len({image.get_clim() for image in maps}) == 1
    assert maps[0].get_clim() == (pytest.approx(0.1 / 6), 1)
    brightness = [colour[..., :3].sum(-1) for colour in colours]
    assert brightness[1][0, 0] > brightness[0][0, 0] > brightness[1][1, 2] == brightness[6 + 2].max()
    assert brightness[1][1, 2] < 0.1  # nothing is black, not missing
    assert "17% each if all 6 got the same" in figure.axes[-1].get_xlabel()


def test_the_block_can_be_chosen():
    images, cache = run()
    figure = attention_maps(images, cache, block=0)
    assert "block 1 of 3" in figure.get_suptitle()
    drawn = figure.axes[1].images[0].get_array()
    np.testing.assert_array_equal(drawn, read_by_head(attention_weights(cache)[0], cache)[0, 0])


def test_an_image_seen_through_attention():
    image = np.full((4, 6, 3), 200, np.uint8)
    np.testing.assert_array_equal(seen_through(image, np.full((2, 3), 0.1)), image)
    one = np.zeros((2, 3))
    one[0, 0] = 0.3
    seen = seen_through(image, one)
    assert (seen[0, 0] == 200).all()
    assert (seen[-1, -1] == 0).all()
    assert seen.dtype == np.uint8
    assert (seen_through(image, np.zeros((2, 3))) == 0).all()


def test_what_cannot_be_drawn():
    images, cache = run()
    with pytest.raises(TypeError, match="UInt8"):
        attention_maps(images.astype(np.float32), cache)
    with pytest.raises(ValueError, match="3 images and 2 maps"):
        attention_maps(images[[0, 1, 1]], cache)
    with pytest.raises(ValueError, match="block is 3; expected -3 to 2"):
        attention_maps(images, cache, block=3)
    _, cache = run(grad_checkpointing=True)
    with pytest.raises(ValueError, match="grad_checkpointing=False"):
        attention_maps(images, cache)


def test_a_model_without_blocks_has_no_maps():
    images = np.zeros((1, 8, 8, 3), np.uint8)
    model = mv.models.ViT(img_size=8, patch_size=4, embed_dim=6, depth=0, num_heads=2)
    _, cache = model.forward(images.astype(np.float32))
    for draw in (attention_weights, attention_rollout, lambda cache: attention_maps(images, cache)):
        with pytest.raises(ValueError, match="there are no attention maps: the model has no blocks"):
            draw(cache)
