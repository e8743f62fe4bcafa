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


# --- with frequencies=-0.5 it must raise a ValueError
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
