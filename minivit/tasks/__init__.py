"""What a model is trained for: one task per file. A task knows the loss, what it is a mean over, and how to score."""

from minivit.tasks.boxes import OneBox
from minivit.tasks.classification import Classification
from minivit.tasks.contrastive import Contrastive
from minivit.tasks.distillation import Distillation
from minivit.tasks.masked import MaskedPatches
from minivit.tasks.task import Task

__all__ = ["Classification", "Contrastive", "Distillation", "MaskedPatches", "OneBox", "Task"]
