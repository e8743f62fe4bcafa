# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def box_corners_forward(x):
    cx, cy, w, h = (x[..., i] for i in range(4))
    return np.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=-1), BoxCornersCache()


def box_corners_backward(dy, cache):
    matrix = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]], dtype=dy.dtype)
    return InputGrad(dy @ matrix.T)


def area(box):
    return (box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1])


def quotient(part, whole):
    safe = np.where(whole == 0, whole.dtype.type(1), whole)
    return np.where(whole == 0, part.dtype.type(0), part / safe)


def box_iou_forward(a, b):
    top_left = np.maximum(a[..., :2], b[..., :2])
    bottom_right = np.minimum(a[..., 2:], b[..., 2:])
    gap = bottom_right - top_left
    w, h = np.clip(gap[..., 0], 0, None), np.clip(gap[..., 1], 0, None)
    union = area(a) + area(b) - w * h
    iou = quotient(w * h, union)
    return iou, BoxIouCache(a, b, gap, iou, union)


def shares(own, other):
    """Of the larger of the two: 1, or a half."""
    return np.where(own == other, own.dtype.type(0.5), (own > other).astype(own.dtype))


def through_union(diou, dunion, overlap):
    a, b, gap, iou, union = overlap
    dunion = dunion - quotient(diou * iou, union)
    dI = quotient(diou, union) - dunion
    w, h = np.maximum(gap[..., 0], 0), np.maximum(gap[..., 1], 0)
    dw, dh = np.where(gap[..., 0] < 0, dI * 0, dI * h), np.where(gap[..., 1] < 0, dI * 0, dI * w)
    grads = []
    for own, other in ((a, b), (b, a)):
        wide, high = own[..., 2] - own[..., 0], own[..., 3] - own[..., 1]
        parts = [
            -dw * shares(own[..., 0], other[..., 0]) - dunion * high,
            -dh * shares(own[..., 1], other[..., 1]) - dunion * wide,
            dw * shares(-own[..., 2], -other[..., 2]) + dunion * high,
            dh * shares(-own[..., 3], -other[..., 3]) + dunion * wide,
        ]
        grads.append(np.stack(parts, axis=-1))
    return grads


def box_iou_backward(dy, cache):
    da, db = through_union(dy, dy * 0, cache)
    return BoxPairGrads(a=sum_to(da, cache.a.shape), b=sum_to(db, cache.b.shape))


def giou_forward(a, b):
    iou, overlap = box_iou_forward(a, b)
    hull = np.maximum(a, b)[..., 2:] - np.minimum(a, b)[..., :2]
    C = hull.prod(-1)
    return iou - quotient(C - overlap.union, C), GiouCache(overlap, hull)


def giou_backward(dy, cache):
    overlap, hull = cache
    a, b = overlap.a, overlap.b
    C = hull[..., 0] * hull[..., 1]
    da, db = through_union(dy, quotient(dy, C), overlap)
    dC = -quotient(dy * overlap.union, C * C)
    dhull = np.stack([dC * hull[..., 1], dC * hull[..., 0]], axis=-1)
    da = da + np.concatenate(
        [-dhull * shares(-a[..., :2], -b[..., :2]), dhull * shares(a[..., 2:], b[..., 2:])], axis=-1
    )
    db = db + np.concatenate(
        [-dhull * shares(-b[..., :2], -a[..., :2]), dhull * shares(b[..., 2:], a[..., 2:])], axis=-1
    )
    return BoxPairGrads(sum_to(da, a.shape), sum_to(db, b.shape))
