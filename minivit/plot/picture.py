"""What every picture is drawn on. The only file of minivit that imports matplotlib at its top."""

import os
import sys
from contextlib import suppress
from io import BytesIO
from typing import Any

if "matplotlib" not in sys.modules:
    # Where MPLBACKEND names a backend that is not installed, such as that of a notebook which has started this process,
    # matplotlib refuses to be imported. Backends are for windows, and pictures need none; so it is told afterwards.
    backend = os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if backend:
        os.environ["MPLBACKEND"] = backend
        with suppress(ValueError):
            matplotlib.rcParams["backend"] = backend

from matplotlib.axes import Axes
from matplotlib.figure import Figure


class Picture(Figure):
    """A Figure that pyplot knows nothing of, so it needs no display and is freed when nobody holds it any more.

    It shows itself at the end of a notebook cell.
    """

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()


class Panel(Axes):
    """The panel of a Picture that has but one. At the end of a notebook cell it is shown, not named ``<Axes: ...>``."""

    def _repr_png_(self) -> bytes:
        picture: Any = self.figure
        return picture._repr_png_()
