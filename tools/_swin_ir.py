"""SwinIR, and what image restoration is measured by, for tools/make_fixtures.py.

No library has the model (transformers' Swin2SR is another one), so it is written here from its paper and its official
code, in PyTorch's terms and under the official names: every window is cut out in a loop, and who may look at whom is
asked of every pair of pixels. PSNR and SSIM are scikit-image's.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


def convolution(dim: int, out: int, side: int = 3) -> nn.Conv2d:
    return nn.Conv2d(dim, out, side, 1, side // 2)


def residual(dim: int, kind: str) -> nn.Module:
    if kind == "1conv":
        return convolution(dim, dim)
    quarter = dim // 4
    ends = convolution(dim, quarter), convolution(quarter, dim)
    return nn.Sequential(ends[0], nn.LeakyReLU(0.2), convolution(quarter, quarter, 1), nn.LeakyReLU(0.2), ends[1])


class Attention(nn.Module):
    """Of the tokens (N, C) of one window, of side M; ``near`` (N, N) says who may look at whom."""

    def __init__(self, dim: int, side: int, heads: int, bias: bool) -> None:
        super().__init__()
        self.side, self.heads = side, heads
        self.relative_position_bias_table = nn.Parameter(torch.empty((2 * side - 1) ** 2, heads))
        self.qkv, self.proj = nn.Linear(dim, 3 * dim, bias=bias), nn.Linear(dim, dim)

    def forward(self, x: Tensor, near: Tensor) -> Tensor:
        q, k, v = (part.unflatten(1, (self.heads, -1)).transpose(0, 1) for part in self.qkv(x).chunk(3, 1))
        scores = q @ k.mT / q.shape[2] ** 0.5
        row, column = np.divmod(np.arange(len(x)), self.side)
        way = (row[:, None] - row + self.side - 1) * (2 * self.side - 1) + column[:, None] - column + self.side - 1
        scores = scores + self.relative_position_bias_table[torch.tensor(way)].permute(2, 0, 1)
        scores = scores.masked_fill(~near, -torch.inf)
        return self.proj((scores.softmax(2) @ v).transpose(0, 1).flatten(1))


class Mlp(nn.Module):
    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """On (rows, columns, C): the cut begins ``shift`` pixels down and to the right.

    What is left over at both ends makes a window together, in which only those from one end look at each other.
    """

    def __init__(self, dim: int, heads: int, side: int, shift: int, ratio: float, bias: bool) -> None:
        super().__init__()
        self.side, self.shift = side, shift
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), Attention(dim, side, heads, bias), nn.LayerNorm(dim)
        self.mlp = Mlp(dim, int(dim * ratio))

    def forward(self, x: Tensor) -> Tensor:
        Y, X, _ = x.shape
        h, attended = self.norm1(x), torch.zeros_like(x)
        for top in range(self.shift, Y + self.shift, self.side):
            for left in range(self.shift, X + self.shift, self.side):
                rows = torch.arange(top, top + self.side)[:, None].expand(-1, self.side).flatten()
                columns = torch.arange(left, left + self.side)[None].expand(self.side, -1).flatten()
                end = 2 * (rows >= Y).long() + (columns >= X).long()
                found = self.attn(h[rows % Y, columns % X], end[:, None] == end)
                attended = attended.index_put((rows % Y, columns % X), found)
        x = x + attended
        return x + self.mlp(self.norm2(x))


class Group(nn.Module):
    def __init__(self, blocks: list[Block]) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)


class RSTB(nn.Module):
    def __init__(self, dim: int, kind: str, blocks: list[Block]) -> None:
        super().__init__()
        self.residual_group, self.conv = Group(blocks), residual(dim, kind)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.stack([self.residual_group.blocks(image) for image in x.permute(0, 2, 3, 1)])
        return x + self.conv(h.permute(0, 3, 1, 2))


class Norm(nn.Module):
    """Of the channels of (B, C, rows, columns)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SwinIR(nn.Module):
    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        dim, chans, feat, kind = (options[name] for name in ("embed_dim", "in_chans", "num_feat", "resi_connection"))
        self.options, self.side = options, options["window_size"]
        least = min(options["img_size"])
        side, moves = min(least, self.side), least > self.side
        self.conv_first = convolution(chans, dim)
        self.patch_embed = Norm(dim) if options["patch_norm"] else nn.Identity()
        blocks = [
            [
                Block(dim, heads, side, side // 2 if moves and i % 2 else 0, options["mlp_ratio"], options["qkv_bias"])
                for i in range(depth)
            ]
            for depth, heads in zip(options["depths"], options["num_heads"], strict=True)
        ]
        self.layers = nn.Sequential(*(RSTB(dim, kind, its) for its in blocks))
        self.norm = nn.LayerNorm(dim)
        self.conv_after_body = residual(dim, kind)
        head, scale = options["upsampler"], options["upscale"]
        if head in ("pixelshuffle", "nearest+conv"):
            self.conv_before_upsample = nn.Sequential(convolution(dim, feat), nn.LeakyReLU())
        if head == "pixelshuffle":
            factors = [3] if scale == 3 else [2] * (scale.bit_length() - 1)
            steps = [(convolution(feat, r * r * feat), nn.PixelShuffle(r)) for r in factors]
            self.upsample = nn.Sequential(*(part for step in steps for part in step))
        elif head == "pixelshuffledirect":
            self.upsample = nn.Sequential(convolution(dim, scale * scale * chans), nn.PixelShuffle(scale))
        elif head == "nearest+conv":
            self.conv_up1, self.conv_hr = convolution(feat, feat), convolution(feat, feat)
            if scale == 4:
                self.conv_up2 = convolution(feat, feat)
        if head != "pixelshuffledirect":
            self.conv_last = convolution(feat if head else dim, chans)

    def forward(self, x: Tensor) -> Tensor:
        Y, X = x.shape[2:]
        scale, head = self.options["upscale"], self.options["upsampler"]
        x = F.pad(x, (0, -X % self.side, 0, -Y % self.side), "reflect")
        mean = torch.tensor((0.4488, 0.4371, 0.4040) if x.shape[1] == 3 else (0.0,))[:, None, None]
        x = (x - mean) * self.options["img_range"]
        shallow = self.conv_first(x)
        deep = self.layers(self.patch_embed(shallow)).permute(0, 2, 3, 1)
        h = shallow + self.conv_after_body(self.norm(deep).permute(0, 3, 1, 2))
        if head == "pixelshuffle":
            y = self.conv_last(self.upsample(self.conv_before_upsample(h)))
        elif head == "pixelshuffledirect":
            y = self.upsample(h)
        elif head == "nearest+conv":
            h = self.conv_before_upsample(h)
            for name in ("conv_up1", "conv_up2")[: scale // 2]:
                h = F.leaky_relu(getattr(self, name)(F.interpolate(h, scale_factor=2, mode="nearest")), 0.2)
            y = self.conv_last(F.leaky_relu(self.conv_hr(h), 0.2))
        else:
            y = x + self.conv_last(h)
        return (y / self.options["img_range"] + mean)[:, :, : Y * scale, : X * scale]


SMALL = {
    "img_size": (8, 12),
    "in_chans": 3,
    "embed_dim": 4,
    "depths": (2,),
    "num_heads": (2,),
    "window_size": 4,
    "mlp_ratio": 1.5,
    "qkv_bias": True,
    "patch_norm": True,
    "num_feat": 2,
    "resi_connection": "1conv",
    "img_range": 1.0,
}
THREE = {"resi_connection": "3conv", "embed_dim": 8}
SWIN_IRS: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    # images of sides that windows do not divide, and of another size than the model was made for
    "swin_ir_classical": ((5, 9), {"upsampler": "pixelshuffle", "upscale": 4, "depths": (1, 2), "num_heads": (1, 2)}),
    "swin_ir_classical_x3": (
        (8, 5),
        {"upsampler": "pixelshuffle", "upscale": 3, "in_chans": 1, "img_range": 2.0, **THREE},
    ),
    "swin_ir_lightweight": ((9, 12), {"upsampler": "pixelshuffledirect", "upscale": 2, "patch_norm": False}),
    "swin_ir_real_x2": ((7, 10), {"upsampler": "nearest+conv", "upscale": 2, "qkv_bias": False}),
    "swin_ir_real_x4": ((6, 4), {"upsampler": "nearest+conv", "upscale": 4, **THREE}),
    "swin_ir_denoising": (
        (8, 11),
        {"upsampler": "", "upscale": 1, "img_range": 255.0, "depths": (2, 0, 1), "num_heads": (4, 1, 2)},
    ),
    # one side of the images that it was made for is no longer than a window: no shift, whatever comes
    "swin_ir_one_window": ((8, 6), {"upsampler": "", "upscale": 1, "img_size": (2, 8), "in_chans": 2}),
}


def swin_irs(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    for name, (size, options) in SWIN_IRS.items():
        torch.manual_seed(15)
        config = SMALL | options
        model, x = randomize(SwinIR(config)), torch.randn(1, config["in_chans"], *size, requires_grad=True)
        params = dict(model.named_parameters())
        record(name, lambda m=model, x=x: {"y": m(x).permute(0, 2, 3, 1)}, {"x": x}, params, config=config)


def restoration_ops(record: Callable[..., None]) -> None:
    """Of maps (B, C, rows, columns)."""
    torch.manual_seed(16)
    x, target = torch.randn(2, 9, 5, 4, requires_grad=True), torch.randn(2, 9, 5, 4)
    around, slope, eps = ((3, 4), (2, 0)), 0.2, 1e-3
    record(
        "restoration_ops",
        lambda: {
            "pixel_shuffle": F.pixel_shuffle(x, 3),
            "upsample_nearest": F.interpolate(x, scale_factor=(2, 3), mode="nearest"),
            "reflect_pad": F.pad(x, (*around[1], *around[0]), "reflect"),
            "leaky_relu": F.leaky_relu(x, slope),
            "charbonnier": torch.sqrt((x - target) ** 2 + eps**2).mean(),
        },
        {"x": x},
        constants={"target": target},
        options={
            "pixel_shuffle": {"upscale": 3},
            "upsample_nearest": {"scale": (2, 3)},
            "reflect_pad": {"padding": around},
            "leaky_relu": {"negative_slope": slope},
            "charbonnier": {"eps": eps},
        },
    )


def image_quality(write: Callable[..., None]) -> None:
    from skimage import __version__
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    rng = np.random.default_rng(17)
    y, x = np.mgrid[:14, :19]
    ramp = 127 + 60 * np.sin(x / 3)[..., None] * np.cos(y / 4 + np.arange(3)[:, None, None]).transpose(1, 2, 0)
    noisy = (ramp + 20 * rng.standard_normal(ramp.shape)).clip(0, 255)
    kinds: dict[str, dict[str, Any]] = {
        "uniform": {},
        "small_windows": {"win_size": 3},
        "gaussian": {"gaussian_weights": True},
        "paper": {"gaussian_weights": True, "use_sample_covariance": False},
        "largest": {"win_size": 13, "use_sample_covariance": False},
    }
    arrays: dict[str, Any] = {}
    for kind, (a, b, data_range) in {
        "uint8": (noisy.astype(np.uint8), ramp.astype(np.uint8), 255),
        "float": (noisy / 255, ramp / 255, 1.0),
        "grey": (noisy[..., :1] / 100, ramp[..., :1] / 100, 2.5),
    }.items():
        arrays |= {f"in/{kind}": a, f"const/{kind}": b}
        arrays[f"out/{kind}/psnr"] = peak_signal_noise_ratio(b, a, data_range=data_range)
        for name, options in kinds.items():
            arrays[f"out/{kind}/{name}"] = structural_similarity(a, b, data_range=data_range, channel_axis=2, **options)
    ranges = {"uint8": 255, "float": 1.0, "grey": 2.5}
    write("image_quality", arrays, {"skimage": __version__, "data_range": ranges, "options": kinds})
