import numpy as np

from minivit.plot import restored


def test_what_was_shown_what_was_made_of_it_and_what_it_was(rng):
    original, plain, result = rng.integers(0, 256, (3, 6, 9, 3)).astype(np.uint8)
    quality = {"plain": (20.123, 0.5), "result": (30.5, 0.8765)}
    figure = restored(original, plain, result, quality, shown="bicubic")
    for ax, image in zip(figure.axes, (plain, result, original), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)
    assert [ax.get_title() for ax in figure.axes] == ["bicubic", "restored", "original"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["PSNR 20.12 dB, SSIM 0.500", "PSNR 30.50 dB, SSIM 0.876", ""]
