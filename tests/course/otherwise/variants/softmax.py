# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- through the logarithm
def softmax_forward(x):
    top = np.where(np.isneginf(x.max(-1, keepdims=True)), 0, x.max(-1, keepdims=True))
    e = np.exp(x - top)
    y = np.exp(x - top - np.log(np.maximum(e.sum(-1, keepdims=True), np.finfo(x.dtype).tiny)))
    return y, SoftmaxCache(y)


# --- in float64 on the way
def softmax_forward(x):
    wide = x.astype(np.float64)
    top = wide.max(-1, keepdims=True)
    e = np.exp(wide - np.where(np.isfinite(top), top, 0))
    y = (e / np.maximum(e.sum(-1, keepdims=True), 1e-300)).astype(x.dtype)
    return y, SoftmaxCache(y=y)


# --- the axis in front
def softmax_forward(x):
    rows = np.moveaxis(x, -1, 0)
    top = rows.max(0)
    e = np.exp(rows - np.where(top == -np.inf, 0, top))
    y = np.moveaxis(e / np.maximum(e.sum(0), np.finfo(x.dtype).tiny), 0, -1)
    return [y, SoftmaxCache(y)]


# --- as a matrix of rows
def softmax_forward(x):
    rows = x.reshape(-1, x.shape[-1])
    top = np.max(rows, axis=1)[:, None]
    e = np.exp(rows - np.where(np.isfinite(top), top, 0))
    total = np.einsum("rs->r", e)[:, None]
    y = np.divide(e, total, out=np.zeros_like(e), where=total > 0).reshape(x.shape)
    return y, SoftmaxCache(y)


# --- the cache is a dict
def softmax_forward(x):
    top = x.max(-1, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    y = e / np.maximum(e.sum(-1, keepdims=True), np.finfo(x.dtype).tiny)
    return y, {"y": y}


def softmax_backward(dy, cache):
    y = cache["y"]
    return InputGrad(y * (dy - (dy * y).sum(-1, keepdims=True)))


# --- the cache is the output itself
def softmax_forward(x):
    top = x.max(-1, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    y = e / np.maximum(e.sum(-1, keepdims=True), np.finfo(x.dtype).tiny)
    return y, y


def softmax_backward(dy, cache):
    return InputGrad(cache * (dy - (dy * cache).sum(-1, keepdims=True)))


# --- the cache is the input, from which backward computes anew
def softmax_forward(x):
    top = x.max(-1, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    return e / np.maximum(e.sum(-1, keepdims=True), np.finfo(x.dtype).tiny), [x]


def softmax_backward(dy, cache):
    y, _ = softmax_forward(cache[0])
    return InputGrad(y * (dy - (dy * y).sum(-1, keepdims=True)))


# --- gradients by place
def softmax_backward(dy, cache):
    g = dy * cache.y
    return (g - cache.y * g.sum(-1, keepdims=True),)


# --- gradients as a list
def softmax_backward(dy, cache):
    g = dy * cache.y
    return [g - cache.y * g.sum(-1, keepdims=True)]


# --- through the whole Jacobian
def softmax_backward(dy, cache):
    y = cache.y
    jacobian = y[..., :, None] * (np.eye(y.shape[-1], dtype=y.dtype) - y[..., None, :])
    return InputGrad(np.einsum("...i,...ij->...j", dy, jacobian))


# --- with a product of vectors
def softmax_backward(dy, cache):
    inner = dy[..., None, :] @ cache.y[..., :, None]
    return InputGrad(x=cache.y * (dy - inner[..., 0]))


# --- logaddexp
def log_softmax_forward(x):
    y = x - np.logaddexp.reduce(np.maximum(x, -1e30), axis=-1, keepdims=True)
    return y, LogSoftmaxCache(y)


# --- the cache of the logarithm is a pair
def log_softmax_forward(x):
    shifted = x - np.maximum(x.max(-1, keepdims=True), -1e30)
    e = np.exp(shifted)
    total = e.sum(-1, keepdims=True)
    return shifted - np.log(np.where(total == 0, 1, total)), (e, total)


def log_softmax_backward(dy, cache):
    e, total = cache
    return InputGrad(dy - e / total * dy.sum(-1, keepdims=True))


# --- one number of each row
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    C = logits.shape[-1]
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is {label_smoothing}")
    if logits[..., 0].size == 0:
        raise ValueError("there are no rows")
    if targets.dtype.kind not in "iuf":
        raise TypeError("targets are class numbers or probabilities")
    if targets.dtype.kind in "iu":
        if targets.shape != logits.shape[:-1]:
            raise ValueError("targets do not fit")
        if targets.min() < 0 or targets.max() >= C:
            raise ValueError("a label is out of range")
        hot = np.zeros_like(logits)
        np.put_along_axis(hot, targets[..., None], 1, axis=-1)
        targets = hot
    elif targets.shape != logits.shape:
        raise ValueError("targets do not fit")
    targets = (1 - label_smoothing) * targets + logits.dtype.type(label_smoothing / C)
    log_probs, _ = log_softmax_forward(logits)
    return -np.mean((targets * log_probs).sum(-1)), CrossEntropyCache(log_probs, targets)


# --- the gradient of the loss as two factors
def cross_entropy_backward(dy, cache):
    p = np.exp(cache.log_probs)
    return LogitsGrad(logits=(p - cache.targets) * dy / np.prod(p.shape[:-1]).astype(p.dtype))


# --- the loss is a number of Python's
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    loss, cache = ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)
    return float(loss), cache
