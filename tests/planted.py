"""Mistakes planted into the text of a module: whoever has one of its functions has it with the mistake."""

import inspect
from collections.abc import Callable, Iterator
from functools import reduce
from importlib import import_module
from types import CodeType, ModuleType
from typing import NamedTuple

import pytest

from minivit.models import MODELS, PRESETS
from tests.unchecked import without_annotations


class Mistake(NamedTuple):
    """In which module of minivit, what stands there, what in its place, and what is to fail then."""

    module: str
    right: str
    wrong: str
    caught_by: Callable[[], None]


def plant(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test: the code of each function that is another now, and the values of the module."""
    module = import_module(f"minivit.{mistake.module}")
    text = inspect.getsource(module)
    assert mistake.right in text, f"{module.__name__} has no {mistake.right!r} any more"
    wrong = text.replace(mistake.right, mistake.wrong, 1)
    right_codes, wrong_codes = (dict(functions(compile(it, str(module.__file__), "exec"))) for it in (text, wrong))
    changed = [name for name, code in right_codes.items() if wrong_codes[name] != code]
    for name in changed:
        function = inspect.unwrap(reduce(getattr, name.split("."), module))
        monkeypatch.setattr(function, "__code__", wrong_codes[name])
    for name, value in values(module, wrong).items():
        monkeypatch.setattr(module, name, value)


def must_be_caught(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the mistake, what is to fail then does, by an assertion."""
    plant(mistake, monkeypatch)
    with pytest.raises(AssertionError):
        without_annotations(mistake.caught_by)()


def functions(code: CodeType) -> Iterator[tuple[str, CodeType]]:
    """Of a module, those with a name and those of its classes, by their names."""
    for inner in filter(inspect.iscode, code.co_consts):
        if not inner.co_flags & inspect.CO_OPTIMIZED:  # the body of a class
            yield from functions(inner)
        elif not inner.co_name.startswith("<"):
            yield inner.co_qualname, inner


def values(module: ModuleType, text: str) -> dict[str, object]:
    """What a module with this text has and ours has not, but functions and classes; nobody finds its models."""
    other = ModuleType(module.__name__)
    other.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    models, presets = MODELS.copy(), PRESETS.copy()
    exec(compile(text, str(module.__file__), "exec"), other.__dict__)
    MODELS.clear()
    MODELS.update(models)
    PRESETS.clear()
    PRESETS.update(presets)
    return {
        name: value
        for name, value in vars(other).items()
        if not name.startswith("__") and not inspect.isfunction(value) and not inspect.isclass(value)
        if value is not vars(module).get(name)
    }
