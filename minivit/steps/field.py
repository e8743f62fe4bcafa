"""How much each patch of an image counts for each token, after each block: the receptive field, found by trying."""

from typing import Any

import numpy as np

from minivit.cost.tally import layers_in
from minivit.layers import Layer, PatchEmbed
from minivit.look.influence import influence
from minivit.models.model import Model
from minivit.ops.patches import patchify_forward, unpatchify_forward
from minivit.types import ndarray

MOST_PATCHES = 256
"""Of more, it would take longer than a reader waits: the model computes once for each."""

MOST_IN_FRONT = 8
"""Tokens that are no patches."""

MOST_WORK = 2**28
"""Patches times parameters, for the same reason."""


def patch_embed_of(model: Layer) -> PatchEmbed | None:
    """The layer that cuts the image into patches, if there is one."""
    return next((layer for _, layer in layers_in(model) if isinstance(layer, PatchEmbed)), None)


def receptive_field(model: Model, image: ndarray) -> dict[str, Any]:
    """Of each block of tokens the influence (N, patches) of each patch on each token, or why there is none.

    A patch is changed to the mean of the image, and the model computes again. Blocks behind a merging of patches, whose
    tokens are others, are left out.
    """
    embed = patch_embed_of(model)
    if embed is None:
        return {"reason": f"{type(model).__name__} has no layer PatchEmbed, which cuts an image into patches"}
    number, channels = embed.num_patches, image.shape[-1]
    if number > MOST_PATCHES or number * model.num_params > MOST_WORK:
        return {"reason": f"it is found by changing each of the {number} patches, which takes too long here"}
    patches, _ = patchify_forward(image, patch_size=embed.patch_size)  # (1, n, P*P*C)
    changed, places = np.repeat(patches, number, axis=0), np.arange(number)
    changed[places, places] = np.tile(image.mean((0, 1, 2)), patches.shape[-1] // channels)
    images, _ = unpatchify_forward(changed, img_size=embed.img_size, patch_size=embed.patch_size)
    shares = influence(model, image, images, every_token=True)
    of_patches = {name: share for name, share in shares.items() if 0 <= share.shape[1] - number < MOST_IN_FRONT}
    blocks = {name: np.float32(share.T) for name, share in of_patches.items()}
    return {"blocks": blocks} if blocks else {"reason": "no block has a token for each patch"}
