# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- in place on its own arrays
def adam_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m, v = m.copy(), v.copy()
    m *= betas[0]
    m += (1 - betas[0]) * grad
    v *= betas[1]
    v += (1 - betas[1]) * np.square(grad)
    step_size = lr / (1 - betas[0] ** step)
    root = np.sqrt(v) / (1 - betas[1] ** step) ** 0.5 + eps
    return AdamUpdate(value=value - step_size * m / root, m=m, v=v)


# --- by place
def adam_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m = m - (1 - betas[0]) * (m - grad)
    v = v - (1 - betas[1]) * (v - grad * grad)
    return value - lr * (m / (1 - betas[0] ** step)) / ((v / (1 - betas[1] ** step)) ** 0.5 + eps), m, v


# --- as a dict
def adam_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8):
    new = {"m": betas[0] * m + (1 - betas[0]) * grad, "v": betas[1] * v + (1 - betas[1]) * grad**2}
    mhat, vhat = (new[name] / (1 - beta**step) for name, beta in zip("mv", betas, strict=True))
    new["value"] = value - lr * np.divide(mhat, np.sqrt(vhat) + eps)
    return new


# --- in float64 on the way
def adam_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8):
    g = grad.astype(np.float64)
    m64, v64 = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g * g
    move = lr * m64 / (1 - betas[0] ** step) / (np.sqrt(v64 / (1 - betas[1] ** step)) + eps)
    return AdamUpdate(*(a.astype(grad.dtype) for a in (value - move, m64, v64)))


# --- after the step
def adamw_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    update = adam_update(value, grad, m, v, step, lr=lr, betas=betas, eps=eps)
    return update._replace(value=update.value - lr * weight_decay * value)


# --- without the other function
def adamw_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad * grad
    move = m / (1 - betas[0] ** step) / (np.sqrt(v / (1 - betas[1] ** step)) + eps)
    return AdamUpdate(value - lr * (move + weight_decay * value), m, v)
