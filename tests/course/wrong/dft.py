# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 1 of x (frequency), each halving is a few NumPy calls: transform both halves in one call
def fft(x):
    N = x.shape[-1]
    x = x.astype(np.result_type(x, np.complex64))
    if N % 2:
        return dft(x)
    even, odd = fft(x[..., ::2]), fft(x[..., 1::2])
    odd = odd * np.exp(-2j * np.pi * np.arange(N // 2) / N).astype(x.dtype)
    return np.concatenate([even + odd, even - odd], axis=-1)


# --- a loop over axis 1 of x (frequency), each halving is a few NumPy calls: transform both halves in one call
def fft(x):
    N = x.shape[-1]
    roots = np.exp(-2j * np.pi * np.arange(N) / N).astype(np.result_type(x, np.complex64))
    return np.stack([(x * roots[k * np.arange(N) % N]).sum(-1) for k in range(N)], axis=-1)


# --- could not be broadcast together
def fft(x):
    N = x.shape[-1]
    if N == 1:
        return x.astype(np.result_type(x, np.complex64))
    halves = fft(x[..., : N // 2 * 2].reshape(*x.shape[:-1], N // 2, 2).swapaxes(-1, -2))
    odd = halves[..., 1, :] * np.exp(-2j * np.pi * np.arange((N + 1) // 2) / N)
    return np.concatenate([halves[..., 0, :] + odd, halves[..., 0, :] - odd], axis=-1)


# --- for N = 1 it returns real numbers
def fft(x):
    return x if x.shape[-1] == 1 else ours.fft(x)


# --- you modified x in place
def fft(x):
    X = x.astype(np.result_type(x, np.complex64), copy=False)
    X[...] = ours.fft(X)
    return X


# --- is right to 7 digits only: that is float32's rounding
def fft(x):
    return ours.fft(x.astype(np.float32) if x.dtype.kind == "f" else x.astype(np.complex64)).astype(
        np.result_type(x, np.complex64)
    )


# --- must be of complex64 where float32 came in
def fft(x):
    N = x.shape[-1]
    if N % 2:
        return dft(x)
    halves = fft(x.reshape(*x.shape[:-1], N // 2, 2).swapaxes(-1, -2))
    odd = halves[..., 1, :] * np.exp(-2j * np.pi * np.arange(N // 2) / N)
    return np.concatenate([halves[..., 0, :] + odd, halves[..., 0, :] - odd], axis=-1)


# --- the exponent has the other sign
def dft_loops(x):
    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    for k in range(N):
        for n in range(N):
            angle = 2 * np.pi * k * n / N
            X[k] += x[n] * (np.cos(angle) + 1j * np.sin(angle))
    return X


# --- the imaginary part is missing
def dft_loops(x):
    N = len(x)
    X = np.zeros(N, x.dtype)
    for k in range(N):
        for n in range(N):
            X[k] += (x[n] * np.exp(-2j * np.pi * k * n / N)).real
    return X


# --- y must be an array; it is None
def dft_loops(x):
    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    for k in range(N):
        for n in range(N):
            X[k] += x[n] * np.exp(-2j * np.pi * k * n / N)


# --- that is float32's rounding
def dft_matrix(N):
    return ours.dft_matrix(N).astype(np.complex64)


# --- a loop over axis 0 of x
def dft(x):
    if x.ndim == 1:
        return (dft_matrix(len(x)) @ x).astype(np.result_type(x, np.complex64))
    return np.stack([dft(row) for row in x])


# --- y is the complex conjugate of what is expected
def dft(x):
    return ours.dft(x).conj()


# --- y is turned by a quarter of a circle (times -1j)
def dft(x):
    return (-1j * ours.dft(x)).astype(np.result_type(x, np.complex64))


# --- y: real and imaginary part are exchanged
def dft(x):
    X = ours.dft(x)
    return (X.imag + 1j * X.real).astype(X.dtype)


# --- y: the real part is right, the imaginary part is wrong
def dft(x):
    X = ours.dft(x)
    return (X.real + 0.5j * X.imag).astype(X.dtype)


# --- y is of float64, real numbers; it must be complex
def dft(x):
    return np.abs(ours.dft(x)).astype(np.float64)


# --- the result must be conjugated, too
def ifft(X):
    return fft(X.conj()) / X.shape[-1]


# --- turned around, X_0 comes last
def ifft(X):
    return fft(X[..., ::-1]) / X.shape[-1]


# --- y has the right real part only
def ifft(X):
    return np.zeros(X.shape, X.real.dtype) + (fft(X.conj()).conj() / X.shape[-1]).real


# --- the signal is filled up with its own beginning
def rfft_forward(x, *, n=None):
    N = x.shape[-1] if n is None else n
    y = np.stack([np.resize(row, N) for row in x.reshape(-1, x.shape[-1])]).reshape(*x.shape[:-1], N)
    return fft(y)[..., : N // 2 + 1], RfftCache(x.shape[-1], N)


# --- the argument n is not used
def rfft_forward(x, *, n=None):
    N = x.shape[-1]
    return fft(x)[..., : N // 2 + 1], RfftCache(N, N)


# --- the last bin is missing
def rfft_forward(x, *, n=None):
    N = x.shape[-1] if n is None else n
    return np.fft.fft(x, N)[..., : N // 2], RfftCache(x.shape[-1], N)


# --- all N frequencies
def rfft_forward(x, *, n=None):
    N = x.shape[-1] if n is None else n
    return np.fft.fft(x, n), RfftCache(x.shape[-1], N)


# --- the bins between the edges count twice
def rfft_backward(dy, cache):
    W, N = cache
    dx = np.fft.irfft(dy, N) * N
    return InputGrad(np.pad(dx, [(0, 0)] * (dx.ndim - 1) + [(0, max(0, W - N))])[..., :W])


# --- for even N the last bin is N/2
def rfft_backward(dy, cache):
    W, N = cache
    half = np.where(np.arange(dy.shape[-1]) == 0, 1, 0.5).astype(dy.real.dtype)
    dx = np.fft.irfft(dy * half, N) * N
    return InputGrad(np.pad(dx, [(0, 0)] * (dx.ndim - 1) + [(0, max(0, W - N))])[..., :W])


# --- for odd N the last bin is no edge
def rfft_backward(dy, cache):
    W, N = cache
    dy = dy.copy()
    dy[..., 1:-1] /= 2
    dx = np.fft.irfft(dy, N) * N
    return InputGrad(np.pad(dx, [(0, 0)] * (dx.ndim - 1) + [(0, max(0, W - N))])[..., :W])


# --- dx has the right real part, but real numbers are expected: take .real
def rfft_backward(dy, cache):
    W, N = cache
    dx = np.fft.ifft(dy, N) * N
    return InputGrad(np.pad(dx, [(0, 0)] * (dx.ndim - 1) + [(0, max(0, W - N))])[..., :W])


# --- dx has shape
def rfft_backward(dy, cache):
    return InputGrad((np.fft.ifft(dy, cache.n) * cache.n).real)


# --- you modified dy in place
def rfft_backward(dy, cache):
    grads = ours.rfft_backward(dy, cache)
    dy[..., 1:] /= 2
    return grads


# --- a loop over axis 1 of x
def rfft_backward(dy, cache):
    W, N = cache
    k = np.arange(dy.shape[-1])
    dx = [(dy * np.exp(2j * np.pi * k * n / N).astype(dy.dtype)).real.sum(-1) for n in range(N)]
    dx += [np.zeros_like(dx[0])] * max(0, W - N)
    return InputGrad(np.stack(dx, axis=-1)[..., :W])


# --- is not linear in dy
def rfft_backward(dy, cache):
    return InputGrad(np.clip(ours.rfft_backward(dy, cache).x, -1000, 1000))


# --- where x was real, it returns real numbers
def ifft(X):
    x = ours.ifft(X)
    return x.real if np.allclose(x.imag, 0) else x
