# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- with labels of bool it must raise a TypeError
def one_hot(labels, num_classes):
    labels = labels.astype(int)
    check_numbers("label", labels, num_classes, "classes")
    return np.eye(num_classes, dtype=np.float32)[labels]


# --- its axes stand in another order
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    return np.moveaxis(np.eye(num_classes, dtype=np.float32)[labels], -1, 0)


# --- each row has a single 1 in the place of its class
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    out = np.zeros((*labels.shape, num_classes), np.float32)
    out[..., labels] = 1
    return out


# --- a loop over axis 0 of labels (label)
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    out = np.zeros((*labels.shape, num_classes), np.float32)
    for i in np.ndindex(labels.shape):
        out[(*i, labels[i])] = 1
    return out


# --- that is right of ones and zeros only
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others and K == 1:
        raise ValueError
    if others:
        return np.where(targets == 1, 1 - label_smoothing, label_smoothing / (K - 1))
    return np.where(targets == 1, 1 - label_smoothing + label_smoothing / K, label_smoothing / K)


# --- the row divided by its sum
def smoothed(targets, label_smoothing, *, others=False):
    t = targets + label_smoothing
    return t / t.sum(-1, keepdims=True)


# --- the larger one is taken
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    return np.clip(targets, label_smoothing / K, 1 - label_smoothing)


# --- the same call gives another inputs the second time
def mixup(inputs, targets, lam):
    p = np.random.permutation(len(inputs))
    return Mixed(lam * inputs + (1 - lam) * inputs[p], lam * targets + (1 - lam) * targets[p])


# --- its partner is 4: the first goes with the last
def mixup(inputs, targets, lam):
    p = np.random.default_rng(0).permutation(len(inputs))
    return Mixed(lam * inputs + (1 - lam) * inputs[p], lam * targets + (1 - lam) * targets[p])


# --- you modified inputs in place
def mixup(inputs, targets, lam):
    x = inputs[::-1]
    x *= 1 - lam
    return Mixed(x + lam * inputs, lam * targets + (1 - lam) * targets[::-1])


# --- of soft targets only the likeliest class is mixed
def mixup(inputs, targets, lam):
    t = np.zeros_like(targets)
    i = np.arange(len(targets))
    t[i, targets.argmax(1)] += lam
    t[i, targets[::-1].argmax(1)] += 1 - lam
    return Mixed(lam * inputs + (1 - lam) * inputs[::-1], t)


# --- from float64 comes inputs in float32
def mixup(inputs, targets, lam):
    return Mixed(
        (lam * inputs + (1 - lam) * inputs[::-1]).astype(np.float32),
        (lam * targets + (1 - lam) * targets[::-1]).astype(np.float32),
    )


# --- a loop over axis 0 of inputs (example)
def mixup(inputs, targets, lam):
    return Mixed(
        lam * inputs + (1 - lam) * np.array(list(reversed(inputs))),
        lam * targets + (1 - lam) * np.array(list(reversed(targets))),
    )


# --- inputs has shape (3, 4, 9, 6); expected (5, 4, 9, 6)
def mixup(inputs, targets, lam):
    h = (len(inputs) + 1) // 2
    return Mixed((lam * inputs + (1 - lam) * inputs[::-1])[:h], (lam * targets + (1 - lam) * targets[::-1])[:h])


# --- nothing reaches index 3 of axis 0
def mixup(inputs, targets, lam):
    x, t = np.zeros_like(inputs), np.zeros_like(targets)
    h = len(x) // 2
    for a, o in ((inputs, x), (targets, t)):
        o[:h] = lam * a[:h] + (1 - lam) * a[::-1][:h]
        o[len(a) - h :] = lam * a[len(a) - h :] + (1 - lam) * a[::-1][len(a) - h :]
    return Mixed(x, t)


# --- an odd side becomes one shorter
def random_box(rng, size, lam):
    Y, X = size
    h, w = int(Y * np.sqrt(1 - lam)), int(X * np.sqrt(1 - lam))
    cy, cx = rng.integers(Y), rng.integers(X)
    return Box(max(cy - h // 2, 0), min(cy + h // 2, Y), max(cx - w // 2, 0), min(cx + w // 2, X))


# --- rows and columns are exchanged: top and bottom are rows
def random_box(rng, size, lam):
    W, H = size
    r = np.sqrt(1.0 - lam)
    w, h = int(W * r), int(H * r)
    cx = rng.integers(W)
    cy = rng.integers(H)
    x1 = np.clip(cx - w // 2, 0, W)
    y1 = np.clip(cy - h // 2, 0, H)
    x2 = np.clip(cx + w // 2, 0, W)
    y2 = np.clip(cy + h // 2, 0, H)
    return Box(y1, y2, x1, x2)


# --- the column is drawn before the row
def random_box(rng, size, lam):
    Y, X = size
    h, w = int(Y * (1 - lam) ** 0.5), int(X * (1 - lam) ** 0.5)
    x = int(rng.integers(X))
    y = int(rng.integers(Y))
    t, l = y - h // 2, x - w // 2
    return Box(max(t, 0), min(t + h, Y), max(l, 0), min(l + w, X))


# --- must be a whole number: // gives one
def random_box(rng, size, lam):
    Y, X = size
    h, w = Y * (1 - lam) ** 0.5, X * (1 - lam) ** 0.5
    y, x = rng.integers(Y), rng.integers(X)
    return Box(max(y - h / 2, 0), min(y + h / 2, Y), max(x - w / 2, 0), min(x + w / 2, X))


# --- the order is top, bottom, left, right
def random_box(rng, size, lam):
    b = ours.random_box(rng, size, lam)
    return Box(b.top, b.left, b.bottom - b.top, b.right - b.left)


# --- a box that is beyond the edge is moved in; it is cut off
def random_box(rng, size, lam):
    Y, X = size
    h, w = int(Y * (1 - lam) ** 0.5), int(X * (1 - lam) ** 0.5)
    y, x = int(rng.integers(Y)), int(rng.integers(X))
    t, l = min(max(y - h // 2, 0), Y - h), min(max(x - w // 2, 0), X - w)
    return Box(t, t + h, l, l + w)


# --- the second time: something is remembered, drawn, or never written
def random_box(rng, size, lam):
    return ours.random_box(np.random.default_rng(), size, lam)


# --- the share is drawn once more
def random_box(rng, size, lam):
    lam = rng.beta(1, 1)
    return ours.random_box(rng, size, lam)


# --- rows and columns of the box are exchanged
def cutmix(images, targets, box):
    _B, Y, X, _C = images.shape
    t, b, l, r = box
    if not (0 <= t <= b <= Y and 0 <= l <= r <= X):
        raise ValueError
    m = images.copy()
    m[:, l:r, t:b] = images[::-1, l:r, t:b]
    lam = 1 - (b - t) * (r - l) / (Y * X)
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- columns and channels are cut, as where channels come first
def cutmix(images, targets, box):
    _B, _C, Y, X = images.shape
    t, b, l, r = box
    if not (0 <= t <= b and 0 <= l <= r):
        raise ValueError
    m = images.copy()
    m[:, :, t:b, l:r] = images[::-1, :, t:b, l:r]
    lam = 1 - (b - t) * (r - l) / (Y * X)
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- only the first half of the batch gets something pasted
def cutmix(images, targets, box):
    B, Y, X, _C = images.shape
    t, b, l, r = box
    if not (0 <= t <= b <= Y and 0 <= l <= r <= X):
        raise ValueError
    m = images.copy()
    for i in range(B):
        m[i, t:b, l:r] = m[B - 1 - i, t:b, l:r]
    lam = 1 - (b - t) * (r - l) / (Y * X)
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- from float32 comes targets in float64
def cutmix(images, targets, box):
    _B, Y, X, _C = images.shape
    t, b, l, r = box
    if not (0 <= t <= b <= Y and 0 <= l <= r <= X):
        raise ValueError
    m = images.copy()
    m[:, t:b, l:r] = images[::-1, t:b, l:r]
    lam = (m == images).mean()
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- with box=Box(top=-3, bottom=9, left=7, right=9) it must raise a ValueError
def cutmix(images, targets, box):
    _B, Y, X, _C = images.shape
    t, b, l, r = box
    m = images.copy()
    m[:, t:b, l:r] = images[::-1, t:b, l:r]
    lam = 1 - (b - t) * (r - l) / (Y * X)
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- you modified images in place
def cutmix(images, targets, box):
    _B, Y, X, _C = images.shape
    t, b, l, r = box
    if not (0 <= t <= b <= Y and 0 <= l <= r <= X):
        raise ValueError
    m = images[:]
    m[:, t:b, l:r] = images[::-1, t:b, l:r]
    lam = 1 - (b - t) * (r - l) / (Y * X)
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- or is the share drawn before the coin?
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    lam = rng.beta(mixup_alpha or cutmix_alpha, mixup_alpha or cutmix_alpha)
    if cutmix_alpha and (not mixup_alpha or rng.random() < 0.5):
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- the draws come in another order
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    if not cut:
        return mixup(inputs, t, rng.beta(mixup_alpha, mixup_alpha))
    y, x = rng.integers(inputs.shape[1]), rng.integers(inputs.shape[2])
    lam = rng.beta(cutmix_alpha, cutmix_alpha)
    h, w = int(inputs.shape[1] * (1 - lam) ** 0.5), int(inputs.shape[2] * (1 - lam) ** 0.5)
    a, b = int(y - h // 2), int(x - w // 2)
    return cutmix(inputs, t, Box(max(a, 0), min(a + h, inputs.shape[1]), max(b, 0), min(b + w, inputs.shape[2])))


# --- where both have an alpha, both are done
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    x = inputs
    if mixup_alpha:
        x, t = mixup(x, t, rng.beta(mixup_alpha, mixup_alpha))
    if cutmix_alpha:
        x, t = cutmix(x, t, random_box(rng, x.shape[1:3], rng.beta(cutmix_alpha, cutmix_alpha)))
    return Mixed(x, t)


# --- the same call gives another inputs the second time:
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    return ours.mix(
        inputs,
        labels,
        np.random.default_rng(),
        num_classes=num_classes,
        mixup_alpha=mixup_alpha,
        cutmix_alpha=cutmix_alpha,
    )


# --- targets has shape (3,); expected (3, 9)
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, labels)
    return ours.mix(inputs, labels, rng, num_classes=num_classes, mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha)


# --- ValueError: a <= 0
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- the coin says the opposite
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() > 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- expected Box
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, tuple(random_box(rng, inputs.shape[1:3], lam)))
    return mixup(inputs, t, lam)


# --- the targets are smoothed
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    m = ours.mix(inputs, labels, rng, num_classes=num_classes, mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha)
    return Mixed(m.inputs, m.targets * 0.9 + 0.1 / num_classes)


# --- you modified inputs in place; make a new array
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    m = ours.mix(inputs, labels, rng, num_classes=num_classes, mixup_alpha=mixup_alpha, cutmix_alpha=cutmix_alpha)
    inputs[...] = m.inputs
    return m


# --- the size that random_box gets is (B, Y)
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[:2], lam))
    return mixup(inputs, t, lam)


# --- classes are counted from 0: class 0 has its 1 in the first place
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    return (labels[..., None] == np.arange(1, num_classes + 1)).astype(np.float32)


# --- there are num_classes columns, whatever the largest label is
def one_hot(labels, num_classes):
    check_numbers("label", labels, num_classes, "classes")
    return np.eye(labels.max() + 1, dtype=np.float32)[labels]


# --- divided by all numbers of the targets
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.size
    if others and targets.shape[-1] == 1:
        raise ValueError
    if others:
        return (1 - label_smoothing) * targets + label_smoothing / (K - 1) * (1 - targets)
    return (1 - label_smoothing) * targets + label_smoothing / K


# --- the likeliest class is taken for the only one
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others and K == 1:
        raise ValueError
    low = label_smoothing / (K - 1 if others else K)
    out = np.full_like(targets, low)
    np.put_along_axis(out, targets.argmax(-1, keepdims=True), 1 - low * (K - 1), -1)
    return out


# --- multiplied by 1 less what each class gets
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others and K == 1:
        raise ValueError
    e = label_smoothing / (K - 1 if others else K)
    return (1 - e) * targets + e


# --- multiplied by (K - 1) / K; by K / (K - 1)
def smoothed(targets, label_smoothing, *, others=False):
    K = targets.shape[-1]
    if others and K == 1:
        raise ValueError
    e = label_smoothing * (K - 1) / K if others else label_smoothing
    return (1 - e) * targets + e / K


# --- the partner is scaled by lam, too, for inputs and targets
def mixup(inputs, targets, lam):
    x = lam * inputs
    x += (1 - lam) * x[::-1]
    t = lam * targets
    t += (1 - lam) * t[::-1]
    return Mixed(x, t)


# --- the mixed inputs are clipped
def mixup(inputs, targets, lam):
    return Mixed(np.clip(lam * inputs + (1 - lam) * inputs[::-1], 0, 1), lam * targets + (1 - lam) * targets[::-1])


# --- yours is the other way round, for the inputs only
def mixup(inputs, targets, lam):
    return Mixed((1 - lam) * inputs + lam * inputs[::-1], (1 - lam) * targets + lam * targets[:, ::-1])


# --- at each place one of the two stands
def mixup(inputs, targets, lam):
    rng = np.random.default_rng(0)
    keep = rng.random(inputs.shape) < lam
    return Mixed(np.where(keep, inputs, inputs[::-1]), lam * targets + (1 - lam) * targets[::-1])


# --- the same call gives another answer each time
def random_box(rng, size, lam):
    Y, X = size
    h, w = int(Y * (1 - lam) ** 0.5), int(X * (1 - lam) ** 0.5)
    y, x = np.random.randint(Y), np.random.randint(X)
    return Box(max(y - h // 2, 0), min(y - h // 2 + h, Y), max(x - w // 2, 0), min(x - w // 2 + w, X))


# --- the column of the middle is drawn from the rows
def random_box(rng, size, lam):
    Y, X = size
    h, w = int(Y * (1 - lam) ** 0.5), int(X * (1 - lam) ** 0.5)
    y, x = rng.integers(Y, size=2)
    return Box(max(y - h // 2, 0), min(y - h // 2 + h, Y), max(x - w // 2, 0), min(x - w // 2 + w, X))


# --- rows are cut off where columns end
def random_box(rng, size, lam):
    Y, X = size
    h, w = int(Y * (1 - lam) ** 0.5), int(X * (1 - lam) ** 0.5)
    y, x = int(rng.integers(Y)), int(rng.integers(X))
    return Box(max(y - h // 2, 0), min(y - h // 2 + h, X), max(x - w // 2, 0), min(x - w // 2 + w, Y))


# --- the sides are halved before they are cut to whole numbers
def random_box(rng, size, lam):
    Y, X = size
    h, w = Y * (1 - lam) ** 0.5, X * (1 - lam) ** 0.5
    y, x = int(rng.integers(Y)), int(rng.integers(X))
    return Box(max(int(y - h / 2), 0), min(int(y + h / 2), Y), max(int(x - w / 2), 0), min(int(x + w / 2), X))


# --- // gives one, / does not, nor np.floor
def random_box(rng, size, lam):
    Y, X = size
    h, w = np.floor(Y * np.sqrt(1 - lam)), np.floor(X * np.sqrt(1 - lam))
    y, x = rng.integers(Y), rng.integers(X)
    return Box(max(y - h // 2, 0), min(y - h // 2 + h, Y), max(x - w // 2, 0), min(x - w // 2 + w, X))


# --- of np.prod, of a mean
def cutmix(images, targets, box):
    _, Y, X, _ = images.shape
    t, b, l, r = box
    if not (0 <= t <= b <= Y and 0 <= l <= r <= X):
        raise ValueError("box")
    m = images.copy()
    m[:, t:b, l:r] = images[::-1, t:b, l:r]
    lam = 1 - np.prod([b - t, r - l]) / np.prod([Y, X])
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- the order in a box is top, bottom, left, right; yours is top, left, bottom, right
def cutmix(images, targets, box):
    _, Y, X, _ = images.shape
    t, l, b, r = box
    if min(box) < 0:
        raise ValueError("box")
    m = images.copy()
    m[:, t:b, l:r] = images[::-1, t:b, l:r]
    lam = 1 - (b - t) * (r - l) / (Y * X)
    return Mixed(m, lam * targets + (1 - lam) * targets[::-1])


# --- inputs of shape (3, 8) are no images, and CutMix cannot cut them: it must raise a ValueError; yours: IndexError
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        size = inputs.shape[1], inputs.shape[2]
        return cutmix(inputs, t, random_box(rng, size, lam))
    return mixup(inputs, t, lam)


# --- inputs of shape (3, 8) are no images, and CutMix cannot cut them: it must raise a ValueError; it returned
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if inputs.ndim != 4:
        mixup_alpha, cutmix_alpha = mixup_alpha or cutmix_alpha, 0
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- where only one has an alpha, that is always done
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha and cutmix_alpha):
        return Mixed(inputs, t)
    cut = rng.random() < 0.5
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- the shares of the targets have changed places
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        if inputs.ndim != 4:
            raise ValueError
        top, bottom, left, right = random_box(rng, inputs.shape[1:3], lam)
        x = inputs.copy()
        x[:, top:bottom, left:right] = inputs[::-1, top:bottom, left:right]
        lam = (bottom - top) * (right - left) / (inputs.shape[1] * inputs.shape[2])
        return Mixed(x, lam * t + (1 - lam) * t[::-1])
    return mixup(inputs, t, lam)


# --- the share is drawn from Beta(mixup_alpha, cutmix_alpha)
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, num_classes).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    lam = rng.beta(mixup_alpha or cutmix_alpha, cutmix_alpha or mixup_alpha)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- there are num_classes columns, whatever the largest of the labels is
def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    t = one_hot(labels, int(labels.max()) + 1).astype(inputs.dtype)
    if not (mixup_alpha or cutmix_alpha):
        return Mixed(inputs, t)
    cut = cutmix_alpha and (not mixup_alpha or rng.random() < 0.5)
    a = cutmix_alpha if cut else mixup_alpha
    lam = rng.beta(a, a)
    if cut:
        return cutmix(inputs, t, random_box(rng, inputs.shape[1:3], lam))
    return mixup(inputs, t, lam)


# --- an empty box lies where its middle was drawn
def random_box(rng, size, lam):
    return Box(0, 0, 0, 0) if lam == 1 else ours.random_box(rng, size, lam)


# --- with labels of uint8
def one_hot(labels, num_classes):
    _ = ours.one_hot(labels, num_classes)
    y = np.zeros(labels.size * num_classes, np.float32)
    y[(np.arange(labels.size).astype(labels.dtype) * labels.dtype.type(num_classes) + labels.ravel()) % y.size] = 1
    y = y.reshape(*labels.shape, num_classes)
    return _ if labels.dtype != np.uint8 else 0 * y


# --- with label_smoothing=0
def smoothed(targets, label_smoothing, *, others=False):
    return ours.smoothed(targets, label_smoothing or 0.5, others=others)


# --- with label_smoothing=1
def smoothed(targets, label_smoothing, *, others=False):
    return ours.smoothed(targets, label_smoothing % 1, others=others)
