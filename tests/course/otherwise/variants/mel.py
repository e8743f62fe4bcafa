# ruff: noqa: E402, F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- scales with masks and copies
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if not np.all(f >= 0):
        raise ValueError("negative")
    if htk:
        return 1127.0104803341574 * np.log(1 + f / 700.0) if False else 2595 * np.log10(1 + f / 700)
    logstep = log(6.4) / 27.0
    return np.where(f >= 1000, 15.0 + np.log(np.where(f > 0, f, 1) / 1000) / logstep, f * 3 / 200)


def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels)
    if not np.all(m >= 0):
        raise ValueError("negative")
    if htk:
        return 700 * (10 ** (m / 2595) - 1)
    return np.where(m >= 15, 1000 * np.exp(log(6.4) / 27 * (m - 15)), 200 / 3 * m)


# --- with math for a single number
import math


def hz_to_mel(frequencies, *, htk=False):
    if isinstance(frequencies, (int, float)):
        if frequencies < 0:
            raise ValueError
        if htk:
            return 2595 * math.log10(1 + frequencies / 700)
        return 3 * frequencies / 200 if frequencies < 1000 else 15 + 27 * math.log(frequencies / 1000) / math.log(6.4)
    f = np.array(frequencies)
    if (f < 0).any() or np.isnan(f).any():
        raise ValueError
    if htk:
        return 2595 * np.log10(1 + f / 700)
    return np.select([f < 1000], [3 * f / 200], 15 + 27 * np.log(f / 1000) / math.log(6.4))


# --- piecewise
def mel_to_hz(mels, *, htk=False):
    m = np.asarray(mels)
    m = m if m.dtype.kind == "f" else m.astype(float)
    if (m < 0).any() or np.isnan(m).any():
        raise ValueError
    if htk:
        return 700 * (np.power(10, m / 2595) - 1)
    return np.piecewise(
        m, [m < 15, m >= 15], [lambda m: 200 * m / 3, lambda m: 1000 * np.exp((m - 15) * (log(6.4) / 27))]
    )


# --- log2 consistently
def hz_to_mel(frequencies, *, htk=False):
    f = np.asarray(frequencies)
    if not (f >= 0).all():
        raise ValueError
    if htk:
        return 2595 * log(2) / log(10) * np.log2(1 + f / 700)
    return 3 * np.minimum(f, 1000) / 200 + 27 * log(2) / log(6.4) * np.log2(np.maximum(f, 1000) / 1000)


# --- triangles as clip
def triangular_filters(edges, places):
    if edges.size < 3 or (np.diff(edges) <= 0).any():
        raise ValueError
    d = np.diff(edges)[:, None]
    ramps = edges[:, None] - places[None, :]
    return np.clip(np.minimum(-ramps[:-2] / d[:-1], ramps[2:] / d[1:]), 0, None)


# --- triangles as where
def triangular_filters(edges, places):
    if len(edges) <= 2 or np.min(edges[1:] - edges[:-1]) <= 0:
        raise ValueError
    W = []
    for a, b, c in zip(edges[:-2], edges[1:-1], edges[2:], strict=False):
        up = (places > a) & (places <= b)
        down = (places > b) & (places < c)
        W.append(np.where(up, (places - a) / (b - a), 0) + np.where(down, (c - places) / (c - b), 0))
    return np.stack(W)


# --- triangles with lists
def triangular_filters(edges, places):
    if len(edges) < 3 or list(edges) != sorted(set(edges.tolist())):
        raise ValueError
    return np.array(
        [
            np.maximum(
                np.minimum(
                    (places - edges[m]) / (edges[m + 1] - edges[m]),
                    (edges[m + 2] - places) / (edges[m + 2] - edges[m + 1]),
                ),
                0,
            )
            for m in range(len(edges) - 2)
        ]
    )


# --- librosa's way
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    if fmax is None:
        fmax = sr / 2
    if sr <= 0 or fmin < 0 or fmax <= fmin:
        raise ValueError
    if norm not in ("slaney", None):
        raise ValueError
    fftfreqs = np.fft.rfftfreq(n=n_fft, d=1.0 / sr)
    mel_f = mel_to_hz(np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2), htk=htk)
    f, x = mel_f, fftfreqs
    if triangles == "mel":
        f, x = hz_to_mel(mel_f, htk=htk), hz_to_mel(fftfreqs, htk=htk)
    elif triangles != "hertz":
        raise ValueError
    fdiff = np.diff(f)
    ramps = np.subtract.outer(f, x)
    weights = np.zeros((n_mels, int(1 + n_fft // 2)))
    for i in range(n_mels):
        lower = -ramps[i] / fdiff[i]
        upper = ramps[i + 2] / fdiff[i + 1]
        weights[i] = np.maximum(0, np.minimum(lower, upper))
    if norm == "slaney":
        enorm = 2.0 / (mel_f[2 : n_mels + 2] - mel_f[:n_mels])
        weights *= enorm[:, np.newaxis]
    return weights


# --- torchaudio's way, in mel with linspace of edges
def mel_filterbank(*, sr, n_fft, n_mels=128, fmin=0.0, fmax=None, htk=False, norm="slaney", triangles="hertz"):
    fmax = float(fmax) if fmax is not None else sr / 2
    if (
        not (0 < sr < np.inf)
        or not (0 <= fmin < fmax < np.inf)
        or norm not in [None, "slaney"]
        or triangles not in ["hertz", "mel"]
    ):
        raise ValueError("bad")
    m_pts = np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + 2)
    f_pts = mel_to_hz(m_pts, htk=htk)
    all_freqs = sr * np.arange(n_fft // 2 + 1) / n_fft
    pts, at = (m_pts, hz_to_mel(all_freqs, htk=htk)) if triangles == "mel" else (f_pts, all_freqs)
    fb = triangular_filters(np.asarray(pts), np.asarray(at))
    if norm:
        fb = fb / (0.5 * (f_pts[2:] - f_pts[:-2]))[:, None]
    return fb


# --- matrix product with tensordot
def mel_scale_forward(S, mel_basis):
    return np.moveaxis(np.tensordot(mel_basis, S, axes=(1, S.ndim - 2)), 0, -2), MelScaleCache(mel_basis=mel_basis)


# --- a sum of products
def mel_scale_forward(S, mel_basis):
    Y = np.sum(mel_basis[:, :, None] * S[..., None, :, :], axis=-2)
    return Y, MelScaleCache(mel_basis)


def mel_scale_backward(dy, cache):
    return SpectrogramGrad(np.sum(cache.mel_basis[:, :, None] * dy[..., :, None, :], axis=-3))


# --- cache as dict
def mel_scale_forward(S, mel_basis):
    return np.matmul(mel_basis, S), {"W": mel_basis}


def mel_scale_backward(dy, cache):
    return (np.matmul(cache["W"].T, dy),)


# --- cache as tuple with y
def log_floor_forward(x, *, floor=1e-10):
    if floor <= 0 or not np.isfinite(floor):
        raise ValueError
    clipped = np.maximum(x, floor)
    return np.log(clipped), (clipped, x > floor)


def log_floor_backward(dy, cache):
    clipped, above = cache
    return InputGrad(dy * above / clipped)


# --- log floor with int mask
def log_floor_forward(x, *, floor=1e-10):
    if not floor > 0 or floor == np.inf:
        raise ValueError
    low = x <= floor
    y = np.where(low, log(floor), np.log(np.where(low, 1, x)))
    return y, LogFloorCache(x, low)


def log_floor_backward(dy, cache):
    x, low = cache
    with np.errstate(all="ignore"):
        dx = dy / x
    dx[low] = 0
    return InputGrad(dx)


# --- strict below
def log_floor_forward(x, *, floor=1e-10):
    if not 0 < floor < float("inf"):
        raise ValueError
    return np.log(np.clip(x, floor, None)), LogFloorCache(x=x, low=x < floor)


# --- divide where
def log_floor_backward(dy, cache):
    return InputGrad(np.divide(dy, cache.x, out=np.zeros_like(dy), where=~cache.low))


# --- pads and windows
def delta_forward(data, *, width=9, mode="interp"):
    if width < 3 or width % 2 == 0 or width > 999:
        raise ValueError
    h = (width - 1) // 2
    if mode not in ("interp", "nearest"):
        raise ValueError
    if (data.shape[-1] < width and mode == "interp") or data.shape[-1] < 1:
        raise ValueError
    pad = [(0, 0)] * (data.ndim - 1) + [(h, h)]
    weights = np.arange(-h, h + 1).astype(data.dtype)
    weights /= (weights**2).sum()
    x = np.pad(data, pad, mode="edge") if mode == "nearest" else data
    y = np.lib.stride_tricks.sliding_window_view(x, width, axis=-1) @ weights
    if mode == "interp":
        y = np.pad(y, pad, mode="edge")
    return y, DeltaCache(data.shape, h, mode)


def delta_backward(dy, cache):
    h, T = cache.h, cache.shape[-1]
    w = np.arange(-h, h + 1) / (2 * sum(n * n for n in range(1, h + 1)))
    w = w.astype(dy.dtype)
    if cache.mode == "interp":
        d = dy[..., h : T - h].copy()
        d[..., 0] += dy[..., :h].sum(-1)
        d[..., -1] += dy[..., T - h :].sum(-1)
    else:
        d = dy
    full = np.zeros((*dy.shape[:-1], d.shape[-1] + 2 * h), dy.dtype)
    for i in range(2 * h + 1):
        full[..., i : i + d.shape[-1]] += w[i] * d
    if cache.mode == "interp":
        return DataGrad(full)
    dx = full[..., h:-h].copy()
    dx[..., 0] += full[..., :h].sum(-1)
    dx[..., -1] += full[..., -h:].sum(-1)
    return DataGrad(dx)


# --- indices clipped
def delta_forward(data, *, width=9, mode="interp"):
    T, h = data.shape[-1], width // 2
    if (
        width % 2 != 1
        or width < 3
        or width > 999
        or mode not in ("interp", "nearest")
        or T == 0
        or (mode == "interp" and width > T)
    ):
        raise ValueError
    t = np.arange(T)
    center = np.clip(t, h, T - 1 - h) if mode == "interp" else t
    num = 0
    for n in range(1, h + 1):
        num = num + n * (data[..., np.minimum(center + n, T - 1)] - data[..., np.maximum(center - n, 0)])
    return num / (2 * sum(n**2 for n in range(1, h + 1))), DeltaCache(data.shape, h, mode)


# --- own cache of the matrix
def delta_forward(data, *, width=9, mode="interp"):
    T, h = data.shape[-1], width // 2
    if (
        width % 2 != 1
        or width < 3
        or width > 999
        or mode not in ("interp", "nearest")
        or T == 0
        or (mode == "interp" and width > T)
    ):
        raise ValueError
    t = np.arange(T)
    center = np.clip(t, h, T - 1 - h) if mode == "interp" else t
    n = np.arange(-h, h + 1)
    places = np.clip(center[:, None] + n, 0, T - 1)
    M = np.zeros((T, T), data.dtype)
    np.add.at(M, (t[:, None], places), np.broadcast_to(n / (n * n).sum(), places.shape))
    return np.einsum("ts,...s->...t", M, data), {"M": M}


def delta_backward(dy, cache):
    return {"data": np.einsum("ts,...t->...s", cache["M"], dy)}


# --- convolve by fft free: cumulative
def delta_forward(data, *, width=9, mode="interp"):
    if width not in range(3, 1000, 2) or mode not in {"interp", "nearest"}:
        raise ValueError
    h = width // 2
    if data.shape[-1] < (width if mode == "interp" else 1):
        raise ValueError
    first = np.repeat(data[..., :1], h, axis=-1)
    last = np.repeat(data[..., -1:], h, axis=-1)
    x = np.concatenate([first, data, last], -1)
    T = data.shape[-1]
    slopes = [n * (x[..., h + n : h + n + T] - x[..., h - n : h - n + T]) for n in range(1, h + 1)]
    y = np.sum(slopes, axis=0) / (h * (h + 1) * (2 * h + 1) / 3)
    if mode == "interp":
        y[..., :h] = y[..., h : h + 1]
        y[..., T - h :] = y[..., T - h - 1 : T - h]
    return y, DeltaCache(tuple(data.shape), h, mode)


# --- filters by searchsorted
def triangular_filters(edges, places):
    if edges.size < 3 or not (edges[1:] > edges[:-1]).all():
        raise ValueError("edges")
    E, K = len(edges), len(places)
    i = np.searchsorted(edges, places, side="right") - 1
    inside = (i >= 0) & (i < E - 1)
    j = np.clip(i, 0, E - 2)
    t = (places - edges[j]) / (edges[j + 1] - edges[j])
    W = np.zeros((E, K), t.dtype)
    k = np.arange(K)
    W[j[inside], k[inside]] = (1 - t)[inside]
    W[j[inside] + 1, k[inside]] = t[inside]
    return W[1:-1]


# --- np.interp of unit vectors
def triangular_filters(edges, places):
    if edges.size < 3 or np.any(np.diff(edges) <= 0):
        raise ValueError("edges")
    dtype = np.result_type(edges, places)
    hats = np.eye(len(edges))[1:-1]
    return np.array([np.interp(places, edges, hat, left=0, right=0) for hat in hats]).astype(dtype)
