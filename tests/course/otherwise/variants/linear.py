# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- einsum
def linear_forward(x, weight, bias=None):
    y = np.einsum("...d,df->...f", x, weight)
    return (y if bias is None else y + bias), LinearCache(x, weight, bias is not None)


def linear_backward(dy, cache):
    x, weight, has_bias = cache
    dx = np.einsum("...f,df->...d", dy, weight)
    dweight = np.einsum("rd,rf->df", x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1]))
    return LinearGrads(dx, dweight, np.einsum("rf->f", dy.reshape(-1, dy.shape[-1])) if has_bias else None)


# --- the bias as one more row
def linear_forward(x, weight, bias=None):
    ones = np.ones((*x.shape[:-1], 1), x.dtype)
    row = np.zeros((1, weight.shape[1]), x.dtype) if bias is None else bias[None]
    y = np.concatenate((x, ones), -1) @ np.concatenate((weight, row))
    return y, LinearCache(x, weight, bias is not None)


# --- dot
def linear_forward(x, weight, bias=None):
    y = np.dot(x, weight)
    return y + (0 if bias is None else bias), LinearCache(x=x, weight=weight, has_bias=bias is not None)


# --- a flag of NumPy's
def linear_forward(x, weight, bias=None):
    y = x @ weight if bias is None else x @ weight + bias
    return y, LinearCache(x, weight, np.bool_(bias is not None))


# --- gradients by place
def linear_backward(dy, cache):
    x, weight, has_bias = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return dy @ weight.T, rows.T @ drows, drows.sum(0) if has_bias else None


# --- gradients as a dict
def linear_backward(dy, cache):
    x, weight, has_bias = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    bias = np.ones(len(drows), dy.dtype) @ drows if has_bias else None
    return {"x": dy @ weight.T, "weight": (drows.T @ rows).T, "bias": bias}


# --- the cache is a list
def linear_forward(x, weight, bias=None):
    y = x @ weight
    return (y if bias is None else y + bias), [x, weight, bias]


def linear_backward(dy, cache):
    x, weight, bias = cache
    rows, drows = x.reshape(-1, x.shape[-1]), dy.reshape(-1, dy.shape[-1])
    return LinearGrads(dy @ weight.T, rows.T @ drows, None if bias is None else drows.sum(0))


# --- a cache with fields of its own
class LinearCache(NamedTuple):
    rows: Any
    weight: Any
    shape: Any
    bias: Any


def linear_forward(x, weight, bias=None):
    rows = x.reshape(-1, x.shape[-1])
    y = rows @ weight
    y = y if bias is None else y + bias
    return y.reshape(*x.shape[:-1], -1), LinearCache(rows, weight, x.shape, bias)


def linear_backward(dy, cache):
    drows = dy.reshape(len(cache.rows), -1)
    dbias = None if cache.bias is None else drows.sum(0)
    return LinearGrads((drows @ cache.weight.T).reshape(cache.shape), cache.rows.T @ drows, dbias)


# --- GELU through erfc
def gelu_forward(x):
    from scipy.special import erfc

    y = x * erfc(-x / np.sqrt(2, dtype=x.dtype)) / 2
    return y, GeluCache(x, y)


# --- GELU through the normal distribution
def gelu_forward(x):
    from scipy.special import ndtr

    y = x * ndtr(x)
    return y, GeluCache(x, y)


def gelu_backward(dy, cache):
    from scipy.special import ndtr

    x = cache.x
    return InputGrad(dy * (ndtr(x) + x * np.exp(-0.5 * np.square(x)) * (2 * np.pi) ** -0.5))


# --- GELU keeps its slope
def gelu_forward(x):
    from scipy.special import erf

    cdf = (1 + erf(x * 0.5**0.5)) / 2
    return x * cdf, {"slope": cdf + x * np.exp(-x * x / 2) / (2 * np.pi) ** 0.5}


def gelu_backward(dy, cache):
    return InputGrad(dy * cache["slope"])
