"""Small model families for the tasks that the house's own models do not take: they need no line outside this file."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers import Block, Linear, Param, run, run_backward
from minivit.layers.initial import normal
from minivit.layers.patch_embed import PatchEmbed
from minivit.models import MODELS, Model, ViT
from minivit.types import Size


class TwoViews(Model):
    """The same Vision Transformer looks at both views of each image: (B, 2, Y, X, C) -> (B, 2, num_classes)."""

    def __init__(
        self,
        *,
        img_size: Size = 16,
        in_chans: int = 3,
        num_classes: int = 16,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
        seed: int = 0,
        dtype: str | type = "float32",
    ) -> None:
        self.encoder = ViT(
            **SMALL,
            img_size=img_size,
            in_chans=in_chans,
            num_classes=num_classes,
            drop_rate=drop_rate,
            drop_path_rate=drop_path_rate,
            dtype=dtype,
        )
        self.init(seed, dtype)

    def forward(self, views, *, rng=None):
        outputs, c_encoder = self.encoder.forward(views.reshape(-1, *views.shape[2:]), rng=rng)
        return outputs.reshape(len(views), 2, -1), (c_encoder, views.shape)

    def backward(self, dy, cache):
        c_encoder, shape = cache
        return self.encoder.backward(dy.reshape(-1, dy.shape[2]), c_encoder).reshape(shape)


class FillIn(Model):
    """Predicts all patches; those that are masked it sees as one learned token."""

    def __init__(
        self,
        *,
        img_size: Size = 16,
        in_chans: int = 3,
        seed: int = 0,
        dtype: str | type = "float32",
    ) -> None:
        self.patch_embed = PatchEmbed(img_size, 4, in_chans, 24)
        rows, columns = self.patch_embed.grid_size
        self.mask_token = Param((24,), "width", normal(0.02))
        self.pos_embed = Param((rows * columns, 24), "position width", normal(0.02))
        self.blocks = [Block(24, 3, mlp_ratio=2.0) for _ in range(2)]
        self.head = Linear(24, 16 * in_chans)
        self.init(seed, dtype)

    def forward(self, images, mask, *, rng=None):
        x, c_embed = self.patch_embed.forward(images)
        x = np.where(mask[..., None], self.mask_token.value, x) + self.pos_embed.value
        x, c_blocks = run(self.blocks, x, rng=rng)
        y, c_head = self.head.forward(x)
        return y, (c_embed, mask, c_blocks, c_head)

    def backward(self, dy, cache):
        c_embed, mask, c_blocks, c_head = cache
        dx = run_backward(self.blocks, self.head.backward(dy, c_head), c_blocks)
        self.pos_embed.add_grad(dx.sum(0))
        self.mask_token.add_grad(dx[mask].sum(0))
        return self.patch_embed.backward(np.where(mask[..., None], 0, dx), c_embed), None


class BoxAndClass(NamedTuple):
    """Outputs of :class:`TwoHeads`."""

    box: ndarray
    logits: ndarray


class TwoHeads(Model):
    """One body, two heads: where it is, and what it is."""

    def __init__(
        self,
        *,
        img_size: Size = 16,
        in_chans: int = 3,
        num_classes: int = 10,
        seed: int = 0,
        dtype: str | type = "float32",
    ) -> None:
        self.body = ViT(**SMALL, img_size=img_size, in_chans=in_chans, num_classes=0, dtype=dtype)
        self.where, self.what = Linear(24, 4), Linear(24, num_classes)
        self.init(seed, dtype)

    def forward(self, images, *, rng=None):
        h, c_body = self.body.forward(images, rng=rng)
        box, c_where = self.where.forward(h)
        logits, c_what = self.what.forward(h)
        return BoxAndClass(box, logits), (c_body, c_where, c_what)

    def backward(self, dy, cache):
        c_body, c_where, c_what = cache
        dh = self.where.backward(dy.box, c_where) + self.what.backward(dy.logits, c_what)
        return self.body.backward(dh, c_body)


SMALL = {"patch_size": 4, "embed_dim": 24, "depth": 2, "num_heads": 3, "mlp_ratio": 2.0}

FAMILIES = {"two_views": TwoViews, "fill_in": FillIn, "two_heads": TwoHeads}
for (
    _family
) in FAMILIES.values():  # other tests ask for all models of the house: these are none, but where they are used
    del MODELS[_family.__name__]
