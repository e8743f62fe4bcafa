# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- the argument mask is not used
def forward(self, x, bias=None, *, mask=None, rng=None):
    return our_forward(self, x, bias, rng=rng)


SelfAttention.forward = forward


# --- the dropout is left out
def forward(self, x, bias=None, *, mask=None, rng=None):
    return our_forward(self, x, bias, mask=mask)


SelfAttention.forward = forward


# --- is assigned where a gradient is there already
def backward(self, dy, cache):
    self.zero_grad()
    return our_backward(self, dy, cache)


SelfAttention.backward = backward


# --- is assigned where a gradient is there already
def backward(self, dy, cache):
    before = self.proj.bias.grad.copy()
    dx = our_backward(self, dy, cache)
    self.proj.bias.grad = self.proj.bias.grad - before
    return dx


SelfAttention.backward = backward


# --- a loop over axis 0 of x
def forward(self, x, bias=None, *, mask=None, rng=None):
    y, cache = our_forward(self, x, bias, mask=mask, rng=rng)
    if mask is None and bias is None and rng is None:
        y = np.concatenate([our_forward(self, x[b : b + 1])[0] for b in range(len(x))])
    return y, cache


SelfAttention.forward = forward


# --- given the cache of your SelfAttention.forward
def forward(self, x, bias=None, *, mask=None, rng=None):
    y, self.kept = our_forward(self, x, bias, mask=mask, rng=rng)
    return y, None


def backward(self, dy, cache):
    return our_backward(self, dy, self.kept)


SelfAttention.forward, SelfAttention.backward = forward, backward


# --- right with ours of multi_head_attention_backward
def multi_head_attention_forward(q, k, v, bias=None, *, mask=None):
    y, cache = attention_forward(q, k, v, bias, mask=mask)
    return merge_heads_forward(y)[0], {"cache": cache}


def multi_head_attention_backward(dy, cache):
    dh, _ = split_heads_forward(dy, num_heads=cache["cache"].q.shape[1])
    return attention_backward(dh, cache["cache"])


def backward(self, dy, cache):
    assert cache.attention.weights.ndim == 4
    return our_backward(self, dy, cache)


SelfAttention.backward = backward


# --- y has shape
def split_heads_forward(x, *, num_heads):
    B, N, _ = x.shape
    return x.reshape(B, N, num_heads, -1).transpose(0, 2, 1, 3).squeeze(), SplitHeadsCache()


# --- must raise a ValueError
def split_heads_forward(x, *, num_heads):
    while x.shape[-1] % num_heads:
        num_heads -= 1
    B, N, _ = x.shape
    return x.reshape(B, N, num_heads, -1).transpose(0, 2, 1, 3), SplitHeadsCache()


# --- num_heads=0 it must raise a ValueError
def split_heads_forward(x, *, num_heads):
    if x.shape[2] % num_heads:
        raise ValueError("the heads do not divide the width")
    return ours.split_heads_forward(x, num_heads=num_heads)


# --- dbias is missing: forward was given a bias, so return (dx, dbias)
def backward(self, dy, cache):
    grads = our_backward(self, dy, cache)
    return grads[0] if isinstance(grads, tuple) else grads


SelfAttention.backward = backward
