# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportPossiblyUnboundVariable=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- the full table of all ways, and a cache of one's own
def relative_logits_forward(q, rows, columns, *, row_index, column_index):
    (Y, U), (X, V) = row_index.shape, column_index.shape
    if q.shape[-2] != Y * X:
        raise ValueError("other queries than places")
    r, c = embedding_forward(row_index, rows)[0], embedding_forward(column_index, columns)[0]
    ways = (r[:, None, :, None] + c[None, :, None]).reshape(Y * X, U * V, -1)  # (N, S, K): of each pair
    return (q[..., None, :] @ ways.mT)[..., 0, :], (q, ways, row_index, column_index, len(rows), len(columns))


def relative_logits_backward(dy, cache):
    q, ways, row_index, column_index, P, Q = cache
    (Y, U), (X, V) = row_index.shape, column_index.shape
    dq = (dy[..., None, :] @ ways)[..., 0, :]
    dy, q = (part.reshape(-1, *part.shape[-2:]) for part in (dy, q))
    dways = np.einsum("bns,bnk->nsk", dy, q).reshape(Y, X, U, V, -1)
    drows = (row_index.ravel() == np.arange(P)[:, None]) @ dways.sum((1, 3)).reshape(Y * U, -1)
    dcolumns = (column_index.ravel() == np.arange(Q)[:, None]) @ dways.sum((0, 2)).reshape(X * V, -1)
    return dq, drows, dcolumns


# --- all vectors of the tables first, and then those of the ways are taken
def relative_logits_forward(q, rows, columns, *, row_index, column_index):
    (Y, U), (X, V) = row_index.shape, column_index.shape
    *B, N, K = q.shape
    if N != Y * X:
        raise ValueError("other queries than places")
    r, c_rows = embedding_forward(row_index, rows)
    c, c_columns = embedding_forward(column_index, columns)
    of_all_rows = (q @ rows.T).reshape(*B, Y, X, len(rows))
    of_all_columns = (q @ columns.T).reshape(*B, Y, X, len(columns))
    lead = (1,) * len(B)
    down = np.take_along_axis(of_all_rows, row_index.reshape(*lead, Y, 1, U), axis=-1)
    right = np.take_along_axis(of_all_columns, column_index.reshape(*lead, 1, X, V), axis=-1)
    y = (down[..., None] + right[..., None, :]).reshape(*B, N, -1)
    return y, RelativeLogitsCache(q.reshape(*B, Y, X, K), r, c, c_rows, c_columns)


# --- one product with all ways at once on the way back
def relative_logits_backward(dy, cache):
    q, r, c, c_rows, c_columns = cache
    *B, Y, X, K = q.shape
    dlogits = dy.reshape(-1, Y, X, r.shape[1], c.shape[1])
    down, right = dlogits.sum(4).transpose(1, 0, 2, 3), dlogits.sum(3).transpose(2, 0, 1, 3)
    queries = q.reshape(-1, Y, X, K)
    of_rows, of_columns = queries.transpose(1, 0, 2, 3), queries.transpose(2, 0, 1, 3)
    dq = (down @ r[:, None]).transpose(1, 0, 2, 3) + (right @ c[:, None]).transpose(1, 2, 0, 3)
    dr = down.reshape(Y, -1, down.shape[3]).mT @ of_rows.reshape(Y, -1, K)
    dc = right.reshape(X, -1, right.shape[3]).mT @ of_columns.reshape(X, -1, K)
    (drows,), (dcolumns,) = embedding_backward(dr, c_rows), embedding_backward(dc, c_columns)
    return {"q": dq.reshape(*B, Y * X, K), "rows": drows, "columns": dcolumns}


# --- ways in the official code's order of steps, in whole numbers
def relative_index(queries, keys):
    if queries >= keys:
        at = np.arange(queries)[:, None] * keys + (keys - 1 - np.arange(keys)) * queries
        return at // keys
    at = np.arange(queries)[:, None] * keys + (keys - 1 - np.arange(keys)) * queries
    return at // queries


# --- an index as a list of rows
def relative_index(queries, keys):
    apart, keys_apart = max(1, keys / queries), max(1, queries / keys)
    ways = [[int(i * apart + (keys - 1 - j) * keys_apart) for j in range(keys)] for i in range(queries)]
    return np.array(ways)


# --- heads before samples in the pooling
def forward(self, x, *, rng=None):
    P, H = self.num_prefix_tokens, self.num_heads
    h, c_qkv = self.qkv.forward(x, rng=rng)
    heads, c_split = split_heads_forward(h, num_heads=3 * H)
    parts, caches = [], []
    for pool, norm, part in (
        (self.pool_q, self.norm_q, heads[:, :H]),
        (self.pool_k, self.norm_k, heads[:, H : 2 * H]),
        (self.pool_v, self.norm_v, heads[:, 2 * H :]),
    ):
        maps = part[:, :, P:].swapaxes(0, 1).reshape(H * len(x), *self.map_size, -1)
        small, c_pool = pool.forward(maps)
        tokens = small.reshape(H, len(x), -1, small.shape[3]).swapaxes(0, 1)
        part, c_norm = norm.forward(np.concatenate((part[:, :, :P], tokens), axis=2))
        parts.append(part)
        caches += [c_pool, c_norm]
    bias, c_relative_logits = self.relative_logits(parts[0])
    h, c_attention = multi_head_attention_forward(*parts, bias)
    if self.residual_pooling:
        h = h + merge_heads_forward(parts[0])[0]
    y, c_proj = self.proj.forward(h)
    return y, PoolingAttentionCache(c_qkv, c_split, *caches, c_relative_logits, c_attention, c_proj)


def backward(self, dy, cache):
    B, P, H = len(dy), self.num_prefix_tokens, self.num_heads
    dh = self.proj.backward(dy, cache.proj)
    dq, dk, dv, dbias = multi_head_attention_backward(dh, cache.attention)
    if self.residual_pooling:
        dq = dq + split_heads_forward(dh, num_heads=H)[0]
    dq = self.relative_logits_backward(dq, dbias, cache.relative_logits)
    parts = []
    for pool, norm, d, c_pool, c_norm, size in (
        (self.pool_q, self.norm_q, dq, cache.pool_q, cache.norm_q, self.q_size),
        (self.pool_k, self.norm_k, dk, cache.pool_k, cache.norm_k, self.kv_size),
        (self.pool_v, self.norm_v, dv, cache.pool_v, cache.norm_v, self.kv_size),
    ):
        d = norm.backward(d, c_norm)
        maps = pool.backward(d[:, :, P:].swapaxes(0, 1).reshape(H * B, *size, -1), c_pool)
        tokens = maps.reshape(H, B, -1, maps.shape[3]).swapaxes(0, 1)
        parts.append(np.concatenate((d[:, :, :P], tokens), axis=2))
    (dh,) = split_heads_backward(np.concatenate(parts, axis=1), cache.split)
    return self.qkv.backward(dh, cache.qkv)


PoolingAttention.forward, PoolingAttention.backward = forward, backward


# --- attention written out, and a cache of one's own
def forward(self, x, *, rng=None):
    sizes = {"map_size": self.map_size, "num_prefix_tokens": self.num_prefix_tokens}
    h, c_qkv = self.qkv.forward(x)
    heads, _ = split_heads_forward(h, num_heads=3 * self.num_heads)
    parts, caches = [], []
    for name, part in zip("qkv", np.split(heads, 3, axis=1), strict=True):
        part, c_pool = pool_tokens(getattr(self, f"pool_{name}"), part, **sizes)
        part, c_norm = getattr(self, f"norm_{name}").forward(part)
        parts.append(part)
        caches.append((c_pool, c_norm))
    q, k, v = parts
    scores = q @ k.mT * q.shape[-1] ** -0.5
    bias, c_relative_logits = self.relative_logits(q)
    scores = scores if bias is None else scores + bias
    e = np.exp(scores - scores.max(-1, keepdims=True))
    weights = e / e.sum(-1, keepdims=True)
    found = weights @ v + q if self.residual_pooling else weights @ v
    y, c_proj = self.proj.forward(merge_heads_forward(found)[0])
    return y, [c_qkv, caches, c_relative_logits, q, k, v, weights, c_proj]


def backward(self, dy, cache):
    c_qkv, caches, c_relative_logits, q, k, v, weights, c_proj = cache
    dfound, _ = split_heads_forward(self.proj.backward(dy, c_proj), num_heads=self.num_heads)
    dweights, dv = dfound @ v.mT, weights.mT @ dfound
    dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True))
    scale = q.shape[-1] ** -0.5
    dq, dk = dscores @ k * scale, dscores.mT @ q * scale
    if self.residual_pooling:
        dq = dq + dfound
    dq = self.relative_logits_backward(dq, dscores, c_relative_logits)
    sizes = {"map_size": self.map_size, "num_prefix_tokens": self.num_prefix_tokens}
    parts = []
    for name, d, (c_pool, c_norm) in zip("qkv", (dq, dk, dv), caches, strict=True):
        d = getattr(self, f"norm_{name}").backward(d, c_norm)
        pooled_size = self.q_size if name == "q" else self.kv_size
        parts.append(pool_tokens_backward(getattr(self, f"pool_{name}"), d, c_pool, pooled_size=pooled_size, **sizes))
    return self.qkv.backward(merge_heads_forward(np.concatenate(parts, axis=1))[0], c_qkv)


PoolingAttention.forward, PoolingAttention.backward = forward, backward
