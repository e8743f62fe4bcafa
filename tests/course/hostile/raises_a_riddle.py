class RiddleError(Exception):
    def __str__(self):
        raise RuntimeError


def linear_forward(x, weight, bias=None):
    raise RiddleError
