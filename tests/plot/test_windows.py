from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.data import load_dataset
from minivit.plot import attention_in_windows, pyramid, relative_position_biases, shifted_regions
from minivit.train import Recipe, Trainer
from minivit.train.pictures import draw_run
from tests.sampled import REST

from .drawn import texts

RNG = np.random.default_rng(0)


def small(family: str = "Swin", **options: Any):
    """A model, two images, and what it keeps of them."""
    shape = {"img_size": (16, 24), "patch_size": 2, "embed_dim": 6, "depths": (2, 1), "num_heads": (3, 2)}
    model = getattr(mv.models, family)(**shape, window_size=(4, 3), num_classes=3, **options)
    images = RNG.integers(0, 256, (2, 16, 24, 3)).astype(np.uint8)
    _, cache = model.forward(images.astype(np.float32) / 128 - 1)
    return model, images, cache


def edges(panel: Any) -> tuple[list[float], list[float]]:
    """Where the lines are that are drawn across, and down."""
    ends = [(*line.get_ydata(), *line.get_xdata()) for line in panel.lines]
    rows = sorted(top for top, bottom, _, _ in ends if top == bottom)
    return rows, sorted(left for _, _, left, right in ends if left == right)


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_a_pyramid_says_the_sizes_of_the_maps(grad_checkpointing):
    model, images, _ = small(grad_checkpointing=grad_checkpointing)
    figure = pyramid(images[0], model)
    words = [panel.get_xlabel() for panel in figure.axes]
    assert words == [
        "16 × 24 pixels",
        "8 × 12 tokens of width 6\nin windows of 4 × 3",
        "4 × 6 tokens of width 12\nin windows of 4 × 3",
    ]


def test_what_falls_on_a_token_stands_at_its_place():
    _, images, cache = small(shifted=True)
    figure = attention_in_windows(images, cache)
    maps = [np.asarray(panel.images[0].get_array()) for panel in figure.axes[:6] if panel.images]
    assert [it.shape for it in maps] == [(16, 24, 3), (8, 12), (8, 12)] * 2
    block = cache.layers[0].blocks[1].attn
    assert block.partition.shift_size == (2, 1)
    weights = block.attn.attention.weights[0]  # (W, H, N, N)
    # the token in row 0, column 0 was rolled into the last window, where it is in row 2 and column 2 of 4 x 3
    assert maps[2][0, 0] == pytest.approx(weights[-1].mean(0).sum(0)[2 * 3 + 2], rel=1e-5)
    assert maps[1].sum() == pytest.approx(8 * 12, rel=1e-5)  # every query gives one in all


def test_edges_of_windows_are_drawn_where_the_shift_has_put_them():
    _, images, cache = small()
    figure = attention_in_windows(images, cache)
    plain, shifted = figure.axes[1:3]
    for panel, rows, columns in (
        (plain, [-0.5, 3.5], [-0.5, 2.5, 5.5, 8.5]),
        (shifted, [1.5, 5.5], [0.5, 3.5, 6.5, 9.5]),
    ):
        assert edges(panel) == (rows, columns)


def test_no_such_attention():
    _, images, cache = small()
    with pytest.raises(ValueError, match="stage is 2; expected 0 to 1"):
        attention_in_windows(images, cache, stage=2)
    _, images, cache = small(grad_checkpointing=True)
    with pytest.raises(ValueError, match="build the model with grad_checkpointing=False"):
        attention_in_windows(images, cache)


def test_a_bias_stands_where_its_key_lies():
    model, _, _ = small()
    attn: Any = model.layers[0].blocks[0].attn
    table = np.zeros(attn.relative_position_bias_table.shape)
    # query in row 3, column 0; key in row 1, column 2: two rows above it and two columns to the right
    table[(3 - 1 + 3) * 5 + (0 - 2 + 2), 1] = 1
    attn.relative_position_bias_table.value = table
    panels = relative_position_biases(model).axes
    heads = [np.asarray(panel.images[0].get_array()) for panel in panels[:3]]
    assert [it.shape for it in heads] == [(7, 5)] * 3
    assert np.argwhere(heads[1]).tolist() == [[3 - 2, 2 + 2]]
    assert not heads[0].any()
    with pytest.raises(ValueError, match="no relative position bias"):
        relative_position_biases(small(relative_position="none")[0])


def test_a_bias_that_a_net_makes_stands_where_its_key_lies():
    """Swin V2 has no table; every pair of one way has the same bias."""
    model, _, _ = small("SwinV2")
    attn: Any = model.layers[0].blocks[0].attn
    bias, _ = attn.bias_forward()  # (H, N, N)
    panels = relative_position_biases(model).axes
    heads = [np.asarray(panel.images[0].get_array()) for panel in panels[:3]]
    for query, key in np.ndindex(12, 12):
        (y, x), (u, v) = divmod(query, 3), divmod(key, 3)
        assert [head[u - y + 3, v - x + 2] for head in heads] == bias[:, query, key].tolist()


def test_nine_regions_and_who_may_look_at_whom():
    panels = shifted_regions(8, 4, 2).axes
    assert sorted(set(texts(panels[0]))) == list("123456789")
    allowed = [int(np.asarray(panel.images[0].get_array()).sum()) for panel in panels[1:]]
    assert allowed == [256, 128, 128, 64]


@REST
def test_the_folder_of_a_run_has_its_pictures(tmp_path):
    whole = load_dataset("shapes")
    dataset = replace(whole, train=whole.train.take(slice(8)), test=whole.test.take(slice(30)))
    recipe = Recipe(model="swin_tiny_patch2_32", epochs=1, batch_size=8, options={"depths": (2,), "num_heads": (2,)})
    trainer = Trainer(recipe, dataset, threads=1)
    names = {path.name for path in draw_run(tmp_path, trainer, list(trainer.run()))}
    assert {"pyramid.png", "attention_in_windows.png", "relative_position_biases.png"} <= names


def test_every_edge_of_a_shifted_window_is_drawn():
    """Of 9 rows in windows of 4, rolled by 2: rows 2 to 5, then 6, 7, 8 and 0, then 1."""
    model = mv.models.Swin(img_size=9, patch_size=1, embed_dim=2, depths=(2,), num_heads=(1,), window_size=4)
    images = np.zeros((1, 9, 9, 3), np.uint8)
    _, cache = model.forward(images.astype(np.float32))
    rows, columns = edges(attention_in_windows(images, cache).axes[2])
    assert rows == columns == [0.5, 1.5, 5.5]


def test_no_such_block():
    with pytest.raises(ValueError, match=r"no block 2 in stage 0, both from 0 on: the depths are \(2, 1\)"):
        relative_position_biases(small()[0], block=2)
