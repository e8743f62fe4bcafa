# ruff: noqa: E402, F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportPossiblyUnboundVariable=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- minus 100 for strangers, as in the official code
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    bias, c_bias = None, None
    if self.relative_position_bias_table:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    if self.mask is not None:
        strangers = np.where(self.mask, 0, -100).astype(x.dtype)
        bias = strangers if bias is None else bias + strangers
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


WindowAttention.forward = forward


# --- a bias for every window, in the same array
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    _, W, N, _ = windows.shape
    bias, c_bias = np.zeros((self.num_heads, N, N), x.dtype), None
    if self.relative_position_bias_table is not None:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    bias = np.repeat(bias[None], W, axis=0)
    if self.mask is not None:
        bias[~np.broadcast_to(self.mask, bias.shape)] = -np.inf
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


def backward(self, dy, cache):
    (dh,) = window_reverse_backward(dy, cache.reverse)
    grads = SelfAttention.backward(self, dh, cache.attn)
    dwindows = grads[0] if isinstance(grads, tuple) else grads
    if self.relative_position_bias_table is not None:
        dbias = grads[1].reshape(-1, self.num_heads, *grads[1].shape[-2:]).sum(axis=0)
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        self.relative_position_bias_table.add_grad(dtable)
    (dx,) = window_partition_backward(dwindows, cache.partition)
    return dx


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- a cache of one's own
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    table, bias, c_bias = self.relative_position_bias_table, None, None
    if table:
        bias, c_bias = relative_position_bias_forward(table.value, window_size=self.cut["window_size"])
    allowed = [one for one in (mask, self.mask) if one is not None]
    both = None if not allowed else allowed[0] if len(allowed) == 1 else np.logical_and(*allowed)
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=both, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, [c_partition, c_bias, c_attn, c_reverse]


def backward(self, dy, cache):
    c_partition, c_bias, c_attn, c_reverse = cache
    dwindows = SelfAttention.backward(self, window_reverse_backward(dy, c_reverse).x, c_attn)
    if c_bias is not None:
        dwindows, dbias = dwindows
        self.relative_position_bias_table.add_grad(relative_position_bias_backward(dbias, c_bias).table)
    return window_partition_backward(dwindows, c_partition).x


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- what the cut has kept is given to the way back, and the masks apart
def forward(self, x, *, mask=None, rng=None):
    windows, c_part = window_partition_forward(x, **self.cut)
    bias = c_bias = None
    if self.relative_position_bias_table is not None:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    own = self.mask
    if own is not None:
        mask = own if mask is None else own & mask
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, **c_part._asdict())
    return y, WindowAttentionCache(c_part, c_bias, c_attn, c_reverse)


def backward(self, dy, cache):
    (dh,) = window_reverse_backward(dy, cache.reverse)
    dwindows = SelfAttention.backward(self, dh, cache.attn)
    if cache.relative_position_bias is not None:
        dwindows, dbias = dwindows
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        self.relative_position_bias_table.add_grad(dtable)
    (dx,) = window_partition_backward(dwindows, cache.partition)
    return dx


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- the masks apart only where there is no table
answers = WindowAttention.forward, WindowAttention.backward


def forward(self, x, *, mask=None, rng=None):
    if self.relative_position_bias_table is not None:
        return answers[0](self, x, mask=mask, rng=rng)
    windows, c_partition = window_partition_forward(x, **self.cut)
    if self.mask is not None:
        mask = self.mask if mask is None else self.mask & mask
    h, c_attn = SelfAttention.forward(self, windows, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, None, c_attn, c_reverse)


def backward(self, dy, cache):
    if self.relative_position_bias_table is not None:
        return answers[1](self, dy, cache)
    (dh,) = window_reverse_backward(dy, cache.reverse)
    return window_partition_backward(SelfAttention.backward(self, dh, cache.attn), cache.partition).x


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- sum_to where it is needed, and grad with +=
def backward(self, dy, cache):
    (dh,) = window_reverse_backward(dy, cache.reverse)
    dwindows = SelfAttention.backward(self, dh, cache.attn)
    if type(dwindows) is tuple:
        dwindows, dbias = dwindows
    if cache.relative_position_bias:
        while dbias.ndim > 3:
            dbias = dbias.sum(0)
        dtable = relative_position_bias_backward(dbias, cache.relative_position_bias).table
        self.relative_position_bias_table.grad += dtable
    return window_partition_backward(dwindows, cache.partition)[0]


WindowAttention.backward = backward


# --- four slices of a padded map
def merge_patches_forward(x):
    padded = np.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)))
    a, b = padded[:, 0::2, 0::2, :], padded[:, 1::2, 0::2, :]
    c, d = padded[:, 0::2, 1::2, :], padded[:, 1::2, 1::2, :]
    return np.concatenate((a, b, c, d), axis=-1), MergePatchesCache(x.shape)


def merge_patches_backward(dy, cache):
    _, Y, X, _ = cache.map_shape
    dx = np.empty((len(dy), Y + Y % 2, X + X % 2, cache.map_shape[3]), dy.dtype)
    dx[:, 0::2, 0::2], dx[:, 1::2, 0::2], dx[:, 0::2, 1::2], dx[:, 1::2, 1::2] = np.split(dy, 4, axis=-1)
    return (dx[:, :Y, :X],)


# --- merging with patches, whose order is another
from minivit.ops import patchify_forward


def merge_patches_forward(x):
    B, Y, X, C = x.shape
    padded = np.pad(x, ((0, 0), (0, Y % 2), (0, X % 2), (0, 0)))
    patches, _ = patchify_forward(padded, patch_size=2)
    right_first = patches.reshape(B, padded.shape[1] // 2, padded.shape[2] // 2, 2, 2, C)
    return right_first.swapaxes(3, 4).reshape(*right_first.shape[:3], 4 * C), MergePatchesCache((B, Y, X, C))


# --- the norm and the product by hand
def forward(self, x, *, rng=None):
    h, c_merge = merge_patches_forward(x)
    h, c_norm = self.norm.forward(h)
    _, c_reduction = self.reduction.forward(h)
    return np.einsum("byxi,io->byxo", h, self.reduction.weight.value), PatchMergingCache(c_merge, c_norm, c_reduction)


def backward(self, dy, cache):
    D = dy.shape[-1]
    self.reduction.weight.add_grad(cache.reduction.x.reshape(-1, 2 * D).T @ dy.reshape(-1, D))
    dh = self.norm.backward(dy @ self.reduction.weight.value.T, cache.norm)
    return merge_patches_backward(dh, cache.merge).x


PatchMerging.forward, PatchMerging.backward = forward, backward
