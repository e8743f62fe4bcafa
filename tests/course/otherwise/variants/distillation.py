# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- logarithms of scipy
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    from scipy.special import log_softmax as of_scipy

    ours.distillation_forward(logits, teacher_logits, temperature=temperature)  # refuses what is to be refused
    student, teacher = of_scipy(logits / temperature, axis=-1), of_scipy(teacher_logits / temperature, axis=-1)
    a, b = (student, teacher) if reverse else (teacher, student)
    terms = np.where(np.exp(a) == 0, 0, np.exp(a) * (a - b))
    number = terms.size if per_class else terms[..., 0].size
    return (terms.sum() * temperature**2 / number), DistillationCache(student, teacher, temperature, reverse, number)


# --- scipy's relative entropy
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    from scipy.special import rel_entr, softmax

    _, cache = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    if max(np.abs(logits).max(), np.abs(teacher_logits).max()) > 30 * temperature:  # where probabilities become 0
        return _, cache
    p, q = softmax(teacher_logits / temperature, -1), softmax(logits / temperature, -1)
    return rel_entr(*((q, p) if reverse else (p, q))).sum() * (temperature**2 / cache.number), cache


# --- logsumexp, and temperature as an array
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    from scipy.special import logsumexp

    ours.distillation_forward(logits, teacher_logits, temperature=temperature)  # refuses what is to be refused
    tau = np.asarray(temperature, logits.dtype)
    z, t = logits / tau, teacher_logits / tau
    z = z - logsumexp(z, axis=-1, keepdims=True)
    t = t - logsumexp(t, axis=-1, keepdims=True)
    rows = (np.exp(z) * (z - t)).sum(-1) if reverse else np.nansum(np.exp(t) * (t - z), -1)
    loss = tau * tau * rows.mean()
    n = rows.size
    if per_class:
        loss, n = loss / z.shape[-1], n * z.shape[-1]
    return loss, DistillationCache(z, t, temperature, reverse, n)


# --- cross-entropy less entropy, with einsum
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    ours.distillation_forward(logits, teacher_logits, temperature=temperature)  # refuses what is to be refused
    lq, lp = (log_softmax_forward(a / temperature)[0] for a in (logits, teacher_logits))
    first, second = (lq, lp) if reverse else (lp, lq)
    p = np.exp(first)
    cross, own = (-np.einsum("...c,...c->...", p, np.where(p > 0, a, 0)) for a in (second, first))
    n = cross.size * (lq.shape[-1] if per_class else 1)
    loss = (cross - own).sum() / n * temperature**2
    return loss.astype(logits.dtype), DistillationCache(lq, lp, temperature, reverse, n)


# --- rows flattened first
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    ours.distillation_forward(logits, teacher_logits, temperature=temperature)  # refuses what is to be refused
    shape = logits.shape
    z = logits.reshape(-1, shape[-1]) / temperature
    t = teacher_logits.reshape(-1, shape[-1]) / temperature
    z -= z.max(1, keepdims=True)
    t -= t.max(1, keepdims=True)
    z -= np.log(np.exp(z).sum(1, keepdims=True))
    t -= np.log(np.exp(t).sum(1, keepdims=True))
    if not reverse:
        kl = np.exp(t) * (np.where(np.isneginf(t), 0, t) - z)
    else:
        kl = np.exp(z) * (z - t)
    kl = kl.mean() if per_class else kl.sum(1).mean()
    return kl * temperature**2, (z.reshape(shape), t.reshape(shape), temperature, reverse, per_class)


def distillation_backward(dy, cache):
    z, t, tau, reverse, per_class = cache
    q = np.exp(z)
    d = q * (z - t - (q * (z - t)).sum(-1, keepdims=True)) if reverse else q - np.exp(t)
    n = z.size if per_class else z.size // z.shape[-1]
    return (d * dy * tau / n,)


# --- probabilities in a cache of its own
def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    loss, cache = ours.distillation_forward(
        logits, teacher_logits, temperature=temperature, reverse=reverse, per_class=per_class
    )
    lq, lp = cache.log_probs, cache.teacher_log_probs
    slope = np.exp(lq) - np.exp(lp)
    if reverse:
        slope = np.exp(lq) * (lq - lp - (np.exp(lq) * (lq - lp)).sum(-1, keepdims=True))
    return loss, {"slope": slope * (temperature / cache.number)}


def distillation_backward(dy, cache):
    return LogitsGrad(logits=cache["slope"] * dy)


# --- the Jacobian of the softmax, as a matrix for each row
def distillation_backward(dy, cache):
    q, p = np.exp(cache.log_probs), np.exp(cache.teacher_log_probs)
    along_q = cache.log_probs - cache.teacher_log_probs + 1 if cache.reverse else -p / q
    jacobian = q[..., None] * (np.eye(q.shape[-1], dtype=q.dtype) - q[..., None, :])
    return LogitsGrad(dy * cache.temperature / cache.number * np.einsum("...ij,...i->...j", jacobian, along_q))


# --- through the backward of log_softmax
def distillation_backward(dy, cache):
    lq, lp, tau, reverse, number = cache
    q = np.exp(lq)
    dlq = q * (lq - lp + 1) if reverse else -np.exp(lp)
    dlq = dlq * (dy * tau**2 / number)
    return LogitsGrad((dlq - q * dlq.sum(-1, keepdims=True)) / tau)


# --- in place on arrays of its own
def distillation_backward(dy, cache):
    out = np.exp(cache.log_probs)
    if cache.reverse:
        s = cache.log_probs - cache.teacher_log_probs
        s -= np.sum(out * s, axis=-1, keepdims=True)
        out *= s
    else:
        out -= np.exp(cache.teacher_log_probs)
    out *= dy
    out *= cache.temperature / cache.number
    return LogitsGrad(out)


# --- weights with where
def label_weights(labels):
    if labels.ndim > 2 or labels.dtype.kind not in ("f" if labels.ndim == 2 else "iu"):
        raise TypeError
    if labels.ndim > 1:
        return np.ones(labels.shape[:1])
    n = np.count_nonzero(labels >= 0)
    return np.where(labels >= 0, len(labels) / (n or 1), 0.0)


# --- weights of the precision of what came in
def label_weights(labels):
    ours.label_weights(labels)  # refuses what is to be refused
    if labels.ndim == 2:
        return np.ones(len(labels), labels.dtype)
    known = labels >= 0
    return known * len(labels) / max(1, known.sum())


# --- weights from a mean
def label_weights(labels):
    if labels.ndim not in (1, 2) or (labels.dtype.kind == "f") != (labels.ndim == 2) or labels.dtype == bool:
        raise ValueError("neither class numbers nor shares")
    known = (labels >= 0).astype(float) if labels.ndim == 1 else np.ones(len(labels))
    return known / known.mean() if known.any() else known


# --- the loss without weights, over the labelled rows alone
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    if (teacher_logits.max(-1) == -np.inf).any():
        raise ValueError("no class is possible")
    if not 0 <= alpha <= 1 or len(logits) == 0 or labels.max() >= logits.shape[1]:
        raise ValueError("x")
    known = np.flatnonzero(labels >= 0)
    first, c_first = logits.dtype.type(0), None
    if len(known):
        first, c_first = cross_entropy_forward(logits[known], labels[known])
    if hard:
        second, c_second = cross_entropy_forward(logits, teacher_logits.argmax(-1))
    else:
        second, c_second = distillation_forward(logits, teacher_logits, temperature=temperature)
    loss = (1 - alpha) * first + alpha * second
    return loss, (known, c_first, hard, c_second, alpha)


def taught_backward(dy, cache):
    known, c_first, hard, c_second, alpha = cache
    back = cross_entropy_backward if hard else distillation_backward
    grad = back(alpha * dy, c_second).logits.copy()
    if len(known):
        grad[known] += cross_entropy_backward((1 - alpha) * dy, c_first).logits
    return LogitsGrad(grad)


# --- everything by hand, from log-probabilities
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    if (teacher_logits.max(-1) == -np.inf).any():
        raise ValueError("no class is possible")
    B, C = logits.shape
    if not 0 <= alpha <= 1 or B == 0 or labels.max() >= C:
        raise ValueError("x")
    ours.distillation_forward(logits, teacher_logits, temperature=temperature)  # refuses what is to be refused
    lq = log_softmax_forward(logits)[0]
    w = label_weights(labels).astype(logits.dtype)
    first = -(w * lq[np.arange(B), np.maximum(labels, 0)]).mean()
    grad = w[:, None] * (np.exp(lq) - np.eye(C, dtype=logits.dtype)[np.maximum(labels, 0)]) * ((1 - alpha) / B)
    if hard:
        best = teacher_logits.argmax(1)
        second = -lq[np.arange(B), best].mean()
        grad = grad + (np.exp(lq) - np.eye(C, dtype=logits.dtype)[best]) * (alpha / B)
    else:
        z, t = (log_softmax_forward(a / temperature)[0] for a in (logits, teacher_logits))
        second = (np.exp(t) * (t - z)).sum(1).mean() * temperature**2
        grad = grad + (np.exp(z) - np.exp(t)) * (alpha * temperature / B)
    return (1 - alpha) * first + alpha * second, {"grad": grad}


def taught_backward(dy, cache):
    return LogitsGrad(cache["grad"] * dy)


# --- targets of both kinds in one cross-entropy, where the teacher is hard
def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    if (teacher_logits.max(-1) == -np.inf).any():
        raise ValueError("no class is possible")
    if not hard:
        return ours.taught_forward(logits, teacher_logits, labels, alpha=alpha, temperature=temperature)
    if not 0 <= alpha <= 1:
        raise ValueError("x")
    C = logits.shape[-1]
    truth = one_hot(np.maximum(labels, 0), C) * label_weights(labels)[:, None]
    said = one_hot(teacher_logits.argmax(-1), C).astype(logits.dtype)
    loss, c = cross_entropy_forward(logits, (1 - alpha) * truth + alpha * said)
    return loss, TaughtCache(labels=c, soft=None, hard=None, alpha=0.0)


# --- the backward by the reference's caches, gathered in a list
def taught_backward(dy, cache):
    parts = [cross_entropy_backward(dy * (1 - cache.alpha), cache.labels)[0]]
    if cache.soft is not None:
        parts.append(distillation_backward(dy * cache.alpha, cache.soft)[0])
    elif cache.hard is not None:
        parts.append(cross_entropy_backward(dy * cache.alpha, cache.hard)[0])
    return LogitsGrad(sum(parts))
