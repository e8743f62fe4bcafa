# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- lists
def attention_loops(q, k, v):
    y = np.zeros((len(q), v.shape[1]), v.dtype)
    for n in range(len(q)):
        scores = (
            np.array([sum(a * b for a, b in zip(q[n], key, strict=True)) for key in k], v.dtype) / q.shape[1] ** 0.5
        )
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        for s in range(len(k)):
            for j in range(v.shape[1]):
                y[n, j] += shares[s] * v[s, j]
    return y


# --- products from the left
def attention_one_loop(q, k, v):
    out = []
    for query in q:
        scores = (query * q.shape[1] ** -0.5) @ k.T
        e = np.exp(scores - scores.max())
        out.append(e @ v / e.sum())
    return np.array(out)


# --- the mask is added
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    check(q, k, v, bias, mask)
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = q @ k.mT * scale
    if bias is not None:
        scores = scores + bias
    if mask is not None:
        scores = scores + np.where(mask, 0, -np.inf).astype(q.dtype)
    weights = softmax_forward(scores)[0]
    return weights @ v, AttentionCache(q, k, v, weights, scale, None if bias is None else list(bias.shape))


def attention_backward(dy, cache):
    q, k, v, a, scale, shape = cache
    da = dy @ v.mT
    ds = a * (da - (da * a).sum(-1, keepdims=True))
    dbias = None if shape is None else sum_to(ds, tuple(shape))
    return AttentionGrads(scale * (ds @ k), scale * (ds.mT @ q), a.mT @ dy, dbias)


def check(q, k, v, bias, mask):
    if mask is not None and mask.dtype != bool:
        raise TypeError("mask must be boolean")
    for extra in (bias, mask):
        if extra is not None:
            np.broadcast_to(extra, (*q.shape[:-1], k.shape[-2]))


# --- the mask after the exponentials, then shares
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        raise TypeError("mask must be boolean")
    scale = 1 / q.shape[-1] ** 0.5 if scale is None else float(scale)
    scores = (q * scale) @ np.swapaxes(k, -1, -2)
    scores = scores if bias is None else scores + np.broadcast_to(bias, scores.shape)
    e = np.exp(scores - np.maximum(scores.max(-1, keepdims=True), np.finfo(q.dtype).min))
    e = e if mask is None else e * np.broadcast_to(mask, scores.shape)
    weights = e / np.maximum(e.sum(-1, keepdims=True), np.finfo(q.dtype).tiny)
    return weights @ v, AttentionCache(q, k, v, weights, scale, None if bias is None else bias.shape)


# --- in float64 on the way
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        raise TypeError("mask must be boolean")
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = np.matmul(q, k.mT, dtype=np.float64) * scale
    scores = scores + (0 if bias is None else np.broadcast_to(bias, scores.shape))
    scores = scores if mask is None else np.where(np.broadcast_to(mask, scores.shape), scores, -np.inf)
    weights = softmax_forward(scores)[0].astype(q.dtype)
    return weights @ v, AttentionCache(q, k, v, weights, scale, None if bias is None else np.shape(bias))


# --- the cache is a dict
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        raise TypeError("mask must be boolean")
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = q @ k.mT * scale
    scores = scores + (0 if bias is None else np.broadcast_to(bias, scores.shape))
    scores = scores if mask is None else np.where(np.broadcast_to(mask, scores.shape), scores, -np.inf)
    weights, c_softmax = softmax_forward(scores)
    return weights @ v, {"q": q * scale, "k": k * scale, "v": v, "softmax": c_softmax, "bias": bias}


def attention_backward(dy, cache):
    weights = cache["softmax"].y
    (dscores,) = softmax_backward(dy @ cache["v"].mT, cache["softmax"])
    dbias = None if cache["bias"] is None else sum_to(dscores, cache["bias"].shape)
    return AttentionGrads(dscores @ cache["k"], dscores.mT @ cache["q"], weights.mT @ dy, dbias)


# --- the cache is an object
class Kept:
    def __init__(self, **fields):
        self.__dict__.update(fields)


def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        raise TypeError("mask must be boolean")
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = q @ k.mT * scale
    scores = scores + (0 if bias is None else np.broadcast_to(bias, scores.shape))
    scores = scores if mask is None else np.where(np.broadcast_to(mask, scores.shape), scores, -np.inf)
    weights, _ = softmax_forward(scores)
    return weights @ v, Kept(q=q, k=k, v=v, a=weights, scale=scale, shape=None if bias is None else bias.shape)


def attention_backward(dy, cache):
    da = dy @ cache.v.mT
    ds = cache.a * (da - (da * cache.a).sum(-1, keepdims=True))
    dbias = None if cache.shape is None else sum_to(ds, cache.shape)
    return AttentionGrads(cache.scale * ds @ cache.k, cache.scale * ds.mT @ cache.q, cache.a.mT @ dy, dbias)


# --- gradients by place
def attention_backward(dy, cache):
    q, k, v, a, scale, shape = cache
    da = dy @ v.mT
    ds = a * (da - np.einsum("...ns,...ns->...n", da, a)[..., None])
    return ds @ k * scale, ds.mT @ q * scale, a.mT @ dy, None if shape is None else sum_to(ds, shape)


# --- the sums of the bias by hand
def attention_backward(dy, cache):
    q, k, v, a, scale, shape = cache
    da = dy @ v.mT
    ds = a * da - a * (a * da).sum(-1, keepdims=True)
    dbias = None
    if shape is not None:
        dbias = ds.sum(tuple(range(ds.ndim - len(shape))))
        stretched = tuple(axis for axis, n in enumerate(shape) if n == 1)
        dbias = dbias.sum(stretched, keepdims=True)
    return AttentionGrads(
        q=scale * (ds @ k), k=(q * scale).mT @ ds if False else scale * (ds.mT @ q), v=a.mT @ dy, bias=dbias
    )
