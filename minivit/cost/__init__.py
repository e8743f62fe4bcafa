"""What models cost: counted by running their code on arrays without numbers; and the lectures' formulas and numbers."""

from minivit.cost import formats, formulas, mixed_precision
from minivit.cost.estimate import Estimate, estimate
from minivit.cost.meta import CostError
from minivit.cost.of import Cost, of
from minivit.cost.slides import slides

__all__ = ["Cost", "CostError", "Estimate", "estimate", "formats", "formulas", "mixed_precision", "of", "slides"]
