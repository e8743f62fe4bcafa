"""The official names for the parts of a :class:`minivit.models.Swin`, which timm's loader takes for its own, too.

Source: the repository microsoft/Swin-Transformer. It merges patches at the end of a stage, where timm does it at the
beginning of the next.
"""

import re

from minivit.models.swin import Swin
from minivit.weights.places import Place, Table


def table(model: Swin) -> Table:
    return Table([{name: Place((_official(name),)) for name in (*model.named_state(), *model.head_names)}])


def _official(name: str) -> str:
    earlier = re.sub(r"(?<=^layers\.)\d+(?=\.downsample)", lambda stage: str(int(stage[0]) - 1), name)
    return earlier.replace("head.fc", "head")
