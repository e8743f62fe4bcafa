# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.
from itertools import permutations


def matching_cost(probs, boxes, labels, targets, *, class_cost=1.0, box_cost=5.0, giou_cost=2.0):
    C = probs.shape[-1]
    if labels.size and not (labels.min() >= 0 and labels.max() < C):
        raise ValueError("there is no such class")
    hot = (np.arange(C)[:, None] == labels).astype(probs.dtype)
    corners, true = box_corners_forward(boxes)[0], box_corners_forward(targets)[0]
    overlap = giou_forward(corners[..., None, :], true)[0]
    apart = np.abs(boxes[..., None, :] - targets)
    return box_cost * np.einsum("...d->...", apart) - class_cost * (probs @ hot) - giou_cost * overlap


def match_literal(cost):
    Q, N = cost.shape
    if Q < N:
        columns, rows = match_literal(cost.T)
        return Matching(np.sort(rows), columns[rows.argsort()])
    ways = list(permutations(range(Q), N))
    sums = [sum(cost[q, n] for n, q in enumerate(way)) for way in ways]
    best = np.array(ways[int(np.argmin(sums))], int)
    return Matching(np.sort(best), best.argsort())


def match(cost):
    """The Hungarian method, with potentials."""
    if np.isnan(cost).any() or (cost == -np.inf).any():
        raise ValueError("these are no costs")
    finite = np.where(cost == np.inf, 1e3, cost)
    if len(cost) < cost.shape[1]:
        return Matching(np.arange(len(cost)), assigned(finite))
    rows = assigned(finite.T)
    return Matching(np.sort(rows), rows.argsort())


def assigned(cost):
    """For each row its column; there are no more rows than columns."""
    n, m = cost.shape
    u, v, way, owner = np.zeros(n + 1), np.zeros(m + 1), np.zeros(m + 1, int), np.zeros(m + 1, int)
    for i in range(1, n + 1):
        owner[0], j0 = i, 0
        least, used = np.full(m + 1, np.inf), np.zeros(m + 1, bool)
        while True:
            used[j0] = True
            i0 = owner[j0]
            for j in np.flatnonzero(~used):
                step = cost[i0 - 1, j - 1] - u[i0] - v[j]
                if step < least[j]:
                    least[j], way[j] = step, j0
            j1 = min(np.flatnonzero(~used), key=lambda j: least[j])
            delta = least[j1]
            for j in range(m + 1):
                if used[j]:
                    u[owner[j]] += delta
                    v[j] -= delta
                else:
                    least[j] -= delta
            j0 = j1
            if owner[j0] == 0:
                break
        while j0:
            owner[j0] = owner[way[j0]]
            j0 = way[j0]
    columns = np.zeros(n, int)
    for j in range(1, m + 1):
        if owner[j]:
            columns[owner[j] - 1] = j - 1
    return columns


def matched_boxes_forward(x, target, rows, columns, *, box_weight=5.0, giou_weight=2.0):
    for numbers, count in ((rows, len(x)), (columns, len(target))):
        if ((numbers < 0) | (numbers >= count)).any():
            raise ValueError("there is no such box")
    d = x[rows] - target[columns]
    corners, c_corners = box_corners_forward(x[rows])
    overlap, c_giou = giou_forward(corners, box_corners_forward(target[columns])[0])
    M = len(rows) or 1
    loss = box_weight * (np.abs(d).sum() / M) + giou_weight * ((1 - overlap).sum() / M)
    return loss, MatchedBoxesCache(x.shape, rows.copy(), np.sign(d), c_corners, c_giou, box_weight, giou_weight)


def matched_boxes_backward(dy, cache):
    M = max(len(cache.rows), 1)
    ones = np.ones_like(cache.sign[:, 0])
    dgiou = giou_backward(ones * (-cache.giou_weight * dy / M), cache.giou).a
    dx = np.zeros(cache.x_shape, cache.sign.dtype)
    dx[cache.rows] = box_corners_backward(dgiou, cache.corners).x + cache.sign * (cache.box_weight * dy / M)
    return InputGrad(x=dx)
