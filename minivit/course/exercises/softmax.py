"""Softmax and cross-entropy: from scores to shares, and from shares to a loss."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, batch_sizes, close, first_sample, lengths, with_options

rows, one_row = arrays("B N S", scale=2), arrays("S", scale=2)
many_rows = arrays("20000 2")  # short rows: a loop costs by the row, ours by the number


def forbidden(rng: Generator) -> Case:
    """Some scores are minus infinity, and one whole row."""
    x = rng.standard_normal(lengths(rng, 3))
    x[rng.random(x.shape) < 0.3] = -np.inf
    x[0, 0] = -np.inf
    return Case((x,), {})


def class_numbers(rng: Generator) -> Case:
    B, N, C = lengths(rng, 3)
    return Case((2 * rng.standard_normal((B, N, C)), rng.integers(0, C, (B, N))), {})


def soft_targets(rng: Generator) -> Case:
    B, C = lengths(rng, 2)
    targets = rng.random((B, C))
    return Case((2 * rng.standard_normal((B, C)), targets / targets.sum(-1, keepdims=True)), {})


def many_labels(rng: Generator) -> Case:
    return Case((rng.standard_normal((20_000, 5)), rng.integers(0, 5, 20_000)), {})


ROWS = {"": rows, "of one row": one_row, "with one more axis": arrays("A B N S", scale=2)}
LABELS = {
    "": class_numbers,
    "with soft targets": soft_targets,
    "with label smoothing": with_options(class_numbers, label_smoothing=0.1),
    "with label smoothing of 1": with_options(class_numbers, label_smoothing=1.0),
    "with soft targets and label smoothing": with_options(soft_targets, label_smoothing=0.1),
}


def sums_to_one(call: Call, rng: Generator) -> str | None:
    (x,), _ = rows(rng)
    total = call(x)[0].sum(-1)
    return (
        None
        if close(total, 1)
        else f"every row must sum to one; yours sum to {total.min():.6g} up to {total.max():.6g}"
    )


def ignores_a_shift(call: Call, rng: Generator) -> str | None:
    (x,), _ = rows(rng)
    says = "adding 3 to every score must not change the shares: exp(3) stands above and below the line"
    return None if close(call(x + 3)[0], call(x)[0]) else says


def survives_large_scores(call: Call, rng: Generator) -> str | None:
    x = np.array([[1000.0, 999.0, 990.0], [-1000.0, -1001.0, -1010.0], [1000.0, 0.0, -1000.0]])
    y, right = call(x)[0], call(x - x.max(-1, keepdims=True))[0]
    if close(y, right):
        return None
    row = int(np.isclose(y, right, rtol=0, atol=1e-9).all(-1).argmin())
    small = x / 500
    if not close(call(small)[0], call(small - small.max(-1, keepdims=True))[0]):
        return f"{x[row].tolist()} gives {y[row].tolist()}; a row less its largest score must give the same"
    return (
        f"{x[row].tolist()} gives {y[row].tolist()}: exp(1000) overflows and exp(-1000) is 0; subtract the largest "
        "score of each row first"
    )


def log_of_a_small_share(call: Call, rng: Generator) -> str | None:
    y = call(np.array([[0.0, -2000.0], [-2000.0, 0.0]]))[0]
    says = (
        f"scores of 0 and -2000 have the logarithms 0 and -2000; yours are {y[0].tolist()}: never take the log of exp"
    )
    return None if close(y, [[0, -2000], [-2000, 0]]) else says


def loss_of_a_sure_answer(call: Call, rng: Generator) -> str | None:
    loss = call(np.array([[0.0, -2000.0], [-2000.0, 0.0]]), np.array([0, 1]))[0]
    if not (np.isfinite(loss) and abs(loss) < 1e-12):
        return (
            f"logits of 0 and -2000 for the right classes have loss 0; yours is {loss:.3g}: never take the log of exp"
        )
    loss = call(np.array([[0.0, -2000.0], [-2000.0, 0.0]]), np.array([1, 0]))[0]
    if abs(loss - 2000) > 1e-9:
        easy = call(np.array([[0.0, -2.0], [-2.0, 0.0]]), np.array([1, 0]))[0]
        why = ": never take the log of exp" if np.isclose(easy, np.log1p(np.exp(2.0))) else ""
        return f"sure and wrong, logits of 0 and -2000 cost 2000; yours cost {loss:.6g}{why}"
    return None


def shares(e: str, y: str = "e / e.sum(-1, keepdims=True)") -> str:
    """A whole body with these exponentials."""
    return f"e = {e}; y = {y}; return y, SoftmaxCache(y)"


HARDENED = "targets = _as_probabilities(targets.argmax(-1) if soft else targets, logits)"
SHARES = "np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)"

of_rows = partial(Task, big=many_rows, sizes=batch_sizes, simpler=ONE_SAMPLE)
of_labels = partial(Task, big=many_labels, sizes=batch_sizes, simpler={"for one sample": first_sample(2)})

TASKS = (
    of_rows(
        "softmax_forward",
        {**ROWS, "with forbidden places (-inf)": forbidden},
        (
            Property("rows sum to one", sums_to_one),
            Property("a shift changes nothing", ignores_a_shift),
            Property("large scores do not overflow", survives_large_scores),
        ),
        {
            "y /= total": {
                "y /= y.sum()": "you divided by the sum of all numbers; each row (last axis) has its own",
                "y /= y.sum(0)": "you summed over axis 0; the sum goes over the last axis",
                "y /= y.sum(-2, keepdims=True)": "you summed over axis -2; the sum goes over the last axis",
                "pass": "that is exp(x): the division by the row's sum is missing",
                "y /= np.sqrt((y * y).sum(-1, keepdims=True))": "each row is divided by its length; divide by its sum",
                "y /= y.max(-1, keepdims=True)": "each row is divided by its largest number; divide by its sum",
                "y = y / total; y = y.astype(np.float32).astype(y.dtype)": "... float32's rounding",
                "y = (y / total).astype(np.float32)": "... from float64 comes y in float32",
                "y = y / total; y = y.squeeze()": "... y has shape",
                "y /= total + 1e-7": "... digits only",
                "x -= x.max(-1, keepdims=True); y /= total": "... you modified x in place",
            },
            "": {
                shares("np.exp(x)"): "... exp(1000) overflows",
                shares("np.exp(x)", "np.nan_to_num(e / e.sum(-1, keepdims=True))"): "... exp(1000) overflows",
                shares("np.exp(x - x.max(-1, keepdims=True))"): "... nan in",
                shares(
                    "np.exp(x)", "np.reshape([r / r.sum() for r in e.reshape(-1, e.shape[-1])], e.shape)"
                ): "... a loop over axis",
            },
            "_exp_and_sum(x)": {
                "_exp_and_sum(-x)": "the sign of x is wrong: a larger score gets a larger share",
                "_exp_and_sum(x * np.log(2))": "the base is 2; it is e",
                "_exp_and_sum(x * x)": "... adding 3 to every score",
                "(np.abs(x), np.abs(x).sum(-1, keepdims=True))": "... adding 3 to every score",
            },
            "y, SoftmaxCache(y)": {
                "y": "... must return the pair (y, cache)",
                "y, SoftmaxCache(x)": "... cache.y is the argument x as it came",
                "y.astype(np.float64), SoftmaxCache(y)": "... comes y in float64",
                "y * (1 + 1e-12 * np.random.rand()), SoftmaxCache(y)": "... the same call gives another y",
            },
        },
    ),
    of_rows(
        "softmax_backward",
        ROWS,
        mistakes={
            "dy - row_dot(dy, y)": {
                "dy.copy()": "that is y * dy: the sum is missing. Raising one score lowers all other shares of its row",
                "dy * (1 - y)": "that is y (1 - y) dy, only the diagonal of the Jacobian: y_i depends on every x_j of "
                "its row",
            },
            "dx = dy - row_dot": {
                "dx = dy + row_dot": "the sum of dy * y is added; it is subtracted: y * (dy - sum(dy * y))",
            },
            "row_dot(dy, y)": {
                "(dy * y).sum(0, keepdims=True)": "the sum runs over axis 0; it runs over the last axis: axis=-1",
                "dy.sum(-1, keepdims=True)": "the sum runs over dy alone; it must run over dy * y",
                "dy.mean(-1, keepdims=True)": "you subtracted the plain mean of dy; it is the mean weighted by y, the "
                "sum of dy * y",
                "(dy * y).sum(-2, keepdims=True) if y.ndim > 1 else (dy * y).sum()": "the sum runs over axis -2; it "
                "runs over the last axis",
                "(dy * y * y).sum(-1, keepdims=True)": "y stands twice under the sum: it is the sum of dy * y",
                "y.sum(-1, keepdims=True)": "the sum of y is 1; it must be the sum of dy * y",
                "(dy * y).mean(-1, keepdims=True)": "you took the mean of dy * y over the row; it is the sum",
                "(dy * y).sum()": "you summed dy * y over all rows; each row has its own sum: axis=-1, keepdims=True",
            },
            "dx *= y": {
                "pass": "the bracket is right, but it is not yet multiplied by y",
                "dx = y * dy - row_dot(dy, y)": "only dy is multiplied by y; the sum is, too: y * (dy - sum(dy * y))",
                "dx = y * dy - y * y * row_sum(dy)": "y squared stands before the sum of dy; one y belongs under the "
                "sum: y * (dy - sum(dy * y))",
                "dx = y * (1 - y)": "that is y (1 - y), the diagonal of the Jacobian: dy is missing, and so are the "
                "other scores of the row. It is y * (dy - sum(dy * y))",
                "dx *= -y": "... dx has the wrong sign",
                "dx *= y; dy *= 2": "... you modified dy in place",
                "dx *= y; y *= 2": "... you modified cache.y in place",
            },
            "InputGrad(dx)": {
                "dx": "... the gradients must be an InputGrad",
                "InputGrad(0 * dx)": "... dx is zero everywhere: nothing reaches it",
            },
        },
    ),
    of_rows(
        "log_softmax_forward",
        {**ROWS, "with forbidden places (-inf)": forbidden},
        (
            Property("large scores do not overflow", survives_large_scores),
            Property("a small share has a logarithm", log_of_a_small_share),
            Property("a shift changes nothing", ignores_a_shift),
        ),
        {
            "np.log(": {
                "np.log2(": "the logarithm is that of base 2; take np.log",
                "np.log10(": "the logarithm is that of base 10; take np.log",
            },
            "y -= np.log": {
                "y += np.log": "the logarithm of the sum is added; subtract it",
            },
            "return y": {
                "return np.exp(y)": "that is the softmax itself: the logarithm is missing",
                "return -y": "the sign is wrong: a log-probability is never positive",
            },
            "largest(x)": {"0": "... exp(1000) overflows"},
            "": {
                "y = np.nan_to_num(x - np.log(np.exp(x).sum(-1, keepdims=True))); return y, LogSoftmaxCache(y)": "... "
                "overflows",
            },
        },
    ),
    of_rows(
        "log_softmax_backward",
        {"": rows},
        mistakes={
            "row_sum(dy)": {
                "dy.mean(-1, keepdims=True)": "you took the mean of dy over the row; it is the sum",
                "dy.sum()": "you summed dy over all rows; each row has its own sum",
                "row_dot(dy, np.exp(cache.y))": "the sum runs over dy * softmax; it runs over dy alone",
                "dy": "the sum over the row is missing",
            },
            "dy - np.exp(cache.y) * row_sum(dy)": {
                "np.exp(cache.y) * (dy - row_dot(dy, np.exp(cache.y)))": "that is the backward of the softmax; that of "
                "its logarithm is dy - exp(y) * sum(dy)",
            },
            "dy - np.exp": {"dy + np.exp": "the second term is added; subtract it"},
            "np.exp(cache.y)": {
                "cache.y": "cache.y holds the logarithm of the softmax; the formula needs exp(y)",
                "0": "only the direct path: the sum of exponentials depends on x too",
                "np.exp(np.exp(cache.y))": "exp is taken twice: cache.y is the logarithm of the softmax",
                "1": "the sum of dy must be multiplied by exp(y)",
            },
        },
    ),
    of_labels(
        "cross_entropy_forward",
        LABELS,
        (Property("a sure answer costs nothing, or much", loss_of_a_sure_answer),),
        {
            "if label_smoothing:": {
                "if False:": "label_smoothing is not used: the targets are (1 - label_smoothing) times what they were, "
                "plus label_smoothing / C",
            },
            "+ label_smoothing / logits.shape[-1]": {
                "+ label_smoothing * (1 - targets) / (logits.shape[-1] - 1)": "label_smoothing is shared by all C "
                "classes, the right one too; yours goes to the others",
            },
            "= -_expected": {"= _expected": "the sign is wrong: minus the mean log-probability"},
            "targets * (1 - label_smoothing) +": {
                "targets +": "the targets are not made smaller: (1 - label_smoothing) times what they were",
                "targets * label_smoothing + (1 - 2 * label_smoothing) / logits.shape[-1] +": "label_smoothing and "
                "1 - label_smoothing have changed places",
            },
            "targets = _as_probabilities(targets, logits)": {
                f"soft = targets.ndim == logits.ndim; {HARDENED}": "a soft target is taken for the class that is most "
                "likely; every class counts by its probability",
            },
            "not 0 <= label_smoothing <= 1": {"False": "... with label_smoothing=-0.5 it must raise a ValueError"},
            "CrossEntropyCache(log_probs": {
                "CrossEntropyCache(np.exp(log_probs)": "those are the probabilities; keep their logarithms",
            },
            '_count("cross_entropy", logits[..., 0])': {
                "1": "summed over the rows instead of averaged",
                "len(logits)": "divided by the batch size; the mean is over all rows, however many axes they are "
                "spread over",
                "logits.size": "the mean goes over all numbers; it must go over the rows (a row has one right answer)",
            },
            "log_softmax_forward(logits)": {
                f"np.log({SHARES}), None": "... never take the log of exp",
                f"np.nan_to_num(np.log({SHARES})), None": "... cost 2000",
            },
        },
        uses=("log_softmax_forward",),
    ),
    of_labels(
        "cross_entropy_backward",
        LABELS,
        mistakes={
            "dlogits *= dy /": {
                "dlogits *= 1 /": "dy is missing: the loss may be scaled later",
                "dlogits *= -dy /": "the sign is wrong: it is what was said minus what is true, and yours is true "
                "minus said",
                "dlogits *= abs(dy) /": "... is not linear in dy",
                "dlogits *= np.exp(log_probs) * dy /": "the difference is multiplied by the probabilities once more; "
                "exp(log_probs) - targets is the gradient of the logits already",
            },
            "log_probs, targets = cache": {
                "log_probs, targets = cache; targets *= 1.0 + (dy > 0)": "... you modified cache.targets in place",
                "log_probs, targets = cache; log_probs = np.log(np.maximum(log_probs, 1e-300))": "the logarithm is "
                "taken twice: the cache holds logarithms already",
            },
            "dlogits -= targets": {
                "pass": "the targets are missing: it is what was said minus what is true",
                "dlogits -= targets == targets.max(-1, keepdims=True)": "1 is subtracted from the most likely class "
                "alone; subtract the targets, whose probabilities (soft targets, label smoothing) every class has",
            },
            "np.exp(log_probs)": {
                "log_probs.copy()": "the cache holds logarithms of probabilities; take exp(log_probs)"
            },
            "/ prod(dlogits.shape[:-1])": {
                "": "... the rows: summed over it instead of averaged",
                "/ len(dlogits)": "... the tokens: summed over it instead of averaged",
            },
        },
        reasons={"the rows": "the forward divides the sum by it"},
    ),
)

SOFTMAX = Exercise(
    "softmax",
    "softmax and cross-entropy",
    45,
    TASKS,
    closed=(
        *(f"minivit.ops.losses:{name}" for name in ("_as_probabilities", "_expected")),
        "minivit.ops.distillation:distillation_forward",
    ),
    lecture="02_attention",
    section=3,
)
