# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def softmax_forward(x):
    top = x.max(-1, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    total = e.sum(-1, keepdims=True)
    y = e / np.where(total == 0, 1, total)
    return y, SoftmaxCache(y)


def softmax_backward(dy, cache):
    g = dy * cache.y
    return InputGrad(g - cache.y * g.sum(-1, keepdims=True))


def log_softmax_forward(x):
    top = x.max(-1, keepdims=True, initial=-1e30)
    y = x - top - np.log(np.exp(x - top).sum(-1, keepdims=True))
    y[np.isneginf(x)] = -np.inf
    return y, LogSoftmaxCache(y)


def log_softmax_backward(dy, cache):
    return InputGrad(dy - np.exp(cache.y) * dy.sum(-1, keepdims=True))


def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    classes = logits.shape[-1]
    if not 0 <= label_smoothing <= 1 or logits[..., 0].size == 0:
        raise ValueError("label_smoothing is out of range, or there are no rows")
    if targets.dtype.kind not in "iuf":
        raise TypeError("targets are class numbers or probabilities")
    if np.issubdtype(targets.dtype, np.integer):
        if targets.shape != logits.shape[:-1] or targets.min() < 0 or targets.max() >= classes:
            raise ValueError("a label is out of range, or there is not one for each row")
        targets = np.eye(classes, dtype=logits.dtype)[targets]
    if targets.shape != logits.shape:
        raise ValueError("there is not one probability for each logit")
    targets = ((1 - label_smoothing) * targets + label_smoothing / classes).astype(logits.dtype)
    log_probs = log_softmax_forward(logits)[0]
    return -(targets * log_probs).sum(-1).mean(), CrossEntropyCache(log_probs, targets)


def cross_entropy_backward(dy, cache):
    rows = cache.log_probs.size // cache.log_probs.shape[-1]
    return LogitsGrad(dy * (np.exp(cache.log_probs) - cache.targets) / rows)
