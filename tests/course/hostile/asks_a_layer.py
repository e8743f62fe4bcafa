from minivit.layers import Linear


def linear_forward(x, weight, bias=None):
    layer = Linear(*weight.shape).init(0, x.dtype)
    layer.weight.value = weight
    return layer.forward(x)
