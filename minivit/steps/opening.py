"""A model and an image to step through: of a run, of a file of others, or of weights on the public hub."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from minivit.data.image_file import read_image
from minivit.look.backbone import open_backbone
from minivit.models.model import PRESETS, Model
from minivit.storage import load, must_be_finite
from minivit.train.kinds import ImageKind
from minivit.train.trained_on import NAMING_CLASSES, checkpoint_of, read_trained_on, task_of
from minivit.types import UInt8, ndarray


class Opened(NamedTuple):
    """A model, an image as it is looked at, what makes of it what the model takes, and names of classes."""

    model: Model
    pixels: UInt8[ndarray, "Y X C"]
    normalize: Callable[[ndarray], ndarray]
    class_names: tuple[str, ...]


def opened(checkpoint: str | Path, image: str | Path, *, model: str | None = None, size: int | None = None) -> Opened:
    """Find a model, and read an image as it was trained to see them.

    Parameters
    ----------
    checkpoint, model
        As for :func:`minivit.look.open_backbone`: with ``model``, weights of others for the preset of that name.
    image
        A file; it is cut and resized to what the model knows, and by others' weights seen in its own shape.
    size : int, optional
        Pixels of the longer side, for weights of others.

    Raises
    ------
    FileNotFoundError, OSError, ValueError, KeyError
        If something cannot be read, or the model does not see images.
    """
    path = checkpoint_of(checkpoint)
    if model is not None or path.suffix.lower() == ".npz" or (not path.exists() and str(checkpoint) in PRESETS):
        backbone = open_backbone(checkpoint, model)
        pixels = backbone.read(image, size)
        rows, columns = pixels.shape[:2]
        return Opened(backbone.build((rows, columns)), pixels, lambda batch: backbone.normalize(batch[0]), ())
    if size is not None:
        raise ValueError(f"size is {size}, and {path} was trained on images of one size; --size goes with --model")
    trained = load(path)
    must_be_finite(trained, path)
    task = task_of(path)
    names, kind = read_trained_on(path, trained, tasks=(task,), what="to see images")
    if not isinstance(kind, ImageKind):
        raise ValueError(f"the model of {path} was trained on sounds; step shows models that see images")
    pixels = read_image(image, size=kind.img_size, channels=len(kind.mean))
    return Opened(trained, pixels, kind.normalize, names if task in NAMING_CLASSES else ())
