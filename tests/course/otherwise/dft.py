# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def dft_loops(x):
    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    for k in range(N):
        for n in range(N):
            angle = 2 * np.pi * k * n / N
            X[k] += x[n] * (np.cos(angle) - 1j * np.sin(angle))
    return X


def dft_matrix(N):
    places = np.arange(N)
    return np.exp(-2j * np.pi * np.outer(places, places) / N)


def dft(x):
    return np.einsum("...n,kn->...k", x, dft_matrix(x.shape[-1]).astype(np.result_type(x, np.complex64)))


def fft(x):
    N = x.shape[-1]
    X = x.astype(np.result_type(x, np.complex64))
    odd_part = N
    while odd_part % 2 == 0:
        odd_part //= 2
    X = X.reshape(*x.shape[:-1], odd_part, N // odd_part)
    if odd_part > 1:
        X = np.swapaxes(dft(np.swapaxes(X, -1, -2)), -1, -2)
    while X.shape[-2] < N:  # from the bottom up, all rows at once
        even, odd = X[..., : X.shape[-1] // 2], X[..., X.shape[-1] // 2 :]
        turn = np.exp(-1j * np.pi * np.arange(X.shape[-2]) / X.shape[-2])[:, None].astype(X.dtype)
        X = np.concatenate((even + turn * odd, even - turn * odd), axis=-2)
    return X[..., 0]


def ifft(X):
    turned = fft(X)
    return np.concatenate((turned[..., :1], turned[..., :0:-1]), axis=-1) / X.shape[-1]


def rfft_forward(x, *, n=None):
    W = x.shape[-1]
    N = n or W
    y = np.zeros((*x.shape[:-1], N), x.dtype)
    y[..., :W] = x[..., :N]
    return fft(y)[..., : 1 + N // 2], RfftCache(length=W, n=N)


def rfft_backward(dy, cache):
    n, k = np.arange(cache.length), np.arange(dy.shape[-1])
    angle = 2 * np.pi / cache.n * k[:, None] * n
    dx = dy.real @ np.cos(angle).astype(dy.real.dtype) - dy.imag @ np.sin(angle).astype(dy.real.dtype)
    dx[..., cache.n :] = 0
    return InputGrad(dx)
