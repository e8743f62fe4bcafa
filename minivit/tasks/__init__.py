"""What a model is trained for: one task per file. A task knows the loss, what it is a mean over, and how to score.

Every task that a module here defines is found; a new file needs no other.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from minivit.tasks.task import Task

for _module in iter_modules(__path__, __name__ + "."):
    for _name, _item in vars(import_module(_module.name)).items():
        if isinstance(_item, type) and issubclass(_item, Task):
            globals()[_name] = _item

NAMED: dict[str, type[Task]] = {
    name.lower(): item
    for name, item in sorted(globals().items())
    if isinstance(item, type) and issubclass(item, Task) and item.usual_model
}
"""Those that ``minivit train --task`` knows, by the word that it takes."""

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


__all__ = ["NAMED", "Task"]
