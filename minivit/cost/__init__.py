"""What models cost: counted by running their code on arrays without numbers; and the lectures' formulas and numbers."""

from minivit.cost import formats, formulas, functions, mixed_precision
from minivit.cost.errors import CostError
from minivit.cost.estimate import Estimate, estimate
from minivit.cost.of import Cost, of
from minivit.cost.slides import slides
from minivit.cost.tally import Work

__all__ = ["Cost", "CostError", "Estimate", "Work", "estimate", "of", "slides"]
__all__ += ["formats", "formulas", "mixed_precision"]
