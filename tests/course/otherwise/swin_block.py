# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def forward(self, x, *, mask=None, rng=None):  # bias and mask apart
    windows, c_partition = window_partition_forward(x, **self.cut)
    bias = c_bias = None
    if self.relative_position_bias_table is not None:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    if self.mask is not None:
        mask = self.mask if mask is None else self.mask & mask
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=x.shape[1:3], **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


def backward(self, dy, cache):  # so the bias's gradient is summed already
    dh = window_reverse_backward(dy, cache.reverse).x
    if cache.relative_position_bias is None:
        dwindows = SelfAttention.backward(self, dh, cache.attn)
    else:
        dwindows, dbias = SelfAttention.backward(self, dh, cache.attn)
        self.relative_position_bias_table.add_grad(
            relative_position_bias_backward(dbias, cache.relative_position_bias).table
        )
    return window_partition_backward(dwindows, cache.partition).x


WindowAttention.forward, WindowAttention.backward = forward, backward


def merge_patches_forward(x):
    padded = np.zeros((len(x), x.shape[1] + x.shape[1] % 2, x.shape[2] + x.shape[2] % 2, x.shape[3]), x.dtype)
    padded[:, : x.shape[1], : x.shape[2]] = x
    four = [padded[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
    return np.concatenate(four, axis=-1), MergePatchesCache(x.shape)


def merge_patches_backward(dy, cache):
    C = cache.map_shape[3]
    dx = np.zeros(cache.map_shape, dy.dtype)
    for k, (j, i) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        part = dx[:, i::2, j::2]
        part[...] = dy[:, : part.shape[1], : part.shape[2], k * C : (k + 1) * C]
    return InputGrad(dx)


def merging_forward(self, x, *, rng=None):
    h, c_merge = merge_patches_forward(x)
    h, c_norm = self.norm.forward(h, rng=rng)
    y, c_reduction = self.reduction.forward(h, rng=rng)
    return y, PatchMergingCache(merge=c_merge, norm=c_norm, reduction=c_reduction)


def merging_backward(self, dy, cache):
    return merge_patches_backward(
        self.norm.backward(self.reduction.backward(dy, cache.reduction), cache.norm), cache.merge
    ).x


PatchMerging.forward, PatchMerging.backward = merging_forward, merging_backward
