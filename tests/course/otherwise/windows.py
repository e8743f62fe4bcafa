# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def sides_of(size):
    return (int(size), int(size)) if np.ndim(size) == 0 else (int(size[0]), int(size[1]))


def window_partition_forward(x, *, window_size, shift_size=0, pad_first=False):
    (Y, X), (M, L), (down, right) = x.shape[1:3], sides_of(window_size), sides_of(shift_size)
    if down >= M or right >= L:
        raise ValueError("the shift is as large as a window")
    rows, columns = (Y + M - 1) // M, (X + L - 1) // L
    place = np.zeros((rows * M, columns * L), bool)  # which place of the filled-up map has a number of the map
    place[:Y, :X] = True
    padded = np.zeros((len(x), rows * M, columns * L, x.shape[3]), x.dtype)
    if pad_first:
        padded[:, :Y, :X] = x
        padded = np.concatenate((padded[:, down:], padded[:, :down]), axis=1)
        padded = np.concatenate((padded[:, :, right:], padded[:, :, :right]), axis=2)
    else:
        i, j = (np.arange(Y) + down) % Y, (np.arange(X) + right) % X
        padded[:, place] = x[:, i[:, None], j].reshape(len(x), -1, x.shape[3])
    windows = np.einsum("bymxlc->byxmlc", padded.reshape(len(x), rows, M, columns, L, -1))
    cache = WindowPartitionCache((Y, X), (M, L), (down, right), pad_first)
    return windows.reshape(len(x), rows * columns, M * L, -1), cache


def window_reverse_forward(x, *, map_size, window_size, shift_size=0, pad_first=False):
    (Y, X), (M, L), (down, right) = sides_of(map_size), sides_of(window_size), sides_of(shift_size)
    rows, columns = (Y + M - 1) // M, (X + L - 1) // L
    if down >= M or right >= L or x.shape[1] != rows * columns or x.shape[2] != M * L:
        raise ValueError("no such map")
    y = x.reshape(len(x), rows, columns, M, L, -1).swapaxes(2, 3).reshape(len(x), rows * M, columns * L, -1)
    Y0, X0 = y.shape[1:3] if pad_first else (Y, X)
    i, j = (np.arange(Y) - down) % Y0, (np.arange(X) - right) % X0
    return y[:, i[:, None], j], WindowPartitionCache((Y, X), (M, L), (down, right), pad_first)


def window_partition_backward(dy, cache):
    map_size, window_size, shift_size, pad_first = cache
    dx, _ = window_reverse_forward(
        dy, map_size=map_size, window_size=window_size, shift_size=shift_size, pad_first=pad_first
    )
    return InputGrad(dx)


def window_reverse_backward(dy, cache):
    options = cache._asdict()
    del options["map_size"]
    return InputGrad(window_partition_forward(dy, **options)[0])


def shifted_window_mask(map_size, window_size, shift_size=0):
    (Y, X), (M, L), (down, right) = sides_of(map_size), sides_of(window_size), sides_of(shift_size)
    rows, columns = -(-Y // M), -(-X // L)
    mask = np.zeros((rows * columns, M * L, M * L), bool)
    for w in range(rows * columns):
        last_row, last_column = w // columns == rows - 1, w % columns == columns - 1
        for n in range(M * L):
            for m in range(M * L):
                over = [last_row and down > 0 and t // L >= M - down for t in (n, m)]
                beside = [last_column and right > 0 and t % L >= L - right for t in (n, m)]
                mask[w, n, m] = over[0] == over[1] and beside[0] == beside[1]
    return mask


def relative_position_index(rows, columns):
    places = [(i, j) for i in range(rows) for j in range(columns)]
    return np.array(
        [[(i - k + rows - 1) * (2 * columns - 1) + j - m + columns - 1 for k, m in places] for i, j in places]
    )


def relative_position_bias_forward(table, *, window_size):
    rows, columns = sides_of(window_size)
    if len(table) != (2 * rows - 1) * (2 * columns - 1):
        raise ValueError("the table is for another window")
    bias = table[relative_position_index(rows, columns).ravel()].reshape(rows * columns, rows * columns, -1)
    return bias.transpose(2, 0, 1), RelativePositionBiasCache((rows, columns))


def relative_position_bias_backward(dy, cache):
    rows, columns = cache.window_size
    dtable = np.zeros(((2 * rows - 1) * (2 * columns - 1), len(dy)), dy.dtype)
    np.add.at(dtable, relative_position_index(rows, columns), dy.transpose(1, 2, 0))
    return TableGrad(dtable)
