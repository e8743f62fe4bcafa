"""The official names for the parts of a :class:`minivit.models.SwinIR`: they are ours.

Source: the repository JingyunLiang/SwinIR.
"""

from minivit.models.swin_ir import SwinIR
from minivit.weights.places import OF_WINDOWS, Place, Table

ASIDE = {r"relative_position_index$|attn_mask$": OF_WINDOWS}


def table(model: SwinIR) -> Table:
    return Table([{name: Place((name,)) for name in model.named_state()}], aside=ASIDE)
