"""The official names for the parts of a :class:`minivit.models.PVT`, which timm does not have.

Source: the repository whai362/PVT. It numbers stages from 1, and resamples positions bilinearly.
"""

import re
from functools import partial

from minivit.models.pvt import PVT
from minivit.weights.places import Place, Table
from minivit.weights.positions import fit_positions

RESAMPLE = {"position": partial(fit_positions, as_many_fit=True, interpolation="bilinear", antialias=False)}


def table(model: PVT) -> Table:
    way = {name: Place((_official(name),)) for name in (*model.named_state(), *model.head_names)}
    return Table([way], resample=RESAMPLE)


def _official(name: str) -> str:
    found = re.match(r"stages\.(\d+)\.(patch_embed|pos_embed|cls_token|blocks)(.*)", name)
    if found is None:
        return name
    stage, part, rest = int(found[1]) + 1, found[2], found[3]
    return "cls_token" if part == "cls_token" else f"{part.removesuffix('s')}{stage}{rest}"
