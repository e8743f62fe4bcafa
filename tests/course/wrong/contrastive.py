# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- that is the frame at which it was said
def future_pairs(frames, steps, offset):
    pairs = [(k, t) for k in range(steps) for t in range(frames) if t + offset + k < frames]
    return FuturePairs(*map(np.array, zip(*pairs, strict=False)))


# --- the pairs come frame by frame
def future_pairs(frames, steps, offset):
    pairs = [(k, j) for j in range(frames) for k in range(steps) if j >= offset + k]
    return FuturePairs(*map(np.array, zip(*pairs, strict=False)))


# --- every step has as many pairs as the farthest
def future_pairs(frames, steps, offset):
    n = frames - offset - steps + 1
    pairs = [(k, t + offset + k) for k in range(steps) for t in range(max(n, 1))]
    return FuturePairs(*map(np.array, zip(*pairs, strict=False)))


# --- each step has a pair too few
def future_pairs(frames, steps, offset):
    pairs = [(k, j) for k in range(1, steps + 1) for j in range(frames) if j >= offset + k]
    return FuturePairs(*map(np.array, zip(*pairs, strict=False)))


# --- the result must be a FuturePairs (steps, about); it returned a list of
def future_pairs(frames, steps, offset):
    return [(k, j) for k in range(steps) for j in range(frames) if j >= offset + k]


# --- it returned one array of shape
def future_pairs(frames, steps, offset):
    return np.arange(frames) >= offset + np.arange(steps)[:, None]


# --- each once; yours gets
def other_frames(drawn):
    T = drawn.shape[1]
    rng = np.random.default_rng(0)
    out = rng.integers(T - 1, size=drawn.shape)
    return out + (out >= np.arange(T)[:, None])


# --- only the own number becomes one more
def other_frames(drawn):
    t = np.arange(drawn.shape[1])[:, None]
    return np.where(drawn == t, (drawn + 1) % drawn.shape[1], drawn)


# --- frame 0 must get [1, 2, 3, 4, 5, 6], each once; yours gets [-1,
def other_frames(drawn):
    t = np.arange(drawn.shape[1])[:, None]
    return np.where(drawn == t, drawn - 1, drawn)


# --- a loop over axis 0 of drawn (sound)
def other_frames(drawn):
    check_numbers("x", drawn, drawn.shape[1] - 1, "f")
    out = drawn.copy()
    for b in range(out.shape[0]):
        for t in range(out.shape[1]):
            for n in range(out.shape[2]):
                if out[b, t, n] >= t:
                    out[b, t, n] += 1
    return out


# --- you modified drawn in place
def other_frames(drawn):
    drawn[drawn >= np.arange(drawn.shape[1])[None, :, None]] += 1
    return drawn


# --- all frames are of the first sound
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    said = np.zeros_like(h)
    for k in range(K):
        if offset + k < T:
            said[:, offset + k :, k] = h[:, : T - offset - k, k]
    idx = np.concatenate([np.tile(np.arange(T)[:, None], (B, 1, 1)), distractors], 2)
    frames = z[0][idx]
    return (said @ frames.mT)[:, about, steps], FutureLogitsCache(
        said, frames, idx + T * np.arange(B)[:, None, None], offset
    )


# --- (np.roll); of the first frames nothing was said
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    said = np.stack([np.roll(h[:, :, k], offset + k, 1) for k in range(K)], 2)
    idx = np.concatenate([np.tile(np.arange(T)[:, None], (B, 1, 1)), distractors], 2)
    frames = z[np.arange(B)[:, None, None], idx]
    return (said @ frames.mT)[:, about, steps], FutureLogitsCache(
        said, frames, idx + T * np.arange(B)[:, None, None], offset
    )


# --- the distractors are those of the frame at which it was said
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    t = about - offset - steps
    said = h[:, t, steps]
    idx = np.concatenate([np.tile(about[:, None], (B, 1, 1)), distractors[:, t]], 2)
    frames = z[np.arange(B)[:, None, None], idx]
    return np.einsum("bpd,bpmd->bpm", said, frames), (h, z, distractors, offset)


# --- the true frame is `offset` later for all steps
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    t = about - offset - steps
    said = h[:, t, steps]
    idx = np.concatenate([np.tile((t + offset)[:, None], (B, 1, 1)), distractors[:, about]], 2)
    frames = z[np.arange(B)[:, None, None], idx]
    return np.einsum("bpd,bpmd->bpm", said, frames), (h, z, distractors, offset)


# --- what the first step says is taken for all
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    said = h[:, about - offset - steps, 0]
    idx = np.concatenate([np.tile(about[:, None], (B, 1, 1)), distractors[:, about]], 2)
    frames = z[np.arange(B)[:, None, None], idx]
    return np.einsum("bpd,bpmd->bpm", said, frames), (h, z, distractors, offset)


# --- with distractors with -1 in it it must raise a ValueError
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    steps, about = future_pairs(T, K, offset)
    said = h[:, about - offset - steps, steps]
    idx = np.concatenate([np.tile(about[:, None], (B, 1, 1)), distractors[:, about]], 2)
    frames = z[np.arange(B)[:, None, None], idx]
    return np.einsum("bpd,bpmd->bpm", said, frames), (h, z, distractors, offset)


# --- a loop over axis 0 of h (sound)
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, _D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    out = []
    for b in range(B):
        said = h[b, about - offset - steps, steps]
        idx = np.concatenate([about[:, None], distractors[b, about]], 1)
        out.append(np.einsum("pd,pmd->pm", said, z[b][idx]))
    return np.stack(out), (h, z, distractors, offset)


# --- yours is j B + b
def future_logits_forward(h, z, distractors, *, offset):
    B, T, K, D = h.shape
    if offset >= T:
        raise ValueError
    check_numbers("d", distractors, T, "f")
    steps, about = future_pairs(T, K, offset)
    _, cache = ours.future_logits_forward(h, z, distractors, offset=offset)
    idx = np.concatenate([np.tile(np.arange(T)[:, None], (B, 1, 1)), distractors], 2)
    frames = z.reshape(B * T, D)[idx * B + np.arange(B)[:, None, None]]
    return (cache.said @ frames.mT)[:, about, steps], cache._replace(frames=frames)


# --- yours keeps one gradient of them
def future_logits_backward(dy, cache):
    said, _frames, places, offset = cache
    dh, _ = ours.future_logits_backward(dy, cache)
    B, T, K, D = said.shape
    steps, about = future_pairs(T, K, offset)
    dz = np.zeros((B * T, D), dy.dtype)
    dz[places[:, about]] += dy[..., None] * said[:, about, steps][:, :, None]
    return FutureLogitsGrads(dh, dz.reshape(B, T, D))


# --- only the true frame gets a gradient
def future_logits_backward(dy, cache):
    said, _frames, _places, offset = cache
    dh, _ = ours.future_logits_backward(dy, cache)
    B, T, K, D = said.shape
    steps, about = future_pairs(T, K, offset)
    dz = np.zeros((B, T, D), dy.dtype)
    np.add.at(dz, (slice(None), about), dy[..., :1] * said[:, about, steps])
    return FutureLogitsGrads(dh, dz)


# --- the gradient stays at the frame that was spoken of
def future_logits_backward(dy, cache):
    said, frames, _places, offset = cache
    _, dz = ours.future_logits_backward(dy, cache)
    _B, T, K, _D = said.shape
    steps, about = future_pairs(T, K, offset)
    dh = np.zeros_like(said)
    dh[:, about, steps] = np.einsum("bpm,bpmd->bpd", dy, frames[:, about])
    return FutureLogitsGrads(dh, dz)


# --- the gradients of all sounds are added to the first one
def future_logits_backward(dy, cache):
    _said, _frames, _places, _offset = cache
    dh, dz = ours.future_logits_backward(dy, cache)
    total = dz.sum(0)
    dz = np.zeros_like(dz)
    dz[0] = total
    return FutureLogitsGrads(dh, dz)


# --- a loop over axis 2 of distractors
def future_logits_backward(dy, cache):
    said, _frames, places, offset = cache
    dh, _ = ours.future_logits_backward(dy, cache)
    B, T, K, D = said.shape
    steps, about = future_pairs(T, K, offset)
    dz = np.zeros((B * T, D), dy.dtype)
    for m in range(places.shape[2]):
        np.add.at(dz, places[:, about, m], dy[..., m, None] * said[:, about, steps])
    return FutureLogitsGrads(dh, dz.reshape(B, T, D))


# --- exp(800) overflows
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    p = 1 / (1 + np.exp(-logits))
    return -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(), BinaryCrossEntropyCache(logits, targets)


# --- yours costs 1e-07: is a small number added in the logarithm, or something clipped?
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    p = np.clip(1 / (1 + np.exp(-logits)), 1e-7, 1 - 1e-7)
    return -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean(), BinaryCrossEntropyCache(logits, targets)


# --- z is missing
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    return (np.log1p(np.exp(-np.abs(logits))) - targets * logits).mean(), BinaryCrossEntropyCache(logits, targets)


# --- summed over the candidates and averaged over the rows
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    l = np.logaddexp(0, logits) - targets * logits
    return l.sum(-1).mean(), BinaryCrossEntropyCache(logits, targets)


# --- weigh as much as all distractors together
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError
    l = np.logaddexp(0, logits) - targets * logits
    return (l[..., 0].mean() + l[..., 1:].mean()) / 2, BinaryCrossEntropyCache(logits, targets)


# --- with no rows it must raise a ValueError
def binary_cross_entropy_forward(logits, targets):
    return (np.logaddexp(0, logits) - targets * logits).mean(), BinaryCrossEntropyCache(logits, targets)


# --- right where logits are small
def binary_cross_entropy_backward(dy, cache):
    e = np.exp(cache.logits)
    return LogitsGrad(dy * (e / (1 + e) - cache.targets) / cache.logits.size)


# --- divided by the batch
def binary_cross_entropy_backward(dy, cache):
    return LogitsGrad(dy * (sigmoid_forward(cache.logits)[0] - cache.targets) / len(cache.logits))


# --- that is the gradient of the sigmoids
def binary_cross_entropy_backward(dy, cache):
    p = sigmoid_forward(cache.logits)[0]
    return LogitsGrad(dy * (-cache.targets / p + (1 - cache.targets) / (1 - p)) / p.size)


# --- does what an op returned still hold all of it?
def binary_cross_entropy_backward(dy, cache):
    p = sigmoid_forward(cache.logits)
    return LogitsGrad(dy * (p - cache.targets) / cache.logits.size)


# --- that is a softmax over the candidates
def binary_cross_entropy_backward(dy, cache):
    e = np.exp(cache.logits - cache.logits.max(-1, keepdims=True))
    return LogitsGrad(dy * (e / e.sum(-1, keepdims=True) - cache.targets) / cache.logits.size)


# --- it must raise a ValueError, as its docstring promises
def other_frames(drawn):
    check_numbers("drawn", drawn, drawn.shape[1], "x")
    return drawn + (drawn >= np.arange(drawn.shape[1])[:, None])


# --- what was said is taken of one frame before
def future_logits_forward(h, z, distractors, *, offset):
    steps, about = future_pairs(h.shape[1], h.shape[2], offset)
    cand = np.concatenate([np.tile(about[:, None], (len(h), 1, 1)), distractors[:, about]], -1)
    said = h[:, about - offset - steps - 1, steps]
    return np.einsum("bpd,bpmd->bpm", said, z[np.arange(len(h))[:, None, None], cand]), (h, z, distractors, offset)


# --- the gradient is moved on once more, in a circle
def future_logits_backward(dy, cache):
    said, frames, _, offset = cache
    _, T, K, _ = said.shape
    steps, about = future_pairs(T, K, offset)
    g = ours.future_logits_backward(dy, cache)
    d = np.zeros((len(dy), T, K, frames.shape[2]), dy.dtype)
    d[:, about, steps] = dy
    ds = d @ frames
    dh = np.stack([np.roll(ds[:, :, k], offset + k, 1) for k in range(K)], 2)
    return FutureLogitsGrads(dh, g.z)


# --- yours costs 0.693147: is a small number added
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError("n")
    p = sigmoid_forward(logits)[0]
    return -(targets * np.log(p + 1e-7) + (1 - targets) * np.log(1 - p + 1e-7)).mean(), BinaryCrossEntropyCache(
        logits, targets
    )


# --- yours costs 500: is a small number added
def binary_cross_entropy_forward(logits, targets):
    if logits.size == 0:
        raise ValueError("n")
    z = np.clip(logits, -500, 500)
    return (np.log1p(np.exp(z)) - targets * z).mean(), BinaryCrossEntropyCache(logits, targets)


# --- the half is missing in the tangent
def binary_cross_entropy_backward(dy, cache):
    p = (1 + np.tanh(cache.logits)) / 2
    return LogitsGrad(dy * (p - cache.targets) / p.size)
