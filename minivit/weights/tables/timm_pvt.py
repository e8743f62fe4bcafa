"""The official names for the parts of a :class:`minivit.models.PVT`, which timm does not have.

Source: the repository whai362/PVT. It numbers stages from 1, and resamples positions bilinearly.
"""

import re
from functools import partial
from math import prod

from numpy import ndarray

from minivit.layers.param import Param
from minivit.models.pvt import PVT
from minivit.weights.places import Grid, Place, Table
from minivit.weights.positions import fit_positions


def fit_stages(table: ndarray, param: Param, grid: Grid, *, as_many_fit: bool) -> ndarray:
    """A checkpoint's positions of one stage for the grid of our parameter.

    ``grid``, if it is given, is that of the checkpoint's first stage; each further one has half of its sides.
    """
    assert param.grid is not None
    patches = table.shape[1] - (param.shape[1] - prod(param.grid))
    while grid is not None and prod(grid) > patches:
        grid = grid[0] // 2, grid[1] // 2
    return fit_positions(table, param, grid, as_many_fit=as_many_fit, interpolation="bilinear", antialias=False)


def table(model: PVT) -> Table:
    way = {name: Place((_official(name),)) for name in (*model.named_state(), *model.head_names)}
    return Table([way], resample={"position": partial(fit_stages, as_many_fit=True)})


def _official(name: str) -> str:
    found = re.match(r"stages\.(\d+)\.(patch_embed|pos_embed|cls_token|blocks)(.*)", name)
    if found is None:
        return name
    stage, part, rest = int(found[1]) + 1, found[2], found[3]
    return "cls_token" if part == "cls_token" else f"{part.removesuffix('s')}{stage}{rest}"
