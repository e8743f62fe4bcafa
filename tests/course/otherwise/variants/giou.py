# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- a cache of one's own, and areas once more in backward
def box_iou_forward(a, b):
    np.broadcast_shapes(a.shape, b.shape)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    inner = np.where(sides > 0, sides, sides.dtype.type(0)).prod(-1)
    outer = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - inner
    iou = np.divide(inner, outer, out=np.zeros_like(outer), where=outer > 0)
    return iou, {"boxes": (a, b)}


def box_iou_backward(dy, cache):
    a, b = np.broadcast_arrays(*cache["boxes"])
    ax0, ay0, ax1, ay1 = np.moveaxis(a, -1, 0)
    bx0, by0, bx1, by1 = np.moveaxis(b, -1, 0)
    w, h = np.minimum(ax1, bx1) - np.maximum(ax0, bx0), np.minimum(ay1, by1) - np.maximum(ay0, by0)
    there = (w >= 0) & (h >= 0)
    I = np.where(there, w * h, 0)
    U = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - I
    safe = np.where(U > 0, U, 1)
    dI, dU = dy * (U + I) / safe**2 * (U > 0), -dy * I / safe**2

    def share(x, y):
        return (x > y) + 0.5 * (x == y)

    dw, dh = np.where(there, dI * h, 0), np.where(there, dI * w, 0)
    zero = np.where((w < 0) | (h < 0), 0, 1)
    of_a = [
        -dw * share(ax0, bx0) * zero - dU * (ay1 - ay0),
        -dh * share(ay0, by0) * zero - dU * (ax1 - ax0),
        dw * share(bx1, ax1) * zero + dU * (ay1 - ay0),
        dh * share(by1, ay1) * zero + dU * (ax1 - ax0),
    ]
    of_b = [
        -dw * share(bx0, ax0) * zero - dU * (by1 - by0),
        -dh * share(by0, ay0) * zero - dU * (bx1 - bx0),
        dw * share(ax1, bx1) * zero + dU * (by1 - by0),
        dh * share(ay1, by1) * zero + dU * (bx1 - bx0),
    ]
    a, b = cache["boxes"]
    return tuple(sum_to(np.stack(g, -1).astype(dy.dtype), box.shape) for g, box in ((of_a, a), (of_b, b)))


# --- GIoU by its second formula, and its gradient beside that of IoU
def giou_forward(a, b):
    iou, overlap = box_iou_forward(a, b)
    hull = np.maximum(a[..., 2:], b[..., 2:]) - np.minimum(a[..., :2], b[..., :2])
    C = hull[..., 0] * hull[..., 1]
    some = C > 0
    return np.where(some, iou - 1 + overlap.union / np.where(some, C, 1), iou).astype(iou.dtype), (overlap, hull)


def giou_backward(dy, cache):
    overlap, hull = cache
    a, b, gap, _, union = overlap
    C = hull[..., 0] * hull[..., 1]
    safe = np.where(C > 0, C, C.dtype.type(1))
    dU = np.where(C > 0, dy / safe, 0)
    ga, gb = box_iou_backward(dy, overlap)
    # the union's second gradient, and that of the box around both
    inner = np.maximum(gap, 0)[..., ::-1] * (gap >= 0) * -dU[..., None]
    outer = -(dU * union / safe)[..., None] * hull[..., ::-1]
    out = []
    for g, own, other in ((ga, a, b), (gb, b, a)):
        area = dU[..., None] * (own[..., 2:] - own[..., :2])[..., ::-1]
        first = (1 + np.sign(own[..., :2] - other[..., :2])) / 2
        second = (1 + np.sign(other[..., 2:] - own[..., 2:])) / 2
        more = np.concatenate(
            (-inner * first - area - outer * (1 - first), inner * second + area + outer * (1 - second)), -1
        )
        out.append(g + sum_to(more, own.shape))
    return out
