# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- pairs with concatenated ranges
def future_pairs(frames, steps, offset):
    step, about = [], []
    for k in range(steps):
        js = np.arange(offset + k, frames)
        step.append(np.full(len(js), k))
        about.append(js)
    return FuturePairs(np.concatenate(step), np.concatenate(about))


# --- pairs as a plain tuple
def future_pairs(frames, steps, offset):
    k, t = np.meshgrid(np.arange(steps), np.arange(frames), indexing="ij")
    ok = t + offset + k < frames
    return k[ok], (t + offset + k)[ok]


# --- pairs as np.argwhere
def future_pairs(frames, steps, offset):
    table = np.zeros((steps, frames), bool)
    for k in range(steps):
        table[k, offset + k :] = True
    pairs = np.argwhere(table)
    return FuturePairs(steps=pairs[:, 0], about=pairs[:, 1])


# --- pairs of int32
def future_pairs(frames, steps, offset):
    pairs = [(k, j) for k in range(steps) for j in range(offset + k, frames)]
    a = np.array(pairs, np.int32).reshape(-1, 2)
    return FuturePairs(a[:, 0], a[:, 1])


# --- others by copying
def other_frames(drawn):
    check_numbers("x", drawn, drawn.shape[1] - 1, "y")
    out = drawn.copy()
    t = np.arange(drawn.shape[1])[None, :, None]
    out[drawn >= t] += 1
    return out


# --- others by subtraction
def other_frames(drawn):
    check_numbers("x", drawn, drawn.shape[1] - 1, "y")
    t = np.arange(drawn.shape[1])[:, np.newaxis]
    return drawn + np.greater_equal(drawn, t).astype(int)


# --- others by a table
def other_frames(drawn):
    T = drawn.shape[1]
    if (drawn < 0).any() or (drawn >= T - 1).any():
        raise ValueError
    others = np.arange(T - 1) + np.tri(T, T - 1, dtype=int).T[::1].T * 0 + (np.arange(T - 1) >= np.arange(T)[:, None])
    return others[np.arange(T)[:, None], drawn]


# --- take_along_axis and loops over steps
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("distractor", distractors, T, "frames")
    logits = []
    idx = np.concatenate([np.broadcast_to(np.arange(T)[None, :, None], (B, T, 1)), distractors], 2)
    M = idx.shape[2]
    cand = np.take_along_axis(z, idx.reshape(B, T * M)[..., None], axis=1).reshape(B, T, M, D)
    for k in range(K):
        n = offset + k
        if n < T:
            logits.append(np.einsum("btd,btmd->btm", h[:, : T - n, k], cand[:, n:]))
    return np.concatenate(logits, axis=1), {"h": h, "z": z, "idx": idx, "offset": offset}


def future_logits_backward(dy, cache):
    h, z, idx, offset = cache["h"], cache["z"], cache["idx"], cache["offset"]
    B, T, K, D = h.shape
    M = idx.shape[2]
    cand = np.take_along_axis(z, idx.reshape(B, T * M)[..., None], axis=1).reshape(B, T, M, D)
    dh, dcand = np.zeros_like(h), np.zeros_like(cand)
    start = 0
    for k in range(K):
        n = offset + k
        if n < T:
            d = dy[:, start : start + T - n]
            start += T - n
            dh[:, : T - n, k] = np.einsum("btm,btmd->btd", d, cand[:, n:])
            dcand[:, n:] += d[..., None] * h[:, : T - n, k][:, :, None]
    dz = np.zeros_like(z)
    np.add.at(dz, (np.arange(B)[:, None, None], idx), dcand)
    return FutureLogitsGrads(dh, dz)


# --- true frame and distractors apart
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _ = h.shape
    if not offset < T:
        raise ValueError("too short")
    if distractors.size and (distractors.min() < 0 or distractors.max() >= T):
        raise ValueError("no frame")
    steps, about = future_pairs(T, K, offset)
    said = h[:, about - offset - steps, steps]
    true = (said * z[:, about]).sum(-1, keepdims=True)
    others = z[np.arange(B)[:, None, None], distractors[:, about]]
    false = (others @ said[..., None])[..., 0]
    return np.concatenate([true, false], -1), (h, z, distractors, offset)


def future_logits_backward(dy, cache):
    h, z, distractors, offset = cache
    B, T, K, _ = h.shape
    steps, about = future_pairs(T, K, offset)
    said = h[:, about - offset - steps, steps]
    others = z[np.arange(B)[:, None, None], distractors[:, about]]
    dsaid = dy[..., :1] * z[:, about] + np.einsum("bpm,bpmd->bpd", dy[..., 1:], others)
    dh = np.zeros_like(h)
    dh[:, about - offset - steps, steps] = dsaid
    dz = np.zeros_like(z)
    b = np.arange(B)[:, None]
    np.add.at(dz, (b, about[None]), dy[..., 0, None] * said)
    np.add.at(dz, (b[..., None], distractors[:, about]), dy[..., 1:, None] * said[..., None, :])
    return FutureLogitsGrads(h=dh, z=dz)


# --- one-hot matrices
def future_logits_backward(dy, cache):
    said, frames, places, offset = cache
    B, T, K, _ = said.shape
    steps, about = future_pairs(T, K, offset)
    full = np.zeros((B, T, K, frames.shape[2]), dy.dtype)
    full[:, about, steps] = dy
    dsaid = np.einsum("btkm,btmd->btkd", full, frames)
    dframes = np.einsum("btkm,btkd->btmd", full, said)
    own = places - T * np.arange(B)[:, None, None]
    onehot = (own[..., None] == np.arange(T)).astype(dy.dtype)
    dz = np.einsum("btmj,btmd->bjd", onehot, dframes)
    dh = np.zeros_like(said)
    dh[:, about - offset - steps, steps] = dsaid[:, about, steps]
    return dh, dz


# --- bincount over the width
def future_logits_backward(dy, cache):
    said, frames, places, offset = cache
    (dh, _) = ours.future_logits_backward(dy, cache)
    B, T, K, D = said.shape
    steps, about = future_pairs(T, K, offset)
    full = np.zeros((B, T, K, frames.shape[2]), dy.dtype)
    full[:, about, steps] = dy
    dframes = (np.swapaxes(full, -1, -2) @ said).reshape(-1, D)
    order = np.argsort(places, axis=None, kind="stable")
    s = np.concatenate([np.zeros((1, D), dy.dtype), np.cumsum(dframes[order], 0, dtype=np.float64).astype(dy.dtype)])
    edges = np.searchsorted(places.ravel()[order], np.arange(B * T + 1))
    return FutureLogitsGrads(dh, (s[edges[1:]] - s[edges[:-1]]).reshape(B, T, D))


# --- softplus with maximum
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    l = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.abs(logits)))
    return np.mean(l), BinaryCrossEntropyCache(logits, targets)


# --- log-sigmoid by where
def binary_cross_entropy_forward(logits, targets):
    if not logits.size:
        raise ValueError

    def log_sigmoid(x):
        return np.where(x > 0, -np.log1p(np.exp(-np.abs(x))), x - np.log1p(np.exp(-np.abs(x))))

    loss = -(targets * log_sigmoid(logits) + (1 - targets) * log_sigmoid(-logits))
    return loss.sum() / loss.size, {"z": logits, "t": targets}


def binary_cross_entropy_backward(dy, cache):
    z, t = cache["z"], cache["t"]
    e = np.exp(-np.abs(z))
    p = np.where(z >= 0, 1 / (1 + e), e / (1 + e))
    return LogitsGrad((p - t) / z.size * dy)


# --- cache with the gradient
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    p = 1 / (1 + np.exp(-logits))
    return float(np.mean(np.logaddexp(0, logits) - targets * logits)), ((p - targets) / logits.size,)


def binary_cross_entropy_backward(dy, cache):
    return {"logits": cache[0] * dy}


# --- naive sigmoid that overflows to the right limit
def binary_cross_entropy_backward(dy, cache):
    p = 1 / (1 + np.exp(-cache.logits))
    return (dy * (p - cache.targets) / p.size,)


# --- a Python float
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    return np.logaddexp(np.zeros_like(logits), logits).mean() - (targets * logits).mean(), BinaryCrossEntropyCache(
        logits, targets
    )


# --- bincount, number by number
def future_logits_backward(dy, cache):
    B, T, K, D = cache.said.shape
    steps, about = future_pairs(T, K, cache.offset)
    d = np.zeros((B, T, K, cache.frames.shape[2]), dy.dtype)
    d[:, about, steps] = dy
    dsaid, dframes = np.einsum("btkm,btmd->btkd", d, cache.frames), np.einsum("btkm,btkd->btmd", d, cache.said)
    flat = cache.places.ravel()
    dz = (
        np.stack([np.bincount(flat, dframes[..., i].ravel(), B * T) for i in range(D)], -1)
        .reshape(B, T, D)
        .astype(dy.dtype)
    )
    dh = np.zeros_like(dsaid)
    dh[:, about - cache.offset - steps, steps] = dsaid[:, about, steps]
    return FutureLogitsGrads(dh, dz)


# --- scores of all frames, of which the candidates are taken
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _ = h.shape
    check_numbers("distractors", distractors, T, "frames")
    if offset >= T:
        raise ValueError("too short")
    steps, about = future_pairs(T, K, offset)
    scores = np.einsum("btkd,bjd->btkj", h, z)[:, about - offset - steps, steps]
    cand = np.concatenate([np.tile(np.arange(T)[None, :, None], (B, 1, 1)), distractors], -1)[:, about]
    return np.take_along_axis(scores, cand, axis=-1), {"h": h, "z": z, "cand": cand, "offset": offset}


def future_logits_backward(dy, cache):
    h, z, cand, offset = cache["h"], cache["z"], cache["cand"], cache["offset"]
    B, T, K, _ = h.shape
    steps, about = future_pairs(T, K, offset)
    P = len(steps)
    ds = np.zeros((B, P, T), dy.dtype)
    np.add.at(ds, (np.arange(B)[:, None, None], np.arange(P)[:, None], cand), dy)
    dh = np.zeros_like(h)
    dh[:, about - offset - steps, steps] = ds @ z
    dz = ds.mT @ h[:, about - offset - steps, steps]
    return FutureLogitsGrads(h=dh, z=dz)
