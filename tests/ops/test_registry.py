"""What holds for every op is tested for every op, by the one list of all ops."""

from inspect import signature
from pkgutil import walk_packages
from types import ModuleType
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minivit.audio
import minivit.ops
from minivit.check import CASES, CONSTANTS, cases, check_complex_step, check_pair
from minivit.check.draw import sizes
from minivit.every_op import EVERY_OP
from minivit.ops import input_grad
from minivit.ops.losses import LogitsGrad
from minivit.ops.registry import Op, modules_of, ops_of, public_functions
from minivit.types import Float, ndarray
from tests.ops.annotations import is_analytic, mismatches
from tests.ops.drawing import drawn_with

SEEDS = st.integers(0, 2**32 - 1)
every_op = pytest.mark.parametrize("name", EVERY_OP)


def check_everything(name, seed, sizes=sizes):
    with drawn_with(sizes=sizes):
        op, case = EVERY_OP[name], CASES[name](np.random.default_rng(seed))
    check_pair(op.forward, op.backward, *case.args, constants=CONSTANTS[name], seed=seed, **case.kwargs)
    if is_analytic(op.forward):
        check_complex_step(op.forward, op.backward, *case.args, constants=CONSTANTS[name], seed=seed, **case.kwargs)


@every_op
@given(seed=SEEDS)
def test_pair_keeps_its_promises(name, seed):
    check_everything(name, seed)


@pytest.mark.slow
@every_op
@settings(max_examples=200)
@given(seed=SEEDS)
def test_pair_keeps_its_promises_in_200_draws(name, seed):
    check_everything(name, seed)


def from_one(rng, count):
    """As sizes, but starting at 1: one batch of one, one token, one head, or a width of one."""
    return (1 + rng.permutation(count)).tolist()


@pytest.mark.sampled(every=3)
@every_op
@settings(max_examples=min(10, settings().max_examples))
@given(seed=SEEDS)
def test_pair_keeps_its_promises_with_an_axis_of_length_one(name, seed):
    """No case has such an axis otherwise: it is broadcast, and hides a sum that backward forgot."""
    check_everything(name, seed, from_one)


def test_of_one_there_is_nothing_to_choose():
    one, many = np.array([[-3.0], [1e300]]), np.random.default_rng(0).standard_normal((2, 5))
    np.testing.assert_array_equal(EVERY_OP["softmax"].forward(one)[0], 1)
    np.testing.assert_array_equal(EVERY_OP["log_softmax"].forward(one)[0], 0)
    np.testing.assert_array_equal(EVERY_OP["layer_norm"].forward(one, np.ones(1), np.full(1, 7.0))[0], 7)
    np.testing.assert_array_equal(EVERY_OP["attention"].forward(many, many[:1], many[1:])[0], many[[1, 1]])
    assert EVERY_OP["cross_entropy"].forward(one, np.array([0, 0]))[0] == 0


@every_op
@given(seed=SEEDS)
def test_fields_are_what_their_annotations_say(name, seed):
    op, case = EVERY_OP[name], CASES[name](np.random.default_rng(seed))
    y, cache = op.forward(*case.args, **case.kwargs)
    assert mismatches(cache, op.backward(y, cache)) == []


def test_annotations_are_really_checked():
    x, weight = np.zeros((2, 3, 5)), np.zeros((5, 7))
    _, cache = EVERY_OP["linear"].forward(x, weight)
    grads = EVERY_OP["linear"].backward(np.zeros((2, 3, 7)), cache)
    assert mismatches(cache, grads) == []
    assert len(mismatches(cache, grads._replace(weight=weight.T, bias=weight))) == 2


@every_op
@given(seed=SEEDS)
def test_case_has_no_two_axes_of_one_length(name, seed):
    """But those that the op itself says are: a matrix of tokens by tokens is ``"N N"``."""
    op, case = EVERY_OP[name], CASES[name](np.random.default_rng(seed))
    y, _ = op.forward(*case.args, **case.kwargs)
    call = signature(op.forward)
    hints = [get_args(call.return_annotation)[0], *(it.annotation for it in call.parameters.values())]
    for array, hint in zip((y, *case.args), hints, strict=False):
        lengths = [length for length in np.shape(array) if length != 1]
        assert len(lengths) - len(set(lengths)) <= repeated(hint), np.shape(array)


def repeated(hint: Any) -> int:
    """How many axes of an array have the name of another one."""
    for part in get_args(hint) or (hint,):
        if hasattr(part, "dim_str"):
            names = part.dim_str.split()
            return len(names) - len({*names})
    return 0


def test_real_and_complex_annotations_rule_the_complex_step_out():
    assert is_analytic(EVERY_OP["attention"].forward)
    assert is_analytic(EVERY_OP["frame"].forward)
    assert not is_analytic(EVERY_OP["rfft"].forward)
    assert not is_analytic(EVERY_OP["irfft"].forward)


SQUARE: Any = Float[ndarray, "N N"]


def test_which_axes_are_as_long_as_others():
    assert [repeated(hint) for hint in (Float[ndarray, "*B N F"], SQUARE | None, int, Any)] == [
        0,
        1,
        0,
        0,
    ]


def test_every_op_has_a_case():
    assert list(CASES) == list(EVERY_OP)


def test_the_files_of_cases_are_those_of_ops():
    files = {op.forward.__module__.removeprefix("minivit.").removeprefix("ops.") for op in EVERY_OP.values()}
    here = [info.name for info in walk_packages(cases.__path__, f"{cases.__name__}.")]
    assert {name.removeprefix(f"{cases.__name__}.") for name in here} == files | {"audio"}


def test_every_op_function_is_in_the_registry_and_exported():
    registered = {op.forward for op in EVERY_OP.values()} | {op.backward for op in EVERY_OP.values()}
    for package in (minivit.ops, minivit.audio):
        for module in modules_of(package.__name__, package.__path__):
            for name, function in public_functions(module).items():
                if name.endswith(("_forward", "_backward")):
                    assert function in registered, f"{name} in {module.__name__} is not in EVERY_OP"
                    assert getattr(package, name) is function


def test_no_name_is_given_twice():
    """Neither that of an op, here and there, nor that of a function of two modules of sound."""
    assert not minivit.ops.OPS.keys() & minivit.audio.OPS.keys()
    modules = modules_of(minivit.audio.__name__, minivit.audio.__path__)
    names = [name for module in modules for name in public_functions(module)]
    assert len(names) == len({*names})
    assert all(callable(getattr(minivit.audio, name)) for name in names)


def test_a_new_file_is_all_that_an_op_needs():
    """Its pair is found by its names; helpers stay where they are."""
    module = ModuleType("minivit.ops.new")
    exec("def twice_forward(x): ...\ndef twice_backward(dy, cache): ...\ndef _help(): ...\n", vars(module))
    for name in ("twice_forward", "twice_backward", "_help"):
        vars(module)[name].__module__ = module.__name__
    assert ops_of(module) == {"twice": Op(module.twice_forward, module.twice_backward)}
    assert list(public_functions(module)) == ["twice_forward", "twice_backward"]
    del vars(module)["twice_backward"]
    with pytest.raises(KeyError, match="twice_backward"):
        ops_of(module)


@every_op
def test_names_follow_the_convention(name):
    op = EVERY_OP[name]
    camel = "".join(part.capitalize() for part in name.split("_"))
    case = CASES[name](np.random.default_rng(0))
    y, cache = op.forward(*case.args, **case.kwargs)
    assert op.forward.__name__ == f"{name}_forward"
    assert op.backward.__name__ == f"{name}_backward"
    shared = {  # they keep what their twins keep
        "multi_head_attention": "AttentionCache",
        "window_reverse": "WindowPartitionCache",
    }
    assert type(cache).__name__ == shared.get(name, f"{camel}Cache")
    grads = op.backward(y, cache)
    shared = [LogitsGrad, *(it for it in vars(input_grad).values() if hasattr(it, "_fields"))]
    one = {field: grad for grad in shared for field in grad._fields}  # ops with one argument share one tuple
    assert type(grads).__name__.endswith("Grads") if len(grads) > 1 else type(grads) is one[grads._fields[0]]
