from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

import minivit as mv
from minivit.plot import paired_units, token_mixing_maps


def waves(rows, columns):
    """Units of three frequencies, each with its opposite: smooth ones are 1 and 3, fine ones 2 and 4."""
    place = 2 * np.pi * np.arange(columns) / columns
    smooth, middle, fine = (np.tile(np.cos(k * place), rows) for k in (1, 2, 3))
    return np.stack([middle, -2 * smooth, 4 * fine, smooth, -3 * fine, -middle], axis=1)


def test_opposites_are_paired_and_smooth_ones_come_first():
    """The first of a pair is the stronger one."""
    assert paired_units(waves(3, 8), (3, 8)).tolist() == [[1, 3], [0, 5], [2, 4]]
    assert paired_units(waves(3, 8)[:, :5], (3, 8)).tolist() in ([[1, 3], [2, 4]], [[1, 3], [4, 2]])  # one is left


@pytest.mark.parametrize("units", [0, 1])
def test_too_few_units(units):
    weight = np.ones((6, units))
    assert paired_units(weight, (2, 3)).shape == (0, 2)
    with pytest.raises(ValueError, match=f"weight has {units} hidden units; expected at least 2"):
        token_mixing_maps({"a": weight}, (2, 3))


def test_a_grid_that_does_not_fit():
    with pytest.raises(ValueError, match="weight is for 6 tokens; a grid of 3 x 3 has 9"):
        paired_units(np.ones((6, 4)), 3)


def test_units_that_training_has_not_changed():
    weight = np.zeros((6, 4))
    assert sorted(paired_units(weight, (2, 3)).ravel()) == [0, 1, 2, 3]
    figure: Any = token_mixing_maps({"a": weight}, (2, 3))
    drawn = figure.axes[0].images[0].get_array()
    assert not drawn.compressed().any()


def test_maps_are_drawn_in_pairs_each_with_its_own_scale():
    weight = waves(3, 8)
    figure: Any = token_mixing_maps({"first": weight}, (3, 8))
    (image,) = figure.axes[0].images
    drawn = image.get_array()
    assert drawn.shape == (3 + 1 + 3, 3 * 8 + 2 * 2)
    for place, units in enumerate(paired_units(weight, (3, 8))):
        for row, unit in enumerate(units):
            tile = drawn[4 * row : 4 * row + 3, 10 * place : 10 * place + 8]
            expected = weight[:, unit].reshape(3, 8)
            np.testing.assert_allclose(tile, expected / abs(expected).max())
    assert image.get_clim() == (-1, 1)
    assert drawn.mask[3].all()  # between the two of a pair
    assert drawn.mask[:, 8].all()  # between pairs


@pytest.mark.parametrize(("panels", "count", "grid"), [(1, 3, (4, 6)), (3, 12, (8, 8)), (2, 50, (14, 14))])
def test_no_word_is_cut_off(panels, count, grid, rng):
    weights = {f"block {i + 1}: what training changed": rng.standard_normal((grid[0] * grid[1], 30)) for i in range(3)}
    figure: Any = token_mixing_maps(dict([*weights.items()][:panels]), grid, count=count)
    assert isinstance(figure, Figure)
    assert len(figure.axes) == panels
    figure.set_dpi(150)  # as it is saved
    figure.draw_without_rendering()
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            assert 0 < box.x0 <= box.x1 < figure.bbox.x1, text
            assert 0 < box.y0 <= box.y1 < figure.bbox.y1, text


def test_of_a_model():
    model = mv.models.Mixer(img_size=(8, 12), patch_size=2, embed_dim=12, num_blocks=1)
    weight = model.blocks[0].mlp_tokens.fc1.weight.value
    assert paired_units(weight, model.stem.grid_size).shape == (3, 2)
