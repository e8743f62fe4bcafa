"""The data sets that have a name, and the one function that loads any, by its name or from a folder."""

from pathlib import Path
from typing import Any

from minivit.checked import checked
from minivit.data.cifar import cifar10, cifar100, find_layout, read_layout
from minivit.data.dataset import Dataset
from minivit.data.folder import image_folder
from minivit.data.paths import folder_path
from minivit.data.resized import resized
from minivit.data.scenes import scenes
from minivit.data.shapes import shapes
from minivit.data.sounds import sounds
from minivit.types import Size

NAMES = ("shapes", "sounds", "scenes", "cifar10", "cifar100")


@checked
def load_dataset(
    name_or_folder: str | Path,
    *,
    img_size: Size | None = None,
    data_dir: str | Path | None = None,
    seed: int = 0,
) -> Dataset[Any]:
    """Load a data set by its name or from a folder.

    Parameters
    ----------
    name_or_folder : str or Path
        "shapes", "sounds" or "scenes" (drawn from ``seed``), "cifar10" or "cifar100" (downloaded once), or a folder
        that holds CIFAR in an official layout, or images as :func:`image_folder` reads them.
    img_size : int or (rows, columns), optional
        The size that all images get, as :func:`minivit.data.image_file.fit_image` makes it; scenes are drawn in it.
    data_dir : str or Path, optional
        Where downloads are kept; the environment variable MINIVIT_DATA, or else the user's cache folder, if not given.
    seed : int

    Returns
    -------
    Dataset
        Of :class:`LabeledImages`; of :class:`LabeledSounds`, if it is "sounds", of :class:`Scenes`, if "scenes".

    Raises
    ------
    ValueError
        If it is neither a name nor a folder, or its data cannot be used.
    OSError
        If a file is missing or cannot be read, or the download failed.
    """
    layout = None
    if name_or_folder not in NAMES:
        folder = folder_path(name_or_folder, "the data set")
        if not folder.is_dir():
            expected = f"expected {', '.join(NAMES)} or an existing folder"
            raise ValueError(f"unknown data set {str(name_or_folder)!r}: {expected}")
        layout = find_layout(folder)
        if layout is None:
            return image_folder(folder, img_size=img_size)
    if name_or_folder == "sounds":
        if img_size is not None:
            raise ValueError("img_size is for images; sounds have none")
        return sounds(seed=seed)
    if name_or_folder == "scenes":
        return scenes(seed=seed) if img_size is None else scenes(size=img_size, seed=seed)
    if layout:
        dataset = read_layout(*layout)
    elif name_or_folder == "shapes":
        dataset = shapes(seed=seed)
    else:
        dataset = cifar10(data_dir=data_dir) if name_or_folder == "cifar10" else cifar100(data_dir=data_dir)
    return dataset if img_size is None else resized(dataset, img_size)
