"""Softmax and cross-entropy: from scores to shares, and from shares to a loss."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.exercises._cases import batch_sizes, first_sample, with_options


def rows(rng: Generator) -> Case:
    return Case((2 * rng.standard_normal(sizes(rng, 3)),), {})


def one_row(rng: Generator) -> Case:
    return Case((2 * rng.standard_normal(sizes(rng, 1)),), {})


def forbidden(rng: Generator) -> Case:
    """Some scores are minus infinity, and one whole row."""
    x = rng.standard_normal(sizes(rng, 3))
    x[rng.random(x.shape) < 0.3] = -np.inf
    x[0, 0] = -np.inf
    return Case((x,), {})


def many_rows(rng: Generator) -> Case:
    return Case((rng.standard_normal((20_000, 2)),), {})  # short rows: a loop costs by the row, ours by the number


def class_numbers(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    return Case((2 * rng.standard_normal((B, N, C)), rng.integers(0, C, (B, N))), {})


def soft_targets(rng: Generator) -> Case:
    B, C = sizes(rng, 2)
    targets = rng.random((B, C))
    return Case((2 * rng.standard_normal((B, C)), targets / targets.sum(-1, keepdims=True)), {})


def many_labels(rng: Generator) -> Case:
    return Case((rng.standard_normal((20_000, 5)), rng.integers(0, 5, 20_000)), {})


smoothed = with_options(class_numbers, label_smoothing=0.1)
LABELS = {"": class_numbers, "with soft targets": soft_targets, "with label smoothing": smoothed}


def sums_to_one(call: Call, rng: Generator) -> str | None:
    (x,), _ = rows(rng)
    total = call(x)[0].sum(-1)
    if np.allclose(total, 1, rtol=0, atol=1e-12):
        return None
    return f"every row must sum to one; yours sum to {total.min():.6g} up to {total.max():.6g}"


def ignores_a_shift(call: Call, rng: Generator) -> str | None:
    (x,), _ = rows(rng)
    if np.allclose(call(x + 3)[0], call(x)[0], rtol=0, atol=1e-12):
        return None
    return "adding 3 to every score must not change the shares: exp(3) stands above and below the line"


def survives_large_scores(call: Call, rng: Generator) -> str | None:
    x = np.array([[1000.0, 999.0, 990.0], [-1000.0, -1001.0, -1010.0]])
    y, right = call(x)[0], call(x - x.max(-1, keepdims=True))[0]
    if np.allclose(y, right, rtol=0, atol=1e-9):
        return None
    row = int(np.isclose(y, right, rtol=0, atol=1e-9).all(-1).argmin())
    small = x / 500
    if not np.allclose(call(small)[0], call(small - small.max(-1, keepdims=True))[0], rtol=0, atol=1e-9):
        return f"{x[row].tolist()} gives {y[row].tolist()}; a row less its largest score must give the same"
    return (
        f"{x[row].tolist()} gives {y[row].tolist()}: exp(1000) overflows and exp(-1000) is 0; subtract the largest "
        "score of each row first"
    )


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


def over_everything(trial: Trial) -> np.ndarray:
    e = np.exp(trial.args[0] - trial.args[0].max())
    return e / e.sum()


def over_axis(axis: int):
    def shares(trial: Trial) -> np.ndarray:
        e = np.exp(trial.args[0] - trial.args[0].max())
        return e / e.sum(axis, keepdims=True)

    return shares


def said(trial: Trial) -> np.ndarray:
    return np.exp(trial.cache.log_probs)


def rows_in(trial: Trial) -> int:
    return trial.cache.log_probs[..., 0].size


def right_class(trial: Trial) -> np.ndarray:
    """Log-probability of the target, row by row, from the reference."""
    log_probs, targets = trial.expected[1]
    return (log_probs * targets).sum(-1)


def smoothed_targets(trial: Trial, smoothing: float, left_out: int) -> np.ndarray:
    """Class numbers as rows; ``smoothing`` goes to the classes, so many of them (the right one) left out."""
    logits, targets = trial.args
    rows = (targets[..., None] == np.arange(logits.shape[-1])).astype(logits.dtype)
    return (1 - smoothing) * rows + smoothing * (1 - left_out * rows) / (logits.shape[-1] - left_out)


SOFTMAX = Exercise(
    "softmax",
    "softmax and cross-entropy",
    45,
    (
        Task(
            "softmax_forward",
            "minivit.ops.softmax",
            "forward",
            {"": rows, "of one row": one_row, "with forbidden places (-inf)": forbidden},
            (
                Property("rows sum to one", sums_to_one),
                Property("a shift changes nothing", ignores_a_shift),
                Property("large scores do not overflow", survives_large_scores),
            ),
            (
                Mistake(
                    "y", over_everything, "you divided by the sum of all numbers; each row (last axis) has its own"
                ),
                Mistake("y", over_axis(0), "you summed over axis 0; the sum goes over the last axis"),
                Mistake("y", over_axis(-2), "you summed over axis -2; the sum goes over the last axis"),
                Mistake("y", lambda t: np.exp(t.args[0]), "that is exp(x): the division by the row's sum is missing"),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "softmax_backward",
            "minivit.ops.softmax",
            "backward",
            {"": rows, "of one row": one_row},
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: t.dy * t.cache.y,
                    "that is y * dy: the sum is missing. Raising one score lowers all other shares of its row",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy * t.cache.y * (1 - t.cache.y),
                    "that is y (1 - y) dy, only the diagonal of the Jacobian: y_i depends on every x_j of its row",
                ),
                Mistake(
                    "dx",
                    lambda t: t.cache.y * (t.dy - t.dy.sum(-1, keepdims=True)),
                    "the sum runs over dy alone; it must run over dy * y",
                ),
                Mistake(
                    "dx",
                    lambda t: t.cache.y * (t.dy - (t.dy * t.cache.y).mean(-1, keepdims=True)),
                    "you took the mean of dy * y over the row; it is the sum",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy - (t.dy * t.cache.y).sum(-1, keepdims=True),
                    "the bracket is right, but it is not yet multiplied by y",
                ),
                Mistake(
                    "dx",
                    lambda t: t.cache.y * (t.dy - (t.dy * t.cache.y).sum()),
                    "you summed dy * y over all rows; each row has its own sum: axis=-1, keepdims=True",
                ),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "log_softmax_forward",
            "minivit.ops.softmax",
            "forward",
            {"": rows, "of one row": one_row},
            (
                Property("large scores do not overflow", survives_large_scores),
                Property("a shift changes nothing", ignores_a_shift),
            ),
            (
                Mistake("y", lambda t: np.exp(t.expected[0]), "that is the softmax itself: the logarithm is missing"),
                Mistake("y", lambda t: -t.expected[0], "the sign is wrong: a log-probability is never positive"),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "log_softmax_backward",
            "minivit.ops.softmax",
            "backward",
            {"": rows},
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: t.dy - np.exp(t.cache.y) * t.dy.mean(-1, keepdims=True),
                    "you took the mean of dy over the row; it is the sum",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy - t.cache.y * t.dy.sum(-1, keepdims=True),
                    "cache.y holds the logarithm of the softmax; the formula needs exp(y)",
                ),
                Mistake("dx", lambda t: t.dy, "only the direct path: the sum of exponentials depends on x too"),
            ),
            big=many_rows,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample()},
        ),
        Task(
            "cross_entropy_forward",
            "minivit.ops.losses",
            "forward",
            LABELS,
            (Property("a sure answer costs nothing, or much", loss_of_a_sure_answer),),
            (
                Mistake(
                    "cache.targets",
                    lambda t: smoothed_targets(t, 0, 0),
                    "label_smoothing is not used: the targets are (1 - label_smoothing) times what they were, plus "
                    "label_smoothing / C",
                ),
                Mistake(
                    "cache.targets",
                    lambda t: smoothed_targets(t, t.kwargs["label_smoothing"], 1),
                    "label_smoothing is shared by all C classes, the right one too; yours goes to the others",
                ),
                Mistake("y", lambda t: right_class(t).mean(), "the sign is wrong: minus the mean log-probability"),
                Mistake("y", lambda t: -right_class(t).sum(), "summed over the rows instead of averaged"),
                Mistake(
                    "y",
                    lambda t: -right_class(t).sum() / right_class(t).shape[0],
                    "divided by the batch size; the mean is over all rows, however many axes they are spread over",
                ),
                Mistake(
                    "y",
                    lambda t: -right_class(t).sum() / t.args[0].size,
                    "the mean goes over all numbers; it must go over the rows (a row has one right answer)",
                ),
            ),
            big=many_labels,
            sizes=batch_sizes,
            simpler={"for one sample": first_sample(2)},
            uses=("log_softmax_forward",),
        ),
        Task(
            "cross_entropy_backward",
            "minivit.ops.losses",
            "backward",
            LABELS,
            mistakes=(
                Mistake("dlogits", lambda t: t.expected.logits / t.dy, "dy is missing: the loss may be scaled later"),
                Mistake(
                    "dlogits",
                    lambda t: t.dy * said(t) / rows_in(t),
                    "the targets are missing: it is what was said minus what is true",
                ),
                Mistake(
                    "dlogits",
                    lambda t: t.dy * (t.cache.log_probs - t.cache.targets) / rows_in(t),
                    "the cache holds logarithms of probabilities; take exp(log_probs)",
                ),
                Mistake(
                    "dlogits",
                    lambda t: -t.expected.logits,
                    "the sign is wrong: it is what was said minus what is true, and yours is true minus said",
                ),
            ),
            big=many_labels,
            sizes=batch_sizes,
            reasons={"the rows": "the forward divides the sum by it"},
            simpler={"for one sample": first_sample(2)},
        ),
    ),
    closed=tuple(f"minivit.ops.losses:{name}" for name in ("_as_probabilities", "_expected", "distillation_forward")),
)
