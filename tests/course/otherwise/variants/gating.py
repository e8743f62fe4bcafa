# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- a channel is a row, and a cache of one's own
def spatial_gating_forward(u, v, weight, bias):
    if v.shape != u.shape or weight.shape[0] != u.shape[-2]:
        raise ValueError("these do not fit")
    gate = (v.mT @ weight + bias).mT
    return u * gate, {"factors": (u, gate), "v": v, "W": weight}


def spatial_gating_backward(dy, cache):
    u, gate = cache["factors"]
    rows, drows = (a.mT.reshape(-1, a.shape[-2]) for a in (cache["v"], dy * u))
    dv = (drows @ cache["W"].T).reshape(dy.mT.shape).mT
    return {"du": dy * gate, "dv": dv, "dweight": rows.T @ drows, "dbias": drows.sum(0)}


# --- the gate is computed again, and gradients summed over what stands in front
def spatial_gating_forward(u, v, weight, bias):
    if v.shape != u.shape or weight.shape[0] != u.shape[-2]:
        raise ValueError("these do not fit")
    return u * (np.swapaxes(weight, 0, 1) @ v + bias.reshape(-1, 1)), [u, v, weight, bias]


def spatial_gating_backward(dy, cache):
    u, v, weight, bias = cache
    dgate = np.multiply(dy, u)
    dweight, dbias = v @ np.swapaxes(dgate, -1, -2), dgate.sum(axis=-1)
    in_front = tuple(range(dy.ndim - 2))
    gate = np.matmul(weight.T, v) + bias[:, None]
    return dy * gate, np.matmul(weight, dgate), dweight.sum(axis=in_front), dbias.sum(axis=in_front)


# --- W gets its gradient by tensordot
def spatial_gating_backward(dy, cache):
    u, v, weight, gate = cache
    dgate = dy * u
    others = [*range(dy.ndim - 2), dy.ndim - 1]
    dweight = np.tensordot(v, dgate, axes=(others, others))
    return SpatialGatingGrads(gate * dy, weight @ dgate, dweight, np.add.reduce(dgate, axis=tuple(others)))


# --- slices of the halves, and a tuple for a cache
def forward(self, x, *, rng=None):
    D = x.shape[-1] // 2
    v, *c_norm = self.norm.forward(x[..., -D:].copy())
    y, *c_proj = self.proj.forward(x[..., :D].copy(), v, rng=rng)
    return y, (*c_norm, *c_proj)


def backward(self, dy, cache):
    c_norm, c_proj = cache
    du, dv = self.proj.backward(dy, c_proj)
    return np.dstack((du, self.norm.backward(dv, c_norm)))


SpatialGatingUnit.forward, SpatialGatingUnit.backward = forward, backward


# --- the gate without its layer
def forward(self, x, *, rng=None):
    u, v = np.array_split(x, 2, axis=2)
    v, c_norm = self.norm.forward(v)
    y, c_proj = spatial_gating_forward(u, v, self.proj.weight.value, self.proj.bias.value)
    return y, SpatialGatingUnitCache(c_norm, c_proj)


def backward(self, dy, cache):
    c = cache.proj
    dgate = dy * c.u
    self.proj.weight.grad += np.einsum("bmd,bnd->mn", c.v, dgate)
    self.proj.bias.add_grad(dgate.sum((0, 2)))
    return np.concatenate((dy * c.gate, self.norm.backward(c.weight @ dgate, cache.norm)), axis=2)


SpatialGatingUnit.forward, SpatialGatingUnit.backward = forward, backward


# --- a padded copy, and slices of it for each offset; backward puts them back, and the padding folds to the edge
def padded_side(offsets):
    return int(np.abs(offsets).max(initial=0))


def shift_channels_forward(x, *, offsets, repeat=True):
    _, Y, X, C = x.shape
    if len(offsets) != C or offsets.shape[1] != 2:
        raise ValueError("one offset for each channel")
    s = padded_side(offsets)
    padded = np.pad(x, ((0, 0), (s, s), (s, s), (0, 0)), mode="edge" if repeat else "constant")
    y = np.empty_like(x)
    for down, right in np.unique(offsets, axis=0).tolist():
        these = (offsets == (down, right)).all(axis=1)
        y[..., these] = padded[:, s + down : s + down + Y, s + right : s + right + X, these]
    return y, ShiftChannelsCache(x.shape, offsets, repeat)


def shift_channels_backward(dy, cache):
    (B, Y, X, C), offsets, repeat = cache
    s = padded_side(offsets)
    padded = np.zeros((B, Y + 2 * s, X + 2 * s, C), dy.dtype)
    for down, right in np.unique(offsets, axis=0).tolist():
        these = (offsets == (down, right)).all(axis=1)
        padded[:, s + down : s + down + Y, s + right : s + right + X, these] = dy[..., these]
    if repeat and s:
        padded[:, s] += padded[:, :s].sum(1)
        padded[:, s + Y - 1] += padded[:, s + Y :].sum(1)
        padded[:, :, s] += padded[:, :, :s].sum(2)
        padded[:, :, s + X - 1] += padded[:, :, s + X :].sum(2)
    return InputGrad(padded[:, s : s + Y, s : s + X])


# --- each shift is a matrix of zeros and ones
def looking(n, steps, repeat):
    """Of each step a matrix (to, from)."""
    at = np.arange(n) + steps[:, None]
    at = at.clip(0, n - 1) if repeat else at
    return at[..., None] == np.arange(n)


def shift_channels_forward(x, *, offsets, repeat=True):
    if offsets.shape != (x.shape[-1], 2):
        raise ValueError("one offset for each channel")
    rows = looking(x.shape[1], offsets[:, 0], repeat).astype(x.dtype)
    columns = looking(x.shape[2], offsets[:, 1], repeat).astype(x.dtype)
    y = rows @ x.transpose(0, 3, 1, 2) @ columns.mT
    return y.transpose(0, 2, 3, 1), (rows, columns)


def shift_channels_backward(dy, cache):
    rows, columns = cache
    return ((rows.mT @ dy.transpose(0, 3, 1, 2) @ columns).transpose(0, 2, 3, 1),)


# --- columns first, and back with np.add.at along one axis after the other
def by_axis(offsets, length, axis):
    """Of each step along this axis the channels that take it, and where places look."""
    for step in np.unique(offsets[:, axis]).tolist():
        yield np.flatnonzero(offsets[:, axis] == step), np.arange(length) + step


def shift_channels_forward(x, *, offsets, repeat=True):
    if offsets.shape != (x.shape[-1], 2):
        raise ValueError("one offset for each channel")
    y = x
    for axis in (2, 1):
        n, out = x.shape[axis], np.empty_like(x)
        for channels, at in by_axis(offsets, n, axis - 1):
            part = np.take(y[..., channels], at, axis, mode="clip")
            beyond = np.expand_dims((at < 0) | (at >= n), tuple(i for i in range(4) if i != axis))
            out[..., channels] = part if repeat else np.where(beyond, part.dtype.type(0), part)
        y = out
    return y, {"offsets": offsets, "repeat": repeat}


def shift_channels_backward(dy, cache):
    offsets, dx = cache["offsets"], dy
    for axis in (1, 2):
        n, out = dy.shape[axis], np.zeros_like(dy)
        for channels, at in by_axis(offsets, n, axis - 1):
            part = np.zeros_like(dx[..., channels])
            counts = np.ones(n, bool) if cache["repeat"] else (at >= 0) & (at < n)
            sent = np.moveaxis(dx[..., channels], axis, 0)[counts]
            np.add.at(np.moveaxis(part, axis, 0), at[counts].clip(0, n - 1), sent)
            out[..., channels] = part
        dx = out
    return {"x": dx}
