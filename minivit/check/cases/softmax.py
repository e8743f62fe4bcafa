"""Sample inputs of softmax."""

from minivit.check.draw import elementwise

softmax = log_softmax = elementwise
