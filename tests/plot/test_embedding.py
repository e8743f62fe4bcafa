from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import minivit as mv
from minivit.plot import patch_filters, position_similarity, principal_filters, similarity_maps
from minivit.plot.embedding import mosaic


def test_principal_filters_are_orthonormal_and_ordered(rng):
    filters, shares = principal_filters(rng.standard_normal((2, 5, 3, 17)))
    assert filters.shape == (17, 2, 5, 3)
    flat = filters.reshape(17, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(17), atol=1e-12)
    assert (np.diff(shares) <= 0).all()
    np.testing.assert_allclose(shares.sum(), 1)


def test_the_first_filter_of_filters_that_are_all_alike(rng):
    pattern = rng.standard_normal((4, 4, 3))
    weight = np.multiply.outer(pattern, rng.standard_normal(11))  # each filter is a multiple of one pattern
    filters, shares = principal_filters(weight)
    np.testing.assert_allclose(shares[0], 1)
    np.testing.assert_allclose(abs(np.vdot(filters[0], pattern)), np.linalg.norm(pattern))


def test_filters_that_are_all_zero():
    """What training has not changed is no noise of nan."""
    filters, shares = principal_filters(np.zeros((4, 4, 3, 8)))
    assert np.isfinite(filters).all()
    assert not shares.any()


@pytest.mark.parametrize(("channels", "D", "count"), [(3, 40, 28), (1, 40, 16), (3, 5, 5)])
def test_filters_are_drawn(rng, ax, channels, D, count):
    assert patch_filters(rng.standard_normal((4, 4, channels, D)), ax=ax) is ax
    assert str(count) in ax.get_title(loc="left")
    (image,) = ax.images
    rows = -(-count // 7)
    columns = min(count, 7)
    drawn = np.asarray(image.get_array())
    assert drawn.shape == (5 * rows - 1, 5 * columns - 1, 3)
    for i in range(count):  # grey is zero, and each filter is scaled to the full range
        tile = drawn[i // 7 * 5 :, i % 7 * 5 :][:4, :4]
        assert abs(tile - 0.5).max() == pytest.approx(0.5)


def test_filters_of_a_model_on_a_panel_of_their_own():
    model = mv.models.ViT(img_size=(8, 12), patch_size=(4, 2), embed_dim=10, depth=1, num_heads=1)
    ax = patch_filters(model.patch_embed.proj.weight.value, count=3)
    assert isinstance(ax.figure, Figure)


def test_filters_that_cannot_be_drawn(rng):
    with pytest.raises(ValueError, match="2 channels; expected 1 or 3"):
        patch_filters(rng.standard_normal((4, 4, 2, 8)))


@pytest.mark.parametrize("class_token", [True, False])
def test_similarity(rng, class_token):
    pos_embed = rng.standard_normal((1, 6 + class_token, 11))
    maps = similarity_maps(pos_embed, (2, 3))
    assert maps.shape == (2, 3, 2, 3)
    for y in range(2):
        for x in range(3):
            np.testing.assert_allclose(maps[y, x, y, x], 1)
    a, b = pos_embed[0, -6], pos_embed[0, -1]
    np.testing.assert_allclose(maps[0, 0, 1, 2], a @ b / np.sqrt((a @ a) * (b @ b)))
    np.testing.assert_allclose(maps, maps.transpose(2, 3, 0, 1))


def test_similarity_of_positions_that_are_still_zero():
    assert (similarity_maps(np.zeros((4, 3)), 2) == 0).all()


def test_similarity_is_drawn(rng, ax):
    assert position_similarity(rng.standard_normal((1, 7, 5)), (2, 3), ax=ax) is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("patch column", "patch row")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "2", "3"]
    np.testing.assert_array_equal(ax.get_xticks(), [1, 5, 9])  # three pixels each, and one between
    np.testing.assert_array_equal(ax.get_yticks(), [0.5, 3.5])


def test_similarity_on_a_panel_of_its_own(rng):
    ax = position_similarity(rng.standard_normal((1, 400, 5)), 20)
    assert isinstance(ax.figure, Figure)
    assert len(ax.get_xticks()) <= 14


@pytest.mark.parametrize("grid", [8, 14, 24, (4, 8), (8, 4)])
def test_no_word_of_the_similarities_is_cut_off(rng, grid):
    rows, columns = (grid, grid) if isinstance(grid, int) else grid
    ax = position_similarity(rng.standard_normal((1, rows * columns, 16)), grid)
    figure: Any = ax.figure
    figure.set_dpi(150)  # as it is saved
    figure.draw_without_rendering()
    page, bar = figure.bbox, figure.axes[1]
    for text in (ax.xaxis.label, ax.yaxis.label, ax.title, bar.yaxis.label):
        box = text.get_window_extent()
        assert page.x0 + 3 < box.x0 <= box.x1 < page.x1 - 3, text
        assert page.y0 + 3 < box.y0 <= box.y1 < page.y1 - 3, text


def test_a_grid_that_does_not_fit():
    with pytest.raises(ValueError, match="6 tokens; a grid of 3 x 3"):
        position_similarity(np.ones((6, 5)), 3)


def test_mosaic():
    tiles = np.arange(6.0).reshape(1, 2, 3, 1, 1)
    np.testing.assert_array_equal(mosaic(tiles, gap=1, fill=9.0)[..., 0], [[0, 9, 3], [1, 9, 4], [2, 9, 5]])
