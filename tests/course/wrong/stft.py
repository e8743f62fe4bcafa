# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- with window='no_such_name' it must raise a ValueError
def get_window(window, Nx, *, fftbins=True):
    return ours.get_window(window if not isinstance(window, str) or window in COSINES else "hann", Nx, fftbins=fftbins)


# --- it must raise a ValueError, as its docstring promises
def get_window(window, Nx, *, fftbins=True):
    return window if isinstance(window, np.ndarray) else ours.get_window(window, Nx, fftbins=fftbins)


# --- that is float32's rounding
def get_window(window, Nx, *, fftbins=True):
    w = ours.get_window(window, Nx, fftbins=fftbins)
    return w if isinstance(window, np.ndarray) else w.astype(np.float32)


# --- y has nan in 1 places
def get_window(window, Nx, *, fftbins=True):
    if isinstance(window, np.ndarray) or window != "povey":
        return ours.get_window(window, Nx, fftbins=fftbins)
    n = np.arange(Nx)
    w = 0.5 - 0.5 * np.cos(2 * np.pi * n / (Nx if fftbins else Nx - 1)) - 1e-16
    return w**0.85


# --- the window is equal from both ends; with fftbins=True it is one period
def get_window(window, Nx, *, fftbins=True):
    return ours.get_window(window, Nx, fftbins=False)


# --- a loop over axis 1 of y
def frame_forward(y, *, frame_length, hop_length):
    _, cache = ours.frame_forward(y, frame_length=frame_length, hop_length=hop_length)
    starts = range(0, y.shape[-1] - frame_length + 1, hop_length)
    return np.stack([y[..., i : i + frame_length] for i in starts], axis=-1), cache


# --- it equals the transpose of the expected (last two axes)
def frame_forward(y, *, frame_length, hop_length):
    frames, cache = ours.frame_forward(y, frame_length=frame_length, hop_length=hop_length)
    return frames.mT, cache


# --- the last whole frame is missing
def frame_forward(y, *, frame_length, hop_length):
    _, cache = ours.frame_forward(y, frame_length=frame_length, hop_length=hop_length)
    starts = np.arange(0, y.shape[-1] - frame_length, hop_length)
    return y[..., np.arange(frame_length)[:, None] + starts], cache


# --- must raise a ValueError
def frame_forward(y, *, frame_length, hop_length):
    missing = max(0, frame_length - y.shape[-1])
    y = np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, missing)])
    return ours.frame_forward(y, frame_length=frame_length, hop_length=hop_length)


# --- += with an index adds one of the frames that meet in a sample
def overlap_add_forward(frames, *, hop_length):
    *B, W, N = frames.shape
    y = np.zeros((*B, W + (N - 1) * hop_length), frames.dtype)
    y[..., np.arange(W)[:, None] + hop_length * np.arange(N)] += frames
    return y, OverlapAddCache(W, hop_length, N)


# --- comes y in float64
def overlap_add_forward(frames, *, hop_length):
    *B, W, N = frames.shape
    y = np.zeros((*B, W + (N - 1) * hop_length))
    for t in range(N):
        y[..., t * hop_length : t * hop_length + W] += frames[..., t]
    return y, OverlapAddCache(W, hop_length, N)


# --- the end of the last frame is cut off
def overlap_add_forward(frames, *, hop_length):
    y, cache = ours.overlap_add_forward(frames, hop_length=hop_length)
    return y[..., : frames.shape[-1] * hop_length], cache


# --- the samples behind the last frame are missing
def frame_backward(dy, cache):
    return WaveGrad(overlap_add_forward(dy, hop_length=cache.hop_length)[0])


# --- the gradients must be a WaveGrad
def frame_backward(dy, cache):
    return ours.frame_backward(dy, cache).y


# --- a loop over axis 1 of y
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    _, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    padded, _ = pad_wave_forward(y, pad_length=n_fft // 2 if center else 0, pad_mode=pad_mode)
    starts = range(0, padded.shape[-1] - n_fft + 1, cache.frame.hop_length)
    X = [np.fft.rfft(padded[..., i : i + n_fft] * cache.window) for i in starts]
    return np.stack(X, axis=-1), cache


# --- the window is symmetric; for a spectrum it is periodic
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    win = win_length or n_fft
    own = get_window(window, win, fftbins=False).astype(y.dtype) if isinstance(window, str) else window
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "center": center}
    X, cache = ours.stft_forward(y, own, pad_mode=pad_mode, **options)
    return X, cache._replace(rows=None if isinstance(window, str) else cache.rows)


# --- the argument window is not used
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    return ours.stft_forward(y, "hann", center=center, pad_mode=pad_mode, **options)


# --- the argument pad_mode is not used
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    return ours.stft_forward(y, window, center=center, **options)


# --- the argument center is not used
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    return ours.stft_forward(y, window, pad_mode=pad_mode, **options)


# --- it must be of complex64 where float32 came in
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    _, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    padded, _ = pad_wave_forward(y, pad_length=n_fft // 2 if center else 0, pad_mode=pad_mode)
    frames, _ = frame_forward(padded, frame_length=n_fft, hop_length=cache.frame.hop_length)
    w = pad_center(get_window(window, win_length or n_fft), size=n_fft)
    return np.fft.rfft(frames * w[:, None], axis=-2), cache


# --- the phase is counted from the beginning of the wave
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    angle = 2 * np.pi * np.arange(X.shape[-2])[:, None] * cache.frame.hop_length * np.arange(X.shape[-1]) / n_fft
    return X * np.exp(-1j * angle).astype(X.dtype), cache


# --- y has the size of the complex numbers only: their angle is missing
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    return np.abs(X), cache


# --- you modified y in place
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    y -= y.mean()
    return X, cache


# --- the window is forgotten: the forward multiplies by it
def stft_backward(dy, cache):
    W = len(cache.window)
    dx = np.fft.ifft(dy, W, axis=-2).real * W
    (dwave,) = pad_wave_backward(frame_backward(dx, cache.frame).y, cache.pad_wave)
    return StftGrads(dwave, ours.stft_backward(dy, cache).window)


# --- the inverse transform is no adjoint
def stft_backward(dy, cache):
    dx = np.fft.irfft(dy, len(cache.window), axis=-2) * cache.window[:, None]
    (dwave,) = pad_wave_backward(frame_backward(dx, cache.frame).y, cache.pad_wave)
    return StftGrads(dwave, ours.stft_backward(dy, cache).window)


# --- what was reflected at the ends has a gradient
def stft_backward(dy, cache):
    return ours.stft_backward(dy, cache._replace(pad_wave=cache.pad_wave._replace(pad_mode="constant")))


# --- the gradients must be a StftGrads (y, window)
def stft_backward(dy, cache):
    return ours.stft_backward(dy, cache).y


# --- dwindow must be None where the argument is None
def stft_backward(dy, cache):
    dwave, dw = ours.stft_backward(dy, cache)
    return StftGrads(dwave, np.zeros(cache.win_length, dwave.dtype) if dw is None else dw)


# --- is not linear in dy
def stft_backward(dy, cache):
    dwave, dw = ours.stft_backward(dy, cache)
    return StftGrads(np.clip(dwave, -1000, 1000), dw)


# --- it must raise a ValueError, as its docstring promises
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    W = n_fft or 2 * (F - 1)
    V = win_length or W
    hop = hop_length or max(V // 4, 1)
    w = pad_center(get_window(window, V), size=W).astype(stft_matrix.real.dtype)
    frames = irfft_forward(stft_matrix.mT, n=W)[0].mT * w[:, None]
    top, _ = overlap_add_forward(frames, hop_length=hop)
    bottom, _ = overlap_add_forward(np.broadcast_to(w[:, None] ** 2, (W, N)), hop_length=hop)
    start = W // 2 if center else 0
    stop = len(bottom) - start if length is None else start + length
    return (top / np.where(bottom > 1e-10, bottom, 1))[..., start:stop], None


# --- divided by the sum of the windows
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    W = n_fft or 2 * (F - 1)
    V = win_length or W
    hop = hop_length or max(V // 4, 1)
    w = pad_center(get_window(window, V), size=W).astype(stft_matrix.real.dtype)
    frames = irfft_forward(stft_matrix.mT, n=W)[0].mT * w[:, None]
    top, _ = overlap_add_forward(frames, hop_length=hop)
    bottom, _ = overlap_add_forward(np.broadcast_to(w[:, None], (W, N)), hop_length=hop)
    start = W // 2 if center else 0
    stop = len(bottom) - start if length is None else start + length
    return top[..., start:stop] / bottom[start:stop], None


# --- the argument length is not used
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    options = {"hop_length": hop_length, "win_length": win_length, "n_fft": n_fft, "center": center}
    return ours.istft_forward(stft_matrix, window, **options)


# --- a loop over axis 2 of stft_matrix
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    options = {"hop_length": hop_length, "win_length": win_length, "n_fft": n_fft, "center": center}
    for t in range(stft_matrix.shape[-1]):
        np.fft.irfft(stft_matrix[..., t], n_fft)
    return ours.istft_forward(stft_matrix, window, length=length, **options)


# --- with hop_length=20 it must raise a ValueError, as its docstring promises; it returned
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    W = n_fft or 2 * (F - 1)
    V = win_length or W
    hop = hop_length or max(V // 4, 1)
    if F != W // 2 + 1 or N == 0:
        raise ValueError("no such transform")
    w = pad_center(get_window(window, V), size=W).astype(stft_matrix.real.dtype)
    frames = irfft_forward(stft_matrix.mT, n=W)[0].mT * w[:, None]
    top, _ = overlap_add_forward(frames, hop_length=hop)
    bottom, _ = overlap_add_forward(np.broadcast_to(w[:, None] ** 2, (W, N)), hop_length=hop)
    start = W // 2 if center else 0
    stop = len(bottom) - start if length is None else start + length
    if stop > len(bottom):
        raise ValueError("too long")
    return (top / np.where(bottom > 1e-10, bottom, 1))[..., start:stop], None


# --- it must raise a ValueError, as its docstring promises; it returned
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    options = {"hop_length": hop_length, "win_length": win_length, "n_fft": n_fft, "center": center}
    y, cache = ours.istft_forward(stft_matrix, window, **options)
    if length is None or length <= y.shape[-1]:
        return y[..., :length], cache
    try:
        return ours.istft_forward(stft_matrix, window, length=length, **options)
    except ValueError:
        return np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, length - y.shape[-1])]), cache


# --- it must raise a ValueError, as its docstring promises; it returned
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    win_length = min(win_length or n_fft, n_fft)
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    return ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)


# --- it must raise a ValueError, as its docstring promises; it returned
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    missing = max(0, n_fft - y.shape[-1]) if not center else 0
    y = np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, missing)])
    return ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)


# --- short
def frame_forward(y, *, frame_length, hop_length):
    if y.shape[-1] <= frame_length:
        raise ValueError("short")
    return ours.frame_forward(y, frame_length=frame_length, hop_length=hop_length)


# --- strides of 8 bytes
def frame_forward(y, *, frame_length, hop_length):
    _, cache = ours.frame_forward(y, frame_length=frame_length, hop_length=hop_length)
    shape = (*y.shape[:-1], frame_length, 1 + (y.shape[-1] - frame_length) // hop_length)
    strides = (*y.strides[:-1], 8, 8 * hop_length)
    return np.lib.stride_tricks.as_strided(y, shape, strides, writeable=False), cache


# --- its axes stand in another order, (1, 2, 0)
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    return np.moveaxis(X, 0, -1), cache


# --- the window stands in its own gradient
def stft_backward(dy, cache):
    dwave, dw = ours.stft_backward(dy, cache)
    W, V = len(cache.window), cache.win_length
    return StftGrads(dwave, None if dw is None else dw * cache.window[(W - V) // 2 :][:V])


# --- with center=False it must raise a ValueError
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    W = n_fft or 2 * (F - 1)
    V = win_length or W
    hop = hop_length or max(V // 4, 1)
    w = pad_center(get_window(window, V), size=W).astype(stft_matrix.real.dtype)
    frames = irfft_forward(stft_matrix.mT, n=W)[0].mT * w[:, None]
    top, _ = overlap_add_forward(frames, hop_length=hop)
    bottom, _ = overlap_add_forward(np.broadcast_to(w[:, None] ** 2, (W, N)), hop_length=hop)
    start = W // 2 if center else 0
    stop = len(bottom) - start if length is None else start + length
    if stop > len(bottom) or (bottom[start:stop] == 0).any():
        raise ValueError("a sample that no window has seen")
    return top[..., start:stop] / bottom[start:stop], None
