"""AdamW: from gradient to step."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.explain import told_apart
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


def many_numbers(rng: Generator) -> Case:
    value, grad = rng.standard_normal((2, 20_000, 10))
    return Case((value, grad, np.zeros_like(value), np.zeros_like(value), 1), {"lr": 0.1})


CASES = {"": later_step, "in the first step": first_step}


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
    if np.allclose(small["m"], large["m"]) and np.allclose(small["v"], large["v"]):
        return None
    return "m and v change with weight_decay: that is Adam with L2; in AdamW the decay acts on the value alone"


def no_gradient_shrinks(call: Call, rng: Generator) -> str | None:
    value, zeros = np.array([2.0, -4.0]), np.zeros(2)
    got = call(value, zeros, zeros, zeros, 1, lr=0.1, weight_decay=0.5)["value"]
    if np.allclose(got, value * 0.95):
        return None
    i = int(np.abs(got - value * 0.95).argmax())
    yours, right = told_apart(got[i], 0.95 * value[i], 6)
    return f"without gradient a weight w of {value[i]:g} shrinks to w (1 - lr decay) = {right}; yours goes to {yours}"


def settings(t: Trial) -> tuple[Any, ...]:
    options = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01, **t.kwargs}
    return options["lr"], *options["betas"], options["eps"], options["weight_decay"]


def stepped(
    *,
    m_correction: bool = True,
    v_correction: bool = True,
    inside: bool = False,
    shift: int = 0,
    root: bool = True,
    with_eps: bool = True,
):
    """The new value by a wrong rule of Adam."""

    def value(t: Trial) -> ndarray:
        w, _, _, _, step = t.args
        lr, beta1, beta2, eps, _ = settings(t)
        m, v = t.expected.m, t.expected.v
        m = m / (1 - beta1 ** (step + shift)) if m_correction else m
        v = v / (1 - beta2 ** (step + shift)) if v_correction else v
        eps = eps if with_eps else 0.0
        below = np.sqrt(v + eps) if inside else (np.sqrt(v) if root else v) + eps
        return w - lr * m / below

    return value


def decayed(kind: str, part: str = "value"):
    """What comes of a wrong call of adam_update, or of a wrong rule of decay."""

    def result(t: Trial) -> ndarray:
        w, grad, m, v, step = t.args
        lr, beta1, beta2, eps, decay = settings(t)
        options = {"lr": lr, "betas": (beta1, beta2), "eps": eps}
        shrunk = w * (1 - lr * decay)
        if kind == "L2":
            update = adam_update(w, grad + decay * w, m, v, step, **options)
        elif kind in options:  # not passed on
            update = adam_update(
                shrunk, grad, m, v, step, **{"lr": lr} | {k: o for k, o in options.items() if k != kind}
            )
        elif kind == "step":
            update = adam_update(shrunk, grad, m, v, step + 1, **options)
        else:
            factors = {"none": 1, "growth": 1 + lr * decay, "without lr": 1 - decay, "late": 1}
            update = adam_update(w * factors[kind], grad, m, v, step, **options)
        return getattr(update, part) * (1 - lr * decay if kind == "late" else 1)

    return result


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
    Mistake("v", lambda t: settings(t)[2] * t.args[3] + (1 - settings(t)[2]) * abs(t.args[1]),
            "v is the average of the squared gradient; yours averages its absolute value"),
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
                Mistake(
                    "value",
                    stepped(with_eps=False),
                    "eps is missing, or not the one that is given: divide by sqrt(v) + eps",
                ),
                Mistake("value", stepped(inside=True), "eps stands under the root; it is added to the root"),
                Mistake("value", stepped(root=False), "the root is missing: divide by sqrt(v) + eps"),
                Mistake("value", stepped(shift=1), "step is counted from 1 already; do not add one"),
                Mistake("value", stepped(shift=-1), "step is counted from 1; do not take one away"),
                Mistake(
                    "value", lambda t: 2 * t.args[0] - t.expected.value, "the sign is wrong: go against the gradient"
                ),
                Mistake(
                    "value", lambda t: t.args[0] - t.expected.value, "that is the step; the new value is value - step"
                ),
            ),
            big=many_numbers,
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
                Mistake("m", decayed("betas", "m"), "betas are not passed on to adam_update"),
                Mistake("value", decayed("eps"), "eps is not passed on to adam_update"),
                Mistake("value", decayed("step"), "step is counted from 1 already; do not add one"),
                Mistake(
                    "value", decayed("late"), "the decay comes after the step: it must shrink the weight as it was"
                ),
                Mistake("value", decayed("L2"), "the decay is added to the gradient: that is L2, and Adam rescales it"),
                Mistake("value", decayed("without lr"), "the decay is not multiplied by lr"),
                Mistake("value", decayed("growth"), "the weight grows: multiply by 1 - lr decay, not 1 + lr decay"),
            ),
            big=many_numbers,
            axes={"value": "row column"},
            uses=("adam_update",),
        ),
    ),
    offers=("sqrt",),
)
