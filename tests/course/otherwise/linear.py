# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def linear_forward(x, weight, bias=None):
    y = x @ weight
    return (y if bias is None else y + bias), LinearCache(x, weight, bias is not None)


def linear_backward(dy, cache):
    rows = list(range(dy.ndim - 1))
    dweight = np.tensordot(cache.x, dy, (rows, rows))
    dbias = dy.sum(tuple(range(dy.ndim - 1))) if cache.has_bias else None
    return LinearGrads(dy @ cache.weight.T, dweight, dbias)


def gelu_forward(x):
    y = x * (1 + erf(x / sqrt(2))) / 2
    return y, GeluCache(x, y)


def gelu_backward(dy, cache):
    x = cache.x
    return InputGrad(dy * ((1 + erf(x / sqrt(2))) / 2 + x * np.exp(-(x**2) / 2) / sqrt(2 * pi)))
