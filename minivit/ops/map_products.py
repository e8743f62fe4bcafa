"""Products of vectors with every place of a map: what a network that makes weights of masks ends in."""

from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.types import Float, ndarray


class MapProductsCache(NamedTuple):
    """What ``map_products_backward`` needs."""

    vectors: Float[ndarray, "B M C"]
    maps: Float[ndarray, "B Y X C"]


class MapProductsGrads(NamedTuple):
    """Gradients of the arguments of ``map_products_forward``, by name."""

    vectors: Float[ndarray, "B M C"]
    maps: Float[ndarray, "B Y X C"]


@checked
def map_products_forward(
    vectors: Float[ndarray, "B M C"], maps: Float[ndarray, "B Y X C"]
) -> tuple[Float[ndarray, "B M Y X"], MapProductsCache]:
    r"""How well each of M vectors fits each place of a map.

    .. math:: y_{b,m,i,j} = \sum_c v_{b,m,c}\, u_{b,i,j,c}

    That is a linear classifier of places, the weights of which another network has made for this map alone.

    References
    ----------
    Kirillov et al. 2023, "Segment Anything", section 3 and appendix A ("point-wise product"); before it in Cheng et al.
    2021, "MaskFormer", section 3.3.
    """
    B, Y, X, C = maps.shape
    y = vectors @ maps.reshape(B, Y * X, C).mT  # (B, M, Y*X)
    return y.reshape(B, vectors.shape[1], Y, X), MapProductsCache(vectors, maps)


@checked
def map_products_backward(dy: Float[ndarray, "B M Y X"], cache: MapProductsCache) -> MapProductsGrads:
    r"""Gradients of :func:`map_products_forward`: of a product, each factor gets the other one.

    .. math:: \bar v_{bmc} = \sum_{i,j} \bar y_{bmij}\, u_{bijc}, \qquad
              \bar u_{bijc} = \sum_m \bar y_{bmij}\, v_{bmc}
    """
    vectors, maps = cache
    (B, M, _), (_, Y, X, C) = vectors.shape, maps.shape
    check_shape("map_products_backward: dy", dy, (B, M, Y, X))
    rows = dy.reshape(B, M, Y * X)  # forward: y.reshape(B, vectors.shape[1], Y, X)
    dvectors = rows @ maps.reshape(B, Y * X, C)  # forward: y = vectors @ maps.reshape(B, Y * X, C).mT
    dmaps = (rows.mT @ vectors).reshape(maps.shape)  # forward: y = vectors @ maps.reshape(B, Y * X, C).mT
    return MapProductsGrads(dvectors, dmaps)
