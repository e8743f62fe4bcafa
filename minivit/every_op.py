"""Every op there is: those of images and tokens, and those of sound."""

from minivit import audio, ops
from minivit.ops.registry import Op

EVERY_OP: dict[str, Op] = ops.OPS | audio.OPS
"""What checks, tests, costs and exercises say about "every op", they say by this one list."""
