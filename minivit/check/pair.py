"""Check an op: a forward and a backward function, against numerical derivatives and against the promises of a pair."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.check.arguments import Call
from minivit.check.compare import check_derivatives
from minivit.check.derivative import ComplexSteps, Differences, Slopes
from minivit.check.elements import compare_elements
from minivit.check.outputs import parts
from minivit.check.promises import check_float32, check_linear, check_memory, check_second_backward
from minivit.check.reals import as_complex, as_reals
from minivit.check.report import Hints, named_sizes
from minivit.check.trial import Trial


def check_vjp(
    forward: Callable,
    backward: Callable,
    *args: Any,
    constants: tuple[str, ...] = (),
    seed: int = 0,
    rtol: float = 1e-9,
    every_element: bool = False,
    **kwargs: Any,
) -> None:
    """Check the gradients of a pair against central differences, in float64 and with a random cotangent.

    >>> import numpy as np
    >>> from minivit.check import check_vjp
    >>> from minivit.ops import softmax_backward, softmax_forward
    >>> check_vjp(softmax_forward, softmax_backward, np.random.default_rng(0).standard_normal((3, 5)))

    Parameters
    ----------
    forward, backward : functions
        ``y, cache = forward(*args, **kwargs)`` and ``grads = backward(dy, cache)``, where ``grads`` is a NamedTuple
        whose fields are names of parameters of ``forward``. What it returns is checked. It must return the gradient of
        every floating-point array for a parameter that may be given by position, lists and dicts of them too.

        ``y`` is an array, or several outputs: a NamedTuple of them (or a tuple, list or dict, also in each other).
        Then ``dy`` is one of the same type. Outputs that are None, integers or bools have no gradient; in their places
        in ``dy`` stands None. Each output is checked alone, with zeros for all others, and then all together.
    *args
        Floating-point arrays are taken in float64, complex ones in complex128; plain floats and integers are options,
        whose gradients may be left out. The cotangent and the gradient of a complex number z are dL/dRe z + i dL/dIm z.
    constants : tuple of str
        Parameters of ``forward`` that need no gradient: ``("target",)`` for a loss.
    seed : int
        Of the random cotangent and directions.
    rtol : float
        How far a gradient may be off, relative to itself; what the numerical derivative may be off is added.
    every_element : bool
        Compare every single element, two calls of ``forward`` for each, beside the random directions.
    **kwargs
        Options of ``forward``. Each call gets a copy, so a random generator among them drops the same numbers again.
        (For an option that is called ``seed`` or the like, give ``functools.partial(forward, seed=3)``.)

    Raises
    ------
    GradientError
        If a gradient is wrong or left out, or if forward or backward writes into an array that was given to it.
    TypeError
        If an argument cannot be checked: float16 arrays, or integers where a gradient is returned.
    """
    trial = Trial(Call(forward, args, kwargs, constants), backward, seed)
    _check_slopes(trial, Differences, rtol, every_element)


def check_complex_step(
    forward: Callable,
    backward: Callable,
    *args: Any,
    constants: tuple[str, ...] = (),
    seed: int = 0,
    rtol: float = 1e-12,
    **kwargs: Any,
) -> None:
    """As :func:`check_vjp`, by the complex step: exact, for a forward that also computes with complex numbers.

    Its arguments and outputs themselves must be real.
    """
    _check_slopes(Trial(Call(forward, args, kwargs, constants), backward, seed), ComplexSteps, rtol)


def check_pair(
    forward: Callable, backward: Callable, *args: Any, constants: tuple[str, ...] = (), seed: int = 0, **kwargs: Any
) -> None:
    """Check everything that a pair promises; arguments and errors as for :func:`check_vjp`.

    - the gradients are right (:func:`check_vjp`) and have the shapes and dtypes of their arguments,
    - inputs, cache and ``dy`` are not written to,
    - a second backward gives the same bits, so nothing is used up,
    - the gradients share no memory with one another, so each may be changed by who receives it,
    - backward is linear in ``dy``, and in each part of it if there are several outputs,
    - float32 stays float32, and its gradients agree with those in float64 to 2e-5, or to what rounding makes of them.
    """
    call = Call(forward, args, kwargs, constants)
    trial = Trial(call, backward, seed)
    check_second_backward(trial)
    _check_slopes(trial, Differences, 1e-9)
    check_memory(trial)
    for one in (*trial.alone, trial):
        check_linear(one)
    trial32 = Trial(call, backward, seed, np.float32)
    for one, one32 in zip((*trial.alone, trial), (*trial32.alone, trial32), strict=True):
        check_float32(one, one32)


def gradient_errors(
    forward: Callable, backward: Callable, *args: Any, constants: tuple[str, ...] = (), seed: int = 0, **kwargs: Any
) -> dict[str, ndarray]:
    """For each gradient the error of every element: what backward returns minus the numerical derivative.

    ``minivit.plot.matrices.matrices`` draws them. At a kink of ``forward``, what lies between the slopes of its two
    sides has no error.

    >>> import numpy as np
    >>> from minivit.check import gradient_errors
    >>> from minivit.ops import softmax_backward, softmax_forward
    >>> errors = gradient_errors(softmax_forward, softmax_backward, np.zeros((2, 3)))
    >>> errors["x"].shape, bool(np.abs(errors["x"]).max() < 1e-8)
    ((2, 3), True)

    Parameters and errors as for :func:`check_vjp`; gradients must have the shapes of their arguments. Several outputs
    have a random cotangent each, and the gradients are those of all together.
    """
    trial = Trial(Call(forward, args, kwargs, constants), backward, seed)
    slopes = trial.slopes(Differences)
    errors: dict[str, ndarray] = {}
    for name, grad in trial.grads.items():
        if grad is None:
            continue
        grad = np.asarray(grad)
        _, got, expected, _ = compare_elements(slopes, name, grad, np.arange(grad.size))
        error = (got - expected).reshape(grad.shape)
        errors[name] = as_complex(error) if name in trial.split else error
    return errors


def _check_slopes(trial: Trial, kind: type[Slopes], rtol: float, every_element: bool = False) -> None:
    check_derivatives(
        trial,
        kind,
        rng=np.random.default_rng([trial.seed, 2]),
        rtol=rtol,
        every_element=every_element,
        hints=lambda trial: Hints(
            named_sizes(trial.args, trial.call.given),
            {name: as_reals(dy) for name, dy in parts(trial.dy, "dy")},
            split=trial.split,
        ),
    )
