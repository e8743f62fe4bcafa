# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- must raise a ValueError
def concatenation_mean_forward(q, k, v, vector):
    K = q.shape[-1]
    return ours.concatenation_mean_forward(q, k, v, np.concatenate((vector[:K], np.resize(vector[K:], K))))


# --- a loop over axis 1 of q (query)
def dot_product_mean_forward(q, k, v):
    _, cache = ours.dot_product_mean_forward(q, k, v)
    rows = [(query[..., None, :] @ k.mT)[..., 0, :] for query in np.moveaxis(q, -2, 0)]
    return np.stack(rows, axis=-2) / k.shape[-2] @ v, cache


# --- cache.weights: those are the scores; what is kept are the weights, divided by S
def dot_product_mean_forward(q, k, v):
    scores = q @ k.mT
    return scores @ v / k.shape[-2], DotProductMeanCache(q, k, v, scores)


# --- comes y in float64
def concatenation_mean_forward(q, k, v, vector):
    y, cache = ours.concatenation_mean_forward(q, k, v, vector)
    return y.astype(np.float64), cache


# --- dq: dq and dk are made of each other's half of the vector
def concatenation_mean_backward(dy, cache):
    dq, dk, dv, dvector = ours.concatenation_mean_backward(dy, cache)
    w_query, w_key = np.split(cache.vector, 2)
    of_query, of_key = dq @ w_query / (w_query @ w_query), dk @ w_key / (w_key @ w_key)
    return ConcatenationMeanGrads(of_query[..., None] * w_key, of_key[..., None] * w_query, dv, dvector)


# --- dgamma is assigned where a gradient is there already
def backward(self, dy, cache):
    self.gamma.grad = np.sum(dy * cache.x[..., 0], keepdims=True).reshape(1)
    return dy * cache.gamma


Gain.backward = backward


# --- the gate gets no gradient, so it never opens
def backward(self, dy, cache):
    return dy * cache.gamma


Gain.backward = backward


# --- dx: the gradient of the residual path is missing
def backward(self, dy, cache):
    return our_backward(self, dy, cache) - dy


NonLocal.backward = backward


# --- you changed the parameter W.1.running_mean
def forward(self, x, *, rng=None):
    y, cache = our_forward(self, x, rng=rng)
    if len(self.W) > 1:
        self.W[1].absorb(cache.W[1])
    return y, cache


NonLocal.forward = forward


# --- you modified cache.W.1.xhat in place
def backward(self, dy, cache):
    dx = our_backward(self, dy, cache)
    if len(cache.W) > 1:
        cache.W[1].xhat[...] *= 2
    return dx


NonLocal.backward = backward


# --- .T turns all axes around, .mT the last two
def dot_product_mean_forward(q, k, v):
    scores = q @ k.T
    return scores @ v / k.shape[-2], None
