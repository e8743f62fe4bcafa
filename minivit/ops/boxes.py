"""Boxes: from centres and sizes to corners, and how much two boxes have in common."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import sum_to
from minivit.types import Float, ndarray


class BoxCornersCache(NamedTuple):
    """What ``box_corners_backward`` needs: nothing, the map is linear."""


@checked
def box_corners_forward(x: Float[ndarray, "*B 4"]) -> tuple[Float[ndarray, "*B 4"], BoxCornersCache]:
    r"""Centre and size (cx, cy, w, h) become corners (x0, y0, x1, y1).

    .. math:: x_{0,1} = c_x \mp \tfrac{w}{2}, \qquad y_{0,1} = c_y \mp \tfrac{h}{2}

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", official code (``box_cxcywh_to_xyxy``).
    """
    centre, half = x[..., :2], x[..., 2:] / 2
    return np.concatenate((centre - half, centre + half), axis=-1), BoxCornersCache()


@checked
def box_corners_backward(dy: Float[ndarray, "*B 4"], cache: BoxCornersCache) -> InputGrad:
    r"""Gradient of :func:`box_corners_forward`: the centre moves both corners one way, the size apart.

    .. math:: \bar c_x = \bar x_0 + \bar x_1, \qquad \bar w = \tfrac12 (\bar x_1 - \bar x_0)
    """
    dfirst, dsecond = dy[..., :2], dy[..., 2:]
    # forward: return np.concatenate((centre - half, centre + half), axis=-1), BoxCornersCache()
    return InputGrad(np.concatenate((dfirst + dsecond, (dsecond - dfirst) / 2), axis=-1))


class BoxIouCache(NamedTuple):
    """What ``box_iou_backward`` needs."""

    a: Float[ndarray, "..."]
    b: Float[ndarray, "..."]
    gap: Float[ndarray, "..."]
    """Width and height of what the boxes have in common; below 0 where they lie apart."""
    iou: Float[ndarray, "..."]
    union: Float[ndarray, "..."]


class BoxPairGrads(NamedTuple):
    """Gradients of two arrays of boxes, by name."""

    a: Float[ndarray, "*A 4"]
    b: Float[ndarray, "*B 4"]


@checked
def box_iou_forward(a: Float[ndarray, "*A 4"], b: Float[ndarray, "*B 4"]) -> tuple[Float[ndarray, "..."], BoxIouCache]:
    r"""Intersection over union of boxes (x0, y0, x1, y1).

    .. math:: \mathrm{IoU} = \frac{|A \cap B|}{|A \cup B|}, \qquad |A \cup B| = |A| + |B| - |A \cap B|

    The width of the intersection is :math:`\min(x_1^a, x_1^b) - \max(x_0^a, x_0^b)`, or 0 where that is negative.

    Parameters
    ----------
    a, b : (..., 4)
        Their leading axes are broadcast: equal ones pair box with box, ``a[:, None]`` and ``b[None]`` all with all.
        ``x1 >= x0`` and ``y1 >= y0``, as of :func:`box_corners_forward` with sizes that are not negative.

    Returns
    -------
    iou : (...)
        From 0 to 1; 0 of two boxes that have no area.
    cache : BoxIouCache

    Raises
    ------
    ValueError
        If the leading axes do not broadcast.
    """
    _must_fit("box_iou", a, b)
    gap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])  # (..., 2)
    intersection = _product(_positive(gap))
    union = _product(_sides(a)) + _product(_sides(b)) - intersection
    iou = _ratio(intersection, union)
    return iou, BoxIouCache(a, b, gap, iou, union)


@checked
def box_iou_backward(dy: Float[ndarray, "..."], cache: BoxIouCache) -> BoxPairGrads:
    r"""Gradient of :func:`box_iou_forward`.

    With I the intersection and U the union,

    .. math:: \bar U \leftarrow \bar U - \overline{\mathrm{IoU}}\, \frac{\mathrm{IoU}}{U}, \qquad
              \bar I = \frac{\overline{\mathrm{IoU}}}{U} - \bar U, \qquad \overline{|A|} = \overline{|B|} = \bar U.

    The gradient of a side of a box is that of its area times the other side. An edge of the intersection belongs to the
    box whose own edge lies further inside; to both by half where edges coincide. Boxes that lie apart have none.
    """
    check_shape("box_iou_backward: dy", dy, cache.iou.shape)
    return _overlap_backward(dy, np.zeros_like(dy), cache)


class GiouCache(NamedTuple):
    """What ``giou_backward`` needs, and the cache of :func:`box_iou_forward`."""

    overlap: BoxIouCache
    hull: Float[ndarray, "... 2"]
    """Width and height of the smallest box around both."""


@checked
def giou_forward(a: Float[ndarray, "*A 4"], b: Float[ndarray, "*B 4"]) -> tuple[Float[ndarray, "..."], GiouCache]:
    r"""Generalised intersection over union: below 0 the further apart two boxes lie, where IoU is 0 without a slope.

    .. math:: \mathrm{GIoU} = \mathrm{IoU} - \frac{|C| - |A \cup B|}{|C|} \in (-1, 1]

    C is the smallest box around both. A loss is ``1 - giou``.

    Parameters
    ----------
    a, b : (..., 4)
        Corners, as for :func:`box_iou_forward`, and broadcast in the same way.

    Returns
    -------
    giou : (...)
        Of two boxes at one point, both without an area, it is 0.
    cache : GiouCache

    Raises
    ------
    ValueError
        If the leading axes do not broadcast.

    References
    ----------
    Rezatofighi et al. 2019, "Generalized Intersection over Union", algorithm 1 and section 4.2; pairs of all with all
    as in DETR's official code (``generalized_box_iou``).
    """
    iou, c_overlap = box_iou_forward(a, b)
    hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])  # (..., 2)
    area = _product(hull)
    return iou - _ratio(area - c_overlap.union, area), GiouCache(c_overlap, hull)


@checked
def giou_backward(dy: Float[ndarray, "..."], cache: GiouCache) -> BoxPairGrads:
    r"""Gradient of :func:`giou_forward`.

    As :math:`\mathrm{GIoU} = \mathrm{IoU} - 1 + U / |C|`, the union has :math:`\bar U = \bar y / |C|`, and
    :math:`\overline{|C|} = -\bar y\, U / |C|^2`. An edge of C belongs to the box whose own edge lies further outside:
    this is what pulls boxes together that have nothing in common.
    """
    (a, b, _, iou, union), hull = cache
    check_shape("giou_backward: dy", dy, iou.shape)
    area = _product(hull)
    dunion = _ratio(dy, area)  # formula: giou = iou - 1 + union / area
    da, db = _overlap_backward(dy, dunion, cache.overlap)
    darea = -dunion * _ratio(union, area)
    dhull = darea[..., None] * hull[..., ::-1]  # forward: area = _product(hull)

    def of(box: ndarray, other: ndarray) -> ndarray:
        # forward: hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
        dfirst = -dhull * _share(other[..., :2], box[..., :2])
        dsecond = dhull * _share(box[..., 2:], other[..., 2:])
        return sum_to(np.concatenate((dfirst, dsecond), axis=-1), box.shape)

    return BoxPairGrads(da + of(a, b), db + of(b, a))


def _overlap_backward(diou: ndarray, dunion: ndarray, cache: BoxIouCache) -> BoxPairGrads:
    """Gradients of the boxes, if there is a gradient of the area of the union, too."""
    a, b, gap, iou, union = cache
    dunion = dunion - diou * _ratio(iou, union)  # formula: iou = intersection / union
    dintersection = _ratio(diou, union) - dunion  # formula: union = area of a + area of b - intersection
    # forward: intersection = _product(_positive(gap))
    dgap = dintersection[..., None] * _positive(gap)[..., ::-1] * (np.real(gap) >= 0)

    def of(box: ndarray, other: ndarray) -> ndarray:
        # forward: union = _product(_sides(a)) + _product(_sides(b)) - intersection
        dsides = dunion[..., None] * _sides(box)[..., ::-1]
        dfirst = -dgap * _share(box[..., :2], other[..., :2]) - dsides
        dsecond = dgap * _share(other[..., 2:], box[..., 2:]) + dsides
        return sum_to(np.concatenate((dfirst, dsecond), axis=-1), box.shape)

    return BoxPairGrads(of(a, b), of(b, a))


def _must_fit(op: str, a: ndarray, b: ndarray) -> None:
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise ValueError(f"{op}: boxes {a.shape} and {b.shape} do not broadcast") from None


def _sides(boxes: ndarray) -> ndarray:
    """Width and height."""
    return boxes[..., 2:] - boxes[..., :2]


def _product(sides: ndarray) -> ndarray:
    return sides[..., 0] * sides[..., 1]


def _positive(x: ndarray) -> ndarray:
    return np.where(np.real(x) > 0, x, 0)


def _ratio(part: ndarray, whole: ndarray) -> ndarray:
    """Quotient; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros_like(part + whole), where=whole != 0)


def _share(x: ndarray, y: ndarray) -> ndarray:
    """How much of the gradient of ``max(x, y)`` x gets: all, none, or half of it where they are equal."""
    return (np.sign(np.real(x - y)) + 1) / 2
