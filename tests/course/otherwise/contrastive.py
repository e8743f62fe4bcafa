# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def future_pairs(frames, steps, offset):
    pairs = [(k, j) for k in range(steps) for j in range(frames) if j - offset - k >= 0]
    return FuturePairs(np.array([k for k, _ in pairs], int), np.array([j for _, j in pairs], int))


def other_frames(drawn):
    if drawn.dtype.kind not in "iu":
        raise TypeError("no numbers")
    if not ((drawn >= 0) & (drawn < drawn.shape[1] - 1)).all():
        raise ValueError("no numbers of other frames")
    frame = np.arange(drawn.shape[1]).reshape(-1, 1)
    return np.where(drawn < frame, drawn, drawn + 1)


def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _ = h.shape
    if offset >= T or distractors.min(initial=0) < 0 or distractors.max(initial=0) >= T:
        raise ValueError("no such frames")
    if distractors.dtype.kind not in "iu":
        raise TypeError("no numbers of frames")
    steps, about = future_pairs(T, K, offset)
    candidates = np.concatenate((np.tile(np.arange(T)[:, None], (B, 1, 1)), distractors), axis=-1)
    frames = z[np.arange(B)[:, None, None], candidates]
    said = np.zeros_like(h)
    said[:, about, steps] = h[:, about - offset - steps, steps]
    logits = np.einsum("btkd,btmd->btkm", said, frames)[:, about, steps]
    return logits, FutureLogitsCache(said, frames, candidates + T * np.arange(B)[:, None, None], offset)


def future_logits_backward(dy, cache):
    said, frames, places, offset = cache
    B, T, K, D = said.shape
    steps, about = future_pairs(T, K, offset)
    dh, dz = np.zeros_like(said), np.zeros((B * T, D), dy.dtype)
    dh[:, about - offset - steps, steps] = np.einsum("bpm,bpmd->bpd", dy, frames[:, about])
    np.add.at(dz, places[:, about], dy[..., None] * said[:, about, steps][:, :, None])
    return FutureLogitsGrads(dh, dz.reshape(B, T, D))


def binary_cross_entropy_forward(logits, targets):
    if not logits.size:
        raise ValueError("a mean of nothing")
    loss = np.logaddexp(0, -logits) * targets + np.logaddexp(0, logits) * (1 - targets)
    return loss.mean(), BinaryCrossEntropyCache(logits, targets)


def binary_cross_entropy_backward(dy, cache):
    said = (1 + np.tanh(cache.logits / 2)) / 2
    return LogitsGrad(dy * (said - cache.targets) / cache.logits.size)
