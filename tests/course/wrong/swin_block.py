# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportCallIssue=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 1 of x (row) and axis 2 of x (column)
answer = WindowAttention.forward


def forward(self, x, *, mask=None, rng=None):
    y, cache = answer(self, x, mask=mask, rng=rng)
    if mask is None and rng is None and self.mask is not None and cache.relative_position_bias:
        windows, _ = window_partition_forward(x, **self.cut)
        bias, _ = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
        each = [
            SelfAttention.forward(self, window, bias, mask=mask)[0]
            for window, mask in zip(windows.swapaxes(0, 1), self.mask, strict=True)
        ]
        y, _ = window_reverse_forward(np.stack(each, 1), map_size=self.map_size, **self.cut)
    return y, cache


WindowAttention.forward = forward


# --- self.mask is not used where another mask is given
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    bias = c_bias = None
    if self.relative_position_bias_table:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=self.mask if mask is None else mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


WindowAttention.forward = forward


# --- the argument mask is not used
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    bias = c_bias = None
    if self.relative_position_bias_table:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=self.mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


WindowAttention.forward = forward


# --- too many values to unpack
def backward(self, dy, cache):
    (dh,) = window_reverse_backward(dy, cache.reverse)
    dwindows, dbias = SelfAttention.backward(self, dh, cache.attn)
    if self.relative_position_bias_table:
        dbias = sum_to(dbias, dbias.shape[-3:])
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        self.relative_position_bias_table.add_grad(dtable)
    return window_partition_backward(dwindows, cache.partition).x


WindowAttention.backward = backward


# --- given the cache of your WindowAttention.forward
first, second = WindowAttention.forward, WindowAttention.backward


def forward(self, x, *, mask=None, rng=None):
    y, self.kept = first(self, x, mask=mask, rng=rng)
    return y, None


def backward(self, dy, cache):
    return second(self, dy, self.kept)


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- is assigned where a gradient is there already
answer = WindowAttention.backward


def backward(self, dy, cache):
    if self.relative_position_bias_table:
        self.relative_position_bias_table.zero_grad()
    return answer(self, dy, cache)


WindowAttention.backward = backward


# --- is assigned where a gradient is there already
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    bias = c_bias = None
    if self.relative_position_bias_table:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    if self.mask is not None:
        mask = self.mask if mask is None else self.mask & mask
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


def backward(self, dy, cache):
    (dh,) = window_reverse_backward(dy, cache.reverse)
    dwindows = SelfAttention.backward(self, dh, cache.attn)
    if cache.relative_position_bias:
        dwindows, dbias = dwindows
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        self.relative_position_bias_table.grad = dtable
    return window_partition_backward(dwindows, cache.partition).x


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- judged with the cache of your WindowAttention.forward, which is wrong: mend that first
def forward(self, x, *, mask=None, rng=None):
    windows, c_partition = window_partition_forward(x, **self.cut)
    bias = c_bias = None
    if self.relative_position_bias_table:
        bias, c_bias = relative_position_bias_forward(
            self.relative_position_bias_table.value, window_size=self.cut["window_size"]
        )
    h, c_attn = SelfAttention.forward(self, windows, bias, mask=mask, rng=rng)
    y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
    return y, WindowAttentionCache(c_partition, c_bias, c_attn, c_reverse)


def backward(self, dy, cache):
    (dh,) = window_reverse_backward(dy, cache.reverse)
    dwindows = SelfAttention.backward(self, dh, cache.attn)
    if cache.relative_position_bias:
        dwindows, dbias = dwindows
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        self.relative_position_bias_table.add_grad(dtable)
    return window_partition_backward(dwindows, cache.partition).x


WindowAttention.forward, WindowAttention.backward = forward, backward


# --- a loop over axis 1 of x
def merge_patches_forward(x):
    padded = np.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2), (0, 0)))
    rows = [
        np.concatenate(
            (padded[:, i, 0::2], padded[:, i + 1, 0::2], padded[:, i, 1::2], padded[:, i + 1, 1::2]), axis=-1
        )
        for i in range(0, padded.shape[1], 2)
    ]
    return np.stack(rows, axis=1), MergePatchesCache(x.shape)


# --- cannot reshape array
def merge_patches_forward(x):
    B, Y, X, C = x.shape
    neighbours = x.reshape(B, Y // 2, 2, X // 2, 2, C).transpose(0, 1, 3, 4, 2, 5)
    return neighbours.reshape(B, Y // 2, X // 2, 4 * C), MergePatchesCache((B, Y, X, C))


# --- take out what is asked for
def backward(self, dy, cache):
    dh = self.norm.backward(self.reduction.backward(dy, cache.reduction), cache.norm)
    return merge_patches_backward(dh, cache.merge)


PatchMerging.backward = backward
