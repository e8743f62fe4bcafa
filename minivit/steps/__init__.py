"""See every step: a model's forward and backward on one image, recorded, and a page that walks through it."""

from minivit.steps.page import Steps
from minivit.steps.steps import step, step_op

__all__ = ["Steps", "step", "step_op"]
