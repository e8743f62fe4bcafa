# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 1 of x (row) and axis 2 of x (column)
def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    options = {"window_size": window_size, "pad_first": pad_first}
    _, cache = ours.window_partition_forward(x, shift_size=shift_size, **options)
    (M, L), (down, right) = cache.window_size, cache.shift_size
    padding = (0, 0), (0, -x.shape[1] % M), (0, -x.shape[2] % L), (0, 0)
    x = np.roll(np.pad(x, padding) if pad_first else x, (-down, -right), (1, 2))
    x = x if pad_first else np.pad(x, padding)
    B, Y, X, C = x.shape
    return np.stack(
        [x[:, i : i + M, j : j + L].reshape(B, M * L, C) for i in range(0, Y, M) for j in range(0, X, L)], axis=1
    ), cache


# --- a loop over axis 1 of x (window)
def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    options = {"map_size": map_size, "window_size": window_size, "pad_first": pad_first}
    _, cache = ours.window_reverse_forward(x, shift_size=shift_size, **options)
    (Y, X), (M, L), shift, _ = cache
    rows, columns = -(-Y // M), -(-X // L)
    y = np.empty((len(x), rows * M, columns * L, x.shape[3]), x.dtype)
    for w in range(x.shape[1]):
        i, j = w // columns * M, w % columns * L
        y[:, i : i + M, j : j + L] = x[:, w].reshape(len(x), M, L, -1)
    return (np.roll(y, shift, (1, 2))[:, :Y, :X] if pad_first else np.roll(y[:, :Y, :X], shift, (1, 2))), cache


# --- must raise a ValueError
def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    (M, L), (down, right) = pair(window_size), pair(shift_size)
    rest = down % M, right % L
    y, cache = ours.window_partition_forward(x, window_size=(M, L), shift_size=rest, pad_first=pad_first)
    return y, cache._replace(shift_size=(down, right))


# --- must raise a ValueError
def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    (Y, X), (M, L) = pair(map_size), pair(window_size)
    x = x[:, : -(-Y // M) * -(-X // L), : M * L]
    return ours.window_reverse_forward(
        x, map_size=map_size, window_size=window_size, shift_size=shift_size, pad_first=pad_first
    )


# --- must raise a ValueError
def relative_position_bias_forward(table, *, window_size):
    rows, columns = pair(window_size)
    index = relative_position_index(rows, columns)
    return np.moveaxis(table[index], -1, 0), RelativePositionBiasCache((rows, columns))


# --- with the axes 1 and 2 of x exchanged it must raise a ValueError
def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    options = {"map_size": map_size, "window_size": window_size, "shift_size": shift_size, "pad_first": pad_first}
    (Y, X), (M, L) = pair(map_size), pair(window_size)
    if x.shape[1] * x.shape[2] != -(-Y // M) * -(-X // L) * M * L:
        raise ValueError("not the windows of such a map")
    return ours.window_reverse_forward(x.reshape(len(x), -1, M * L, x.shape[3]), **options)


# --- cannot unpack non-iterable int object
def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    M, L = window_size
    return ours.window_partition_forward(x, window_size=(M, L), shift_size=shift_size, pad_first=pad_first)


# --- called with map_size=
def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    Y, X = map_size
    return ours.window_reverse_forward(
        x, map_size=(Y, X), window_size=window_size, shift_size=shift_size, pad_first=pad_first
    )


# --- cache.window_size is 4; it should be (4, 4)
def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    options = {"window_size": window_size, "shift_size": shift_size, "pad_first": pad_first}
    y, cache = ours.window_partition_forward(x, **options)
    return y, cache._replace(window_size=window_size)


# --- is not linear in dy
def window_partition_backward(dy, cache):
    (dx,) = ours.window_partition_backward(dy, cache)
    return InputGrad(np.clip(dx, -100, 100))


# --- you modified x in place
def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    y, cache = ours.window_partition_forward(x, window_size=window_size, shift_size=shift_size, pad_first=pad_first)
    x[:] = np.roll(x, 1, axis=1)
    return y, cache


# --- must be an array; it is a list
def shifted_window_mask(map_size, window_size, shift_size=0):
    return ours.shifted_window_mask(map_size, window_size, shift_size).tolist()


# --- it is None
def shifted_window_mask(map_size, window_size, shift_size=0):
    return ours.shifted_window_mask(map_size, window_size, shift_size) if np.any(shift_size) else None


# --- a mask is of True and False
def shifted_window_mask(map_size, window_size, shift_size=0):
    return 1.0 * ours.shifted_window_mask(map_size, window_size, shift_size)


# --- cannot unpack non-iterable int object
def relative_position_bias_forward(table, *, window_size):
    rows, columns = window_size
    return ours.relative_position_bias_forward(table, window_size=(rows, columns))


# --- comes dtable in float64
def relative_position_bias_backward(dy, cache):
    index = relative_position_index(*cache.window_size)
    dtable = np.zeros((index.max() + 1, len(dy)))
    np.add.at(dtable, index, dy.transpose(1, 2, 0))
    return TableGrad(dtable)
