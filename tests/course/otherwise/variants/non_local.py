# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportPossiblyUnboundVariable=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- the queries are divided, not the scores; a cache of one's own
def dot_product_mean_forward(q, k, v):
    share = q / k.shape[-2]
    return share @ k.mT @ v, (share, k, v)


def dot_product_mean_backward(dy, cache):
    share, k, v = cache
    dweights = dy @ v.mT
    return dweights @ k / k.shape[-2], dweights.mT @ share, k @ share.mT @ dy


# --- brackets elsewhere, so that there is no map of N x S
def dot_product_mean_forward(q, k, v):
    return q @ (k.mT @ v / k.shape[-2]), {"q": q, "k": k, "v": v}


def dot_product_mean_backward(dy, cache):
    q, k, v = cache["q"], cache["k"], cache["v"]
    S = k.shape[-2]
    return {"dq": dy @ (v.mT @ k) / S, "dk": v @ (dy.mT @ q) / S, "dv": k @ (q.mT @ dy) / S}


# --- a cache that keeps where the ReLU was open
def concatenation_mean_forward(q, k, v, vector):
    if vector.size != 2 * q.shape[-1]:
        raise ValueError("vector")
    w_query, w_key = np.split(vector, 2)
    scores = (q @ w_query)[..., None] + np.expand_dims(k @ w_key, -2)
    is_open = scores > 0
    weights = scores * is_open / k.shape[-2]
    return weights @ v, (q, k, v, vector, weights, is_open)


def concatenation_mean_backward(dy, cache):
    q, k, v, vector, weights, is_open = cache
    w_query, w_key = np.split(vector, 2)
    dscores = np.matmul(dy, np.swapaxes(v, -1, -2)) * is_open / k.shape[-2]
    of_query, of_key = dscores.sum(-1), dscores.sum(-2)
    dvector = np.concatenate([np.tensordot(of_query, q, q.ndim - 1), np.tensordot(of_key, k, k.ndim - 1)])
    return ConcatenationMeanGrads(
        of_query[..., None] * w_query, of_key[..., None] * w_key, np.swapaxes(weights, -1, -2) @ dy, dvector
    )


# --- the vector's gradient from those of queries and keys beside each other
def concatenation_mean_backward(dy, cache):
    q, k, v, vector, weights = cache
    K = q.shape[-1]
    dscores = dy @ v.mT * (weights > 0)
    dscores /= k.shape[-2]
    of_query, of_key = dscores @ np.ones_like(k[..., :1]), dscores.mT @ np.ones_like(q[..., :1])
    both = np.concatenate(((of_query * q).reshape(-1, K).sum(0), (of_key * k).reshape(-1, K).sum(0)))
    return ConcatenationMeanGrads(of_query * vector[:K], of_key * vector[K:], weights.mT @ dy, both)


# --- the gate's own cache
def forward(self, x, *, rng=None):
    return x * self.gamma.value, x


def backward(self, dy, cache):
    self.gamma.grad += np.sum(dy * cache)
    return dy * self.gamma.value


Gain.forward, Gain.backward = forward, backward


# --- what goes around is added first, and each branch keeps what it needs in a list
def forward(self, x, *, rng=None):
    B, Y, X, _ = x.shape
    q, c_theta = self.theta.forward(x)
    k, *c_k = self.phi.forward(x)
    k, c = self.phi_pool.forward(k)
    c_k.append(c)
    v, *c_v = self.g.forward(x)
    v, c = self.g_pool.forward(v)
    c_v.append(c)
    h, c_attention = self.attend(q.reshape(B, Y * X, -1), k.reshape(B, -1, k.shape[3]), v.reshape(B, -1, v.shape[3]))
    h, c_W = run(self.W, h.reshape(B, Y, X, -1))
    return x + h, [c_theta, c_k, c_v, c_attention, k.shape, v.shape, c_W]


def backward(self, dy, cache):
    c_theta, c_k, c_v, c_attention, k_shape, v_shape, c_W = cache
    dh = run_backward(self.W, dy, c_W)
    dq, dk, dv = self.attend_backward(dh.reshape(len(dy), -1, dh.shape[3]), c_attention)
    dx = dy.copy()
    dx += self.theta.backward(dq.reshape(dh.shape[:3] + dq.shape[2:]), c_theta)
    dx += self.phi.backward(self.phi_pool.backward(dk.reshape(k_shape), c_k[1]), c_k[0])
    dx += self.g.backward(self.g_pool.backward(dv.reshape(v_shape), c_v[1]), c_v[0])
    return dx


NonLocal.forward, NonLocal.backward = forward, backward
