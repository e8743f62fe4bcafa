# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- one number of the boxes after the other
def matching_cost(probs, boxes, labels, targets, *, class_cost=1.0, box_cost=5.0, giou_cost=2.0):
    if ((labels < 0) | (labels >= probs.shape[-1])).any():
        raise ValueError("no such class")
    cost = class_cost * -np.take(probs, labels, axis=-1)
    for k in range(4):
        cost = cost + box_cost * np.abs(np.subtract(boxes[..., k, None], targets[:, k]))
    ours, theirs = (box_corners_forward(b)[0] for b in (boxes, targets))
    return cost - giou_cost * giou_forward(np.expand_dims(ours, -2), theirs[None])[0]


# --- a matching as a plain tuple, of the transpose
def match(cost):
    from scipy.optimize import linear_sum_assignment

    if not (cost > -np.inf).all():
        raise ValueError("nan or minus infinity")
    columns, rows = linear_sum_assignment(cost.T)
    order = rows.argsort()
    return rows[order], columns[order]


# --- a cache of one's own, with the difference the other way
def matched_boxes_forward(x, target, rows, columns, *, box_weight=5.0, giou_weight=2.0):
    check_numbers("row", rows, len(x), "boxes")
    check_numbers("column", columns, len(target), "objects")
    ours, theirs = np.take(x, rows, axis=0), np.take(target, columns, axis=0)
    corners, c_corners = box_corners_forward(ours)
    giou, c_giou = giou_forward(corners, box_corners_forward(theirs)[0])
    if not len(rows):
        return x.dtype.type(0), (x.shape, np.array(rows), theirs - ours, c_corners, c_giou, box_weight, giou_weight)
    loss = box_weight * np.abs(ours - theirs).sum(1).mean() + giou_weight * (1 - giou.mean())
    return loss, (x.shape, np.array(rows), theirs - ours, c_corners, c_giou, box_weight, giou_weight)


def matched_boxes_backward(dy, cache):
    shape, rows, d, c_corners, c_giou, box_weight, giou_weight = cache
    dx = np.zeros(shape, d.dtype)
    if len(rows):
        share = np.full(len(rows), dy / len(rows), d.dtype)
        dgiou, _ = giou_backward(-giou_weight * share, c_giou)
        dx[rows] = box_corners_backward(dgiou, c_corners)[0] - box_weight * np.sign(d) * share[:, None]
    return (dx,)


# --- pairs of int32
def match(cost):
    from scipy.optimize import linear_sum_assignment

    if np.isnan(cost).any() or np.isneginf(cost).any():
        raise ValueError("nan or minus infinity")
    rows, columns = linear_sum_assignment(cost)
    return Matching(rows.astype(np.int32), columns.astype(np.int32))
