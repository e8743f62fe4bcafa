# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- is a constant like eps missing
def box_iou_forward(a, b):
    gap = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    w, h = np.maximum(gap[..., 0], 0), np.maximum(gap[..., 1], 0)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - w * h
    iou = w * h / (union + 1e-7)
    return iou, BoxIouCache(a, b, gap, iou, union)


# --- a loop over axis 0 of a (sample) and axis 1 of a (pair)
def box_iou_forward(a, b):
    _, cache = ours.box_iou_forward(a, b)
    a, b = np.broadcast_arrays(a, b)
    iou = np.empty(a.shape[:-1], a.dtype)
    for i in np.ndindex(iou.shape):
        iou[i] = ours.box_iou_forward(a[i][None], b[i][None])[0][0]
    return iou, cache


# --- y has shape
def box_iou_forward(a, b):
    a, b = a.reshape(-1, 1, 4), b.reshape(1, -1, 4)
    return ours.box_iou_forward(a, b)


# --- from float32 comes da in float64
def box_iou_backward(dy, cache):
    grads = ours.box_iou_backward(dy, cache)
    da = np.zeros(grads.a.shape)
    da += grads.a
    return BoxPairGrads(da, grads.b)


# --- the gradients must be a BoxPairGrads (a, b); it returned a tuple of 1
def giou_backward(dy, cache):
    return (ours.giou_backward(dy, cache).a,)


# --- each box gets half of the gradient; this one gets
def box_iou_backward(dy, cache):
    a, b, gap, iou, union = cache
    a, b = np.broadcast_arrays(a, b)
    safe = np.where(union > 0, union, 1)
    dU = -dy * iou / safe
    dI = dy / safe * (union > 0) - dU
    dgap = dI[..., None] * np.maximum(gap, 0)[..., ::-1] * (gap >= 0)
    first = np.argmax([b[..., :2], a[..., :2]], 0)
    second = np.argmin([b[..., 2:], a[..., 2:]], 0)
    sa, sb = dU[..., None] * (a[..., 2:] - a[..., :2])[..., ::-1], dU[..., None] * (b[..., 2:] - b[..., :2])[..., ::-1]
    da = np.concatenate((-dgap * first - sa, dgap * second + sa), -1)
    db = np.concatenate((-dgap * (1 - first) - sb, dgap * (1 - second) + sb), -1)
    return BoxPairGrads(sum_to(da, cache.a.shape), sum_to(db, cache.b.shape))


# --- the union has a second gradient, dy / |C|, which is missing
def giou_backward(dy, cache):
    (a, b, _, _, union), hull = cache
    C = hull.prod(-1)
    safe = np.where(C > 0, C, C.dtype.type(1))
    dhull = -(dy * union / safe**2)[..., None] * hull[..., ::-1]
    out = []
    for grad, own, other in zip(ours.box_iou_backward(dy, cache.overlap), (a, b), (b, a), strict=True):
        first = (np.sign(other[..., :2] - own[..., :2]) + 1) / 2
        second = (np.sign(own[..., 2:] - other[..., 2:]) + 1) / 2
        out.append(grad + sum_to(np.concatenate((-dhull * first, dhull * second), -1), own.shape))
    return BoxPairGrads(*out)


# --- they are corners already
def giou_forward(a, b):
    return ours.giou_forward(ours.box_corners_forward(a)[0], ours.box_corners_forward(b)[0])


# --- that is IoU's gradient alone
def giou_backward(dy, cache):
    return ours.box_iou_backward(dy, cache.overlap)


# --- that is DIoU
def giou_forward(a, b):
    _, cache = ours.giou_forward(a, b)
    between = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    diagonal = (cache.hull**2).sum(-1)
    return cache.overlap.iou - (between**2).sum(-1) / np.where(diagonal > 0, diagonal, diagonal.dtype.type(1)), cache


# --- of boxes that lie apart in both directions both sides are below 0
def giou_forward(a, b):
    _, (overlap, hull) = ours.giou_forward(a, b)
    common, area = overlap.gap.prod(-1), hull.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - common
    safe = [np.where(whole == 0, whole.dtype.type(1), whole) for whole in (union, area)]
    iou = common / safe[0]
    return iou - (area - union) / safe[1], GiouCache(overlap._replace(iou=iou, union=union), hull)


# --- 1 is missing: GIoU = IoU - 1 + U / |C|
def giou_forward(a, b):
    giou, cache = ours.giou_forward(a, b)
    area = cache.hull.prod(-1)
    return np.where(area > 0, giou + 1, giou).astype(giou.dtype), cache


# --- RuntimeError: no boxes
def giou_forward(a, b):
    if a.ndim == b.ndim == 1:
        raise RuntimeError("no boxes")
    return ours.giou_forward(a, b)


# --- IoU - 1 + U / |C| leaves -1 there
def giou_forward(a, b):
    y, cache = ours.giou_forward(a, b)
    return np.where((cache.hull > 0).all(-1), y, cache.overlap.iou - 1), cache
