# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportPossiblyUnboundVariable=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- place by place of the window, and a cache of one's own
def local_attention_forward(q, k, v, relative=None, bias=None, *, kernel_size, stride=1, padding=0):
    window = sliding("local_attention", k.shape[1:3], kernel_size, stride=stride, padding=padding)
    (P, Q), (B, _, _, H, K) = window.kernel, k.shape
    if q.shape != (B, *window.out, H, K) or any(t is not None and t.shape[1] != P * Q for t in (relative, bias)):
        raise ValueError("these do not fit")
    scores = np.zeros((*q.shape[:4], P * Q), q.dtype)
    for (p, r), pixels, positions in places(window):
        at = positions[1:3]
        scores[:, *at, :, p * Q + r] = (q[:, *at] * k[:, *pixels[1:3]]).sum(-1)
    if relative is not None:
        scores += (q[..., None, :] * relative).sum(-1)
    if bias is not None:
        scores += bias
    weights = softmax_forward(scores)[0]
    y = np.zeros((*q.shape[:4], v.shape[-1]), v.dtype)
    for (p, r), pixels, positions in places(window):
        at = positions[1:3]
        y[:, *at] += weights[:, *at, :, p * Q + r, None] * v[:, *pixels[1:3]]
    return y, [q, k, v, relative, bias, weights, window]


def local_attention_backward(dy, cache):
    q, k, v, relative, bias, weights, window = cache
    Q = window.kernel[1]
    dweights, dv = np.zeros_like(weights), np.zeros_like(v)
    for (p, r), pixels, positions in places(window):
        at, seen, place = positions[1:3], pixels[1:3], p * Q + r
        dweights[:, *at, :, place] = (dy[:, *at] * v[:, *seen]).sum(-1)
        dv[:, *seen] += weights[:, *at, :, place, None] * dy[:, *at]
    (dscores,) = softmax_backward(dweights, SoftmaxCache(weights))
    dq, dk = np.zeros_like(q), np.zeros_like(k)
    for (p, r), pixels, positions in places(window):
        at, seen, place = positions[1:3], pixels[1:3], p * Q + r
        dq[:, *at] += dscores[:, *at, :, place, None] * k[:, *seen]
        dk[:, *seen] += dscores[:, *at, :, place, None] * q[:, *at]
    if relative is not None:
        dq += np.einsum("bijhs,hsk->bijhk", dscores, relative)
    drelative = None if relative is None else np.einsum("bijhs,bijhk->hsk", dscores, q)
    return dq, dk, dv, drelative, None if bias is None else dscores.sum((0, 1, 2))


# --- a padded copy of the map, and the gradient of it cut out
def local_attention_backward(dy, cache):
    q, k, v, relative, has_bias, weights, window = cache
    (P, Q), (sy, sx), sides, (Yo, Xo) = window.kernel, window.stride, window.padding, window.out
    (top, _), (left, _) = sides
    k_padded, v_padded = (np.pad(part, ((0, 0), *sides, (0, 0), (0, 0))) for part in (k, v))
    slices = [
        (slice(p, p + sy * (Yo - 1) + 1, sy), slice(r, r + sx * (Xo - 1) + 1, sx)) for p in range(P) for r in range(Q)
    ]
    dweights = np.stack([(v_padded[:, *at] * dy).sum(-1) for at in slices], axis=-1)
    dscores = weights * (dweights - np.vecdot(dweights, weights)[..., None])
    dq = sum(dscores[..., s, None] * k_padded[:, *at] for s, at in enumerate(slices))
    dk, dv = np.zeros_like(k_padded), np.zeros_like(v_padded)
    for s, at in enumerate(slices):
        dk[:, *at] += dscores[..., s, None] * q
        dv[:, *at] += weights[..., s, None] * dy
    on_map = (slice(None), slice(top, top + k.shape[1]), slice(left, left + k.shape[2]))
    drelative = dbias = None
    if relative is not None:
        dq = dq + np.moveaxis(np.moveaxis(dscores, 3, 0) @ relative[:, None, None], 0, 3)
        drelative = np.einsum("bijhs,bijhk->hsk", dscores, q)
    if has_bias:
        dbias = np.add.reduce(dscores, axis=(0, 1, 2))
    return LocalAttentionGrads(dq, dk[on_map], dv[on_map], drelative, dbias)


# --- key and vector are added before the query meets them
def local_attention_forward(q, k, v, relative=None, bias=None, *, kernel_size, stride=1, padding=0):
    window = sliding("local_attention", k.shape[1:3], kernel_size, stride=stride, padding=padding)
    S, (B, Y, X, H, K) = window.kernel[0] * window.kernel[1], k.shape
    for table in (relative, bias):
        if table is not None and table.shape[1] != S:
            raise ValueError("a table for another window")
    if q.shape[1:3] != window.out:
        raise ValueError("other positions than queries")
    keys = windows(k.reshape(B, Y, X, H * K), window).reshape(B, *window.out, S, H, K).swapaxes(3, 4)
    if relative is not None:
        keys = keys + relative
    scores = np.matvec(keys, q)
    weights, _ = softmax_forward(scores if bias is None else scores + bias)
    values = windows(v.reshape(B, Y, X, -1), window).reshape(B, *window.out, S, H, -1).swapaxes(3, 4)
    y = (weights[..., None, :] @ values)[..., 0, :]
    return y, LocalAttentionCache(q, k, v, relative, bias is not None, weights, window)


# --- vectors of places as two assignments
def place_vectors_forward(rows, columns):
    (P, D), (Q, F) = rows.shape, columns.shape
    r = np.empty((P, Q, D + F), rows.dtype)
    r[:, :, :D] = rows[:, None, :]
    r[:, :, D:] = columns[None, :, :]
    return r.reshape(P * Q, -1), PlaceVectorsCache((P, D), (Q, F))


def place_vectors_backward(dy, cache):
    (P, D), (Q, _) = cache
    row, column = np.divmod(np.arange(P * Q), Q)
    return (row == np.arange(P)[:, None]).astype(dy.dtype) @ dy[:, :D], (column == np.arange(Q)[:, None]) @ dy[:, D:]
