"""What augmentation makes of images: each operation of RandAugment, and images mixed in pairs."""

from collections.abc import Sequence

import numpy as np

from minivit.ops.losses import one_hot
from minivit.plot.figure import SMALL, TEXT, Figure, check_images, check_lengths, set_title, show_image
from minivit.plot.images import AS_IT_IS, class_name, image_panels, text_size
from minivit.train.mixing import Mixed, cutmix, mixup, random_box
from minivit.train.randaugment import FULL, OPERATIONS, Drawn
from minivit.types import Int, UInt8, ndarray

BLOCKS = 4
"""Operations beside each other."""


def augmentations(image: UInt8[ndarray, "Y X C"], magnitudes: Sequence[float] = (0, 10, 20)) -> Figure:
    """Sheet of an image after each operation of RandAugment, at each of several magnitudes."""
    check_images(image[None])
    if not magnitudes:
        raise ValueError("there are no magnitudes; expected at least one")
    columns = BLOCKS * len(magnitudes)
    figure, panels = image_panels(
        len(OPERATIONS) * len(magnitudes), columns, aspect=image.shape[0] / image.shape[1], text=0.45
    )
    drawn = Drawn(np.array([1]), np.array([[0.4, 0.6]]))
    cells = [(name, magnitude) for name in OPERATIONS for magnitude in magnitudes]
    for panel, (name, magnitude) in zip(panels, cells, strict=True):
        operation = OPERATIONS[name]
        (changed,) = operation.apply(image[None], operation.amount(magnitude / FULL), drawn)
        show_image(panel, changed)
        panel.set_xlabel(f"{magnitude:g}", fontsize=SMALL)
        if magnitude == magnitudes[0]:
            panel.set_title(name, fontsize=TEXT, loc="left")
    set_title(figure, f"The operations of RandAugment, each at its magnitude, where {FULL} is full")
    return figure


def mixtures(
    images: UInt8[ndarray, "B Y X C"], labels: Int[ndarray, "B"], class_names: Sequence[str], *, lam: float = 0.7
) -> Figure:
    """Three rows: images, what MixUp makes of them, and CutMix, with the share of each class.

    Parameters
    ----------
    images : uint8 (B, Y, X, C)
        The first is mixed with the last.
    labels : (B,)
    class_names : sequence of str
    lam : float
        The share of the image itself: of CutMix about that.
    """
    check_images(images)
    check_lengths(len(images), labels=labels)
    inputs, targets = images.astype(float), one_hot(labels, len(class_names)).astype(float)
    box = random_box(np.random.default_rng(0), images.shape[1:3], lam)
    rows = {
        "images": Mixed(inputs, targets),
        "MixUp": mixup(inputs, targets, lam),
        "CutMix": cutmix(inputs, targets, box),
    }
    texts = [_shares(row, class_names) for mixed in rows.values() for row in mixed.targets]
    figure, panels = image_panels(3 * len(images), len(images), aspect=images.shape[1] / images.shape[2], text=0.45)
    size = text_size([line for text in texts for line in text.split("\n")], len(images))
    mixed = np.concatenate([row.inputs for row in rows.values()])
    for panel, image, text in zip(panels, mixed, texts, strict=True):
        show_image(panel, np.round(image).astype(np.uint8))
        panel.set_xlabel(text, fontsize=size, **AS_IT_IS)
    for panel, name in zip(panels[:: len(images)], rows, strict=True):
        panel.set_ylabel(name, fontsize=TEXT)
    set_title(figure, "The first with the last, the second with the last but one, ...: images and targets are mixed")
    return figure


def _shares(targets: ndarray, class_names: Sequence[str]) -> str:
    """The classes that have a share, the largest first, on a line each."""
    order = [label for label in np.argsort(-targets, kind="stable") if targets[label] > 0]
    return "\n".join(f"{class_name(class_names, label)} {targets[label]:.0%}" for label in order)
