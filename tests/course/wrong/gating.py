# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- it must raise a ValueError
def spatial_gating_forward(u, v, weight, bias):
    N = u.shape[-2]
    return ours.spatial_gating_forward(u, np.resize(v, u.shape), weight[:N, :N], bias[:N])


# --- with x whose last axis is too long it must raise a ValueError
def shift_channels_forward(x, *, offsets, repeat=True):
    return ours.shift_channels_forward(x, offsets=np.resize(offsets, (x.shape[-1], 2)), repeat=repeat)


# --- a loop over axis 1 of u (token)
def spatial_gating_forward(u, v, weight, bias):
    _, cache = ours.spatial_gating_forward(u, v, weight, bias)
    tokens = [(weight[:, n, None] * v).sum(-2) + bias[n] for n in range(u.shape[-2])]
    return u * np.stack(tokens, axis=-2), cache


# --- comes y in float64
def spatial_gating_forward(u, v, weight, bias):
    y, cache = ours.spatial_gating_forward(u, v, weight, bias)
    return y.astype(np.float64), cache


# --- a sigmoid is taken of the gate
def spatial_gating_forward(u, v, weight, bias):
    _, cache = ours.spatial_gating_forward(u, v, weight, bias)
    gate = np.where(cache.gate > 0, 1 / (1 + np.exp(-cache.gate)), np.exp(cache.gate) / (1 + np.exp(cache.gate)))
    return u * gate, cache


# --- you modified cache.gate in place
def spatial_gating_backward(dy, cache):
    grads = ours.spatial_gating_backward(dy, cache)
    cache.gate[...] *= dy
    return grads


# --- is assigned where a gradient is there already
def backward(self, dy, cache):
    dx = our_backward(self, dy, cache)
    self.proj.bias.grad = (dy * cache.proj.u).sum((0, 2))
    return dx


SpatialGatingUnit.backward = backward


# --- both halves are normalised
def forward(self, x, *, rng=None):
    both = x.reshape(*x.shape[:-1], 2, -1)
    h, _ = self.norm.forward(both)
    y, c_proj = self.proj.forward(h[..., 0, :].copy(), h[..., 1, :].copy())
    return y, SpatialGatingUnitCache(self.norm.forward(both[..., 1, :].copy())[1], c_proj)


SpatialGatingUnit.forward = forward


# --- a loop over axis 3 of x (channel)
def shift_channels_forward(x, *, offsets, repeat=True):
    _, cache = ours.shift_channels_forward(x, offsets=offsets, repeat=repeat)
    channels = [
        ours.shift_channels_forward(x[..., c : c + 1], offsets=offsets[c : c + 1], repeat=repeat)[0]
        for c in range(x.shape[-1])
    ]
    return np.concatenate(channels, axis=-1), cache


# --- a loop over axis 1 of x (row)
def shift_channels_backward(dy, cache):
    (_, Y, X, C), offsets, repeat = cache
    dx = np.zeros_like(dy)
    columns = (np.arange(X)[:, None] + offsets[:, 1])[None]
    for i in range(Y):
        rows = i + offsets[:, 0]
        is_there = repeat | ((rows >= 0) & (rows < Y) & (columns[0] >= 0) & (columns[0] < X))
        at = (slice(None), rows.clip(0, Y - 1), columns[0].clip(0, X - 1), np.arange(C))
        np.add.at(dx, at, dy[:, i] * is_there)
    return InputGrad(dx)


# --- beyond an edge comes what is at the other edge
def shift_channels_forward(x, *, offsets, repeat=True):
    _, Y, X, C = x.shape
    _, cache = ours.shift_channels_forward(x, offsets=offsets, repeat=repeat)
    rows, columns = np.arange(Y)[:, None] + offsets[:, 0], np.arange(X)[:, None] + offsets[:, 1]
    return x[:, (rows % Y)[:, None], (columns % X)[None], np.arange(C)], cache


# --- of the places that looked at an edge only the last is counted
def shift_channels_backward(dy, cache):
    (_, Y, X, C), offsets, repeat = cache
    if not repeat:
        return ours.shift_channels_backward(dy, cache)
    rows, columns = (
        (np.arange(n)[:, None] + steps).clip(0, n - 1) for n, steps in ((Y, offsets[:, 0]), (X, offsets[:, 1]))
    )
    dx = np.zeros_like(dy)
    dx[:, rows[:, None], columns[None], np.arange(C)] += dy
    return InputGrad(dx)


# --- each call has a layer of its own; backward gets the cache, and dy
def gate_forward(self, x, *, rng=None):
    self.seen = our_forward(self, x)
    return self.seen


def gate_backward(self, dy, cache):
    return our_backward(self, dy, self.seen[1])


SpatialGatingUnit.forward, SpatialGatingUnit.backward = gate_forward, gate_backward


# --- a reshape moves no axis: exchange tokens and channels first
def spatial_gating_backward(dy, cache):
    u, v, weight, _ = cache
    grads, dgate = ours.spatial_gating_backward(dy, cache), dy * u
    return grads._replace(weight=v.reshape(-1, len(weight)).T @ dgate.reshape(-1, len(weight)))
