# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- An optimizer does that, behind each step
def scaled_similarities_forward(image, text, logit_scale):
    scale = np.minimum(np.exp(logit_scale), 100)[:, None]
    return scale * (image @ text.T), ScaledSimilaritiesCache(image, text, scale)


# --- it does not: the optimizer does, behind each step
def scaled_similarities_backward(dy, cache):
    grads = ours.scaled_similarities_backward(dy, cache)
    return grads._replace(logit_scale=np.where(cache.scale[:, 0] > 100, 0, grads.logit_scale))


# --- it is summed over an axis that must stay
def scaled_similarities_backward(dy, cache):
    grads = ours.scaled_similarities_backward(dy, cache)
    return grads._replace(logit_scale=grads.logit_scale.sum())


# --- exp(1000) overflows
def symmetric_cross_entropy_forward(logits):
    _, cache = ours.symmetric_cross_entropy_forward(logits)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    q = np.exp(logits) / np.exp(logits).sum(0, keepdims=True)
    return -(np.log(np.diag(p)).mean() + np.log(np.diag(q)).mean()) / 2, cache


# --- that is yes or no for each pair by itself, SigLIP's question
def symmetric_cross_entropy_forward(logits):
    _, cache = ours.symmetric_cross_entropy_forward(logits)
    t = 2 * np.eye(len(logits)) - 1
    return np.logaddexp(0, -t * logits).sum() / len(logits), cache


# --- the texts' way is missing, and the images' counts twice
def symmetric_cross_entropy_backward(dy, cache):
    p = np.exp(cache.per_image.log_probs)
    return LogitsGrad((p - np.eye(len(p))) * dy / len(p))


# --- divided along the wrong axis: each vector is a row
def unit_vectors_forward(x):
    length = np.linalg.norm(x, axis=0, keepdims=True)
    return x / length, UnitVectorsCache(x / length, np.broadcast_to(length, x.shape)[..., :1])


# --- the length was taken for a constant
def unit_vectors_backward(dy, cache):
    return InputGrad(dy / cache.length)


# --- x is taken for y
def unit_vectors_backward(dy, cache):
    y, length = cache
    return InputGrad((dy - y * (y * dy).sum(-1, keepdims=True) * length) / length)


# --- the first image's scale is taken for all
def scaled_similarities_forward(image, text, logit_scale):
    scale = np.exp(logit_scale[0])
    return scale * image @ text.T, ScaledSimilaritiesCache(image, text, np.full((len(image), 1), scale))


# --- the scales go to the columns
def scaled_similarities_forward(image, text, logit_scale):
    scale = np.exp(logit_scale)
    return image @ text.T * np.resize(scale, len(text)), ScaledSimilaritiesCache(image, text, scale[:, None])


# --- the texts' way is missing; they look for their images in the columns
def symmetric_cross_entropy_forward(logits):
    _, cache = ours.symmetric_cross_entropy_forward(logits)
    return cross_entropy_forward(logits, np.arange(len(logits)))[0], cache


# --- a vector shorter than 1e-12 is divided by 1e-12
def unit_vectors_forward(x):
    length = np.sqrt((x * x).sum(-1, keepdims=True)) + x.dtype.type(1e-12)
    return x / length, UnitVectorsCache(x / length, length)


# --- the dot product runs along the wrong axis: each vector is a row
def unit_vectors_backward(dy, cache):
    y, length = cache
    return InputGrad((dy - y * (y * dy).sum(0)) / length)


# --- the length's cube belongs to x
def unit_vectors_backward(dy, cache):
    y, length = cache
    return InputGrad(dy / length - y * (y * dy).sum(-1, keepdims=True) / length**3)


# --- what dy has along y is not yet divided by the length
def unit_vectors_backward(dy, cache):
    y, length = cache
    return InputGrad(dy / length - y * (y * dy).sum(-1, keepdims=True))


# --- the scale is in it twice
def scaled_similarities_backward(dy, cache):
    image, text, scale = cache
    dimage, dtext = scale * dy @ text, (scale * dy).T @ image
    return ScaledSimilaritiesGrads(dimage, dtext, scale[:, 0] * (image * dimage).sum(-1))


# --- the logarithms of all pairs are averaged
def symmetric_cross_entropy_forward(logits):
    _, cache = ours.symmetric_cross_entropy_forward(logits)
    return -(cache.per_image.log_probs.mean() + cache.per_text.log_probs.mean()) / 2, cache


# --- 1 is subtracted on the diagonal for both ways together
def symmetric_cross_entropy_backward(dy, cache):
    p, q = np.exp(cache.per_image.log_probs), np.exp(cache.per_text.log_probs).T
    return LogitsGrad((p + q - np.eye(len(p), dtype=p.dtype)) * dy / (2 * len(p)))


# --- the logarithms of the probabilities are taken for the probabilities
def symmetric_cross_entropy_backward(dy, cache):
    p, q = cache.per_image.log_probs, cache.per_text.log_probs.T
    return LogitsGrad((p + q - 2 * np.eye(len(p), dtype=p.dtype)) * dy / (2 * len(p)))


# --- the cache has the length as it was
def unit_vectors_forward(x):
    length = np.sqrt((x * x).sum(-1, keepdims=True))
    y = x / np.maximum(length, 1e-12)
    return y, UnitVectorsCache(y, length)


# --- yours are 1, 1, 0.9999995
def unit_vectors_forward(x):
    length = np.sqrt((x * x).sum(-1, keepdims=True) + 1e-12)
    return x / length, UnitVectorsCache(x / length, length)


# --- the images' way counts in full
def symmetric_cross_entropy_backward(dy, cache):
    (dlogits,) = cross_entropy_backward(dy, cache.per_image)
    (dtransposed,) = cross_entropy_backward(dy / 2, cache.per_text)
    return LogitsGrad(dlogits + dtransposed.T)


# --- it is a NamedTuple; its fields are logits
def symmetric_cross_entropy_backward(dy, cache):
    dlogits = cross_entropy_backward(dy / 2, cache.per_image)
    return LogitsGrad(dlogits.x + cross_entropy_backward(dy / 2, cache.per_text).logits.T)


# --- of large logits: RuntimeError: too large
def symmetric_cross_entropy_forward(logits):
    if abs(logits).max() > 300:
        raise RuntimeError("too large")
    return ours.symmetric_cross_entropy_forward(logits)
