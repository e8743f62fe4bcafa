# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- sums in Python
def conv2d_loops(x, weight, stride=1):
    (B, Y, X, _), (P, Q, _, O) = x.shape, weight.shape
    y = np.zeros((B, (Y - P) // stride + 1, (X - Q) // stride + 1, O), x.dtype)
    for b, i, j, o in np.ndindex(*y.shape):
        for p in range(P):
            for q in range(Q):
                y[b, i, j, o] += x[b, i * stride + p, j * stride + q] @ weight[p, q, :, o]
    return y


# --- tensordot at each place
def conv2d_places(x, weight, stride=1):
    P, Q = weight.shape[:2]
    rows = range(0, x.shape[1] - P + 1, stride)
    columns = range(0, x.shape[2] - Q + 1, stride)
    return np.stack(
        [np.stack([np.tensordot(x[:, i : i + P, j : j + Q], weight, 3) for j in columns], 1) for i in rows], 1
    )


# --- sliding windows
def conv2d_places(x, weight, stride=1):
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[:2], (1, 2))[:, ::stride, ::stride]
    return np.einsum("bijcpq,pqco->bijo", windows, weight)


# --- patches by einsum
def patchify_forward(x, *, patch_size):
    P, Q = pair(patch_size)
    B, Y, X, C = x.shape
    if Y % P or X % Q:
        raise ValueError("the patches do not divide the image")
    y = np.einsum("bipjqc->bijpqc", x.reshape(B, Y // P, P, X // Q, Q, C))
    return y.reshape(B, -1, P * Q * C), PatchifyCache([B, Y, X, C], [P, Q])


def patchify_backward(dy, cache):
    (B, Y, X, C), (P, Q) = cache
    return InputGrad(dy.reshape(B, Y // P, X // Q, P, Q, C).swapaxes(2, 3).reshape(cache.image_shape))


# --- patches by windows
def patchify_forward(x, *, patch_size):
    P, Q = pair(patch_size)
    B, Y, X, C = x.shape
    if Y % P or X % Q:
        raise ValueError("the patches do not divide the image")
    windows = np.lib.stride_tricks.sliding_window_view(x, (P, Q), (1, 2))[:, ::P, ::Q]
    return np.moveaxis(windows, 3, -1).reshape(B, -1, P * Q * C), PatchifyCache(np.array(x.shape), (P, Q))


def patchify_backward(dy, cache):
    (B, Y, X, C), (P, Q) = cache
    return InputGrad(np.einsum("bijpqc->bipjqc", dy.reshape(B, Y // P, X // Q, P, Q, C)).reshape(cache.image_shape))


# --- a cache of its own
def patchify_forward(x, *, patch_size):
    P, Q = pair(patch_size)
    B, Y, X, C = x.shape
    tiles = x.reshape(B, Y // P, P, X // Q, Q, C).swapaxes(2, 3)
    return tiles.reshape(B, -1, P * Q * C), tiles.shape


def patchify_backward(dy, cache):
    B, rows, columns, P, Q, C = cache
    return InputGrad(dy.reshape(cache).swapaxes(2, 3).reshape(B, rows * P, columns * Q, C))


# --- gradients by place
def patchify_backward(dy, cache):
    (B, Y, X, C), (P, Q) = cache
    dx = np.zeros(cache.image_shape, dy.dtype)
    dx.reshape(B, Y // P, P, X // Q, Q, C)[...] = dy.reshape(B, Y // P, X // Q, P, Q, C).transpose(0, 1, 3, 2, 4, 5)
    return (dx,)


# --- a layer with a tuple for a cache
def forward(self, x, *, rng=None):
    h, c_patches = patchify_forward(x, patch_size=self.patch_size)
    h, c_proj = self.proj.forward(h)
    return h, (c_patches, c_proj)


def backward(self, dy, cache):
    return patchify_backward(self.proj.backward(dy, cache[1]), cache[0])[0]


PatchEmbed.forward, PatchEmbed.backward = forward, backward


# --- a layer as a product
def forward(self, x, *, rng=None):
    h, c_patches = patchify_forward(x, patch_size=self.patch_size)
    matrix = self.proj.weight.value.reshape(-1, self.proj.weight.shape[-1])
    y = h @ matrix + self.proj.bias.value
    return y, PatchEmbedCache(c_patches, self.proj.forward(h)[1])


PatchEmbed.forward = forward
