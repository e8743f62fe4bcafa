# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def prepend_token_forward(x, token=None):
    if token is None:
        return x.copy(), PrependTokenCache(0)
    B, N, D = x.shape
    y = np.empty((B, N + 1, D), x.dtype)
    y[:, :1], y[:, 1:] = token, x
    return y, PrependTokenCache(1)


def prepend_token_backward(dy, cache):
    if cache.num_tokens:
        return PrependTokenGrads(dy[:, 1:].copy(), dy[:, 0].sum(0)[None, None])
    return PrependTokenGrads(dy.copy(), None)


def add_positions_forward(x, positions):
    if positions.shape[-2:] != x.shape[1:] or positions.size != x[0].size:
        raise ValueError("the table does not fit")
    return np.add(positions, x), AddPositionsCache(positions.shape)


def add_positions_backward(dy, cache):
    return AddPositionsGrads(dy, np.einsum("bnd->nd", dy).reshape(cache.positions_shape))


def first_token_forward(x):
    if x.shape[1] == 0:
        raise ValueError("there are no tokens")
    return np.take(x, 0, axis=1), FirstTokenCache(x.shape)


def first_token_backward(dy, cache):
    N = cache.x_shape[1]
    return InputGrad(np.pad(dy[:, None], ((0, 0), (0, N - 1), (0, 0))))


def mean_pool_forward(x, *, num_prefix_tokens=0):
    if not 0 <= num_prefix_tokens < x.shape[1]:
        raise ValueError("there are no tokens to take a mean of")
    return x[:, num_prefix_tokens:].mean(axis=1), MeanPoolCache(x.shape, num_prefix_tokens)


def mean_pool_backward(dy, cache):
    N = cache.x_shape[1]
    share = (np.arange(N) >= cache.num_prefix_tokens) / dy.dtype.type(N - cache.num_prefix_tokens)
    return InputGrad(share[:, None].astype(dy.dtype) * dy[:, None])
