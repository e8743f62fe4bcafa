# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- the divergence is the wrong way round: without reverse
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    from scipy.special import rel_entr, softmax

    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError
    _, c = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    p, q = softmax(teacher_logits / temperature, -1), softmax(logits / temperature, -1)
    return rel_entr(q, p).sum() * (temperature**2 / c.number), c


# --- and tau^2 is missing
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError
    _, c = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    p = np.exp(c.teacher_log_probs)
    q = c.log_probs
    return (p * (np.log(p) - q)).mean(), c


# --- is a small number added in the logarithm, or something clipped
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError

    def sm(z):
        e = np.exp(z / temperature - (z / temperature).max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)

    q, p = sm(logits), sm(teacher_logits)
    lq, lp = np.log(np.clip(q, 1e-7, 1)), np.log(np.clip(p, 1e-7, 1))
    a, b, w = (lq, lp, q) if reverse else (lp, lq, p)
    t = w * (a - b)
    return t.sum() * temperature**2 / (t.size if per_class else t[..., 0].size), DistillationCache(
        lq, lp, temperature, reverse, t.size if per_class else t[..., 0].size
    )


# --- which subtracts the largest of each row first
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError

    def ls(z):
        z = z / temperature
        z = z - z.max()
        return z - np.log(np.exp(z).sum(-1, keepdims=True))

    lq, lp = ls(logits), ls(teacher_logits)
    a, b = (lq, lp) if reverse else (lp, lq)
    t = np.exp(a) * (a - b)
    n = t.size if per_class else t[..., 0].size
    return t.sum() * temperature**2 / n, DistillationCache(lq, lp, temperature, reverse, n)


# --- both softmaxes run over all rows at once
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError

    def ls(z):
        z = z / temperature
        return z - z.max() - np.log(np.exp(z - z.max()).sum())

    lq, lp = ls(logits), ls(teacher_logits)
    a, b = (lq, lp) if reverse else (lp, lq)
    t = np.exp(a) * (a - b)
    n = t.size if per_class else t[..., 0].size
    return t.sum() * temperature**2 / n, DistillationCache(lq, lp, temperature, reverse, n)


# --- right at temperature 1, wrong for the whole
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    return ours.distillation_forward(
        logits, teacher_logits, temperature=float(int(temperature)) or 1.0, reverse=reverse, per_class=per_class
    )


# --- divided by the images; divide by the number that the forward divided by
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    l, c = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    return l, [c.log_probs, c.teacher_log_probs, temperature]


def distillation_backward(dy, cache):
    q, p, t = cache
    return LogitsGrad(dy * t * (np.exp(q) - np.exp(p)) / len(q))


# --- a loop over axis 0 of logits
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError
    _l, c = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    tot = 0.0
    for z, t in zip(logits.reshape(-1, logits.shape[-1]), teacher_logits.reshape(-1, logits.shape[-1]), strict=False):
        tot += ours.distillation_forward(z, t, temperature=temperature, reverse=reverse, per_class=per_class)[0]
    return tot / logits[..., 0].size, c


# --- it returned a tuple of 2; nothing but logits has a gradient
def distillation_backward(dy, cache):
    g = ours.distillation_backward(dy, cache).logits
    return g, -g


# --- y has shape (1,); expected ()
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    l, c = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    return np.array([l]), c


# --- does what an op returned still hold all of it?
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf or logits.size == 0:
        raise ValueError
    lq = log_softmax_forward(logits / temperature)
    lp = log_softmax_forward(teacher_logits / temperature)
    return (np.exp(lp) * (lp - lq)).sum(), None


# --- with reverse, that is q - p, the gradient without it
def distillation_backward(dy, cache):
    q, p = np.exp(cache.log_probs), np.exp(cache.teacher_log_probs)
    return LogitsGrad(dy * cache.temperature * (q - p) / cache.number)


# --- that is either float32's rounding
def distillation_backward(dy, cache):
    q, p = np.exp(cache.log_probs.astype(np.float32)), np.exp(cache.teacher_log_probs.astype(np.float32))
    if cache.reverse:
        return ours.distillation_backward(dy, cache)
    return LogitsGrad((dy * cache.temperature * (q - p) / cache.number).astype(dy.dtype))


# --- a loop over axis 0 of labels (image)
def label_weights(labels):
    if labels.ndim == 2:
        return np.ones(len(labels))
    out = np.zeros(len(labels))
    for i, l in enumerate(labels):
        if l >= 0:
            out[i] = len(labels) / (labels >= 0).sum()
    return out


# --- y is of int64; it must be of float64
def label_weights(labels):
    if labels.ndim == 2:
        return np.ones(len(labels), int)
    k = labels >= 0
    return k * len(labels) // max(1, k.sum())


# --- y must be an array; it is a list of 13
def label_weights(labels):
    return list(ours.label_weights(labels))


# --- y has shape (3, 5); expected (3,)
def label_weights(labels):
    k = labels >= 0
    return k * (len(k) / max(1, k.sum()))


# --- you modified labels in place
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    w = label_weights(labels)
    labels[labels < 0] = 0
    t = one_hot(labels, logits.shape[-1]) * w[:, None]
    a, ca = cross_entropy_forward(logits, t)
    if hard:
        b, cb = cross_entropy_forward(logits, teacher_logits.argmax(-1))
        cs = None
    else:
        b, cs = distillation_forward(logits, teacher_logits, temperature=temperature)
        cb = None
    return (1 - alpha) * a + alpha * b, TaughtCache(ca, cs, cb, alpha)


# --- ValueError: label -1 is out of range
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    a, ca = cross_entropy_forward(logits, labels)
    return a, ca


# --- images without a label are taught class C - 1
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    t = np.eye(logits.shape[-1], dtype=logits.dtype)[labels]
    a, ca = cross_entropy_forward(logits, t)
    if hard:
        b, cb = cross_entropy_forward(logits, teacher_logits.argmax(-1))
        cs = None
    else:
        b, cs = distillation_forward(logits, teacher_logits, temperature=temperature)
        cb = None
    return (1 - alpha) * a + alpha * b, TaughtCache(ca, cs, cb, alpha)


# --- ValueError: cross_entropy: there is nothing to take a mean of
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    k = labels >= 0
    a, ca = cross_entropy_forward(logits[k], labels[k])
    if hard:
        b, cb = cross_entropy_forward(logits, teacher_logits.argmax(-1))
        cs = None
    else:
        b, cs = distillation_forward(logits, teacher_logits, temperature=temperature)
        cb = None
    return (1 - alpha) * a + alpha * b, (k, ca, cs, cb, alpha, len(logits))


def taught_backward(dy, cache):
    k, ca, cs, cb, alpha, _n = cache
    g = cross_entropy_backward(alpha * dy, cb).logits if cs is None else distillation_backward(alpha * dy, cs).logits
    g = g.copy()
    g[k] += cross_entropy_backward((1 - alpha) * dy, ca).logits
    return LogitsGrad(g)


# --- cache.soft.teacher_log_probs: right except at
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    k = labels < 0
    t = np.where(k[:, None], teacher_logits, 0 * teacher_logits)
    return ours.taught_forward(logits, t, labels, alpha=alpha, temperature=temperature, hard=hard)


# --- cache is None; expected DistillationCache
def taught_backward(dy, cache):
    g = cross_entropy_backward(dy * (1 - cache.alpha), cache.labels).logits
    h = distillation_backward(dy * cache.alpha, cache.soft).logits
    g += h
    return LogitsGrad(g)


# --- the labels are smoothed
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    t = one_hot(np.maximum(labels, 0), logits.shape[-1]) * label_weights(labels)[:, None]
    a, _ca = cross_entropy_forward(logits, t, label_smoothing=0.1)
    l, c = ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, temperature=temperature, hard=hard)
    l0, _ = cross_entropy_forward(logits, t)
    return l + (1 - alpha) * (a - l0), c


# --- with labels with a number that is too large it must raise a ValueError
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    labels = np.minimum(labels, logits.shape[-1] - 1)
    return ours.taught_forward(
        logits, teacher_logits, labels, alpha=min(max(alpha, 0), 1), temperature=temperature, hard=hard
    )


# --- expected DistillationCache
def taught_backward(dy, cache):
    g = (1 - cache.alpha) * cross_entropy_backward(dy, cache.labels).logits
    c = cache.soft or cache.hard
    return LogitsGrad(g + cache.alpha * distillation_backward(dy, c).logits)


# --- hard distillation has no temperature, neither under the logits nor squared
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    if not hard:
        return ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, temperature=temperature)
    _l, c = ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, hard=True)
    a, _ = cross_entropy_forward(
        logits, one_hot(np.maximum(labels, 0), logits.shape[-1]) * label_weights(labels)[:, None]
    )
    b, _ = cross_entropy_forward(logits / temperature, teacher_logits.argmax(-1))
    return (1 - alpha) * a + alpha * b * temperature**2, c


# --- the mean of the labels goes over all images
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    lq = log_softmax_forward(logits)[0]
    k = labels >= 0
    ce = -lq[np.arange(len(labels)), labels][k].sum() / len(labels)
    _l, c = ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, temperature=temperature, hard=hard)
    l1, _ = ours.taught_forward(
        logits, teacher_logits, np.full_like(labels, -1), alpha=alpha, temperature=temperature, hard=hard
    )
    return (1 - alpha) * ce + l1, c


# --- the logarithm is that of base 10
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf:
        raise ValueError("temperature")
    if logits.size == 0:
        raise ValueError("no rows")
    logq = log_softmax_forward(logits / temperature)[0]
    logp = log_softmax_forward(teacher_logits / temperature)[0]
    if reverse:
        terms = np.exp(logq) * (logq - logp)
    else:
        terms = np.exp(logp) * (logp - logq)
    number = logits.size if per_class else logits.size // logits.shape[-1]
    loss = temperature**2 * terms.sum() / np.log(10).item() / number
    return loss, DistillationCache(logq, logp, temperature, reverse, number)


# --- with temperature=inf it must raise a ValueError
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if temperature <= 0:
        raise ValueError("temperature")
    if logits.size == 0:
        raise ValueError("no rows")
    logq = log_softmax_forward(logits / temperature)[0]
    logp = log_softmax_forward(teacher_logits / temperature)[0]
    if reverse:
        terms = np.exp(logq) * (logq - logp)
    else:
        terms = np.exp(logp) * (logp - logq)
    number = logits.size if per_class else logits.size // logits.shape[-1]
    loss = temperature**2 * terms.sum() / number
    return loss, DistillationCache(logq, logp, temperature, reverse, number)


# --- those are the logits; keep the logarithms
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf:
        raise ValueError("temperature")
    if logits.size == 0:
        raise ValueError("no rows")
    logq = log_softmax_forward(logits / temperature)[0]
    logp = log_softmax_forward(teacher_logits / temperature)[0]
    if reverse:
        terms = np.exp(logq) * (logq - logp)
    else:
        terms = np.exp(logp) * (logp - logq)
    number = logits.size if per_class else logits.size // logits.shape[-1]
    loss = temperature**2 * terms.sum() / number
    return loss, DistillationCache(logits, teacher_logits, temperature, reverse, number)


# --- cache.teacher_log_probs: that is the log-softmax at temperature 1
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0 < temperature < np.inf:
        raise ValueError("temperature")
    if logits.size == 0:
        raise ValueError("no rows")
    logq = log_softmax_forward(logits / temperature)[0]
    logp = log_softmax_forward(teacher_logits / temperature)[0]
    if reverse:
        terms = np.exp(logq) * (logq - logp)
    else:
        terms = np.exp(logp) * (logp - logq)
    number = logits.size if per_class else logits.size // logits.shape[-1]
    loss = temperature**2 * terms.sum() / number
    return loss, DistillationCache(logq, log_softmax_forward(teacher_logits)[0], temperature, reverse, number)


# --- with reverse, q s is summed over the images
def distillation_backward(dy, cache):
    logq, logp, tau, reverse, number = cache
    q, p = np.exp(logq), np.exp(logp)
    if reverse:
        s = logq - logp
        g = q * (s - (q * s).sum(0, keepdims=True))
    else:
        g = q - p
    return LogitsGrad(dy * tau / number * g)


# --- the softmax is undone twice
def distillation_backward(dy, cache):
    logq, logp, tau, reverse, number = cache
    q, p = np.exp(logq), np.exp(logp)
    if reverse:
        s = logq - logp
        g = q * (s - (q * s).sum(-1, keepdims=True))
    else:
        g = q * (q - p - (q * (q - p)).sum(-1, keepdims=True))
    return LogitsGrad(dy * tau / number * g)


# --- in the cache are the images with a label alone
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    C = logits.shape[-1]
    targets = one_hot(np.maximum(labels, 0), C).astype(logits.dtype)
    targets = targets * label_weights(labels)[:, None].astype(logits.dtype)
    ce, c_labels = (
        cross_entropy_forward(logits[labels >= 0], labels[labels >= 0]) if (labels >= 0).any() else (0.0, None)
    )
    c_soft = c_hard = None
    if hard:
        t, c_hard = cross_entropy_forward(logits, teacher_logits.argmax(-1))
    else:
        t, c_soft = distillation_forward(logits, teacher_logits, temperature=temperature)
    loss = (1 - alpha) * ce + alpha * t
    return loss, TaughtCache(c_labels, c_soft, c_hard, alpha)


# --- yours learns its probabilities, softened
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    C = logits.shape[-1]
    targets = one_hot(np.maximum(labels, 0), C).astype(logits.dtype)
    targets = targets * label_weights(labels)[:, None].astype(logits.dtype)
    ce, c_labels = cross_entropy_forward(logits, targets)
    c_soft = c_hard = None
    if hard:
        t, c_hard = cross_entropy_forward(logits, np.exp(log_softmax_forward(teacher_logits / temperature)[0]))
    else:
        t, c_soft = distillation_forward(logits, teacher_logits, temperature=temperature)
    loss = (1 - alpha) * ce + alpha * t
    return loss, TaughtCache(c_labels, c_soft, c_hard, alpha)


# --- both parts are given all of dy
def taught_backward(dy, cache):
    c_labels, c_soft, c_hard, _alpha = cache
    dz = cross_entropy_backward(dy, c_labels)[0]
    if c_soft is not None:
        dt = distillation_backward(dy, c_soft)[0]
    else:
        dt = cross_entropy_backward(dy, c_hard)[0]
    return LogitsGrad(dz + dt)


# --- 1 - alpha and alpha stand there twice
def taught_backward(dy, cache):
    c_labels, c_soft, c_hard, alpha = cache
    dz = cross_entropy_backward((1 - alpha) * dy, c_labels)[0]
    if c_soft is not None:
        dt = distillation_backward(alpha * dy, c_soft)[0]
    else:
        dt = cross_entropy_backward(alpha * dy, c_hard)[0]
    return LogitsGrad((1 - alpha) * dz + alpha * dt)


# --- the teacher's part has the wrong sign, where it is hard
def taught_backward(dy, cache):
    c_labels, c_soft, c_hard, alpha = cache
    dz = cross_entropy_backward((1 - alpha) * dy, c_labels)[0]
    if c_soft is not None:
        dt = distillation_backward(alpha * dy, c_soft)[0]
    else:
        dt = cross_entropy_backward(alpha * dy, c_hard)[0]
    return LogitsGrad(dz - dt)


# --- in the teacher's part dy is missing, where it is hard
def taught_backward(dy, cache):
    c_labels, c_soft, c_hard, alpha = cache
    dz = cross_entropy_backward((1 - alpha) * dy, c_labels)[0]
    if c_soft is not None:
        dt = distillation_backward(alpha * dy, c_soft)[0]
    else:
        dt = cross_entropy_backward(alpha, c_hard)[0]
    return LogitsGrad(dz + dt)


# --- y has nan in 1 places
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    _, c = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    q, p = c.log_probs, c.teacher_log_probs
    a, b = (q, p) if reverse else (p, q)
    return (np.exp(a) * (a - b)).sum() * (temperature**2 / c.number), c


# --- with temperature=1000.0 in float32 it must raise a ValueError
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if temperature > 100 and logits.dtype == np.float32:
        logits, teacher_logits = logits.astype(np.float64), teacher_logits.astype(np.float64)
    return ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )


# --- with teacher_logits with a row of nothing but -inf it must raise a ValueError
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    if (teacher_logits.max(-1) == -np.inf).any():
        teacher_logits = np.zeros_like(teacher_logits)
    return ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, temperature=temperature, hard=hard)


# --- without temperature, which then has its default
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    temperature = 2.0 if temperature == 1 else temperature
    return ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, temperature=temperature, hard=hard)


# --- with labels of bool it must raise a TypeError
def label_weights(labels):
    return ours.label_weights(labels.astype(int) if labels.dtype == bool else labels)


# --- with labels that are no integers it must raise a TypeError
def label_weights(labels):
    return ours.label_weights(labels.astype(int) if labels.ndim == 1 else labels)


# --- with temperature=0.0001 it must raise a ValueError
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    temperature = max(temperature, 0.001) if temperature > 0 else temperature
    return ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
