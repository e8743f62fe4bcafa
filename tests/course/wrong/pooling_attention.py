# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- must raise a ValueError
def relative_logits_forward(q, rows, columns, *, row_index, column_index):
    """Places that are too many are left out."""
    N = len(row_index) * len(column_index)
    return ours.relative_logits_forward(q[..., :N, :], rows, columns, row_index=row_index, column_index=column_index)


# --- with row_index with -1 in it it must raise a ValueError
def relative_logits_forward(q, rows, columns, *, row_index, column_index):
    index = {"row_index": row_index % len(rows), "column_index": column_index % len(columns)}
    return ours.relative_logits_forward(q, rows, columns, **index)


# --- a loop over axis 1 of q
def relative_logits_forward(q, rows, columns, *, row_index, column_index):
    y, cache = ours.relative_logits_forward(q, rows, columns, row_index=row_index, column_index=column_index)
    index = row_index, column_index
    (Y, U), (X, V) = row_index.shape, column_index.shape
    q = q.reshape(-1, Y, X, q.shape[-1])
    out = np.empty((len(q), Y, X, U, V), q.dtype)
    for i in range(Y):
        of_columns = np.einsum("bxk,xvk->bxv", q[:, i], columns[index[1]])
        out[:, i] = (q[:, i] @ rows[index[0][i]].T)[..., None] + of_columns[..., None, :]
    return out.reshape(y.shape), cache


# --- drows: drows keeps the last pair of rows only
def relative_logits_backward(dy, cache):
    q, r, c, (row_index, shape), _ = cache
    grads = ours.relative_logits_backward(dy, cache)
    q = q.reshape(-1, *q.shape[-3:])
    down = dy.reshape(*q.shape[:-1], r.shape[1], c.shape[1]).sum(-1)
    drows = np.zeros(shape, dy.dtype)
    drows[row_index] += np.einsum("byxu,byxk->yuk", down, q)
    return grads._replace(rows=drows)


# --- y: ways are rounded; they are cut off to whole places
def relative_index(queries, keys):
    ways = ours.relative_index(queries, keys)
    longer = max(queries, keys)
    exact = np.arange(queries)[:, None] * longer / queries + (keys - 1 - np.arange(keys)) * longer / keys
    return np.round(exact).astype(ways.dtype)


# --- there are vectors 0 to
def relative_index(queries, keys):
    return np.arange(queries)[:, None] - np.arange(keys)


# --- the norm of the keys is missing
def forward(self, x, *, rng=None):
    norm, self.norm_k = self.norm_k, Identity()
    y, _ = our_forward(self, x)
    self.norm_k = norm
    return y, our_forward(self, x)[1]


PoolingAttention.forward = forward


# --- the first token has it not
def forward(self, x, *, rng=None):
    y, cache = our_forward(self, x)
    if self.residual_pooling:
        y = y.copy()
        queries = merge_heads_forward(cache.attention.q)[0][:, : self.num_prefix_tokens]
        y[:, : self.num_prefix_tokens] -= queries @ self.proj.weight.value
    return y, cache


PoolingAttention.forward = forward


# --- y: residual pooling is missing
def forward(self, x, *, rng=None):
    _, cache = our_forward(self, x)
    E, _ = self.relative_logits(cache.attention.q)
    found = multi_head_attention_forward(cache.attention.q, cache.attention.k, cache.attention.v, E)[0]
    return self.proj.forward(found)[0], cache


PoolingAttention.forward = forward


# --- dx: the gradient of the tokens in front is lost
def backward(self, dy, cache):
    given, P = pool_tokens_backward, self.num_prefix_tokens

    def without_front(pool, dy, cache, *, map_size, pooled_size, num_prefix_tokens):
        sizes = {"map_size": map_size, "pooled_size": pooled_size, "num_prefix_tokens": num_prefix_tokens}
        dx = given(pool, dy, cache, **sizes).copy()
        if not isinstance(pool, Identity):
            dx[..., :P, :] = 0
        return dx

    globals()["pool_tokens_backward"] = without_front
    try:
        return our_backward(self, dy, cache)
    finally:
        globals()["pool_tokens_backward"] = given


PoolingAttention.backward = backward


# --- you modified cache.attention.q in place
def backward(self, dy, cache):
    dx = our_backward(self, dy, cache)
    cache.attention.q[...] *= 2
    return dx


PoolingAttention.backward = backward
