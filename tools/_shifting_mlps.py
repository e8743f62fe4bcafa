"""S2-MLP, S2-MLPv2 and CycleMLP, for tools/make_fixtures.py: no library has these models.

So each is written here from its paper, in PyTorch's terms: slices that are assigned, as Yu et al. print them, where
minivit has a table of offsets and gradients by hand. S2-MLP has no official code; names are those of the well-known
port (Jittor-MLP), whose own shift reads what it has just written and is not taken. Names of CycleMLP are those of its
authors' code, the deformable convolution of which needs torchvision; here a channel is moved and a kernel of 1 x 1 does
the rest.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def spatial_shift1(x: Tensor) -> Tensor:
    """Yu et al. 2021, "S2-MLPv2", algorithm 1, on (B, w, h, c); all that is read is the array that came in."""
    y, c = x.clone(), x.shape[3]
    y[:, 1:, :, : c // 4] = x[:, :-1, :, : c // 4]
    y[:, :-1, :, c // 4 : c // 2] = x[:, 1:, :, c // 4 : c // 2]
    y[:, :, 1:, c // 2 : c * 3 // 4] = x[:, :, :-1, c // 2 : c * 3 // 4]
    y[:, :, :-1, c * 3 // 4 :] = x[:, :, 1:, c * 3 // 4 :]
    return y


def spatial_shift2(x: Tensor) -> Tensor:
    """The other one of algorithm 1, in which the two axes have changed places."""
    y, c = x.clone(), x.shape[3]
    y[:, :, 1:, : c // 4] = x[:, :, :-1, : c // 4]
    y[:, :, :-1, c // 4 : c // 2] = x[:, :, 1:, c // 4 : c // 2]
    y[:, 1:, :, c // 2 : c * 3 // 4] = x[:, :-1, :, c // 2 : c * 3 // 4]
    y[:, :-1, :, c * 3 // 4 :] = x[:, 1:, :, c * 3 // 4 :]
    return y


class Shift(nn.Module):
    """The shift between the two linear maps of the first version."""

    def forward(self, x: Tensor) -> Tensor:
        return spatial_shift1(x)


class Split(nn.Module):
    """Split attention of the second version: a = sum of all, softmax over the three of gelu(a W1) W2."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp1, self.mlp2 = nn.Linear(dim, dim, bias=False), nn.Linear(dim, 3 * dim, bias=False)

    def forward(self, x1: Tensor, x2: Tensor, x3: Tensor) -> Tensor:
        a = (x1 + x2 + x3).sum((1, 2))
        s1, s2, s3 = self.mlp2(F.gelu(self.mlp1(a))).chunk(3, dim=1)
        total = s1.exp() + s2.exp() + s3.exp()
        shares = [(s.exp() / total)[:, None, None] for s in (s1, s2, s3)]
        return shares[0] * x1 + shares[1] * x2 + shares[2] * x3


class SplitShift(nn.Module):
    """Yu et al. 2021, section 3.2: expand to 3c, shift the first, shift the second, leave the third."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mlp1, self.split_attention, self.mlp2 = nn.Linear(dim, 3 * dim), Split(dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        x1, x2, x3 = self.mlp1(x).chunk(3, dim=3)
        return self.mlp2(self.split_attention(spatial_shift1(x1), spatial_shift2(x2), x3))


class Branch(nn.Module):
    """x + fn(norm(x))."""

    def __init__(self, dim: int, fn: nn.Module) -> None:
        super().__init__()
        self.fn, self.norm = fn, nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fn(self.norm(x))


class Blocks(nn.Module):
    """What follows the patches of a stage, on (B, rows, columns, C)."""

    def __init__(self, dim: int, depth: int, mlp_ratio: float, mixing: str) -> None:
        super().__init__()
        hidden = int(mlp_ratio * dim)
        self.model = nn.Sequential()
        for _ in range(depth):
            shift = nn.Sequential(nn.Linear(dim, dim), nn.GELU(), Shift(), nn.Linear(dim, dim))
            mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, dim))
            mixes = shift if mixing == "shift" else SplitShift(dim)
            self.model.append(nn.Sequential(Branch(dim, mixes), Branch(dim, mlp)))

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Mean(nn.Module):
    """Over all places of (B, C, rows, columns)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


class S2MLP(nn.Module):
    """Yu et al. 2022, figure 1; with several stages, as the second version."""

    def __init__(self, *, patch_sizes: Any, embed_dims: Any, depths: Any, mlp_ratios: Any, mixing: str, **_: Any):
        super().__init__()
        self.stages, chans = nn.Sequential(), 3
        for patch, dim, depth, ratio in zip(patch_sizes, embed_dims, depths, mlp_ratios, strict=True):
            self.stages.append(nn.Sequential(nn.Conv2d(chans, dim, patch, patch), Blocks(dim, depth, ratio, mixing)))
            chans = dim
        self.mlp_head = nn.Sequential(Mean(), nn.Linear(chans, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.mlp_head(self.stages(x))


class CycleFC(nn.Module):
    """Chen et al. 2022, equation 3, with a stepsize of three along one axis, from the middle step on."""

    def __init__(self, dim: int, kernel_size: tuple[int, int]) -> None:
        super().__init__()
        self.steps_down, self.steps_right = kernel_size
        self.weight, self.bias = nn.Parameter(torch.empty(dim, dim, 1, 1)), nn.Parameter(torch.empty(dim))

    def forward(self, x: Tensor) -> Tensor:
        Y, X = x.shape[2:]
        around, moved = F.pad(x, (1, 1, 1, 1)), []
        for c in range(x.shape[1]):
            down = (c + self.steps_down // 2) % self.steps_down - self.steps_down // 2
            right = (c + self.steps_right // 2) % self.steps_right - self.steps_right // 2
            moved.append(around[:, c, 1 + down : 1 + down + Y, 1 + right : 1 + right + X])
        return F.conv2d(torch.stack(moved, 1), self.weight, self.bias)


class Mlp(nn.Module):
    def __init__(self, dim: int, hidden: int, out: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, out)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class CycleMixing(nn.Module):
    """The three branches of the code's ``CycleMLP``, with shares that differ by channel and image."""

    def __init__(self, dim: int, bias: bool) -> None:
        super().__init__()
        self.sfc_h, self.sfc_w = CycleFC(dim, (1, 3)), CycleFC(dim, (3, 1))
        self.mlp_c, self.proj = nn.Linear(dim, dim, bias=bias), nn.Linear(dim, dim)
        self.reweight = Mlp(dim, dim // 4, 3 * dim)

    def forward(self, x: Tensor) -> Tensor:
        first = x.permute(0, 3, 1, 2)
        h, w = (part(first).permute(0, 2, 3, 1) for part in (self.sfc_h, self.sfc_w))
        c = self.mlp_c(x)
        scores = self.reweight((h + w + c).mean((1, 2))).unflatten(1, (x.shape[3], 3))  # (B, C, 3)
        shares = scores.softmax(2)[:, None, None]
        return self.proj(h * shares[..., 0] + w * shares[..., 1] + c * shares[..., 2])


class CycleBlock(nn.Module):
    def __init__(self, dim: int, mlp_ratio: float, bias: bool) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), CycleMixing(dim, bias), nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * mlp_ratio), dim)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Projection(nn.Module):
    """A convolution of (B, rows, columns, C)."""

    def __init__(self, *options: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(*options)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class CycleMLP(nn.Module):
    """The pyramid of the code, for classification."""

    def __init__(self, *, embed_dims: Any, depths: Any, mlp_ratios: Any, **options: Any) -> None:
        super().__init__()
        sizes = (options["patch_size"], options["patch_stride"], options["patch_padding"])
        self.patch_embed, self.network = Projection(3, embed_dims[0], *sizes), nn.Sequential()
        for i, (dim, depth, ratio) in enumerate(zip(embed_dims, depths, mlp_ratios, strict=True)):
            if i:
                self.network.append(Projection(embed_dims[i - 1], dim, 3, 2, 1))
            blocks = [CycleBlock(dim, ratio, options.get("qkv_bias", False)) for _ in range(depth)]
            self.network.append(nn.Sequential(*blocks))
        self.norm, self.head = nn.LayerNorm(embed_dims[-1]), nn.Linear(embed_dims[-1], 5)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(self.network(self.patch_embed(x.permute(0, 2, 3, 1))))
        return self.head(h.flatten(1, 2).mean(1))


S2_MLPS: dict[str, dict[str, Any]] = {
    # maps of 3 x 5 and, one pixel wide, 4 x 1; channels of which parts are not alike
    "s2_mlp": {"img_size": (12, 20), "patch_sizes": (4,), "embed_dims": (7,), "depths": (2,), "mlp_ratios": (2.0,)},
    "s2_mlp_narrow": {
        "img_size": (8, 2),
        "patch_sizes": (2,),
        "embed_dims": (5,),
        "depths": (2,),
        "mlp_ratios": (1.5,),
    },
    "s2_mlp_v2": {
        "img_size": (16, 24),
        "patch_sizes": (4, 2),
        "embed_dims": (6, 9),
        "depths": (1, 2),
        "mlp_ratios": (3.0, 2.0),
        "mixing": "split",
    },
    "s2_mlp_v2_narrow": {
        "img_size": (2, 12),
        "patch_sizes": (2, 1),
        "embed_dims": (3, 5),
        "depths": (2, 1),
        "mlp_ratios": (2.0, 1.0),
        "mixing": "split",
    },
}
CYCLES: dict[str, dict[str, Any]] = {
    "cycle_mlp": {  # the paper's patches, which overlap: maps of 3 x 5 and 2 x 3
        "img_size": (13, 21),
        "patch_size": 7,
        "patch_stride": 4,
        "patch_padding": 2,
        "embed_dims": (8, 9),
        "depths": (1, 2),
        "mlp_ratios": (2.0, 1.5),
    },
    "cycle_mlp_small": {  # maps of 2 x 5, 1 x 3 and 1 x 2: steps of one place lead over their edges
        "img_size": (4, 9),
        "patch_size": 3,
        "patch_stride": 2,
        "patch_padding": 1,
        "embed_dims": (4, 5, 7),
        "depths": (2, 1, 1),
        "mlp_ratios": (1.0, 2.0, 1.5),
        "qkv_bias": True,
    },
}


def shifting_mlps(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    for name, options in (S2_MLPS | CYCLES).items():
        torch.manual_seed(14)
        config = {"num_classes": 5, **options}
        kind = CycleMLP if name in CYCLES else S2MLP
        model = randomize(kind(**({} if name in CYCLES else {"mixing": "shift"}) | config))
        x = torch.randn(2, 3, *config["img_size"], requires_grad=True)
        params = dict(model.named_parameters())
        record(name, lambda model=model, x=x: {"y": model(x)}, {"x": x}, params, config=config)
