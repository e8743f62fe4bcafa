"""What was there before the noise?"""

import numpy as np

from minivit.checked import checked
from minivit.tasks.restoration import Restoration
from minivit.types import Factor, Float, Positive, ndarray


class Denoise(Restoration):
    r"""Charbonnier loss of images to which Gaussian noise was added: another noise for each image and each time.

    .. math:: x = y + \frac{\sigma}{255}\, n, \qquad n \sim \mathcal N(0, 1)

    for each pixel and channel. What leaves 0 to 1 is not cut off, as in the papers. For a test the noise is the same
    each time.

    Parameters
    ----------
    sigma : float
        Standard deviation of the noise, in grey levels of 255: 15, 25 and 50 in papers.
    upscale : int
        Of the model, 1.

    References
    ----------
    Liang et al. 2021, "SwinIR", sections 3.1 and 4.4.
    """

    loss_name = "Charbonnier loss (white is 1)"
    loss = "charbonnier"
    plain_name = "noisy"
    usual_model = "swinir_tiny_dn"

    @checked
    def __init__(self, *, sigma: Factor = 25.0, upscale: Positive = 1) -> None:
        if upscale != 1:
            raise ValueError(
                f"upscale is {upscale}; noise is taken off images that stay as large as they are: expected 1 "
                "(upscale, the other task, makes them larger)"
            )
        super().__init__(upscale=upscale)
        self.sigma = sigma

    def spoiled(
        self, images: Float[ndarray, "B Y X C"], rng: np.random.Generator
    ) -> tuple[Float[ndarray, "B Y X C"], Float[ndarray, "B Y X C"]]:
        noise = rng.standard_normal(images.shape, dtype=images.dtype)
        noisy = images + noise * images.dtype.type(self.sigma / 255)
        return noisy, noisy
