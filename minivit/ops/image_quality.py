"""How near an image is to another one: PSNR, and SSIM. They are measured, not learned by, so they have no backward."""

from math import inf
from typing import Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.checked import checked
from minivit.types import Positive, Range, ndarray

Level = Annotated[float, Range(above=0, below=inf)]

GAUSSIAN, SIGMA = 11, 1.5
"""Side and standard deviation, in pixels, of the Gaussian window of Wang et al. 2004."""


@checked
def psnr(images: ndarray, targets: ndarray, *, data_range: Level) -> ndarray:
    r"""Peak signal-to-noise ratio of each image, in decibels.

    .. math:: 10 \log_{10} \frac{R^2}{\frac{1}{n} \sum_i (x_i - t_i)^2}

    over all pixels and channels of an image. A mean over images is taken of these decibels, as papers take it.

    Parameters
    ----------
    images, targets : (..., Y, X, C)
        Of one shape, of any numbers; what is computed is computed in float64.
    data_range : float
        R, from black to white: 255 for pixels of 8 bits, 1 where these are divided by 255.

    Returns
    -------
    (...) : infinite where nothing differs.

    Raises
    ------
    ValueError
        If the shapes differ, there are no pixels, or the range is not above 0.
    """
    x, t = _two("psnr", images, targets)
    error = np.square(x - t).mean(axis=(-3, -2, -1))
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(data_range**2 / error))


@checked
def ssim(
    images: ndarray,
    targets: ndarray,
    *,
    data_range: Level,
    win_size: Positive = 7,
    gaussian_weights: bool = False,
    use_sample_covariance: bool = True,
) -> ndarray:
    r"""Structural similarity of each image: 1 where nothing differs.

    .. math:: \frac{(2 \mu_x \mu_t + C_1)(2 \sigma_{xt} + C_2)}
                   {(\mu_x^2 + \mu_t^2 + C_1)(\sigma_x^2 + \sigma_t^2 + C_2)}, \qquad
              C_1 = (0.01 R)^2,\; C_2 = (0.03 R)^2

    with means, variances and the covariance of a window of both images, and then its mean over all windows that lie
    within the image, and over channels, each of which is looked at alone. So it is in scikit-image, whose options these
    are; other programs fill up what a window lacks at the edges, and turn colours to grey first.

    Parameters
    ----------
    images, targets : (..., Y, X, C)
    data_range : float
        R, as of :func:`psnr`.
    win_size : int
        Side of a square window, odd, of equal weights. Of no effect with ``gaussian_weights``.
    gaussian_weights : bool
        A Gaussian of standard deviation 1.5 in a window of 11 x 11, as in the paper.
    use_sample_covariance : bool
        Variances over n - 1 instead of n, of n pixels in a window, whatever their weights. False in the paper.

    Returns
    -------
    (...)

    Raises
    ------
    ValueError
        If the shapes differ, the window is even or larger than the image, or the range is not above 0.

    References
    ----------
    Wang et al. 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity", equation 13.
    """
    x, t = _two("ssim", images, targets)
    side = GAUSSIAN if gaussian_weights else win_size
    if side % 2 == 0:
        raise ValueError(f"ssim: win_size is {side}; expected an odd number")
    rows, columns = x.shape[-3:-1]
    if min(rows, columns) < side:
        raise ValueError(f"ssim: images are {rows} x {columns} pixels, smaller than the window of {side} x {side}")
    places = np.arange(side) - side // 2
    weights = np.exp(-0.5 * (places / SIGMA) ** 2) if gaussian_weights else np.ones(side)
    weights /= weights.sum()
    mean_x, mean_t = _means(x, weights), _means(t, weights)
    unbiased = side * side / (side * side - 1) if use_sample_covariance and side > 1 else 1.0
    variance_x = unbiased * (_means(x * x, weights) - mean_x * mean_x)
    variance_t = unbiased * (_means(t * t, weights) - mean_t * mean_t)
    covariance = unbiased * (_means(x * t, weights) - mean_x * mean_t)
    C1, C2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    above = (2 * mean_x * mean_t + C1) * (2 * covariance + C2)
    below = (mean_x * mean_x + mean_t * mean_t + C1) * (variance_x + variance_t + C2)
    return np.asarray((above / below).mean(axis=(-3, -2, -1)))


def _two(label: str, images: ndarray, targets: ndarray) -> tuple[ndarray, ndarray]:
    if images.shape != targets.shape:
        raise ValueError(f"{label}: images have shape {images.shape}, targets {targets.shape}; expected the same")
    if images.ndim < 3 or 0 in images.shape[-3:]:
        raise ValueError(f"{label}: images have shape {images.shape}; expected (..., rows, columns, channels)")
    return images.astype(np.float64), targets.astype(np.float64)


def _means(x: ndarray, weights: ndarray) -> ndarray:
    """The weighted mean of every window that lies within the image: along rows, then along columns."""
    x = sliding_window_view(x, len(weights), axis=-3) @ weights
    return sliding_window_view(x, len(weights), axis=-2) @ weights
