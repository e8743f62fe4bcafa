"""AdamW: from gradient to step."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.cases import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.train.optim import adam_update


def later_step(rng: Generator) -> Case:
    shape = sizes(rng, 2)
    value, grad, m = (rng.standard_normal(shape) for _ in range(3))
    v = rng.uniform(0.1, 2, shape)
    return Case((value, grad, m, v, int(rng.integers(2, 20))), {"lr": 0.1, "betas": (0.8, 0.95), "eps": 0.01})


def first_step(rng: Generator) -> Case:
    shape = sizes(rng, 2)
    value, grad = rng.standard_normal(shape), rng.standard_normal(shape)
    return Case((value, grad, np.zeros(shape), np.zeros(shape), 1), {"lr": 0.1})


def with_decay(rng: Generator) -> Case:
    args, options = later_step(rng)
    return Case(args, {**options, "weight_decay": 0.3})


CASES = {"": later_step, "in the first step": first_step}


def first_step_has_length_lr(call: Call, rng: Generator) -> str | None:
    grad = np.array([1e-3, 1.0, 1e3])
    zeros = np.zeros(3)
    value = call(zeros, grad, zeros, zeros, 1, lr=0.1)["value"]
    if np.allclose(value, -0.1, rtol=1e-4):
        return None
    return (
        "from zero, the first step is -lr = -0.1 for gradients of 0.001, 1 and 1000 alike; "
        f"yours are {value.tolist()}: are m and v corrected for starting at zero?"
    )


def decay_does_not_touch_averages(call: Call, rng: Generator) -> str | None:
    args, options = later_step(rng)
    small, large = call(*args, **options, weight_decay=0.0), call(*args, **options, weight_decay=0.9)
    if np.allclose(small["m"], large["m"]) and np.allclose(small["v"], large["v"]):
        return None
    return "m and v change with weight_decay: that is Adam with L2; in AdamW the decay acts on the value alone"


def no_gradient_shrinks(call: Call, rng: Generator) -> str | None:
    value, zeros = np.array([2.0, -4.0]), np.zeros(2)
    got = call(value, zeros, zeros, zeros, 1, lr=0.1, weight_decay=0.5)["value"]
    if np.allclose(got, value * 0.95):
        return None
    return f"without gradient a weight of 2 shrinks to 2 (1 - lr decay) = 1.9; yours to {got[0]:.6g}"


def settings(t: Trial) -> tuple[Any, ...]:
    options = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, **t.kwargs}
    return options["lr"], *options["betas"], options["eps"], options["weight_decay"]


def stepped(
    *, m_correction: bool = True, v_correction: bool = True, inside: bool = False, shift: int = 0, root: bool = True
):
    """The new value by a wrong rule of Adam."""

    def value(t: Trial) -> ndarray:
        w, _, _, _, step = t.args
        lr, beta1, beta2, eps, _ = settings(t)
        m, v = t.expected.m, t.expected.v
        m = m / (1 - beta1 ** (step + shift)) if m_correction else m
        v = v / (1 - beta2 ** (step + shift)) if v_correction else v
        below = np.sqrt(v + eps) if inside else (np.sqrt(v) if root else v) + eps
        return w - lr * m / below

    return value


def decayed(kind: str):
    """The new value by a wrong rule of decay."""

    def value(t: Trial) -> ndarray:
        w, grad, m, v, step = t.args
        lr, beta1, beta2, eps, decay = settings(t)
        options = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
        if kind == "none":
            return adam_update(w, grad, m, v, step, **options).value
        if kind == "L2":
            return adam_update(w, grad + decay * w, m, v, step, **options).value
        if kind == "growth":
            return adam_update(w * (1 + lr * decay), grad, m, v, step, **options).value
        return adam_update(w * (1 - decay), grad, m, v, step, **options).value  # without lr

    return value


MODULE = "minivit.train.optim"
AVERAGES = (
    Mistake("m", lambda t: settings(t)[1] * t.args[2] + t.args[1],
            "the gradient is added whole; the average takes (1 - beta1) of it"),
    Mistake("m", lambda t: (1 - settings(t)[1]) * t.args[2] + settings(t)[1] * t.args[1],
            "beta1 and 1 - beta1 have changed places: the average keeps beta1 of what it was"),
    Mistake("m", lambda t: t.expected.m / (1 - settings(t)[1] ** t.args[4]),
            "the returned m is already corrected; keep the plain average, and correct it only for the step"),
    Mistake("v", lambda t: t.expected.v / (1 - settings(t)[2] ** t.args[4]),
            "the returned v is already corrected; keep the plain average, and correct it only for the step"),
    Mistake("v", lambda t: settings(t)[2] * t.args[3] + (1 - settings(t)[2]) * t.args[1],
            "v is the average of the squared gradient: the square is missing"),
    Mistake("v", lambda t: settings(t)[1] * t.args[3] + (1 - settings(t)[1]) * t.args[1] ** 2,
            "v uses beta1; it has its own, beta2"),
    Mistake("v", lambda t: (1 - settings(t)[2]) * t.args[3] + settings(t)[2] * t.args[1] ** 2,
            "beta2 and 1 - beta2 have changed places"),
)  # fmt: skip

ADAMW = Exercise(
    "adamw",
    "AdamW",
    25,
    (
        Task(
            "adam_update",
            MODULE,
            "plain",
            CASES,
            (Property("the first step has length lr", first_step_has_length_lr),),
            (
                *AVERAGES,
                Mistake(
                    "value",
                    stepped(m_correction=False, v_correction=False),
                    "m and v are not corrected: divide them by 1 - beta ** step",
                ),
                Mistake("value", stepped(m_correction=False), "m is not corrected: divide it by 1 - beta1 ** step"),
                Mistake("value", stepped(v_correction=False), "v is not corrected: divide it by 1 - beta2 ** step"),
                Mistake("value", stepped(inside=True), "eps stands under the root; it is added to the root"),
                Mistake("value", stepped(root=False), "the root is missing: divide by sqrt(v) + eps"),
                Mistake("value", stepped(shift=1), "step is counted from 1 already; do not add one"),
                Mistake(
                    "value", lambda t: 2 * t.args[0] - t.expected.value, "the sign is wrong: go against the gradient"
                ),
                Mistake(
                    "value", lambda t: t.args[0] - t.expected.value, "that is the step; the new value is value - step"
                ),
            ),
            axes={"value": "row column"},
        ),
        Task(
            "adamw_update",
            MODULE,
            "plain",
            {"": with_decay, "in the first step": first_step},
            (
                Property("the averages do not see the decay", decay_does_not_touch_averages),
                Property("without gradient a weight shrinks", no_gradient_shrinks),
            ),
            (
                Mistake(
                    "value", decayed("none"), "the decay is missing: the weight is first multiplied by 1 - lr decay"
                ),
                Mistake("value", decayed("L2"), "the decay is added to the gradient: that is L2, and Adam rescales it"),
                Mistake("value", decayed("without lr"), "the decay is not multiplied by lr"),
                Mistake("value", decayed("growth"), "the weight grows: multiply by 1 - lr decay, not 1 + lr decay"),
            ),
            axes={"value": "row column"},
        ),
    ),
    offers=("sqrt",),
)
