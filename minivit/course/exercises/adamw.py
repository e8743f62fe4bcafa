"""AdamW: from gradient to step."""

from functools import partial

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import lengths, with_options
from minivit.course.explain import told_apart


def later_step(rng: Generator) -> Case:
    shape = lengths(rng, 2)
    value, grad, m = (rng.standard_normal(shape) for _ in range(3))
    v = rng.uniform(0.1, 2, shape)
    return Case((value, grad, m, v, int(rng.integers(2, 20))), {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.01})


def first_step(rng: Generator) -> Case:
    shape = lengths(rng, 2)
    value, grad = rng.standard_normal(shape), rng.standard_normal(shape)
    return Case((value, grad, np.zeros(shape), np.zeros(shape), 1), {"lr": 0.1})


def of_one_number(rng: Generator) -> Case:
    """A parameter without axes, such as a temperature."""
    (*arrays, step), options = later_step(rng)
    return Case((*(array[0, 0] for array in arrays), step), options)


def with_decay(rng: Generator) -> Case:
    args, options = later_step(rng)
    return Case(args, {**options, "weight_decay": 0.3})


def many_numbers(rng: Generator) -> Case:
    value, grad = rng.standard_normal((2, 20_000, 10))
    return Case((value, grad, np.zeros_like(value), np.zeros_like(value), 1), {"lr": 0.1})


def first_step_has_length_lr(call: Call, rng: Generator) -> str | None:
    grad = np.array([1e-3, 1.0, 1e3])
    zeros = np.zeros(3)
    value = call(zeros, grad, zeros, zeros, 1, lr=0.1)["value"]
    if np.allclose(value, -0.1, rtol=1e-4):
        return None
    yours = ", ".join(f"{number:.4g}" for number in value)
    return (
        f"from zero, the first step is -lr = -0.1 for gradients of 0.001, 1 and 1000 alike; yours are {yours}"
        + why_not_lr(value / -0.1)
    )


def why_not_lr(lengths: ndarray) -> str:
    """What a first step of this length (in units of -lr) tells, if it does."""
    uncorrected = {0.1: "m is", 0.001**-0.5: "v is", 0.1 * 0.001**-0.5: "m and v are"}
    for length, what in uncorrected.items():
        if np.allclose(lengths, length, rtol=1e-3):
            return f": {what} not corrected for starting at zero"
    if np.allclose(lengths, -1, rtol=1e-4):
        return ": subtract the step, to go against the gradient"
    if np.allclose(lengths[1:], 1, rtol=1e-4):
        return ": the smallest gradient feels eps; is it added to the root, not under it?"
    if np.isfinite(lengths).all() and not np.allclose(lengths, lengths[0], rtol=1e-3):
        return ": the size of the gradient must cancel between m and the root of v"
    return ""


def decay_does_not_touch_averages(call: Call, rng: Generator) -> str | None:
    args, options = later_step(rng)
    small, large = call(*args, **options, weight_decay=0.0), call(*args, **options, weight_decay=0.9)
    says = "m and v change with weight_decay: that is Adam with L2; in AdamW the decay acts on the value alone"
    return None if np.allclose(small["m"], large["m"]) and np.allclose(small["v"], large["v"]) else says


def no_gradient_shrinks(call: Call, rng: Generator) -> str | None:
    value, zeros = np.array([2.0, -4.0]), np.zeros(2)
    got = call(value, zeros, zeros, zeros, 1, lr=0.1, weight_decay=0.5)["value"]
    if np.allclose(got, value * 0.95):
        return None
    i = int(np.abs(got - value * 0.95).argmax())
    yours, right = told_apart(got[i], 0.95 * value[i], 6)
    return f"without gradient a weight w of {value[i]:g} shrinks to w (1 - lr decay) = {right}; yours goes to {yours}"


KEEP = "is already corrected; keep the plain average, and correct it only for the step"
LATE = (
    "value, m, v = adam_update(value, grad, m, v, step, lr=lr, betas=betas, eps=eps); "
    "return AdamUpdate(value * (1 - lr * weight_decay), m, v)"
)
PAIRS = "zip(m.ravel(), grad.ravel())"

update = partial(Task, big=many_numbers, axes={"value": "row column"})

TASKS = (
    update(
        "adam_update",
        {
            "": later_step,
            "in the first step": first_step,
            "without memory": with_options(later_step, betas=(0.0, 0.0)),
            "of one number": of_one_number,
        },
        (Property("the first step has length lr", first_step_has_length_lr),),
        {
            "m = beta1 * m + (1 - beta1) * grad": {
                "m = beta1 * m": "the gradient is not used in m; the average takes (1 - beta1) of it",
                "m = grad": "m is the gradient of this step alone; it is an average",
                "m = beta1 * m - (1 - beta1) * grad": "the gradient is subtracted in m; it is added",
                "m = beta2 * m + (1 - beta2) * grad": "m uses beta2; it has its own, beta1",
                "m = beta1 * m + (1 - beta1) * grad / np.linalg.norm(grad)": "the gradient is divided by its length; "
                "it enters m as it is",
                "beta1 = 0.9; m = beta1 * m + (1 - beta1) * grad": "beta1 is always 0.9; it is the first of betas",
                "value += 0 * value + 1e-9; m = beta1 * m + (1 - beta1) * grad": "... you modified value in place",
                "m = beta1 * m + grad": "the gradient is added whole; the average takes (1 - beta1) of it",
                "m = (1 - beta1) * m + beta1 * grad": "beta1 and 1 - beta1 have changed places: the average keeps "
                "beta1 of what it was",
                "m *= beta1; m += (1 - beta1) * grad": "... you modified m in place",
                f"m = np.reshape([beta1 * a + (1 - beta1) * b for a, b in {PAIRS}], m.shape)": "... a loop over axis",
            },
            "(grad * grad)": {
                "m * m": "v is the average of the square of m; it is that of the gradient",
                "grad * grad * grad * grad": "... must cancel between m and the root of v",
                "grad": "v is the average of the squared gradient: the square is missing",
                "abs(grad)": "v is the average of the squared gradient; yours averages its absolute value",
                "np.abs(grad)": "... must cancel between m and the root of v",
            },
            "v = beta2 * v + (1 - beta2)": {
                "v = beta1 * v + (1 - beta1)": "v uses beta1; it has its own, beta2",
                "v = v + (1 - beta2)": "v only grows: the average keeps beta2 of what it was",
                "v = beta2 * v + 1": "the squared gradient is added whole; the average takes (1 - beta2) of it",
                "v = np.maximum(v, beta2 * v) + (1 - beta2)": "v only grows: the average keeps beta2 of what it was",
                "v = (1 - beta2) * v + beta2": "beta2 and 1 - beta2 have changed places",
            },
            "v = beta2 * v + (1 - beta2) * (grad * grad)": {
                "v = np.maximum(v, beta2 * v + (1 - beta2) * (grad * grad))": "v never falls: that is AMSGrad; in Adam "
                "it is the average itself, which falls when gradients do",
            },
            "root = np.sqrt(v)": {
                "step = inf; root = np.sqrt(v)": "m and v are not corrected: divide them by 1 - beta ** step",
                "step += 1; root = np.sqrt(v)": "step is counted from 1 already; do not add one",
                "step -= 1; root = np.sqrt(v)": "step is counted from 1; do not take one away",
            },
            "(1 - beta1**step)": {
                "1": "m is not corrected: divide it by 1 - beta1 ** step",
                "(1 - beta1 * step)": "m is divided by 1 - beta1 * step; it is a power, 1 - beta1 ** step",
                "(1 - beta1**step) ** 2": "m is corrected twice; divide it by 1 - beta1 ** step once",
            },
            "sqrt(1 - beta2**step)": {
                "1": "v is not corrected: divide it by 1 - beta2 ** step",
                "(1 - beta2**step)": "v is corrected twice, or the root of its correction is missing: it is "
                "sqrt(v / (1 - beta2 ** step))",
            },
            "+ eps": {
                "": "eps is missing, or not the one that is given: divide by sqrt(v) + eps",
                "+ 1e-8": "... the argument eps is not used",
            },
            "np.sqrt(v) / sqrt(1 - beta2**step) + eps": {
                "np.sqrt(v / (1 - beta2**step) + eps)": "eps stands under the root; it is added to the root",
                "(np.sqrt(v) + eps) / sqrt(1 - beta2**step)": "eps is added before v is corrected; add it to the root "
                "of the corrected v",
                "v / (1 - beta2**step) + eps": "the root is missing: divide by sqrt(v) + eps",
            },
            "value - (": {
                "value + (": "the sign is wrong: go against the gradient",
                "(": "that is the step; the new value is value - step",
                "value * (1 - lr) - (": "the value is made smaller: that is weight decay, which comes in adamw_update",
                "value.astype(np.float32) - (": "... float32's rounding",
            },
            "(lr / (1": {
                "(1 / (1": "the step is not multiplied by lr",
                "(lr * lr / (1": "lr is squared",
            },
            "(m / root)": {
                "((m - (1 - beta1) * grad) / beta1 / root)": "the step is made of m as it was; it is made of the new "
                "average, which this gradient is part of",
                "(grad / root)": "the step is made of the gradient; it is made of its average, m",
                "np.sign(m)": "only the sign of m is used; it is divided by the root of v",
                "m": "m is not divided by the root of v",
                "(m * root)": "m is multiplied by the root of v; divide",
                "(m / root).astype(np.float32)": "... float32's rounding",
            },
            "m, v)": {
                "grad, v)": "the returned m is the gradient",
                "v, m)": "... m and v are exchanged",
                "m / (1 - beta1**step), v)": f"the returned m {KEEP}",
                "m, v / (1 - beta2**step))": f"the returned v {KEEP}",
            },
        },
    ),
    update(
        "adamw_update",
        {
            "": with_decay,
            "in the first step": first_step,
            "without decay": with_options(later_step, weight_decay=0.0),
            "of one number": with_options(of_one_number, weight_decay=0.3),
        },
        (
            Property("the averages do not see the decay", decay_does_not_touch_averages),
            Property("without gradient a weight shrinks", no_gradient_shrinks),
        ),
        {
            "value * (1 - lr * weight_decay), grad": {
                "value, grad": "the decay is missing: the weight is first multiplied by 1 - lr decay",
                "value * (1 - weight_decay), grad": "the decay is not multiplied by lr",
                "value * (1 - lr * weight_decay / 2), grad": "... value",
                "value * (1 - lr * weight_decay) ** 2, grad": "the decay is applied twice",
                "value - lr * weight_decay, grad": "the decay is not multiplied by the weight",
                "value - lr * weight_decay * np.sign(value), grad": "the decay goes by the sign of the weight: L1",
                "value * (1 - lr * 0.01), grad": "the argument weight_decay is not used",
                "value * (1 + lr * weight_decay), grad": "the weight grows: multiply by 1 - lr decay, not 1 + lr decay",
                "value, grad + weight_decay * value": "the decay is added to the gradient: that is L2, and Adam "
                "rescales it",
                "value, weight_decay * value + grad": "... m and v change with weight_decay",
            },
            "": {LATE: "the decay comes after the step: it must shrink the weight as it was"},
            "step, lr=lr": {
                "step + 1, lr=lr": "step is counted from 1 already; do not add one",
                "step, lr=lr * (1 - weight_decay)": "lr is made smaller by the decay; only the weight is, the step "
                "keeps its lr",
            },
            ", eps=eps": {"": "eps is not passed on to adam_update"},
            ", betas=betas": {"": "betas are not passed on to adam_update"},
            ", betas=betas, eps=eps": {"": "... betas are not passed on"},
            "return ": {"[row * lr for row in value.reshape(-1, 1)]; return ": "... a loop over axis"},
        },
        uses=("adam_update",),
    ),
)

ADAMW = Exercise("adamw", "AdamW", 25, TASKS, offers=("sqrt",), lecture="05_training_vit", section=1)
