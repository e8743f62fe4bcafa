"""Nests: lists, tuples and dicts, in each other to any depth, with something in them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

NESTS = (list, tuple, dict)


def entries(nest: Any) -> Iterable[tuple[Any, Any]]:
    """What stands in a list, tuple or dict, by place or key."""
    return nest.items() if isinstance(nest, dict) else enumerate(nest)


def named_leaves(nest: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its path: ``blocks.3.attn``; what stands in a NamedTuple goes by the names of its fields."""
    if not isinstance(nest, NESTS):
        yield name, nest
        return
    fields = getattr(nest, "_fields", None)
    for key, item in zip(fields, nest, strict=True) if fields else entries(nest):
        yield from named_leaves(item, f"{name}.{key}" if name else str(key))


def mapped(function: Callable[..., Any], nest: Any, *others: Any, nests: tuple[type, ...] = NESTS) -> Any:
    """The same nest with ``function(leaf)`` for each leaf; of several nests of one form, with that of their leaves.

    Parameters
    ----------
    nests : tuple of types
        What is gone into; everything else is a leaf.
    """
    if not isinstance(nest, nests):
        return function(nest, *others)
    if isinstance(nest, dict):
        return {
            key: mapped(function, item, *(other[key] for other in others), nests=nests) for key, item in nest.items()
        }
    items = [mapped(function, *leaves, nests=nests) for leaves in zip(nest, *others, strict=True)]
    return type(nest)(*items) if hasattr(nest, "_fields") else type(nest)(items)
