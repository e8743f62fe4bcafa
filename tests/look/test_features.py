from pathlib import Path

import numpy as np
import pytest

from minivit.look import components, look, nearest, open_backbone
from minivit.look.features import principal_components
from minivit.models import ViT
from minivit.plot import attention_weights
from tests.look.conftest import OPTIONS

RNG = np.random.default_rng(0)


def test_what_is_seen_is_what_the_whole_model_computes(weights: Path, photo: Path) -> None:
    """Attention of the class token to the patches, without registers; patches behind the last norm."""
    backbone = open_backbone(weights, "vit_pocket_patch4_32")
    image = backbone.read(photo, 32)
    seen = look(backbone, image)
    assert (seen.patches.shape, seen.attention.shape) == ((5, 8, 24), (4, 5, 8))

    model = ViT(**{**OPTIONS, "num_classes": 0, "img_size": (20, 32)})
    model.load_state_dict(backbone.build((20, 32)).state_dict())
    token, cache = model.forward(backbone.normalize(image))
    row = attention_weights(cache)[-1][0, :, 0, 3:]  # behind the class token and two registers
    np.testing.assert_allclose(seen.attention.reshape(4, 40), row, rtol=1e-6)
    tokens = cache.norm.xhat * model.norm.weight.value + model.norm.bias.value
    np.testing.assert_allclose(seen.patches.reshape(40, 24), tokens[0, 3:], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(token, tokens[:, 0], rtol=1e-6)


def test_principal_components_are_those_of_the_decomposition() -> None:
    x = RNG.standard_normal((50, 7)) * [1, 5, 2, 9, 3, 1, 1] + 4
    U, S, _ = np.linalg.svd(x - x.mean(0), full_matrices=False)
    found = principal_components(x, 3)
    np.testing.assert_allclose(np.abs(found), np.abs(U * S)[:, :3], rtol=1e-8, atol=1e-8)
    assert principal_components(x[:, :2], 3).shape == (50, 3)


def scene(rows: int, columns: int, thing: np.ndarray) -> np.ndarray:
    """Features of a ground, and of a thing in the middle which varies in three directions less than it stands out."""
    grid = 0.01 * RNG.standard_normal((rows, columns, 6))
    inside = np.zeros((rows, columns), bool)
    inside[2:-2, 2:-2] = True
    grid[inside] += thing + [8, 3, 1, 0, 0, 0] * RNG.uniform(-1, 1, (inside.sum(), 6))
    return grid


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_edge_is_background(sign: int) -> None:
    """Whatever the sign of the features, and however much of the photograph the thing takes."""
    thing = sign * np.array([0, 0, 0, 30, 30, 30])
    grids = [scene(8, 9, thing), scene(7, 12, thing)]
    for grid, found in zip(grids, components(grids), strict=True):
        inside = np.zeros(grid.shape[:2], bool)
        inside[2:-2, 2:-2] = True
        np.testing.assert_array_equal(found.foreground, inside)
        assert not found.colours[~inside].any()
        for channel in range(3):  # the directions in which the thing varies, the first most
            r = np.corrcoef(found.colours[inside][:, channel], grid[inside][:, channel])[0, 1]
            assert abs(r) > 0.8
        assert 0 <= found.colours.min() <= found.colours.max() <= 1


def test_a_photograph_without_anything_on_it() -> None:
    (found,) = components([np.ones((3, 4, 5))])
    assert found.foreground.all()
    np.testing.assert_array_equal(found.colours, 0)
    (found,) = components([np.ones((1, 1, 2))])
    assert found.colours.shape == (1, 1, 3)


def test_nearest_patches_are_found_where_they_went() -> None:
    """Of a photograph that is mirrored, and only in the foreground."""
    a = RNG.standard_normal((6, 8, 16))
    everywhere = np.ones((6, 8), bool)
    pairs = nearest(a, 3 * a[:, ::-1], everywhere, everywhere, count=5)
    assert pairs.shape == (5, 2, 2)
    np.testing.assert_array_equal(pairs[:, 1, 0], pairs[:, 0, 0])
    np.testing.assert_array_equal(pairs[:, 1, 1], 7 - pairs[:, 0, 1])
    apart = np.abs(pairs[:, None, 0] - pairs[None, :, 0]).max(-1)
    assert (apart + 9 * np.eye(5) > 1).all()
    some = everywhere.copy()
    some[:, 4:] = False
    assert (nearest(a, a, some, everywhere)[:, 0, 1] < 4).all()
    assert nearest(a, a, ~everywhere, everywhere).shape == (0, 2, 2)
