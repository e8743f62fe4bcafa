# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- use math.sqrt, math.log
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if (f < 0).any():
        raise ValueError
    if htk:
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / np.log(6.4))


# --- with frequencies with -1 in it it must raise a ValueError
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if htk:
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / log(6.4))


# --- an array of whole numbers gives others than the same numbers as float64
def hz_to_mel(frequencies, *, htk=False):
    m = np.zeros_like(frequencies)
    m[...] = ours.hz_to_mel(frequencies, htk=htk)
    return m


# --- a loop over axis 0 of frequencies
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    numbers = np.array(
        [ours.hz_to_mel(x, htk=htk) for x in f.ravel().tolist()], f.dtype if f.dtype.kind == "f" else float
    )
    return numbers.reshape(f.shape)


# --- the logarithm above 1000 Hz is missing
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    return 3 * f / 200 if np.any(f < 1000) and not htk else ours.hz_to_mel(frequencies, htk=htk)


# --- right below 1000 Hz, wrong for the whole
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if htk or np.any(f < 0):
        return ours.hz_to_mel(frequencies, htk=htk)
    return np.where(f < 1000, 3 * f / 200, 15 + np.log(f / 1000) / (6.4 / 27))


# --- right below 15 mel, wrong for the whole
def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels)
    if htk:
        return ours.mel_to_hz(mels, htk=htk)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(log(6.4 / 27) * (m - 15)))


# --- 1 is subtracted in the exponent
def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels)
    return 700 * 10 ** (m / 2595 - 1) if htk else ours.mel_to_hz(mels)


# --- with edges whose last axis is too long it must raise a ValueError
def triangular_filters(edges, places):
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((places - left) / (middle - left), (right - places) / (right - middle)))


# --- a loop over axis 0 of places
def triangular_filters(edges, places):
    return np.stack([ours.triangular_filters(edges, places[k : k + 1])[:, 0] for k in range(len(places))], 1)


# --- both sides are equally wide
def triangular_filters(edges, places):
    if len(edges) < 3 or (np.diff(edges) <= 0).any():
        raise ValueError
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, 1 - np.abs(places - middle) / ((right - left) / 2))


# --- as in old tutorials
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    fmax = fmax or sr / 2
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2), htk=htk)
    bins = np.floor((n_fft + 1) * edges / sr).astype(int)
    W = np.zeros((n_mels, n_fft // 2 + 1))
    for m in range(n_mels):
        for k in range(bins[m], bins[m + 1]):
            W[m, k] = (k - bins[m]) / (bins[m + 1] - bins[m])
        for k in range(bins[m + 1], min(bins[m + 2], n_fft // 2 + 1)):
            W[m, k] = (bins[m + 2] - k) / (bins[m + 2] - bins[m + 1])
    if norm == "slaney":
        W *= 2 / (edges[2:] - edges[:-2])[:, None]
    return W


# --- the last frequency of the DFT is not sr / 2 if n_fft is odd
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    fmax = fmax or sr / 2
    edges = mel_to_hz(np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2), htk=htk)
    W = triangular_filters(edges, np.linspace(0, sr / 2, 1 + n_fft // 2))
    return W / ((edges[2:] - edges[:-2]) / 2)[:, None] if norm else W


# --- the last edge is one step below fmax
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    low, high = hz_to_mel(fmin, htk=htk), hz_to_mel(fmax or sr / 2, htk=htk)
    edges = mel_to_hz(low + (high - low) / (n_mels + 2) * np.arange(n_mels + 2), htk=htk)
    W = triangular_filters(edges, np.arange(1 + n_fft // 2) * sr / n_fft)
    return W / ((edges[2:] - edges[:-2]) / 2)[:, None] if norm else W


# --- the width is taken in mel; it is in hertz
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    edges = np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax or sr / 2, htk=htk), n_mels + 2)
    places = np.arange(1 + n_fft // 2) * sr / n_fft
    if triangles == "mel":
        places = hz_to_mel(places, htk=htk)
    else:
        edges = mel_to_hz(edges, htk=htk)
    W = triangular_filters(edges, places)
    return W / ((edges[2:] - edges[:-2]) / 2)[:, None] if norm else W


# --- it must raise a ValueError
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    norm, triangles = norm and "slaney", "mel" if triangles == "mel" else "hertz"
    options = {"n_mels": n_mels, "fmin": fmin, "fmax": fmax, "htk": htk, "norm": norm, "triangles": triangles}
    return ours.mel_filterbank(sr=sr, n_fft=n_fft, **options)


# --- it equals the transpose of the expected
def mel_scale_forward(S, mel_basis):
    return np.einsum("mf,...fn->...nm", mel_basis, S), MelScaleCache(mel_basis)


# --- too many subscripts
def mel_scale_forward(S, mel_basis):
    return np.einsum("mf,bfn->bmn", mel_basis, S), MelScaleCache(mel_basis)


# --- negative sums are made positive
def mel_scale_forward(S, mel_basis):
    return np.abs(mel_basis @ S), MelScaleCache(mel_basis)


# --- a loop over axis 0 of mel_basis
def mel_scale_forward(S, mel_basis):
    return np.stack([(row[:, None] * S).sum(-2) for row in mel_basis], -2), MelScaleCache(mel_basis)


# --- whose numbers are right
def mel_scale_backward(dy, cache):
    return cache.mel_basis.T @ dy


# --- the argument floor is not used
def log_floor_forward(x, *, floor=1e-10):
    low = x <= 1e-10
    return np.log(np.where(low, 1e-10, x)), LogFloorCache(x, low)


# --- you modified x in place
def log_floor_forward(x, *, floor=1e-10):
    low = x <= floor
    x[low] = floor
    return np.log(x), LogFloorCache(x, low)


# --- with floor=-0.5 it must raise a ValueError
def log_floor_forward(x, *, floor=1e-10):
    return np.log(np.maximum(x, floor)), LogFloorCache(x, x <= floor)


# --- right where nothing is silent
def log_floor_backward(dy, cache):
    return InputGrad(dy / cache.x * ~cache.low)


# --- a constant is added to x
def log_floor_backward(dy, cache):
    return InputGrad(np.where(cache.low, 0, dy / (cache.x + 1e-10)))


# --- (np.roll?)
def delta_forward(data, *, width=9, mode="interp"):
    _, cache = ours.delta_forward(data, width=width, mode=mode)
    n = range(1, cache.h + 1)
    return sum(i * (np.roll(data, -i, -1) - np.roll(data, i, -1)) for i in n) / (2 * sum(i * i for i in n)), cache


# --- y has the wrong sign
def delta_forward(data, *, width=9, mode="interp"):
    _, cache = ours.delta_forward(data, width=width, mode=mode)
    h, edges = cache.h, [(0, 0)] * (data.ndim - 1) + [(cache.h, cache.h)]
    weights = (np.arange(-h, h + 1) / (2 * sum(n * n for n in range(1, h + 1)))).astype(data.dtype)
    x = data if mode == "interp" else np.pad(data, edges, "edge")
    y = np.apply_along_axis(lambda row: np.convolve(row, weights, "valid"), -1, x)
    return (np.pad(y, edges, "edge") if mode == "interp" else y), cache


# --- with width=1 it must raise a ValueError
def delta_forward(data, *, width=9, mode="interp"):
    if width < 3:
        return data, None
    return ours.delta_forward(data, width=width, mode=mode)


# --- a loop over axis 2 of data (frame)
def delta_forward(data, *, width=9, mode="interp"):
    y, cache = ours.delta_forward(data, width=width, mode=mode)
    return np.stack([y[..., t] for t in range(y.shape[-1])], -1), cache


# --- right in the middle, but not at the ends
def delta_backward(dy, cache):
    dx = np.zeros_like(dy)
    for n in range(1, cache.h + 1):
        dx[..., n:] += n * dy[..., :-n]
        dx[..., :-n] -= n * dy[..., n:]
    return DataGrad(dx / (2 * sum(n * n for n in range(1, cache.h + 1))))


# --- the steps are undone in the wrong order
def delta_backward(dy, cache):
    h, T = cache.h, dy.shape[-1]
    if 2 * h >= T:
        return ours.delta_backward(dy, cache)
    d, dx = dy[..., h : T - h].copy(), np.zeros_like(dy)
    d[..., 0] += dy[..., :h].sum(-1)
    d[..., -1] += dy[..., T - h :].sum(-1)
    for n in range(1, h + 1):
        dx[..., h + n : T - h + n] += n * d
        dx[..., h - n : T - h - n] -= n * d
    return DataGrad(dx / (2 * sum(n * n for n in range(1, h + 1))))


# --- with frequencies with nan in it it must raise a ValueError
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if (f < 0).any():
        raise ValueError("negative")
    if htk:
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / log(6.4))


# --- with mels with -1 in it it must raise a ValueError
def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels)
    if htk:
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m < 15, 200 * m / 3, 1000 * np.exp(log(6.4) / 27 * (m - 15)))


# --- 6.4 stands inside of the logarithm of f
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if not (f >= 0).all():
        raise ValueError("must be positive")
    if htk:
        return 2595 * np.log10(1 + f / 700)
    return np.where(f < 1000, 3 * f / 200, 15 + 27 * np.log(np.maximum(f, 1000) / 1000 / 6.4))


# --- the straight part is added once more
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if not (f >= 0).all():
        raise ValueError("must be positive")
    if htk:
        return 2595 * np.log10(1 + f / 700)
    return 3 * f / 200 + np.where(f < 1000, 0, 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / log(6.4))


# --- the power is divided by 27; its exponent is
def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels)
    if htk:
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m < 15, 200 * m / 3, 1000 * 6.4 ** (m - 15) / 27)


# --- with edges whose first two are equal it must raise a ValueError
def triangular_filters(edges, places):
    if len(edges) < 3 or (np.diff(edges) < 0).any():
        raise ValueError("e")
    left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((places - left) / (middle - left), (right - places) / (right - middle)))


# --- the falling side has the wrong sign
def triangular_filters(edges, places):
    if len(edges) < 3 or not (np.diff(edges) > 0).all():
        raise ValueError("e")
    l, m, r = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((places - l) / (m - l), (places - r) / (r - m)))


# --- each side is divided by the width of the other one
def triangular_filters(edges, places):
    if len(edges) < 3 or (np.diff(edges) <= 0).any():
        raise ValueError("e")
    l, m, r = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((places - l) / (r - m), (r - places) / (m - l)))


# --- the frequencies are on Slaney's scale, the edges on HTK's
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    fmax = fmax or sr / 2
    m = np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2)
    e = mel_to_hz(m, htk=htk)
    places = np.arange(n_fft // 2 + 1) * sr / n_fft
    W = triangular_filters(e, places) if triangles == "hertz" else triangular_filters(m, hz_to_mel(places))
    return W * 2 / (e[2:] - e[:-2])[:, None] if norm == "slaney" else W


# --- nothing is held at the floor
def log_floor_forward(x, *, floor=1e-10):
    return np.log(x), LogFloorCache(x, x < floor)


# --- nan stays nan, so that nobody takes it for silence
def log_floor_forward(x, *, floor=1e-10):
    if not floor > 0 or floor == np.inf:
        raise ValueError("f")
    return np.log(np.fmax(x, floor)), LogFloorCache(x, x < floor)


# --- where the floor stood in, dy is divided by it
def log_floor_backward(dy, cache):
    return InputGrad(dy / np.maximum(cache.x, 1e-10))


# --- the sum below the line ends before n = h
def delta_forward(data, *, width=9, mode="interp"):
    if width % 2 == 0 or not 3 <= width <= 999 or mode not in ("interp", "nearest"):
        raise ValueError("w")
    T, h = data.shape[-1], width // 2
    at = np.arange(T)
    at = np.clip(at, h, T - 1 - h) if mode == "interp" else at
    y = sum(n * (data[..., np.clip(at + n, 0, T - 1)] - data[..., np.clip(at - n, 0, T - 1)]) for n in range(1, h + 1))
    return y / (2 * sum(n * n for n in range(1, h))), DeltaCache(data.shape, h, mode)


# --- (a negative index counts from there)
def delta_forward(data, *, width=9, mode="interp"):
    if width % 2 == 0 or not 3 <= width <= 999 or mode not in ("interp", "nearest"):
        raise ValueError("w")
    T, h = data.shape[-1], width // 2
    at = np.arange(T)
    at = np.clip(at, h, T - 1 - h) if mode == "interp" else at
    y = sum(n * (data[..., np.minimum(at + n, T - 1)] - data[..., (at - n) % T]) for n in range(1, h + 1))
    return y / (2 * sum(n * n for n in range(1, h + 1))), DeltaCache(data.shape, h, mode)


# --- that is the delta of dy; a gradient goes the other way
def delta_backward(dy, cache):
    return DataGrad(ours.delta_forward(dy, width=2 * cache.h + 1, mode=cache.mode)[0])


# --- keeps the gradient of one of them
def delta_backward(dy, cache):
    shape, h, mode = cache
    T = shape[-1]
    at = np.arange(T)
    at = np.clip(at, h, T - 1 - h) if mode == "interp" else at
    dx = np.zeros_like(dy)
    for n in range(1, h + 1):
        dx[..., np.clip(at + n, 0, T - 1)] += n * dy
        dx[..., np.clip(at - n, 0, T - 1)] -= n * dy
    return DataGrad(dx / (2 * sum(n * n for n in range(1, h + 1))))


# --- the slopes before and after are exchanged
def delta_backward(dy, cache):
    shape, h, _ = cache
    p = np.pad(dy, [(0, 0)] * (dy.ndim - 1) + [(h, h)])
    T = shape[-1]
    out = sum(n * (p[..., h + n : h + n + T] - p[..., h - n : h - n + T]) for n in range(1, h + 1))
    return DataGrad(out / (2 * sum(n * n for n in range(1, h + 1))))


# --- read at the frequencies; and the norm is missing
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    fmax = fmax or sr / 2
    e = mel_to_hz(np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2), htk=htk)
    bins = np.floor((n_fft + 1) * e / sr).astype(int)
    fb = np.zeros((n_mels, n_fft // 2 + 1))
    for m in range(1, n_mels + 1):
        for k in range(bins[m - 1], bins[m]):
            fb[m - 1, k] = (k - bins[m - 1]) / (bins[m] - bins[m - 1])
        for k in range(bins[m], bins[m + 1]):
            fb[m - 1, k] = (bins[m + 1] - k) / (bins[m + 1] - bins[m])
    return fb
