"""Bugs of distillation, as they are made in a forward or in its backward."""

import numpy as np

from minivit.ops import distillation_backward, distillation_forward
from tests.check.planted_bugs import Bug, right, rows_of


def warm(case):
    return case.kwargs["temperature"] > 1


def reversed_way(case):
    return case.kwargs["reverse"]


def usual_way(case):
    return not case.kwargs["reverse"]


def by_class(case):
    return case.kwargs["per_class"]


def by_row(case):
    return not case.kwargs["per_class"]


def without_tau_squared(logits, teacher_logits, *, temperature, **options):
    loss, cache = distillation_forward(logits, teacher_logits, temperature=temperature, **options)
    return loss / temperature**2, cache


def other_way_round(logits, teacher_logits, *, reverse, **options):
    loss, _ = distillation_forward(logits, teacher_logits, reverse=not reverse, **options)
    return loss, distillation_forward(logits, teacher_logits, reverse=reverse, **options)[1]


def divided_by_classes_too(logits, teacher_logits, **options):
    loss, cache = distillation_forward(logits, teacher_logits, **options)
    return loss / logits.shape[-1], cache


def gradient_of_the_other_way(dy, c, g):
    return distillation_backward(dy, c._replace(reverse=not c.reverse))


def slope_without_its_mean(dy, c, g):
    """Of sum q (log q - log p), as if q were free and no softmax."""
    q = np.exp(c.log_probs)
    return g._replace(logits=q * (c.log_probs - c.teacher_log_probs) * dy * (c.temperature / c.number))


def weighted_by_the_teacher(dy, c, g):
    surplus = c.log_probs - c.teacher_log_probs
    p = np.exp(c.teacher_log_probs)
    return g._replace(logits=p * (surplus - (p * surplus).sum(-1, keepdims=True)) * dy * (c.temperature / c.number))


def students_probabilities_unsoftened(dy, c, g):
    z = c.log_probs * c.temperature
    q = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    return g._replace(logits=(q - np.exp(c.teacher_log_probs)) * dy * (c.temperature / c.number))


DISTILLATION_BUGS = [
    Bug("distillation", "tau squared forgotten", right, "gradient of logits", warm, forward=without_tau_squared),
    Bug("distillation", "the divergence the wrong way round", right, "gradient of logits", forward=other_way_round),
    Bug("distillation", "gradient of the other way", gradient_of_the_other_way),
    Bug("distillation", "divided by the classes in forward", right, forward=divided_by_classes_too),
    Bug("distillation", "a mean over rows in backward", lambda dy, c, g: g._replace(
        logits=g.logits * (c.number / rows_of(c.log_probs))), "gradient of logits", by_class),
    Bug("distillation", "summed over rows", lambda dy, c, g: g._replace(logits=g.logits * c.number),
        "summed instead of averaged", by_row),
    Bug("distillation", "the teacher's gradient", lambda dy, c, g: g._replace(logits=-g.logits), "wrong sign"),
    Bug("distillation", "slope without its mean", slope_without_its_mean, when=reversed_way),
    Bug("distillation", "weighted by the teacher", weighted_by_the_teacher, when=reversed_way),
    Bug("distillation", "the student unsoftened", students_probabilities_unsoftened,
        when=lambda case: warm(case) and usual_way(case)),
]  # fmt: skip
