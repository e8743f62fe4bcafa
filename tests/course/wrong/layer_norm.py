# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 0 of x
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    every = [ours.layer_norm_forward(row, gamma, beta, eps=eps) for row in x]
    y, xhat, rstd = (np.stack(p) for p in zip(*((y, c.xhat, c.rstd) for y, c in every), strict=True))
    return y, LayerNormCache(xhat, rstd, gamma)


# --- a loop over axis 1 of x
def layer_norm_backward(dy, cache):
    grads = ours.layer_norm_backward(dy, cache)
    if dy.ndim < 3:
        return grads
    return grads._replace(beta=sum(dy[:, n].sum(0) for n in range(dy.shape[1])))


# --- dgamma has shape
def layer_norm_backward(dy, cache):
    grads = ours.layer_norm_backward(dy, cache)
    return grads._replace(gamma=(dy * cache.xhat).sum(0))


# --- your layer_norm_forward is wrong: mend that first
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    y, cache = ours.layer_norm_forward(x, gamma, beta, eps=eps)
    return 2 * y, cache


# --- your layer_norm_forward is wrong (though your backward is its gradient): mend that first
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    y, cache = ours.layer_norm_forward(x, gamma, beta, eps=eps)
    return 2 * y, {"given": cache}


def layer_norm_backward(dy, cache):
    return ours.layer_norm_backward(2 * dy, cache["given"])


# --- you modified gamma in place
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    result = ours.layer_norm_forward(x, gamma.copy(), beta, eps=eps)
    gamma += 1
    return result


# --- from float32 comes y in float64
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    y, cache = ours.layer_norm_forward(x, gamma, beta, eps=eps)
    return y * np.sqrt(1), cache


# --- has shape
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    y, cache = ours.layer_norm_forward(x, gamma, beta, eps=eps)
    return y, cache._replace(rstd=cache.rstd.squeeze())
