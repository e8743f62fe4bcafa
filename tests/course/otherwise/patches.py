# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def conv2d_loops(x, weight, stride=1):
    P, Q, _, O = weight.shape
    rows, columns = (x.shape[1] - P) // stride + 1, (x.shape[2] - Q) // stride + 1
    y = np.zeros((len(x), rows, columns, O), x.dtype)
    for i in range(rows):
        for j in range(columns):
            y[:, i, j] = np.tensordot(x[:, i * stride : i * stride + P, j * stride : j * stride + Q], weight, 3)
    return y


def conv2d_places(x, weight, stride=1):  # one product for each place of the kernel, not of the image
    P, Q = weight.shape[:2]
    rows, columns = x.shape[1] - P + 1, x.shape[2] - Q + 1
    shifted = (x[:, p : p + rows : stride, q : q + columns : stride] @ weight[p, q] for p in range(P) for q in range(Q))
    return sum(shifted)


def patchify_forward(x, *, patch_size):
    B, Y, X, C = x.shape
    P, Q = pair(patch_size)
    tiles = np.einsum("bypxqc->byxpqc", x.reshape(B, Y // P, P, X // Q, Q, C))
    return tiles.reshape(B, Y // P * (X // Q), P * Q * C), PatchifyCache(x.shape, (P, Q))


def patchify_backward(dy, cache):
    (B, Y, X, C), (P, Q) = cache
    tiles = dy.reshape(B, Y // P, X // Q, P, Q, C).swapaxes(2, 3)
    return InputGrad(tiles.reshape(cache.image_shape))
