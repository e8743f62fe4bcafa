# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def channel_mixing_conv(x, weight1, bias1, weight2, bias2):
    h, _ = gelu_forward(x @ weight1 + bias1)
    return conv2d_forward(h, weight2.reshape(1, 1, *weight2.shape), bias2)[0]


def token_mixing_conv(x, weight1, bias1, weight2, bias2):
    B, Y, X, D = x.shape
    channels = np.moveaxis(x, 3, 1).reshape(B * D, Y, X, 1)  # a channel is an image, and all images share a kernel
    h, _ = conv2d_forward(channels, weight1.reshape(Y, X, 1, len(bias1)), bias1)
    y, _ = conv2d_forward(gelu_forward(h)[0], weight2[None, None], bias2)
    return np.moveaxis(y.reshape(B, D, Y, X), 1, 3)


class MixerBlock(MixerBlock):
    def branch(self, x, norm, mlp, drop_path, rng, axes):
        """Give x + h, with the caches of the three steps of h."""
        h, c_norm = norm.forward(x)
        h, c_mlp = mlp.forward(h.transpose(axes), rng=rng)
        h, c_drop = drop_path.forward(h.transpose(axes), rng=rng)
        return h + x, (c_norm, c_mlp, c_drop)

    def forward(self, x, *, rng=None):
        x, first = self.branch(x, self.norm1, self.mlp_tokens, self.drop_path1, rng, (0, 2, 1))
        x, second = self.branch(x, self.norm2, self.mlp_channels, self.drop_path2, rng, (0, 1, 2))
        return x, MixerBlockCache(*first, *second)

    def backward(self, dy, cache):
        for number, mlp, axes in ((2, "mlp_channels", (0, 1, 2)), (1, "mlp_tokens", (0, 2, 1))):
            dh = getattr(self, f"drop_path{number}").backward(dy, getattr(cache, f"drop_path{number}"))
            dh = getattr(self, mlp).backward(dh.transpose(axes), getattr(cache, mlp)).transpose(axes)
            dy = dy + getattr(self, f"norm{number}").backward(dh, getattr(cache, f"norm{number}"))
        return dy
