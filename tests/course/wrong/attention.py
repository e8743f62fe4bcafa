# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 0 of q (sample)
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    if q.ndim < 4 or bias is not None or mask is not None:
        return ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    every = [ours.attention_forward(*one, scale=scale) for one in zip(q, k, v, strict=True)]
    y, weights = (np.stack(part) for part in ([y for y, _ in every], [c.weights for _, c in every]))
    return y, every[0][1]._replace(q=q, k=k, v=v, weights=weights)


# --- a loop over axis 1 of q (head)
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    if q.ndim == 4:
        y = np.stack([cache.weights[:, h] @ v[:, h] for h in range(q.shape[1])], 1)
    return y, cache


# --- a loop over axis 2 of q (query)
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    y = np.stack([(cache.weights[..., n : n + 1, :] @ v)[..., 0, :] for n in range(q.shape[-2])], -2)
    return y, cache


# --- a loop over axis 2 of k
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    y = sum(cache.weights[..., s : s + 1] * v[..., s : s + 1, :] for s in range(k.shape[-2]))
    return y, cache


# --- a loop over axis 0 of q (sample)
def attention_backward(dy, cache):
    if dy.ndim < 4 or cache.bias_shape is not None:
        return ours.attention_backward(dy, cache)
    every = [
        ours.attention_backward(one, cache._replace(q=q, k=k, v=v, weights=w))
        for one, q, k, v, w in zip(dy, *cache[:4], strict=True)
    ]
    return AttentionGrads(*(np.stack(part) for part in list(zip(*every, strict=True))[:3]), None)


# --- a loop over axis 1 of q (head)
def attention_backward(dy, cache):
    grads = ours.attention_backward(dy, cache)
    if dy.ndim < 4:
        return grads
    return grads._replace(v=np.stack([cache.weights[:, h].mT @ dy[:, h] for h in range(dy.shape[1])], 1))


# --- the mask is not used
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    return ours.attention_forward(q, k, v, bias, mask=mask if mask is None or mask.any() else None, scale=scale)


# --- the mask is not used
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    return ours.attention_forward(q, k, v, bias, mask=None if mask is None or mask.ndim > 2 else mask, scale=scale)


# --- with mask of integers it must raise a TypeError
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    return ours.attention_forward(q, k, v, bias, mask=None if mask is None else mask.astype(bool), scale=scale)


# --- with k whose axis 2 is too long it must raise a ValueError
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    S = min(k.shape[-2], v.shape[-2])
    y, cache = ours.attention_forward(q, k[..., :S, :], v[..., :S, :], bias, mask=mask, scale=scale)
    return y, cache


# --- you modified mask in place
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    result = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    if mask is not None:
        mask[...] = True
    return result


# --- dbias has shape
def attention_backward(dy, cache):
    grads = ours.attention_backward(dy, cache._replace(bias_shape=None))
    if cache.bias_shape is None:
        return grads
    dweights = dy @ cache.v.mT
    dscores = cache.weights * (dweights - (dweights * cache.weights).sum(-1, keepdims=True))
    return grads._replace(bias=dscores.sum(tuple(range(dscores.ndim - len(cache.bias_shape)))))


# --- given the cache of your attention_forward
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    return y, cache._asdict()


# --- given the cache of your attention_forward
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    return y, [*cache[:4]]


def attention_backward(dy, cache):
    q, k, v, weights = cache
    dweights = dy @ v.mT
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True))
    return AttentionGrads(dscores @ k, dscores.mT @ q, weights.mT @ dy, None)


# --- a loop over axis 0 of k
def attention_one_loop(q, k, v):
    y = np.zeros((len(q), v.shape[1]), v.dtype)
    for n, query in enumerate(q):
        shares, _ = softmax_forward(np.array([query @ key for key in k]) / q.shape[1] ** 0.5)
        y[n] = shares @ v
    return y


# --- a loop over axis 1 of v
def attention_one_loop(q, k, v):
    y = np.zeros((len(q), v.shape[1]), v.dtype)
    for n, query in enumerate(q):
        shares, _ = softmax_forward(k @ query / q.shape[1] ** 0.5)
        y[n] = [shares @ column for column in v.T]
    return y


# --- you modified bias in place
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    if bias is not None and bias.shape == cache.weights.shape:
        bias += q @ k.swapaxes(-1, -2) * cache.scale
    return y, cache


# --- it should be 0
def attention_forward(q, k, v, bias=None, *, mask=None, scale=None):
    y, cache = ours.attention_forward(q, k, v, bias, mask=mask, scale=scale)
    if bias is not None:
        y = np.where(np.isneginf(bias).all(-1, keepdims=True), v.mean(-2, keepdims=True), y)
    return y, cache
