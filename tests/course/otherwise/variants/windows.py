# ruff: noqa: E402, F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- windows as a view, and a copy of it
def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    (M, L), (down, right) = pair(window_size), pair(shift_size)
    if not (down < M and right < L):
        raise ValueError
    steps = [lambda x: np.roll(x, (-down, -right), (1, 2))]
    steps += [lambda x: np.pad(x, ((0, 0), (0, -x.shape[1] % M), (0, -x.shape[2] % L), (0, 0)))]
    padded = x
    for step in steps[::-1] if pad_first else steps:
        padded = step(padded)
    view = np.lib.stride_tricks.sliding_window_view(padded, (M, L), (1, 2))[:, ::M, ::L]
    windows = view.transpose(0, 1, 2, 4, 5, 3).reshape(len(x), view.shape[1] * view.shape[2], M * L, x.shape[3])
    return windows, WindowPartitionCache(x.shape[1:3], (M, L), (down, right), pad_first)


# --- with patches
from minivit.ops import patchify_forward, unpatchify_forward


def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    cache = WindowPartitionCache(x.shape[1:3], pair(window_size), pair(shift_size), pad_first)
    (Y, X), (M, L), (down, right), _ = cache
    if down >= M or right >= L:
        raise ValueError
    padding = (0, 0), (0, -Y % M), (0, -X % L), (0, 0)
    if pad_first:
        x = np.roll(np.roll(np.pad(x, padding), -down, 1), -right, 2)
    else:
        x = np.pad(np.roll(np.roll(x, -right, 2), -down, 1), padding)
    y, _ = patchify_forward(x, patch_size=(M, L))
    return y.reshape(*y.shape[:2], M * L, -1), cache


def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    (Y, X), (M, L), (down, right) = pair(map_size), pair(window_size), pair(shift_size)
    if down >= M or right >= L or x.shape[1:3] != (-(-Y // M) * -(-X // L), M * L):
        raise ValueError
    y = x.reshape(*x.shape[:2], -1)
    y, _ = unpatchify_forward(y, img_size=(-(-Y // M) * M, -(-X // L) * L), patch_size=(M, L))
    if pad_first:
        y = np.roll(y, (down, right), (1, 2))[:, :Y, :X]
    else:
        y = np.roll(y[:, :Y, :X], (down, right), (1, 2))
    return y, WindowPartitionCache((Y, X), (M, L), (down, right), pad_first)


# --- an index of every place
def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    Y, X = pair(map_size)
    number = np.arange(1, Y * X + 1).reshape(1, Y, X, 1) * 1.0  # 0 is what fills the map up
    order, cache = window_partition_forward(number, window_size=window_size, shift_size=shift_size, pad_first=pad_first)
    if x.shape[1:3] != order.shape[1:3]:
        raise ValueError
    flat = x.reshape(len(x), -1, x.shape[3])
    y = np.zeros((len(x), Y * X + 1, x.shape[3]), x.dtype)
    y[:, order.astype(int).ravel()] = flat
    return y[:, 1:].reshape(len(x), Y, X, -1), cache


# --- gradients by places
def window_partition_backward(dy, cache):
    (Y, X), (M, L), (down, right), pad_first = cache
    rows, columns = -(-Y // M) * M, -(-X // L) * L
    i, j = np.divmod(np.arange(rows * columns).reshape(rows, columns), columns)
    w, n = i // M * (columns // L) + j // L, i % M * L + j % L  # the window and the token of each place
    back = dy[:, w, n]
    if pad_first:
        back = np.roll(back, (down, right), (1, 2))
    back = back[:, :Y, :X]
    return InputGrad(back if pad_first else np.roll(back, (down, right), (1, 2)))


def window_reverse_backward(dy, cache):
    (Y, X), (M, L), (down, right), pad_first = cache
    padding = (0, 0), (0, -Y % M), (0, -X % L), (0, 0)
    dy = (
        np.roll(np.pad(dy, padding), (-down, -right), (1, 2))
        if pad_first
        else np.pad(np.roll(dy, (-down, -right), (1, 2)), padding)
    )
    B, Y, X, C = dy.shape
    return (np.moveaxis(dy.reshape(B, Y // M, M, X // L, L, C), 2, 3).reshape(B, -1, M * L, C),)


# --- slices of the map, as in the official code
def shifted_window_mask(map_size, window_size, shift_size=0):
    (Y, X), (M, L), (down, right) = pair(map_size), pair(window_size), pair(shift_size)
    numbers = np.zeros((1, -(-Y // M) * M, -(-X // L) * L, 1))
    if down or right:
        count = 0
        ways = (slice(0, -M), slice(-M, -down or None), slice(-down, None) if down else slice(0, 0))
        for rows in ways:
            for columns in (slice(0, -L), slice(-L, -right or None), slice(-right, None) if right else slice(0, 0)):
                numbers[:, rows, columns] = count
                count += 1
    windows, _ = window_partition_forward(numbers, window_size=(M, L))
    windows = windows[0, :, :, 0]
    difference = windows[:, None] - windows[:, :, None]
    return difference == 0


# --- two masks, of rows and of columns
def shifted_window_mask(map_size, window_size, shift_size=0):
    masks = []
    for n, m, s in zip(pair(map_size), pair(window_size), pair(shift_size), strict=True):
        side = np.arange(-(-n // m) * m).reshape(-1, m) >= (-(-n // m) * m - s if s else 10**9)
        masks.append(side[:, :, None] == side[:, None])
    rows, columns = masks
    mask = rows[:, None, :, None, :, None] & columns[None, :, None, :, None, :]
    (a, b, M, L), rest = mask.shape[:4], mask.shape[4:]
    return mask.reshape(a * b, M * L, rest[0] * rest[1])


# --- loops over windows
def shifted_window_mask(map_size, window_size, shift_size=0):
    (Y, X), (M, L), (down, right) = pair(map_size), pair(window_size), pair(shift_size)
    Y, X = -(-Y // M) * M, -(-X // L) * L
    masks = []
    for top in range(0, Y, M):
        for left in range(0, X, L):
            is_over = np.repeat(np.arange(top, top + M) >= Y - down if down else np.zeros(M), L)
            is_beside = np.tile(np.arange(left, left + L) >= X - right if right else np.zeros(L), M)
            masks.append(np.equal.outer(is_over, is_over) & np.equal.outer(is_beside, is_beside))
    return np.array(masks)


# --- where every token came from
def shifted_window_mask(map_size, window_size, shift_size=0):
    """Neighbours are as far from each other before the roll as after it."""
    (Y, X), (M, L), (down, right) = pair(map_size), pair(window_size), pair(shift_size)
    Y, X = -(-Y // M) * M, -(-X // L) * L
    y, x = np.meshgrid((np.arange(Y) + down) % Y, (np.arange(X) + right) % X, indexing="ij")
    places, _ = window_partition_forward(np.stack((y, x), -1)[None] * 1.0, window_size=(M, L))
    y, x = places[0].transpose(2, 0, 1)
    apart = (abs(y[:, :, None] - y[:, None]) >= M) | (abs(x[:, :, None] - x[:, None]) >= L)
    return ~apart


# --- the index with meshgrid and einsum, as in the official code
def relative_position_index(rows, columns):
    coords = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")).reshape(2, -1)
    relative = (coords[:, :, None] - coords[:, None, :]).transpose(1, 2, 0)
    relative[:, :, 0] += rows - 1
    relative[:, :, 1] += columns - 1
    relative[:, :, 0] *= 2 * columns - 1
    return relative.sum(-1)


# --- the index with ravel_multi_index
def relative_position_index(rows, columns):
    at = np.array(list(np.ndindex(rows, columns)))
    way = at[:, None] - at[None] + (rows - 1, columns - 1)
    return np.ravel_multi_index((way[..., 0], way[..., 1]), (2 * rows - 1, 2 * columns - 1))


# --- the bias by a table in two dimensions
def relative_position_bias_forward(table, *, window_size):
    rows, columns = pair(window_size)
    H = table.shape[1]
    ways = table.T.reshape(H, 2 * rows - 1, 2 * columns - 1)
    y, x = np.divmod(np.arange(rows * columns), columns)
    bias = ways[:, y[:, None] - y + rows - 1, x[:, None] - x + columns - 1]
    return bias, RelativePositionBiasCache((rows, columns))


def relative_position_bias_backward(dy, cache):
    rows, columns = cache.window_size
    y, x = np.divmod(np.arange(rows * columns), columns)
    ways = np.zeros((len(dy), 2 * rows - 1, 2 * columns - 1), dy.dtype)
    np.add.at(ways, np.s_[:, y[:, None] - y + rows - 1, x[:, None] - x + columns - 1], dy)
    return TableGrad(ways.reshape(len(dy), -1).T)


# --- the bias's gradient as a product with zeros and ones
def relative_position_bias_backward(dy, cache):
    index = relative_position_index(*cache.window_size).ravel()
    reads = (index[:, None] == np.arange(index.max() + 1)).astype(dy.dtype)
    return TableGrad(reads.T @ dy.reshape(len(dy), -1).T)


# --- the bias's gradient, sorted and reduced
def relative_position_bias_backward(dy, cache):
    index = relative_position_index(*cache.window_size).ravel()
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(index[order]) > 0])
    return [np.add.reduceat(dy.reshape(len(dy), -1)[:, order], starts, axis=1).T]


# --- a cache of one's own
def relative_position_bias_forward(table, *, window_size):
    index = relative_position_index(*pair(window_size))
    if len(table) != index.max() + 1:
        raise ValueError
    return table[index].transpose(2, 0, 1), {"index": index, "rows": len(table)}


def relative_position_bias_backward(dy, cache):
    dtable = np.zeros((cache["rows"], len(dy)), dy.dtype)
    np.add.at(dtable, cache["index"], np.moveaxis(dy, 0, -1))
    return TableGrad(dtable)
