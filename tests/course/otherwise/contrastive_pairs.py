# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def unit_vectors_forward(x):
    length = np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), x.dtype.type(1e-12))
    return x / length, UnitVectorsCache(x / length, length)


def unit_vectors_backward(dy, cache):
    y, length = cache
    radial = np.einsum("...d,...d->...", y, dy)[..., None] * y
    radial = np.where(length > 1e-12, radial, 0)
    return InputGrad((dy - radial) / length)


def scaled_similarities_forward(image, text, logit_scale):
    if logit_scale.shape != image.shape[:1]:
        raise ValueError("one scale for each image")
    scale = np.exp(logit_scale).reshape(-1, 1)
    return np.einsum("bd,sd->bs", scale * image, text), ScaledSimilaritiesCache(image, text, scale)


def scaled_similarities_backward(dy, cache):
    scaled = cache.scale * cache.image
    dscaled = np.einsum("bs,sd->bd", dy, cache.text)
    logits = scaled @ cache.text.T
    return ScaledSimilaritiesGrads(
        image=cache.scale * dscaled,
        text=np.einsum("bs,bd->sd", dy, scaled),
        logit_scale=np.einsum("bs,bs->b", dy, logits),
    )


def symmetric_cross_entropy_forward(logits):
    B = len(logits)
    if B == 0 or logits.shape != (B, B):
        raise ValueError("pairs are wanted")
    ways = [cross_entropy_forward(z, np.eye(B, dtype=z.dtype)) for z in (logits, logits.T)]
    return sum(loss for loss, _ in ways) / 2, SymmetricCrossEntropyCache(*(cache for _, cache in ways))


def symmetric_cross_entropy_backward(dy, cache):
    rows, columns = np.exp(cache.per_image.log_probs), np.exp(cache.per_text.log_probs).T
    both = rows + columns - 2 * np.eye(len(rows), dtype=rows.dtype)
    return LogitsGrad(both * (dy / (2 * len(rows))))
