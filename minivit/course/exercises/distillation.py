"""What a teacher says, softened by a temperature, forward and backward; labels beside it stand in _taught."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import first_sample, lengths
from minivit.course.exercises._taught import TAUGHT_TASKS, TEMPERATURES, at_temperature_one
from minivit.course.explain import told_apart


def answers(axes: int = 2, **options: object) -> Draw:
    """Draws the logits of a student and of its teacher, and a temperature, if none is given."""

    def drawn(rng: Generator) -> Case:
        shape = lengths(rng, axes)
        args = 2 * rng.standard_normal(shape), 2 * rng.standard_normal(shape)
        return Case(args, {"temperature": choose(rng, *TEMPERATURES), **options})

    return drawn


def with_impossible(draw: Draw) -> Draw:
    """The same with -inf in each row of the teacher's."""

    def drawn(rng: Generator) -> Case:
        (logits, teacher), options = draw(rng)
        np.put_along_axis(teacher, rng.integers(0, teacher.shape[-1], (len(teacher), 1)), -np.inf, 1)
        return Case((logits, teacher), options)

    return drawn


SOFT = {
    "": answers(),
    "at temperature 1": answers(temperature=1.0),
    "the other way round": answers(reverse=True),
    "with a mean over classes, too": answers(per_class=True),
    "the other way round, with a mean over classes, too": answers(reverse=True, per_class=True),
    "with one more axis": answers(3),
    "of one row": answers(1),
    "where the teacher holds a class for impossible": with_impossible(answers()),
}


def sizes_of_answers(case: Case) -> dict[str, float]:
    shape, tau = case.args[0].shape, case.kwargs.get("temperature", 1.0)
    found: dict[str, float] = {"tau": tau, "the classes": shape[-1]}
    found |= {"the rows": case.args[0].size // shape[-1]} if len(shape) > 1 else {}
    return found | ({"the first axis": shape[0]} if len(shape) > 2 else {})


def from_oneself(call: Call, rng: Generator) -> str | None:
    z = rng.standard_normal((5, 3))
    for options in ({"temperature": 2.5}, {"temperature": 2.5, "reverse": True}):
        loss = float(call(z, z + 7, **options)[0])
        if not abs(loss) < 1e-9:
            way = ", with reverse=True" if "reverse" in options else ""
            return (
                f"a student who says what its teacher says has nothing to learn (7 more for every class changes no "
                f"probability): the loss is 0{way}; yours is {loss:.6g}. A divergence has two logarithms: log p - log q"
            )
    return None


LARGE = (
    ": exp(800) overflows, and the logarithm of exp(-800) is that of 0; take log_softmax_forward of the logits, which "
    "subtracts the largest of each row first"
)
CLIPPED = (
    ": is a small number added in the logarithm, or something clipped? log_softmax_forward gives the logarithms "
    "themselves, then neither is needed"
)


def survives_large_logits(call: Call, rng: Generator) -> str | None:
    for student, teacher, cost in (
        ([800.0, 0.0, 0.0], [800.0, 0.0, 0.0], 0.0),
        ([800.0, 0.0, 0.0], [0.0, 800.0, 0.0], 800.0),
        ([-800.0, 0.0, -800.0], [0.0, -800.0, -800.0], 800.0),
        ([[900.0, 0.0], [-900.0, -900.0]], [[900.0, 0.0], [-900.0, -900.0]], 0.0),
    ):
        z, t = np.atleast_2d(student), np.atleast_2d(teacher)
        loss = float(call(z, t)[0])
        if not abs(loss - cost) < 1e-9 * max(1, cost):
            p, q = (np.exp(a / 400) / np.exp(a / 400).sum(-1, keepdims=True) for a in (t, z))
            small = float(call(z / 400, t / 400)[0])
            is_right_there = abs(small - float((p * np.log(p / q)).sum() / len(z))) < 1e-6
            why = (CLIPPED if np.isfinite(loss) else LARGE) * is_right_there
            is_, should_be = told_apart(loss, cost, digits=6)
            return f"student {student}, teacher {teacher} cost {should_be}; yours cost {is_}{why}"
    return None


RANGE = (np.float32, 0.001), (np.float32, 100.0), (np.float64, 0.001), (np.float64, 10_000.0)


def takes_its_whole_range(call: Call, rng: Generator) -> str | None:
    z, t = rng.standard_normal((2, 5, 3))
    for dtype, temperature in RANGE:
        loss = float(call(z.astype(dtype), t.astype(dtype), temperature=temperature)[0])
        if not np.isfinite(loss):
            told = f"a temperature of {temperature:g} is in the range of the docstring"
            return f"{told}; in {dtype.__name__} yours costs {loss}"
    return None


TAU = "loss = divergence.sum() * (temperature**2 / number)"
COUNT = "number = logits.size if per_class else logits[..., 0].size"
STUDENT = "log_probs, _ = log_softmax_forward(logits / temperature)"
TEACHER = "teacher, _ = log_softmax_forward(teacher_logits / temperature)"
WAYS = "(log_probs, teacher) if reverse else (teacher, log_probs)"
TERMS = "divergence = row_dot(probs, _difference(probs, first, second))"


def costs(each: str) -> str:
    """Another divergence, of the probabilities p of the teacher and q of the student, and their logarithms lp, lq."""
    return f"lp, lq = teacher, log_probs; p, q = np.exp(lp), np.exp(lq); divergence = ({each}).sum(-1, keepdims=True)"


NAIVE = "np.log(np.exp({0} / temperature) / np.exp({0} / temperature).sum(-1, keepdims=True){1})"


def naive(also: str = "") -> str:
    """Both logarithms as the formula says it."""
    return (
        f"log_probs = {NAIVE.format('logits', also)}; "
        f"log_softmax_forward = lambda x: ({NAIVE.format('teacher_logits', also)}, None)"
    )


TEACHER_IN_ALL = "the probabilities that weigh are the teacher's at temperature 1; they are softened, too"
UNSOFTENED = "the {} logits are not divided by the temperature; student and teacher are softened alike"
WRONG_WAY = (
    "the divergence is the wrong way round: without reverse the teacher's probabilities weigh, sum p (log p - log q); "
    "with it the student's, sum q (log q - log p)"
)
NO_ENTROPY = (
    "that is the cross-entropy, - sum p log q: the term sum p log p is missing. It changes no gradient, but without it "
    "the loss of a student that has learned all is not 0"
)
OVER_CLASSES = (
    "the mean goes over images and classes (as reduction='mean' has it in PyTorch); that is asked for with per_class "
    "only, else it is one over the images"
)
BY_IMAGE = "per_class=True asks for a mean over images and classes, N C in place of N"

of_answers = partial(
    Task,
    sizes=sizes_of_answers,
    simpler={"for one sample": first_sample(2), "at temperature 1": at_temperature_one},
)
FORWARD = of_answers(
    "distillation_forward",
    SOFT,
    (
        Property("nothing to learn from oneself", from_oneself),
        Property("large logits do not overflow", survives_large_logits),
        Property("the ends of the range", takes_its_whole_range),
    ),
    {
        TAU: {
            "loss = divergence.sum() / number": "tau^2 is missing: without it the gradient becomes smaller as the "
            "temperature grows",
            "loss = divergence.sum() / logits.size": "the mean goes over images and classes (as reduction='mean' has "
            "it in "
            "PyTorch), and tau^2 is missing",
            "loss = divergence.sum() * (temperature / number)": "tau stands once before the sum; it is tau^2",
            "loss = divergence.sum() / (temperature**2 * number)": "divided by tau^2; multiply by it",
            "loss = divergence.sum() / (temperature * number)": "divided by tau; multiply by tau^2",
            "loss = divergence.sum() * (temperature**4 / number)": "tau^2 stands there twice",
            "loss = divergence.sum() * (temperature**3 / number)": "that is tau^3; it is tau^2",
            "loss = divergence.sum() * (temperature / number) ** 2": "the number of images is squared, as tau is",
            "loss = divergence.sum() * temperature**2": "... summed over it instead of averaged",
            "loss = divergence.sum() * temperature**2 / logits.shape[-1]": "the sum is divided by the classes; it is "
            "by the images (and with per_class by both)",
            "loss = divergence.sum() * temperature**2 / (len(logits) * (logits.shape[-1] if per_class else 1))": (
                "divided by len(logits), the first axis alone; the mean is over all rows, however many axes they are "
                "spread over"
            ),
            "loss = -divergence.sum() * (temperature**2 / number)": "... y has the wrong sign",
            "loss = divergence.sum() * (temperature**2 / number) / np.log(2)": "the logarithm is that of base 2; take "
            "the natural one",
            "loss = divergence.sum() * (temperature**2 / number) / np.log(10)": "the logarithm is that of base 10; "
            "take the natural one",
            "loss = divergence.max() * temperature**2": "the worst image alone counts; it is the mean over all",
            "loss = divergence[..., 0] * (temperature**2 / number)": "... y has shape",
            "loss = divergence.sum(-2) * (temperature**2 / number)": "... y has shape",
            "loss = np.float64(divergence.sum() * (temperature**2 / number))": "... comes y in float64",
            "loss = np.float32(divergence.sum() * (temperature**2 / number)) * divergence.sum().dtype.type(1)": "... "
            "float32's rounding",
            "loss = np.sqrt(divergence.sum() * (temperature**2 / number))": "a root is taken; the divergence itself is "
            "the loss",
        },
        COUNT: {
            "number = logits.size": OVER_CLASSES,
            "number = logits[..., 0].size": "... the argument per_class is not used",
            "number = logits[..., 0].size if per_class else logits.size": "per_class is used the wrong way round: with "
            "it the mean is over images and classes, without it over images",
            "number = logits.shape[-1] if per_class else logits[..., 0].size": "per_class=True divides by N C, images "
            "times classes; yours divides by the classes alone",
            "number = logits[..., 0].size * (1 + per_class)": BY_IMAGE,
        },
        "first, second = " + WAYS: {
            "first, second = (teacher, log_probs) if reverse else (log_probs, teacher)": WRONG_WAY,
            "first, second = (log_probs, teacher)": "the student's probabilities weigh, whatever reverse says; without "
            "it the teacher's do: sum p (log p - log q)",
            "first, second = (teacher, log_probs)": "... the argument reverse is not used",
        },
        STUDENT: {
            "log_probs, _ = log_softmax_forward(logits)": UNSOFTENED.format("student's"),
            "log_probs, _ = log_softmax_forward(logits); teacher_logits = teacher_logits * temperature": (
                "nothing is softened: both logits are divided by the temperature first"
            ),
            "log_probs, _ = log_softmax_forward(logits * temperature); teacher_logits = teacher_logits * "
            "temperature**2": "the logits are multiplied by the temperature; they are divided by it",
            "log_probs = log_softmax_forward(logits)[0] / temperature": "the student's log-probabilities are divided "
            "by the temperature, and are none any more; divide the logits",
            "log_probs, _ = log_softmax_forward(logits / temperature**2)": "the student's logits are divided by tau^2; "
            "by tau",
            "log_probs, _ = log_softmax_forward(logits / np.sqrt(temperature).item())": "the student's logits are "
            "divided by the root of tau; by tau",
            "log_softmax_forward = lambda x: (x - np.log(np.exp(x).sum()), None); log_probs, _ = "
            "log_softmax_forward(logits / temperature)": "both softmaxes run over all rows at once; each row has its "
            "own",
            "log_softmax_forward = lambda x: (x - np.log(np.exp(x).sum(0)), None); log_probs, _ = "
            "log_softmax_forward(logits / temperature)": "both softmaxes run over the first axis; they run over the "
            "classes, the last one",
            "log_softmax_forward = lambda x: (x - x.max() - np.log(np.exp(x - x.max()).sum(-1, keepdims=True)), "
            "None); log_probs, _ = log_softmax_forward(logits / temperature)": "... which subtracts the largest of "
            "each row first",
            "log_probs = np.exp(log_softmax_forward(logits / temperature)[0])": "of the student the probabilities "
            "stand where their logarithms belong",
            "log_probs, _ = log_softmax_forward(np.exp(log_softmax_forward(logits / temperature)[0]))": "the softmax "
            "of the student is taken twice",
            "log_probs = logits / temperature": "the student's logits stand where their log-softmax belongs",
            "log_probs = log_softmax_forward((logits / temperature).T)[0].T": "the student's softmax runs over the "
            "first axis; it runs over the classes, the last one",
            "logits /= temperature; log_probs, _ = log_softmax_forward(logits)": "... you modified logits in place",
            naive(): "... exp(800) overflows",
            naive(" + 1e-12"): "... exp(800) overflows",
            "log_probs = np.log(np.exp(log_softmax_forward(logits / temperature)[0]) + 1e-12)": "... a small number "
            "added in the logarithm",
            "log_probs = np.maximum(log_softmax_forward(logits / temperature)[0], -30)": "... or something clipped",
        },
        TEACHER: {
            "teacher, _ = log_softmax_forward(teacher_logits)": UNSOFTENED.format("teacher's"),
            "teacher = log_softmax_forward(teacher_logits)[0] / temperature": "the teacher's log-probabilities are "
            "divided by the temperature, and are none any more; divide the logits",
            "teacher, _ = log_softmax_forward(teacher_logits / temperature**2)": "the teacher's logits are divided by "
            "tau^2; by tau",
            "teacher = np.exp(log_softmax_forward(teacher_logits / temperature)[0])": "of the teacher the "
            "probabilities stand where their logarithms belong",
            "teacher = teacher_logits / temperature": "the teacher's logits stand where their log-softmax belongs",
            "teacher = log_softmax_forward((teacher_logits / temperature).T)[0].T": "the teacher's softmax runs over "
            "the first axis; it runs over the classes, the last one",
            "teacher = log_probs": "... y is zero everywhere",
        },
        "probs = np.exp(first)": {
            "probs = np.exp(second)": "the probabilities that weigh are those of the other one: sum p (log p - log q) "
            "has p twice",
            "probs = np.exp(log_softmax_forward(logits if reverse else teacher_logits)[0])": TEACHER_IN_ALL,
            "probs = np.ones_like(first)": "the differences of the logarithms are summed as they are; each counts by "
            "its probability",
            "probs = first": "the logarithms weigh; the probabilities do, exp of them",
            "probs = (first == first.max(-1, keepdims=True)).astype(first.dtype)": "only the likeliest class counts; "
            "that is hard distillation. Here each counts by its probability",
            "probs = np.full_like(first, 1 / first.shape[-1])": "all classes weigh alike; each counts by its "
            "probability",
        },
        TERMS: {
            "divergence = row_dot(probs, -second)": NO_ENTROPY,
            "divergence = row_dot(probs, -first)": "that is the entropy, - sum p log p; the other one is missing: "
            "log p - log q",
            "divergence = row_dot(probs, second - first)": "... y has the wrong sign",
            "divergence = row_dot(probs, first + second)": "the logarithms are added; it is their difference",
            "divergence = row_dot(probs, first / second)": "one logarithm is divided by the other; log(p / q) is their "
            "difference",
            "divergence = row_dot(probs, np.exp(first) - np.exp(second))": "the difference is one of the "
            "probabilities; it is one of their logarithms",
            "divergence = row_dot(probs, np.abs(first - second))": "the differences of the logarithms have lost their "
            "signs; some terms of the sum are negative",
            "divergence = row_dot(probs, first - second) ** 2": "the divergence of each image is squared",
            costs("(p - q) ** 2"): "that is the squared error of the probabilities; asked for is a divergence, "
            "sum p (log p - log q)",
            costs("np.abs(p - q)"): "that is how far the probabilities are apart; asked for is a divergence, "
            "sum p (log p - log q)",
            costs("(lp - lq) ** 2"): "that is the squared error of the logarithms; asked for is a divergence, "
            "sum p (log p - log q)",
            costs("(logits - teacher_logits) ** 2"): "that is the squared error of the logits; asked for is a "
            "divergence, sum p (log p - log q)",
            costs("(p - q) * (lp - lq)"): "both ways are added; it is one of them, as reverse says",
            costs("(p - q) * (lp - lq) / 2"): "that is the mean of both ways; it is one of them, as reverse says",
            costs("p * (lp - np.log((p + q) / 2)) / 2 + q * (lq - np.log((p + q) / 2)) / 2"): (
                "that is Jensen and Shannon's divergence, from the mean of both; here one is held against the other"
            ),
            "divergence = np.stack([row_dot(p, f - s) for p, f, s in zip(probs, first, second)]) if probs.ndim > 1 "
            "else row_dot(probs, first - second)": "... a loop over axis 0",
        },
        "return loss, ": {
            "return ": "... must return the pair (y, cache)",
        },
        "DistillationCache(log_probs, teacher, temperature, reverse, number)": {
            "DistillationCache(teacher, log_probs, temperature, reverse, number)": "... cache.log_probs and "
            "cache.teacher_log_probs are exchanged",
            "DistillationCache(np.exp(log_probs), teacher, temperature, reverse, number)": "those are probabilities; "
            "keep their logarithms",
            "DistillationCache(log_softmax_forward(logits)[0], teacher, temperature, reverse, number)": "that is the "
            "log-softmax at temperature 1; keep the softened one",
            "DistillationCache(log_probs, log_softmax_forward(teacher_logits)[0], temperature, reverse, number)": (
                "that is the log-softmax at temperature 1; keep the softened one"
            ),
            "DistillationCache(logits, teacher_logits, temperature, reverse, number)": "those are the logits; keep the "
            "logarithms of the softened probabilities",
            "DistillationCache(log_probs, teacher, temperature**2, reverse, number)": "... cache.temperature is",
            "DistillationCache(log_probs, teacher, temperature, not reverse, number)": "... cache.reverse is",
            "DistillationCache(log_probs, teacher, temperature, reverse, len(logits))": "... cache.number is",
        },
        'check_range("distillation: temperature", temperature, at_least=0.001, at_most=hottest)': {
            "pass": "... with temperature=-0.5 it must raise a ValueError",
        },
        "if number == 0": {"if False": "... with no rows it must raise a ValueError"},
    },
)

SCALE = "dlogits *= dy * (temperature / number)"
DIRECT = "dlogits = probs - np.exp(teacher)"
REVERSED = "dlogits = probs * (surplus - row_dot(probs, surplus))"
KEPT = "log_probs, teacher, temperature, reverse, number = cache"


def softened_again(power: str) -> str:
    """Student and teacher with their logarithms times this, and a softmax of that."""
    return (
        f"{KEPT}; log_probs, teacher = (a * {power} - np.log(np.exp(a * {power}).sum(-1, keepdims=True)) for a in "
        "(log_probs, teacher))"
    )


BACKWARD = of_answers(
    "distillation_backward",
    SOFT,
    mistakes={
        SCALE: {
            "dlogits *= dy * (temperature**2 / number)": "one 1/tau is missing: the forward divides the logits by the "
            "temperature. tau^2 and 1/tau make tau",
            "dlogits *= dy / number": "tau is missing: of the forward's tau^2 and one 1/tau (of logits / temperature) "
            "tau is left. Is 1/tau there twice?",
            "dlogits *= dy / (temperature * number)": "the forward's tau^2 is missing: there is 1/tau, of "
            "logits / temperature",
            "dlogits *= dy / (temperature**2 * number)": "divided by tau^2; of tau^2 and 1/tau, tau is left",
            "dlogits *= dy * (temperature**3 / number)": "the logits were divided by the temperature, not multiplied: "
            "1/tau, so of tau^2 one tau is left",
            "dlogits *= dy * temperature": "... summed over it instead of averaged",
            "dlogits *= dy * (temperature / dlogits.size)": "divided by images and classes; divide by the number that "
            "the forward divided by: cache.number",
            "dlogits *= dy * (temperature / (dlogits.size // dlogits.shape[-1]))": "divided by the images; divide by "
            "the number that the forward divided by (with per_class N C): cache.number",
            "dlogits *= dy * (temperature / len(dlogits))": "divided by the first axis; divide by the number that the "
            "forward divided by: cache.number",
            "dlogits *= dy * (temperature / dlogits.shape[-1])": "divided by the classes; divide by the number that "
            "the forward divided by: cache.number",
            "dlogits *= temperature / number": "dy is missing: the loss may be scaled later",
            "dlogits *= -dy * (temperature / number)": "... the sign is wrong",
            "dlogits *= abs(dy) * (temperature / number)": "... is not linear in dy",
            "dlogits = dlogits + dy * (temperature / number)": "dy and the factor are added; they multiply",
            "dlogits = (dlogits * dy * (temperature / number)).astype(np.float32)": "... from float64 comes dlogits in "
            "float32",
            "dlogits = np.asarray(dlogits * dy * (temperature / number)).sum(0)": "... dlogits has shape",
        },
        "probs = np.exp(log_probs)": {
            "probs = log_probs": "the cache holds logarithms of probabilities; take exp(log_probs)",
            "probs = np.exp(np.exp(log_probs))": "exp is taken twice",
        },
        DIRECT: {
            "dlogits = np.exp(teacher) - probs": "the sign is wrong: it is student minus teacher, as for the "
            "cross-entropy it is what was said minus what is true",
            "dlogits = probs.copy()": "the teacher is missing: student minus teacher",
            "dlogits = -np.exp(teacher)": "that is the gradient of the student's log-softmax; of the logits it is "
            "student minus teacher: q - p",
            "dlogits = -np.exp(teacher - log_probs)": "that is the gradient of the student's probabilities, -p/q; of "
            "the logits it is q - p",
            "dlogits = probs - teacher": "of the teacher the logarithms stand there; its probabilities are subtracted",
            "dlogits = log_probs - teacher": "the difference is one of the logarithms; it is one of the probabilities",
            "dlogits = probs * (probs - np.exp(teacher))": "the difference is multiplied by the probabilities once "
            "more; q - p is the gradient of the logits already",
            "dlogits = probs - np.exp(teacher); dlogits = probs * (dlogits - row_dot(probs, dlogits))": "the softmax "
            "is undone twice: q - p is the gradient of the logits already",
            "dlogits = probs * (1 - probs) * (probs - np.exp(teacher))": "the slope of the softmax stands there once "
            "more; in q - p it has been cancelled",
            "dlogits = np.exp(teacher) * (teacher - log_probs)": "that is the term of the forward, not its slope",
            "dlogits = probs - (teacher == teacher.max(-1, keepdims=True))": "the teacher's likeliest class is "
            "subtracted, that is hard distillation; subtract its probabilities",
            "dlogits = probs * (log_probs - teacher)": "that is q (log q - log p), the term of the other way round; "
            "here it is q - p",
            "dlogits = probs * (log_probs - teacher - row_dot(probs, log_probs - teacher))": "that is the gradient of "
            "the other way round; without reverse it is q - p",
            "dlogits = 2 * (probs - np.exp(teacher))": "the 2 of a square stands there; a divergence has none",
            "dlogits = np.exp(teacher) * (probs - np.exp(teacher))": "the difference is weighted by the teacher's "
            "probabilities; q - p is all",
            "dlogits = np.exp(teacher) * (1 + teacher - log_probs)": "that is a slope along the teacher's "
            "probabilities; the teacher is a constant",
            "dlogits = np.exp(teacher) * (teacher - log_probs - row_dot(np.exp(teacher), teacher - log_probs))": (
                "that is the gradient of the teacher's logits; the teacher is a constant, and the student's is q - p"
            ),
            "dlogits = np.sign(probs - np.exp(teacher))": "only the signs of the differences are left; it is q - p",
            "dlogits = teacher; dlogits -= log_probs": "... you modified cache.teacher_log_probs in place",
        },
        "surplus = _difference(probs, log_probs, teacher)": {
            "surplus = teacher - log_probs": "with reverse, the sign is wrong: q (s - sum(q s)), s = log q - log p",
            "surplus = log_probs - teacher; probs = np.exp(teacher)": (
                "with reverse, the student's probabilities weigh, here as in the forward; yours are the teacher's"
            ),
            "surplus = np.exp(log_probs) - np.exp(teacher)": "with reverse, the difference is one of the logarithms, "
            "s = log q - log p",
            "surplus = log_probs": "with reverse, the teacher is missing: s = log q - log p",
            "surplus = -teacher": "with reverse, the student depends on its logits in both places: s = log q - log p",
        },
        REVERSED: {
            "dlogits = probs * surplus": "with reverse, the mean of s is missing: raising one logit lowers all other "
            "probabilities. It is q (s - sum(q s))",
            "dlogits = surplus - row_dot(probs, surplus)": "with reverse, the bracket is right, but it is not yet "
            "multiplied by q",
            "dlogits = probs * (surplus + row_dot(probs, surplus))": "with reverse, the sum of q s is added; subtract "
            "it",
            "dlogits = probs * (surplus - surplus.mean(-1, keepdims=True))": "with reverse, the mean of s is the one "
            "weighted by q: sum(q s)",
            "dlogits = probs * (surplus - surplus.sum(-1, keepdims=True))": "with reverse, the sum runs over s alone; "
            "it runs over q s",
            "dlogits = probs * (surplus + 1)": "with reverse, that is q times the slope along q: of each slope the "
            "mean is subtracted, q (s - sum(q s)), and the 1 goes with it",
            "dlogits = probs * (surplus + 1 - row_dot(probs, surplus))": "with reverse, the mean of the 1 is 1, too: "
            "it goes when the mean is subtracted",
            "dlogits = probs * (1 - probs) * surplus": "with reverse, that is the diagonal of the softmax's Jacobian "
            "alone; every probability depends on all logits of its row: q (s - sum(q s))",
            "dlogits = probs * probs * (surplus - row_dot(probs, surplus))": "with reverse, q stands before the "
            "bracket twice",
            "dlogits = probs * (surplus - (probs * surplus).sum(0))": "with reverse, q s is summed over the images, "
            "the first axis; over the classes, the last one",
            "dlogits = probs * (surplus - (probs * surplus).sum())": "with reverse, q s is summed over all images; "
            "each row has its own sum",
            "dlogits = probs - np.exp(teacher)": "with reverse, that is q - p, the gradient without it: q (s - "
            "sum(q s)), s = log q - log p",
            "dlogits = np.exp(teacher) - probs": "with reverse, that is p - q; it is q (s - sum(q s)), s = log q - "
            "log p",
            "dlogits = probs * (row_dot(probs, surplus) - surplus)": "... with reverse, the sign is wrong",
            "dlogits = surplus + 1": "with reverse, that is the slope along the probabilities; through the softmax it "
            "becomes q (s - sum(q s))",
        },
        "if reverse:": {
            "if not reverse:": "... that is the gradient of the other way round",
        },
        KEPT: {
            softened_again("temperature"): "student and teacher are those of temperature 1; both are softened",
            softened_again("(1 / temperature)"): "student and teacher are softened once more; those of the cache are "
            "already",
            f"{KEPT}; log_probs = log_probs * temperature; log_probs = log_probs - "
            "np.log(np.exp(log_probs).sum(-1, keepdims=True))": "the student is that of temperature 1; both are "
            "softened",
        },
        "return LogitsGrad(dlogits)": {
            "return dlogits": "... return LogitsGrad(dlogits)",
            "return LogitsGrad(dlogits), LogitsGrad(-dlogits)": "... the gradients must be a LogitsGrad",
            "return LogitsGrad(0 * dlogits)": "... dlogits is zero everywhere",
        },
    },
    axes={"dlogits": "image class"},
)

DISTILLATION = Exercise(
    "distillation",
    "a teacher: its probabilities, and labels",
    50,
    (FORWARD, BACKWARD, *TAUGHT_TASKS),
    offers=("log_softmax_forward", "one_hot", "cross_entropy_forward", "cross_entropy_backward"),
    closed=tuple(f"minivit.tasks.distillation:Distillation.{way}" for way in ("forward", "backward")),
    lecture="11_training_better",
    section=5,
)
