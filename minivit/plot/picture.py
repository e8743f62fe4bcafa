"""What every picture is drawn on. The only file of minivit that imports matplotlib at its top."""

from io import BytesIO
from typing import Any

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
