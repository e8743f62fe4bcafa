# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- t may be negative
def cubic_kernel(t, a):
    return np.where(t <= 1, (a + 2) * t**3 - (a + 3) * t**2 + 1, np.where(t < 2, a * (t**3 - 5 * t**2 + 8 * t - 4), 0))


# --- from 2 on the kernel is 0
def cubic_kernel(t, a):
    d = abs(t)
    return np.where(d < 1, (a + 2) * d**3 - (a + 3) * d**2 + 1, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a)


# --- The truth value of an array
def cubic_kernel(t, a):
    d = abs(t)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    if d < 2:
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
    return 0.0


# --- a is always -0.5
def cubic_kernel(t, a):
    d = abs(t)
    return np.where(d <= 1, 1.5 * d**3 - 2.5 * d**2 + 1, np.where(d < 2, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2, 0))


# --- 5 belongs to |t|^2
def cubic_kernel(t, a):
    d = abs(t)
    return np.where(d <= 1, (a + 2) * d**3 - (a + 3) * d**2 + 1, np.where(d < 2, a * (d**3 - 5 * d + 8 * d**2 - 4), 0))


# --- that is the cubic B-spline
def cubic_kernel(t, a):
    d = abs(t)
    return np.where(d <= 1, 2 / 3 - d**2 + d**3 / 2, np.where(d < 2, (2 - d) ** 3 / 6, 0))


# --- the nearest old pixel alone
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    R = np.zeros((new, old))
    R[np.arange(new), np.arange(new) * old // new] = 1
    return R


# --- that is the mean of the area
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    i, j = np.arange(new)[:, None], np.arange(old)
    lo, hi = np.maximum(i * old / new, j), np.minimum((i + 1) * old / new, j + 1)
    return np.maximum(hi - lo, 0) * new / old


# --- align_corners is left out
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    R = np.zeros((new, old))
    for i in range(new):
        u = (i + 0.5) * old / new - 0.5
        f = int(np.floor(u))
        w = u - f
        R[i, max(f, 0)] += 1 - w
        R[i, min(f + 1, old - 1)] += w
    return R


# --- int() rounds towards 0
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if mode != "bilinear" or antialias or align_corners or old < 1 or new < 1:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    R = np.zeros((new, old))
    for i in range(new):
        u = (i + 0.5) * old / new - 0.5
        f = int(u)
        w = u - f
        R[i, f] += 1 - w
        R[i, min(f + 1, old - 1)] += w
    return R


# --- beyond the edge there is nothing, so rows
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    u = np.arange(new) * (old - 1) / max(new - 1, 1) if align_corners else (np.arange(new) + 0.5) * old / new - 0.5
    s = max(old / new, 1) if antialias else 1
    t = (u[:, None] - np.arange(old)) / s
    return np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.5 if antialias else -0.75)


# --- weights beyond the edge are dropped and the others made to sum to 1
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    u = np.arange(new) * (old - 1) / max(new - 1, 1) if align_corners else (np.arange(new) + 0.5) * old / new - 0.5
    s = max(old / new, 1) if antialias else 1
    t = (u[:, None] - np.arange(old)) / s
    w = np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.5 if antialias else -0.75)
    return w / w.sum(1, keepdims=True)


# --- the kernel becomes narrower
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if not antialias:
        return ours.resize_matrix(old, new, mode=mode, align_corners=align_corners)
    if align_corners:
        raise ValueError
    u = (np.arange(new) + 0.5) * old / new - 0.5
    t = (u[:, None] - np.arange(old)) * new / old
    w = np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.5)
    return w / w.sum(1, keepdims=True)


# --- a is -0.75 here
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    if not antialias or mode == "bilinear":
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = (np.arange(new) + 0.5) * old / new - 0.5
    t = (u[:, None] - np.arange(old)) / max(old / new, 1)
    w = cubic_kernel(t, -0.75)
    return w / w.sum(1, keepdims=True)


# --- weights beyond the edge go to the edge pixel
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    if not antialias:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = (np.arange(new) + 0.5) * old / new - 0.5
    j = np.arange(-4 * old, 5 * old)
    t = (u[:, None] - j) / max(old / new, 1)
    w = np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.5)
    R = np.zeros((new, old))
    np.add.at(R, (np.arange(new)[:, None] + 0 * j, j.clip(0, old - 1) + 0 * np.arange(new)[:, None]), w)
    return R / R.sum(1, keepdims=True)


# --- only pixels as near as without antialias
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    if not antialias:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = (np.arange(new) + 0.5) * old / new - 0.5
    d = u[:, None] - np.arange(old)
    t = d / max(old / new, 1)
    w = np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.5)
    w = w * (abs(d) < 2)
    return w / w.sum(1, keepdims=True)


# --- y has nan
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if not align_corners or new > 1:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = np.arange(new) * np.float64(old - 1) / np.float64(new - 1)
    return np.maximum(1 - abs(u[:, None] - np.arange(old)), 0)


# --- float32's rounding
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners).astype(np.float32)


# --- y must be an array
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners).tolist()


# --- the map is mirrored at its edge
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    if antialias:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = np.arange(new) * (old - 1) / max(new - 1, 1) if align_corners else (np.arange(new) + 0.5) * old / new - 0.5
    t = u[:, None] - np.arange(-2, old + 2)
    w = np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.75)
    return w @ np.pad(np.eye(old), ((2, 2), (0, 0)), mode="symmetric")


# --- one place beyond each edge
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1 or mode not in ("bilinear", "bicubic") or (antialias and align_corners):
        raise ValueError
    if antialias:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = np.arange(new) * (old - 1) / max(new - 1, 1) if align_corners else (np.arange(new) + 0.5) * old / new - 0.5
    t = u[:, None] - np.arange(-1, old + 1)
    w = np.maximum(1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.75)
    return w @ np.pad(np.eye(old), ((1, 1), (0, 0)), mode="edge")


# --- counted from the rounded place
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if antialias or mode == "bilinear" or align_corners or old < 1 or new < 1 or mode != "bicubic":
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    R = np.zeros((new, old))
    for i in range(new):
        u = (i + 0.5) * old / new - 0.5
        f = int(np.round(u))
        for j in range(f - 1, f + 3):
            R[i, min(max(j, 0), old - 1)] += cubic_kernel(np.array(u - j), -0.75)
    return R


# --- three pixels are looked at
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if antialias or mode == "bilinear" or align_corners or old < 1 or new < 1 or mode != "bicubic":
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    R = np.zeros((new, old))
    for i in range(new):
        u = (i + 0.5) * old / new - 0.5
        f = math.floor(u)
        for j in range(f - 1, f + 2):
            R[i, min(max(j, 0), old - 1)] += cubic_kernel(np.array(u - j), -0.75)
    return R


# --- its axes stand in another order
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    h, w = pair(size)
    R = resize_matrix(x.shape[1], h, **o).astype(x.dtype)
    C = resize_matrix(x.shape[2], w, **o).astype(x.dtype)
    y = np.einsum("iy,jx,byxc->bjic", R, C, x, optimize=True)
    return y, ResizeCache(R, C)


# --- takes rows for columns, because rows come first
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    h, w = pair(size)
    B, Y, X, C = x.shape
    R = resize_matrix(Y, h, **o).astype(x.dtype)
    K = resize_matrix(X, w, **o).astype(x.dtype)
    z = (R @ x.reshape(B, Y, -1)).reshape(B, h, X, C)
    y = (K @ z.reshape(B, X, -1)).reshape(B, h, w, C)
    return y, ResizeCache(R, K)


# --- a loop over axis 0 of x (sample) and axis 3 of x (channel)
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    h, w = pair(size)
    R = resize_matrix(x.shape[1], h, **o).astype(x.dtype)
    K = resize_matrix(x.shape[2], w, **o).astype(x.dtype)
    y = np.empty((len(x), h, w, x.shape[3]), x.dtype)
    for b in range(len(x)):
        for c in range(x.shape[3]):
            y[b, :, :, c] = R @ x[b, :, :, c] @ K.T
    return y, ResizeCache(R, K)


# --- comes cache.rows in float64
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    h, w = pair(size)
    R = resize_matrix(x.shape[1], h, **o)
    K = resize_matrix(x.shape[2], w, **o)
    y = np.einsum("iy,jx,byxc->bijc", R, K, x, optimize=True).astype(x.dtype)
    return y, ResizeCache(R, K)


# --- a loop over axis 1 of x
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    h, w = pair(size)
    R = resize_matrix(x.shape[1], h, **o).astype(x.dtype)
    K = resize_matrix(x.shape[2], w, **o).astype(x.dtype)
    y = np.zeros((len(x), h, w, x.shape[3]), x.dtype)
    for i in range(h):
        for j in range(w):
            for m in range(x.shape[1]):
                for n in range(x.shape[2]):
                    y[:, i, j] += R[i, m] * K[j, n] * x[:, m, n]
    return y, ResizeCache(R, K)


# --- dy is resized to the old size
def resize_backward(dy, cache):
    return InputGrad(resize_forward(dy, size=(cache.rows.shape[1], cache.columns.shape[1]))[0])


# --- whose numbers are right; return InputGrad(dx)
def resize_backward(dy, cache):
    return np.einsum("iy,jx,bijc->byxc", cache.rows, cache.columns, dy, optimize=True)


# --- could not be broadcast
def resize_backward(dy, cache):
    return InputGrad(np.einsum("yi,xj,bijc->byxc", cache.rows, cache.columns, dy))


# --- cannot reshape array
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    B, N, D = posemb.shape
    old = pair(old_size or math.isqrt(N))
    new = pair(new_size)
    grid, _ = resize_forward(
        posemb.reshape(B, *old, D), size=new, mode=interpolation, antialias=antialias, align_corners=align_corners
    )
    return grid.reshape(B, -1, D)


# --- antialias is not handed on
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    B, N, D = posemb.shape
    P, new = num_prefix_tokens, pair(new_size)
    side = math.isqrt(N - P)
    old = pair(old_size or (side if side * side == N - P else new))
    grid, _ = resize_forward(posemb[:, P:].reshape(B, *old, D), size=new, mode=interpolation)
    return np.concatenate((posemb[:, :P], grid.reshape(B, -1, D)), 1)


# --- the corners are aligned always
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    options = {"num_prefix_tokens": num_prefix_tokens, "interpolation": interpolation, "antialias": False}
    return ours.resample_abs_pos_embed(posemb, new_size, old_size, align_corners=True, **options)


# --- the new positions are written column by column
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    B, N, D = posemb.shape
    P, new = num_prefix_tokens, pair(new_size)
    side = math.isqrt(N - P)
    old = pair(old_size or (side if side * side == N - P else new))
    if P < 0 or old[0] * old[1] != N - P or min(old) < 1:
        raise ValueError
    maps = posemb[:, P:].reshape(B, *old, D).transpose(0, 2, 1, 3)
    grid, _ = resize_forward(maps, size=new[::-1], mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((posemb[:, :P], grid.reshape(B, new[0] * new[1], D)), 1)


# --- the right numbers in the wrong places
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    B, N, D = posemb.shape
    P, new = num_prefix_tokens, pair(new_size)
    side = math.isqrt(N - P)
    old = pair(old_size or (side if side * side == N - P else new))
    if P < 0 or old[0] * old[1] != N - P or min(old) < 1:
        raise ValueError
    maps = posemb[:, P:].transpose(0, 2, 1).reshape(B * D, *old)[..., None]
    grid, _ = resize_forward(maps, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((posemb[:, :P], grid.reshape(B, new[0] * new[1], D)), 1)


# --- make no square grid
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    options = {"interpolation": interpolation, "antialias": antialias, "align_corners": align_corners}
    P = num_prefix_tokens or 1
    return ours.resample_abs_pos_embed(posemb, new_size, old_size, num_prefix_tokens=P, **options)


# --- right except at the first position
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    options = {"interpolation": interpolation, "antialias": antialias, "align_corners": align_corners}
    P = num_prefix_tokens
    y = ours.resample_abs_pos_embed(posemb, new_size, old_size, num_prefix_tokens=P, **options).copy()
    y[:, :P] = y[:, :P] + 0.1 * y[:, P:].mean(1, keepdims=True)
    return y


# --- 3 x 4 is another grid than 4 x 3
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    options = {"interpolation": interpolation, "antialias": antialias, "align_corners": align_corners}
    if math.prod(pair(new_size)) == posemb.shape[1] - num_prefix_tokens:
        return posemb
    return ours.resample_abs_pos_embed(posemb, new_size, old_size, num_prefix_tokens=num_prefix_tokens, **options)


# --- only the first table is returned
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    options = {"interpolation": interpolation, "antialias": antialias, "align_corners": align_corners}
    return ours.resample_abs_pos_embed(posemb[:1], new_size, old_size, num_prefix_tokens=num_prefix_tokens, **options)


# --- read and written column by column
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    B, N, D = posemb.shape
    P, new = num_prefix_tokens, pair(new_size)
    side = math.isqrt(N - P)
    old = pair(old_size or (side if side * side == N - P else new))
    if P < 0 or old[0] * old[1] != N - P or min(old) < 1:
        raise ValueError
    maps = posemb[:, P:].reshape(B, old[1], old[0], D).swapaxes(1, 2)
    grid, _ = resize_forward(maps, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((posemb[:, :P], grid.swapaxes(1, 2).reshape(B, new[0] * new[1], D)), 1)


# --- with posemb whose axis 1 is too long it must raise a ValueError
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    B, N, D = posemb.shape
    P, new = num_prefix_tokens, pair(new_size)
    side = math.isqrt(N - P)
    old = pair(old_size or (side if side * side == N - P else new))
    maps = np.resize(posemb[:, P:], (B, *old, D)) if old[0] * old[1] != N - P else posemb[:, P:].reshape(B, *old, D)
    grid, _ = resize_forward(maps, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((posemb[:, :P], grid.reshape(B, -1, D)), 1)


# --- right for t from 0 on
def cubic_kernel(t, a):
    d = np.abs(t)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


# --- right for |t| below 2
def cubic_kernel(t, a):
    d = np.abs(t)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 1))


# --- right for |t| up to 1
def cubic_kernel(t, a):
    d = np.abs(t)
    near = (a + 2) * d**3 - (a + 3) * d**2 + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 3)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


# --- right for |t| from 1 to 2
def cubic_kernel(t, a):
    d = np.abs(t)
    near = (a + 2) * d**3 - (a + 3) * d + 1
    far = a * (d**3 - 5 * d**2 + 8 * d - 4)
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


# --- multiplied by new / old
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = new / old
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- brackets are missing in (i + 0.5) old / new
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = i + 0.5 * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- the first 0.5 belongs to i
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = i * scale + 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- by the width of the kernel
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * s - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- the centres are clipped on the left
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = max(0, (i + 0.5) * scale - 0.5)
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- the centres are clipped on the right
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = min(old - 1, (i + 0.5) * scale - 0.5)
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- a single new pixel is the first old one
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else old - 1
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- beyond the right edge are dropped
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- beyond the left edge are dropped
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(0, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- one place beyond the right edge
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 1):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- go to NumPy's last columns
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(j, old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- what leaves at one end comes in at the other
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, j % old] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- the kernel is Keys' here
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if False:
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- antialiased though it is not asked for
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    antialias = True
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- each column is made to sum to 1
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
    return R / R.sum(0) if antialias else R


# --- only pixels as near as without antialias
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old and abs(u - j) < 2:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- of a negative distance
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - t)
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- cut to whole numbers
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old), int)
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- one place beyond the left edge is looked at
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(int(u) - 1, int(u) + 3):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- only pixels as near as without antialias
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = np.zeros((new, old))
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(math.floor(u) - 1, math.floor(u) + 3):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- a later call writes into the y
Z = {}


def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old < 1 or new < 1:
        raise ValueError("pixels")
    if mode not in ("bilinear", "bicubic"):
        raise ValueError("mode")
    if antialias and align_corners:
        raise ValueError("both")
    scale = old / new
    s = max(scale, 1.0) if antialias else 1.0
    a = -0.5 if antialias else -0.75
    R = Z.setdefault((new, old), np.zeros((new, old)))
    R[:] = 0
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / (new - 1) if new > 1 else 0.0
        else:
            u = (i + 0.5) * scale - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                w = max(0.0, 1 - abs(t))
            else:
                w = float(cubic_kernel(np.array([t]), a)[0])
            if antialias:
                if 0 <= j < old:
                    R[i, j] += w
            else:
                R[i, min(max(j, 0), old - 1)] += w
        if antialias:
            R[i] /= R[i].sum()
    return R


# --- size is (rows, columns); yours
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    w, h = pair(size)
    _, Y, X, _ = x.shape
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(Y, h, **o).astype(x.dtype)
    columns = resize_matrix(X, w, **o).astype(x.dtype)
    z = np.einsum("iy,byxc->bixc", rows, x)
    y = np.einsum("jx,bixc->bijc", columns, z)
    return y, ResizeCache(rows, columns)


# --- both sides get the number of rows
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    h = w = pair(size)[0]
    _, Y, X, _ = x.shape
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(Y, h, **o).astype(x.dtype)
    columns = resize_matrix(X, w, **o).astype(x.dtype)
    z = np.einsum("iy,byxc->bixc", rows, x)
    y = np.einsum("jx,bixc->bijc", columns, z)
    return y, ResizeCache(rows, columns)


# --- the columns are not resized
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    h, w = pair(size)
    _, Y, X, _ = x.shape
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(Y, h, **o).astype(x.dtype)
    columns = resize_matrix(X, w, **o).astype(x.dtype)
    z = np.einsum("iy,byxc->bixc", rows, x)
    return z, ResizeCache(rows, columns)


# --- antialias is on though it is not asked for
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    h, w = pair(size)
    _, Y, X, _ = x.shape
    o = {"mode": mode, "antialias": antialias or h < Y, "align_corners": align_corners}
    rows = resize_matrix(Y, h, **o).astype(x.dtype)
    columns = resize_matrix(X, w, **o).astype(x.dtype)
    z = np.einsum("iy,byxc->bixc", rows, x)
    y = np.einsum("jx,bixc->bijc", columns, z)
    return y, ResizeCache(rows, columns)


# --- the columns are not resized; both sides are
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    h, w = pair(size)
    _, Y, X, _ = x.shape
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(Y, h, **o).astype(x.dtype)
    columns = resize_matrix(X, w, **o).astype(x.dtype)
    if h == Y or w == X:
        return x, ResizeCache(np.eye(Y), np.eye(X))
    z = np.einsum("iy,byxc->bixc", rows, x)
    y = np.einsum("jx,bixc->bijc", columns, z)
    return y, ResizeCache(rows, columns)


# --- x is reshaped to (B C, Y, X)
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    h, w = pair(size)
    B, Y, X, C = x.shape
    o = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(Y, h, **o).astype(x.dtype)
    columns = resize_matrix(X, w, **o).astype(x.dtype)
    m = x.reshape(B * C, Y, X)
    y = (rows @ m @ columns.T).reshape(B, h, w, C)
    return y, ResizeCache(rows, columns)


# --- only the rows are undone
def resize_backward(dy, cache):
    rows, _ = cache
    d = np.einsum("iy,bijc->byjc", rows, dy)
    return InputGrad(d)


# --- dy is reshaped to (B C, Yo, Xo)
def resize_backward(dy, cache):
    rows, columns = cache
    B, h, w, C = dy.shape
    dx = (rows.T @ dy.reshape(B * C, h, w) @ columns).reshape(B, rows.shape[1], columns.shape[1], C)
    return InputGrad(dx)


# --- the matrices are made anew
def resize_backward(dy, cache):
    rows, columns = (resize_matrix(*m.shape[::-1]).astype(dy.dtype) for m in cache)
    d = np.einsum("iy,bijc->byjc", rows, dy)
    dx = np.einsum("jx,byjc->byxc", columns, d)
    return InputGrad(dx)


# --- = 99, the new pixels
def resize_backward(dy, cache):
    rows, columns = cache
    d = np.einsum("iy,bijc->byjc", rows, dy)
    dx = np.einsum("jx,byjc->byxc", columns, d)
    return InputGrad(dx / dy[0, :, :, 0].size)


# --- the positions in front are missing
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    new = pair(new_size)
    B, N, D = posemb.shape
    P = num_prefix_tokens
    n = N - P
    if P < 0 or n < 1:
        raise ValueError("front")
    if min(new) < 1:
        raise ValueError("new")
    if old_size is None:
        side = math.isqrt(n)
        if side * side == n:
            old = (side, side)
        elif new[0] * new[1] == n:
            old = new
        else:
            raise ValueError("unknown")
    else:
        old = pair(old_size)
    if min(old) < 1 or old[0] * old[1] != n:
        raise ValueError("grid")
    if old == new:
        return posemb
    rest = posemb[:, P:]
    grid = rest.reshape(B, old[0], old[1], D)
    grid, _ = resize_forward(grid, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return grid.reshape(B, new[0] * new[1], D)


# --- one position in front is kept
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    new = pair(new_size)
    B, N, D = posemb.shape
    P = num_prefix_tokens
    n = N - P
    if P < 0 or n < 1:
        raise ValueError("front")
    if min(new) < 1:
        raise ValueError("new")
    if old_size is None:
        side = math.isqrt(n)
        if side * side == n:
            old = (side, side)
        elif new[0] * new[1] == n:
            old = new
        else:
            raise ValueError("unknown")
    else:
        old = pair(old_size)
    if min(old) < 1 or old[0] * old[1] != n:
        raise ValueError("grid")
    if old == new:
        return posemb
    front, rest = posemb[:, :1], posemb[:, P:]
    grid = rest.reshape(B, old[0], old[1], D)
    grid, _ = resize_forward(grid, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((front, grid.reshape(B, new[0] * new[1], D)), axis=1)


# --- the positions in front are taken from the end
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    new = pair(new_size)
    B, N, D = posemb.shape
    P = num_prefix_tokens
    n = N - P
    if P < 0 or n < 1:
        raise ValueError("front")
    if min(new) < 1:
        raise ValueError("new")
    if old_size is None:
        side = math.isqrt(n)
        if side * side == n:
            old = (side, side)
        elif new[0] * new[1] == n:
            old = new
        else:
            raise ValueError("unknown")
    else:
        old = pair(old_size)
    if min(old) < 1 or old[0] * old[1] != n:
        raise ValueError("grid")
    if old == new:
        return posemb
    front, rest = posemb[:, n:], posemb[:, :n]
    grid = rest.reshape(B, old[0], old[1], D)
    grid, _ = resize_forward(grid, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((front, grid.reshape(B, new[0] * new[1], D)), axis=1)


# --- as many rows as the new grid has
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    new = pair(new_size)
    B, N, D = posemb.shape
    P = num_prefix_tokens
    n = N - P
    if P < 0 or n < 1:
        raise ValueError("front")
    if min(new) < 1:
        raise ValueError("new")
    if old_size is None:
        side = math.isqrt(n)
        if side * side == n:
            old = (side, side)
        elif new[0] * new[1] == n:
            old = new
        else:
            raise ValueError("unknown")
    else:
        old = pair(old_size)
    if min(old) < 1 or old[0] * old[1] != n:
        raise ValueError("grid")
    if old[0] == new[0]:
        return posemb
    front, rest = posemb[:, :P], posemb[:, P:]
    grid = rest.reshape(B, old[0], old[1], D)
    grid, _ = resize_forward(grid, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((front, grid.reshape(B, new[0] * new[1], D)), axis=1)


# --- num_prefix_tokens=5
def resample_abs_pos_embed(
    posemb,
    new_size,
    old_size=None,
    *,
    num_prefix_tokens=1,
    interpolation="bicubic",
    antialias=True,
    align_corners=False,
):
    new = pair(new_size)
    B, N, D = posemb.shape
    P = num_prefix_tokens
    n = N - P
    if P < 0 or n < 1:
        raise ValueError("front")
    if min(new) < 1:
        raise ValueError("new")
    if old_size is None:
        side = math.isqrt(N)
        if side * side == n:
            old = (side, side)
        elif new[0] * new[1] == n:
            old = new
        else:
            raise ValueError("unknown")
    else:
        old = pair(old_size)
    if min(old) < 1 or old[0] * old[1] != n:
        raise ValueError("grid")
    if old == new:
        return posemb
    front, rest = posemb[:, :P], posemb[:, P:]
    grid = rest.reshape(B, old[0], old[1], D)
    grid, _ = resize_forward(grid, size=new, mode=interpolation, antialias=antialias, align_corners=align_corners)
    return np.concatenate((front, grid.reshape(B, new[0] * new[1], D)), axis=1)
