import minivit.ops


def linear_forward(x, weight, bias=None):
    return minivit.ops.OPS["linear"].forward(x, weight, bias)
