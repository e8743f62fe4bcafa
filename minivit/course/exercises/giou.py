"""Generalised intersection over union: boxes, what two of them have in common, and the box around both."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, lengths
from minivit.course.explain import told_apart


def drawn_boxes(rng: Generator, *shape: int) -> np.ndarray:
    """Corners of boxes, many of which overlap."""
    centre, half = rng.random((*shape, 2)), rng.uniform(0.1, 0.4, (*shape, 2))
    return np.concatenate((centre - half, centre + half), axis=-1)


def in_pairs(rng: Generator) -> Case:
    B, N = lengths(rng, 2)
    return Case((drawn_boxes(rng, B, N), drawn_boxes(rng, B, N)), {})


def all_with_all(rng: Generator) -> Case:
    N, M = lengths(rng, 2)
    return Case((drawn_boxes(rng, N, 1), drawn_boxes(rng, M)), {})


def beside(moved: Callable[[Generator, np.ndarray], np.ndarray]) -> Draw:
    """Pairs of boxes of which the second one is made of the first."""

    def drawn(rng: Generator) -> Case:
        a = drawn_boxes(rng, *lengths(rng, 2))
        b = moved(rng, a)
        swapped = rng.random((*a.shape[:-1], 1)) < 0.5
        return Case((np.where(swapped, b, a), np.where(swapped, a, b)), {})

    return drawn


def apart(rng: Generator, a: np.ndarray) -> np.ndarray:
    """To the right of it, below it, or both."""
    ways = np.array([[2.0, 0.1], [0.1, 2.0], [2.0, 2.0]])[rng.integers(0, 3, a.shape[:-1])]
    return a + np.tile(ways, 2) + 0.1 * rng.random((*a.shape[:-1], 1)) * (1, -1, 2, -3)


def inside(rng: Generator, a: np.ndarray) -> np.ndarray:
    return a + rng.uniform(0.01, 0.09, a.shape) * (1, 1, -1, -1)


def with_some_of_its_edges(rng: Generator, a: np.ndarray) -> np.ndarray:
    return a + 0.15 * (rng.random(a.shape) < 0.5)


def touching(rng: Generator, a: np.ndarray) -> np.ndarray:
    """The right edge of the first one is the left edge of the second one, whose height is another."""
    x0, x1 = a[..., 2], a[..., 2] + rng.uniform(0.1, 0.5, a.shape[:-1])
    return np.stack((x0, a[..., 1] - 0.03, x1, a[..., 3] - 0.05), axis=-1)


def at_one_point(rng: Generator) -> Case:
    """Some pairs are one point twice, others are boxes."""
    (a, b), options = in_pairs(rng)
    a[0] = b[0] = np.tile(rng.random((a.shape[1], 2)), 2)
    return Case((a, b), options)


def one_with_one(rng: Generator) -> Case:
    (a, b), options = in_pairs(rng)
    return Case((a.reshape(-1, 4)[0], b.reshape(-1, 4)[0]), options)


PAIRS: dict[str, Draw] = {
    "": in_pairs,
    "of all boxes with all": all_with_all,
    "where boxes lie apart": beside(apart),
    "where one lies in the other": beside(inside),
    "where edges coincide": beside(with_some_of_its_edges),
    "where boxes touch": beside(touching),
    "where both are one point": at_one_point,
    "of one box with one": one_with_one,
}


def named_sizes(case: Case) -> dict[str, float]:
    a, b = case.args
    shape = np.broadcast_shapes(a.shape, b.shape)[:-1]
    return {"the batch": shape[0], "the pairs": int(np.prod(shape))} if shape else {}


UNIT = np.array([[0.0, 0.0, 1.0, 1.0]])


def to_the_right(*steps: float) -> np.ndarray:
    """Unit squares so far to the right, and as far below."""
    return np.array([[x, x, x + 1, x + 1] for x in steps])


def centre_and_size_come_back(call: Call, rng: Generator) -> str | None:
    corners = call(np.array([[0.5, 0.25, 0.2, 0.1]]))[0]
    right = [0.4, 0.2, 0.6, 0.3]
    if close(corners, right):
        return None
    given = ", ".join(f"{x:.4g}" for x in corners[0])
    return f"a box around (0.5, 0.25), 0.2 wide and 0.1 high, goes from (0.4, 0.2) to (0.6, 0.3); yours is ({given})"


def is_from_0_to_1(call: Call, rng: Generator) -> str | None:
    same, half, far = call(np.repeat(UNIT, 3, 0), np.array([[0, 0, 1, 1], [0, 0, 1, 0.5], [5, 5, 6, 6]], float))[0]
    for words, found, right in (
        ("of a box with itself it is 1", same, 1),
        ("of a box with its upper half it is 0.5", half, 0.5),
        ("of two boxes that lie apart in both directions it is 0", far, 0),
    ):
        if not close(found, right):
            return f"{words}; yours is {told_apart(found, right, digits=4)[0]}"
    return None


def falls_as_boxes_part(call: Call, rng: Generator) -> str | None:
    """Where IoU is 0 and stays 0."""
    far = call(np.repeat(UNIT, 3, 0), to_the_right(1, 2, 1e6))[0]
    right = -(1 - 2 / 4), -(1 - 2 / 9), -1
    if np.allclose(far, right, rtol=0, atol=1e-5):
        return None
    found = ", ".join(f"{x:.4g}" for x in far)
    return (
        "of two unit squares, of which one stands 1, 2 or a million to the right of the other and as much below, it is "
        f"-0.5, -0.7778 and -1; yours is {found}"
    )


def is_1_of_a_box_with_itself(call: Call, rng: Generator) -> str | None:
    found = call(UNIT, UNIT.copy())[0][0]
    return None if close(found, 1) else f"of a box with itself it is 1; yours is {told_apart(found, 1, digits=4)[0]}"


ORDER = "the four numbers are (cx, cy, w, h), the centre first"
BOTH_CORNERS = "np.concatenate((centre - half, centre + half), axis=-1)"
GAP = "gap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])"
INTERSECTION = "intersection = _product(_positive(gap))"
UNION = "union = _product(_sides(a)) + _product(_sides(b)) - intersection"
IOU = "iou = _ratio(intersection, union)"
HULL = "hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])"
BETWEEN = "((a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2)"
SHARE = "iou - _ratio(area - c_overlap.union, area)"
OVERLAP = "da, db = _overlap_backward(dy, dunion, cache.overlap)"
ONE_BY_ONE = (
    "of boxes that lie apart in both directions both sides are below 0, and their product is above it: cut each side "
    "off at 0, before you multiply"
)
PIXELS = "1 is added to the sides, as if pixels were counted; here a side is x1 - x0"
AROUND = "the box around both begins at the smaller of the first corners, and ends at the larger of the second ones"
FURTHER_IN = "an edge of the intersection belongs to the box whose own edge lies further inside"
BY_HALF = "where edges coincide, each box gets half of the gradient"
CENTRED = "a, b = box_corners_forward(a)[0], box_corners_forward(b)[0]"
TAKEN = "a and b are taken for centres and sizes; they are corners already"
OTHER_SIDE = "the gradient of a side is that of the area times the *other* side"
FIRST_CORNER = "a box grows when its first corner gets smaller: its gradient has a minus"
STRETCHED = "... an axis that was stretched in the forward must be summed"


def overlap(
    *,
    dunion: str = "-dy * _ratio(iou, union)",
    dintersection: str = "_ratio(dy, union) - dunion",
    dgap: str = "dintersection[..., None] * _positive(gap)[..., ::-1] * (gap >= 0)",
    dsides: str = "dunion[..., None] * _sides(box)[..., ::-1]",
    first: str = "(np.sign(box[..., :2] - other[..., :2]) + 1) / 2",
    second: str = "(np.sign(other[..., 2:] - box[..., 2:]) + 1) / 2",
    corners: str = "-dgap * first - dsides, dgap * second + dsides",
    result: str = "sum_to(np.concatenate(corners, axis=-1), box.shape)",
) -> str:
    """The backward of IoU with one of its lines put otherwise."""
    return (
        f"a, b, gap, iou, union = cache\n    dunion = {dunion}\n    dintersection = {dintersection}\n"
        f"    dgap = {dgap}\n    def of(box, other):\n        dsides = {dsides}\n        first = {first}\n"
        f"        second = {second}\n        corners = {corners}\n        return {result}\n"
        "    return BoxPairGrads(of(a, b), of(b, a))"
    )


def in_giou(**lines: str) -> str:
    """GIoU's backward, in which that of IoU has lines put otherwise."""
    of_iou = overlap(**lines).replace("dunion = ", "dunion = added + ", 1).replace("\n", "\n    ")
    return f"def of_iou(dy, added, cache):\n        {of_iou}\n    da, db = of_iou(dy, dunion, cache.overlap)"


IN_OVERLAP: tuple[tuple[dict[str, str], str], ...] = (
    (
        {"dintersection": "_ratio(dy, union)"},
        "the intersection is subtracted in the union, so it has a second gradient there: dI = dy / U - dU",
    ),
    (
        {"dintersection": "_ratio(dy, union) + dunion"},
        "the union has the intersection with a minus: dI = dy / U - dU",
    ),
    (
        {"dintersection": "-dunion"},
        "the numerator is missing: dI = dy / U - dU",
    ),
    (
        {"dgap": "dintersection[..., None] * _positive(gap)[..., ::-1]"},
        "boxes that lie apart have no intersection that could grow: where a gap is below 0 its gradient is 0",
    ),
    (
        {"dgap": "dintersection[..., None] * gap[..., ::-1] * (gap >= 0)"},
        "a gap below 0 is multiplied by; there the intersection has the side 0",
    ),
    (
        {"dgap": "dintersection[..., None] * _positive(gap)[..., ::-1] * (gap > 0)"},
        "where boxes touch, the slope is that of boxes which overlap: 0 only where the gap is below 0",
    ),
    (
        {"dgap": "dintersection[..., None] * _positive(gap) * (gap >= 0)"},
        f"{OTHER_SIDE}; in the intersection yours is times the same one",
    ),
    (
        {"dgap": "dintersection[..., None] * (gap >= 0)"},
        f"{OTHER_SIDE}; in the intersection that is missing",
    ),
    (
        {"dsides": "dunion[..., None] * _sides(box)"},
        f"{OTHER_SIDE}; in the areas of the boxes yours is times the same one",
    ),
    (
        {"dsides": "dunion[..., None] * _sides(other)[..., ::-1]"},
        "the area of a box has the sides of that box; yours has those of the other one",
    ),
    (
        {"dsides": "0 * _sides(box)"},
        "the areas of the boxes stand in the union, too: their gradient is missing",
    ),
    (
        {"first": "1", "second": "1"},
        f"both boxes get all of the gradient of the intersection; {FURTHER_IN}",
    ),
    (
        {"first": "0.5", "second": "0.5"},
        f"every edge of the intersection is shared by half; {FURTHER_IN}",
    ),
    (
        {
            "first": "(np.sign(other[..., :2] - box[..., :2]) + 1) / 2",
            "second": "(np.sign(box[..., 2:] - other[..., 2:]) + 1) / 2",
        },
        f"the edges of the intersection go to the wrong box; {FURTHER_IN}",
    ),
    (
        {"first": "box[..., :2] > other[..., :2]", "second": "box[..., 2:] < other[..., 2:]"},
        f"{BY_HALF}; this one gets nothing of it here",
    ),
    (
        {"first": "box[..., :2] >= other[..., :2]", "second": "box[..., 2:] <= other[..., 2:]"},
        f"{BY_HALF}; this one gets all of it here",
    ),
    (
        {"corners": "dgap * first - dsides, dgap * second + dsides"},
        "the intersection shrinks when its first corner gets larger: that gradient has a minus",
    ),
    (
        {"corners": "-dgap * first + dsides, dgap * second + dsides"},
        f"in the areas, {FIRST_CORNER}",
    ),
    (
        {"corners": "dgap * second + dsides, -dgap * first - dsides"},
        "the gradients of the two corners are exchanged",
    ),
)
"""Lines of the backward of IoU put otherwise, which are as wrong in that of GIoU, and what is to be said."""


def shared(first: str, second: str) -> str:
    """GIoU's backward with other shares of the edges of the box around both."""
    return (
        f"def of(box, other):\n        dfirst = -dhull * ({first})\n        dsecond = dhull * ({second})\n"
        "        return sum_to(np.concatenate((dfirst, dsecond), axis=-1), box.shape)\n"
        "    return BoxPairGrads(da + of(a, b), db + of(b, a))"
    )


corners = partial(
    Task, cases={"": arrays("B N 4"), "of one row": arrays("N 4")}, axes={"y": "sample box number"}, simpler=ONE_SAMPLE
)
pairs = partial(
    Task,
    cases=PAIRS,
    sizes=named_sizes,
    axes={"y": "sample pair", "da": "sample pair number", "db": "sample pair number"},
)
TASKS = (
    corners(
        "box_corners_forward",
        properties=(Property("a box by hand", centre_and_size_come_back),),
        mistakes={
            "centre, half = x[..., :2], x[..., 2:] / 2": {
                "centre, half = x[..., :2], x[..., 2:]": "the whole size goes to each side of the centre; half of it "
                "does",
                "centre, half = x[..., 2:], x[..., :2] / 2": f"centre and size are exchanged: {ORDER}",
                "centre, half = x[..., ::2], x[..., 1::2] / 2": f"the numbers are read as (cx, w, cy, h); {ORDER}",
                "centre, half = x[..., :2], x[..., [3, 2]] / 2": "width and height are exchanged: cx goes with w, cy "
                "with h",
                "centre, half = x[..., :2], x[..., 2:] // 2": "// cuts the fraction off; / keeps it",
                "x[..., 2:] /= 2; centre, half = x[..., :2], x[..., 2:]": "... you modified x in place",
            },
            BOTH_CORNERS: {
                "np.concatenate((centre, centre + 2 * half), axis=-1)": "(cx, cy) is taken for the first corner; it is "
                "the centre",
                "np.concatenate((centre + half, centre - half), axis=-1)": "the corners are exchanged: the first one "
                "is centre - half",
                "np.concatenate((centre - half, 2 * half), axis=-1)": "behind the first corner stands the size; the "
                "second corner belongs there",
                "np.stack((centre - half, centre + half), axis=-1).reshape(x.shape)": "the corners are written as (x0, "
                "x1, y0, y1); asked for is (x0, y0, x1, y1)",
                "np.concatenate((centre - half, centre + half), axis=-1)[..., [1, 0, 3, 2]]": "y stands before x; "
                "asked for is (x0, y0, x1, y1)",
                "np.clip(np.concatenate((centre - half, centre + half), axis=-1), 0, 1)": "the corners are cut off at "
                "0 and 1; a box may reach over the edge of the image",
                "np.concatenate((centre - half, centre + half), axis=0)": "... y has shape",
                "np.stack((centre - half, centre + half), axis=-2)": "... y has shape",
            },
        },
    ),
    corners(
        "box_corners_backward",
        mistakes={
            "np.concatenate((dfirst + dsecond, (dsecond - dfirst) / 2), axis=-1)": {
                "np.concatenate(((dfirst + dsecond) / 2, (dsecond - dfirst) / 2), axis=-1)": "the centre gets the mean "
                "of both corners; it moves both of them, so it gets their sum",
                "np.concatenate((dfirst + dsecond, dsecond - dfirst), axis=-1)": "the half is missing: each corner "
                "moves by half of what the size grows",
                "np.concatenate((dfirst + dsecond, (dfirst - dsecond) / 2), axis=-1)": "the gradient of the size has "
                "the wrong sign: the second corner has + half, the first one - half",
                "np.concatenate((dfirst + dsecond, (dfirst + dsecond) / 2), axis=-1)": "for the size the corners are "
                "added; it moves them apart, so their difference counts",
                "np.concatenate((dfirst - dsecond, (dsecond - dfirst) / 2), axis=-1)": "for the centre the difference "
                "of the corners is taken; it moves both one way, so it gets their sum",
                "np.concatenate((dfirst, (dsecond - dfirst) / 2), axis=-1)": "the centre gets the gradient of the "
                "first corner alone; it moves both",
                "np.concatenate((dfirst + dsecond, dsecond / 2), axis=-1)": "the size gets the gradient of the second "
                "corner alone; it moves both",
                "np.concatenate(((dsecond - dfirst) / 2, dfirst + dsecond), axis=-1)": "the size stands before the "
                "centre",
                "np.concatenate(((dfirst + dsecond) / 2, dsecond - dfirst), axis=-1)": "the way back from corners to "
                "centre and size is taken; a gradient goes back by the transpose: the sum, and half of the difference",
                "box_corners_forward(dy)[0]": "that is the forward once more; a gradient goes back by the transpose: "
                "the sum, and half of the difference",
            },
            "dfirst, dsecond = dy[..., :2], dy[..., 2:]": {
                "dfirst, dsecond = dy[..., ::2], dy[..., 1::2]": "dy is read as (x0, x1, y0, y1); it is (x0, y0, x1, "
                "y1)",
                "dfirst, dsecond = np.ones_like(dy[..., :2]), np.ones_like(dy[..., 2:])": "dy is missing",
            },
        },
    ),
    pairs(
        "box_iou_forward",
        properties=(Property("from 0 to 1", is_from_0_to_1),),
        mistakes={
            GAP: {
                f"{CENTRED}; {GAP}": TAKEN,
                HULL.replace("hull", "gap"): "that is the box around both: the intersection begins at the larger of "
                "the first corners, and ends at the smaller of the second ones",
                f"{GAP}; gap = gap + 1; _sides = lambda boxes: boxes[..., 2:] - boxes[..., :2] + 1": PIXELS,
                f"{GAP}; gap = abs(gap)": "where boxes lie apart the gap is below 0, and its size is taken; 0 is left "
                "of it",
                "gap = np.minimum(a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2])": "the smaller sides of both are "
                "taken, wherever the boxes are",
                "gap = np.minimum(a[..., 2:] - b[..., :2], b[..., 2:] - a[..., :2])": "where one box lies in the other "
                "the intersection is the inner one: it ends at the smaller of the second corners, and begins at the "
                "larger of the first ones",
            },
            INTERSECTION: {
                "intersection = _product(gap)": ONE_BY_ONE,
                "intersection = _positive(_product(gap))": f"the product is cut off at 0; {ONE_BY_ONE}",
                "intersection = _positive(gap).sum(-1)": "width and height are added; an area is their product",
            },
            UNION: {
                "union = _product(_sides(a)) + _product(_sides(b))": "in the union the common area is counted twice: "
                "subtract the intersection",
                "union = _product(_sides(a)) + _product(_sides(b)) + intersection": "the intersection is added to the "
                "union; it is subtracted, because both areas have it",
                "union = np.maximum(_product(_sides(a)), _product(_sides(b)))": "the larger area is divided by; it is "
                "the union of both",
                "union = np.minimum(_product(_sides(a)), _product(_sides(b)))": "the smaller area is divided by; it is "
                "the union of both",
                "union = _product(np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2]))": "the box "
                "around both is divided by; the union is |A| + |B| - |A and B|",
                "union = _product(_sides(a)) + 0 * _product(_sides(b))": "the first box alone is divided by; it is the "
                "union of both",
                "union = _product(_sides(a)) + _product(_sides(b)) - 2 * intersection": "the intersection is "
                "subtracted twice; it is counted twice in |A| + |B|, so once is enough",
            },
            IOU: {
                "iou = _ratio(2 * intersection, union + intersection)": "that is Dice's coefficient, 2 I / (|A| + "
                "|B|); asked for is I / U",
                "iou = intersection": "that is the area of the intersection; divide by the union",
                "iou = 1 - _ratio(intersection, union)": "that is 1 - IoU, a loss; asked for is IoU itself",
                "iou = intersection / (union + 1e-6)": "... digits only",
                "iou = intersection / union": "... nan in",
            },
            "BoxIouCache(a, b, gap, iou, union)": {
                "BoxIouCache(b, a, gap, iou, union)": "... cache.a and cache.b are exchanged",
                "BoxIouCache(a, b, _positive(gap), iou, union)": "the cache has the gap as it is, below 0 where boxes "
                "lie apart: backward has to see it",
                "BoxIouCache(a, b, gap, iou, intersection)": "... cache.union",
            },
        },
    ),
    pairs(
        "box_iou_backward",
        mistakes={
            "": {
                overlap(dunion="0 * dy"): "the union grows with the boxes, too, and IoU falls: dU = -dy IoU / U is "
                "missing",
                overlap(dunion="dy * _ratio(iou, union)"): "the gradient of the union has the wrong sign: a larger "
                "union makes IoU smaller",
                overlap(dunion="-_ratio(dy, union)"): "the gradient of the union is -dy I / U², which is -dy IoU / U; "
                "IoU is missing",
                overlap(dunion="-dy * _ratio(iou, union) ** 2"): "the gradient of the union is -dy I / U², which is "
                "-dy IoU / U; yours is divided once more",
                **{overlap(**lines): says for lines, says in IN_OVERLAP},
                overlap(dunion="-_ratio(iou, union)", dintersection="_ratio(1 + 0 * dy, union) - dunion"): (
                    "dy is missing"
                ),
                overlap(result="np.concatenate(corners, axis=-1)"): STRETCHED,
                overlap(result="sum_to(np.concatenate(corners, axis=-1), box.shape) / len(box)"): "... the batch",
                f"{overlap()[: -len('BoxPairGrads(of(a, b), of(b, a))')]}BoxPairGrads(of(b, a), of(a, b))": "... da "
                "and db are exchanged",
            },
        },
    ),
    pairs(
        "giou_forward",
        properties=(
            Property("boxes that part", falls_as_boxes_part),
            Property("a box with itself", is_1_of_a_box_with_itself),
        ),
        mistakes={
            HULL: {
                GAP.replace("gap", "hull"): f"that is the intersection; {AROUND}",
                "hull = np.maximum(a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2])": "the larger sides of the two "
                "are taken, wherever the boxes are; the box around both holds both where they stand",
                "hull = a[..., 2:] - a[..., :2] + b[..., 2:] - b[..., :2]": "the sides of the two are added; the box "
                "around both holds both where they stand",
                "hull = np.minimum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])": f"{AROUND}; yours "
                "ends at the smaller of the second corners",
                "hull = np.maximum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])": f"{AROUND}; yours "
                "begins at the larger of the first corners",
                f"{HULL} + 1": PIXELS.replace("the sides", "the sides of the box around both"),
            },
            "iou, c_overlap = box_iou_forward(a, b)": {
                f"a, b = a[:], b[:]; {GAP}; intersection = _product(gap); {UNION}; {IOU}; c_overlap = BoxIouCache(a, "
                "b, gap, iou, union)": ONE_BY_ONE,
                f"{CENTRED}; iou, c_overlap = box_iou_forward(a, b)": TAKEN,
            },
            SHARE: {
                "iou - np.where(area > 0, _ratio(area - c_overlap.union, area), 1)": "where the box around both has no "
                "area, its share that is empty is 0; IoU - 1 + U / |C| leaves -1 there",
                "iou + _ratio(area - c_overlap.union, area)": "what the box around both has too much is added; it is "
                "subtracted",
                "iou - _ratio(area - c_overlap.union, c_overlap.union)": "what the box around both has too much is "
                "divided by the union; divide it by the box around both, |C|",
                "iou - _ratio(c_overlap.union, area)": "the share of C that is filled is subtracted; subtract what is "
                "empty, (|C| - U) / |C|",
                "iou - _ratio(area - c_overlap.iou * c_overlap.union, area)": "all that is not common to both is "
                "subtracted; only what belongs to neither is, |C| - U",
                "iou - (area - c_overlap.union)": "what is empty in C is subtracted as an area; it is a share of |C|",
                "-_ratio(area - c_overlap.union, area)": "IoU itself is missing",
                "1 - iou + _ratio(area - c_overlap.union, area)": "that is the loss, 1 - GIoU; asked for is GIoU",
                "np.maximum(iou - _ratio(area - c_overlap.union, area), 0)": "it is cut off at 0; below 0 is where "
                "boxes lie apart, and what is gained over IoU",
                "iou - _ratio(area - _product(_sides(a)) - _product(_sides(b)), area)": "in the union the common area "
                "is counted twice: subtract the intersection",
                "iou - (area - c_overlap.union) / area": "... nan in",
                "_ratio(c_overlap.union, area) + iou": "1 is missing: GIoU = IoU - 1 + U / |C|",
                "_ratio(c_overlap.union, area)": "that is the share of C which is filled; GIoU = IoU - 1 + U / |C|",
                f"iou - _ratio(({BETWEEN} ** 2).sum(-1), (hull**2).sum(-1))": "that is DIoU, which subtracts the "
                "distance of the centres; GIoU subtracts what is empty in C",
                "iou": "that is IoU; what is empty in the box around both is missing",
            },
            "GiouCache(c_overlap, hull)": {
                "GiouCache(c_overlap, area)": "... cache.hull has shape",
                "GiouCache(c_overlap, hull[..., ::-1])": "the cache has width and height of the box around both, in "
                "this order",
            },
        },
        uses=("box_iou_forward",),
    ),
    pairs(
        "giou_backward",
        mistakes={
            OVERLAP: {
                "return box_iou_backward(dy, cache.overlap)": "that is IoU's gradient alone: what the box around both "
                "adds is missing",
                "da, db = _overlap_backward(dy, 0 * dunion, cache.overlap)": "GIoU = IoU - 1 + U / |C|: the union has "
                "a second gradient, dy / |C|, which is missing",
                "da, db = _overlap_backward(dy, -dunion, cache.overlap)": "the second gradient of the union has the "
                "wrong sign: GIoU = IoU - 1 + U / |C|",
                "da, db = _overlap_backward(0 * dy, dunion, cache.overlap)": "the gradient of IoU is missing",
                "da, db = _overlap_backward(-dy, dunion, cache.overlap)": "the gradient of IoU has the wrong sign",
                f"{OVERLAP}; da, db = (np.where((cache.overlap.gap >= 0).all(-1)[..., None], g, 0) if g.shape[:-1] == "
                "iou.shape else g for g in (da, db))": "boxes that lie apart have no intersection, but their areas "
                "count in the union all the same",
                **{in_giou(**lines): says for lines, says in IN_OVERLAP},
            },
            "darea = -dunion * _ratio(union, area)": {
                "darea = 0 * dunion": "the gradient of the box around both is missing: d|C| = -dy U / |C|²",
                "darea = dunion * _ratio(union, area)": "the gradient of |C| has the wrong sign: a larger C makes GIoU "
                "smaller",
                "darea = -dunion": "the gradient of U / |C| by |C| is -U / |C|²; U / |C| is missing",
                "darea = -dunion * union": "the gradient of U / |C| by |C| is -U / |C|²; yours is divided by |C| once",
                "darea = -dunion * _ratio(area - union, area)": "the gradient of U / |C| by |C| is -U / |C|²; yours "
                "has |C| - U in the place of U",
            },
            "dhull = darea[..., None] * hull[..., ::-1]": {
                "dhull = darea[..., None] * hull": f"{OTHER_SIDE}; in the box around both yours is times the same one",
                "dhull = darea[..., None] + 0 * hull": f"{OTHER_SIDE}; in the box around both that is missing",
            },
            "def of(": {
                f"{shared('1', '1')}\n\n    def of(": "both boxes get all of the gradient of the box around them; an "
                "edge of it belongs to the one whose own edge lies further outside",
                f"{shared('0.5', '0.5')}\n\n    def of(": "every edge of the box around both is shared by half; it "
                "belongs to the one whose own edge lies further outside",
                f"{shared('_share(box[..., :2], other[..., :2])', '_share(other[..., 2:], box[..., 2:])')}\n\n"
                "    def of(": "the edges of the box around both go to the wrong box: to the one whose own edge lies "
                "further outside",
                f"{shared('box[..., :2] < other[..., :2]', 'box[..., 2:] > other[..., 2:]')}\n\n    def of(": (
                    f"{BY_HALF}, of the box around both as well; this one gets nothing of it here"
                ),
                f"{shared('box[..., :2] <= other[..., :2]', 'box[..., 2:] >= other[..., 2:]')}\n\n    def of(": (
                    f"{BY_HALF}, of the box around both as well; this one gets all of it here"
                ),
            },
            "dfirst = -dhull": {
                "dfirst = dhull": "C shrinks when its first corner gets larger: that gradient has a minus"
            },
            "return sum_to(np.concatenate((dfirst, dsecond), axis=-1), box.shape)": {
                "return np.concatenate((dfirst, dsecond), axis=-1)": STRETCHED,
                "return sum_to(np.concatenate((dsecond, dfirst), axis=-1), box.shape)": "in the box around both the "
                "gradients of the two corners are exchanged",
            },
            "return BoxPairGrads(da + of(a, b), db + of(b, a))": {
                "return BoxPairGrads(of(a, b), of(b, a))": "only what comes from the box around both is left; add "
                "what comes from intersection and union",
                "return BoxPairGrads(-da - of(a, b), -db - of(b, a))": "... has the wrong sign",
                "return BoxPairGrads(db + of(b, a), da + of(a, b))": "... da and db are exchanged",
                "return BoxPairGrads(da + of(a, b), 0 * (db + of(b, a)))": "... db is zero everywhere",
            },
        },
        uses=("box_iou_forward", "box_iou_backward"),
    ),
)

GIOU = Exercise(
    "giou",
    "boxes: what two of them have in common, and how far apart they are",
    50,
    TASKS,
    offers=("np", "InputGrad", "minivit.ops.rows.sum_to"),
    closed=("minivit.ops.boxes:_overlap_backward",),
    lecture="14_boxes_masks_words",
    section=2,
)
