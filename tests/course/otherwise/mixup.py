# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def one_hot(labels, num_classes):
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError("labels are no integers")
    if labels.size and (labels.min() < 0 or labels.max() > num_classes - 1):
        raise ValueError("a label is no class")
    return np.eye(num_classes, dtype=np.float32)[labels]


def smoothed(targets, label_smoothing, *, others=False):
    classes = targets.shape[-1]
    if not 0 <= label_smoothing <= 1 or (others and classes < 2):
        raise ValueError("nothing to smooth so")
    if others:
        more = label_smoothing * classes / (classes - 1)
        return targets + more * (1 / classes - targets)
    return targets + label_smoothing * (1 / classes - targets)


def mixup(inputs, targets, lam):
    if len(inputs) != len(targets) or not 0 <= lam <= 1:
        raise ValueError("not one target each, or no share")
    partner = len(inputs) - 1 - np.arange(len(inputs))
    x, t = inputs[partner], targets[partner]
    x += lam * (inputs - x)
    t += lam * (targets - t)
    return Mixed(targets=t, inputs=x)


def random_box(rng, size, lam):
    rows, columns = size
    y, x = rng.integers([rows, columns])
    height, width = (np.array(size) * np.sqrt(1 - lam)).astype(int)
    top, left = y - height // 2, x - width // 2
    return Box(
        top=np.clip(top, 0, rows),
        bottom=np.clip(top + height, 0, rows),
        left=np.clip(left, 0, columns),
        right=np.clip(left + width, 0, columns),
    )


def cutmix(images, targets, box):
    B, Y, X, _ = images.shape
    if box.top < 0 or box.left < 0 or box.bottom > Y or box.right > X or len(targets) != B:
        raise ValueError("not on the image")
    if box.top > box.bottom or box.left > box.right:
        raise ValueError("upside down")
    y, x = np.ogrid[:Y, :X]
    inside = (y >= box.top) & (y < box.bottom) & (x >= box.left) & (x < box.right)
    share = inside.mean().item()
    mixed = np.where(inside[:, :, None], np.flip(images, 0), images)
    return Mixed(mixed, targets + share * (np.flip(targets, 0) - targets))


def mix(inputs, labels, rng, *, num_classes, mixup_alpha=0.0, cutmix_alpha=0.0):
    if min(mixup_alpha, cutmix_alpha) < 0:
        raise ValueError("an alpha is negative")
    if len(labels) != len(inputs):
        raise ValueError("not one label each")
    targets = one_hot(labels, num_classes).astype(inputs.dtype, copy=False)
    if not mixup_alpha and not cutmix_alpha:
        return Mixed(inputs, targets)
    way = "cut" if not mixup_alpha or (cutmix_alpha and rng.random() < 0.5) else "mix"
    alpha = {"cut": cutmix_alpha, "mix": mixup_alpha}[way]
    share = rng.beta(alpha, alpha)
    if way == "mix":
        return mixup(inputs, targets, share)
    if inputs.ndim != 4:
        raise ValueError("no images")
    return cutmix(inputs, targets, random_box(rng, inputs.shape[1:3], share))
