"""Tasks of the exercise ``distillation`` that are about labels beside a teacher: of some images, and their weights."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose
from minivit.course.exercise import Call, Draw, Property, Task

TEMPERATURES = 1.7, 2.5, 3.5  # none is a length, nor what an array is often wrong by


def some_labels(rng: Generator) -> np.ndarray:
    """Class numbers, of which more than half are unknown, and some of the others 0; N / N_labelled is no integer."""
    count, known = choose(rng, (7, 3), (11, 3), (11, 5), (13, 5))
    labels = np.full(count, -1)
    labels[rng.permutation(count)[:known]] = [0, 5, *rng.integers(1, 5, known - 2)]
    return labels


def labels_of_some(rng: Generator) -> Case:
    return Case((some_labels(rng),), {})


def other_negative_labels(rng: Generator) -> Case:
    labels = some_labels(rng)
    return Case((np.where(labels < 0, choose(rng, -2, -100), labels),), {})


def no_labels(rng: Generator) -> Case:
    return Case((np.full(choose(rng, 5, 7), -1),), {})


def shares_of_classes(rng: Generator) -> Case:
    """Of one image nothing of any class."""
    shares = rng.dirichlet(np.ones(5), choose(rng, 3, 7))
    shares[1] = 0
    return Case((shares,), {})


def taught(*, none: bool = False, every: bool = False, negative: int = -1, **options: object) -> Draw:
    """Draws what student and teacher say of images, of which some, none or all have a label."""

    def drawn(rng: Generator) -> Case:
        labels = some_labels(rng)
        C = choose(rng, 6, 8)
        logits, teacher = 2 * rng.standard_normal((2, len(labels), C))
        labels = np.full_like(labels, -1) if none else np.abs(labels) if every else labels
        chosen = {"alpha": choose(rng, 0.2, 0.3, 0.7), "temperature": choose(rng, *TEMPERATURES), **options}
        return Case((logits, teacher, np.where(labels < 0, negative, labels)), chosen)

    return drawn


BOTH = {
    "": taught(),
    "with a hard teacher": taught(hard=True),
    "where every image has a label": taught(every=True),
    "where no image has a label": taught(none=True),
    "with -100 where there is no label": taught(negative=-100),
}


def sizes_of_both(case: Case) -> dict[str, float]:
    (N, C), known = case.args[0].shape, int((case.args[2] >= 0).sum())
    alpha, tau = case.kwargs["alpha"], case.kwargs["temperature"]
    sizes = {"the images": N, "the images with a label": known, "the classes": C}
    return {**sizes, "alpha": alpha, "1 - alpha": 1 - alpha, "tau": tau}


def at_temperature_one(case: Case) -> Case | None:
    warm = case.kwargs.get("temperature", 1.0) != 1 and not case.kwargs.get("hard")
    return Case(case.args, {**case.kwargs, "temperature": 1.0}) if warm else None


def with_every_label(case: Case) -> Case | None:
    logits, teacher, labels = case.args
    return Case((logits, teacher, np.maximum(labels, 0)), case.kwargs) if (labels < 0).any() else None


KNOWN = "known = labels >= 0 if labels.ndim == 1 else np.ones(len(labels), bool)"
WEIGHT = "return known * (len(labels) / max(1, known.sum()))"
NOBODY = "division by zero where no image has a label: then all weights are 0"


def sum_to_the_batch(call: Call, rng: Generator) -> str | None:
    (labels,), _ = labels_of_some(rng)
    total, known = float(np.sum(call(labels))), int((labels >= 0).sum())
    if np.isclose(total, len(labels)):
        return None
    return (
        f"a loss that is divided by all {len(labels)} images is a mean over the {known} with a label if their weights "
        f"sum to {len(labels)}; yours sum to {total:.6g}"
    )


def nobody_knows(call: Call, rng: Generator) -> str | None:
    weights = np.asarray(call(np.full(3, -1)))
    return None if np.isfinite(weights).all() else f"of three images without a label yours are {weights}: {NOBODY}"


ALL_COUNT = "those without a label count as if they had one; their weight is 0"

WEIGHTS = Task(
    "label_weights",
    {
        "": labels_of_some,
        "with other negative numbers": other_negative_labels,
        "where no image has a label": no_labels,
        "of shares of the classes": shares_of_classes,
    },
    (
        Property("a mean over the labelled", sum_to_the_batch),
        Property("nobody knows anything", nobody_knows),
    ),
    {
        KNOWN: {
            "known = labels > 0 if labels.ndim == 1 else np.ones(len(labels), bool)": "class 0 is taken for no label; "
            "only negative numbers are none",
            "known = labels < 0 if labels.ndim == 1 else np.ones(len(labels), bool)": "those without a label count, "
            "and those with one do not",
            "known = labels != -1 if labels.ndim == 1 else np.ones(len(labels), bool)": "only -1 is taken for none; "
            "every negative number is",
            "known = np.ones(len(labels), bool)": ALL_COUNT,
            "known = labels >= 0 if labels.ndim == 1 else np.zeros(len(labels), bool)": "shares of classes are labels, "
            "too: all their weights are 1",
            "known = labels >= 0": "... y has shape",
            "known = np.minimum(labels, 1) if labels.ndim == 1 else np.ones(len(labels))": "a negative weight: "
            "those without a label count 0",
        },
        WEIGHT: {
            "return known * 1.0": "with a weight of 1 each, the mean is still over all images; it is over those with a "
            "label, so they weigh N / N_labelled",
            "return known / max(1, known.sum())": "they sum to 1, for a sum; but the loss is a mean over all N images, "
            "so they weigh N / N_labelled",
            "return known * (known.sum() / len(labels))": "upside down: those with a label weigh N / N_labelled, more "
            "than 1",
            "return known * (len(labels) / max(1, (~known).sum()))": "divided by the images without a label; divide "
            "by those with one",
            "return known * (len(labels) * 1.0)": "N without a division: those with a label weigh N / N_labelled",
            "return known * (len(labels) // max(1, known.sum()) * 1.0)": "// cuts the fraction off; / keeps it",
            "return known * (len(labels) / (1 + known.sum()))": "one too many is divided by: max(1, N_labelled), not 1 "
            "+ N_labelled",
            "return np.where(known, len(labels) / max(1, known.sum()), 1)": ALL_COUNT,
            "return np.where(known.any(), known * (len(labels) / max(1, known.sum())), 1.0)": "where no image has a "
            "label, all weights are 0",
            "return np.full(len(labels), len(labels) / max(1, known.sum()))": ALL_COUNT,
            "return known * (len(labels) / known.sum())": "... all weights are 0",
            "return np.where(known, len(labels) / max(1, known.sum()), -1)": "those without a label weigh -1; 0",
            "return len(labels) / max(1, known.sum())": "... y has shape",
            "return known": "with a weight of 1 each",
            "return np.float32(known * (len(labels) / max(1, known.sum())))": "... in float32",
            "return known[:, None] * (len(labels) / max(1, known.sum()))": "... y has shape",
        },
    },
    axes={"y": "image"},
)

TARGETS = "targets = one_hot(np.maximum(labels, 0), logits.shape[-1]) * label_weights(labels)[:, None]"
OF_LABELS = "of_labels, c_labels = cross_entropy_forward(logits, targets)"
LIKELIEST = "likeliest = np.real(teacher_logits).argmax(-1)"
OF_HARD = "of_teacher, c_hard = cross_entropy_forward(logits, likeliest)"
OF_SOFT = "of_teacher, c_soft = distillation_forward(logits, teacher_logits, temperature=temperature)"
BOTH_LOSSES = "loss = sum(share * part for share, part in parts if share)"
AS_CLASS = "images without a label are taught class {}: their row of the targets is 0"
SOME_TEACHER = "the teacher speaks of {} only; it speaks of all images"


def of_hot(rows: str, weights: str = "label_weights(labels)") -> str:
    """The targets with other rows, or other weights."""
    return f"targets = {rows} * ({weights})[:, None]"


ROWS = "one_hot(np.maximum(labels, 0), logits.shape[-1])"

of_both = partial(
    Task,
    cases=BOTH,
    sizes=sizes_of_both,
    simpler={"where every image has a label": with_every_label, "at temperature 1": at_temperature_one},
)
TAUGHT_FORWARD = of_both(
    "taught_forward",
    mistakes={
        TARGETS: {
            f"targets = {ROWS}": AS_CLASS.format(0),
            "targets = one_hot(np.maximum(labels, -1) % logits.shape[-1], logits.shape[-1])": AS_CLASS.format(
                "C - 1 (numbers from the end)"
            ),
            of_hot(ROWS, "labels >= 0"): "the mean of the labels goes over all images; it goes over those that have "
            "one: label_weights",
            of_hot(ROWS, "(labels >= 0) / max(1, (labels >= 0).sum())"): "the labels' part is divided twice: by "
            "cross_entropy_forward, and by the images with a label",
            of_hot(ROWS, "1 / label_weights(np.abs(labels)) * (labels >= 0) * (labels >= 0).mean()"): "the weights are "
            "upside down: those with a label weigh N / N_labelled, more than 1",
            "targets = np.where(labels[:, None] < 0, 1 / logits.shape[-1], one_hot(np.maximum(labels, 0), "
            "logits.shape[-1]))": "images without a label are taught that all classes are alike; they have no say in "
            "the labels' part",
            "targets = np.where(labels[:, None] < 0, one_hot(teacher_logits.argmax(-1), logits.shape[-1]), "
            "one_hot(np.maximum(labels, 0), logits.shape[-1]))": "where there is no label, the teacher's class takes "
            "its place; the labels' part knows labels only",
            of_hot(
                "one_hot(logits.shape[-1] - 1 - np.maximum(labels, 0), logits.shape[-1])"
            ): "the classes are counted from the end",
        },
        OF_LABELS: {
            f"labels_ = (logits / temperature); {OF_LABELS.replace('(logits,', '(labels_,')}": "the labels' part is "
            "softened; only the teacher's is",
            f"k = labels >= 0; {OF_LABELS}; of_labels, c_labels = cross_entropy_forward(logits[k], labels[k]) if "
            "k.any() else (of_labels, c_labels)": "in the cache are the images with a label alone, and the backward "
            "cannot know which those are: let all have a row of targets, or keep a cache of your own",
            OF_LABELS.replace("targets)", "targets, label_smoothing=0.1)"): "the labels are smoothed, of which "
            "nothing is said here",
            f"{OF_LABELS}; of_labels = of_labels * temperature**2": "tau^2 stands before the labels, too; it belongs "
            "to the teacher's part",
            OF_LABELS.replace("(logits,", "(teacher_logits,"): "the labels are held against the teacher's logits; it "
            "is the student who learns",
            f"{OF_LABELS}; of_labels = of_labels if (labels >= 0).all() else of_labels * 0": "where an image has no "
            "label, the other labels are lost, too",
            f"{OF_LABELS}; of_labels = of_labels * len(labels)": "the labels' part is summed over the images; it is a "
            "mean",
        },
        LIKELIEST: {
            "likeliest = teacher_logits.argmin(-1)": "that is the class that the teacher holds for unlikeliest",
            "likeliest = logits.argmax(-1)": "that is the student's own likeliest class; learn the teacher's",
            "likeliest = teacher_logits.argmax(0)[np.arange(len(logits)) % logits.shape[-1]] % logits.shape[-1]": (
                "the largest number is looked for along the images; it is along the classes, the last axis"
            ),
            "likeliest = np.exp(teacher_logits) / np.exp(teacher_logits).sum(-1, keepdims=True)": "hard=True asks for "
            "the class that the teacher holds for likeliest; yours learns its probabilities",
            "likeliest = np.exp(log_softmax_forward(teacher_logits / temperature)[0])": "hard=True asks for the class "
            "that the teacher holds for likeliest; yours learns its probabilities, softened",
            "likeliest = np.maximum(labels, 0)": "hard=True learns the class that the teacher says; yours learns the "
            "labels twice",
            "likeliest = np.where(labels < 0, teacher_logits.argmax(-1), labels)": "hard=True learns what the teacher "
            "says of all images, of those with a label, too",
            "likeliest = one_hot(teacher_logits.argmax(-1), logits.shape[-1]) * label_weights(labels)[:, None]": (
                SOME_TEACHER.format("images with a label")
            ),
        },
        OF_HARD: {
            OF_HARD.replace("(logits,", "(logits / temperature,"): "hard distillation is softened; it has no "
            "temperature",
            f"logits_ = logits / temperature; {OF_HARD.replace('(logits,', '(logits_,')}; of_teacher = of_teacher * "
            "temperature**2": "hard distillation has no temperature, neither under the logits nor squared before the "
            "loss",
            f"{OF_HARD}; of_teacher = of_teacher * temperature**2": "hard distillation has no tau^2",
            f"{OF_HARD}; of_teacher = of_teacher * len(labels)": "the hard part is summed over the images, not "
            "averaged",
        },
        "if hard:": {
            "if not hard:": "soft and hard have changed places",
            "if False:": "... the argument hard is not used",
            "if True:": "hard distillation, whatever hard says",
        },
        OF_SOFT: {
            "of_teacher, c_soft = distillation_forward(logits, teacher_logits)": "... the argument temperature is not "
            "used",
            "of_teacher, c_soft = distillation_forward(teacher_logits, logits, temperature=temperature)": "student and "
            "teacher have changed places: the student's logits come first",
            OF_SOFT.replace("temperature)", "temperature, reverse=True)"): "the divergence is the wrong way round: the "
            "teacher's probabilities weigh",
            OF_SOFT.replace("temperature)", "temperature, per_class=True)"): "the teacher's part is a mean over "
            "classes, too; it is one over the images",
            f"{OF_SOFT}; of_teacher = of_teacher * temperature**2": "tau^2 stands there twice: distillation_forward "
            "has it already",
            f"{OF_SOFT}; of_teacher = of_teacher / temperature**2": "tau^2 is missing in the teacher's part",
            "of_teacher, c_soft = distillation_forward(logits / temperature, teacher_logits / temperature, "
            "temperature=temperature)": "softened twice: distillation_forward divides by the temperature already",
            "k = labels >= 0 if (labels >= 0).any() else labels < 0; of_teacher, c_soft = distillation_forward("
            "logits[k], teacher_logits[k], temperature=temperature)": SOME_TEACHER.format("images with a label"),
            "k = labels < 0 if (labels < 0).any() else labels >= 0; of_teacher, c_soft = distillation_forward("
            "logits[k], teacher_logits[k], temperature=temperature)": SOME_TEACHER.format("images without a label"),
            "p, q = (np.exp(a / temperature) / np.exp(a / temperature).sum(-1, keepdims=True) for a in "
            "(teacher_logits, logits)); of_teacher = -(p * np.log(q)).sum() * temperature**2 / len(labels)": (
                "the teacher's part is a cross-entropy; the divergence has the teacher's entropy, too"
            ),
        },
        BOTH_LOSSES: {
            "loss = alpha * of_labels + (1 - alpha) * of_teacher": "alpha is the weight of the teacher; yours is that "
            "of the labels",
            "loss = of_labels + alpha * of_teacher": "the labels weigh 1 - alpha; yours weigh 1",
            "loss = (1 - alpha) * of_labels + of_teacher": "the teacher weighs alpha; yours weighs 1",
            "loss = of_labels + of_teacher": "alpha is missing: the labels weigh 1 - alpha, the teacher alpha",
            "loss = (of_labels + of_teacher) / 2": "both weigh a half; the labels 1 - alpha, the teacher alpha",
            "loss = alpha * of_labels + alpha * of_teacher": "both weigh alpha; the labels weigh 1 - alpha",
            "loss = (1 - alpha) * (of_labels + of_teacher)": "both weigh 1 - alpha; the teacher weighs alpha",
            "loss = of_labels": "the teacher is missing",
            "loss = of_teacher": "the labels are missing, and alpha",
            "loss = alpha * of_teacher": "the labels are missing",
            "loss = (1 - alpha) * of_labels": "the teacher is missing",
            "loss = (1 - alpha) * of_labels - alpha * of_teacher": "the teacher's part is subtracted; add it",
            "loss = of_labels ** (1 - alpha) * of_teacher**alpha": "the parts are multiplied; they are added",
            "known = (labels >= 0).mean(); loss = known * (1 - alpha) * of_labels + (1 - known * (1 - alpha)) * "
            "of_teacher": "the weights depend on how many images have a label; they are 1 - alpha and alpha",
            "loss = (1 - alpha) * of_labels + alpha * of_teacher if (labels >= 0).any() else of_teacher": "where no "
            "image has a label, the labels' part is 0 and the teacher still weighs alpha",
        },
        "labels=c_labels, soft=c_soft, hard=c_hard, alpha=alpha": {
            "labels=c_labels, soft=c_soft, hard=c_hard, alpha=1 - alpha": "... cache.alpha is",
        },
    },
    axes={
        "cache.labels.targets": "image class",
        "cache.soft.log_probs": "image class",
        "cache.soft.teacher_log_probs": "image class",
        "cache.hard.targets": "image class",
    },
    uses=("distillation_forward", "label_weights"),
)

PART = "(dlogits,) = cross_entropy_backward(dy * (1 - alpha), c_labels)"
TAUGHT_SOFT = "(again,) = distillation_backward(dy * alpha, c_soft)"
TAUGHT_HARD = "(again,) = cross_entropy_backward(dy * alpha, c_hard)"
ADDED = "return LogitsGrad(dlogits)"
KEPT = "c_labels, c_soft, c_hard, alpha = cache"


def of_dy(of_labels: str, of_teacher: str) -> str:
    """The whole body, in which the two parts are given this."""
    return (
        f"c_labels, c_soft, c_hard, alpha = cache; (a,) = cross_entropy_backward({of_labels}, c_labels); "
        f"(b,) = distillation_backward({of_teacher}, c_soft) if c_soft else "
        f"cross_entropy_backward({of_teacher}, c_hard); return LogitsGrad(a + b)"
    )


TAUGHT_BACKWARD = of_both(
    "taught_backward",
    mistakes={
        "": {
            of_dy("dy", "dy"): "both parts are given all of dy; the shares are 1 - alpha and alpha",
            of_dy("dy * (1 - alpha) ** 2", "dy * alpha**2"): "1 - alpha and alpha stand there twice",
        },
        KEPT: {
            f"{KEPT}; alpha = 1 - alpha": "alpha is the weight of the teacher; yours is that of the labels",
            f"{KEPT}; dy = np.ones_like(dy)": "dy is missing: the loss may be scaled later",
            f"{KEPT}; dy = np.abs(dy)": "... is not linear in dy",
            f"{KEPT}; dy = -dy": "... dlogits has the wrong sign",
            f"{KEPT}; alpha = 0.5": "both parts weigh a half; the labels 1 - alpha, the teacher alpha",
            f"{KEPT}; known = c_labels.targets.sum(-1, keepdims=True) > 0; cross_entropy_backward = lambda d, c: "
            "((np.exp(c.log_probs) - c.targets) * d / len(c.targets),)": "in the labels' part rows of the targets do "
            "not sum to one: the softmax is multiplied by the row's sum, 0 where there is no label",
        },
        PART: {
            "(dlogits,) = cross_entropy_backward(dy, c_labels)": "the labels' part is given all of dy; its share is "
            "1 - alpha",
            "(dlogits,) = cross_entropy_backward(dy * alpha, c_labels)": "the labels' part is given alpha; its share "
            "is 1 - alpha",
            "(dlogits,) = cross_entropy_backward(dy * (1 - alpha) ** 2, c_labels)": "the labels' share, 1 - alpha, "
            "stands there twice",
            "(dlogits,) = cross_entropy_backward(1 - alpha, c_labels)": "in the labels' part dy is missing",
            "(dlogits,) = cross_entropy_backward(0 * dy, c_labels)": "the labels' part is missing: the logits go into "
            "both, so their gradient is the sum of two",
            "(dlogits,) = cross_entropy_backward(-dy * (1 - alpha), c_labels)": "the labels' part has the wrong sign",
            f"{PART}; dlogits = dlogits * len(dlogits)": "the labels' part is summed over the images; "
            "cross_entropy_backward divides by them already, and so it is",
            f"{PART}; dlogits = dlogits / len(dlogits)": "the labels' part is divided by the images once more; "
            "cross_entropy_backward has done so",
            f"{PART}; c_labels.targets[...] = 0": "... you modified cache.labels.targets in place",
        },
        TAUGHT_SOFT: {
            "(again,) = distillation_backward(dy, c_soft)": "the teacher's part is given all of dy; its share is alpha",
            "(again,) = distillation_backward(dy * (1 - alpha), c_soft)": "the teacher's part is given 1 - alpha; its "
            "share is alpha",
            "(again,) = distillation_backward(dy * alpha**2, c_soft)": "the teacher's share, alpha, stands there twice",
            "(again,) = distillation_backward(0 * dy, c_soft)": "the teacher's part is missing: the logits go into "
            "both, so their gradient is the sum of two",
            "(again,) = distillation_backward(-dy * alpha, c_soft)": "the teacher's part has the wrong sign",
            "(again,) = distillation_backward(dy * alpha * c_soft.temperature**2, c_soft)": "tau^2 stands there once "
            "more: distillation_backward has it",
            "(again,) = distillation_backward(dy * alpha / c_soft.temperature, c_soft)": "1/tau stands there once "
            "more: distillation_backward has it",
            "(again,) = distillation_backward(dy * alpha * c_soft.temperature, c_soft)": "tau stands there once more: "
            "distillation_backward has it",
            f"{TAUGHT_SOFT}; again = again * (c_labels.targets.sum(-1, keepdims=True) > 0)": (
                SOME_TEACHER.format("images with a label")
            ),
            "(again,) = distillation_backward(alpha, c_soft)": "in the teacher's part dy is missing",
        },
        TAUGHT_HARD: {
            "(again,) = cross_entropy_backward(dy, c_hard)": "the teacher's part is given all of dy, not its share "
            "alpha",
            "(again,) = cross_entropy_backward(0 * dy, c_hard)": "the teacher's part is missing: the logits go into "
            "both, so their gradient is the sum of two",
            "(again,) = cross_entropy_backward(dy * (1 - alpha), c_hard)": "the teacher's part is given 1 - alpha, "
            "where it is hard; its share is alpha",
            "(again,) = cross_entropy_backward(-dy * alpha, c_hard)": "the teacher's part has the wrong sign, where it "
            "is hard",
            "(again,) = cross_entropy_backward(alpha, c_hard)": "in the teacher's part dy is missing, where it is hard",
            "(again,) = cross_entropy_backward(dy * alpha, c_labels)": "the labels stand in both parts; the second is "
            "the teacher's class",
        },
        ADDED: {
            "return LogitsGrad(dlogits / 2)": "the two parts are averaged; they are summed",
            "return LogitsGrad(dlogits * (c_labels.targets.sum(-1, keepdims=True) > 0))": "images without a label have "
            "no gradient; the teacher speaks of them, too",
            "return dlogits": "... return LogitsGrad(dlogits)",
            "return LogitsGrad(dlogits), -dlogits": "... the gradients must be a LogitsGrad",
            "return LogitsGrad(dlogits.sum(0))": "... dlogits has shape",
            "return LogitsGrad(dlogits.astype(np.float32))": "... from float64 comes dlogits in float32",
        },
    },
    axes={"dlogits": "image class"},
    uses=("distillation_backward", "label_weights"),
)

TAUGHT_TASKS = (WEIGHTS, TAUGHT_FORWARD, TAUGHT_BACKWARD)
