"""The decoder of UPerNet: what is seen at several scales, from the coarsest map down to the finest."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.layers.conv2d import Conv2d
from minivit.layers.conv_module import ConvModule, ConvModuleCache
from minivit.layers.initial import normal
from minivit.layers.layer import Layer
from minivit.layers.sequence import run, run_backward, run_beside, run_beside_backward
from minivit.ops.adaptive_pool import (
    AdaptiveAvgPool2dCache,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
)
from minivit.ops.conv import Conv2dCache
from minivit.ops.resize import ResizeCache, resize_backward, resize_forward


class PoolingBranchCache(NamedTuple):
    """Caches of the steps of :class:`PoolingBranch`."""

    pool: AdaptiveAvgPool2dCache
    conv: ConvModuleCache
    resize: ResizeCache


class PoolingBranch(Layer):
    """A map pooled to k x k places, mapped, and made as large again: what there is in each k-th part of the image.

    Source: Zhao et al. 2017, "Pyramid Scene Parsing Network", section 3.2.
    """

    def __init__(self, in_chans: int, out_chans: int, pool_scale: int) -> None:
        self.pool_scale = pool_scale
        self.conv = ConvModule(in_chans, out_chans, 1)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PoolingBranchCache]:
        """(B, Y, X, C) -> (B, Y, X, out_chans)."""
        h, c_pool = adaptive_avg_pool2d_forward(x, output_size=self.pool_scale)  # (B, k, k, C)
        h, c_conv = self.conv.forward(h)
        y, c_resize = resize_forward(h, size=x.shape[1:3])
        return y, PoolingBranchCache(c_pool, c_conv, c_resize)

    def backward(self, dy: ndarray, cache: PoolingBranchCache) -> ndarray:
        (dh,) = resize_backward(dy, cache.resize)
        dh = self.conv.backward(dh, cache.conv)
        (dx,) = adaptive_avg_pool2d_backward(dh, cache.pool)
        return dx


class UPerHeadCache(NamedTuple):
    """Caches of the steps of :class:`UPerHead`; lists go from the finest map to the coarsest."""

    psp_modules: list[PoolingBranchCache]
    bottleneck: ConvModuleCache
    lateral_convs: list[ConvModuleCache]
    down: list[ResizeCache]
    fpn_convs: list[ConvModuleCache]
    up: list[ResizeCache]
    fpn_bottleneck: ConvModuleCache
    classifier: Conv2dCache


class UPerHead(Layer):
    r"""Pyramid pooling of the coarsest map; from there downwards, each map takes in the one above; all see each pixel.

    .. math:: T_n = f([S_n, \operatorname{PPM}(S_n)]), \qquad T_i = l_i(S_i) + \operatorname{up}(T_{i+1}), \qquad
              Y = g([c_1(T_1), \operatorname{up}(c_2(T_2)), \dots, \operatorname{up}(T_n)])

    of the maps S from the finest, 1, to the coarsest, n. f, l, c and g are convolutions, of 1 x 1 pixels (l) or 3 x 3,
    each with its norm and ReLU; "up" is bilinear, [ ] puts channels side by side, and one more linear map makes logits
    of Y.

    Parameters
    ----------
    in_chans : sequence of int
        Channels of the maps, the finest first.
    channels : int
        Of all that is made of them.
    pool_scales : sequence of int
        k of each branch of the pyramid pooling, k x k places.

    References
    ----------
    Xiao et al. 2018, "Unified Perceptual Parsing for Scene Understanding", section 3.1, figure 4; Lin et al. 2017,
    "Feature Pyramid Networks for Object Detection". Where they are silent, as in MMSegmentation: which maps are
    convolved, in which order channels stand, and that pixels' outer edges coincide (``align_corners=False``).
    """

    def __init__(self, in_chans: Sequence[int], num_classes: int, *, channels: int, pool_scales: Sequence[int]) -> None:
        *finer, last = in_chans
        self.psp_modules = [PoolingBranch(last, channels, scale) for scale in pool_scales]
        self.bottleneck = ConvModule(last + len(pool_scales) * channels, channels, 3)
        self.lateral_convs = [ConvModule(chans, channels, 1) for chans in finer]
        self.fpn_convs = [ConvModule(channels, channels, 3) for _ in finer]
        self.fpn_bottleneck = ConvModule(len(in_chans) * channels, channels, 3)
        # small, so that an untrained model holds all classes for equally likely: its loss is about log(num_classes)
        self.classifier = Conv2d(channels, num_classes, 1, initial=normal(0.02))

    def forward(self, maps: Sequence[ndarray], *, rng: Generator | None = None) -> tuple[ndarray, UPerHeadCache]:
        """Maps (B, Y, X, C), the finest first -> logits (B, Y, X, num_classes) of the finest."""
        *finer, last = maps
        pooled, c_psp = run_beside(self.psp_modules, [last] * len(self.psp_modules))
        top, c_bottleneck = self.bottleneck.forward(np.concatenate((last, *pooled), axis=-1))
        laterals, c_lateral = run_beside(self.lateral_convs, finer)
        tops, c_down = [top], []
        for lateral in reversed(laterals):  # from the coarsest to the finest
            above, c_resize = resize_forward(tops[0], size=lateral.shape[1:3])
            tops, c_down = [lateral + above, *tops], [c_resize, *c_down]
        convolved, c_fpn = run_beside(self.fpn_convs, tops[:-1])
        h, c_up = [], []
        for x in (*convolved, top):
            y, c_resize = resize_forward(x, size=maps[0].shape[1:3])
            h, c_up = [*h, y], [*c_up, c_resize]
        fused, c_fpn_bottleneck = self.fpn_bottleneck.forward(np.concatenate(h, axis=-1))
        logits, c_classifier = self.classifier.forward(fused)
        return logits, UPerHeadCache(
            psp_modules=c_psp,
            bottleneck=c_bottleneck,
            lateral_convs=c_lateral,
            down=c_down,
            fpn_convs=c_fpn,
            up=c_up,
            fpn_bottleneck=c_fpn_bottleneck,
            classifier=c_classifier,
        )

    def backward(self, dlogits: ndarray, cache: UPerHeadCache) -> list[ndarray]:
        """Add to the gradients of the parameters; return those of the maps, the finest first."""
        dfused = self.classifier.backward(dlogits, cache.classifier)
        dh = self.fpn_bottleneck.backward(dfused, cache.fpn_bottleneck)
        dh = np.split(dh, len(cache.up), axis=-1)  # forward: np.concatenate(h, axis=-1)
        *dconvolved, dtop = (resize_backward(dy, c_resize).x for dy, c_resize in zip(dh, cache.up, strict=True))
        dlaterals = run_beside_backward(self.fpn_convs, dconvolved, cache.fpn_convs)
        for i, c_resize in enumerate(cache.down):  # from the finest to the coarsest
            above = resize_backward(dlaterals[i], c_resize).x  # forward: [lateral + above, *tops]
            if i + 1 < len(dlaterals):
                dlaterals[i + 1] = dlaterals[i + 1] + above
            else:
                dtop = dtop + above
        dfiner = run_beside_backward(self.lateral_convs, dlaterals, cache.lateral_convs)
        dlast = self.bottleneck.backward(dtop, cache.bottleneck)
        channels = self.bottleneck.conv.weight.shape[-1]
        own = dlast.shape[-1] - channels * len(self.psp_modules)
        dlast, dpooled = dlast[..., :own], dlast[..., own:]  # forward: np.concatenate((last, *pooled), axis=-1)
        dpooled = [dpooled[..., i : i + channels] for i in range(0, dpooled.shape[-1], channels)]
        return [*dfiner, sum(run_beside_backward(self.psp_modules, dpooled, cache.psp_modules), dlast)]


class FCNHeadCache(NamedTuple):
    """Caches of the steps of :class:`FCNHead`."""

    convs: list[ConvModuleCache]
    classifier: Conv2dCache


class FCNHead(Layer):
    """A convolution of 3 x 3 pixels, with its norm and ReLU, and a linear map to classes: logits of one map.

    Beside a larger decoder it has a map that is not the last learn what a pixel is ("auxiliary head").

    Source: Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation"; beside another decoder, Zhao et
    al. 2017, "Pyramid Scene Parsing Network", section 3.3.
    """

    def __init__(self, in_chans: int, num_classes: int, *, channels: int) -> None:
        self.convs = [ConvModule(in_chans, channels, 3)]
        self.classifier = Conv2d(channels, num_classes, 1, initial=normal(0.02))

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, FCNHeadCache]:
        """(B, Y, X, C) -> logits (B, Y, X, num_classes)."""
        h, c_convs = run(self.convs, x)
        logits, c_classifier = self.classifier.forward(h)
        return logits, FCNHeadCache(c_convs, c_classifier)

    def backward(self, dlogits: ndarray, cache: FCNHeadCache) -> ndarray:
        dh = self.classifier.backward(dlogits, cache.classifier)
        return run_backward(self.convs, dh, cache.convs)
