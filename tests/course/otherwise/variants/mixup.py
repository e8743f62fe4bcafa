# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- ones put into zeros
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    rows = np.zeros((labels.size, num_classes), np.float32)
    rows[np.arange(labels.size), labels.ravel()] = 1
    return rows.reshape(*labels.shape, num_classes)


# --- ones by put_along_axis
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    rows = np.zeros((*labels.shape, num_classes), dtype="float32")
    np.put_along_axis(rows, labels[..., None], 1, axis=-1)
    return rows


# --- ones by np.equal.outer
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    return np.equal.outer(labels, np.arange(num_classes)).astype(np.float32)


# --- rows of an identity
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    return np.take(np.identity(num_classes, np.float32), labels, axis=0)


# --- smoothed by an average
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others:
        if K == 1:
            raise ValueError("no others")
        return (1 - label_smoothing) * targets + label_smoothing / (K - 1) * (1 - targets)
    return (1 - label_smoothing) * targets + label_smoothing * np.full_like(targets, 1 / K)


# --- smoothed in place on a copy
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if K < 2 and others:
        raise ValueError("no others")
    out = targets.copy()
    out *= 1 - label_smoothing * (K / (K - 1) if others else 1)
    out += label_smoothing / (K - 1 if others else K)
    return out


# --- smoothed by a matrix, as rows sum to one
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others and K < 2:
        raise ValueError("no others")
    own = np.eye(K, dtype=targets.dtype)
    spread = (1 - own) / (K - 1) if others else np.full_like(own, 1 / K)
    return targets @ ((1 - label_smoothing) * own + label_smoothing * spread)


# --- smoothed with what the others have, as rows sum to one
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others and K == 1:
        raise ValueError("no others")
    total = targets.sum(-1, keepdims=True)
    spread = (total - targets) / (K - 1) if others else total / K
    return (1 - label_smoothing) * targets + label_smoothing * spread


# --- mixed with np.flip and a Mixed by names
def mixup(inputs, targets, lam):
    other = 1 - lam
    return Mixed(
        inputs=inputs * lam + np.flip(inputs, axis=0) * other, targets=targets * lam + np.flipud(targets) * other
    )


# --- mixed as a plain tuple
def mixup(inputs, targets, lam):
    return inputs + (1 - lam) * (inputs[::-1] - inputs), targets + (1 - lam) * (targets[::-1] - targets)


# --- mixed by a matrix of shares
def mixup(inputs, targets, lam):
    B = len(inputs)
    shares = (lam * np.eye(B) + (1 - lam) * np.eye(B)[::-1]).astype(inputs.dtype)
    return Mixed(np.tensordot(shares, inputs, 1), shares @ targets)


# --- mixed by einsum
def mixup(inputs, targets, lam):
    pairs = np.stack((inputs, inputs[::-1])), np.stack((targets, targets[::-1]))
    shares = np.array([lam, 1 - lam], inputs.dtype)
    return Mixed(*(np.einsum("p,pb...->b...", shares, pair) for pair in pairs))


# --- mixed with two halves written at once
def mixup(inputs, targets, lam):
    def over(x):
        half, out = len(x) // 2, x.copy()
        first, last = x[:half], x[len(x) - half :][::-1]
        out[:half] = lam * first + (1 - lam) * last
        out[len(x) - half :] = (lam * last + (1 - lam) * first)[::-1]
        return out

    return Mixed(over(inputs), over(targets))


# --- a box with NumPy's numbers
def random_box(rng, size, lam):
    size = np.array(size)
    side = np.floor(size * np.sqrt(1 - lam)).astype(np.int64)
    start = rng.integers(size) - side // 2
    top, left = np.maximum(start, 0)
    bottom, right = np.minimum(start + side, size)
    return Box(top, bottom, left, right)


# --- a box with math, and draws by choice
def random_box(rng, size, lam):
    import math

    Y, X = size
    h, w = math.floor(Y * math.sqrt(1 - lam)), math.floor(X * math.sqrt(1 - lam))
    y = rng.choice(Y)
    x = rng.choice(X)
    return (
        int(max(0, y - h // 2)),
        int(min(Y, y - h // 2 + h)),
        int(max(0, x - w // 2)),
        int(min(X, x - w // 2 + w)),
    )


# --- a box by ranges
def random_box(rng, size, lam):
    ends = []
    for n in size:
        m, s = int(rng.integers(0, n)), int(n * (1 - lam) ** 0.5)
        inside = [i for i in range(m - s // 2, m + (s + 1) // 2) if 0 <= i < n]
        ends += [inside[0], inside[-1] + 1] if inside else [m, m]
    return Box(*ends)


# --- pasted by multiplication with a mask
def cutmix(images, targets, box):
    _, Y, X, _ = images.shape
    top, bottom, left, right = box
    if top < 0 or left < 0 or bottom > Y or right > X or top > bottom or left > right:
        raise ValueError("x")
    mask = np.zeros((Y, X, 1), images.dtype)
    mask[top:bottom, left:right] = 1
    lam = float(1 - mask.mean())
    return Mixed(images * (1 - mask) + images[::-1] * mask, lam * targets + (1 - lam) * targets[::-1])


# --- pasted the other way round: the outside into the partner
def cutmix(images, targets, box):
    _, Y, X, _ = images.shape
    if not (0 <= box.top <= box.bottom <= Y and 0 <= box.left <= box.right <= X):
        raise ValueError("x")
    mixed = images[::-1].copy()
    mixed[:, : box.top] = images[:, : box.top]
    mixed[:, box.bottom :] = images[:, box.bottom :]
    mixed[:, :, : box.left] = images[:, :, : box.left]
    mixed[:, :, box.right :] = images[:, :, box.right :]
    rest = Y * X - (box.bottom - box.top) * (box.right - box.left)
    return Mixed(mixed, (rest * targets + (Y * X - rest) * targets[::-1]) / (Y * X))


# --- pasted from a copy of the batch
def cutmix(images, targets, box):
    if not (0 <= box[0] <= box[1] <= images.shape[1] and 0 <= box[2] <= box[3] <= images.shape[2]):
        raise ValueError("x")
    rows, columns = slice(*box[:2]), slice(*box[2:])
    mixed = np.array(images)
    mixed[::-1, rows, columns] = images[:, rows, columns]
    area = mixed[0, rows, columns, 0].size / mixed[0, :, :, 0].size
    return Mixed(mixed, (1 - area) * targets + area * targets[::-1])


# --- a batch, with early returns
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    targets = one_hot(labels, num_classes).astype(inputs.dtype)
    if mixup_alpha > 0 and cutmix_alpha > 0:
        cuts = rng.random() < 0.5
    elif mixup_alpha > 0 or cutmix_alpha > 0:
        cuts = cutmix_alpha > 0
    else:
        return inputs, targets
    if not cuts:
        return mixup(inputs, targets, rng.beta(mixup_alpha, mixup_alpha))
    lam = rng.beta(cutmix_alpha, cutmix_alpha)
    _, Y, X, _ = inputs.shape
    return cutmix(inputs, targets, random_box(rng, (Y, X), lam))


# --- a batch that calls none of the others
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    if (labels < 0).any() or (labels >= num_classes).any():
        raise ValueError("no class")
    targets = np.eye(num_classes, dtype=inputs.dtype)[labels]
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs.copy(), targets)
    both = bool(mixup_alpha and cutmix_alpha)
    cuts = rng.uniform() < 0.5 if both else bool(cutmix_alpha)
    a = cutmix_alpha if cuts else mixup_alpha
    lam = rng.beta(a, a)
    mixed = inputs.copy()
    if cuts:
        if inputs.ndim != 4:
            raise ValueError("no images")
        spans = []
        for n in inputs.shape[1:3]:
            side = int(n * (1 - lam) ** 0.5)
            start = rng.integers(n) - side // 2
            spans.append(slice(max(start, 0), max(min(start + side, n), 0)))
        mixed[:, spans[0], spans[1]] = inputs[::-1, spans[0], spans[1]]
        sides = [span.stop - span.start for span in spans]
        lam = 1 - int(sides[0]) * int(sides[1]) / (inputs.shape[1] * inputs.shape[2])
    else:
        mixed = lam * inputs + (1 - lam) * inputs[::-1]
    return Mixed(mixed, lam * targets + (1 - lam) * targets[::-1])


# --- a share that is an array of one number
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    if cutmix_alpha or not mixup_alpha:
        return ours.mix(
            inputs, labels, rng, num_classes=num_classes, mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha
        )
    share = rng.beta(mixup_alpha, mixup_alpha, size=1).astype(inputs.dtype)
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    return Mixed(share * inputs + (1 - share) * inputs[::-1], share * t + (1 - share) * t[::-1])
