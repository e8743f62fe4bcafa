# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 1 of weight
def linear_forward(x, weight, bias=None):
    y = np.stack([x @ column for column in weight.T], -1)
    return (y if bias is None else y + bias), LinearCache(x, weight, bias is not None)


# --- a loop over axis 0 of x
def linear_forward(x, weight, bias=None):
    y = np.stack([*map(weight.T.dot, x.reshape(-1, x.shape[-1]))]).reshape(*x.shape[:-1], -1)
    return (y if bias is None else y + bias), LinearCache(x, weight, bias is not None)


# --- a loop over axis 0 of x
def linear_backward(dy, cache):
    x, weight, has_bias = cache
    if x.ndim < 2:
        return ours.linear_backward(dy, cache)
    pairs = zip(x.reshape(len(x), -1, x.shape[-1]), dy.reshape(len(x), -1, dy.shape[-1]), strict=True)
    dweight = sum(np.tensordot(a, b, (0, 0)) for a, b in pairs)
    return LinearGrads(dy @ weight.T, dweight, dy.reshape(-1, dy.shape[-1]).sum(0) if has_bias else None)


# --- a loop over axis 2 of x
def linear_backward(dy, cache):
    x, weight, has_bias = cache
    dx = np.stack([dy @ weight[d] for d in range(len(weight))], -1)
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return LinearGrads(dx, rows.T @ drows, drows.sum(0) if has_bias else None)


# --- a loop over axis 0 of x
def gelu_forward(x):
    import math

    y = np.vectorize(lambda v: 0.5 * v * (1 + math.erf(v / 2**0.5)), otypes=[x.dtype])(x)
    return y, GeluCache(x, y)


# --- given the cache of your linear_forward
def linear_forward(x, weight, bias=None):
    y, _ = ours.linear_forward(x, weight, bias)
    return y, (x, weight)


# --- given the cache of your linear_forward
def linear_forward(x, weight, bias=None):
    y, _ = ours.linear_forward(x, weight, bias)
    return y, {"x": x, "weight": weight, "has_bias": bias is not None}


# --- you modified bias in place
def linear_forward(x, weight, bias=None):
    result = ours.linear_forward(x, weight, bias)
    if bias is not None:
        bias *= 2
    return result


# --- you modified cache.weight in place
def linear_backward(dy, cache):
    x, weight, has_bias = cache
    dx = dy @ weight.T
    weight *= 0.5
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return LinearGrads(dx, rows.T @ drows, drows.sum(0) if has_bias else None)


# --- dx is right in float64 and wrong in float32
def gelu_backward(dy, cache):
    (x,) = cache[:1]
    h = 1e-5
    return InputGrad(dy * (gelu_forward(x + h)[0] - gelu_forward(x - h)[0]) / (2 * h))


# --- x whose last axis is twice as long it must raise a ValueError
def linear_forward(x, weight, bias=None):
    if bias is not None and bias.shape != weight.shape[1:]:
        raise ValueError("bias")
    y = (x.reshape(-1, len(weight)) @ weight).reshape(*x.shape[:-1], -1)
    return (y if bias is None else y + bias), LinearCache(x, weight, bias is not None)


# --- has length 1 it must raise a ValueError
def linear_forward(x, weight, bias=None):
    y = x @ weight
    return (y if bias is None else y + bias), LinearCache(x, weight, bias is not None)
