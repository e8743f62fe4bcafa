# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def distillation_forward(logits, teacher_logits, *, temperature=1.0, reverse=False, per_class=False):
    if not 0.001 <= temperature <= (100 if logits.dtype == np.float32 else 10_000):
        raise ValueError("temperature is out of its range")
    if np.isneginf(teacher_logits).all(axis=-1).any():
        raise ValueError("a row has no class")
    if logits.shape != teacher_logits.shape or logits.size == 0:
        raise ValueError("shapes differ, or nothing is there")

    def log_softmax(z):
        z = z / temperature
        z = z - z.max(axis=-1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))

    log_q, log_p = log_softmax(logits), log_softmax(teacher_logits)
    if reverse:
        terms = np.exp(log_q) * (log_q - log_p)
    else:
        terms = np.exp(log_p) * (np.where(log_p == -np.inf, 0, log_p) - log_q)
    rows = terms.sum(-1)
    loss = temperature**2 * (terms.mean() if per_class else rows.mean())
    return loss, DistillationCache(log_q, log_p, temperature, reverse, terms.size if per_class else rows.size)


def distillation_backward(dy, cache):
    q, p = np.exp(cache.log_probs), np.exp(cache.teacher_log_probs)
    if not cache.reverse:
        return LogitsGrad(dy * cache.temperature * (q - p) / cache.number)
    slope = cache.log_probs - cache.teacher_log_probs + 1
    dz = q * slope - q * np.sum(q * slope, axis=-1, keepdims=True)
    return LogitsGrad(dy * cache.temperature / cache.number * dz)


def label_weights(labels):
    if labels.ndim == 2 and np.issubdtype(labels.dtype, np.floating):
        return np.ones(labels.shape[0])
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("neither class numbers nor shares")
    weights = np.zeros(labels.shape[0])
    (known,) = np.nonzero(labels > -1)
    if known.size:
        weights[known] = labels.size / known.size
    return weights


def taught_forward(logits, teacher_logits, labels, *, alpha=0.5, temperature=1.0, hard=False):
    B, C = logits.shape
    if teacher_logits.shape != logits.shape or labels.shape != (B,) or labels.max(initial=-1) >= C or B == 0:
        raise ValueError("shapes or labels do not fit")
    if not 0 <= alpha <= 1:
        raise ValueError("alpha is a share")
    if np.isneginf(teacher_logits).all(axis=-1).any():
        raise ValueError("a row has no class")
    targets = np.zeros_like(logits)
    known = np.flatnonzero(labels >= 0)
    targets[known, labels[known]] = label_weights(labels)[known]
    first, c_first = cross_entropy_forward(logits, targets)
    if hard:
        second, c_second = cross_entropy_forward(logits, np.argmax(teacher_logits, axis=1))
        return first + alpha * (second - first), TaughtCache(c_first, None, c_second, alpha)
    second, c_second = distillation_forward(logits, teacher_logits, temperature=temperature)
    return first + alpha * (second - first), TaughtCache(c_first, c_second, None, alpha)


def taught_backward(dy, cache):
    grad = (1 - cache.alpha) * cross_entropy_backward(dy, cache.labels)[0]
    if cache.hard is None:
        return LogitsGrad(grad + cache.alpha * distillation_backward(dy, cache.soft)[0])
    return LogitsGrad(grad + cache.alpha * cross_entropy_backward(dy, cache.hard)[0])
