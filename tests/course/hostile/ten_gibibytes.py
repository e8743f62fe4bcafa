import numpy as np


def linear_forward(x, weight, bias=None):
    return np.ones(10 * 2**30 // 8), None
