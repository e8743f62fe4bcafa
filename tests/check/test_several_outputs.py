"""Several outputs: what backward is given for each, and what is said of each."""

import re
from typing import Any, NamedTuple

import numpy as np
import pytest

from minivit.check import (
    CASES,
    CONSTANTS,
    GradientError,
    check_complex_step,
    check_layer,
    check_pair,
    check_vjp,
    gradient_errors,
)
from minivit.every_op import EVERY_OP
from minivit.models import ViT
from tests.check import small_pairs as p
from tests.check.several_outputs import Both, doubled
from tests.check.small_pairs import Polar, grads, normal
from tests.check.wrong_pairs import with_dy
from tests.ops.annotations import is_analytic
from tests.unchecked import without_annotations

X = normal(3, 5)
POINTS = (1 + np.abs(X), normal(5, 3).T)


class Kinds(NamedTuple):
    """One output of every kind."""

    array: Any
    number: Any
    scalar: Any
    whole: Any
    mask: Any
    nothing: Any
    inside: Any


def kinds_forward(x):
    y = 2 * x
    return Kinds(y, float(x.sum()), x.sum(), y.argmax(), y > 0, None, [y, {"y": (y,)}]), None


def kinds_backward(dy, cache):
    dx = dy.array + dy.inside[0] + dy.inside[1]["y"][0]
    return grads(x=2 * dx + (dy.number + dy.scalar))


def cotangents_of(forward, backward, *args):
    """All that backward is called with."""
    seen = []

    def noting(dy, cache):
        seen.append(dy)
        return backward(dy, cache)

    check_pair(forward, noting, *args)
    return seen


def test_cotangents_have_the_type_of_the_outputs_and_none_where_no_gradient_flows():
    seen = cotangents_of(kinds_forward, kinds_backward, X)
    for dy in seen:
        assert type(dy) is Kinds
        assert [type(part) for part in dy] == [
            np.ndarray, float, type(dy.array.dtype.type(0)), type(None), type(None), type(None), list,
        ]  # fmt: skip
        assert dy.inside[1]["y"][0].shape == X.shape
    assert {dy.array.dtype.name for dy in seen} == {"float64", "float32"}


def test_each_output_is_tried_alone_and_with_the_others():
    seen = cotangents_of(p.polar_forward, p.polar_backward, *POINTS)
    tried = {(bool(dy.radius.any()), bool(dy.angle.any())) for dy in seen}
    assert tried == {(True, True), (True, False), (False, True)}


def test_one_output_is_given_what_it_always_was():
    for forward, backward in [
        (p.exp_forward, p.exp_backward),
        (lambda x: (Polar(np.exp(x), None), np.exp(x)), lambda dy, y: grads(x=dy.radius * y)),
    ]:
        first, *_ = cotangents_of(forward, backward, X)
        expected = np.random.default_rng(0).standard_normal(X.shape)
        np.testing.assert_array_equal(first if isinstance(first, np.ndarray) else first.radius, expected)


def test_the_cotangent_of_minus_infinity_is_zero_in_its_output_only():
    x = X + np.where(X.max() == X, -np.inf, 0)

    def forward(x):
        return Polar(x * 1, np.exp(x)), np.exp(x)

    seen = cotangents_of(forward, lambda dy, y: grads(x=dy.radius + dy.angle * y), x)
    at = tuple(np.argwhere(x == -np.inf)[0])
    assert all(dy.radius[at] == 0 for dy in seen)
    assert any(dy.angle[at] != 0 for dy in seen)


def test_the_whole_message():
    with pytest.raises(GradientError) as caught:
        check_vjp(p.polar_forward, with_dy(p.polar_backward, angle=lambda dy: 2 * dy.angle), *POINTS)
    first, worst, *rest = str(caught.value).split("\n  ")
    assert first.startswith("other, from dy.angle alone: the gradient of a is wrong. Along a random direction")
    assert worst.startswith("worst: index (")
    assert rest == [
        "what it looks like: off by the constant factor 2",
        "also wrong: b",
        "of the outputs: right for dy.radius; wrong for dy.angle",
    ]


def test_one_output_of_a_nest_is_not_spoken_of_as_one_of_several():
    with pytest.raises(GradientError) as caught:
        check_vjp(p.top_forward, lambda dy, c: grads(x=2 * p.top_backward(dy, c).x), X)
    assert str(caught.value).startswith("<lambda>: the gradient of x is wrong.")
    assert "output" not in str(caught.value).replace("the output changes", "")


def test_the_complex_step_sees_each_output():
    def forward(x):
        return Polar(np.exp(x), 1e-9 * x * x * x), x

    def backward(dy, x, factor=1.0):
        return grads(x=dy.radius * np.exp(x) + factor * 3e-9 * dy.angle * x * x)

    check_complex_step(forward, backward, X)
    with pytest.raises(GradientError, match=r"(?s)from dy.angle alone.*right for dy.radius; wrong for dy.angle"):
        check_complex_step(forward, lambda dy, x: backward(dy, x, 1 + 1e-11), X)


def test_every_element_is_compared_for_each_output():
    def last_is_small(dy, cache):
        right = p.polar_backward(dy, cache)
        right.b[-1, -1] += 1e-7 * dy.angle[-1, -1] * right.b[-1, -1]
        return right

    check_vjp(p.polar_forward, p.polar_backward, *POINTS, every_element=True)
    with pytest.raises(GradientError, match=r"right for dy\.radius; wrong for dy\.angle"):
        check_vjp(p.polar_forward, last_is_small, *POINTS, every_element=True)


def test_errors_are_those_of_all_outputs_together():
    errors = gradient_errors(p.polar_forward, p.polar_backward, *POINTS)
    assert {name: error.shape for name, error in errors.items()} == {"a": X.shape, "b": X.shape}
    assert max(np.abs(error).max() for error in errors.values()) < 1e-8
    for name in ("radius", "angle"):
        wrong = with_dy(p.polar_backward, **{name: lambda dy, name=name: 0 * getattr(dy, name)})
        assert all(np.abs(error).max() > 0.01 for error in gradient_errors(p.polar_forward, wrong, *POINTS).values())


def test_a_kink_in_one_output():
    zeros = np.maximum(np.round(2 * X), 0)

    def forward(x):
        return Polar(x * x, np.maximum(x, 0)), x

    def backward(dy, x, at_zero=0.3):
        return grads(x=2 * dy.radius * x + dy.angle * np.where(x == 0, at_zero, x > 0))

    assert (zeros == 0).any()
    check_vjp(forward, backward, zeros)
    with pytest.raises(GradientError, match=r"(?s)from dy.angle alone.*forward has a kink there"):
        check_vjp(forward, lambda dy, x: backward(dy, x, 1.1), zeros)


def test_a_random_output_beside_one_that_is_not():
    def forward(x):
        return Polar(x * 2, x * np.random.default_rng().random(x.shape)), None

    with pytest.raises(GradientError, match=r"from dy\.angle alone: forward gives other numbers"):
        check_vjp(forward, lambda dy, c: grads(x=2 * dy.radius + dy.angle), X)


def test_a_backward_that_works_once_is_told_as_of_one_output():
    def forward(x):
        return Polar(x * 2, x * 3), [2]

    def backward(dy, cache):
        return grads(x=cache.pop() * dy.radius + 3 * dy.angle)

    check_vjp(forward, backward, X)
    with pytest.raises(GradientError, match="a second backward with the same cache fails"):
        check_pair(forward, backward, X)


class Judge(ViT):
    """A whole model, which also says which class it means, and how long its answer is."""

    def forward(self, images, *, rng=None):
        logits, cache = super().forward(images, rng=rng)
        return {"logits": logits, "best": logits.argmax(-1), "size": (logits * logits).sum(-1)}, (cache, logits)

    def backward(self, dy, cache):
        c_vit, logits = cache
        return super().backward(dy["logits"] + 2 * dy["size"][:, None] * logits, c_vit)


class Sleepy(Judge):
    """It forgets one of its outputs."""

    def backward(self, dy, cache):
        return super().backward({**dy, "size": 0 * dy["size"]}, cache)


def test_a_whole_model():
    options = {"img_size": 4, "patch_size": 2, "in_chans": 2, "num_classes": 5, "depth": 1, "num_heads": 2}
    quick_check = without_annotations(check_layer)
    quick_check(Judge(**options, embed_dim=6), normal(3, 4, 4, 2))
    with pytest.raises(GradientError, match=r"of the outputs: right for dy\.logits; wrong for dy\.size"):
        quick_check(Sleepy(**options, embed_dim=6), normal(3, 4, 4, 2))


@pytest.mark.sampled(every=24, rest=2)
@pytest.mark.parametrize("name", EVERY_OP)
def test_every_op_with_two_outputs(name):
    case = CASES[name](np.random.default_rng(1))
    options = {"constants": CONSTANTS[name], **case.kwargs}
    check_pair(*doubled(EVERY_OP[name]), *case.args, **options)
    if is_analytic(EVERY_OP[name].forward):
        check_complex_step(*doubled(EVERY_OP[name]), *case.args, **options)
    for change, says in [
        (lambda dy: Both(dy.whole, dy.half * 0), "of the outputs: right for dy.whole; wrong for dy.half"),
        (lambda dy: Both(dy.half, dy.whole), "of the outputs: wrong for dy.whole, dy.half"),
    ]:
        with pytest.raises(GradientError, match=re.escape(says)):
            check_vjp(*doubled(EVERY_OP[name], change), *case.args, **options)
