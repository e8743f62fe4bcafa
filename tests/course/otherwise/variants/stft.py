# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces.
# --- get_window by a table of functions
def get_window(window, Nx, *, fftbins=True):
    if isinstance(window, np.ndarray):
        if window.shape != (Nx,):
            raise ValueError("another length")
        return window.copy()
    c = np.cos(2 * np.pi * np.arange(Nx) / max(1, Nx if fftbins else Nx - 1))
    table = {
        "rectangular": lambda: np.ones(Nx),
        "boxcar": lambda: np.ones(Nx),
        "hann": lambda: 0.5 - 0.5 * c,
        "hamming": lambda: 0.54 - 0.46 * c,
        "blackman": lambda: 0.42 - 0.5 * c + 0.08 * (2 * c * c - 1),
        "povey": lambda: np.clip(0.5 - 0.5 * c, 0, None) ** 0.85,
    }
    if window not in table:
        raise ValueError(f"no window {window}")
    return table[window]() if Nx > 1 else np.ones(1)


# --- get_window by numpy's symmetric ones, one longer and cut
def get_window(window, Nx, *, fftbins=True):
    if not isinstance(window, str):
        if len(window) != Nx:
            raise ValueError("another length")
        return window
    make = {
        "hann": np.hanning,
        "hamming": np.hamming,
        "blackman": np.blackman,
        "boxcar": np.ones,
        "rectangular": np.ones,
    }
    make["povey"] = lambda n: np.hanning(n) ** 0.85
    if window not in make:
        raise ValueError("no such window")
    return make[window](Nx + 1)[:-1] if fftbins and Nx > 1 else make[window](Nx)


# --- frame_forward by sliding_window_view, as a copy
def frame_forward(y, *, frame_length, hop_length):
    if frame_length > y.shape[-1]:
        raise ValueError("the wave is shorter than a frame")
    every = np.lib.stride_tricks.sliding_window_view(y, frame_length, axis=-1)
    return every[..., ::hop_length, :].mT.copy(), FrameCache(y.shape[-1], frame_length, hop_length)


# --- frame_forward by as_strided
def frame_forward(y, *, frame_length, hop_length):
    if y.shape[-1] < frame_length:
        raise ValueError("the wave is shorter than a frame")
    N = (y.shape[-1] - frame_length) // hop_length + 1
    y, step = y, y.strides[-1]
    frames = np.lib.stride_tricks.as_strided(
        y, (*y.shape[:-1], frame_length, N), (*y.strides[:-1], step, step * hop_length), writeable=False
    )
    return frames, FrameCache(y.shape[-1], frame_length, hop_length)


# --- frame_forward by take
def frame_forward(y, *, frame_length, hop_length):
    T = y.shape[-1]
    if frame_length > T:
        raise ValueError
    N = 1 + (T - frame_length) // hop_length
    index = np.add.outer(np.arange(frame_length), hop_length * np.arange(N))
    return y.take(index, axis=-1), FrameCache(T, frame_length, hop_length)


# --- overlap_add_forward with a loop over frames
def overlap_add_forward(frames, *, hop_length):
    *B, W, N = frames.shape
    if not N:
        raise ValueError("no frame")
    y = np.zeros((*B, W + (N - 1) * hop_length), frames.dtype)
    for t in range(N):
        y[..., t * hop_length : t * hop_length + W] += frames[..., :, t]
    return y, OverlapAddCache(W, hop_length, N)


# --- overlap_add_forward by pieces
def overlap_add_forward(frames, *, hop_length):
    *B, W, N = frames.shape
    if N < 1:
        raise ValueError("no frame")
    h, T = hop_length, W + (N - 1) * hop_length
    y = np.zeros((*B, T), frames.dtype)
    for n in range(W):
        y[..., n : n + (N - 1) * h + 1 : h] += frames[..., n, :]
    return y, OverlapAddCache(W, h, N)


# --- overlap_add_forward by bincount, for all waves at once
def overlap_add_forward(frames, *, hop_length):
    *B, W, N = frames.shape
    if N == 0:
        raise ValueError("no frame")
    T = W + (N - 1) * hop_length
    rows = frames.reshape(-1, W * N)
    place = (np.arange(W)[:, None] + hop_length * np.arange(N)).ravel()
    place = place + T * np.arange(len(rows))[:, None]
    y = np.bincount(place.ravel(), rows.ravel(), minlength=T * len(rows))
    return y.reshape(*B, T).astype(frames.dtype), OverlapAddCache(W, hop_length, N)


# --- overlap_add_forward with a cache of its own
def overlap_add_forward(frames, *, hop_length):
    y, _ = ours.overlap_add_forward(frames, hop_length=hop_length)
    return y, frames.shape


# --- frame_backward by np.add.at
def frame_backward(dy, cache):
    T, W, hop = cache
    dwave = np.zeros((*dy.shape[:-2], T), dy.dtype)
    np.add.at(dwave, (Ellipsis, np.arange(W)[:, None] + hop * np.arange(dy.shape[-1])), dy)
    return (dwave,)


# --- frame_backward by overlap_add_forward
def frame_backward(dy, cache):
    added, _ = overlap_add_forward(dy, hop_length=cache.hop_length)
    dwave = np.zeros((*dy.shape[:-2], cache.length), dy.dtype)
    dwave[..., : added.shape[-1]] = added
    return WaveGrad(dwave)


# --- frames with a cache of their own: the numbers of the samples
def frame_forward(y, *, frame_length, hop_length):
    if frame_length > y.shape[-1]:
        raise ValueError("too short")
    N = 1 + (y.shape[-1] - frame_length) // hop_length
    index = np.arange(frame_length)[:, None] + hop_length * np.arange(N)
    return y[..., index], {"index": index, "T": y.shape[-1]}


def frame_backward(dy, cache):
    dwave = np.zeros((*dy.shape[:-2], cache["T"]), dy.dtype)
    np.add.at(dwave, (..., cache["index"]), dy)
    return WaveGrad(dwave)


# --- stft_forward and backward that always keep the frames, and whether the window is an array
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    padded, _ = pad_wave_forward(y, pad_length=n_fft // 2 if center else 0, pad_mode=pad_mode)
    frames, _ = frame_forward(padded, frame_length=n_fft, hop_length=cache.frame.hop_length)
    return X, {"cache": cache, "frames": frames, "own": isinstance(window, np.ndarray)}


def stft_backward(dy, cache):
    c, frames = cache["cache"], cache["frames"]
    (dx,) = rfft_backward(dy.mT, RfftCache(len(c.window), len(c.window)))
    (dpadded,) = frame_backward((dx * c.window).mT, c.frame)
    (dwave,) = pad_wave_backward(dpadded, c.pad_wave)
    if not cache["own"]:
        return StftGrads(dwave, None)
    dw = (frames.mT * dx).reshape(-1, len(c.window)).sum(0)
    start = (len(dw) - c.win_length) // 2
    return StftGrads(dwave, dw[start:][: c.win_length])


# --- stft_forward with rows in the cache always
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    padded, _ = pad_wave_forward(y, pad_length=n_fft // 2 if center else 0, pad_mode=pad_mode)
    frames, _ = frame_forward(padded, frame_length=n_fft, hop_length=cache.frame.hop_length)
    rows = frames.mT if isinstance(window, np.ndarray) else None
    return X, cache._replace(rows=rows)


# --- stft_forward with a matrix
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    win = n_fft if win_length is None else win_length
    hop = hop_length if hop_length is not None else max(win // 4, 1)
    if win > n_fft:
        raise ValueError("the window is longer than n_fft")
    if y.shape[-1] < 1:
        raise ValueError("no samples")
    w = pad_center(get_window(window, win), size=n_fft).astype(y.dtype)
    pad = n_fft // 2 if center else 0
    padded, c_pad = pad_wave_forward(y, pad_length=pad, pad_mode=pad_mode)
    frames, c_frame = frame_forward(padded, frame_length=n_fft, hop_length=hop)
    k, n = np.arange(n_fft // 2 + 1), np.arange(n_fft)
    F = (w * np.exp(-2j * np.pi * k[:, None] * n / n_fft)).astype(np.result_type(y, np.complex64))
    return F @ frames, StftCache(c_pad, c_frame, w, win, None if isinstance(window, str) else frames.swapaxes(-1, -2))


# --- stft_backward with a matrix
def stft_backward(dy, cache):
    w, W = cache.window, len(cache.window)
    F = np.exp(-2j * np.pi * np.arange(dy.shape[-2])[:, None] * np.arange(W) / W).astype(dy.dtype)
    dx = (F.conj().T @ dy).real  # (..., W, N)
    dwave = pad_wave_backward(frame_backward(w[:, None] * dx, cache.frame).y, cache.pad_wave).y
    if cache.rows is None:
        return dwave, None
    dw = np.sum(cache.rows.swapaxes(-1, -2) * dx, axis=(*range(dx.ndim - 2), -1))
    first = (W - cache.win_length) // 2
    return dwave, dw[first : first + cache.win_length]


# --- istft_forward that keeps a full cache
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    n_fft = 2 * (F - 1) if n_fft is None else n_fft
    win = n_fft if win_length is None else win_length
    hop = max(1, win // 4) if hop_length is None else hop_length
    if n_fft // 2 != F - 1 or N == 0 or win > n_fft or n_fft == 0:
        raise ValueError("frames or frequencies do not fit")
    w = pad_center(get_window(window, win), size=n_fft).astype(stft_matrix.real.dtype)
    frames = np.fft.irfft(stft_matrix, n_fft, axis=-2) * w[:, None]
    T = n_fft + (N - 1) * hop
    start = n_fft // 2 if center else 0
    stop = T - start if length is None else start + length
    if stop > T:
        raise ValueError("too long")
    sums = overlap_add_forward(np.tile((w * w)[:, None], N), hop_length=hop)[0][start:stop]
    if sums.size and not sums.min() > 1e-10 * sums.max():
        raise ValueError("the windows do not overlap-add")
    y = overlap_add_forward(frames, hop_length=hop)[0][..., start:stop] / sums
    return y, IstftCache(w, sums, hop, N, start, win, None, None)


# --- istft_forward by irfft_forward, without a cache
def istft_forward(
    stft_matrix, window="hann", *, hop_length=None, win_length=None, n_fft=None, center=True, length=None
):
    F, N = stft_matrix.shape[-2:]
    W = n_fft or 2 * (F - 1)
    V = win_length or W
    hop = hop_length or max(V // 4, 1)
    if V > W or N < 1:
        raise ValueError("the window is longer than n_fft, or there is no frame")
    w = pad_center(get_window(window, V), size=W).astype(stft_matrix.real.dtype)
    x, _ = irfft_forward(stft_matrix.mT, n=W)
    top, _ = overlap_add_forward((x * w).mT, hop_length=hop)
    bottom, _ = overlap_add_forward(np.broadcast_to(w[:, None] ** 2, (W, N)), hop_length=hop)
    first = W // 2 * bool(center)
    last = top.shape[-1] - first if length is None else first + length
    if last > top.shape[-1]:
        raise ValueError("length is beyond what the frames cover")
    top, bottom = top[..., first:last], bottom[first:last]
    if np.any(bottom <= 1e-10 * np.max(bottom, initial=0)):
        raise ValueError("windows do not overlap-add")
    return top / bottom, None


# --- stft_forward and backward with another order of the frames in the cache
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length}
    X, cache = ours.stft_forward(y, window, center=center, pad_mode=pad_mode, **options)
    return X, cache._replace(rows=None if cache.rows is None else cache.rows.mT)


def stft_backward(dy, cache):
    rows = None if cache.rows is None else cache.rows.mT
    return ours.stft_backward(dy, cache._replace(rows=rows))


# --- stft_forward that fills up by np.pad
def stft_forward(y, window="hann", *, n_fft=2048, hop_length=None, win_length=None, center=True, pad_mode="constant"):
    win_length = win_length or n_fft
    hop_length = hop_length or win_length // 4 or 1
    if win_length > n_fft or 0 in y.shape:
        raise ValueError("does not fit")
    p = n_fft // 2 if center else 0
    if pad_mode == "reflect" and y.shape[-1] <= p:
        raise ValueError("too short to be reflected")
    padded = np.pad(y, [(0, 0)] * (y.ndim - 1) + [(p, p)], mode=pad_mode)
    if padded.shape[-1] < n_fft:
        raise ValueError("too short")
    w = pad_center(get_window(window, win_length).astype(y.dtype), size=n_fft)
    index = np.arange(n_fft)[:, None] + np.arange(0, padded.shape[-1] - n_fft + 1, hop_length)
    frames = padded[..., index]
    X = rfft_forward((frames * w[:, None]).swapaxes(-2, -1))[0].swapaxes(-2, -1)
    c_frame = FrameCache(padded.shape[-1], n_fft, hop_length)
    rows = frames.swapaxes(-1, -2) if not isinstance(window, str) else None
    return X, StftCache(PadWaveCache(y.shape[-1], p, pad_mode), c_frame, w, win_length, rows)
