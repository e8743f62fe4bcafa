# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- no axis is moved: a reshape alone leaves the numbers in their order
def pixel_shuffle_forward(x, *, upscale):
    B, Y, X, _ = x.shape
    return x.reshape(B, Y * upscale, X * upscale, -1), PixelShuffleCache(x.shape, upscale)


# --- channels are read in TensorFlow's order
def pixel_shuffle_forward(x, *, upscale):
    B, Y, X, D = x.shape
    r = upscale
    first = x.transpose(0, 3, 1, 2).reshape(B, r, r, D // r**2, Y, X).transpose(0, 3, 4, 1, 5, 2)
    y = first.reshape(B, D // r**2, Y * r, X * r).transpose(0, 2, 3, 1)
    return y, PixelShuffleCache(x.shape, r)


# --- its axes stand in another order
def pixel_shuffle_forward(x, *, upscale):
    y, cache = ours.pixel_shuffle_forward(x, upscale=upscale)
    return y.transpose(0, 3, 1, 2), cache


# --- a loop over axis 1 of x (row)
def pixel_shuffle_forward(x, *, upscale):
    _, cache = ours.pixel_shuffle_forward(x, upscale=upscale)
    rows = [ours.pixel_shuffle_forward(x[:, i : i + 1], upscale=upscale)[0] for i in range(x.shape[1])]
    return np.concatenate(rows, axis=1), cache


# --- the steps of the forward are taken once more
def pixel_shuffle_backward(dy, cache):
    (B, Y, X, D), r = cache
    parts = dy.reshape(B, Y, X, D // r**2, r, r).transpose(0, 1, 4, 2, 5, 3)
    return InputGrad(parts.reshape(B, Y, X, D))


# --- cannot reshape array
def pixel_shuffle_forward(x, *, upscale):
    B, Y, _, D = x.shape
    r = upscale
    y = x.reshape(B, Y, Y, D // r**2, r, r).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(B, r * Y, r * Y, -1), PixelShuffleCache(x.shape, r)


# --- a pixel is the mean of the channels of its place
def pixel_shuffle_forward(x, *, upscale):
    _, cache = ours.pixel_shuffle_forward(x, upscale=upscale)
    means = x.reshape(*x.shape[:3], -1, upscale**2).mean(-1)
    return means.repeat(upscale, 1).repeat(upscale, 2), cache


# --- the pixels of a place lie far apart
def pixel_shuffle_loops(x, upscale):
    B, Y, X, D = x.shape
    y = np.empty((B, Y * upscale, X * upscale, D // upscale**2), x.dtype)
    for row in range(Y * upscale):
        for column in range(X * upscale):
            p, i = row // Y, row % Y
            q, j = column // X, column % X
            for c in range(D // upscale**2):
                y[:, row, column, c] = x[:, i, j, c * upscale**2 + p * upscale + q]
    return y


# --- back, channels are read in TensorFlow's order
def pixel_shuffle_backward(dy, cache):
    (B, Y, X, D), r = cache
    return InputGrad(dy.reshape(B, Y, r, X, r, -1).transpose(0, 1, 3, 2, 4, 5).reshape(B, Y, X, D))


# --- whole maps are laid side by side
def upsample_nearest_forward(x, *, scale=2):
    r, s = pair(scale)
    y = np.concatenate([np.concatenate([x] * r, axis=1)] * s, axis=2)
    return y, UpsampleNearestCache(x.shape, (r, s))


# --- the new pixels are 0
def upsample_nearest_forward(x, *, scale=2):
    (r, s), (B, Y, X, C) = pair(scale), x.shape
    y = np.zeros((B, Y * r, X * s, C))
    y[:, ::r, ::s] = x
    return y, UpsampleNearestCache(x.shape, (r, s))


# --- a pixel gets the mean of its block
def upsample_nearest_backward(dy, cache):
    r, s = cache.scale
    return InputGrad(sum(dy[:, p::r, q::s] for p in range(r) for q in range(s)) / (r * s))


# --- that of the first place of its block alone
def upsample_nearest_backward(dy, cache):
    r, s = cache.scale
    return InputGrad(dy[:, ::r, ::s].copy())


# --- eps is added to the distance, whose kink stays
def charbonnier_forward(x, target, *, eps=1e-3):
    difference = x - target
    root = np.abs(difference) + eps
    return root.mean(), CharbonnierCache(difference, root)


# --- under the root stands eps, not its square
def charbonnier_forward(x, target, *, eps=1e-3):
    difference = x - target
    root = np.sqrt(difference**2 + eps)
    return root.mean(), CharbonnierCache(difference, root)


# --- that is the slope of the distance, 1 or -1 however near
def charbonnier_backward(dy, cache):
    return InputGrad(dy * np.sign(cache.difference) / cache.root.size)


# --- the root is missing: the farther away, the larger
def charbonnier_backward(dy, cache):
    return InputGrad(cache.difference * dy / cache.root.size)


# --- with arrays that are views: their numbers stand in memory by columns
def upsample_nearest_forward(x, *, scale=2):
    _, c = ours.upsample_nearest_forward(x, scale=scale)
    r, s = c.scale if hasattr(c, "scale") else c[1]
    return x.ravel(order="K").reshape(x.shape).repeat(r, 1).repeat(s, 2), c


# --- or never written (np.empty holds what was in that memory before)
def pixel_shuffle_forward(x, *, upscale):
    y, cache = ours.pixel_shuffle_forward(x, upscale=upscale)
    part = np.random.default_rng().standard_normal(y.shape).astype(y.dtype)  # as memory that holds anything
    part[:1] = y[:1]
    return part, cache
