# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 0 of x
def softmax_forward(x):
    if x.ndim < 3:
        return ours.softmax_forward(x)
    y = np.stack([ours.softmax_forward(sample)[0] for sample in x])
    return y, SoftmaxCache(y)


# --- a loop over axis 1 of x
def softmax_forward(x):
    if x.ndim < 3:
        return ours.softmax_forward(x)
    y = np.stack([ours.softmax_forward(np.ascontiguousarray(x[:, n]))[0] for n in range(x.shape[1])], 1)
    return y, SoftmaxCache(y)


# --- a loop over axis 2 of x
def softmax_forward(x):
    y, _ = ours.softmax_forward(x)
    total = 0
    for s in range(x.shape[-1]):
        total = total + y[..., s : s + 1]
    return y / total, SoftmaxCache(y / total)


# --- y has shape
def softmax_forward(x):
    y, _ = ours.softmax_forward(x)
    return y.squeeze(), SoftmaxCache(y)


# --- given the cache of your softmax_forward
def softmax_forward(x):
    y, _ = ours.softmax_forward(x)
    return y, {"y": y}


# --- given the cache of your softmax_forward
KEPT = {}


def softmax_forward(x):
    KEPT["y"] = ours.softmax_forward(x)[0]
    return KEPT["y"], None


def softmax_backward(dy, cache):
    y = KEPT["y"]
    return InputGrad(y * (dy - (dy * y).sum(-1, keepdims=True)))


# --- a second call with the same cache gives another dx
def softmax_forward(x):
    y, _ = ours.softmax_forward(x)
    return y, [y]


def softmax_backward(dy, cache):
    y = cache.pop()
    dx = y * (dy - (dy * y).sum(-1, keepdims=True))
    cache.append(y * 2)
    return InputGrad(dx)


# --- from float64 comes dx in float32
def softmax_backward(dy, cache):
    y = cache.y
    return InputGrad((y * (dy - (dy * y).sum(-1, keepdims=True))).astype(np.float32))


# --- that is float32's rounding
def softmax_forward(x):
    y = ours.softmax_forward(x.astype(np.float32))[0].astype(x.dtype)
    return y, SoftmaxCache(y)


# --- the same call gives another y the second time
CALLS = []


def softmax_forward(x):
    CALLS.append(1)
    y = ours.softmax_forward(x)[0] * (1 + 1e-13 * len(CALLS))
    return y, SoftmaxCache(y)


# --- with targets with -1 in it it must raise a ValueError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    if targets.dtype.kind == "i":
        targets = targets % logits.shape[-1] if targets.max() < 1000 else targets
    return ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)


# --- with label_smoothing=1.5 it must raise a ValueError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    return ours.cross_entropy_forward(logits, targets, label_smoothing=min(label_smoothing, 1.0))


# --- with no rows it must raise a ValueError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    if logits[..., 0].size == 0:
        return logits.dtype.type(0), CrossEntropyCache(logits, logits)
    return ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)


# --- with targets of bool it must raise a TypeError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    targets = targets.astype(int) if targets.dtype == bool else targets
    return ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)


# --- yours: IndexError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    if targets.dtype.kind == "i":
        targets = np.eye(logits.shape[-1], dtype=logits.dtype)[targets]
    return ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)


# --- a later call writes into the y that an earlier one has returned
BUFFERS = {}


def softmax_forward(x):
    y = BUFFERS.setdefault((x.shape, x.dtype.str), np.empty_like(x))
    y[...] = ours.softmax_forward(x)[0]
    return y, SoftmaxCache(y.copy())


# --- a later call writes into the dx that an earlier one has returned
BUFFERS = {}


def softmax_backward(dy, cache):
    dx = BUFFERS.setdefault((dy.shape, dy.dtype.str), np.empty_like(dy))
    dx[...] = ours.softmax_backward(dy, cache).x
    return InputGrad(dx)


# --- dx is not linear in dy
def softmax_backward(dy, cache):
    return ours.softmax_backward(dy.clip(-50, 50), cache)


# --- with targets that are no integers, one for each row it must raise a ValueError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    if targets.ndim < logits.ndim and targets.dtype.kind == "f":
        targets = targets.astype(int).clip(0, logits.shape[-1] - 1)
    return ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)


# --- with targets of integers, one for each number it must raise a ValueError
def cross_entropy_forward(logits, targets, *, label_smoothing=0.0):
    if targets.shape == logits.shape:
        targets = targets.astype(logits.dtype)
    return ours.cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)
