# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def non_local_loops(q, k, v, vector=None):
    y = np.zeros((len(q), v.shape[1]), v.dtype)
    for n in range(len(q)):
        for j in range(len(k)):
            if vector is None:
                f = (q[n] * k[j]).sum()
            else:
                f = (vector[: q.shape[1]] * q[n]).sum() + (vector[q.shape[1] :] * k[j]).sum()
                f = f * (f > 0)
            y[n] = y[n] + f * v[j] / k.shape[0]
    return y


def dot_product_mean_forward(q, k, v):
    weights = np.einsum("...nk,...sk->...ns", q, k) / k.shape[-2]
    return np.einsum("...ns,...sv->...nv", weights, v), DotProductMeanCache(q, k, v, weights)


def dot_product_mean_backward(dy, cache):
    dweights = np.einsum("...nv,...sv->...ns", dy, cache.v)
    share = dweights / cache.k.shape[-2]
    return DotProductMeanGrads(
        q=np.einsum("...ns,...sk->...nk", share, cache.k),
        k=np.einsum("...ns,...nk->...sk", share, cache.q),
        v=np.einsum("...ns,...nv->...sv", cache.weights, dy),
    )


def concatenation_mean_forward(q, k, v, vector):
    if vector.shape[0] != q.shape[-1] + k.shape[-1]:
        raise ValueError("the vector is not twice as long as a query")
    N, S = q.shape[-2], k.shape[-2]
    both = np.concatenate(  # every query beside every key, as the formula has it
        (np.repeat(q[..., :, None, :], S, axis=-2), np.repeat(k[..., None, :, :], N, axis=-3)), axis=-1
    )
    weights = (both @ vector).clip(min=0) / S
    return weights @ v, ConcatenationMeanCache(q, k, v, vector, weights)


def concatenation_mean_backward(dy, cache):
    q, k, v, vector, weights = cache
    K, S = q.shape[-1], k.shape[-2]
    dscores = np.where(weights > 0, dy @ v.mT, dy.dtype.type(0)) / S
    ds = dscores[..., None]
    dq = (ds * vector[:K]).sum(axis=-2)
    dk = (ds * vector[K:]).sum(axis=-3)
    of_query, of_key = dscores.sum(axis=-1).ravel(), dscores.sum(axis=-2).ravel()
    dvector = np.concatenate((of_query @ q.reshape(-1, K), of_key @ k.reshape(-1, K)))
    return ConcatenationMeanGrads(dq, dk, weights.mT @ dy, dvector)


def gain_forward(self, x, *, rng=None):
    return self.gamma.value[0] * x, LayerScaleCache(x[..., None], self.gamma.value)


def gain_backward(self, dy, cache):
    self.gamma.add_grad(np.array([np.vdot(dy, cache.x)], dy.dtype))
    return cache.gamma * dy


Gain.forward, Gain.backward = gain_forward, gain_backward


def forward(self, x, *, rng=None):
    B, Y, X, _ = x.shape
    q, c_theta = self.theta.forward(x, rng=rng)
    phi, c_phi = self.phi.forward(x, rng=rng)
    g, c_g = self.g.forward(x, rng=rng)
    k, c_phi_pool = self.phi_pool.forward(phi, rng=rng)
    v, c_g_pool = self.g_pool.forward(g, rng=rng)
    places = (np.reshape(part, (B, part.shape[1] * part.shape[2], part.shape[3])) for part in (q, k, v))
    found, c_attention = self.attend(*places)
    h, c_W = found.reshape(B, Y, X, -1), []
    for layer in self.W:
        h, cache = layer.forward(h)
        c_W.append(cache)
    cache = NonLocalCache(c_theta, c_phi, c_g, c_phi_pool, c_g_pool, c_attention, k.shape[1:3], c_W)
    return h + x, cache


def backward(self, dy, cache):
    B, Y, X, _ = dy.shape
    rows, columns = cache.map_size
    dh = dy
    for layer, c in zip(self.W[::-1], cache.W[::-1], strict=True):
        dh = layer.backward(dh, c)
    dq, dk, dv = self.attend_backward(dh.reshape(B, Y * X, -1), cache.attention)
    parts = (
        self.theta.backward(dq.reshape(B, Y, X, -1), cache.theta),
        self.phi.backward(self.phi_pool.backward(dk.reshape(B, rows, columns, -1), cache.phi_pool), cache.phi),
        self.g.backward(self.g_pool.backward(dv.reshape(B, rows, columns, -1), cache.g_pool), cache.g),
    )
    return sum(parts, start=dy)


NonLocal.forward, NonLocal.backward = forward, backward
