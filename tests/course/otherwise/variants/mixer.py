# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- the convolutions as products
def channel_mixing_conv(x, weight1, bias1, weight2, bias2):
    return gelu_forward(x @ weight1 + bias1)[0] @ weight2 + bias2


def token_mixing_conv(x, weight1, bias1, weight2, bias2):
    B, Y, X, D = x.shape
    rows = x.reshape(B, Y * X, D).swapaxes(1, 2)
    h = gelu_forward(np.einsum("bdn,nf->bdf", rows, weight1) + bias1)[0]
    return (np.einsum("bdf,fn->bnd", h, weight2) + bias2[:, None]).reshape(B, Y, X, D)


# --- every kernel repeated by broadcasting
def token_mixing_conv(x, weight1, bias1, weight2, bias2):
    B, Y, X, D = x.shape
    N, F = weight1.shape
    first = np.broadcast_to(weight1.reshape(Y, X, 1, 1, F), (Y, X, 1, D, F)).reshape(Y, X, 1, D * F)
    h, _ = conv2d_forward(x, first, np.broadcast_to(bias1, (D, F)).reshape(-1), groups=D)
    second = np.broadcast_to(weight2[None, None, :, None], (1, 1, F, D, N)).reshape(1, 1, F, D * N)
    y, _ = conv2d_forward(gelu_forward(h)[0], second, np.concatenate([bias2] * D), groups=D)
    return np.moveaxis(y.reshape(B, D, N), 1, 2).reshape(x.shape)


# --- the bias behind the convolution, and one group for all channels
def token_mixing_conv(x, weight1, bias1, weight2, bias2):
    B, Y, X, D = x.shape
    one_by_one = x.reshape(B, Y * X, 1, D).transpose(0, 3, 2, 1)  # (B, D, 1, N): tokens are channels
    h, _ = conv2d_forward(one_by_one, weight1[None, None])
    y, _ = conv2d_forward(gelu_forward(h + bias1)[0], weight2[None, None])
    return (y + bias2).transpose(0, 3, 2, 1).reshape(x.shape)


# --- swapped with swapaxes, einsum and transpose, and no copies
def forward(self, x, *, rng=None):
    h1, c1 = self.norm1.forward(x)
    h2, c2 = self.mlp_tokens.forward(h1.swapaxes(1, 2), rng=rng)
    h3, c3 = self.drop_path1.forward(np.einsum("bdn->bnd", h2), rng=rng)
    u = np.add(x, h3)
    h4, c4 = self.norm2.forward(u)
    h5, c5 = self.mlp_channels.forward(h4, rng=rng)
    h6, c6 = self.drop_path2.forward(h5, rng=rng)
    return u + h6, MixerBlockCache(c1, c2, c3, c4, c5, c6)


def backward(self, dy, cache):
    c1, c2, c3, c4, c5, c6 = cache
    du = dy + self.norm2.backward(self.mlp_channels.backward(self.drop_path2.backward(dy, c6), c5), c4)
    dh = self.drop_path1.backward(du, c3).transpose(0, 2, 1)
    return du + self.norm1.backward(np.moveaxis(self.mlp_tokens.backward(dh, c2), 1, 2), c1)


MixerBlock.forward, MixerBlock.backward = forward, backward


# --- stochastic depth while the axes are still swapped, and a dict for a cache
def forward(self, x, *, rng=None):
    c = {}
    h, c["norm1"] = self.norm1.forward(x)
    h, c["tokens"] = self.mlp_tokens.forward(h.mT, rng=rng)
    h, c["drop1"] = self.drop_path1.forward(h, rng=rng)
    x = x + h.mT
    h, c["norm2"] = self.norm2.forward(x)
    h, c["channels"] = self.mlp_channels.forward(h, rng=rng)
    h, c["drop2"] = self.drop_path2.forward(h, rng=rng)
    return x + h, c


def backward(self, dy, c):
    dh = self.drop_path2.backward(dy, c["drop2"])
    dx = self.norm2.backward(self.mlp_channels.backward(dh, c["channels"]), c["norm2"]) + dy
    dh = self.mlp_tokens.backward(self.drop_path1.backward(dx.mT, c["drop1"]), c["tokens"])
    return self.norm1.backward(dh.mT, c["norm1"]) + dx


MixerBlock.forward, MixerBlock.backward = forward, backward
