# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- a loop over axis 0 of value
def adam_update(value, grad, m, v, step, **options):
    rows = [ours.adam_update(*row, step, **options) for row in zip(value, grad, m, v, strict=True)]
    return AdamUpdate(*(np.stack(part) for part in zip(*rows, strict=True)))


# --- a loop over axis 1 of value
def adam_update(value, grad, m, v, step, **options):
    update = ours.adam_update(value, grad, m, v, step, **options)
    if value.ndim < 2:
        return update
    return update._replace(m=np.stack([update.m[:, i] for i in range(value.shape[1])], 1))


# --- you modified v in place
def adam_update(value, grad, m, v, step, **options):
    update = ours.adam_update(value, grad, m, v, step, **options)
    v[...] = update.v
    return update


# --- eps is missing, or not the one that is given
def adam_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8):
    return ours.adam_update(value, grad, m, v, step, lr=lr, betas=betas)


# --- the argument weight_decay is not used
def adamw_update(value, grad, m, v, step, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    return ours.adamw_update(value, grad, m, v, step, lr=lr, betas=betas, eps=eps)


# --- a later call writes into the m that an earlier one has returned
buffers = {}


def adam_update(value, grad, m, v, step, **options):
    update = ours.adam_update(value, grad, m, v, step, **options)
    buffer = buffers.setdefault((m.shape, m.dtype), np.empty_like(m))
    buffer[...] = update.m
    return update._replace(m=buffer)


# --- IndexError: too many indices for array
def adam_update(value, grad, m, v, step, **options):
    update = ours.adam_update(value, grad, m, v, step, **options)
    new = np.empty_like(value)
    new[:] = update.value
    return update._replace(value=new)
