"""DETR's set of boxes: what each pair costs, the cheapest matching, and the loss of boxes that are matched."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import close, lengths

WEIGHTS = 3.0, 1.7
"""Of distance and GIoU, where they are not the usual ones."""


def boxes_of(rng: Generator, *shape: int) -> np.ndarray:
    """Centres and sizes, as shares of an image."""
    return np.concatenate((rng.uniform(0.2, 0.8, (*shape, 2)), rng.uniform(0.1, 0.6, (*shape, 2))), axis=-1)


def costly(*lead: str, objects: int | None = None, **options: float) -> Draw:
    """Draws what queries say of one image (or of several), and the objects on it."""

    def drawn(rng: Generator) -> Case:
        while True:
            Q, N, C, *B = lengths(rng, 3 + len(lead))
            N = N if objects is None else objects
            if different((*B, Q, C), (*B, Q, N), (*B, Q, 4)):
                break
        labels = rng.integers(0, C, N)
        probs = rng.dirichlet(np.ones(C), (*B, Q))
        return Case((probs, boxes_of(rng, *B, Q), labels, boxes_of(rng, N)), options)

    return drawn


def costs(queries: int, objects: int, *, to_choose: float = 1.0) -> Draw:
    """Draws costs of which no two sums are equal."""
    return lambda rng: Case((to_choose * rng.standard_normal((queries, objects)),), {})


def that_a_greedy_choice_misses(rng: Generator) -> Case:
    """Each object likes the same query best, but only one of them needs it."""
    cost = 5 + rng.random((6, 3))
    cost[0] = rng.random(3)
    cost[1:, 2] += 10
    return Case((cost[rng.permutation(6)],), {})


def with_equal_sums(rng: Generator) -> Case:
    return Case((rng.integers(0, 2, (5, 3)).astype(float),), {})


def that_cannot_be(rng: Generator) -> Case:
    """Some pairs cost infinity, and yet all objects find a query."""
    cost = np.where(rng.random((5, 3)) < 0.5, np.inf, rng.standard_normal((5, 3)))
    cost[rng.permutation(5)[:3], np.arange(3)] = rng.standard_normal(3)
    return Case((cost,), {})


def matched(pairs: int | None = None, objects: int | None = None, *, edges: bool = False, **options: float) -> Draw:
    """Draws boxes of queries and of objects, and who belongs to whom; some numbers are equal, if ``edges``."""

    def drawn(rng: Generator) -> Case:
        Q, N, M = choose(rng, (8, 6, 5), (9, 7, 3), (10, 7, 5), (9, 6, 3))  # no 2 and no 4, which much else may be
        N, M = N if objects is None else objects, M if pairs is None else pairs
        x, target, rows, columns = boxes_of(rng, Q), boxes_of(rng, N), rng.permutation(Q)[:M], rng.permutation(N)[:M]
        if edges:
            x[rows] = np.where(rng.random((M, 4)) < 0.5, target[columns], x[rows])
        return Case((x, target, rows, columns), options)

    return drawn


def each_once(case: Case) -> Case:
    """A case in which every query and every object has one partner, with more of them where there are more pairs."""
    x, target, rows, columns = case.args
    if len({*rows}) == len(rows) and len({*columns}) == len(columns):
        return case
    more = np.arange(len(rows))
    boxes = (np.resize(given, (max(len(given), len(rows)), 4)) for given in (x, target))
    return Case((*boxes, more, more), case.kwargs)


PAIRS = {
    "": matched(),
    "with other weights": matched(box_weight=WEIGHTS[0], giou_weight=WEIGHTS[1]),
    "with one pair": matched(1),
    "without a pair": matched(0),
    "without an object": matched(0, 0),
    "where some numbers are right": matched(edges=True),
}


def sizes_of_costs(case: Case) -> dict[str, float]:
    (Q, C), N = case.args[0].shape[-2:], len(case.args[2])
    return {"the queries": Q, "the objects": N, "the classes": C}


def sizes_of_pairs(case: Case) -> dict[str, float]:
    """None that is 2 or 4: a box has four numbers, and two of them are its size."""
    (Q, _), (N, _), M = case.args[0].shape, case.args[1].shape, len(case.args[2])
    sizes = {"the pairs": M, "the queries": Q, "the objects": N, "the weight of the distance": 5.0}
    return {name: size for name, size in sizes.items() if size not in (2, 4)} if M else {}


def costs_least_where_all_is_right(call: Call, rng: Generator) -> str | None:
    """One query says just what is there."""
    box = np.array([[0.5, 0.5, 0.2, 0.4]])
    cost = call(np.array([[0.0, 1.0]]), box, np.array([1]), box.copy())[0, 0]
    if close(cost, -3):
        return None
    return (
        f"a query that is sure of the right class and has the very box costs -1 + 5 * 0 - 2 * 1 = -3; yours {cost:.6g}"
    )


def sum_of(cost: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    return float(cost[rows, columns].sum())


def pairs_are_pairs(call: Call, rng: Generator) -> str | None:
    """Each once, as many as there can be, the rows in order; however a tie is decided."""
    for Q, N in ((5, 3), (3, 5), (4, 4), (3, 0)):
        cost = rng.integers(0, 3, (Q, N)).astype(float)
        rows, columns = (np.asarray(part) for part in call(cost).values())
        if len(rows) != min(Q, N) or len({*rows.tolist()}) < len(rows) or len({*columns.tolist()}) < len(columns):
            return (
                f"of {Q} queries and {N} objects there are {min(Q, N)} pairs, with no query and no object twice; yours "
                f"are {rows.tolist()} with {columns.tolist()}"
            )
        if rows.tolist() != sorted(rows.tolist()):
            return f"rows must ascend; yours are {rows.tolist()}"
    return None


def ties_cost_the_same(call: Call, rng: Generator) -> str | None:
    """Of sums that are equal any will do."""
    for _ in range(5):
        cost = rng.integers(0, 2, (5, 3)).astype(float)
        rows, columns = (np.asarray(part) for part in call(cost).values())
        least = min(sum_of(cost, np.array(r), np.arange(3)) for r in np.argwhere(np.ones((5, 5, 5))) if len({*r}) == 3)
        if not close(sum_of(cost, rows, columns), least):
            return f"where costs are 0 and 1 a sum of {least:.0f} is possible; yours is {sum_of(cost, rows, columns):g}"
    return None


def right_boxes_lose_nothing(call: Call, rng: Generator) -> str | None:
    boxes = boxes_of(rng, 5)
    pairs = np.arange(5)
    loss = float(call(boxes, boxes.copy(), pairs, pairs)[0])
    return None if close(loss, 0) else f"boxes that are where they should be lose 0; yours lose {loss:.6g}"


def nothing_is_lost_where_nothing_is(call: Call, rng: Generator) -> str | None:
    none = np.zeros(0, int)
    loss = float(call(boxes_of(rng, 5), boxes_of(rng, 0), none, none)[0])
    if loss == 0:
        return None
    why = ": a mean of nothing" if np.isnan(loss) else ""
    return f"without an object there are no pairs, and the loss is 0; yours is {loss:g}{why}"


def others_do_not_count(call: Call, rng: Generator) -> str | None:
    (x, target, rows, columns), _ = matched()(rng)
    other = x.copy()
    other[np.setdiff1d(np.arange(len(x)), rows)] += 0.1
    same = close(call(x, target, rows, columns)[0], call(other, target, rows, columns)[0])
    return None if same else "a box that was matched with nothing has no say; yours loses something else where it moves"


DISTANCE = "distance = abs(boxes[..., :, None, :] - targets).sum(-1)"
OURS = "corners, _ = box_corners_forward(boxes)"
PAIR_GIOU = "giou, _ = giou_forward(corners[..., :, None, :], theirs)"
COST = "return -class_cost * probs[..., labels] + box_cost * distance - giou_cost * giou"
BEST = "if best is None or total < least:"
SOLVED = "return Matching(*linear_sum_assignment(cost))"
GREEDY = (
    "each object in turn takes the query that it likes best of those that are left; it may take what a later one needs "
    "more: the sum of all must be the smallest"
)
BOTH = "ours, theirs = x[rows], target[columns]"
GIOU = "giou, c_giou = giou_forward(corners, box_corners_forward(theirs)[0])"
LOSSES = "costs = box_weight * row_dot(sign, difference)[:, 0] + giou_weight * (1 - giou)"
MEAN = "costs.sum() / max(1, len(rows))"
DCOSTS = "dcosts = np.full_like(sign[:, 0], dy / max(1, len(rows)))"
DCORNERS = "dcorners, _ = giou_backward(-giou_weight * dcosts, c_giou)"
CENTRES = "these are centres and sizes; GIoU takes corners: box_corners_forward first"
NO_PAIRS = "... a mean of nothing"


def greedy(order: str = "range(N)") -> str:
    """A matching in which the objects choose, one after the other."""
    return (
        f"Q, N = cost.shape; free = cost.copy(); found = []\n    for n in {order}:\n"
        "        if n < N and len(found) < Q:\n"
        "            q = free[:, n].argmin(); free[q] = np.inf; found.append((q, n))\n"
        "    found = np.array(sorted(found), np.intp).reshape(-1, 2); return Matching(found[:, 0], found[:, 1])"
    )


BY_QUERIES = "cost = cost.T; " + greedy().replace("sorted(found)", "found").replace(
    "found[:, 0], found[:, 1]", "found[:, 1], found[:, 0]"
)


def assigned(body: str) -> str:
    """A matching made of scipy's ``rows`` and ``columns``."""
    return f"rows, columns = linear_sum_assignment(cost); {body}"


losses = partial(Task, cases=PAIRS, sizes=sizes_of_pairs, axes={"dx": "query number"}, fitting=each_once)
TASKS = (
    Task(
        "matching_cost",
        {
            "": costly(),
            "of several images": costly("B"),
            "with other weights": costly(class_cost=2.3, box_cost=WEIGHTS[0], giou_cost=WEIGHTS[1]),
            "with one object": costly(objects=1),
            "without an object": costly(objects=0),
        },
        (Property("a perfect answer", costs_least_where_all_is_right),),
        {
            DISTANCE: {
                "distance = abs(boxes[..., :, None, :] - targets).mean(-1)": "the distance is the mean of four "
                "numbers; it is their sum",
                "distance = ((boxes[..., :, None, :] - targets) ** 2).sum(-1)": "the distance is that of squares; it "
                "is the sum of absolute values",
                "distance = ((boxes[..., :, None, :] - targets) ** 2).sum(-1) ** 0.5": "that is the straight way; the "
                "distance is the sum of absolute values",
                "distance = abs((boxes[..., :, None, :] - targets).sum(-1))": "differences are summed, and may cancel; "
                "take the absolute value of each one first",
                "distance = abs(box_corners_forward(boxes)[0][..., :, None, :] - "
                "box_corners_forward(targets)[0]).sum(-1)": "the distance is taken between corners; it is between "
                "(cx, cy, w, h)",
                "distance = abs(boxes[..., :, None, :2] - targets[:, :2]).sum(-1)": "only the centres are compared; "
                "the sizes belong to the distance, too",
            },
            OURS: {
                "corners = boxes": f"of queries, {CENTRES}",
            },
            "theirs, _ = box_corners_forward(targets)": {
                "theirs = targets": f"of objects, {CENTRES}",
                "theirs = targets; corners = boxes": f"of both, {CENTRES}",
            },
            PAIR_GIOU: {
                "from minivit.ops.boxes import box_iou_forward; giou, _ = box_iou_forward(corners[..., :, None, :], "
                "theirs)": "that is IoU, 0 of all boxes that lie apart; take GIoU",
                f"{PAIR_GIOU}; giou = giou - 1": "GIoU's loss is counted from 1 on, 1 - GIoU: the matching would be "
                "the same; asked for is -GIoU",
            },
            COST: {
                "return class_cost * probs[..., labels] + box_cost * distance - giou_cost * giou": "a likely class "
                "makes a pair dear; it makes it cheap: -p",
                "return -class_cost * np.log(probs[..., labels]) + box_cost * distance - giou_cost * giou": "the class "
                "costs minus the logarithm of its probability; it costs minus the probability",
                "return class_cost * (1 - probs[..., labels]) + box_cost * distance - giou_cost * giou": "the class "
                "costs 1 - p: the matching would be the same; asked for is -p",
                "return -class_cost * probs.max(-1)[..., None] + box_cost * distance - giou_cost * giou": "the "
                "likeliest class of a query is taken, whatever the object is; take the probability of the object's "
                "class",
                "miss = probs.argmax(-1)[..., None] != labels\n    return class_cost * miss + box_cost * distance - "
                "giou_cost * giou": "it costs 0 where the likeliest class of a query is the right one, and else 1; it "
                "costs minus the probability",
                "return -class_cost * probs[..., :1] + box_cost * distance - giou_cost * giou": "the probability of "
                "class 0 is taken; take that of each object's class: probs[..., labels]",
                "return -class_cost * probs[..., -1:] + box_cost * distance - giou_cost * giou": "the probability of "
                "the last class is taken; take that of each object's class: probs[..., labels]",
                "return -class_cost * probs[..., labels] + box_cost * distance + giou_cost * giou": "a large GIoU "
                "makes a pair dear; it makes it cheap: -GIoU",
                "return -class_cost * probs[..., labels] - box_cost * distance - giou_cost * giou": "a large distance "
                "makes a pair cheap; it makes it dear",
                "return -class_cost * probs[..., labels] + giou_cost * distance - box_cost * giou": "the weights of "
                "distance and GIoU are exchanged",
                "return -class_cost * probs[..., labels] + distance - giou": "the weights of distance and GIoU are "
                "missing",
                "return -class_cost * probs[..., labels] + 5 * distance - 2 * giou": "the usual weights are written "
                "into it; they are box_cost and giou_cost",
                "return -class_cost * (np.exp(probs) / np.exp(probs).sum(-1, keepdims=True))[..., labels] + box_cost * "
                "distance - giou_cost * giou": "a softmax is taken of the probabilities; they are one already",
                "return box_cost * distance - giou_cost * giou": "the classes are missing: a query that is sure of the "
                "class is cheaper",
                "return -class_cost * probs[..., labels] - giou_cost * giou": "the distance is missing",
                "return -class_cost * probs[..., labels] + box_cost * distance": "GIoU is missing",
                "return (-class_cost * probs[..., labels] + box_cost * distance - giou_cost * giou).mT": (
                    "... it equals the transpose"
                ),
            },
            'check_numbers("matching_cost: label", labels, probs.shape[-1], "classes")': {
                "pass": "... with -1 in it it must raise a ValueError"
            },
        },
        sizes=sizes_of_costs,
        axes={"y": "query object"},
    ),
    Task(
        "match_literal",
        {
            "": costs(5, 3),
            "of fewer queries than objects": costs(3, 5),
            "of as many": costs(4, 4),
            "without an object": costs(3, 0),
            "where a greedy choice costs more": that_a_greedy_choice_misses,
            "where sums are equal": with_equal_sums,
            "where some pairs cannot be": that_cannot_be,
        },
        mistakes={
            "total = cost[list(rows), columns].sum()": {
                "total = cost[list(rows), columns].max()": "the dearest pair decides; the sum of all pairs does",
                "total = cost[list(rows), columns].min()": "the cheapest pair decides; the sum of all pairs does",
                "total = abs(cost[list(rows), columns]).sum()": "the absolute values are summed; a cost below 0 is a "
                "good one",
                "total = cost[list(rows)].sum()": "of each row all costs are summed; only that of its own column "
                "counts",
                "total = cost[sorted(rows), columns].sum()": "the rows are sorted, so all orders of them cost the "
                "same; who is with whom is what counts",
                "total = cost[list(rows), columns[::-1]].sum()": "the columns are in reversed order",
                "total = cost[list(rows), columns].prod()": "the costs are multiplied; they are summed",
                "total = (cost[list(rows), columns] ** 2).sum()": "the squares are summed; the costs are",
                "total = cost[list(rows), columns][:1].sum()": "the first object alone decides; the sum of all does",
            },
            "total = cost[list(rows), columns]": {
                "best = cost.argmin(0)\n        continue\n        total = cost[list(rows), columns]": "each object "
                "takes the query that it likes best, also one that another has",
            },
            BEST: {
                "if best is None or total > least:": "the dearest way is kept; the cheapest is asked for",
                "if best is None or total <= least:": "of equal sums the last is kept; the first is asked for",
                "if True:": "the last way that was tried is kept, whatever it costs",
                "if best is None:": "the first way that was tried is kept, whatever others cost",
            },
            "best, least = rows, total": {
                "best = rows": "the sum of the best way is not remembered, so every way below infinity takes its place",
                "best, least = rows, min(rows, default=0)": "with the best way its sum must be remembered",
            },
        },
        keep_loops=True,
    ),
    Task(
        "match",
        {
            "": costs(6, 3),
            "of fewer queries than objects": costs(3, 5),
            "of as many": costs(5, 5),
            "of many": costs(25, 13),
            "where a greedy choice costs more": that_a_greedy_choice_misses,
            "without an object": costs(3, 0),
            "where some pairs cannot be": that_cannot_be,
        },
        (Property("pairs", pairs_are_pairs), Property("equal sums", ties_cost_the_same)),
        {
            "": {
                greedy(): GREEDY,
                greedy("np.argsort(cost.min(0))"): "the object with the cheapest pair chooses first, and so on; it may "
                "take what another one needs more: the sum of all must be the smallest",
                BY_QUERIES: "each query in turn takes the object that it likes best of those that are left; a later "
                "one may like it more: the sum of all must be the smallest",
                "Q, N = cost.shape; n = np.arange(min(Q, N)); return Matching(n, n)": "query n is given to object n, "
                "whatever it costs",
            },
            SOLVED: {
                "return Matching(*linear_sum_assignment(-cost))": "the dearest way is found; the cheapest is asked for",
                "return Matching(*linear_sum_assignment(cost, maximize=True))": "the dearest way is found",
                "return Matching(*linear_sum_assignment(cost.T))": "rows and columns are exchanged: a row of the cost "
                "is a query",
                "return Matching(*linear_sum_assignment(cost)[::-1])": "... rows and columns are exchanged",
                "return Matching(*linear_sum_assignment(abs(cost)))": "absolute values are matched; a cost below 0 is "
                "a good one",
                assigned(
                    "by = columns.argsort(); return Matching(rows[by], columns[by])"
                ): "the pairs come in the order of their columns; rows ascend",
                assigned("by = np.argsort(-rows); return Matching(rows[by], columns[by])"): "the rows descend; they "
                "ascend",
                assigned("return Matching(rows, np.sort(columns))"): "the columns are sorted, apart from their rows: "
                "pairs stay together",
                "found = cost.argmin(0); return Matching(np.sort(found), found.argsort())": "each object "
                "takes the query that it likes best, also one that another has",
                "return Matching(cost.argmin(0), np.arange(cost.shape[1]))": "... ",
                assigned("return rows, columns, cost[rows, columns].sum()"): "... the result must be",
            },
        },
        loops={"cost": (0, 1)},
    ),
    losses(
        "matched_boxes_forward",
        properties=(
            Property("boxes that are right", right_boxes_lose_nothing),
            Property("boxes without an object", others_do_not_count),
            Property("no pairs", nothing_is_lost_where_nothing_is),
        ),
        mistakes={
            BOTH: {
                "ours, theirs = x[np.sort(rows)], target[columns]": "the rows are sorted, apart from their columns: "
                "pairs stay together",
                "ours, theirs = x[rows], target[np.sort(columns)]": "the columns are sorted, apart from their rows: "
                "pairs stay together",
                "ours, theirs = x[rows], target[: len(rows)]": "the first objects are taken in their own order; take "
                "target[columns]",
                "ours, theirs = x[: len(rows)], target[columns]": "the first queries are taken in their own order; "
                "take x[rows]",
                "ours, theirs = x[: len(rows)], target[: len(rows)]": "queries and objects are taken in their own "
                "order; who belongs to whom say rows and columns",
                "ours, theirs = x[columns], target[rows % len(target)]": "rows and columns are exchanged: rows are "
                "numbers of queries",
            },
            "difference = ours - theirs": {
                "difference = theirs - ours": "the sign in the cache is that of t - x; the gradient of x needs that of "
                "x - t",
                "difference = box_corners_forward(ours)[0] - box_corners_forward(theirs)[0]": "the distance is taken "
                "between corners; it is between (cx, cy, w, h)",
            },
            GIOU: {
                "giou, c_giou = giou_forward(corners, theirs)": f"of objects, {CENTRES}",
                "giou, c_giou = giou_forward(ours, theirs)": f"of both, {CENTRES}",
                f"{GIOU}; giou = giou_forward(corners[:, None], box_corners_forward(theirs)[0])[0].sum(1) / max(1, "
                "len(rows))": "GIoU is that of all with all; only pairs are compared",
                f"{GIOU}; giou = c_giou.overlap.iou": "that is IoU, which does not pull boxes that lie apart; take "
                "GIoU",
            },
            LOSSES: {
                LOSSES.replace("row_dot(sign, difference)[:, 0]", "(row_dot(sign, difference)[:, 0] / 4)"): (
                    "the distance is the mean of four numbers; it is their sum"
                ),
                LOSSES.replace("row_dot(sign, difference)[:, 0]", "row_dot(difference, difference)[:, 0]"): (
                    "the distance is that of squares; it is the sum of absolute values"
                ),
                LOSSES.replace("row_dot(sign, difference)[:, 0]", "abs(difference.sum(-1))"): "differences are summed, "
                "and may cancel; take the absolute value of each one first",
                LOSSES.replace("(1 - giou)", "giou"): "a large GIoU costs much; it is good: 1 - GIoU",
                LOSSES.replace("(1 - giou)", "(-giou)"): "it is -GIoU, as in the cost of a pair; the loss has 1 - "
                "GIoU, which is 0 where all is right",
                LOSSES.replace("box_weight", "1"): "the weight of the distance is missing",
                LOSSES.replace("giou_weight", "1"): "the weight of GIoU is missing",
                "costs = giou_weight * row_dot(sign, difference)[:, 0] + box_weight * (1 - giou)": "the weights of "
                "distance and GIoU are exchanged",
                "costs = box_weight * row_dot(sign, difference)[:, 0]": "GIoU is missing",
                "costs = giou_weight * (1 - giou)": "the distance is missing",
                "costs = 5 * row_dot(sign, difference)[:, 0] + 2 * (1 - giou)": "the usual weights are "
                "written into it; they are box_weight and giou_weight",
            },
            MEAN: {
                "costs.sum() / len(x)": "divided by all queries; it is the mean over the pairs",
                "costs.sum()": "... the pairs: summed over it instead of averaged",
                "costs.mean()": NO_PAIRS,
                "costs.sum() / (1 + len(rows))": "one too many is divided by: max(1, pairs), not 1 + pairs",
                "costs.sum() / max(1, len(target))": "divided by all objects; it is the mean over the pairs",
                "costs.sum() / max(1, costs.size) / 4": "divided by the four numbers of a box as well; it is the mean "
                "over the pairs",
                "costs": "... y has shape",
            },
            "MatchedBoxesCache(x.shape, rows, sign": {
                "MatchedBoxesCache(ours.shape, rows, sign": "... cache.x_shape is",
                "MatchedBoxesCache(x.shape, columns, sign": "the cache has columns for rows: backward must find the "
                "queries",
                "MatchedBoxesCache(x.shape, rows, difference": "the cache has the difference; its sign is needed",
            },
            'check_numbers("matched_boxes: row", rows, len(x), "boxes")': {
                "pass": "... with rows with -1 in it it must raise a ValueError"
            },
        },
    ),
    losses(
        "matched_boxes_backward",
        mistakes={
            DCOSTS: {
                DCOSTS.replace("dy / max(1, len(rows))", "dy"): "... the pairs: summed over it instead of averaged",
                DCOSTS.replace("dy / max(1, len(rows))", "dy / x_shape[0]"): "divided by all queries; the forward's "
                "mean is over the pairs",
                DCOSTS.replace("dy / max(1, len(rows))", "1 / max(1, len(rows))"): "dy is missing: the loss may be "
                "scaled later",
            },
            DCORNERS: {
                DCORNERS.replace("-giou_weight", "giou_weight"): "GIoU has the wrong sign: the loss is 1 - GIoU",
                DCORNERS.replace("-giou_weight * ", "-"): "the weight of GIoU is missing",
                DCORNERS.replace("dcorners, _", "_, dcorners"): "that is the gradient of the objects' boxes, which are "
                "constants; the first of the two is that of x",
                f"{DCORNERS}; dcorners = 0 * dcorners": "the gradient of GIoU is missing",
            },
            "(dours,) = box_corners_backward(dcorners, c_corners)": {
                "dours = dcorners": "GIoU's gradient is that of corners; box_corners_backward makes it that of "
                "centre and size",
                "dours = box_corners_forward(dcorners)[0]": "GIoU's gradient goes through box_corners_forward; "
                "through its backward it must",
            },
            "dours += box_weight * sign * dcosts[:, None]": {
                "pass": "the gradient of the distance is missing",
                "dours -= box_weight * sign * dcosts[:, None]": "the distance has the wrong sign: with d = x - t, the "
                "slope of |d| is sign(d)",
                "dours += sign * dcosts[:, None]": "the weight of the distance is missing",
                "dours += box_weight * sign * dcosts[:, None] / 4": "the distance is divided by 4; it is a sum of four",
                "dours += box_weight * (2 * (sign > 0) - 1) * dcosts[:, None]": "where a number is right the slope is "
                "0, as of np.sign; yours is -1 there",
                "dours += box_weight * (2 * (sign >= 0) - 1) * dcosts[:, None]": "where a number is right the slope is "
                "0, as of np.sign; yours is 1 there",
                "dours = box_weight * sign * dcosts[:, None]": "the gradient of GIoU is missing",
                "dours += box_weight * dcosts[:, None]": "the sign of the difference is missing: with d = x - t, the "
                "slope of |d| is sign(d)",
            },
            "np.add.at(dx, rows, dours)": {
                "dx[: len(rows)] = dours": "the gradients go to the first queries; they go to dx[rows]",
                "dx[np.sort(rows)] = dours": "the rows are sorted, apart from their gradients",
                "dx[:] = dours.sum(0)": "every query gets the sum; a pair's gradient goes to its own query, and those "
                "without an object get 0",
                "np.add.at(dx, rows, dours); dx += dours.sum() * 0.01": "... dx",
                "pass": "... dx is zero everywhere",
                "dx = dours": "... dx has shape",
                "dx[:] = np.resize(dours, dx.shape) if len(rows) else 0": "the gradients are repeated for queries "
                "without an object; those get 0",
            },
            "return InputGrad(dx)": {
                "return InputGrad(-dx)": "... dx has the wrong sign",
                "return InputGrad(dx / len(dx))": "... the queries",
            },
        },
    ),
)

MATCHING = Exercise(
    "matching",
    "who is for whom: the cheapest matching of boxes and objects, and its loss",
    55,
    TASKS,
    offers=("np", "box_corners_forward", "box_corners_backward", "giou_forward", "giou_backward", "InputGrad"),
    lecture="14_boxes_masks_words",
    section=1,
)
