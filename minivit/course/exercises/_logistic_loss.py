"""Tasks of the exercise ``contrastive`` that are about its loss: yes or no, with logits of any size."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Draw, Property, Task
from minivit.course.exercises._cases import lengths
from minivit.course.explain import told_apart


def answers(scale: float = 2.0, *, axes: int = 3, soft: bool = False) -> Draw:
    """Draws logits and what is true of them: of each row the first, or any numbers from 0 to 1."""

    def drawn(rng: Generator) -> Case:
        logits = scale * rng.standard_normal(lengths(rng, axes))
        truth = np.zeros_like(logits)
        truth[..., 0] = 1
        return Case((logits, rng.random(logits.shape) if soft else truth), {})

    return drawn


ANSWERS = {
    "": answers(),
    "with large logits": answers(600.0),
    "with soft targets": answers(soft=True),
    "of one row": answers(axes=1),
}


def sizes_of_answers(case: Case) -> dict[str, float]:
    shape = case.args[0].shape
    found: dict[str, float] = {"the numbers": case.args[0].size}
    if len(shape) > 1:
        found |= {"the rows": case.args[0].size // shape[-1], "the candidates": shape[-1], "the batch": shape[0]}
    return found


def small_logits(case: Case) -> Case | None:
    logits, targets = case.args
    return Case((logits / 300, targets), {}) if np.abs(logits).max() > 50 else None


OVERFLOWS = ": exp(800) overflows, and 1 + exp(-800) is 1; write the loss so that exp grows nowhere"
CLIPPED = (
    ": is a small number added in the logarithm, or something clipped? Write the loss so that exp grows nowhere, then "
    "neither is needed (1 + exp(-800) is 1, and its logarithm 0)"
)


def says_what_it_costs(call: Call, rng: Generator) -> str | None:
    for logits, targets, cost in (
        ([0.0], [1.0], np.log(2)),
        ([800.0], [1.0], 0.0),
        ([-800.0], [0.0], 0.0),
        ([800.0], [0.0], 800.0),
        ([-800.0], [1.0], 800.0),
    ):
        loss = float(call(np.array(logits), np.array(targets))[0])
        if not abs(loss - cost) < 1e-9:
            small, truth = np.clip(logits, -2, 2), np.array(targets)
            easy = float(call(small, truth)[0] - (np.logaddexp(0, small) - truth * small).mean())
            why = CLIPPED if np.isfinite(loss) else OVERFLOWS
            why *= abs(easy) < 1e-6
            is_, should_be = told_apart(loss, cost, digits=6)
            return f"a logit of {logits[0]:g} where {targets[0]:g} is true costs {should_be}; yours costs {is_}{why}"
    return None


COST = "loss = (rest + (positive - targets) * logits).sum() / logits.size"


def of(loss: str = "each.sum() / n", softplus: str = "np.logaddexp(0, logits)") -> str:
    """Another loss, made of what ``each`` of ``n`` numbers costs, or of another ``softplus``: log(1 + exp(z))."""
    return f"softplus = {softplus}; each = softplus - targets * logits; n = logits.size; loss = {loss}"


SIGMOID = "probs, _ = sigmoid_forward(logits)"
of_answers = partial(Task, sizes=sizes_of_answers, simpler={"where logits are small": small_logits})

LOSS_TASKS = (
    of_answers(
        "binary_cross_entropy_forward",
        ANSWERS,
        (Property("what a sure answer costs", says_what_it_costs),),
        {
            COST: {
                of("-each.sum() / n"): "... y has the wrong sign",
                of("each.sum()"): "... the numbers: summed over it instead of averaged",
                of("each.sum() / len(logits)"): (
                    "the sum is divided by the batch; it is by all numbers, whatever axes they are spread over"
                ),
                of("each.sum() / (n // logits.shape[-1])"): (
                    "summed over the candidates and averaged over the rows; it is the mean over all numbers"
                ),
                of("each.sum() / logits.shape[-1]"): (
                    "averaged over the candidates and summed over the rows; it is the mean over all numbers"
                ),
                of("each.mean(-1)"): "... y has shape",
                of("(each[..., 0].mean() + each[..., 1:].mean()) / 2"): (
                    "the true frames weigh as much as all distractors together; each number counts once"
                ),
                of("each[..., 0].mean()"): (
                    "only the first number of each row counts, the true frame; the distractors cost something, too"
                ),
                of("each[..., 1:].sum() / n"): (
                    "the first number of each row is left out, the true frame; all of them count"
                ),
                of("(softplus + targets * logits).sum() / n"): (
                    "the targets' term is added; it is subtracted: log(1 + exp(z)) - t z"
                ),
                of("(softplus - targets).sum() / n"): "the target itself is subtracted; it is t z",
                of("softplus.sum() / n"): "the targets are not used: every number is taken for a no",
                of("(softplus - logits).sum() / n"): "the targets are not used: every number is taken for a yes",
                of("(targets * (softplus - logits)).sum() / n"): (
                    "only the true frames cost something; what is not true does, too: (1 - t) log sigmoid(-z)"
                ),
                of("((1 - targets) * softplus).sum() / n"): (
                    "only what is not true costs something; the true frames do, too: t log sigmoid(z)"
                ),
                of("(softplus - (1 - targets) * logits).sum() / n"): (
                    "yes and no are exchanged: what is true has the target 1"
                ),
                of("each.sum() / n / np.log(2)"): "the logarithm is that of base 2; take the natural one",
                of("each.sum() / n / np.log(10)"): "the logarithm is that of base 10; take the natural one",
                of("((1 / (1 + np.exp(-logits)) - targets) ** 2).mean()"): (
                    "that is the squared error of the sigmoids; the loss is minus the logarithm of what is said"
                    " of the truth"
                ),
                of("np.abs(1 / (1 + np.exp(-logits)) - targets).mean()"): (
                    "that is how far the sigmoids are off; the loss is minus the logarithm of what is said of the truth"
                ),
                of("np.maximum(0, 1 - (2 * targets - 1) * logits).mean()"): (
                    "that is a hinge loss; it is log(1 + exp(z)) - t z"
                ),
                of("(np.log(np.exp(logits).sum(-1)) - (targets * logits).sum(-1)).mean()"): (
                    "that is a softmax over the candidates, InfoNCE; here each number is a question of its own,"
                    " yes or no"
                ),
                of("(softplus - (targets > 0.5) * logits).sum() / n"): (
                    "targets are rounded to yes and no; those between count as they are"
                ),
                of("(softplus.max() - (targets * logits).mean())"): "... y",
                of(softplus="np.log(1 + np.exp(logits))"): "... exp(800) overflows",
                of(softplus="np.logaddexp(0, -logits)"): "... y",
                of(softplus="-np.log(1 / (1 + np.exp(logits)))"): "... exp(800) overflows",
                of(softplus="-np.log(1 - 1 / (1 + np.exp(-logits)) + 1e-12)"): "... a small number added",
                of(softplus="np.maximum(logits, 0)"): (
                    "1 + exp(-|z|) has a logarithm, too: that is log(1 + exp(z)) of large logits only"
                ),
                of(softplus="np.log1p(np.exp(np.where(positive, -logits, logits)))"): (
                    "for z above 0, log(1 + exp(z)) is z + log(1 + exp(-z)); z is missing"
                ),
                of(softplus="np.log1p(np.exp(np.clip(logits, -30, 30)))"): "... or something clipped",
            },
            "BinaryCrossEntropyCache(logits, targets)": {
                "BinaryCrossEntropyCache(targets, logits)": "... cache.logits and cache.targets are exchanged",
                "BinaryCrossEntropyCache(1 / (1 + np.exp(-logits)), targets)": "those are the sigmoids; keep the "
                "logits",
            },
            "logits.size == 0": {"False": "... with no rows it must raise a ValueError"},
        },
    ),
    of_answers(
        "binary_cross_entropy_backward",
        ANSWERS,
        mistakes={
            "(probs - targets) * (dy / prod(logits.shape))": {
                "(targets - probs) * (dy / prod(logits.shape))": "... dlogits has the wrong sign",
                "(probs - targets) * dy": "... the numbers: summed over it instead of averaged",
                "(probs - targets) / prod(logits.shape)": "dy is missing: the loss may be scaled later",
                "(probs - targets) * dy / len(logits)": "divided by the batch; the forward's mean is over all numbers",
                "(probs - targets) * dy / (logits.size // logits.shape[-1])": "divided by the rows; the forward's mean "
                "is over all numbers",
                "(probs - targets) * dy / logits.shape[-1]": "divided by the candidates of a row; the forward's mean "
                "is over all numbers",
                "probs * (dy / prod(logits.shape))": "the targets are missing: what was said minus what is true",
                "(logits - targets) * (dy / prod(logits.shape))": "the sigmoid is missing: what was said is "
                "sigmoid(z), not z",
                "(probs - targets) * probs * (1 - probs) * (dy / prod(logits.shape))": "the slope of the sigmoid "
                "stands there once more; in probs - targets it has been cancelled",
                "(probs - targets) / (probs * (1 - probs)) * (dy / prod(logits.shape))": "that is the gradient of the "
                "sigmoids; of the logits it is probs - targets",
                "probs * (1 - probs) * (dy / prod(logits.shape))": "that is the slope of the sigmoid; the loss's is "
                "what was said minus what is true",
                "(probs - 1) * targets * (dy / prod(logits.shape))": "only the true frames get a gradient; what is not "
                "true does, too",
                "probs * (1 - targets) * (dy / prod(logits.shape))": "only what is not true gets a gradient; the true "
                "frames do, too",
                "(probs - 1 + targets) * (dy / prod(logits.shape))": "yes and no are exchanged: what is true has the "
                "target 1",
                "(probs - (targets > 0.5)) * (dy / prod(logits.shape))": "targets are rounded to yes and no; those "
                "between count as they are",
                "(np.sign(logits) / 2 + 0.5 - targets) * (dy / prod(logits.shape))": "the sigmoid is rounded to yes "
                "and no",
                "(probs - targets) * (abs(dy) / prod(logits.shape))": "... is not linear in dy",
            },
            SIGMOID: {
                "probs, _ = sigmoid_forward(-logits)": "the sigmoid is that of -z; it is that of z",
                "probs = (1 + np.tanh(logits)) / 2": "the half is missing in the tangent: the sigmoid of z is (1 + "
                "tanh(z / 2)) / 2",
                "probs = np.tanh(logits)": "that is the hyperbolic tangent; the sigmoid of z is (1 + tanh(z / 2)) / 2",
                "probs = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)": "that is a softmax over the "
                "candidates; here each number is a question of its own: its sigmoid",
                "probs = np.exp(logits) / (1 + np.exp(logits))": "... dlogits has nan in",
                "probs, _ = sigmoid_forward(sigmoid_forward(logits)[0])": "the sigmoid is taken twice",
                "probs = logits": "the sigmoid is missing: what was said is sigmoid(z), not z",
            },
            "return LogitsGrad(": {"return (": "... the gradients must be a LogitsGrad"},
        },
        axes={"dlogits": "sound pair candidate"},
    ),
)
