"""timm's MViTv2, and MViT as its authors' code (PySlowFast) has it, for tools/make_fixtures.py."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from _timm import timm
from torch import Tensor, nn
from torch.nn import Conv2d, LayerNorm, Linear, Module, Parameter

SMALL: dict[str, Any] = {"in_chans": 1, "num_classes": 5, "mlp_ratio": 1.5}
TIMM = {
    # maps of 10 x 10 and 5 x 5, keys of 3 x 3: strides do not divide them
    "timm_mvitv2": {"img_size": 40, "depths": (1, 2), "embed_dim": 4, "num_heads": 1, "stride_q": (1, 2)},
    "timm_mvitv2_cls": {
        "img_size": 32,
        "depths": (1, 2, 1),
        "embed_dim": (4, 6, 8),
        "num_heads": (1, 2, 4),
        "stride_q": (1, 2, 2),
        "expand_attn": False,
        "use_cls_token": True,
        "use_abs_pos": True,
    },
    # without relative positions, timm takes maps that are not square
    "timm_mvitv2_max": {
        "img_size": (33, 24),
        "depths": (2, 1),
        "embed_dim": (4, 8),
        "num_heads": (2, 2),
        "stride_q": ((1, 1), (1, 2)),
        "stride_kv": ((3, 2), (2, 1)),
        "mode": "max",
        "rel_pos_type": "none",
        "qkv_bias": False,
    },
    "timm_mvitv2_avg": {
        "img_size": 24,
        "depths": (1, 1),
        "embed_dim": 4,
        "num_heads": 2,
        "stride_q": (1, 2),
        "stride_kv_adaptive": 2,
        "mode": "avg",
        "residual_pooling": False,
        "use_cls_token": True,
        "global_pool": "avg",
    },
}
FIRST: dict[str, Any] = {
    "img_size": (27, 40),
    "depths": (1, 2, 1),
    "embed_dim": (4, 8, 12),
    "num_heads": (1, 2, 3),
    "stride_q": (1, 2, 2),
    "expand_attn": False,
    "use_cls_token": True,
    "use_abs_pos": True,
    "sep_pos_embed": True,
    "residual_pooling": False,
    "pool_all_q": False,
    "rel_pos_type": "none",
    "inner_norm_eps": 1e-5,
}
OF_MODEL = ("img_size", "in_chans", "num_classes", "global_pool")


def mvits(record: Callable[..., None], randomize: Callable[[Module], Module]) -> None:
    for name, options in TIMM.items():
        torch.manual_seed(13)
        config = SMALL | options
        theirs = {key: value for key, value in config.items() if key not in OF_MODEL}
        for key in ("stride_q", "stride_kv"):  # which are pairs there
            if key in theirs:
                theirs[key] = tuple(step if isinstance(step, tuple) else (step, step) for step in theirs[key])
        if "stride_kv_adaptive" in theirs:
            theirs["stride_kv_adaptive"] = (theirs["stride_kv_adaptive"],) * 2
        of_model = {key: config[key] for key in OF_MODEL if key in config}
        of_stages = timm.models.mvitv2.MultiScaleVitCfg(**theirs)
        model = randomize(timm.models.mvitv2.MultiScaleVit(of_stages, **of_model))
        constants = {}
        if name == "timm_mvitv2":  # its relative positions for images of another size, by timm's own loader
            larger = timm.models.mvitv2.MultiScaleVit(of_stages, **(of_model | {"img_size": 56}))
            resized = timm.models.mvitv2.checkpoint_filter_fn(dict(model.state_dict()), larger)
            constants = {f"resized/{key}": table for key, table in resized.items() if "rel_pos" in key}
        save(record, name, model, config, constants)
    torch.manual_seed(14)
    config = SMALL | FIRST
    save(record, "mvit_first", randomize(FirstMViT(config)), config)


def save(record: Callable[..., None], name: str, model: Module, config: dict[str, Any], constants: Any = None) -> None:
    size = config["img_size"]
    rows, columns = size if isinstance(size, tuple) else (size, size)
    x = torch.randn(2, 1, rows, columns, requires_grad=True)
    record(name, lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), constants, config=config)


class FirstMViT(Module):
    """The first version, for images, with timm's names: written after PySlowFast's, block by block and head by head."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        dims, heads, depths = config["embed_dim"], config["num_heads"], config["depths"]
        rows, columns = (-(-side // 4) for side in config["img_size"])
        self.patch_embed = nn.ModuleDict({"proj": Conv2d(config["in_chans"], dims[0], 7, 4, 3)})
        self.cls_token = Parameter(torch.empty(1, 1, dims[0]))
        self.pos_embed_spatial = Parameter(torch.empty(1, rows * columns, dims[0]))
        self.pos_embed_class = Parameter(torch.empty(1, 1, dims[0]))
        stages, stride_kv = [], 4
        for i, depth in enumerate(depths):
            stride_kv = max(stride_kv // config["stride_q"][i], 1)
            wider = [dims[i]] * (depth - 1) + [dims[min(i + 1, len(dims) - 1)]]
            first = [config["stride_q"][i]] + [1] * (depth - 1)
            blocks = [FirstBlock(dims[i], w, heads[i], q, stride_kv) for w, q in zip(wider, first, strict=True)]
            stages.append(nn.ModuleDict({"blocks": nn.ModuleList(blocks)}))
        self.stages = nn.ModuleList(stages)
        self.norm = LayerNorm(dims[-1], eps=1e-6)
        self.head = nn.ModuleDict({"fc": Linear(dims[-1], config["num_classes"])})

    def forward(self, images: Tensor) -> Tensor:
        maps = self.patch_embed["proj"](images)
        size, places = maps.shape[2:], maps.flatten(2).mT + self.pos_embed_spatial
        token = (self.cls_token + self.pos_embed_class).expand(len(places), -1, -1)
        tokens = torch.cat((token, places), dim=1)
        for stage in self.stages:
            for block in stage["blocks"]:
                tokens, size = block(tokens, size)
        return self.head["fc"](self.norm(tokens)[:, 0])


class FirstBlock(Module):
    def __init__(self, dim: int, dim_out: int, heads: int, stride_q: int, stride_kv: int) -> None:
        super().__init__()
        self.heads, self.stride_q = heads, stride_q
        width = dim // heads
        pool = partial(Conv2d, width, width, 3, padding=1, groups=width, bias=False)
        self.norm1, self.norm2 = LayerNorm(dim, eps=1e-6), LayerNorm(dim, eps=1e-6)
        parts = {"qkv": Linear(dim, 3 * dim), "proj": Linear(dim, dim)}
        for part in "qkv":
            if part != "q" or stride_q > 1:
                stride = stride_q if part == "q" else stride_kv
                parts |= {f"pool_{part}": pool(stride=stride), f"norm_{part}": LayerNorm(width)}
        self.attn = nn.ModuleDict(parts)
        hidden = int(dim * SMALL["mlp_ratio"])
        self.mlp = nn.ModuleDict({"fc1": Linear(dim, hidden), "fc2": Linear(hidden, dim_out)})
        self.shortcut_proj_mlp = Linear(dim, dim_out) if dim != dim_out else None

    def forward(self, x: Tensor, size: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
        found, shortcut = [], x
        for head in self.attn["qkv"](self.norm1(x)).reshape(*x.shape[:2], 3, self.heads, -1).unbind(3):
            q, k, v = (self.pool(part, head[:, :, i], size) for i, part in enumerate("qkv"))
            found.append(F.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v)
        if self.stride_q > 1:
            maps = self.map_of(x, size)
            maps = F.max_pool2d(maps, self.stride_q + 1, self.stride_q, (self.stride_q + 1) // 2)
            shortcut, size = torch.cat((x[:, :1], maps.flatten(2).mT), dim=1), maps.shape[2:]
        x = shortcut + self.attn["proj"](torch.cat(found, dim=-1))
        h = self.norm2(x)
        shortcut = self.shortcut_proj_mlp(h) if self.shortcut_proj_mlp else x
        return shortcut + self.mlp["fc2"](F.gelu(self.mlp["fc1"](h))), size

    def map_of(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Without the class token."""
        return x[:, 1:].mT.reshape(len(x), -1, *size)

    def pool(self, part: str, x: Tensor, size: tuple[int, int]) -> Tensor:
        """One head, (B, 1 + Y*X, K); the class token is normalised, too."""
        if f"pool_{part}" not in self.attn:
            return x
        pooled = self.attn[f"pool_{part}"](self.map_of(x, size)).flatten(2).mT
        return self.attn[f"norm_{part}"](torch.cat((x[:, :1], pooled), dim=1))
