"""What a docstring says of arguments and in examples is true. (Formulas and links: `make docs`.)"""

import doctest
import re
from importlib import import_module
from inspect import getdoc, isclass, isfunction, signature
from pkgutil import walk_packages

import pytest

import minivit
from tests.sampled import REST

SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+$|\Z)", re.M | re.S)


def members(name):
    """Functions and classes that a module defines, and the methods of these classes, by name."""
    module = import_module(name)
    for item in vars(module).values():
        if (isfunction(item) or isclass(item)) and item.__module__ == name:
            yield item
            if isclass(item):
                yield from (part for part in vars(item).values() if isfunction(part) and part.__module__ == name)


def documented(item):
    """The names in the section Parameters."""
    found = SECTION.search(getdoc(item) or "")
    heads = re.findall(r"^(\S[^:\n]*?)(?: *:.*)?$", found[1], re.M) if found else []
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


MODULES = [
    "minivit",
    *(info.name for info in walk_packages(minivit.__path__, "minivit.") if "__main__" not in info.name),
]
WITH_PARAMETERS = {
    f"{name}.{item.__qualname__}": item for name in MODULES for item in members(name) if documented(item)
}


def test_many_docstrings_name_their_parameters():
    assert len(WITH_PARAMETERS) > 70


@pytest.mark.parametrize("item", WITH_PARAMETERS.values(), ids=WITH_PARAMETERS)
def test_parameters_are_those_of_the_signature_(item):
    assert set(documented(item)) <= set(signature(item).parameters)


def test_a_parameter_that_there_is_not_is_found():
    def scale(x, by):
        """Multiply.

        Parameters
        ----------
        x : array
            What is multiplied.
        factor : float
            What by.

        Returns
        -------
        y : array
        """

    assert documented(scale) == ["x", "factor"]
    assert not set(documented(scale)) <= set(signature(scale).parameters)


EXAMPLES = {
    f"{name}.{item.__qualname__}": (name, item)
    for name in MODULES
    for item in members(name)
    if ">>>" in (getdoc(item) or "")
}
SLOW = "minivit.cost.budget.largest_batch"


def test_there_are_examples():
    assert len(EXAMPLES) > 30
    assert SLOW in EXAMPLES


@pytest.mark.parametrize("where", [pytest.param(where, marks=REST if where == SLOW else ()) for where in EXAMPLES])
def test_an_example_gives_what_it_says(where, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    name, item = EXAMPLES[where]
    names, said = {**vars(import_module(name))}, []
    example = doctest.DocTestParser().get_doctest(getdoc(item) or "", names, where, None, None)
    assert not doctest.DocTestRunner().run(example, out=said.append).failed, "".join(said)
