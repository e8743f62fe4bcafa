"""What the files of others call the parts of our models: a file SOURCE_MODEL.py for each, which nothing else names.

It has a function ``table(model)``. timm's names are ours: it needs none.
"""

from importlib import import_module
from pkgutil import iter_modules

from minivit.models import MODELS, Model
from minivit.weights.places import Table


def find(source: str, model: Model) -> Table:
    """The table of this source for this model, found by the name of its class, or of the class that it is made from.

    Raises
    ------
    TypeError
        If there is none.
    """
    files = {info.name for info in iter_modules(__path__)}
    known = sorted(name for name in MODELS if f"{source}_{name.lower()}" in files)
    names = [base.__name__ for base in type(model).__mro__ if base.__name__ in known]
    if not names:
        raise TypeError(f"load_{source} knows {', '.join(known)}, not {type(model).__name__}")
    return import_module(f"{__name__}.{source}_{names[0].lower()}").table(model)
