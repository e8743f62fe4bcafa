"""What no other family has, seen in a trained model: one picture of each for the gallery."""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.models import (
    GMLP,
    PVT,
    S2MLP,
    SASA,
    AttentionAugmentedResNet,
    CycleMLP,
    HybridViT,
    ImageGPT,
    LRNet,
    Mixer,
    MViT,
    NonLocalResNet,
    PVTv2,
    ResMLP,
    ResNet,
    SamViT,
    Swin,
    SwinV2,
    ViT,
)
from minivit.ops.resize import resize_forward
from minivit.ops.shift_channels import cycle_offsets, shift_channels_forward, spatial_shifts
from minivit.ops.windows import window_partition_forward
from minivit.plot import drawn, paired_units, panels, principal_filters
from minivit.plot.figure import SMALL


class Special(NamedTuple):
    """What a picture shows, what is to be seen in it, and the picture."""

    title: str
    says: str
    figure: Any


class Looked(NamedTuple):
    """A trained model, an image as it is, and the cache of its forward; iGPT has none of these two."""

    model: Any
    image: Any = None
    cache: Any = None


def having(field: str, cache: Any) -> Iterator[Any]:
    """The caches in a cache that have this field, in order."""
    if field in getattr(cache, "_fields", ()):
        yield cache
    elif isinstance(cache, (dict, list, tuple)):
        for part in cache.values() if isinstance(cache, dict) else cache:
            yield from having(field, part)


def weights_in(cache: Any) -> Iterator[ndarray]:
    """The attention maps of all blocks, in order."""
    return (found.weights[0] for found in having("weights", cache))


def middle_of(side: int) -> int:
    """The place in the middle of a square map, counted row by row."""
    return side // 2 * side + side // 2


def from_the_middle(weights: ndarray) -> ndarray:
    """(H, N, S) or (N, S) -> (H, Y, X): how much the place in the middle looks at each, by head."""
    queries, keys = (int(n**0.5) for n in weights.shape[-2:])
    places = weights[..., weights.shape[-2] - queries**2 :, weights.shape[-1] - keys**2 :]  # behind a class token
    return places[..., middle_of(queries), :].reshape(-1, keys, keys)


def by_head(it: Looked, title: str, says: str) -> Special:
    """What the heads of the first and of the last block with attention look at."""
    found = [from_the_middle(weights) for weights in weights_in(it.cache)]
    maps = {f"first, head {h + 1}": share for h, share in enumerate(found[0])}
    maps |= {f"last, head {h + 1}": share for h, share in enumerate(found[-1])}
    return Special(title, says, panels({"image": it.image, **maps}))


def by_block(it: Looked, title: str, says: str) -> Special:
    """What each block looks at from the middle, the mean of its heads, and how many keys there are."""
    found = [from_the_middle(weights) for weights in weights_in(it.cache)]
    maps = {f"{i + 1}: {share[0].size} keys": share.mean(0) for i, share in enumerate(found)}
    return Special(title, says, panels({"image": it.image, **maps}))


def in_windows(it: Looked, title: str, says: str) -> Special:
    """The same where keys are those of the window around the middle; of a global block there is one window."""
    maps = {}
    for i, (attn, weights) in enumerate(zip(having("partition", it.cache), weights_in(it.cache), strict=True)):
        cut = attn.partition
        numbers = np.arange(1.0, 1 + np.prod(cut.map_size)).reshape(1, *cut.map_size, 1)  # 0 fills what is padded
        windows, _ = window_partition_forward(numbers, window_size=cut.window_size, shift_size=cut.shift_size)
        windows = windows[0, :, :, 0].astype(int)
        ((window, place),) = np.argwhere(windows == 1 + middle_of(cut.map_size[0]))
        seen = np.zeros(1 + numbers.size)
        seen[windows[window]] = weights[window, :, place].mean(0)
        maps[f"block {i + 1}"] = seen[1:].reshape(cut.map_size)
    return Special(title, says, panels({"image": it.image, **maps}))


def of_tokens(it: Looked, title: str, says: str, weights: list[ndarray]) -> Special:
    """Of weights (tokens in, tokens out), for the first and the last block: what each of four tokens is made of."""
    side = int(len(weights[0]) ** 0.5)
    places = [(y, x) for y in (side // 4, 3 * side // 4) for x in (side // 4, 3 * side // 4)]
    maps = {}
    for name, weight in (("first", weights[0]), ("last", weights[-1])):
        for y, x in places:
            maps[f"{name}: {y}, {x}"] = weight[:, side * y + x].reshape(side, side)
    return Special(title, says, panels(maps, signed=True))


def of_vit(it: Looked) -> Special:
    return by_head(
        it,
        "What the patch in the middle looks at",
        "Every head of every block may look at all patches: no one tells it which are near.",
    )


def of_hybrid(it: Looked) -> Special:
    return by_head(
        it,
        "What the place in the middle looks at",
        "What it looks at are not patches, but what convolutions have found in and around them.",
    )


def of_augmented(it: Looked) -> Special:
    return by_head(
        it,
        "What the heads beside a convolution look at from the middle",
        "A convolution sees the eight neighbours; the channels beside it, which attention has made, see the whole map.",
    )


def of_non_local(it: Looked) -> Special:
    return by_block(
        it,
        "What the place in the middle looks at in the two non-local blocks",
        "All places of the map, one of four of which is left as a key. Everything else in this network is convolution.",
    )


def of_mvit(it: Looked) -> Special:
    return by_block(
        it,
        "What the place in the middle looks at, block by block",
        "Keys are pooled, so that the many places of the first blocks look at few; queries are where maps shrink.",
    )


def of_pvt(it: Looked) -> Special:
    return by_block(
        it,
        "What the place in the middle looks at, block by block",
        "A convolution makes few keys of many places; every place may still look at the whole image.",
    )


def of_pvt_v2(it: Looked) -> Special:
    first, last = (stage.blocks[0].mlp.dwconv.weight.value for stage in (it.model.stages[0], it.model.stages[-1]))
    maps = {f"first, {c + 1}": first[:, :, 0, c] for c in range(4)} | {
        f"last, {c + 1}": last[:, :, 0, c] for c in range(4)
    }
    return Special(
        "Depthwise kernels inside the MLPs, of four channels of the first and of the last stage",
        "Beside what PVT does, each channel of an MLP sees its neighbours, and no table of positions is needed.",
        panels(maps, signed=True),
    )


def of_swin(it: Looked) -> Special:
    return in_windows(
        it,
        "What the place in the middle looks at, block by block",
        "Only what is in its window, and in every second block the windows are shifted.",
    )


def of_sam(it: Looked) -> Special:
    return in_windows(
        it,
        "What the place in the middle looks at, block by block",
        "Most blocks look into windows that never move; few look at everything, and carry news from window to window.",
    )


def of_swin_v2(it: Looked) -> Special:
    attn = it.model.layers[0].blocks[0].attn
    M, L = attn.cut["window_size"]
    larger = copy(attn)
    larger.cut = {**attn.cut, "window_size": (2 * M, 2 * L)}
    larger.pretrained_window_size = (M, L)
    maps = {}
    for layer in (attn, larger):
        side = layer.cut["window_size"][0]
        bias, _ = layer.bias_forward()
        for h, head in enumerate(bias):
            maps[f"head {h + 1}, {side} x {side}"] = head[middle_of(side)].reshape(side, side) - head.mean()
    return Special(
        "What a head adds for the way from the middle to each place of a window, and of one twice as wide",
        "No table, but a small network has learned it: so it can be asked about ways that it has never seen.",
        panels(maps, signed=True),
    )


def of_sasa(it: Looked) -> Special:
    maps = {}
    for i, weights in enumerate(weights_in(it.cache)):
        Y, X, _, S = weights.shape
        side = int(S**0.5)
        maps[f"{i + 1}: {Y} x {X}"] = weights[Y // 2, X // 2].mean(0).reshape(side, side)
    return Special(
        "Weights of the window around the middle, layer by layer",
        "A convolution has the same weights everywhere and for every image. These are of this place of this image.",
        panels({"image": it.image, **maps}),
    )


def of_lr_net(it: Looked) -> Special:
    prior, _ = it.model.layer1[0].conv2.gp.forward()  # (S, H)
    stem, _ = it.model.conv1.lr.gp.forward()
    maps = {}
    for name, heads in (("stem", stem.T), ("first", prior.T)):
        side = int(heads.shape[1] ** 0.5)
        maps |= {f"{name}, {h + 1}": head.reshape(side, side) - head.mean() for h, head in enumerate(heads[:4])}
    return Special(
        "The geometric prior: what each group of channels adds for the way to a place of its window",
        "A small network makes it of the way alone. What the two places look like is added to that.",
        panels(maps, signed=True),
    )


def of_resnet(it: Looked) -> Special:
    filters, shares = principal_filters(it.model.conv1.weight.value)
    colors = np.round(127.5 + 127.5 * filters / np.abs(filters).max((1, 2, 3), keepdims=True)).astype(np.uint8)
    return Special(
        "Principal filters of the first convolution, and how much of all filters is in them",
        "The same 3 x 3 weights at every place: edges and colours. What is farther away is seen by what comes behind.",
        panels({f"{i + 1}: {shares[i]:.0%}": colors[i] for i in range(9)}),
    )


def of_mixer(it: Looked) -> Special:
    side = it.model.stem.grid_size[0]
    maps, cosines = {}, []
    for name, block in (("first", it.model.blocks[0]), ("last", it.model.blocks[-1])):
        weight = block.mlp_tokens.fc1.weight.value  # (patches, units)
        pairs = paired_units(weight, side)[:2]
        maps |= {f"{name}, unit {unit}": weight[:, unit].reshape(side, side) for unit in pairs.ravel()}
        unit = weight / np.linalg.norm(weight, axis=0)
        cosines += [unit[:, a] @ unit[:, b] for a, b in pairs]
    return Special(
        "Which patches hidden units of token mixing listen to, the smoothest of the first and of the last block",
        "A weight for each patch, the same for every channel and for every image. Side by side stand two that are most "
        f"opposed (their cosines are {min(cosines):.1f} to {max(cosines):.1f}).",
        panels(maps, signed=True),
    )


def nearness(weight: ndarray) -> float:
    """How large the weights of a token's neighbours are, eight of them inside a map, beside those of all tokens."""
    side = int(len(weight) ** 0.5)
    places = np.indices((side, side)).reshape(2, -1)
    apart = np.abs(places[:, :, None] - places[:, None]).max(0)
    sizes = np.abs(weight)
    return sizes[apart == 1].mean() / sizes.mean()


def of_res_mlp(it: Looked) -> Special:
    weights = [block.linear_tokens.weight.value for block in it.model.blocks]
    first, last = nearness(weights[0]), nearness(weights[-1])
    return of_tokens(
        it,
        "Weights of four tokens over all others",
        "One matrix mixes the patches, and nothing says which of them are neighbours. Learned weights of neighbours "
        f"are, on average, {first:.1f} times as large as all weights in the first block, {last:.1f} times in the last.",
        weights,
    )


def of_gmlp(it: Looked) -> Special:
    return of_tokens(
        it,
        "Weights of the gates of four tokens over all others",
        "Half of the channels, mixed over the patches by this matrix, are a gate for the other half.",
        [block.mlp_channels.gate.proj.weight.value for block in it.model.blocks],
    )


def of_s2_mlp(it: Looked) -> Special:
    small, _ = resize_forward(it.image[None].astype(np.float32), size=(8, 8))
    shifted, _ = shift_channels_forward(small.mean(-1, keepdims=True).repeat(4, -1), offsets=spatial_shifts(4))
    ways = {f"quarter {i + 1}": shifted[0, :, :, i] for i in range(4)}
    return Special(
        "Each quarter of the channels moves one place another way",
        "That is all that places learn of each other. It costs no multiplication and no weight.",
        panels({"image": it.image, "8 x 8": small[0].mean(-1), **ways}),
    )


def of_cycle_mlp(it: Looked) -> Special:
    maps = {}
    for along, name in enumerate(("rows", "columns")):
        steps = cycle_offsets(12, steps=3, along=along)[:, along]
        maps[f"along {name}"] = (np.arange(-1, 2)[:, None] == steps).astype(float)
    figure = panels(maps)
    for ax in figure.axes[: len(maps)]:
        ax.set_xlabel("channel", fontsize=SMALL)
        ax.set_yticks(range(3), ["before", "here", "behind"], fontsize=SMALL)
    return Special(
        "Of which place each of twelve channels is taken",
        "Channels take turns: one place before, here, one place further. It costs what a map of one place costs.",
        figure,
    )


def of_image_gpt(it: Looked) -> Special:
    return Special(
        "Images that the model draws",
        "Pixel by pixel, each of 64 colours, in the order in which it reads.",
        drawn(it.model.decode(it.model.sample(8, seed=1))),
    )


OF: dict[type, Callable[[Looked], Special]] = {
    ViT: of_vit,
    HybridViT: of_hybrid,
    AttentionAugmentedResNet: of_augmented,
    NonLocalResNet: of_non_local,
    MViT: of_mvit,
    PVT: of_pvt,
    PVTv2: of_pvt_v2,
    Swin: of_swin,
    SamViT: of_sam,
    SwinV2: of_swin_v2,
    SASA: of_sasa,
    LRNet: of_lr_net,
    ResNet: of_resnet,
    Mixer: of_mixer,
    ResMLP: of_res_mlp,
    GMLP: of_gmlp,
    S2MLP: of_s2_mlp,
    CycleMLP: of_cycle_mlp,
    ImageGPT: of_image_gpt,
}


def special_of(model: Any, image: ndarray | None = None, pixels: ndarray | None = None) -> Special:
    """The picture of a model's family.

    Parameters
    ----------
    model : Model
    image : uint8 (Y, X, C)
        What it is shown; iGPT, which draws, needs none.
    pixels : array (1, Y, X, C)
        The same as the model reads it.
    """
    cache = None if pixels is None else model.forward(pixels)[1]
    return OF[type(model)](Looked(model, image, cache))
