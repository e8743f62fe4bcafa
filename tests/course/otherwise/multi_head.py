# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def split_heads_forward(x, *, num_heads):
    if x.shape[-1] % num_heads:
        raise ValueError("the heads do not divide the width")
    return np.stack(np.split(x, num_heads, axis=-1), axis=1), SplitHeadsCache()


def split_heads_backward(dy, cache):
    return InputGrad(np.einsum("bhnk->bnhk", dy).reshape(len(dy), dy.shape[2], -1))


def merge_heads_forward(x):
    return np.einsum("bhnk->bnhk", x).reshape(len(x), x.shape[2], -1), MergeHeadsCache(x.shape[1])


def merge_heads_backward(dy, cache):
    return InputGrad(np.stack(np.split(dy, cache.num_heads, axis=-1), axis=1))


def multi_head_attention_forward(q, k, v, bias=None, *, mask=None):
    y, cache = attention_forward(q, k, v, bias, mask=mask)
    return y.swapaxes(1, 2).reshape(len(y), y.shape[2], -1), cache


def multi_head_attention_backward(dy, cache):
    dh = np.stack(np.split(dy, cache.q.shape[1], axis=-1), axis=1)
    return AttentionGrads(*attention_backward(dh, cache))


def forward(self, x, bias=None, *, mask=None, rng=None):
    h, c_qkv = self.qkv.forward(x)
    q, k, v = (split_heads_forward(part, num_heads=self.num_heads)[0] for part in np.split(h, 3, axis=-1))
    h, c_attention = attention_forward(q, k, v, bias, mask=mask)
    h, _ = merge_heads_forward(h)
    h, c_proj = self.proj.forward(h)
    h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
    return h, SelfAttentionCache(c_qkv, SplitHeadsCache(), c_attention, c_proj, c_proj_drop)


def backward(self, dy, cache):
    dh = self.proj.backward(self.proj_drop.backward(dy, cache.proj_drop), cache.proj)
    dh, _ = split_heads_forward(dh, num_heads=self.num_heads)
    *grads, dbias = attention_backward(dh, cache.attention)
    parts = [split_heads_backward(grad, cache.split).x for grad in grads]
    dx = self.qkv.backward(np.concatenate(parts, axis=-1), cache.qkv)
    return dx if dbias is None else (dx, dbias)


SelfAttention.forward, SelfAttention.backward = forward, backward
