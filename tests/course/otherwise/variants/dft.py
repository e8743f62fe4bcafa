# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces.
# --- dft_loops by a power of the first root of 1
def dft_loops(x):
    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    root = np.exp(-2j * np.pi / N)
    for k in range(N):
        for n in range(N):
            X[k] = X[k] + root ** (k * n) * x[n]
    return X


# --- dft_loops with Python's own complex numbers
def dft_loops(x):
    import cmath

    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    for k in range(N):
        total = 0j
        for n in range(N):
            total += complex(x[n]) * cmath.exp(-2j * cmath.pi * k * n / N)
        X[k] = total
    return X


# --- dft_loops with n outside
def dft_loops(x):
    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    for n in range(N):
        for k in range(N):
            X[k] += x[n] * np.exp(-1j * (2 * np.pi * n / N) * k)
    return X


# --- dft_loops with a list
def dft_loops(x):
    N = len(x)
    X = [sum(x[n] * np.exp(-2j * np.pi * k * n / N) for n in range(N)) for k in range(N)]
    return np.array(X, np.result_type(x, np.complex64))


# --- dft_matrix by powers, row by row
def dft_matrix(N):
    return np.exp(-2j * np.pi * np.arange(N) / N)[None, :] ** np.arange(N)[:, None]


# --- dft_matrix by np.vander
def dft_matrix(N):
    return np.vander(np.exp(-2j * np.pi * np.arange(N) / N), increasing=True)


# --- dft_matrix with cosines and sines
def dft_matrix(N):
    n, k = np.meshgrid(np.arange(N), np.arange(N))
    return np.cos(2 * np.pi * k * n / N) - 1j * np.sin(2 * np.pi * k * n / N)


# --- dft_matrix with a loop over its rows
def dft_matrix(N):
    return np.array([np.exp(-2j * np.pi * k * np.arange(N) / N) for k in range(N)])


# --- dft_matrix entry by entry
def dft_matrix(N):
    F = np.zeros((N, N), complex)
    for k in range(N):
        for n in range(N):
            F[k, n] = np.exp(-2j * np.pi * k * n / N)
    return F


# --- dft with the matrix on the left
def dft(x):
    F = dft_matrix(x.shape[-1]).astype(np.result_type(x.dtype, np.complex64))
    return (F @ x[..., None])[..., 0]


# --- dft by tensordot
def dft(x):
    F = dft_matrix(x.shape[-1])
    return np.tensordot(x, F, axes=(-1, 1)).astype(np.result_type(x, np.complex64))


# --- dft by a sum of products
def dft(x):
    F = dft_matrix(x.shape[-1])
    return (
        (x[..., None, :] * F)
        .sum(-1)
        .astype(np.complex64 if x.dtype.itemsize * (1 + (x.dtype.kind == "f")) == 8 else complex)
    )


# --- dft of rows, with the matrix made anew
def dft(x):
    N = x.shape[-1]
    if not 0 < N <= 2**13:
        raise ValueError("too many")
    n = np.arange(N)
    F = np.exp(-2j * np.pi * n[:, None] * n / N)
    return (x.reshape(-1, N) @ F).reshape(x.shape).astype(np.result_type(x, np.complex64))


# --- fft that stops at small matrices
def fft(x):
    N = x.shape[-1]
    if N % 2 or N <= 16:
        return dft(x)
    pairs = x.reshape(*x.shape[:-1], N // 2, 2)
    both = fft(np.moveaxis(pairs, -1, 0))
    turned = both[1] * np.exp(-2j * np.pi * np.arange(N // 2) / N).astype(both.dtype)
    return np.concatenate((both[0] + turned, both[0] - turned), axis=-1)


# --- fft with both halves stacked
def fft(x):
    N = x.shape[-1]
    if N == 1:
        return x.astype(np.result_type(x, np.complex64))
    if N % 2 == 1:
        return dft(x)
    even, odd = fft(np.stack([x[..., ::2], x[..., 1::2]]))
    w = np.exp(-2j * np.pi / N * np.arange(N)).astype(odd.dtype)
    return np.tile(even, 2) + w * np.tile(odd, 2)


# --- fft that halves the frequencies (decimation in frequency)
def fft(x):
    N = x.shape[-1]
    x = x.astype(np.result_type(x, np.complex64))
    if N % 2:
        return dft(x) if N > 1 else x
    first, second = x[..., : N // 2], x[..., N // 2 :]
    turn = np.exp(-2j * np.pi * np.arange(N // 2) / N).astype(x.dtype)
    both = fft(np.stack((first + second, (first - second) * turn), axis=-2))
    return both.swapaxes(-1, -2).reshape(x.shape)


# --- fft in place from the bottom up, bits reversed
def fft(x):
    N = x.shape[-1]
    x = x.astype(np.result_type(x, np.complex64))
    if N & (N - 1):
        half = x.reshape(*x.shape[:-1], -1, 2).swapaxes(-1, -2) if N % 2 == 0 else None
        if half is None:
            return dft(x)
        half = fft(half)
        odd = half[..., 1, :] * np.exp(-2j * np.pi * np.arange(N // 2) / N).astype(x.dtype)
        return np.concatenate([half[..., 0, :] + odd, half[..., 0, :] - odd], -1)
    bits = N.bit_length() - 1
    order = np.zeros(N, int)
    for b in range(bits):
        order |= ((np.arange(N) >> b) & 1) << (bits - 1 - b)
    X, size = x[..., order], 1
    while size < N:
        pairs = X.reshape(*X.shape[:-1], N // (2 * size), 2, size)
        odd = pairs[..., 1, :] * np.exp(-1j * np.pi * np.arange(size) / size).astype(X.dtype)
        X = np.concatenate((pairs[..., 0, :] + odd, pairs[..., 0, :] - odd), -1).reshape(X.shape)
        size *= 2
    return X


# --- ifft with real and imaginary part exchanged before and after
def ifft(X):
    turned = fft(X.imag + 1j * X.real)
    return (turned.imag + 1j * turned.real) / X.shape[-1]


# --- ifft by an index
def ifft(X):
    N = X.shape[-1]
    return fft(X)[..., -np.arange(N) % N] / N


# --- ifft by rolling
def ifft(X):
    return np.roll(fft(X)[..., ::-1], 1, axis=-1) / X.shape[-1]


# --- rfft_forward by numpy
def rfft_forward(x, *, n=None):
    return np.fft.rfft(x, n), RfftCache(x.shape[-1], x.shape[-1] if n is None else n)


# --- rfft_forward by dft, cache by position, zeros by np.pad
def rfft_forward(x, *, n=None):
    W = x.shape[-1]
    N = W if n is None else n
    x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, N - W)]) if N > W else x[..., :N]
    return dft(x)[..., : N // 2 + 1], RfftCache(W, N)


# --- rfft_forward with cosines and sines
def rfft_forward(x, *, n=None):
    W = x.shape[-1]
    N = n if n is not None else W
    used = x[..., : min(W, N)]
    angle = 2 * np.pi * np.outer(np.arange(used.shape[-1]), np.arange(N // 2 + 1)) / N
    X = used @ np.cos(angle).astype(x.dtype) - 1j * (used @ np.sin(angle).astype(x.dtype))
    return X, RfftCache(W, N)


# --- a pair with a cache of its own
def rfft_forward(x, *, n=None):
    N = n or x.shape[-1]
    return np.fft.rfft(x, N), {"shape": x.shape, "N": N}


def rfft_backward(dy, cache):
    full = np.zeros((*dy.shape[:-1], cache["N"]), dy.dtype)
    full[..., : dy.shape[-1]] = dy
    wave = np.fft.fft(full.conj()).real
    dx = np.zeros(cache["shape"], wave.dtype)
    W = min(dx.shape[-1], cache["N"])
    dx[..., :W] = wave[..., :W]
    return InputGrad(dx)


# --- rfft_backward by irfft, bins halved between the edges
def rfft_backward(dy, cache):
    W, N = cache
    dy = dy.copy()
    dy[..., 1 : (N + 1) // 2] /= 2
    dx = N * np.fft.irfft(dy, N)
    if W > N:
        dx = np.concatenate((dx, np.zeros((*dx.shape[:-1], W - N), dx.dtype)), axis=-1)
    return InputGrad(dx[..., :W])


# --- rfft_backward by ifft with n, which puts zeros behind
def rfft_backward(dy, cache):
    dx = np.fft.ifft(dy, cache.n, norm="forward").real
    return InputGrad(np.pad(dx, [(0, 0)] * (dx.ndim - 1) + [(0, max(0, cache.length - cache.n))])[..., : cache.length])


# --- rfft_backward by the conjugate matrix, as a tuple
def rfft_backward(dy, cache):
    W, N = cache
    F = dft_matrix(N)[: dy.shape[-1]]
    dx = (dy @ F.conj().astype(dy.dtype)).real[..., :W]
    return (np.concatenate([dx, np.zeros((*dx.shape[:-1], max(W - N, 0)), dx.dtype)], axis=-1),)
