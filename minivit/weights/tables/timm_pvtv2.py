"""The official names for the parts of a :class:`minivit.models.PVTv2`, which timm's loader takes for its own, too.

Source: the repository whai362/PVT, which numbers stages from 1.
"""

import re

from minivit.models.pvt_v2 import PVTv2
from minivit.weights.places import Place, Table

FIRST_PATCHES = re.compile(r"^patch_embed\.")
IN_STAGE = re.compile(r"^stages\.(\d+)\.(downsample|blocks|norm)")
PARTS = {"downsample": "patch_embed", "blocks": "block", "norm": "norm"}


def table(model: PVTv2) -> Table:
    return Table([{name: Place((_official(name),)) for name in (*model.named_state(), *model.head_names)}])


def _official(name: str) -> str:
    name = FIRST_PATCHES.sub("patch_embed1.", name)
    name = IN_STAGE.sub(lambda found: f"{PARTS[found[2]]}{int(found[1]) + 1}", name)
    return name.replace("dwconv", "dwconv.dwconv")
