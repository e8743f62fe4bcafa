"""The version, in a module that imports nothing, so that all others can ask for it."""

__version__ = "0.1.0"
