# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- split by swapaxes
def split_heads_forward(x, *, num_heads):
    return np.swapaxes(x.reshape(*x.shape[:2], num_heads, -1), 1, 2), SplitHeadsCache()


# --- split by einsum
def split_heads_forward(x, *, num_heads):
    B, N, D = x.shape
    if D % num_heads:
        raise ValueError("the heads do not divide the width")
    return np.einsum("bnhk->bhnk", x.reshape(B, N, num_heads, D // num_heads)), SplitHeadsCache()


# --- split remembers the heads
def split_heads_forward(x, *, num_heads):
    B, N, D = x.shape
    if D % num_heads:
        raise ValueError("the heads do not divide the width")
    return x.reshape(B, N, num_heads, D // num_heads).swapaxes(1, 2), {"shape": x.shape}


def split_heads_backward(dy, cache):
    return InputGrad(dy.swapaxes(1, 2).reshape(cache["shape"]))


# --- merge by filling
def merge_heads_forward(x):
    B, H, N, K = x.shape
    y = np.empty((B, N, H, K), x.dtype)
    y[...] = x.transpose(0, 2, 1, 3)
    return y.reshape(B, N, H * K), MergeHeadsCache(np.int64(H))


# --- merge with a cache of its own
def merge_heads_forward(x):
    B, H, N, K = x.shape
    return np.moveaxis(x, 1, 2).reshape(B, N, H * K), (B, H, N, K)


def merge_heads_backward(dy, cache):
    B, H, N, K = cache
    return (dy.reshape(B, N, H, K).swapaxes(1, 2),)


# --- head by head
def multi_head_attention_forward(q, k, v, bias=None, *, mask=None):
    y, cache = attention_forward(q, k, v, bias=bias, mask=mask)
    return y.swapaxes(1, 2).reshape(len(q), q.shape[2], -1), cache


# --- a cache in a cache
def multi_head_attention_forward(q, k, v, bias=None, *, mask=None):
    y, c_attention = attention_forward(q, k, v, bias, mask=mask)
    y, c_merge = merge_heads_forward(y)
    return y, (c_attention, c_merge)


def multi_head_attention_backward(dy, cache):
    (dh,) = merge_heads_backward(dy, cache[1])
    return attention_backward(dh, cache[0])


# --- three heads of each
def forward(self, x, bias=None, *, mask=None, rng=None):
    B, N, _ = x.shape
    h, c_qkv = self.qkv.forward(x, rng=rng)
    _, c_split = split_heads_forward(h, num_heads=3 * self.num_heads)
    q, k, v = h.reshape(B, N, 3, self.num_heads, -1).transpose(2, 0, 3, 1, 4)
    h, c_attention = multi_head_attention_forward(q, k, v, bias=bias, mask=mask)
    h, c_proj = self.proj.forward(h)
    h, c_drop = self.proj_drop.forward(h, rng=rng)
    return h, SelfAttentionCache(c_qkv, c_split, c_attention, c_proj, c_drop)


SelfAttention.forward = forward


# --- a dict of caches
def forward(self, x, bias=None, *, mask=None, rng=None):
    kept = {}
    h, kept["qkv"] = self.qkv.forward(x)
    q, k, v = (split_heads_forward(part, num_heads=self.num_heads)[0] for part in np.split(h, 3, -1))
    h, kept["attention"] = multi_head_attention_forward(q, k, v, bias, mask=mask)
    h, kept["proj"] = self.proj.forward(h)
    h, kept["drop"] = self.proj_drop.forward(h, rng=rng)
    return h, kept


def backward(self, dy, cache):
    dh = self.proj_drop.backward(dy, cache["drop"])
    dh = self.proj.backward(dh, cache["proj"])
    dq, dk, dv, dbias = multi_head_attention_backward(dh, cache["attention"])
    dh = np.concatenate([d.swapaxes(1, 2).reshape(dy.shape) for d in (dq, dk, dv)], -1)
    dx = self.qkv.backward(dh, cache["qkv"])
    return dx if dbias is None else (dx, dbias)


SelfAttention.forward, SelfAttention.backward = forward, backward


# --- the gradients of the weights by hand
def backward(self, dy, cache):
    dh = self.proj_drop.backward(dy, cache.proj_drop)
    rows = dh.reshape(-1, dh.shape[-1])
    self.proj.weight.grad = self.proj.weight.grad + cache.proj.x.reshape(rows.shape).T @ rows
    self.proj.bias.grad += rows.sum(0)
    dh = dh @ self.proj.weight.value.T
    dq, dk, dv, dbias = multi_head_attention_backward(dh, cache.attention)
    parts = [split_heads_backward(d, cache.split)[0] for d in (dq, dk, dv)]
    dx = self.qkv.backward(np.concatenate(parts, axis=2), cache.qkv)
    return dx if dbias is None else [dx, dbias]


SelfAttention.backward = backward
