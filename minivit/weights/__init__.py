"""Weights from elsewhere: the same Vision Transformer under the names and layouts of timm, Google and transformers."""

from minivit.weights.google import load_google
from minivit.weights.hf import load_hf
from minivit.weights.timm import load_timm, to_timm

__all__ = ["load_google", "load_hf", "load_timm", "to_timm"]
