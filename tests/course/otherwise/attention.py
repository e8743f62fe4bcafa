# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def attention_one_loop(q, k, v):
    y = np.empty((len(q), v.shape[1]), v.dtype)
    for n in range(len(q)):
        scores = (k * q[n]).sum(1) * q.shape[1] ** -0.5
        shares = np.exp(scores - scores.max())
        y[n] = v.T @ shares / shares.sum()
    return y


def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    if mask is not None and mask.dtype != bool:
        raise TypeError("mask is not boolean")
    scale = q.shape[-1] ** -0.5 if scale is None else scale
    scores = np.einsum("...nk,...sk->...ns", q, k) * scale
    scores = scores if bias is None else scores + np.broadcast_to(bias, scores.shape)
    scores = scores if mask is None else np.where(np.broadcast_to(mask, scores.shape), scores, -np.inf)
    weights, _ = softmax_forward(scores)
    shape = None if bias is None else bias.shape
    return np.einsum("...ns,...sv->...nv", weights, v), AttentionCache(q, k, v, weights, scale, shape)


def attention_backward(dy, cache):
    q, k, v, weights, scale, bias_shape = cache
    dweights = np.einsum("...nv,...sv->...ns", dy, v)
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True))
    dbias = None if bias_shape is None else sum_to(dscores, bias_shape)
    dq = scale * np.einsum("...ns,...sk->...nk", dscores, k)
    dk = scale * np.einsum("...ns,...nk->...sk", dscores, q)
    return AttentionGrads(dq, dk, np.einsum("...ns,...nv->...sv", weights, dy), dbias)
