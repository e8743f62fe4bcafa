# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def local_attention_loops(q, k, v, relative, bias, *, kernel_size, stride=1, padding=0):
    sides = ((padding, kernel_size), (padding, kernel_size), (0, 0))
    k, v = np.pad(k, sides), np.pad(v, sides)
    y = np.zeros((*q.shape[:2], v.shape[2]), v.dtype)
    for i, j in np.ndindex(q.shape[:2]):
        rows, columns = (slice(stride * n, stride * n + kernel_size) for n in (i, j))
        keys = k[rows, columns].reshape(kernel_size**2, -1) + relative
        shares = np.exp(keys @ q[i, j] + bias)
        y[i, j] = shares / shares.sum() @ v[rows, columns].reshape(kernel_size**2, -1)
    return y


def place_vectors_forward(rows, columns):
    (P, D), (Q, F) = rows.shape, columns.shape
    return np.hstack((np.repeat(rows, Q, axis=0), np.tile(columns, (P, 1)))), PlaceVectorsCache((P, D), (Q, F))


def place_vectors_backward(dy, cache):
    (P, D), (Q, F) = cache
    return PlaceVectorsGrads(
        np.add.reduceat(dy[:, :D], np.arange(0, P * Q, Q), axis=0), dy[:, D:].reshape(P, Q, F).sum(axis=0)
    )


def local_attention_forward(q, k, v, relative=None, bias=None, *, kernel_size, stride=1, padding=0):
    window = sliding("local_attention", k.shape[1:3], kernel_size, stride=stride, padding=padding)
    (P, Q), (B, Y, X, H, K) = window.kernel, k.shape
    if q.shape != (B, *window.out, H, K):
        raise ValueError("other positions than queries")
    for table in (relative, bias):
        if table is not None and table.shape[1] != P * Q:
            raise ValueError("a table for another window")
    keys = windows(k.reshape(B, Y, X, -1), window).reshape(B, *window.out, P * Q, H, K)
    values = windows(v.reshape(B, Y, X, -1), window).reshape(B, *window.out, P * Q, H, -1)
    scores = np.einsum("bijhk,bijshk->bijhs", q, keys)
    if relative is not None:
        scores = scores + np.einsum("bijhk,hsk->bijhs", q, relative)
    if bias is not None:
        scores = scores + bias
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    cache = LocalAttentionCache(q, k, v, relative, bias is not None, weights, window)
    return np.einsum("bijhs,bijshv->bijhv", weights, values), cache


def local_attention_backward(dy, cache):
    q, k, v, relative, has_bias, weights, window = cache
    (P, Q), (B, Yo, Xo, H, K) = window.kernel, q.shape
    keys = windows(k.reshape(*k.shape[:3], -1), window).reshape(B, Yo, Xo, P * Q, H, K)
    values = windows(v.reshape(*v.shape[:3], -1), window).reshape(B, Yo, Xo, P * Q, H, -1)
    dweights = np.einsum("bijhv,bijshv->bijhs", dy, values)
    dscores = weights * (dweights - (weights * dweights).sum(axis=-1, keepdims=True))
    dq = np.einsum("bijhs,bijshk->bijhk", dscores, keys)
    dkeys = np.einsum("bijhs,bijhk->bijshk", dscores, q).reshape(B, Yo, Xo, P, Q, -1)
    dvalues = np.einsum("bijhs,bijhv->bijshv", weights, dy).reshape(B, Yo, Xo, P, Q, -1)
    drelative = dbias = None
    if relative is not None:
        dq = dq + np.einsum("bijhs,hsk->bijhk", dscores, relative)
        drelative = np.einsum("bijhs,bijhk->hsk", dscores, q)
    if has_bias:
        dbias = dscores.sum(axis=(0, 1, 2))
    dk, dv = from_windows(dkeys, window).reshape(k.shape), from_windows(dvalues, window).reshape(v.shape)
    return LocalAttentionGrads(dq, dk, dv, drelative, dbias)
