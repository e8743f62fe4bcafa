# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def cubic_kernel(t, a):
    y = np.zeros_like(t)
    d = abs(t)
    near, far = d <= 1, (d > 1) & (d < 2)
    y[near] = (a + 2) * d[near] ** 3 - (a + 3) * d[near] ** 2 + 1
    y[far] = a * d[far] ** 3 - 5 * a * d[far] ** 2 + 8 * a * d[far] - 4 * a
    return y


def resize_matrix(old, new, *, mode="bilinear", antialias=False, align_corners=False):
    if old <= 0 or new <= 0 or mode not in {"bilinear", "bicubic"} or (antialias and align_corners):
        raise ValueError("no such matrix")
    matrix = np.zeros((new, old))
    s = max(1, old / new) if antialias else 1
    for i in range(new):
        if align_corners:
            u = i * (old - 1) / max(new - 1, 1)
        else:
            u = (2 * i + 1) * old / (2 * new) - 0.5
        for j in range(-2, old + 2):
            t = (u - j) / s
            if mode == "bilinear":
                weight = max(0.0, 1 - abs(t))
            else:
                weight = float(cubic_kernel(np.array([t]), -0.5 if antialias else -0.75)[0])
            if 0 <= j < old or not antialias:
                matrix[i, min(max(j, 0), old - 1)] += weight
    return matrix / matrix.sum(axis=1)[:, None]


def resize_forward(x, *, size, mode="bilinear", antialias=False, align_corners=False):
    Y, X = x.shape[1:3]
    height, width = (size, size) if np.ndim(size) == 0 else size
    if min(height, width) < 1:
        raise ValueError("no pixels")
    how = {"mode": mode, "antialias": antialias, "align_corners": align_corners}
    rows = resize_matrix(Y, height, **how).astype(x.dtype)
    columns = resize_matrix(X, width, **how).astype(x.dtype)
    return np.einsum("iy,jx,byxc->bijc", rows, columns, x, optimize=True), ResizeCache(rows, columns)


def resize_backward(dy, cache):
    return InputGrad(np.einsum("iy,jx,bijc->byxc", cache.rows, cache.columns, dy, optimize=True))


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
    if not 0 <= num_prefix_tokens < posemb.shape[1]:
        raise ValueError("no positions")
    front, patches = np.split(posemb, [num_prefix_tokens], axis=1)
    B, N, D = patches.shape
    new = pair(new_size)
    if min(new) < 1:
        raise ValueError("no patches")
    if old_size is None:
        side = round(N**0.5)
        old = (side, side) if side**2 == N else new
    else:
        old = pair(old_size)
    if min(old) < 1 or old[0] * old[1] != N:
        raise ValueError("no such grid")
    if old == new:
        return posemb.copy()
    resized, _ = resize_forward(
        patches.reshape(B, *old, D), size=new, mode=interpolation, antialias=antialias, align_corners=align_corners
    )
    return np.hstack((front, resized.reshape(B, new[0] * new[1], D)))
