r"""Parameters and MACs of a ResNet with bottlenecks, for comparison with a ViT.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition", table 1. The stride of a stage stands at the
3 x 3 convolution, as in torchvision and timm ("v1.5"); in the paper it stands at the first 1 x 1, which saves MACs.
"""

from collections.abc import Iterator
from typing import NamedTuple

from minivit.checked import checked
from minivit.cost.formulas.conv import conv_macs, conv_params
from minivit.types import Depths, Positive


class _Conv(NamedTuple):
    side: int  # of its output
    kernel: int
    in_chans: int
    out_chans: int


def _convs(depths: tuple[int, ...], img_size: int) -> Iterator[_Conv]:
    """The convolutions of a ResNet, each followed by a batch norm."""
    half = (img_size + 1) // 2
    yield _Conv(half, 7, 3, 64)
    side, width_in = (half + 1) // 2, 64  # behind the max pooling
    for stage, depth in enumerate(depths):
        width = 64 * 2**stage
        for block in range(depth):
            out = (side + 1) // 2 if stage and not block else side
            yield _Conv(side, 1, width_in, width)
            yield _Conv(out, 3, width, width)
            yield _Conv(out, 1, width, 4 * width)
            if not block:
                yield _Conv(out, 1, width_in, 4 * width)  # the shortcut
            side, width_in = out, 4 * width


def _features(depths: tuple[int, ...]) -> int:
    """Channels that the head reads."""
    widths = [4 * 64 * 2**stage for stage, depth in enumerate(depths) if depth]
    return widths[-1] if widths else 64


@checked
def resnet_params(depths: Depths = (3, 4, 6, 3), num_classes: Positive = 1000) -> int:
    """Parameters; the defaults are ResNet-50. Convolutions have no bias; each batch norm has gamma and beta."""
    convs = list(_convs(depths, 224))
    layers = sum(conv_params(c.kernel, c.in_chans, c.out_chans, bias=False) + 2 * c.out_chans for c in convs)
    return layers + (_features(depths) + 1) * num_classes


@checked
def resnet_macs(depths: Depths = (3, 4, 6, 3), *, img_size: Positive = 224, num_classes: Positive = 1000) -> int:
    """MACs for one square image; the defaults are ResNet-50."""
    layers = sum(conv_macs(c.side, c.kernel, c.in_chans, c.out_chans) for c in _convs(depths, img_size))
    return layers + _features(depths) * num_classes
