"""What models cost: counted by running their code on arrays without numbers; and the lectures' formulas and numbers."""

from minivit.cost import formats, formulas, functions, mixed_precision, transforms, ufuncs
from minivit.cost.budget import LargestBatch, largest_batch, largest_otherwise
from minivit.cost.errors import CostError
from minivit.cost.estimate import Estimate, estimate
from minivit.cost.measure import Measured, measure
from minivit.cost.of import Cost, of
from minivit.cost.parts import attention_macs, memory_parts
from minivit.cost.presets import presets
from minivit.cost.slides import slides
from minivit.cost.tally import Work

__all__ = ["Cost", "CostError", "Estimate", "Work", "estimate", "of", "presets", "slides"]
__all__ += ["LargestBatch", "Measured", "largest_batch", "largest_otherwise", "measure"]
__all__ += ["attention_macs", "memory_parts"]
__all__ += ["formats", "formulas", "mixed_precision"]
