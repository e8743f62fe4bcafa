"""Complex arguments and outputs: <dy, y> = Re(sum(conj(dy) y)), and cotangents are dL/dRe + i dL/dIm, as in PyTorch."""

import re
from typing import NamedTuple

import numpy as np
import pytest

from minivit.check import GradientError, check_complex_step, check_layer, check_pair, check_vjp, gradient_errors
from minivit.check.reals import as_complex, as_reals
from minivit.layers import Layer, Linear
from tests.check.small_pairs import grads

RNG = np.random.default_rng(0)


def drawn(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


Z, W = drawn(3, 5), drawn(5)


def times_forward(z, w):
    return z * w, (z, w)


def times_backward(dy, cache):
    z, w = cache
    return grads(z=dy * w.conj(), w=(dy * z.conj()).sum(0))


def size_forward(z):
    return z.real**2 + z.imag**2, z


def size_backward(dy, z):
    return grads(z=2 * dy * z)


def turned_forward(x):
    """Real numbers as angles."""
    return np.cos(x) + 1j * np.sin(x), x


def turned_backward(dy, x):
    return grads(x=(dy.conj() * 1j * (np.cos(x) + 1j * np.sin(x))).real)


class Polar(NamedTuple):
    size: np.ndarray
    direction: np.ndarray


def polar_forward(z):
    size = np.abs(z)
    return Polar(size, z / size), (z, size)


def polar_backward(dy, cache, factor=1):
    z, size = cache
    u = z / size
    ddirection = (dy.direction - u * (u.conj() * dy.direction).real) / size
    return grads(z=dy.size * u + factor * ddirection)


def test_right_pairs_are_right():
    for seed in range(20):
        check_pair(times_forward, times_backward, Z, W, seed=seed)
        check_pair(size_forward, size_backward, Z, seed=seed)
        check_pair(turned_forward, turned_backward, RNG.standard_normal((2, 3)), seed=seed)
        check_pair(polar_forward, polar_backward, Z, seed=seed)
        check_vjp(times_forward, times_backward, Z, W, seed=seed, every_element=True)
        check_pair(times_forward, times_backward, RNG.standard_normal((3, 5)) + 0j, W, seed=seed)


def test_a_conjugate_that_was_forgotten_is_named():
    def backward(dy, cache):
        z, w = cache
        return grads(z=dy * w, w=(dy * z.conj()).sum(0))

    with pytest.raises(GradientError) as caught:
        check_pair(times_forward, backward, Z, W)
    said = str(caught.value)
    assert "the gradient of z is wrong" in said
    assert re.search(r"worst: index \(\d, \d\), its (real|imaginary) part, got", said)
    assert "right: w" in said

    with pytest.raises(
        GradientError, match="the complex conjugate of what it should be: imaginary parts have the wrong"
    ):
        check_pair(size_forward, lambda dy, z: grads(z=2 * dy * z.conj()), Z)


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("real part", lambda g: g.real + 0j),
        ("imaginary part", lambda g: 1j * g.imag),
        ("turned", lambda g: 1j * g),
        ("halved imaginary part", lambda g: g.real + 0.5j * g.imag),
        ("one number", lambda g: g + np.eye(3, 5) * (np.arange(5) == 1) * 1e-6j),
        ("negative", np.negative),
    ],
)
def test_a_wrong_part_is_seen(what, wrong):
    with pytest.raises(GradientError, match="the gradient of z is wrong"):
        check_vjp(size_forward, lambda dy, z: grads(z=wrong(2 * dy * z)), Z)


def test_each_of_several_outputs_is_tried_alone():
    with pytest.raises(GradientError, match=r"of the outputs: right for dy\.size; wrong for dy\.direction"):
        check_pair(polar_forward, lambda dy, cache: polar_backward(dy, cache, 2), Z)


def test_errors_are_complex_as_the_argument_is():
    def backward(dy, cache):
        right = times_backward(dy, cache)
        right.z[1, 2] += 3 - 4j
        return right

    errors = gradient_errors(times_forward, backward, Z, W)
    assert errors["z"].shape == Z.shape
    assert errors["z"].dtype == np.complex128
    assert errors["z"][1, 2] == pytest.approx(3 - 4j, abs=1e-8)
    errors["z"][1, 2] = 0
    assert max(np.abs(error).max() for error in errors.values()) < 1e-8


@pytest.mark.parametrize(
    ("forward", "backward", "args", "says"),
    [
        (
            times_forward,
            lambda dy, c: grads(z=(dy * c[1].conj()).real, w=c[1]),
            (Z, W),
            "gradient of z is float64; the",
        ),
        (
            turned_forward,
            lambda dy, x: grads(x=dy),
            (W.real,),
            "the gradient of x is complex128; the argument is float64",
        ),
        (
            lambda z: (z.astype(np.complex128), z),
            lambda dy, z: grads(z=dy.astype(z.dtype)),
            (Z,),
            "forward makes complex128",
        ),
        (
            lambda x: (x + 0j, x.dtype),
            lambda dy, kind: grads(x=(dy * dy).real.astype(kind)),
            (W.real,),
            "gradient of x",
        ),
        (size_forward, lambda dy, z: grads(z=np.abs(dy) * z), (Z,), "gradient of z is"),
        (times_forward, lambda dy, c: grads(z=dy * c[1].conj(), w=None), (Z, W), "the gradient of w is None"),
        (times_forward, lambda dy, c: grads(z=dy, w=dy[0]), (Z, W), "share memory|gradient of z is wrong"),
        (
            lambda z: (np.where(z == z[0], np.nan, z), z),
            times_backward,
            (Z,),
            r"forward gives \(nan\+0j\) at index \(0, 0\)",
        ),
    ],
)
def test_other_promises_hold_too(forward, backward, args, says):
    with pytest.raises(GradientError, match=says):
        check_pair(forward, backward, *args)


def test_writing_is_seen():
    def backward(dy, cache):
        dy *= 2
        return times_backward(dy, cache)

    with pytest.raises(GradientError, match="writes into"):
        check_pair(times_forward, backward, Z, W)


@pytest.mark.parametrize(
    ("forward", "args", "which"), [(times_forward, (Z, W), "z is"), (turned_forward, (W.real,), "outputs are")]
)
def test_the_complex_step_is_for_real_numbers(forward, args, which):
    backward = times_backward if len(args) == 2 else turned_backward
    with pytest.raises(TypeError, match=f"{which} complex; the complex step is for real arguments and outputs"):
        check_complex_step(forward, backward, *args)


class Turn(Layer):
    """A real weight for every frequency of a spectrum."""

    def __init__(self, factor=1.0):
        super().__init__()
        self.gain, self.factor = Linear(5, 1), factor

    def forward(self, X):
        weight = self.gain.weight.value[:, 0]
        return X * weight, (X, weight)

    def backward(self, dy, cache):
        X, weight = cache
        self.gain.weight.grad[:, 0] += self.factor * (dy.conj() * X).real.sum(0)
        return dy * weight


def test_a_layer_may_take_spectra():
    check_layer(Turn().init(seed=0), Z)
    with pytest.raises(GradientError, match=r"gain\.weight is wrong"):
        check_layer(Turn(2.0).init(seed=0), Z)


def test_parts_stand_side_by_side():
    for z in (Z, Z.T, Z[::2, 1::2], drawn(1, 4)[0, :1], np.array(2 + 3j)):
        reals = as_reals(z)
        assert reals.shape == (*z.shape, 2)
        assert np.shares_memory(reals, z)
        np.testing.assert_array_equal(reals[..., 1], np.imag(z))
        np.testing.assert_array_equal(as_complex(reals), z)
    assert as_reals(Z.real).shape == Z.shape
    assert as_complex(np.zeros((3, 2), np.float32)).dtype == np.complex64
