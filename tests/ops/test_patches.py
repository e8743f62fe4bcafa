import numpy as np
import pytest

from minivit.ops import patchify_forward, unpatchify_forward

X = np.random.default_rng(0).standard_normal((2, 6, 20, 3))


def test_patches_are_numbered_row_by_row():
    patches, _ = patchify_forward(X, patch_size=(2, 4))
    assert patches.shape == (2, 15, 24)
    for n, (row, column) in enumerate(np.ndindex(3, 5)):
        patch = X[:, 2 * row : 2 * row + 2, 4 * column : 4 * column + 4]
        np.testing.assert_array_equal(patches[:, n], patch.reshape(2, 24))


@pytest.mark.parametrize("patch_size", [1, 2, (3, 5), (6, 20)])
def test_unpatchify_undoes_patchify(patch_size):
    patches, _ = patchify_forward(X, patch_size=patch_size)
    image, _ = unpatchify_forward(patches, img_size=(6, 20), patch_size=patch_size)
    np.testing.assert_array_equal(image, X)


def test_patch_must_divide_the_image():
    with pytest.raises(ValueError, match="an image of 6 x 20 pixels cannot be cut into patches of 4 x 5"):
        patchify_forward(X, patch_size=(4, 5))


@pytest.mark.parametrize(
    ("shape", "img_size", "patch_size"),
    [((2, 15, 24), (6, 21), (2, 4)), ((2, 14, 24), (6, 20), (2, 4)), ((2, 15, 25), (6, 20), (2, 4))],
)
def test_patches_must_make_the_image(shape, img_size, patch_size):
    with pytest.raises(ValueError, match=f"{shape[1]} patches of {shape[2]} numbers do not make an image"):
        unpatchify_forward(np.zeros(shape), img_size=img_size, patch_size=patch_size)
