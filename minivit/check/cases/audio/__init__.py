"""Sample inputs for every op of :mod:`minivit.audio`, file by file."""
