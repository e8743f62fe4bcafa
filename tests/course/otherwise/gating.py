# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def spatial_gating_forward(u, v, weight, bias):
    if u.shape != v.shape or weight.shape != (u.shape[-2], u.shape[-2]):
        raise ValueError("these do not fit")
    gate = np.einsum("mn,...md->...nd", weight, v) + bias[:, None]
    return gate * u, SpatialGatingCache(u, v, weight, gate)


def spatial_gating_backward(dy, cache):
    dgate = cache.u * dy
    samples = (-1, *dy.shape[-2:])
    return SpatialGatingGrads(
        u=cache.gate * dy,
        v=np.einsum("mn,...nd->...md", cache.weight, dgate),
        weight=np.einsum("bmd,bnd->mn", cache.v.reshape(samples), dgate.reshape(samples)),
        bias=np.einsum("bnd->n", dgate.reshape(samples)),
    )


def forward(self, x, *, rng=None):
    D = x.shape[2] // 2
    v, c_norm = self.norm.forward(x[:, :, D:])
    y, c_proj = self.proj.forward(x[:, :, :D], v)
    return y, SpatialGatingUnitCache(c_norm, c_proj)


def backward(self, dy, cache):
    dx = np.empty((*dy.shape[:2], 2 * dy.shape[2]), dy.dtype)
    dx[:, :, : dy.shape[2]], dv = self.proj.backward(dy, cache.proj)
    dx[:, :, dy.shape[2] :] = self.norm.backward(dv, cache.norm)
    return dx


SpatialGatingUnit.forward, SpatialGatingUnit.backward = forward, backward


def where_each_looks(shape, offsets):
    """Rows (Y, 1, C) and columns (1, X, C) at which the places look, and which of them are on the map."""
    _, Y, X, _ = shape
    rows = np.arange(Y)[:, None, None] + offsets[:, 0]
    columns = np.arange(X)[:, None] + offsets[:, 1]
    is_there = (rows >= 0) & (rows < Y) & (columns >= 0) & (columns < X)
    return rows.clip(0, Y - 1), columns.clip(0, X - 1), is_there


def shift_channels_forward(x, *, offsets, repeat=True):
    if offsets.shape != (x.shape[3], 2):
        raise ValueError("one offset for each channel")
    rows, columns, is_there = where_each_looks(x.shape, offsets)
    y = x[:, rows, columns, np.arange(x.shape[3])]
    if not repeat:
        y = y * is_there
    return y, ShiftChannelsCache(x.shape, offsets, repeat)


def shift_channels_backward(dy, cache):
    rows, columns, is_there = where_each_looks(cache.shape, cache.offsets)
    dx = np.zeros_like(dy)
    sent = dy if cache.repeat else np.where(is_there, dy, dy.dtype.type(0))
    np.add.at(dx, (slice(None), rows, columns, np.arange(dy.shape[3])), sent)
    return InputGrad(dx)
