# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def hz_to_mel(frequencies, *, htk=False):
    f = np.atleast_1d(frequencies)
    if not (f >= 0).all():
        raise ValueError("a negative frequency")
    if htk:
        return (2595 / log(10) * np.log1p(f / 700)).reshape(np.shape(frequencies))
    m = 3 * f / 200
    high = f >= 1000
    m[high] = 15 + 27 / log(6.4) * np.log(f[high] / 1000)
    return m.reshape(np.shape(frequencies))


def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels, None if np.ndim(mels) else float)
    if not (m >= 0).all():
        raise ValueError("no mel")
    if htk:
        return 700 * np.expm1(m * (log(10) / 2595))
    below = 200 * m / 3
    return below + (m >= 15) * (1000 * 6.4 ** ((np.maximum(m, 15) - 15) / 27) - below)


def triangular_filters(edges, places):
    if len(edges) < 3 or np.any(edges[1:] <= edges[:-1]):
        raise ValueError("no edges of triangles")
    filters = np.zeros((len(edges) - 2, len(places)), edges.dtype)
    for m in range(len(edges) - 2):
        filters[m] = np.interp(places, edges[m : m + 3], [0, 1, 0])
    return filters


def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    if norm not in (None, "slaney") or triangles not in ("mel", "hertz") or not sr > 0:
        raise ValueError("an option that there is not")
    fmax = sr / 2 if fmax is None else fmax
    if not 0 <= fmin < fmax:
        raise ValueError("no band")
    low, high = hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk)
    in_mel = [low + (high - low) * i / (n_mels + 1) for i in range(n_mels + 2)]
    edges = [float(mel_to_hz(m, htk=htk)) for m in in_mel]
    places, ends = [k * sr / n_fft for k in range(n_fft // 2 + 1)], edges
    if triangles == "mel":
        places, ends = [float(hz_to_mel(f, htk=htk)) for f in places], in_mel
    W = np.zeros((n_mels, len(places)))
    for m in range(n_mels):
        a, b, c = ends[m : m + 3]
        for k, place in enumerate(places):
            if a <= place < b:
                W[m, k] = (place - a) / (b - a)
            elif b <= place <= c:
                W[m, k] = (c - place) / (c - b)
        if norm:
            W[m] /= (edges[m + 2] - edges[m]) / 2
    return W


def mel_scale_forward(S, mel_basis):
    return np.einsum("mf,...fn->...mn", mel_basis, S), MelScaleCache(mel_basis)


def mel_scale_backward(dy, cache):
    return SpectrogramGrad((dy.mT @ cache.mel_basis).mT)


def log_floor_forward(x, *, floor=1e-10):
    if not 0 < floor < np.inf:
        raise ValueError("no floor")
    return np.log(np.maximum(x, floor)), LogFloorCache(x, np.less_equal(x, floor))


def log_floor_backward(dy, cache):
    dx = np.zeros_like(dy)
    dx[~cache.low] = dy[~cache.low] / cache.x[~cache.low]
    return InputGrad(dx)


def delta_matrix(T, h, mode, dtype):
    """The delta is linear, so it is a matrix, whose columns are deltas of unit vectors."""
    frames = np.arange(T)
    if mode == "interp":
        frames = np.clip(frames, h, T - 1 - h)  # whose slope is taken
    D = np.zeros((T, T), dtype)
    for n in range(1, h + 1):
        np.add.at(D, (np.arange(T), np.clip(frames + n, 0, T - 1)), n)
        np.add.at(D, (np.arange(T), np.clip(frames - n, 0, T - 1)), -n)
    return D / (2 * sum(n * n for n in range(1, h + 1)))


def delta_forward(data, *, width=9, mode="interp"):
    if width not in range(3, 1000, 2) or mode not in ("interp", "nearest"):
        raise ValueError("no such delta")
    if data.shape[-1] < (width if mode == "interp" else 1):
        raise ValueError("too few frames")
    D = delta_matrix(data.shape[-1], width // 2, mode, data.dtype)
    return data @ D.T, DeltaCache(data.shape, width // 2, mode)


def delta_backward(dy, cache):
    return DataGrad(dy @ delta_matrix(dy.shape[-1], cache.h, cache.mode, dy.dtype))
