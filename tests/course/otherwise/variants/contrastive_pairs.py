# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- a vector is divided by the root, and the Jacobian is written out
def unit_vectors_forward(x):
    length = np.sqrt(np.square(x).sum(axis=-1))
    length = np.where(length < 1e-12, x.dtype.type(1e-12), length)
    return x / length[..., None], {"x": x, "length": length}


def unit_vectors_backward(dy, cache):
    x, length = cache["x"], cache["length"][..., None]
    y = x / length
    y = np.where(length > 1e-12, y, 0)
    jacobian = np.eye(x.shape[-1], dtype=x.dtype) - y[..., :, None] * y[..., None, :]
    return (np.matmul(jacobian, dy[..., None])[..., 0] / length,)


# --- both ways by log-softmax of one's own, with the largest logit taken out
def symmetric_cross_entropy_forward(logits):
    if not logits.size or logits.shape[0] != logits.shape[1]:
        raise ValueError("not as many images as texts")
    logs = []
    for axis in (1, 0):
        z = logits - logits.max(axis, keepdims=True)
        logs.append(z - np.log(np.exp(z).sum(axis, keepdims=True)))
    return -(np.trace(logs[0]) + np.trace(logs[1])) / (2 * len(logits)), logs


def symmetric_cross_entropy_backward(dy, cache):
    d = np.exp(cache[0]) + np.exp(cache[1])
    d[np.diag_indices(len(d))] -= 2
    return (d * (dy / (2 * len(d))),)


# --- the scale is multiplied into the images first
def scaled_similarities_forward(image, text, logit_scale):
    if len(logit_scale) != len(image):
        raise ValueError("one scale for each image")
    scaled = image * np.exp(logit_scale)[:, None]
    return scaled @ text.T, (scaled, text, np.exp(logit_scale))


def scaled_similarities_backward(dy, cache):
    scaled, text, scale = cache
    dscaled = dy @ text
    return dscaled * scale[:, None], dy.T @ scaled, (dscaled * scaled).sum(1)
