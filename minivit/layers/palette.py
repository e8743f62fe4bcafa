"""Colours by number: what a model of pixels reads and draws with."""

from math import prod
from pathlib import Path

import numpy as np

from minivit.checked import check_shape, check_type, checked
from minivit.files import must_be_file
from minivit.layers.param import Param
from minivit.ops.color_clusters import colors_of_clusters, fit_clusters, nearest_clusters, unit_colors
from minivit.types import Count, Int, Size, UInt8, ndarray, pair


class Palette:
    """The part of a model that makes codes of pixels and pixels of codes; it begins with random colours.

    Attributes
    ----------
    clusters : Param (colors, channels)
        From -1 to 1, not learned with the weights: :meth:`fit_colors` finds them in images.

    References
    ----------
    Chen et al. 2020, "Generative Pretraining from Pixels", section 4.2, "Context Reduction".
    """

    def make_palette(self, img_size: Size, in_chans: int, *, colors: int) -> None:
        """Called while a model is built: so many colours, for images of this size."""
        self.img_size, self.in_chans = pair(img_size), in_chans
        self.clusters = Param((colors, in_chans), "token channel", _any_colors, learned=False)

    def fit_colors(self, images: ndarray, *, seed: Count = 0) -> None:
        """Set the palette to the clusters of all pixels of images, :func:`~minivit.ops.color_clusters.fit_clusters`.

        Raises
        ------
        ValueError, TypeError
            If the images have another number of channels, there are none, or they are not as :meth:`encode` takes them.
        """
        colors = unit_colors(images)
        check_shape("images", colors, (*colors.shape[:-1], self.in_chans))
        self.clusters.value = fit_clusters(colors.reshape(-1, self.in_chans), count=len(self.clusters.value), seed=seed)

    def load_clusters(self, clusters: ndarray | str | Path) -> None:
        """Set the palette to an array from -1 to 1, or to that of an .npy file, as OpenAI publishes the paper's.

        Raises
        ------
        OSError, ValueError, TypeError
            If there is no such file, it cannot be read, or it holds no array of this shape, of numbers in this range.
        """
        array = clusters if isinstance(clusters, ndarray) else _read_npy(clusters)
        check_shape("clusters", array, self.clusters.shape)
        if array.dtype.kind not in "iuf":
            raise TypeError(f"clusters have dtype {array.dtype}; expected numbers from -1 to 1")
        if not (np.abs(array) <= 1).all():
            raise ValueError(f"clusters go from {array.min():g} to {array.max():g}; expected -1 to 1")
        self.clusters.value = array

    @checked
    def encode(self, images: ndarray) -> Int[ndarray, "B N"]:
        """The codes of images (B, Y, X, C), row by row: uint8, or floats from -1 to 1."""
        check_type("images", images, ndarray)
        check_shape("images", images, (len(images), *self.img_size, self.in_chans))
        colors = unit_colors(images).astype(self.clusters.value.dtype, copy=False)
        return nearest_clusters(colors, self.clusters.value).reshape(len(images), prod(self.img_size))

    @checked
    def decode(self, codes: Int[ndarray, "B N"]) -> UInt8[ndarray, "B Y X C"]:
        """The images of codes: for each pixel the colour of its cluster."""
        check_shape("codes", codes, (len(codes), prod(self.img_size)))
        colors = colors_of_clusters(codes, self.clusters.value)
        pixels = np.clip(np.round((colors + 1) * 127.5), 0, 255).astype(np.uint8)
        return pixels.reshape(len(codes), *self.img_size, self.in_chans)


def _read_npy(path: str | Path) -> ndarray:
    must_be_file(path)
    try:
        with open(path, "rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (EOFError, ValueError) as error:
        raise ValueError(f"{path} is no .npy file of an array, or it is damaged: {error}") from error


def _any_colors(rng: np.random.Generator, param: Param) -> ndarray:
    return rng.uniform(-1, 1, param.shape)
