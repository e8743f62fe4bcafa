"""What else files of the authors of CycleMLP hold, whose names for :class:`minivit.models.CycleMLP` are ours.

Source: the repository ShoufaChen/CycleMLP, where the shift of channels is a deformable convolution with given offsets.
"""

from minivit.models.cycle_mlp import CycleMLP
from minivit.weights.places import Table


def table(model: CycleMLP) -> Table:
    return Table([], aside={r"sfc_[hw]\.offset$": "it is computed from the number of channels, not learned"})
