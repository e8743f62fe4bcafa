# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def additive_attention_loops(q, k, v, vector):
    y = np.zeros((len(q), v.shape[1]), v.dtype)
    for n in range(len(q)):
        e = np.exp(np.tanh(k + q[n]).dot(vector))
        y[n] = e.dot(v) / e.sum()
    return y


def additive_attention_forward(q, k, v, vector, *, mask=None):
    if mask is not None and mask.dtype != bool:
        raise TypeError(f"mask is of {mask.dtype}, not of bool")
    hidden = np.tanh(np.expand_dims(q, -2) + np.expand_dims(k, -3))
    scores = np.einsum("...nsk,k->...ns", hidden, vector)
    e = np.exp(scores - scores.max(-1, keepdims=True))
    if mask is not None:
        e = e * np.broadcast_to(mask, e.shape)
    total = e.sum(-1, keepdims=True)
    weights = np.divide(e, total, out=np.zeros_like(e), where=total > 0)
    return np.einsum("...ns,...sv->...nv", weights, v), AdditiveAttentionCache(v, vector, hidden, weights)


def additive_attention_backward(dy, cache):
    v, vector, hidden, weights = cache
    dweights = np.einsum("...nv,...sv->...ns", dy, v)
    dscores = weights * (dweights - (weights * dweights).sum(-1, keepdims=True))
    dsum = np.einsum("...ns,k,...nsk->...nsk", dscores, vector, 1 - hidden**2)
    return AdditiveAttentionGrads(
        q=dsum.sum(-2),
        k=dsum.sum(-3),
        v=np.einsum("...ns,...nv->...sv", weights, dy),
        vector=np.tensordot(dscores, hidden, dscores.ndim),
    )


def gru_forward(gates_x, gates_h, h):
    D = h.shape[-1]
    if not gates_x.shape[-1] == gates_h.shape[-1] == 3 * D:
        raise ValueError(f"three gates of width {D} do not fit {gates_x.shape} and {gates_h.shape}")
    both = gates_x[..., : 2 * D] + gates_h[..., : 2 * D]
    gates = 0.5 * (1 + np.tanh(both / 2))
    reset, update = gates[..., :D], gates[..., D:]
    from_h = gates_h[..., 2 * D :]
    new = np.tanh(gates_x[..., 2 * D :] + reset * from_h)
    return new + update * (h - new), GruCache(h, reset, update, new, from_h)


def gru_backward(dy, cache):
    dn = dy * (1 - cache.update) * (1 - cache.new**2)
    dz = dy * (cache.h - cache.new) * cache.update * (1 - cache.update)
    dr = dn * cache.from_h * cache.reset * (1 - cache.reset)
    return GruGrads(np.concatenate([dr, dz, dn], -1), np.concatenate([dr, dz, dn * cache.reset], -1), dy * cache.update)
