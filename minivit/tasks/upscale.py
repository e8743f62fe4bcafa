"""What would be there if the camera had had more pixels?"""

import numpy as np

from minivit.checked import checked
from minivit.ops.resize import resize_forward
from minivit.tasks.restoration import Restoration, as_pixels
from minivit.types import Float, Positive, ndarray


class Upscale(Restoration):
    """L1 loss of images that were made smaller, and rounded to grey levels, as files have them.

    They are made smaller by a bicubic kernel, a = -0.5, that is as many times wider (antialiasing), as MATLAB's
    ``imresize`` does it, which papers use, and Pillow. (Beyond the edges MATLAB sees the image in a mirror; Pillow and
    this task see nothing, and what is there counts for more.) Where sides are no multiple of the factor, what is left
    over at the bottom and on the right is cut off first. What one has without a model is the bicubic enlargement.

    Parameters
    ----------
    upscale : int
        Of the model, at least 2: how many times as many rows and columns come out as go in.

    References
    ----------
    Liang et al. 2021, "SwinIR", sections 3.1 and 4.2.
    """

    loss_name = "L1 distance (white is 1)"
    loss = "l1"
    plain_name = "bicubic"
    usual_model = "swinir_tiny_x2"

    @checked
    def __init__(self, *, upscale: Positive = 2) -> None:
        if upscale < 2:
            raise ValueError(f"upscale is {upscale}; expected a model that makes images larger, by 2 at least")
        super().__init__(upscale=upscale)

    def spoiled(
        self, images: Float[ndarray, "B Y X C"], rng: np.random.Generator
    ) -> tuple[Float[ndarray, "B y x C"], Float[ndarray, "B Y X C"]]:
        _, Y, X, _ = images.shape
        small = bicubic(images, (Y // self.upscale, X // self.upscale))
        small = as_pixels(small) * images.dtype.type(1 / 255)
        return small, bicubic(small, (Y, X))


def bicubic(images: Float[ndarray, "B Y X C"], size: tuple[int, int]) -> Float[ndarray, "B rows columns C"]:
    """Images of another size, as Pillow makes them, but that nothing is rounded."""
    return resize_forward(images, size=size, mode="bicubic", antialias=True)[0]
