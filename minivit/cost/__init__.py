"""What models cost: counted by running their code on arrays without numbers; and the lectures' formulas and numbers."""

from minivit.cost import formats, formulas, mixed_precision
from minivit.cost.budget import LargestBatch, largest_batch, largest_otherwise
from minivit.cost.estimate import Estimate, estimate
from minivit.cost.measure import Measured, measure
from minivit.cost.meta import CostError
from minivit.cost.of import Cost, of
from minivit.cost.parts import attention_macs, memory_parts
from minivit.cost.presets import presets
from minivit.cost.slides import slides

__all__ = [
    "Cost",
    "CostError",
    "Estimate",
    "LargestBatch",
    "Measured",
    "attention_macs",
    "estimate",
    "formats",
    "formulas",
    "largest_batch",
    "largest_otherwise",
    "measure",
    "memory_parts",
    "mixed_precision",
    "of",
    "presets",
    "slides",
]
