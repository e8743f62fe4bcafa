"""The pixels of an image file, whatever kind of picture people keep in it."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from minivit.checked import checked
from minivit.files import must_be_file
from minivit.types import Size, UInt8, ndarray, pair

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "GIF": (".gif",),
    "TIFF": (".tif", ".tiff"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
"""The formats that are read, as Pillow names them, and how their files are called. (To read others, Pillow may start
other programs.)"""

ORIENTATION = 0x0112  # in EXIF
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}


@checked
def read_image(path: str | Path, *, size: Size | None = None, channels: int = 3) -> UInt8[ndarray, "Y X C"]:
    """Pixels of an image file, in colour (3 channels) or grey (1).

    The picture stands as the camera was held (EXIF). What is transparent in it lies on white. Of 16 bits the upper
    eight are taken. Of an animation, or of several pages, it is the first picture.

    With a ``size``, a picture of another size is made to fit: see :func:`fit_image`.

    Parameters
    ----------
    path : str or Path
        PNG, JPEG, WebP, BMP, GIF, TIFF or PPM (PGM, PBM); what is in the file counts, not its name.
    size : int or (rows, columns), optional
    channels : 3 or 1

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is a folder or a device, or cannot be read.
    ValueError
        If it is none of these, is damaged, has more pixels than Pillow's limit (``PIL.Image.MAX_IMAGE_PIXELS``, 89
        million), or pixels of 32 bits, of which nobody knows what is white.
    """
    from PIL import Image, UnidentifiedImageError

    if channels not in (1, 3):
        raise ValueError(f"images are read in 1 or 3 channels, not in {channels}")
    must_be_file(path)
    with open(path, "rb") as file, warnings.catch_warnings(action="ignore"):  # Pillow's, about what does no harm
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            opened = Image.open(file, formats=tuple(SUFFIXES))
            image = _upright(_on_white(_eight_bits(opened)).convert("RGB" if channels == 3 else "L"), opened)
        except MemoryError:
            raise
        except UnidentifiedImageError as error:
            raise ValueError(f"{path} cannot be read as an image (it is none of {', '.join(SUFFIXES)})") from error
        except Exception as error:  # damaged files make Pillow fail in many ways, and each of them means the same
            raise ValueError(f"{path} cannot be read as an image ({error or type(error).__name__})") from error
    pixels = np.asarray(image).reshape(image.height, image.width, channels)
    return pixels if size is None else fit_image(pixels, pair(size))


def fit_image(pixels: UInt8[ndarray, "Y X C"], size: tuple[int, int]) -> UInt8[ndarray, "rows columns C"]:
    """Pixels of a picture, in 1 or 3 channels, as one of ``size``: (rows, columns).

    It is resized (bicubic) until its shorter side fits, and what its longer side has too much is cut off at both ends;
    so timm does with ``crop_pct=1``. (For images of 224 pixels timm cuts off a tenth of every side, too, which small
    images cannot spare; and here a picture of the right size stays as it is.)
    """
    from PIL import Image, ImageOps

    if pixels.shape[:2] == size:
        return pixels
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    rows, columns = size
    fitting = ImageOps.fit(image, (columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(fitting).reshape(rows, columns, pixels.shape[2])


def _eight_bits(image: "Image.Image") -> "Image.Image":
    """The upper eight bits of 16, which Pillow's own conversion would cut off."""
    from PIL import Image

    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise ValueError("its pixels have 32 bits, and nothing says which of them is white; expected 8 or 16 bits")
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    return image


def _on_white(image: "Image.Image") -> "Image.Image":
    """What is transparent lies on white, as on paper; what colour stands behind it in the file is arbitrary."""
    from PIL import Image

    if "transparency" not in image.info and image.mode not in ("RGBA", "LA", "PA", "RGBa", "La"):
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))


def _upright(image: "Image.Image", opened: "Image.Image") -> "Image.Image":
    """The image as the camera was held; where EXIF is damaged, as it is in the file."""
    from PIL import Image

    try:
        turn = TURNS.get(opened.getexif().get(ORIENTATION, 1))
    except Exception:
        return image
    return image.transpose(Image.Transpose[turn]) if turn else image
