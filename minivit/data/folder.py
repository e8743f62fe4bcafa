"""A data set of one's own: a folder of image files, one subfolder per class."""

from pathlib import Path

import numpy as np

from minivit.data.dataset import Dataset, channel_statistics
from minivit.types import Int, UInt8, ndarray

SUFFIXES = (".png", ".jpg", ".jpeg")


def image_folder(folder: str | Path) -> Dataset:
    """Read ``folder/train/CLASS/*.png`` (or jpg) and ``folder/test/CLASS/*`` or ``folder/val/CLASS/*``.

    The classes are the subfolders of ``train`` in alphabetical order. Images are converted to RGB and must all have one
    size. FileNotFoundError where a folder is missing, ValueError where images are missing, unreadable or not alike.
    """
    folder = Path(folder)
    train, tests = folder / "train", [folder / "test", folder / "val"]
    test = next((path for path in tests if path.is_dir()), None)
    if not train.is_dir() or test is None:
        raise FileNotFoundError(
            f"{folder} holds no data set: expected the files of CIFAR-10 or CIFAR-100, or train/CLASS/*.png "
            "and test/CLASS/*.png (or val/CLASS/*.png)."
        )
    classes = tuple(sorted(path.name for path in train.iterdir() if path.is_dir()))
    if not classes:
        raise ValueError(f"{train} has no subfolders: expected one for each class.")
    strangers = sorted({path.name for path in test.iterdir() if path.is_dir()} - set(classes))
    if strangers:
        raise ValueError(f"{test / strangers[0]} is a class that {train} does not have.")
    train_images, train_labels = _read_split(train, classes)
    test_images, test_labels = _read_split(test, classes)
    return Dataset(
        folder.name,
        train_images,
        train_labels,
        test_images,
        test_labels,
        classes,
        *channel_statistics(train_images),
    )


def _read_split(split: Path, classes: tuple[str, ...]) -> tuple[UInt8[ndarray, "N Y X 3"], Int[ndarray, "N"]]:
    files = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((split / name).glob("*"))
        if path.suffix.lower() in SUFFIXES
    ]
    if not files:
        raise ValueError(f"{split} holds no images: expected {split}/CLASS/*.png or *.jpg.")
    images = [read_image(path) for path, _ in files]
    for image, (path, _) in zip(images, files, strict=True):
        if image.shape != images[0].shape:
            (rows, columns, _), (first_rows, first_columns, _) = image.shape, images[0].shape
            raise ValueError(
                f"{path} is {columns} x {rows} pixels but {files[0][0]} is {first_columns} x {first_rows}: "
                "all images must have one size."
            )
    return np.stack(images), np.array([label for _, label in files], np.int64)


def read_image(path: str | Path, *, size: tuple[int, int] | None = None, channels: int = 3) -> UInt8[ndarray, "Y X C"]:
    """Pixels of an image file, in colour (3 channels) or grey (1).

    With a ``size`` (rows, columns), the largest part in the middle that has its proportions is cut out and resized.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read as an image.
    """
    from PIL import Image, ImageOps

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with Image.open(path) as image:
            image = ImageOps.exif_transpose(image)  # as the camera was held
            if image.mode.startswith("I;16"):  # 16 bits of grey, of which convert would cut off the upper ones
                image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            image = image.convert("RGB" if channels == 3 else "L")
            if size and (image.height, image.width) != size:
                image = ImageOps.fit(image, (size[1], size[0]), Image.Resampling.BICUBIC)
            return np.asarray(image).reshape(image.height, image.width, channels)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # what Pillow raises for bad files
        raise ValueError(f"{path} cannot be read as an image ({error}).") from error
