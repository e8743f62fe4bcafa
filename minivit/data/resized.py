"""The same images in another size: for models that were made for another one, and for fine-tuning at a higher one."""

from dataclasses import replace

import numpy as np

from minivit.checked import check_range
from minivit.data.dataset import Dataset, channel_statistics
from minivit.data.examples import LabeledImages
from minivit.data.folder import MOST_PIXELS
from minivit.data.image_file import fit_image
from minivit.types import Size, ndarray, pair


def resized(dataset: Dataset[LabeledImages], img_size: Size) -> Dataset[LabeledImages]:
    """The data set with all its images made to fit ``img_size``, and the means and deviations of these.

    Raises
    ------
    ValueError
        If no image has such a size.
    """
    size = pair(img_size)
    check_range("img_size", min(size), at_least=1)
    check_range("img_size", max(size), below=MOST_PIXELS)
    train, test = (replace(split, images=_fitted(split.images, size)) for split in (dataset.train, dataset.test))
    mean, std = channel_statistics(train.images)
    return replace(dataset, train=train, test=test, mean=mean, std=std)


def _fitted(images: ndarray, size: tuple[int, int]) -> ndarray:
    made = np.empty((len(images), *size, images.shape[3]), np.uint8)
    for place, image in zip(made, images, strict=True):
        place[...] = fit_image(image, size)
    return made
