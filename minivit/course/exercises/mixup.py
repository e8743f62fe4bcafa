"""Images laid over each other or pasted into each other, and their targets; the draws of it stand in _mixing_draws."""

import re
from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.compare import CheckFailedError
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import close, lengths
from minivit.course.exercises._mixing_draws import DRAWING_TASKS, box_in
from minivit.train.mixing import Box


def class_numbers(axes: int, *, last: bool = True) -> Draw:
    """Draws class numbers, the first class and (or not) the last one among them."""

    def drawn(rng: Generator) -> Case:
        *shape, classes = lengths(rng, axes + 1)
        labels = rng.integers(0, classes if last else classes - 1, shape)
        labels.flat[:2] = 0, classes - (1 if last else 2)
        return Case((labels, classes), {})

    return drawn


def soft_targets(rng: Generator, B: int, K: int) -> np.ndarray:
    return rng.dirichlet(np.ones(K), B)


def smoothing(*, others: bool, soft: bool = False, epsilon: float | None = None) -> Draw:
    """Draws targets and how much of them is spread."""

    def drawn(rng: Generator) -> Case:
        B, K = lengths(rng, 2)
        targets = soft_targets(rng, B, K) if soft else np.eye(K)[rng.integers(0, K, B)]
        share = choose(rng, 0.1, 0.15, 0.3) if epsilon is None else epsilon
        return Case((targets, share), {"others": True} if others else {})

    return drawn


def summing_to_one(case: Case) -> Case:
    """The case with shares of which some have been cut off, or repeated; all alike where nothing is left of a row."""
    targets, share = case.args
    total = targets.sum(-1, keepdims=True)
    shares = np.divide(targets, total, out=np.full_like(targets, 1 / targets.shape[-1]), where=total > 0)
    return Case((shares, share), case.kwargs)


def examples(*shape: int, batch: tuple[int, ...] = (5, 7, 13), lam: float | None = None) -> Draw:
    """Draws inputs of this shape, targets and a share; an even batch has no example in its middle."""

    def drawn(rng: Generator) -> Case:
        B = choose(rng, *batch)
        inputs, targets = rng.standard_normal((B, *shape)), soft_targets(rng, B, 8)
        return Case((inputs, targets, choose(rng, 0.15, 0.3, 0.8) if lam is None else lam), {})

    return drawn


def cut(where: str = "inside") -> Draw:
    """Draws images, targets and a box; no two lengths are equal, nor the sides of the box."""

    def drawn(rng: Generator) -> Case:
        while True:
            B, Y, X = choose(rng, 3, 5, 6), choose(rng, 7, 9, 10), choose(rng, 11, 12, 13)
            box = box_in(rng, Y, X, where)
            sides = box.bottom - box.top, box.right - box.left
            if where in ("nothing", "all") or (
                different((*sides, Y, X, B, 4, 8)) and 3 * sides[0] * sides[1] < 2 * Y * X
            ):
                return Case((rng.standard_normal((B, Y, X, 4)), soft_targets(rng, B, 8), box), {})

    return drawn


LABELS = {
    "": class_numbers(1),
    "with one more axis": class_numbers(2),
    "of which none is the last class": class_numbers(1, last=False),
}
SMOOTHED = {
    "": smoothing(others=False),
    "of the others": smoothing(others=True),
    "of soft targets": smoothing(others=False, soft=True),
    "of the others, with soft targets": smoothing(others=True, soft=True),
}
OVER = {
    "": examples(4, 9, 6),
    "with an even batch": examples(4, 9, 5, batch=(6, 10)),
    "of waves": examples(11),
    "with a share of 1": examples(9, lam=1.0),
    "with a share of 0": examples(9, lam=0.0),
}
INTO = {
    "": cut(),
    "where the box touches the last row and column": cut("corner"),
    "with an empty box": cut("nothing"),
    "with a box that is the whole image": cut("all"),
}


def one_in_each_row(call: Call, rng: Generator) -> str | None:
    labels, classes = class_numbers(1)(rng).args
    rows = np.asarray(call(labels, classes))
    if rows.shape == (len(labels), classes) and not (close(rows.sum(-1), 1) and close(rows.max(-1), 1)):
        return (
            f"each row has a single 1 in the place of its class, and 0 elsewhere; yours begins with {rows[0].tolist()}"
        )
    return None


def still_sum_to_one(call: Call, rng: Generator) -> str | None:
    for options in ({}, {"others": True}):
        targets = np.eye(5)[[3, 0, 4]]
        total = np.asarray(call(targets, 0.2, **options)).sum(-1)
        if not close(total, 1):
            way = ", of the others," * bool(options)
            return f"smoothed targets{way} are still shares that sum to one; yours sum to {total.round(6).tolist()}"
    return None


def needs_others(call: Call, rng: Generator) -> str | None:
    try:
        call(np.ones((3, 1)), 0.1, others=True)
    except CheckFailedError as error:  # what the solution raises
        return None if "ValueError" in str(error) else str(error)
    except ValueError:  # what ours raises, when the solution has returned something
        return "with 1 class there are no others to spread the smoothing over: it must raise a ValueError"
    return None


def targets_say_what_is_seen(call: Call, rng: Generator) -> str | None:
    """Of images whose colours are their targets, the mean colour is the target, whatever is mixed."""
    labels = np.array([0, 3, 1, 2, 3])
    inputs, targets = np.eye(4)[labels][:, None, None, :] * np.ones((1, 6, 5, 1)), np.eye(4)[labels]
    for last in mixing_of(call):
        mixed = call(inputs, targets, last)
        seen, told = np.asarray(mixed["inputs"]).mean((1, 2)), np.asarray(mixed["targets"])
        wrong = ~np.isclose(seen, told, rtol=0, atol=1e-9).all(-1)
        if wrong.any():
            i = int(wrong.argmax())
            return (
                f"of image {i} it says that there are {told[i].round(4).tolist()} of the classes in it, and its pixels "
                f"are {seen[i].round(4).tolist()} of them: images and targets must be mixed alike"
            )
    return None


def partners_are_opposite(call: Call, rng: Generator) -> str | None:
    """Of examples that say which one they are."""
    B = 5
    numbers = np.arange(B)[:, None, None, None] * np.ones((1, 6, 5, 1))
    for last in mixing_of(call):
        mixed = np.asarray(call(numbers, np.eye(B), last)["targets"])
        for i in range(B):
            found = [j for j in range(B) if j != i and abs(mixed[i, j]) > 1e-9]
            right = [B - 1 - i] * (2 * i != B - 1)
            if found != right:
                should_be = f"its partner is {right[0]}" if right else "it is its own partner"
                yours = " and ".join(map(str, found)) or "none of the others"
                said = f"of {B} examples, in the target of number {i} is {yours}; {should_be}"
                return f"{said}: the first goes with the last"
    return None


def mixing_of(call: Call) -> list[object]:
    """What the last argument may be, of ``mixup`` or of ``cutmix``."""
    is_cut = call.asked.task.name == "cutmix"  # type: ignore[attr-defined]
    return [Box(1, 5, 2, 4), Box(0, 3, 0, 5)] if is_cut else [0.25, 0.9]


ONES = "(labels[..., None] == np.arange(num_classes, like=labels)).astype(np.float32)"
RANGE = 'check_numbers("label", labels, num_classes, "classes")'

ONE_HOT = Task(
    "one_hot",
    LABELS,
    (Property("a single one in each row", one_in_each_row),),
    {
        ONES: {
            "np.eye(num_classes)[labels]": "... y is of float64; it must be of float32.",
            "np.eye(num_classes, dtype=int)[labels]": "... y is of int64; it must be of float32",
            "labels[..., None] == np.arange(num_classes)": "... y is of bool; it must be of float32",
            "np.eye(num_classes, dtype=np.float32)[labels - 1]": "classes are counted from 0: class 0 has its 1 in the "
            "first place",
            "(labels[..., None] == np.arange(1, num_classes + 1)).astype(np.float32)": "classes are counted from 0: "
            "class 0 has its 1 in the first place",
            "np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]": "there are num_classes columns, whatever the "
            "largest label is",
            "np.eye(num_classes, dtype=np.float32)[(labels + 1) % num_classes]": "classes are counted from 0: class 0 "
            "has its 1 in the first place, not in the second",
            "np.eye(num_classes, dtype=np.float32)[labels][..., ::-1]": "the classes stand in reversed order",
            "1 - np.eye(num_classes, dtype=np.float32)[labels]": "0 and 1 have changed places",
            "2 * np.eye(num_classes, dtype=np.float32)[labels] - 1": "elsewhere stands -1; 0",
            "np.eye(num_classes, dtype=np.float32)[labels] / num_classes": "... the same factor everywhere",
            "np.eye(num_classes, dtype=np.float32)[labels] * labels[..., None]": "the class's number stands in its "
            "place; a 1 does",
            "(labels[..., None] >= np.arange(num_classes)).astype(np.float32)": "all places up to the class have a 1; "
            "only its own has",
            "np.eye(num_classes, dtype=np.float32)[labels].T": "... y has shape",
            "np.eye(num_classes, dtype=np.float32)[labels.ravel()]": "... y has shape",
            "np.eye(num_classes + 1, dtype=np.float32)[labels]": "... y has shape",
            "np.eye(labels.max(), dtype=np.float32)[labels - 1]": "... y has shape",
            "np.broadcast_to(np.eye(num_classes, dtype=np.float32)[labels.flat[0]], (*labels.shape, num_classes))": (
                "all rows are that of the first label; each has its own"
            ),
            "np.array([np.eye(num_classes, dtype=np.float32)[i] for i in labels])": "... a loop over axis 0",
        },
        RANGE: {
            "pass": "... it must raise a",
            "labels = labels % num_classes": "... it must raise a",
            "labels = labels.astype(int)": "... it must raise a",
        },
    },
    axes={"y": "label class"},
)

SPREAD = "spread = (1 - targets) / (classes - 1) if others else 1 / classes"
SMOOTH = "return targets * (1 - label_smoothing) + label_smoothing * spread"
KEEPS_ALL = "the true class keeps 1; it keeps 1 - label_smoothing of it"
SMOOTHED_TASK = Task(
    "smoothed",
    SMOOTHED,
    (
        Property("they still sum to one", still_sum_to_one),
        Property("with a single class there are no others", needs_others),
    ),
    {
        SPREAD: {
            "spread = 1 / classes": "... the argument others is not used",
            "spread = (1 - targets) / (classes - 1)": "label_smoothing is spread over the other classes only; without "
            "`others` it is over all K, the true one too",
            "spread = 1 / classes if others else (1 - targets) / (classes - 1)": "the two ways have changed places: "
            "with `others` it is spread over the K - 1 others, without over all K",
            "spread = (1 - targets) / classes if others else 1 / classes": "there are K - 1 others, so each gets "
            "label_smoothing / (K - 1)",
            "spread = (1 - targets) if others else 1": "label_smoothing is not divided by the number of classes that "
            "it is spread over",
            "spread = 1 / (classes - 1) if others else 1 / classes": "of the others each gets label_smoothing / "
            "(K - 1), the true class none of it: times (1 - t)",
            "spread = (1 - targets) / (classes - 1) if others else 1 / (classes - 1)": "without `others` it is spread "
            "over all K classes: label_smoothing / K",
            "spread = (targets == 0) / (classes - 1) if others else 1 / classes": "of soft targets nothing is spread: "
            "(1 - t) says how much a class is one of the others",
            "spread = (1 - targets) / (classes - 1) if others else 1 / len(targets)": "divided by the number of "
            "targets; by that of the classes, the last axis",
            "spread = (1 - targets) / (len(targets) - 1) if others else 1 / classes": "divided by the number of "
            "targets; by that of the other classes, the last axis",
            "spread = (1 - targets) / (targets.size - 1) if others else 1 / targets.size": "divided by all numbers of "
            "the targets; by that of the classes, the last axis",
            "spread = 1": "label_smoothing is not divided by the number of classes that it is spread over",
            "spread = 0": "nothing is spread over the classes",
            "spread = targets.mean(0) if not others else (1 - targets) / (classes - 1)": "it is spread by how frequent "
            "the classes are; over all of them alike",
        },
        SMOOTH: {
            "return targets + label_smoothing * spread": KEEPS_ALL,
            "n = classes - 1 if others else classes; return targets * (1 - label_smoothing / n) + label_smoothing / "
            "n": ("the targets are multiplied by 1 less what each class gets; by 1 - label_smoothing"),
            "e = label_smoothing * (classes - 1) / classes if others else label_smoothing; return targets * (1 - e) + "
            "e / classes": "with `others`, label_smoothing is multiplied by (K - 1) / K; by K / (K - 1)",
            "n = classes - 1 if others else classes; out = np.full_like(targets, label_smoothing / n); "
            "np.put_along_axis(out, targets.argmax(-1, keepdims=True), 1 - label_smoothing / n * (classes - 1), -1); "
            "return out": "the likeliest class is taken for the only one; soft targets are smoothed by the same "
            "formula, (1 - label_smoothing) t + ...",
            "return targets * label_smoothing + (1 - label_smoothing) * spread": "label_smoothing and "
            "1 - label_smoothing have changed places",
            "return targets * (1 - label_smoothing) - label_smoothing * spread": "the second part is subtracted; add "
            "it",
            "return targets - label_smoothing + label_smoothing * spread": "label_smoothing is subtracted; the targets "
            "are multiplied by 1 - label_smoothing",
            "return targets * (1 - label_smoothing)": "... smoothed targets",
            "return np.where(targets == 1, 1 - label_smoothing + label_smoothing * (0 if others else spread), "
            "label_smoothing * (1 / (classes - 1) if others else spread)).astype(targets.dtype)": "that is right of "
            "ones and zeros only; soft targets are smoothed by the same formula, (1 - label_smoothing) t + ...",
            "return (targets + label_smoothing) / (1 + classes * label_smoothing)": "label_smoothing is added to "
            "every class and the row divided by its sum; (1 - label_smoothing) t + ...",
            "return np.clip(targets, label_smoothing * spread, 1 - label_smoothing + label_smoothing * spread)": "the "
            "targets are clipped; (1 - label_smoothing) t + ...",
            "return np.maximum(targets * (1 - label_smoothing), label_smoothing * spread)": "the larger one is taken; "
            "the two parts are added",
            "return np.where(targets == targets.max(-1, keepdims=True), 1 - label_smoothing, label_smoothing * "
            "spread)": (
                "the likeliest class gets 1 - label_smoothing alone; (1 - label_smoothing) t + ..., for every class, "
                "soft targets too"
            ),
            "return (targets + label_smoothing * spread) / (1 + label_smoothing)": "divided by 1 + label_smoothing: "
            "(1 - label_smoothing) t + ...",
            "return targets * (1 - label_smoothing) ** 2 + label_smoothing * spread": "1 - label_smoothing stands "
            "there "
            "twice",
            "targets *= 1 - label_smoothing; return targets + label_smoothing * spread": "... you modified targets in "
            "place",
            "return (targets * (1 - label_smoothing) + label_smoothing * spread).astype(np.float64)": "... comes y in "
            "float64",
            "return (targets * (1 - label_smoothing) + label_smoothing * spread).sum(-1)": "... y has shape",
            "return np.array([t * (1 - label_smoothing) + label_smoothing * s for t, s in zip(targets, "
            "np.broadcast_to(spread, targets.shape))])": "... a loop over axis 0",
        },
        "if others and classes == 1:": {"if False:": "... with 1 class there are no others"},
    },
    axes={"y": "example class"},
    fitting=summing_to_one,
)

INPUTS, TARGETS = "lam * inputs + (1 - lam) * inputs[::-1]", "lam * targets + (1 - lam) * targets[::-1]"
EXCHANGED = "of each example itself there is lam, of its partner 1 - lam; yours is the other way round, for {}"
NEXT = (
    "the partner is the neighbour (np.roll), for {}; it is the example with number B - 1 - i, the first with the last"
)
PAIRS = "neighbours are paired, for {}; the first goes with the last: the partner has the number B - 1 - i"
HALF = "the partner is half a batch away, for {}; the first goes with the last: the partner has the number B - 1 - i"
FIRST = "the partner is the first example for all, for {}; it is the one with number B - 1 - i"
ALONE = "the partner stands there alone, for {}"
HALVES = "both weigh a half, for {}; the example itself weighs lam"
MORE = "the example itself weighs 1, for {}; it weighs lam"
TOO_LITTLE = "the partner is missing, for {}: 1 - lam of it is added"
LARGER = "lam is made at least a half, for {}; it is taken as it is"


def both(x: str, name: str = "") -> str:
    """A whole body in which inputs and targets are mixed by the same wrong formula of ``x``, of one of them only."""
    right = "lam * x + (1 - lam) * x[::-1]"
    new = {part: re.sub(r"\bx\b", part, x if name in ("", part) else right) for part in ("inputs", "targets")}
    return f"return Mixed({new['inputs']}, {new['targets']})"


SHUFFLES = {
    "(1 - lam) * x + lam * x[::-1]": EXCHANGED,
    "lam * x + (1 - lam) * np.roll(x, 1, 0)": NEXT,
    "lam * x + (1 - lam) * np.roll(x, -1, 0)": NEXT,
    "lam * x + (1 - lam) * x[[i + 1 - 2 * (i % 2) if i + 1 < len(x) else i - i % 2 for i in range(len(x))]]": PAIRS,
    "lam * x + (1 - lam) * np.roll(x, len(x) // 2, 0)": HALF,
    "lam * x + (1 - lam) * x[:1]": FIRST,
    "x[::-1].copy()": ALONE,
    "(x + x[::-1]) / 2": HALVES,
    "x + (1 - lam) * x[::-1]": MORE,
    "lam * x": TOO_LITTLE,
    "max(lam, 1 - lam) * x + min(lam, 1 - lam) * x[::-1]": LARGER,
    "lam * x + (1 - lam) * lam * x[::-1]": "the partner is scaled by lam, too, for {}: it is taken as it came in",
}
WHICH = {"": "inputs and targets", "inputs": "the inputs only", "targets": "the targets only"}

of_examples = partial(Task, axes={"inputs": "example", "targets": "example class"})
MIXUP_TASK = of_examples(
    "mixup",
    OVER,
    (
        Property("the first goes with the last", partners_are_opposite),
        Property("targets say what is seen", targets_say_what_is_seen),
    ),
    {
        "": {
            **{both(x, name): says.format(WHICH[name]) for x, says in SHUFFLES.items() for name in WHICH},
            "return Mixed(inputs.copy(), targets.copy())": "nothing is mixed, or each example with itself",
            "return Mixed(lam * inputs + (1 - lam) * inputs[::-1], targets.copy())": "the inputs are mixed and the "
            "targets are not: a picture of two things is called by one of them",
            "return Mixed(inputs.copy(), lam * targets + (1 - lam) * targets[::-1])": "the targets are mixed and the "
            "inputs are not, or each of them with itself",
            "t = lam * targets + (1 - lam) * targets[::-1]; return Mixed(lam * inputs + (1 - lam) * inputs[::-1], "
            "(t == t.max(-1, keepdims=True)).astype(t.dtype))": "the mixed targets are rounded to one class; they stay "
            "mixed",
            "h = (targets == targets.max(-1, keepdims=True)).astype(targets.dtype); return Mixed(lam * inputs + (1 - "
            "lam) * inputs[::-1], lam * h + (1 - lam) * h[::-1])": "of soft targets only the likeliest class is "
            "mixed; all classes are, as they stand there",
            "p = -np.arange(len(inputs)); return Mixed(lam * inputs + (1 - lam) * inputs[p], lam * targets + (1 - "
            "lam) * targets[p])": "the partner is number -i; from the end, number -1 is the last: -1 - i",
            "p = np.roll(np.arange(len(inputs)), len(inputs) // 2 + 1); return Mixed(lam * inputs + (1 - lam) * "
            "inputs[p], lam * targets + (1 - lam) * targets[p])": "... the first goes with the last",
            "t = lam * targets + (1 - lam) * targets[:, ::-1]; return Mixed(lam * inputs + (1 - lam) * inputs[::-1], "
            "t)": "the targets are mixed with their own classes in reversed order; [::-1] reverses the examples, axis "
            "0",
            "return Mixed(lam * inputs + (1 - lam) * inputs[:, ::-1], lam * targets + (1 - lam) * targets[::-1])": (
                "each input is mixed with its own mirror image; [::-1] reverses the examples, axis 0"
            ),
            "return Mixed(lam * inputs + (1 - lam) * inputs[..., ::-1], lam * targets + (1 - lam) * targets[::-1])": (
                "each input is mixed with itself reversed along the last axis; [::-1] reverses the examples, axis 0"
            ),
            "return Mixed(lam * inputs + (1 - lam) * np.flip(inputs), lam * targets + (1 - lam) * targets[::-1])": (
                "np.flip without an axis reverses all of them; only the examples are, axis 0"
            ),
            "return Mixed(lam * inputs + (1 - lam) * inputs.mean(0), lam * targets + (1 - lam) * targets[::-1])": (
                "the inputs are mixed with the mean of the batch; with one partner each"
            ),
            "return Mixed(lam * inputs - (1 - lam) * inputs[::-1], lam * targets + (1 - lam) * targets[::-1])": (
                "the partner is subtracted from the inputs; add it"
            ),
            "return Mixed(np.sqrt(lam).item() * inputs + np.sqrt(1 - lam).item() * inputs[::-1], lam * targets + "
            "(1 - lam) * targets[::-1])": "the inputs are weighed by the roots of the shares; by the shares",
            "return Mixed(inputs[::-1] + lam**2 * (inputs - inputs[::-1]), lam * targets + (1 - lam) * "
            "targets[::-1])": ("lam is squared for the inputs"),
            "return Mixed(np.clip(lam * inputs + (1 - lam) * inputs[::-1], 0, 1), lam * targets + (1 - lam) * "
            "targets[::-1])": "the mixed inputs are clipped; they stay as they are, negative or large",
            "keep = np.random.default_rng(0).random(inputs.shape) < lam; return Mixed(np.where(keep, inputs, "
            "inputs[::-1]), lam * targets + (1 - lam) * targets[::-1])": "at each place one of the two stands; they "
            "are laid over each other, lam of the one and 1 - lam of the other",
            "return Mixed(np.maximum(lam * inputs, (1 - lam) * inputs[::-1]), lam * targets + (1 - lam) * "
            "targets[::-1])": "of the two inputs the larger number is taken at each place; they are added",
            "x, t = inputs.copy(), targets.copy(); h = len(x) // 2; x[:h] = lam * x[:h] + (1 - lam) * x[::-1][:h]; "
            "t[:h] = lam * t[:h] + (1 - lam) * t[::-1][:h]; return Mixed(x, t)": "only the first half of the batch is "
            "mixed; the second half is, too",
            "x, t = inputs.copy(), targets.copy(); [(x.__setitem__(i, lam * x[i] + (1 - lam) * x[-1 - i]), "
            "t.__setitem__(i, lam * t[i] + (1 - lam) * t[-1 - i])) for i in range(len(x))]; return Mixed(x, t)": (
                "the second half of the batch is mixed with what has been mixed already; write the results into new "
                "arrays"
            ),
            "x = inputs.copy(); [x.__setitem__(i, lam * x[i] + (1 - lam) * x[-1 - i]) for i in range(len(x))]; return "
            "Mixed(x, lam * targets + (1 - lam) * targets[::-1])": "the second half of the inputs is mixed with what "
            "has been mixed already; write the results into new arrays",
            "x, t = lam * inputs + (1 - lam) * inputs[::-1], lam * targets + (1 - lam) * targets[::-1]; return "
            "Mixed(lam * x + (1 - lam) * x[::-1], lam * t + (1 - lam) * t[::-1])": "mixed twice",
            "inputs *= lam; return Mixed(inputs + (1 - lam) / max(lam, 1e-9) * inputs[::-1], lam * targets + (1 - lam) "
            "* targets[::-1])": "... you modified inputs in place",
            "t = lam * targets + (1 - lam) * targets[::-1]; targets[...] = t; return Mixed(lam * inputs + (1 - lam) * "
            "inputs[::-1], t)": "... you modified targets in place",
            "return lam * inputs + (1 - lam) * inputs[::-1]": "... the result must be a Mixed",
            "return Mixed(lam * targets + (1 - lam) * targets[::-1], lam * inputs + (1 - lam) * inputs[::-1])": "... "
            "inputs and targets are exchanged",
            "m = lam * inputs + (1 - lam) * inputs[::-1]; return Mixed(np.concatenate((inputs, m)), "
            "np.concatenate((targets, lam * targets + (1 - lam) * targets[::-1])))": "... inputs has shape",
            "lam = np.float64(lam); return Mixed(lam * inputs + (1 - lam) * inputs[::-1], lam * targets + (1 - lam) * "
            "targets[::-1])": "... comes inputs in float64",
            "return Mixed(np.stack([lam * a + (1 - lam) * b for a, b in zip(inputs, inputs[::-1])]), lam * targets + "
            "(1 - lam) * targets[::-1])": "... a loop over axis 0",
        },
    },
)

PASTE = "mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right]"
AREA = "lam = 1 - (bottom - top) * (right - left) / (Y * X)"
ON_IMAGE = "not (0 <= top <= bottom <= Y and 0 <= left <= right <= X)"
BY_AREA = TARGETS
CUTMIX_TASK = Task(
    "cutmix",
    INTO,
    (
        Property("the first goes with the last", partners_are_opposite),
        Property("targets say what is seen", targets_say_what_is_seen),
    ),
    {
        PASTE: {
            "mixed[:, top:bottom] = images[::-1, top:bottom]": "whole rows are pasted; only the columns from left to "
            "right of them are",
            "mixed[:, :, left:right] = images[::-1, :, left:right]": "whole columns are pasted; only the rows from top "
            "to bottom of them are",
            "mixed[:, left:right, top:bottom] = images[::-1, left:right, top:bottom]": "rows and columns of the box "
            "are "
            "exchanged: rows are axis 1, columns axis 2",
            "top, bottom, left, right = top, left, bottom, right; mixed[:, top:bottom, left:right] = images[::-1, "
            "top:bottom, left:right]": "the order in a box is top, bottom, left, right; yours is top, left, bottom, "
            "right",
            "mixed[:, top : bottom + 1, left : right + 1] = images[::-1, top : bottom + 1, left : right + 1]": "a row "
            "and a column too many: bottom and right are the first that are not in the box",
            "mixed[:, :, top:bottom, left:right] = images[::-1, :, top:bottom, left:right]": "columns and channels "
            "are cut, as where channels come first; here rows are axis 1, columns axis 2",
            "mixed[:, top:bottom, left:right] = images[-np.arange(len(images)), top:bottom, left:right]": "the "
            "partner of "
            "an image is number -i; from the end, number -1 is the last: -1 - i",
            "mixed[:, top + 1 : bottom, left + 1 : right] = images[::-1, top + 1 : bottom, left + 1 : right]": "a row "
            "and a column too few: top and left are in the box",
            "mixed = images[::-1].copy(); mixed[:, top:bottom, left:right] = images[:, top:bottom, left:right]": "the "
            "box stays, and all around it is exchanged; inside of the box is the partner",
            "mixed[:, top:bottom, left:right] = images[:, top:bottom, left:right]": "nothing is pasted, or each image "
            "into "
            "itself; the partner is the one with number B - 1 - i",
            "mixed[:, top:bottom, left:right] = np.roll(images, 1, 0)[:, top:bottom, left:right]": "the partner of an "
            "image is its neighbour (np.roll); it is the one with number B - 1 - i, the first with the last",
            "mixed[:, top:bottom, left:right] = np.roll(images, -1, 0)[:, top:bottom, left:right]": "the partner of an "
            "image is its neighbour (np.roll); it is the one with number B - 1 - i, the first with the last",
            "mixed[:, top:bottom, left:right] = images[-1, top:bottom, left:right]": "the last image is pasted into "
            "all; "
            "each has its own partner, with number B - 1 - i",
            "mixed[:, top:bottom, left:right] = images[::-1, : bottom - top, : right - left]": "what is pasted comes "
            "from the first rows and columns of the partner; it comes from the same place",
            "mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right][:, ::-1]": "what is pasted is "
            "upside down; [::-1] reverses the images, axis 0",
            "mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right][:, :, ::-1]": "what is pasted is "
            "reversed from left to right; [::-1] reverses the images, axis 0",
            "mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right, ::-1]": "the channels of what is "
            "pasted are reversed; [::-1] reverses the images, axis 0",
            "mixed[:, top:bottom, left:right] = 0": "the box is made empty; that is Cutout. Here the partner is pasted",
            "mixed[:, top:bottom, left:right] = images.mean((1, 2), keepdims=True)": "the mean colour stands in the "
            "box; the partner does",
            "mixed[:, top:bottom, left:right] = images[::-1].mean((1, 2), keepdims=True)": "the partner's mean colour "
            "stands in the box; the partner itself does",
            "mixed[:, top:bottom, left:right] = (images + images[::-1])[:, top:bottom, left:right] / 2": "inside of "
            "the "
            "box the two are laid over each other; there the partner stands alone",
            "mixed[:, top:bottom, left:right] += images[::-1, top:bottom, left:right]": "the partner is added inside "
            "of "
            "the box; it replaces what is there",
            "mixed[:, top:bottom, left:right, 0] = images[::-1, top:bottom, left:right, 0]": "only the first channel "
            "is "
            "pasted; all are",
            "mixed[: len(mixed) // 2, top:bottom, left:right] = images[::-1, top:bottom, left:right][: len(mixed) // "
            "2]": ("only the first half of the batch gets something pasted; the second half does, too"),
            "pass": "... or each image into itself",
            "mixed = images; mixed[:, top:bottom, left:right] = images[::-1, top:bottom, left:right]": "... you "
            "modified images in place",
            "[mixed[i].__setitem__((slice(top, bottom), slice(left, right)), images[-1 - i, top:bottom, left:right]) "
            "for i in range(len(images))]": "... a loop over axis 0",
        },
        AREA: {
            "lam = (bottom - top) * (right - left) / (Y * X)": "the shares have changed places: what is left of the "
            "image itself, 1 less the area of the box, belongs to its own target",
            "lam = 1 - (bottom - top) / Y": "only the rows of the box count; the area is rows times columns",
            "lam = 1 - (right - left) / X": "only the columns of the box count; the area is rows times columns",
            "lam = 1 - ((bottom - top) / Y + (right - left) / X) / 2": "that is the mean of both sides; the area is "
            "their product",
            "lam = 1 - ((bottom - top) + (right - left)) / (Y + X)": "the sides are added; the area is their product",
            "lam = 1 - ((bottom - top) * (right - left) / (Y * X)) ** 0.5": "a root of the area is taken; the area "
            "itself counts",
            "lam = (1 - (bottom - top) / Y) * (1 - (right - left) / X)": "the shares of rows and columns that are left "
            "are multiplied; what is left is 1 less the area of the box",
            "lam = 1 - (bottom - top + 1) * (right - left + 1) / (Y * X)": "the box is counted with a row and a column "
            "too many: bottom and right are not in it",
            "lam = 1 - (bottom - top - 1) * (right - left - 1) / (Y * X)": "the box is counted with a row and a column "
            "too few",
            "lam = 1 - (bottom - top) * (right - left) / images.size": "divided by all numbers of the batch; by the "
            "places of one image, Y X",
            "lam = 1 - (bottom - top) * (right - left) / images[0].size": "divided by the numbers of an image, its "
            "channels too; by its places, Y X",
            "lam = 1 - (bottom - top) * (right - left) / X**2": "divided by the square of the columns; by rows times "
            "columns",
            "lam = 1 - (bottom - top) * (right - left) / Y**2": "divided by the square of the rows; by rows times "
            "columns",
            "lam = 1 - (right - top) * (bottom - left) / (Y * X)": "the sides of the box are bottom - top and right - "
            "left",
            "lam = 1 - bottom * right / (Y * X)": "the box is counted from the first row and column; it begins with "
            "top "
            "and left",
            "lam = 1 - (bottom - top) * (right - left) // (Y * X)": "... or is the share rounded by //",
            "lam = 0.5": "both weigh a half; by the area of the box",
            "lam = 1.0": "the targets are not mixed: what is pasted has a class, too (or is the share rounded by //?)",
            "lam = float(((images == images[::-1]) | (mixed != images)).mean())": "... targets",
            "lam = np.float64(1 - (bottom - top) * (right - left) / (Y * X))": "... comes targets in float64",
        },
        BY_AREA: {
            "(1 - lam) * targets + lam * targets[::-1]": "... the shares have changed places",
            "lam * targets + (1 - lam) * np.roll(targets, 1, 0)": "the target's partner is the neighbour (np.roll); it "
            "is the one with number B - 1 - i, as for the images",
            "lam * targets + (1 - lam) * targets[:, ::-1]": "the classes of the targets are reversed; [::-1] reverses "
            "the examples, axis 0",
            "targets + (1 - lam) * targets[::-1]": "the image's own target weighs 1; lam",
            "lam * targets": "the partner's target is missing",
            "targets[::-1].copy()": "the partner's target stands there alone",
            "np.maximum(targets, targets[::-1])": "both classes are true at once; they are mixed by area",
        },
        "return Mixed(mixed, lam * targets + (1 - lam) * targets[::-1])": {
            "return mixed": "... the result must be a Mixed",
            "return Mixed(mixed, lam)": "... targets has shape",
            "return Mixed(mixed, lam * targets + (1 - lam) * targets[::-1], lam)": "... takes 3",
        },
        ON_IMAGE: {
            "False": "... it must raise a ValueError",
            "not (0 <= top <= bottom and 0 <= left <= right)": "... it must raise a ValueError",
            "not (top <= bottom <= Y and left <= right <= X)": "... it must raise a ValueError",
        },
    },
    uses=("mixup",),
    axes={"inputs": "example row column channel", "targets": "example class"},
)

MIXUP = Exercise(
    "mixup",
    "two examples in one: MixUp and CutMix",
    55,
    (ONE_HOT, SMOOTHED_TASK, MIXUP_TASK, *DRAWING_TASKS[:1], CUTMIX_TASK, *DRAWING_TASKS[1:]),
    offers=("check_numbers",),
    lecture="11_training_better",
    section=4,
)
