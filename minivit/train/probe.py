"""How much a linear classifier can read off features: logistic regression on what a frozen model makes of its inputs.

Source: Alain and Bengio 2017, "Understanding intermediate layers using linear classifier probes".
"""

from math import inf
from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_range, checked
from minivit.ops.linear import linear_backward, linear_forward
from minivit.ops.losses import cross_entropy_backward, cross_entropy_forward
from minivit.types import Float, Int, ndarray


class LinearProbe(NamedTuple):
    """A linear classifier: ``logits = features @ weight + bias``."""

    weight: Float[ndarray, "D classes"]
    bias: Float[ndarray, " classes"]

    def accuracy(self, features: Float[ndarray, "N D"], labels: Int[ndarray, " N"]) -> float:
        """Share of the features that it gives their class."""
        return float(np.mean((features @ self.weight + self.bias).argmax(1) == labels))


@checked
def linear_probe(features: Float[ndarray, "N D"], labels: Int[ndarray, " N"], *, penalty: float = 1e-4) -> LinearProbe:
    r"""Fit logistic regression to features that stay as they are.

    .. math:: \min_{W, \beta}\; \mathrm{CE}\left(\hat x W + \beta,\, y\right)
              + \tfrac12\, \text{penalty} \cdot \lVert W \rVert^2

    where :math:`\hat x` are the features, each with mean 0 and variance 1 over the samples, so that their units do not
    matter. The problem is convex: there is one answer, and L-BFGS finds it, with no learning rate to be chosen for one
    kind of features and against another.

    Parameters
    ----------
    features : (N, D)
    labels : integers (N,), from 0 on
    penalty : float
        Above 0, or there is no answer where a plane parts the classes.

    Returns
    -------
    LinearProbe
        For features in their own units.

    Raises
    ------
    ValueError
        If there are no samples, a label is below 0, features are not finite, or the penalty is not above 0.

    References
    ----------
    Liu and Nocedal 1989, "On the limited memory BFGS method for large scale optimization".
    """
    from scipy.optimize import minimize

    check_range("linear_probe: penalty", penalty, above=0, below=inf)
    if len(features) == 0:
        raise ValueError("linear_probe: there are no features; expected at least one sample")
    if not np.isfinite(features).all():
        raise ValueError("linear_probe: features are not all finite")
    classes = int(labels.max()) + 1
    check_numbers("linear_probe: label", labels, classes, "classes")
    x = features.astype(np.float64)
    mean, std = x.mean(0), x.std(0)
    std[std == 0] = 1  # a feature that is always the same says nothing
    x = (x - mean) / std

    def objective(flat: ndarray) -> tuple[float, ndarray]:
        weight, bias = np.split(flat.reshape(-1, classes), [x.shape[1]])
        logits, c_linear = linear_forward(x, weight, bias[0])
        loss, c_loss = cross_entropy_forward(logits, labels)
        (dlogits,) = cross_entropy_backward(1.0, c_loss)
        _, dweight, dbias = linear_backward(dlogits, c_linear)
        assert dbias is not None
        gradient = np.concatenate((dweight + penalty * weight, dbias[None]))
        return float(loss) + penalty / 2 * float((weight * weight).sum()), gradient.ravel()

    start = np.zeros((x.shape[1] + 1) * classes)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 1000})
    weight, bias = np.split(found.x.reshape(-1, classes), [x.shape[1]])
    weight = weight / std[:, None]
    return LinearProbe(weight, bias[0] - mean @ weight)
