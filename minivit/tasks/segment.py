"""Of which class is the object at each pixel?"""

from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Scenes
from minivit.data.segments import IGNORED, SegmentedImages, segmented
from minivit.ops.confusion import confusion_matrix, mean_iou, pixel_accuracy
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward
from minivit.ops.resize import ResizeCache, resize_backward, resize_forward
from minivit.tasks.task import Augment, Normalize, Pictures, Task, check_as_many
from minivit.types import Factor, Float, Int, Scalar, UInt8, ndarray

SHOWN = 12
"""Images in the picture of a run."""


class PixelsCache(NamedTuple):
    """What the gradient of one head's logits needs."""

    resize: ResizeCache | None
    loss: CrossEntropyCache


class SegmentCache(NamedTuple):
    """What ``Segment.backward`` needs: the outputs, of whose kind their gradients are, and which pixels count."""

    outputs: Any
    counted: ndarray
    heads: list[PixelsCache]


class Scores(NamedTuple):
    """How good maps are, over all pixels of all images together: see :mod:`minivit.ops.confusion`."""

    mean_iou: float
    mean_iou_of_objects: float
    """Without class 0, the background."""
    pixel_accuracy: float


class Segment(Task):
    r"""Cross-entropy of each pixel, a mean over those that count, not over images.

    .. math:: L = -\frac1n \sum_{b, y, x:\, t \ne 255} \log \operatorname{softmax}(z_{byx})_{t_{byx}}
              + \lambda\, L^{\text{aux}}

    n pixels of the whole batch count; where 255 stands, nobody has said what is there. :math:`L^{\text{aux}}` is the
    same of a second head, in the outputs of a model that has one.

    Outputs are logits (B, Y, X, classes), or a tuple with fields ``logits`` and ``auxiliary``. Those of fewer rows and
    columns than the image are made as large first, bilinearly, as the official code does it. Targets are maps (B, Y, X)
    of uint8: class 0 is the background. In training, a map is moved and mirrored as its image is.

    The score is the mean IoU of the classes but the background, of all test images together. :meth:`scores` has more.

    Parameters
    ----------
    auxiliary_weight : float
        :math:`\lambda`.
    augment : function of pixels and a random generator, optional
        What moves images, in training; where zeros come in, pixels do not count. It is given the map as one more
        channel, so it may move pixels, but not change them.

    References
    ----------
    Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation"; the second head, Zhao et al. 2017,
    "Pyramid Scene Parsing Network", section 3.3, equation 1; 255 and 0.4 as in MMSegmentation.
    """

    kind = SegmentedImages
    usual_model = "upernet_swin_tiny_patch4_64"
    usual_data = "scenes"
    loss_name = "cross-entropy of pixels (nats)"
    score_name = "mean IoU of objects"

    @checked
    def __init__(self, *, auxiliary_weight: Factor = 0.4, augment: Augment | None = None) -> None:
        self.auxiliary_weight, self.augment = auxiliary_weight, augment

    def recast(self, dataset: Dataset) -> Dataset:
        """Scenes as images with a map of classes each, of which the background is the first."""
        return segmented(dataset) if isinstance(dataset.train, Scenes) else dataset

    def draw(
        self, examples: SegmentedImages, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B Y X C"], UInt8[ndarray, "B Y X"]]:
        self.check(examples)
        images, maps = examples.images, examples.maps
        _check_maps(maps)
        if self.augment is not None and rng is not None:
            one_up = maps[..., None] - np.uint8(IGNORED)  # modulo 256: 0 stands for what does not count
            moved = self.augment(np.concatenate((images, one_up), axis=-1), rng)
            images, maps = moved[..., :-1], moved[..., -1] + np.uint8(IGNORED)
        return normalize(images), maps

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return super().model_options(dataset) | {"num_classes": len(dataset.class_names)}

    def over(self, targets: UInt8[ndarray, "B Y X"]) -> int:
        return int((targets != IGNORED).sum())

    def forward(self, outputs: Any, targets: UInt8[ndarray, "B Y X"]) -> tuple[Scalar, SegmentCache]:
        _check_maps(targets, outputs)
        counted = targets != IGNORED
        if not counted.any():
            raise ValueError("Segment: no pixel of these maps counts; expected one at least that is not 255")
        labels, heads, loss = targets[counted].astype(np.intp), [], 0.0
        for logits, weight in zip(heads_of(outputs), self._weights, strict=False):
            logits, c_resize = as_large(logits, targets.shape[1:])
            of_head, c_loss = cross_entropy_forward(logits[counted], labels)
            loss = loss + weight * of_head
            heads.append(PixelsCache(c_resize, c_loss))
        return loss, SegmentCache(outputs, counted, heads)

    def backward(self, dloss: Scalar, cache: SegmentCache) -> Any:
        gradients = []
        for (c_resize, c_loss), weight in zip(cache.heads, self._weights, strict=False):
            (dcounted,) = cross_entropy_backward(dloss * weight, c_loss)
            dlogits = np.zeros_like(dcounted, shape=(*cache.counted.shape, dcounted.shape[-1]))
            dlogits[cache.counted] = dcounted  # forward: logits[counted]
            gradients.append(dlogits if c_resize is None else resize_backward(dlogits, c_resize).x)
        return type(cache.outputs)(*gradients) if isinstance(cache.outputs, tuple) else gradients[0]

    @property
    def _weights(self) -> tuple[float, float]:
        """How much each head counts, if it is there."""
        return 1.0, self.auxiliary_weight

    def scores(self, outputs: Any, targets: UInt8[ndarray, "B Y X"]) -> Scores:
        """Mean IoU with and without the background, and the share of pixels that are right."""
        _check_maps(targets, outputs)
        logits, *_ = heads_of(outputs)
        confusion = confusion_matrix(targets, classes_of(logits, targets.shape[1:]), logits.shape[-1])
        return Scores(mean_iou(confusion), mean_iou(confusion, background=False), pixel_accuracy(confusion))

    def score(self, outputs: Any, targets: UInt8[ndarray, "B Y X"]) -> float:
        return self.scores(outputs, targets).mean_iou_of_objects

    def pictures(
        self, dataset: Dataset, examples: SegmentedImages, targets: UInt8[ndarray, "B Y X"], outputs: Any
    ) -> Pictures:
        from minivit import plot

        logits, *_ = heads_of(outputs)
        said = classes_of(logits[:SHOWN], targets.shape[1:])
        images, maps = examples.images[:SHOWN], examples.maps[:SHOWN]
        return {"segments": lambda: plot.segments(images, said, dataset.class_names, truth=maps)}


def _check_maps(maps: ndarray, outputs: Any = None) -> None:
    """See that there is a class for each pixel, and that no map is smaller than the logits of its image.

    Raises
    ------
    TypeError, ValueError
        If they are no whole numbers of 8 bits, have another shape, or there are not as many.
    """
    if maps.dtype != np.uint8:
        raise TypeError(
            f"Segment: maps have dtype {maps.dtype}; expected uint8: 0 to 254, or {IGNORED}, which counts not"
        )
    if maps.ndim != 3:
        raise ValueError(
            f"Segment: maps have shape {maps.shape}; expected (images, rows, columns), a class at each pixel"
        )
    if outputs is None:
        return
    check_as_many("Segment", outputs, maps)
    for logits in heads_of(outputs):
        if any(n > side for n, side in zip(logits.shape[1:3], maps.shape[1:], strict=True)):
            raise ValueError(
                f"Segment: maps have shape {maps.shape}, and logits {logits.shape}; expected as large ones as images"
            )


def heads_of(outputs: Any) -> tuple[ndarray, ...]:
    """Logits of each head, those that are asked first."""
    return tuple(outputs) if isinstance(outputs, tuple) else (outputs,)


def as_large(
    logits: Float[ndarray, "B y x classes"], size: tuple[int, ...]
) -> tuple[Float[ndarray, "B Y X classes"], ResizeCache | None]:
    """Logits of each pixel, bilinearly; as they are, with no cache, if there are as many already."""
    if logits.shape[1:3] == size:
        return logits, None
    return resize_forward(logits, size=(size[0], size[1]))


def classes_of(logits: Float[ndarray, "B y x classes"], size: tuple[int, ...]) -> Int[ndarray, "B Y X"]:
    """The likeliest class of each pixel."""
    return as_large(logits, size)[0].argmax(-1)
