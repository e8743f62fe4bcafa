def linear_forward(x, weight, bias=None):
    while True:
        pass
