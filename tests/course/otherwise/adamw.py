# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def adam_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m = m + (1 - betas[0]) * (grad - m)
    v = v + (1 - betas[1]) * (grad**2 - v)
    mhat, vhat = m / (1 - betas[0] ** step), v / (1 - betas[1] ** step)
    return AdamUpdate(value - lr * mhat / (vhat**0.5 + eps), m, v)


def adamw_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    new, m, v = adam_update(value, grad, m, v, step, lr=lr, betas=betas, eps=eps)
    return AdamUpdate(new - lr * weight_decay * value, m, v)
