# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def get_window(window, Nx, *, fftbins=True):
    if not isinstance(window, str):
        if len(window) != Nx:
            raise ValueError("the window has another length")
        return window
    if window not in ("rectangular", "boxcar", "hann", "hamming", "blackman", "povey"):
        raise ValueError("no such window")
    M = Nx if fftbins else Nx - 1
    if Nx == 1 or window in ("rectangular", "boxcar"):
        return np.ones(Nx)
    n = np.arange(Nx)
    hann = np.sin(np.pi * n / M) ** 2
    if window == "povey":
        return hann**0.85
    if window == "blackman":
        return 0.42 - 0.5 * np.cos(2 * np.pi * n / M) + 0.08 * np.cos(4 * np.pi * n / M)
    return hann if window == "hann" else 0.08 + 0.92 * hann


def frame_forward(y, *, frame_length, hop_length):
    T = y.shape[-1]
    if frame_length > T:
        raise ValueError("the wave is too short")
    starts = np.arange(0, T - frame_length + 1, hop_length)
    return y[..., np.arange(frame_length)[:, None] + starts], FrameCache(T, frame_length, hop_length)


def overlap_add_forward(frames, *, hop_length):
    W, N = frames.shape[-2:]
    if N == 0:
        raise ValueError("there is no frame")
    y = np.zeros((*frames.shape[:-2], (N - 1) * hop_length + W), frames.dtype)
    np.add.at(y, (..., np.arange(W)[:, None] + hop_length * np.arange(N)), frames)
    return y, OverlapAddCache(W, hop_length, N)


def frame_backward(dy, cache):
    dwave = np.zeros((*dy.shape[:-2], cache.length), dy.dtype)
    for t in range(dy.shape[-1]):
        start = t * cache.hop_length
        dwave[..., start : start + cache.frame_length] += dy[..., t]
    return WaveGrad(dwave)


def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    win_length = win_length or n_fft
    hop_length = hop_length or max(win_length // 4, 1)
    if win_length > n_fft or y.shape[-1] == 0:
        raise ValueError("the window is longer than the frame, or there is no wave")
    own = window if isinstance(window, str) else np.asarray(window)
    w = np.zeros(n_fft, y.dtype)
    start = (n_fft - win_length) // 2
    w[start : start + win_length] = get_window(own, win_length)
    padded, c_pad = pad_wave_forward(y, pad_length=n_fft // 2 * center, pad_mode=pad_mode)
    pieces, c_frame = frame_forward(padded, frame_length=n_fft, hop_length=hop_length)
    X = np.fft.rfft(pieces * w[:, None], axis=-2)
    return X, StftCache(c_pad, c_frame, w, win_length, pieces.mT if isinstance(window, np.ndarray) else None)


def stft_backward(dy, cache):
    w, W = cache.window, len(cache.window)
    full = np.zeros((*dy.shape[:-2], W, dy.shape[-1]), dy.dtype)
    full[..., : dy.shape[-2], :] = dy
    dpieces = np.fft.ifft(full, axis=-2).real * W
    (dpadded,) = frame_backward(w[:, None] * dpieces, cache.frame)
    (dwave,) = pad_wave_backward(dpadded, cache.pad_wave)
    dw = None
    if cache.rows is not None:
        start = (W - cache.win_length) // 2
        products = (cache.rows.mT * dpieces).reshape(-1, W, dy.shape[-1])
        dw = np.einsum("bnt->n", products)[start : start + cache.win_length]
    return StftGrads(dwave, dw)


def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    n_fft = n_fft or 2 * (F - 1)
    win_length = win_length or n_fft
    hop_length = hop_length or max(win_length // 4, 1)
    if n_fft // 2 + 1 != F or win_length > n_fft or N == 0:
        raise ValueError("no such transform")
    dtype = stft_matrix.real.dtype
    w = pad_center(get_window(window, win_length).astype(dtype), size=n_fft)
    pieces = np.fft.irfft(stft_matrix, n_fft, axis=-2) * w[:, None]
    y, _ = overlap_add_forward(pieces, hop_length=hop_length)
    weights, _ = overlap_add_forward(np.repeat((w**2)[:, None], N, 1), hop_length=hop_length)
    if center:
        y, weights = y[..., n_fft // 2 :], weights[n_fft // 2 :]
    end = len(weights) - n_fft // 2 * center if length is None else length
    if end > len(weights) or end < 0:
        raise ValueError("so long a wave is not covered")
    y, weights = y[..., :end], weights[:end]
    if (weights <= 1e-10 * weights.max(initial=0)).any():
        raise ValueError("windows do not overlap-add")
    return y / weights, None
