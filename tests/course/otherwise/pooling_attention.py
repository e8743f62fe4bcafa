# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def relative_logits_loops(q, rows, columns, *, row_index, column_index):
    Y, U = row_index.shape
    X, V = column_index.shape
    places = q.reshape(Y, X, -1)
    logits = np.zeros((Y, X, U, V), q.dtype)
    for y, x, u, v in np.ndindex(Y, X, U, V):
        vector = rows[row_index[y, u]] + columns[column_index[x, v]]
        logits[y, x, u, v] = (places[y, x] * vector).sum()
    return logits.reshape(Y * X, U * V)


def relative_index(queries, keys):
    longer = max(queries, keys)
    moved = np.arange(keys)[::-1]  # how far the last key is from each
    return (np.arange(queries)[:, None] * longer // queries) + (moved * longer // keys)


def relative_logits_forward(q, rows, columns, *, row_index, column_index):
    (Y, U), (X, V) = row_index.shape, column_index.shape
    *lead, N, K = q.shape
    if N != Y * X:
        raise ValueError("other queries than places")
    for index, table in ((row_index, rows), (column_index, columns)):
        if index.size and (index.min() < 0 or index.max() >= len(table)):
            raise ValueError("an index of no vector")
    q = q.reshape(*lead, Y, X, K)
    r, c = rows[row_index], columns[column_index]
    logits = np.einsum("...yxk,yuk->...yxu", q, r)[..., None] + np.einsum("...yxk,xvk->...yxv", q, c)[..., None, :]
    caches = EmbeddingCache(row_index.copy(), rows.shape), EmbeddingCache(column_index.copy(), columns.shape)
    return logits.reshape(*lead, N, U * V), RelativeLogitsCache(q, r, c, *caches)


def relative_logits_backward(dy, cache):
    q, r, c, (row_index, row_shape), (column_index, column_shape) = cache
    Y, X, K = q.shape[-3:]
    dy = dy.reshape(*q.shape[:-1], r.shape[1], c.shape[1])
    down, right = dy.sum(axis=-1), dy.sum(axis=-2)
    dq = np.einsum("...yxu,yuk->...yxk", down, r) + np.einsum("...yxv,xvk->...yxk", right, c)
    shape, down, right = q.shape, *(part.reshape(-1, Y, X, part.shape[-1]) for part in (down, right))
    q = q.reshape(-1, Y, X, K)
    drows, dcolumns = np.zeros(row_shape, dy.dtype), np.zeros(column_shape, dy.dtype)
    np.add.at(drows, row_index, np.einsum("byxu,byxk->yuk", down, q))
    np.add.at(dcolumns, column_index, np.einsum("byxv,byxk->xvk", right, q))
    return RelativeLogitsGrads(dq.reshape(*shape[:-3], Y * X, K), drows, dcolumns)


def forward(self, x, *, rng=None):
    B, N, _ = x.shape
    P, H = self.num_prefix_tokens, self.num_heads
    h, c_qkv = self.qkv.forward(x)
    made = h.reshape(B, N, 3, H, -1).transpose(2, 0, 3, 1, 4)  # (3, B, H, N, K)
    found, caches = {}, {}
    for name, part in zip("qkv", made, strict=True):
        pool, norm = getattr(self, f"pool_{name}"), getattr(self, f"norm_{name}")
        maps = part[:, :, P:].reshape(B * H, *self.map_size, -1)
        small, caches[f"pool_{name}"] = pool.forward(maps)
        tokens = np.concatenate([part[:, :, :P], small.reshape(B, H, -1, small.shape[-1])], axis=2)
        found[name], caches[f"norm_{name}"] = norm.forward(tokens)
    E, c_relative_logits = self.relative_logits(found["q"])
    y, c_attention = multi_head_attention_forward(*found.values(), E)
    if self.residual_pooling:
        y = y + found["q"].transpose(0, 2, 1, 3).reshape(y.shape)
    y, c_proj = self.proj.forward(y)
    return y, PoolingAttentionCache(
        qkv=c_qkv,
        split=SplitHeadsCache(),
        relative_logits=c_relative_logits,
        attention=c_attention,
        proj=c_proj,
        **caches,
    )


def backward(self, dy, cache):
    B, P, H = len(dy), self.num_prefix_tokens, self.num_heads
    dh = self.proj.backward(dy, cache.proj)
    dq, dk, dv, dE = multi_head_attention_backward(dh, cache.attention)
    if self.residual_pooling:
        dq = dq + dh.reshape(B, -1, H, dq.shape[-1]).swapaxes(1, 2)
    if cache.relative_logits is not None:
        dq = self.relative_logits_backward(dq, dE, cache.relative_logits)
    parts = []
    for name, d in (("q", dq), ("k", dk), ("v", dv)):
        pool, norm = getattr(self, f"pool_{name}"), getattr(self, f"norm_{name}")
        size = self.q_size if name == "q" else self.kv_size
        d = norm.backward(d, getattr(cache, f"norm_{name}"))
        small = d[:, :, P:].reshape(B * H, *size, -1)
        maps = pool.backward(small, getattr(cache, f"pool_{name}"))
        whole = np.concatenate([d[:, :, :P], maps.reshape(B, H, -1, maps.shape[-1])], axis=2)
        parts.append(whole.swapaxes(1, 2).reshape(B, whole.shape[2], -1))
    return self.qkv.backward(np.concatenate(parts, axis=-1), cache.qkv)


PoolingAttention.forward, PoolingAttention.backward = forward, backward
