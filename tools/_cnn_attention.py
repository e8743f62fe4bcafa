"""Attention inside of convolutional networks, for tools/make_fixtures.py: no library has these layers.

So each is written here from its paper, in PyTorch's terms (images (B, C, rows, columns), convolutions of 1 x 1,
``unfold``), where minivit has views, matrix products and gradients by hand.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

Randomize = Callable[[nn.Module], nn.Module]


def with_averages(module: nn.Module) -> nn.Module:
    """Random running averages: those of a new norm are 0 and 1, and hide where they stand."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return module


class NonLocalBlock(nn.Module):
    """Wang et al. 2018, section 3: f and C of equation 1 by name, keys and values pooled or not."""

    def __init__(self, dim: int, inter_dim: int, form: str, *, sub_sample: bool, norm: bool) -> None:
        super().__init__()
        self.form = form
        self.g = nn.Conv2d(dim, inter_dim, 1)
        if form != "gaussian":
            self.theta, self.phi = nn.Conv2d(dim, inter_dim, 1), nn.Conv2d(dim, inter_dim, 1)
        if form == "concatenation":
            self.concat_project = nn.Conv2d(2 * inter_dim, 1, 1, bias=False)
        last = nn.Conv2d(inter_dim, dim, 1)
        self.W = nn.Sequential(last, nn.BatchNorm2d(dim)) if norm else nn.Sequential(last)
        self.pool = nn.MaxPool2d(2) if sub_sample else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        queries, keys = (x, x) if self.form == "gaussian" else (self.theta(x), self.phi(x))
        keys, values = self.pool(keys), self.pool(self.g(x))
        queries, keys, values = queries.flatten(2), keys.flatten(2), values.flatten(2)
        N, S = queries.shape[2], keys.shape[2]
        if self.form == "concatenation":
            pairs = torch.cat((queries[..., None].expand(-1, -1, N, S), keys[:, :, None].expand(-1, -1, N, S)), 1)
            weights = F.relu(self.concat_project(pairs))[:, 0] / S
        else:
            scores = torch.einsum("bcn,bcs->bns", queries, keys)
            weights = scores / S if self.form == "dot_product" else scores.exp() / scores.exp().sum(2, keepdim=True)
        y = torch.einsum("bns,bcs->bcn", weights, values)
        return x + self.W(y.unflatten(2, x.shape[2:]))


class SAGANBlock(nn.Module):
    """Zhang et al. 2019, equations 1 to 3, values as wide as the map."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.theta, self.phi, self.g = nn.Conv2d(dim, dim // 8, 1), nn.Conv2d(dim, dim // 8, 1), nn.Conv2d(dim, dim, 1)
        self.W = nn.ModuleList([nn.ParameterDict({"gamma": torch.zeros(1)})])

    def forward(self, x: Tensor) -> Tensor:
        queries, keys, values = self.theta(x).flatten(2), self.phi(x).flatten(2), self.g(x).flatten(2)
        weights = (queries.mT @ keys).softmax(2)
        return x + self.W[0]["gamma"] * (values @ weights.mT).view_as(x)


NON_LOCAL: dict[str, dict[str, Any]] = {
    "gaussian": {"form": "gaussian", "sub_sample": True, "norm": True},
    "embedded_gaussian": {"form": "embedded_gaussian", "sub_sample": True, "norm": True},
    "embedded_gaussian_plain": {"form": "embedded_gaussian", "sub_sample": False, "norm": False},
    "dot_product": {"form": "dot_product", "sub_sample": False, "norm": True},
    "concatenation": {"form": "concatenation", "sub_sample": True, "norm": False},
}


def several(
    record: Callable[..., None], name: str, layers: dict[str, nn.Module], options: dict[str, Any], x: Tensor
) -> None:
    """Several layers, one input: outputs and parameters by the layer's name."""
    params = {f"{key}.{part}": p for key, layer in layers.items() for part, p in layer.named_parameters()}
    buffers = {f"{key}.{part}": b for key, layer in layers.items() for part, b in layer.named_buffers()}
    constants = {part: b for part, b in buffers.items() if "num_batches" not in part}
    run = lambda: {key: layer(x) for key, layer in layers.items()}  # noqa: E731
    record(name, run, {"x": x}, params, constants, options=options)


def non_local(record: Callable[..., None], randomize: Randomize) -> None:
    """On an odd map, of which pooling leaves a row and a column out; with running averages."""
    torch.manual_seed(11)
    layers: dict[str, nn.Module] = {
        name: with_averages(randomize(NonLocalBlock(8, 3, **options))) for name, options in NON_LOCAL.items()
    }
    layers["sagan"] = randomize(SAGANBlock(8))
    several(record, "non_local", layers, NON_LOCAL, torch.randn(2, 8, 5, 4, requires_grad=True))


class AugmentedConv(nn.Module):
    """Bello et al. 2019, figure 3 and equations 1 to 3; a relative logit is looked up for each pair of places."""

    def __init__(self, in_chans: int, out_chans: int, **options: Any) -> None:
        super().__init__()
        self.dk, self.dv, self.heads = options["dk"], options["dv"], options["num_heads"]
        stride, size = options.get("stride", 1), options.get("qkv_kernel_size", 1)
        self.conv_out = nn.Conv2d(in_chans, out_chans - self.dv, 3, stride=stride, padding=1)
        self.qkv_conv = nn.Conv2d(in_chans, 2 * self.dk + self.dv, size, stride=stride, padding=size // 2)
        self.attn_out = nn.Conv2d(self.dv, self.dv, 1)
        self.map_size = options.get("map_size")
        if self.map_size:
            rows, columns = self.map_size
            self.key_rel_h = nn.Parameter(torch.empty(2 * rows - 1, self.dk // self.heads))
            self.key_rel_w = nn.Parameter(torch.empty(2 * columns - 1, self.dk // self.heads))

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv_conv(x)
        B, _, rows, columns = qkv.shape
        q, k, v = (part.flatten(2).unflatten(1, (self.heads, -1)) for part in qkv.split([self.dk, self.dk, self.dv], 1))
        q = q * q.shape[2] ** -0.5  # (B, H, K, N)
        scores = torch.einsum("bhkn,bhks->bhns", q, k)
        if self.map_size:
            y, x_ = torch.arange(rows * columns) // columns, torch.arange(rows * columns) % columns
            down, right = y - y[:, None] + rows - 1, x_ - x_[:, None] + columns - 1  # key minus query
            scores = scores + torch.einsum("bhkn,nsk->bhns", q, self.key_rel_h[down] + self.key_rel_w[right])
        found = torch.einsum("bhns,bhvs->bhvn", scores.softmax(3), v).reshape(B, self.dv, rows, columns)
        return torch.cat((self.conv_out(x), self.attn_out(found)), 1)


AUGMENTED: dict[str, dict[str, Any]] = {
    "relative": {"dk": 6, "dv": 4, "num_heads": 2, "map_size": (5, 4)},
    "strided": {"dk": 6, "dv": 3, "num_heads": 3, "map_size": (3, 2), "stride": 2},
    "absolute": {"dk": 4, "dv": 6, "num_heads": 2, "qkv_kernel_size": 3},
}


def augmented_conv(record: Callable[..., None], randomize: Randomize) -> None:
    """With relative positions on a rectangular map, with a stride, and without, queries made by a larger kernel."""
    torch.manual_seed(12)
    layers: dict[str, nn.Module] = {
        name: randomize(AugmentedConv(3, 9, **options)) for name, options in AUGMENTED.items()
    }
    several(record, "augmented_conv", layers, AUGMENTED, torch.randn(2, 3, 5, 4, requires_grad=True))


def local_windows(x: Tensor, size: int, stride: int = 1) -> Tensor:
    """(B, C, Y, X) -> (B, C, S, N): what a window meets at each position, zeros around the map."""
    B, C, _, _ = x.shape
    return F.unfold(x, size, padding=size // 2, stride=stride).reshape(B, C, size * size, -1)


class LocalAttention(nn.Module):
    """Ramachandran et al. 2019, equation 3, place by place of the window; average pooling for a stride."""

    def __init__(self, in_chans: int, out_chans: int, kernel_size: int, num_heads: int, stride: int = 1) -> None:
        super().__init__()
        self.size, self.heads, self.stride = kernel_size, num_heads, stride
        self.query_conv, self.key_conv, self.value_conv = (nn.Conv2d(in_chans, out_chans, 1, bias=False) for _ in "qkv")
        self.rel_h = nn.Parameter(torch.empty(kernel_size, out_chans // 2))
        self.rel_w = nn.Parameter(torch.empty(kernel_size, out_chans // 2))

    def forward(self, x: Tensor) -> Tensor:
        q = self.query_conv(x)
        k, v = (local_windows(conv(x), self.size) for conv in (self.key_conv, self.value_conv))
        row, column = torch.arange(self.size**2) // self.size, torch.arange(self.size**2) % self.size
        r = torch.cat((self.rel_h[row], self.rel_w[column]), 1).T[..., None]  # (C, S, 1)
        products = q.flatten(2)[:, :, None] * (k + r)  # (B, C, S, N)
        weights = products.unflatten(1, (self.heads, -1)).sum(2).softmax(2)  # (B, H, S, N)
        y = (weights[:, :, None] * v.unflatten(1, (self.heads, -1))).sum(3).reshape(q.shape)
        return F.avg_pool2d(y, self.stride) if self.stride > 1 else y


class LocalRelation(nn.Module):
    """Hu et al. 2019, section 3.2: a scalar product and a geometry prior; channel c is weighed by c modulo H."""

    def __init__(self, chans: int, kernel_size: int, channels_per_head: int, stride: int = 1) -> None:
        super().__init__()
        self.size, self.stride, self.heads = kernel_size, stride, -(-chans // channels_per_head)
        self.qmap, self.kmap = nn.Conv2d(chans, self.heads, 1), nn.Conv2d(chans, self.heads, 1)
        hidden = max(self.heads // 2, 1)
        self.gp = nn.ModuleDict({"l1": nn.Conv2d(2, hidden, 1), "l2": nn.Conv2d(hidden, self.heads, 1)})
        self.final1x1 = nn.Conv2d(chans, chans, 1)

    def forward(self, x: Tensor) -> Tensor:
        s, half = self.stride, self.size // 2
        steps = torch.arange(-half, half + 1.0)
        positions = torch.stack((steps.expand(self.size, -1), -steps[:, None].expand(-1, self.size)))[None]
        prior = self.gp["l2"](F.relu(self.gp["l1"](positions))).flatten(2)[..., None]  # (1, H, S, 1)
        q, k = self.qmap(x)[:, :, ::s, ::s], local_windows(self.kmap(x), self.size, s)
        weights = (q.flatten(2)[:, :, None] * k + prior).softmax(2)  # (B, H, S, N)
        y = (weights[:, torch.arange(x.shape[1]) % self.heads] * local_windows(x, self.size, s)).sum(2)
        return self.final1x1(y.reshape(*y.shape[:2], *q.shape[2:]))


LOCAL: dict[str, dict[str, Any]] = {
    "two_heads": {"kernel_size": 3, "num_heads": 2},
    "strided": {"kernel_size": 5, "num_heads": 1, "stride": 2},
    "larger_than_the_map": {"kernel_size": 7, "num_heads": 4},
}
RELATIONS: dict[str, dict[str, Any]] = {
    "relation": {"kernel_size": 3, "channels_per_head": 2},
    "relation_strided": {"kernel_size": 5, "channels_per_head": 3, "stride": 2},
    "relation_uneven": {"kernel_size": 7, "channels_per_head": 4},
}


def local_attention(record: Callable[..., None], randomize: Randomize) -> None:
    """SASA's and LR-Net's layers, with several windows and strides; 6 channels are no groups of 4."""
    torch.manual_seed(13)
    layers: dict[str, nn.Module] = {name: randomize(LocalAttention(6, 4, **options)) for name, options in LOCAL.items()}
    layers |= {name: randomize(LocalRelation(6, **options)) for name, options in RELATIONS.items()}
    several(record, "local_attention", layers, LOCAL | RELATIONS, torch.randn(2, 6, 4, 6, requires_grad=True))
