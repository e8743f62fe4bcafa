# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- with mask with an axis too many it must raise a ValueError
def additive_attention_forward(q, k, v, vector, *, mask=None):
    y, cache = ours.additive_attention_forward(q, k, v, vector)
    if mask is None:
        return y, cache
    if mask.dtype != bool:
        raise TypeError("a mask is of bool")
    weights, _ = softmax_forward(np.where(mask, np.tanh(q[..., :, None, :] + k[..., None, :, :]) @ vector, -np.inf))
    return weights @ v, cache._replace(weights=weights)


# --- does what an op returned still hold all of it?
def additive_attention_forward(q, k, v, vector, *, mask=None):
    weights = softmax_forward(np.tanh(q[..., :, None, :] + k[..., None, :, :]) @ vector)
    return weights @ v, None


# --- the slope of the sigmoid of z is missing: z (1 - z)
def gru_backward(dy, cache):
    h, _, update, new, _ = cache
    grads = ours.gru_backward(dy, cache)
    D = h.shape[-1]
    z = dy * (h - new)
    parts = (np.concatenate((g[..., :D], z, g[..., 2 * D :]), -1) for g in grads[:2])
    return GruGrads(*parts, dy * update)
