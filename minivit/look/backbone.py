"""A Vision Transformer for photographs of any size: from a run, a file of others, or the public hub."""

import warnings
from collections.abc import Callable, Sequence
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

from minivit.checked import did_you_mean
from minivit.data.image_file import fit_image, read_image
from minivit.models.model import PRESETS, Model, model_options, with_article
from minivit.models.vit import ViT
from minivit.storage import load, must_be_finite
from minivit.train.augment import normalize
from minivit.train.kinds import LONGEST_SIDE
from minivit.train.trained_on import checkpoint_of, read_trained_on
from minivit.types import Float, UInt8, ndarray, pair
from minivit.weights import load_any, load_timm, to_timm
from minivit.weights.pretrained import addresses, fetch_weights, must_fit

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of channels: what most weights were trained with."""

MOST_BYTES = 2**30
"""Of the attention of one block to one photograph. There are three such arrays at once."""


class Backbone(NamedTuple):
    """A model that can be built for any size, and what its pixels are.

    Parameters
    ----------
    build : callable (img_size) -> ViT
        With the weights, their positions resampled; it keeps no cache of its blocks but their inputs.
    patch : (rows, columns)
    heads : int
    longest : int
        The longer side of the images that it was trained with.
    reads_class_token : bool
        Whether a head would read it, not the mean of the patches.
    mean, std : tuple of float
        Of each channel, as shares of 255.
    """

    build: Callable[[tuple[int, int]], ViT]
    patch: tuple[int, int]
    heads: int
    longest: int
    reads_class_token: bool
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def read(self, path: str | Path, size: int | None = None) -> UInt8[ndarray, "Y X C"]:
        """A photograph, made so small or large that its longer side is about ``size``, in whole patches.

        Raises
        ------
        FileNotFoundError, OSError, ValueError
            If the file cannot be read as an image, or ``size`` is out of range or makes more patches than fit.
        """
        P, Q = self.patch
        size = self.longest if size is None else size
        if not max(P, Q) <= size < LONGEST_SIDE:
            raise ValueError(f"size is {size}; expected at least {max(P, Q)}, a patch, and below {LONGEST_SIDE}")
        photograph = read_image(path, channels=len(self.mean))
        Y, X = photograph.shape[:2]
        rows, columns = self._grid(Y, X, size)
        taken = self._taken(Y, X, size)
        if taken > MOST_BYTES:
            smaller = size * isqrt(isqrt(MOST_BYTES * 10**8 // taken)) // 100
            while self._taken(Y, X, smaller) > MOST_BYTES:  # sides are rounded to whole patches
                smaller -= 1
            raise ValueError(
                f"{path} at size {size} has {rows * columns:,} patches, and what each looks at takes "
                f"{taken / 2**30:.1f} GiB in every block, more than {MOST_BYTES / 2**30:.0f}: choose a size of "
                f"{smaller} at most"
            )
        return fit_image(photograph, (rows * P, columns * Q))

    def _grid(self, Y: int, X: int, size: int) -> tuple[int, int]:
        """Rows and columns of patches of a photograph with Y x X pixels."""
        rows, columns = (max(1, round(side * size / max(Y, X) / P)) for side, P in zip((Y, X), self.patch, strict=True))
        return rows, columns

    def _taken(self, Y: int, X: int, size: int) -> int:
        """Bytes of the attention of one block to it."""
        rows, columns = self._grid(Y, X, size)
        return 4 * self.heads * (rows * columns) ** 2

    def normalize(self, image: UInt8[ndarray, "Y X C"]) -> Float[ndarray, "1 Y X C"]:
        """Its pixels as the model wants them, a batch of one."""
        return normalize(image[None], self.mean, self.std)


def open_backbone(checkpoint: str | Path, name: str | None = None) -> Backbone:
    """Find a model: a preset's trained weights, a run of minivit, or a file of others for the preset ``name``.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or weights cannot be downloaded.
    ValueError, KeyError
        If this is no Vision Transformer, or the weights do not fit it, or are not finite.
    """
    path = Path(checkpoint)
    if name is not None and path.is_dir():
        raise ValueError(f"{path} is a folder: a run says itself what its model is, without --model")
    if name is None and not path.exists() and str(checkpoint) in PRESETS:
        name = str(checkpoint)
        _must_be_vit(name, PRESETS[name][0])
        path = fetch_weights(name)
        with must_fit(path, name):
            return _from_others(path, name)
    if name is not None:
        return _from_others(path, name)
    if not path.exists() and (meant := did_you_mean(str(checkpoint), PRESETS)):
        raise FileNotFoundError(f"there is no file or preset {checkpoint}{meant}")
    if path.suffix.lower() == ".npz":
        raise ValueError(f"{path} is no checkpoint of minivit; of others, the preset must be named (--model)")
    return _from_run(checkpoint_of(path))


def _from_others(path: Path, name: str) -> Backbone:
    model_options(name)  # which says that there is none
    kind, options = PRESETS[name]
    _must_be_vit(name, kind)
    config = ViT(**{**options, "num_classes": 0, "grad_checkpointing": True}).config

    def build(img_size: tuple[int, int]) -> ViT:
        model = ViT(**{**config, "img_size": img_size})
        with warnings.catch_warnings(action="ignore"):  # what is to be said is said below
            load_any(model, path, keep_head=True)
        return model

    loaded = ViT(**config)
    load_any(loaded, path, keep_head=True)
    must_be_finite(loaded, path)
    known = addresses().get(name)
    return _backbone(build, config, (known.mean, known.std) if known else IMAGENET)


def _from_run(path: Path) -> Backbone:
    model: Any = load(path)
    _must_be_vit(str(path), type(model))
    must_be_finite(model, path)
    kind: Any = read_trained_on(path, model).kind

    def build(img_size: tuple[int, int]) -> ViT:
        other = ViT(**{**model.config, "img_size": img_size, "grad_checkpointing": True})
        load_timm(other, to_timm(model), grid=model.patch_embed.grid_size)
        return other

    return _backbone(build, model.config, (kind.mean, kind.std))


def _must_be_vit(what: str, kind: type[Model]) -> None:
    if kind is not ViT:
        raise ValueError(
            f"{what} is {with_article(kind.__name__)}; expected a ViT, whose patches and attention can be looked at"
        )


def _backbone(
    build: Callable[[tuple[int, int]], ViT], config: dict[str, Any], pixels: Sequence[tuple[float, ...]]
) -> Backbone:
    mean, std = pixels
    patch, longest = pair(config["patch_size"]), max(pair(config["img_size"]))
    return Backbone(build, patch, config["num_heads"], longest, config["global_pool"] == "token", mean, std)
