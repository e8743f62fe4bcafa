# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- np.select
def cubic_kernel(t, a):
    d = np.abs(t)
    return np.select(
        [d <= 1, d < 2], [(a + 2) * d**3 - (a + 3) * d**2 + 1, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a], 0
    ).astype(t.dtype)


# --- np.piecewise
def cubic_kernel(t, a):
    d = np.abs(t)
    pieces = [lambda d: (a + 2) * d**3 - (a + 3) * d**2 + 1, lambda d: a * (d**3 - 5 * d**2 + 8 * d - 4), 0]
    return np.piecewise(d, [d < 1, (d >= 1) & (d < 2)], pieces)


# --- polynomials, times where they hold
def cubic_kernel(t, a):
    d = np.sqrt(t * t)
    near, far = np.polyval([a + 2, -a - 3, 0, 1], d), np.polyval([a, -5 * a, 8 * a, -4 * a], d)
    return (near * (d < 1) + far * ((d >= 1) & (d < 2))).astype(t.dtype)


# --- factors
def cubic_kernel(t, a):
    d = np.minimum(abs(t), 2)
    return np.where(d <= 1, (1 - d) * (1 + d - (a + 2) * d * d), a * (d - 1) * (d - 2) ** 2)


# --- all weights of a padded axis
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if min(old, new) < 1 or mode not in ("bilinear", "bicubic") or antialias * align_corners:
        raise ValueError("no such matrix")
    u = np.linspace(0, old - 1, new) if align_corners else (np.arange(new) + 0.5) * old / new - 0.5
    j = np.arange(-3, old + 3)
    t = u[:, None] - j
    if antialias and old > new:
        t = t * new / old
    kernel = (lambda t: np.clip(1 - abs(t), 0, 1)) if mode == "bilinear" else None
    weights = kernel(t) if kernel else cubic_kernel(t, -0.75 + 0.25 * antialias)
    if antialias:
        weights = weights[:, 3:-3]
        return weights / weights.sum(1)[:, None]
    weights[:, 3] += weights[:, :3].sum(1)
    weights[:, -4] += weights[:, -3:].sum(1)
    return weights[:, 3:-3]


# --- the columns are what becomes of units
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if mode not in ("bilinear", "bicubic") or old < 1 or new < 1 or (antialias and align_corners):
        raise ValueError("no such matrix")
    if align_corners:
        centres = [i * (old - 1) / (new - 1) if new > 1 else 0.0 for i in range(new)]
    else:
        centres = [(i + 0.5) / new * old - 0.5 for i in range(new)]
    wide = max(1.0, old / new) if antialias else 1.0

    def kernel(t):
        if mode == "bilinear":
            return max(0.0, 1 - abs(t))
        return cubic_kernel(np.array(float(t)), -0.5 if antialias else -0.75).item()

    rows = []
    for u in centres:
        first, last = math.floor(u - 2 * wide), math.ceil(u + 2 * wide)
        row = [0.0] * old
        for j in range(first, last + 1):
            if antialias and not 0 <= j < old:
                continue
            row[min(max(j, 0), old - 1)] += kernel((u - j) / wide)
        rows.append([weight / math.fsum(row) for weight in row])
    return np.array(rows)


# --- interpolation, where that is enough
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if mode != "bilinear" or antialias or old < 1 or new < 1:
        return ours.resize_matrix(old, new, mode=mode, antialias=antialias, align_corners=align_corners)
    u = np.linspace(0, old - 1, new) if align_corners else (np.arange(new) + 0.5) * old / new - 0.5
    return np.stack([np.interp(u, np.arange(old), unit) for unit in np.eye(old)], axis=1)


# --- np.pad at the edge
def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if mode not in ("bilinear", "bicubic") or old < 1 or new < 1 or (antialias and align_corners):
        raise ValueError("no such matrix")
    steps = np.arange(new)
    u = steps * (old - 1) / max(new - 1, 1) if align_corners else (2 * steps + 1) * old / (2 * new) - 0.5
    s = max(old / new, 1) if antialias else 1
    t = (u[:, None] - np.arange(-2, old + 2)[None]) / s
    w = np.where(abs(t) < 1, 1 - abs(t), 0) if mode == "bilinear" else cubic_kernel(t, -0.5 if antialias else -0.75)
    if antialias:
        w[:, :2] = w[:, -2:] = 0
        w /= w.sum(axis=1, keepdims=True)
    return w @ np.pad(np.eye(old), ((2, 2), (0, 0)), mode="edge")


# --- tensordot
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    new = pair(size)
    rows, columns = (
        resize_matrix(n, m, mode=mode, antialias=antialias, align_corners=align_corners).astype(x.dtype)
        for n, m in zip(x.shape[1:3], new, strict=True)
    )
    y = np.tensordot(np.tensordot(x, rows, (1, 1)), columns, (1, 1))  # (B, X, C, Yo), (B, C, Yo, Xo)
    return y.transpose(0, 2, 3, 1), ResizeCache(rows, columns)


def resize_backward(dy, cache):
    dx = np.tensordot(np.tensordot(dy, cache.rows, (1, 0)), cache.columns, (1, 0))
    return (np.moveaxis(dx, 1, -1),)


# --- columns first, channels first
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    options = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    height, width = pair(size)
    maps = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    columns = np.asarray(resize_matrix(maps.shape[3], width, **options), x.dtype)
    rows = np.asarray(resize_matrix(maps.shape[2], height, **options), x.dtype)
    return (rows @ (maps @ columns.T)).transpose(0, 2, 3, 1), ResizeCache(rows, columns)


def resize_backward(dy, cache):
    maps = dy.transpose(0, 3, 1, 2)
    return InputGrad((cache.rows.T @ maps @ cache.columns).transpose(0, 2, 3, 1))


# --- one large matrix, kept
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    B, Y, X, C = x.shape
    height, width = pair(size)
    options = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    both = np.kron(resize_matrix(Y, height, **options), resize_matrix(X, width, **options)).astype(x.dtype)
    return (both @ x.reshape(B, Y * X, C)).reshape(B, height, width, C), (both, x.shape)


def resize_backward(dy, cache):
    both, shape = cache
    B, height, width, C = dy.shape
    return [(both.T @ dy.reshape(B, height * width, C)).reshape(shape)]


# --- a loop over new rows and columns
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    height, width = pair(size)
    options = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(x.shape[1], height, **options).astype(x.dtype)
    columns = resize_matrix(x.shape[2], width, **options).astype(x.dtype)
    half = np.stack([np.einsum("y,byxc->bxc", row, x) for row in rows], 1)
    return np.stack([np.einsum("x,byxc->byc", column, half) for column in columns], 2), ResizeCache(rows, columns)


# --- a shape for a cache
def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    options = {"size": size, "mode": mode, "antialias": antialias, "align_corners": align_corners}
    y, cache = ours.resize_forward(x, **options)
    return y, {"R": cache.rows, "C": cache.columns, "shape": x.shape}


def resize_backward(dy, cache):
    return InputGrad(np.einsum("iy,bijc,jx->byxc", cache["R"], dy, cache["C"], optimize=True))


# --- front and grid apart
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
    front, table = posemb[:, :num_prefix_tokens], posemb[:, num_prefix_tokens:]
    if num_prefix_tokens < 0 or table.shape[1] == 0:
        raise ValueError("no positions")
    new_size = pair(new_size)
    if old_size is None:
        side = math.isqrt(table.shape[1])
        old_size = new_size if side**2 != table.shape[1] else side
    old_size = pair(old_size)
    if math.prod(old_size) != table.shape[1] or min(old_size) < 0:
        raise ValueError("no such grid")
    maps = table.reshape(-1, *old_size, table.shape[2])
    options = {"mode": interpolation, "antialias": antialias, "align_corners": align_corners}
    maps = resize_forward(maps, size=new_size, **options)[0]
    return np.append(front, maps.reshape(len(posemb), new_size[0] * new_size[1], -1), axis=1)


# --- an empty table that is filled
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
    P = num_prefix_tokens
    if P < 0 or P >= N:
        raise ValueError("no positions")
    height, width = pair(new_size)
    root = math.sqrt(N - P)
    if old_size is None:
        if root == int(root):
            old_size = int(root)
        elif height * width == N - P:
            return posemb
        else:
            raise ValueError("no square")
    rows, columns = (old_size, old_size) if isinstance(old_size, int) else old_size
    if rows < 1 or columns < 1 or height < 1 or width < 1 or rows * columns + P != N:
        raise ValueError("no grid")
    y = np.empty((B, P + height * width, D), posemb.dtype)
    y[:, :P] = posemb[:, :P]
    grid, _ = resize_forward(
        posemb[:, P:].reshape(B, rows, columns, D),
        size=(height, width),
        mode=interpolation,
        antialias=antialias,
        align_corners=align_corners,
    )
    y[:, P:] = grid.reshape(B, height * width, D)
    return y


# --- with matrices, not with maps
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
    P, (B, N, D) = num_prefix_tokens, posemb.shape
    new, n = pair(new_size), N - P
    if old_size is None and math.isqrt(n) ** 2 != n and new[0] * new[1] != n:
        raise ValueError("which grid?")
    if old_size is None:
        old_size = new if math.isqrt(n) ** 2 != n else math.isqrt(n)
    old = pair(old_size)
    if P < 0 or n < 1 or min(old) < 1 or old[0] * old[1] != n:
        raise ValueError("no such grid")
    options = {"mode": interpolation, "antialias": antialias, "align_corners": align_corners}
    R, C = (resize_matrix(o, m, **options).astype(posemb.dtype) for o, m in zip(old, new, strict=True))
    grid = np.einsum("iy,jx,byxd->bijd", R, C, posemb[:, P:].reshape(B, *old, D), optimize=True)
    return np.concatenate([posemb[:, :P], grid.reshape(B, new[0] * new[1], D)], axis=1)


# --- the gradient by the name of the messages
def resize_backward(dy, cache):
    return {"dx": np.einsum("iy,jx,bijc->byxc", cache.rows, cache.columns, dy, optimize=True)}
