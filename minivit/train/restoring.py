"""Photographs of any size, restored by the model of a run: in tiles that overlap, put together again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minivit import tasks
from minivit.checked import check_type, checked
from minivit.data.examples import Images
from minivit.data.image_file import read_image
from minivit.models.model import Model
from minivit.ops.image_quality import psnr, ssim
from minivit.storage import load, read_metadata
from minivit.tasks.restoration import Restoration, as_pixels
from minivit.train.step import predict
from minivit.train.trained_on import checkpoint_of, task_of
from minivit.types import Float, Positive, UInt8, ndarray

TILE, OVERLAP = 64, 16
"""Pixels of what goes in: large tiles take much memory, small ones see little around them."""


class RestoredFile(NamedTuple):
    """A photograph as it was, as it was spoiled, and as the model makes it, of one size; how near the latter come.

    ``quality`` has PSNR, in decibels, and SSIM (nan of a photograph smaller than its window) of each of the two.
    """

    original: UInt8[ndarray, "Y X C"]
    plain: UInt8[ndarray, "Y X C"]
    result: UInt8[ndarray, "Y X C"]
    quality: dict[str, tuple[float, float]]


def restorer(run_or_file: str | Path) -> Callable[[str | Path], RestoredFile]:
    """What spoils a photograph as the task of this run does, and has its model restore it.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.

    Returns
    -------
    of_file : function
        Of an image of any size, colour or grey as the model has it; what is transparent in it lies on white.

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If something is damaged, the model was trained for something else, or a photograph is too small.
    """
    path = checkpoint_of(run_or_file)
    model, task = load(path), _task(path)
    if task.upscale != model.config.get("upscale") or model.config["in_chans"] not in (1, 3):
        raise ValueError(f"{path} is damaged: its model and its task, {type(task).__name__}, do not fit")

    least = getattr(model, "least_side", 1) * task.upscale  # another model than a SwinIR may take all sizes

    def of_file(file: str | Path) -> RestoredFile:
        pixels = read_image(file, channels=model.config["in_chans"])
        if min(pixels.shape[:2]) < least:
            Y, X, _ = pixels.shape
            wanted = f"at least {least} x {least}, to be mirrored up to windows"
            raise ValueError(f"{file} has {Y} x {X} pixels; expected {wanted}")
        inputs, targets = task.draw(Images(pixels[None]), normalize=np.asarray)
        outputs = in_tiles(model, inputs[0].astype(model.dtype))
        if not np.isfinite(outputs).all():
            raise ValueError(f"{path} gives no image for {file}: its numbers are too large, or not finite")
        original, plain, result = (as_pixels(made) for made in (targets.images[0], targets.plain[0], outputs))
        found = {"plain": quality(plain, original), "result": quality(result, original)}
        return RestoredFile(original, plain, result, found)

    return of_file


def _task(path: Path) -> Restoration:
    """The task of a checkpoint, as it was made."""
    known = {kind.__name__: kind for kind in tasks.NAMED.values() if issubclass(kind, Restoration)}
    if (name := task_of(path)) not in known:
        raise ValueError(f"the model of {path} was not trained for {' or '.join(known)}")
    metadata: Any = read_metadata(path)["metadata"]
    try:
        check_type("task_options", metadata.get("task_options"), dict[str, Any])
        return known[name](**metadata["task_options"])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def quality(pixels: UInt8[ndarray, "Y X C"], original: UInt8[ndarray, "Y X C"]) -> tuple[float, float]:
    """PSNR and SSIM of an image of grey levels."""
    like = ssim(pixels, original, data_range=255) if min(pixels.shape[:2]) >= 7 else np.nan
    return float(psnr(pixels, original, data_range=255)), float(like)


@checked
def in_tiles(
    model: Model, image: Float[ndarray, "Y X C"], *, tile: Positive = TILE, overlap: int = OVERLAP
) -> Float[ndarray, "Yo Xo C"]:
    """An image, restored tile by tile: where tiles overlap, their mean, so that no seam is left.

    Tiles are of one size, and the last ones of a row or a column end where the image ends. An image that is no larger
    than a tile is restored as a whole.

    Parameters
    ----------
    model : minivit.models.SwinIR
    image : (Y, X, C)
    tile, overlap : int
        In pixels of the image; a multiple of the model's windows is best for a tile.

    Raises
    ------
    ValueError
        If the overlap is negative, or as large as a tile.

    Notes
    -----
    A megapixel takes tens of seconds: on a terminal a bar shows how far it is.
    """
    from tqdm import tqdm

    if not 0 <= overlap < tile:
        raise ValueError(f"overlap is {overlap}; expected 0 to {tile - 1}, less than a tile")
    r = model.config["upscale"]
    Y, X, C = image.shape
    rows, columns = min(tile, Y), min(tile, X)
    places = [(y, x) for y in _starts(Y, rows, overlap) for x in _starts(X, columns, overlap)]
    total, count = np.zeros((r * Y, r * X, C), image.dtype), np.zeros((r * Y, r * X, 1), image.dtype)
    with tqdm(total=len(places), unit="tile", leave=False, disable=None) as bar:  # no bar where there is no terminal
        for group in _groups(places):
            made = predict(model, np.stack([image[y : y + rows, x : x + columns] for y, x in group]))
            for (y, x), restored in zip(group, made, strict=True):
                here = slice(r * y, r * (y + rows)), slice(r * x, r * (x + columns))
                total[here] += restored
                count[here] += 1
            bar.update(len(group))
    return total / count


def _starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along one side."""
    step = max(1, tile - overlap)
    return sorted({*range(0, length - tile, step), length - tile})


def _groups(places: list[tuple[int, int]], size: int = 32) -> Iterator[list[tuple[int, int]]]:
    """A few at a time: so much memory is needed, however large the image is."""
    yield from (places[i : i + size] for i in range(0, len(places), size))
