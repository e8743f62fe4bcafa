"""Sample inputs of logarithmic compression, at a safe distance from its kink."""

from minivit.check.cases.activations import relu as log_compression

__all__ = ["log_compression"]
