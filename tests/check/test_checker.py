"""The checker itself: what it accepts, what it leaves alone, what it says."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from minivit.check import GradientError, check_complex_step, check_layer, check_pair, check_vjp
from minivit.layers import Layer, Linear
from minivit.ops import linear_backward, linear_forward, softmax_backward, softmax_forward

X = np.random.default_rng(0).standard_normal((3, 5))


class Grads(NamedTuple):
    a: Any
    b: Any


def add_forward(a, b):
    return a + b, None


def test_accepts_what_is_right():
    check_vjp(softmax_forward, softmax_backward, X)
    check_complex_step(softmax_forward, softmax_backward, X)
    check_pair(softmax_forward, softmax_backward, X.astype(np.float32))


def test_complex_step_sees_what_differences_cannot():
    def almost(dy, cache):
        return softmax_backward(dy * (1 + 1e-10), cache)

    check_vjp(softmax_forward, almost, X)
    with pytest.raises(GradientError, match="gradient of x is wrong"):
        check_complex_step(softmax_forward, almost, X)


def test_shared_memory_is_caught():
    check_pair(add_forward, lambda dy, cache: Grads(dy, dy.copy()), X, X)
    with pytest.raises(GradientError, match="gradients of a and b share memory"):
        check_pair(add_forward, lambda dy, cache: Grads(dy, dy), X, X)


def test_what_is_not_linear_in_dy_is_caught():
    def clipped(dy, cache):
        dy = np.clip(dy, -4, 4)
        return Grads(dy, dy.copy())

    check_vjp(add_forward, clipped, X, X)
    with pytest.raises(GradientError, match="not linear in dy"):
        check_pair(add_forward, clipped, X, X)


def test_forward_must_keep_float32():
    def forward(a, b):
        return (a + b).astype(np.float64), None

    with pytest.raises(GradientError, match="from float32 forward makes float64"):
        check_pair(forward, lambda dy, cache: Grads(dy, dy.copy()), X, X)


def test_forward_must_not_write_to_its_input():
    def forward(a, b):
        a += b
        return a, None

    with pytest.raises(GradientError, match="forward: writes into an input"):
        check_vjp(forward, lambda dy, cache: Grads(dy, dy), X, X)


def test_other_errors_pass_through():
    with pytest.raises(ValueError, match="weight has shape"):
        check_vjp(linear_forward, linear_backward, X, X)


def test_gradient_of_an_argument_that_was_none():
    def backward(dy, cache):
        return linear_backward(dy, cache)._replace(bias=dy.sum(0))

    with pytest.raises(GradientError, match="bias is not None"):
        check_vjp(linear_forward, backward, X, X.T, None)


def test_arrays_are_left_as_they_were():
    x, weight = X.copy(), X.T.copy()
    check_pair(linear_forward, linear_backward, x, weight)
    assert x.flags.writeable
    assert weight.flags.writeable
    np.testing.assert_array_equal(x, X)


def test_message_of_a_large_argument_names_a_sampled_place():
    x = np.random.default_rng(0).standard_normal((101, 103))
    with pytest.raises(GradientError, match="of 1000 places tried: index"):
        check_vjp(softmax_forward, lambda dy, cache: softmax_backward(2 * dy, cache), x)


class Scale(Linear):
    """A Linear whose backward is replaced."""

    def __init__(self, wrong):
        super().__init__(5, 7)
        self.wrong = wrong
        self.init()

    def backward(self, dy, cache):
        return self.wrong(self, dy, cache)


def assigns(layer, dy, cache):
    dx, dweight, dbias = linear_backward(dy, cache)
    layer.weight.grad, layer.bias.grad = dweight, dbias
    return dx


def forgets_bias(layer, dy, cache):
    dx, dweight, _ = linear_backward(dy, cache)
    layer.weight.grad += dweight
    return dx


def moves_param(layer, dy, cache):
    layer.weight.value *= 2
    return Linear.backward(layer, dy, cache)


def scales_input(layer, dy, cache):
    return 2 * Linear.backward(layer, dy, cache)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (assigns, r"gradient of weight again \(\+=\)"),
        (forgets_bias, "(?s)gradient of bias is wrong.*all zeros"),
        (moves_param, "writes into an input"),
        (scales_input, "(?s)gradient of input 0 is wrong.*constant factor 2"),
    ],
)
def test_wrong_layer_is_caught(wrong, message):
    with pytest.raises(GradientError, match=message):
        check_layer(Scale(wrong), X)


def test_layer_is_left_as_it_was():
    layer = Linear(5, 7).init(seed=0)
    layer.weight.grad[0] = 1
    before = layer.state_dict()
    check_layer(layer, X)
    assert layer.weight.dtype == np.float32
    assert layer.weight.grad.sum() == 7
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_forgotten_scale_of_one_is_caught():
    class Shift(Layer):
        def __init__(self):
            from minivit.layers.initial import ones
            from minivit.layers.param import Param

            self.gamma = Param((5,), "out", ones)
            self.init()

        def forward(self, x):
            return x * self.gamma.value, x

        def backward(self, dy, cache):
            self.gamma.grad += (dy * cache).sum(0)
            return dy  # right only while gamma is 1

    with pytest.raises(GradientError, match="input 0 is wrong"):
        check_layer(Shift(), X)
