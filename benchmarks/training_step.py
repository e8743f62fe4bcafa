"""Training-step throughput against PyTorch eager: same model, same weights, same batch, same number of threads.

    pip install torch==2.13.0          # any recent one; the project itself never needs it
    python benchmarks/training_step.py [--pairs 20] [--threads 1 2] [--pool avg token]

A and B alternate in one process, so a machine that slows down slows both. Before anything is timed, the losses of the
first steps must agree. Printed is minivit's throughput divided by PyTorch's: above 1, minivit is faster.
"""

# pyright: reportMissingImports=false

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import minivit as mv
from minivit.models import ViT
from minivit.train import AdamW, training_step


class TorchBlock(nn.Module):
    """The twin of minivit's Block, written as a PyTorch user would, with its fused attention."""

    def __init__(self, dim: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(dim, 3 * dim), "proj": nn.Linear(dim, dim)})
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, hidden), "fc2": nn.Linear(hidden, dim)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        B, N, D = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).view(B, N, 3, self.num_heads, D // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.attn["proj"](h.transpose(1, 2).reshape(B, N, D))
        return x + self.mlp["fc2"](nn.functional.gelu(self.mlp["fc1"](self.norm2(x))))


class TorchViT(nn.Module):
    """The twin of minivit's ViT; its parameters have timm's names and shapes."""

    def __init__(self, model: ViT) -> None:
        super().__init__()
        c = model.config
        dim = c["embed_dim"]
        self.pool = c["global_pool"]
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(c["in_chans"], dim, c["patch_size"], c["patch_size"])})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim)) if c["class_token"] else None
        self.pos_embed = nn.Parameter(torch.zeros(model.pos_embed.shape))
        hidden = int(dim * c["mlp_ratio"])
        self.blocks = nn.ModuleList(TorchBlock(dim, c["num_heads"], hidden) for _ in range(c["depth"]))
        self.norm = nn.LayerNorm(dim, eps=1e-6) if model.norm else nn.Identity()
        self.fc_norm = nn.LayerNorm(dim, eps=1e-6) if model.fc_norm else nn.Identity()
        self.head = nn.Linear(dim, c["num_classes"])
        self.load_state_dict({k: torch.tensor(v) for k, v in mv.weights.to_timm(model).items()}, strict=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        x = x[:, 0] if self.pool == "token" else x.mean(1)
        return self.head(self.fc_norm(x))


def steps(pool: str, batch_size: int, threads: int) -> tuple[Callable[[], float], Callable[[], float]]:
    """Two functions that train one step each, on the same data, from the same weights."""
    model = mv.create_model("vit_tiny_patch4_32", global_pool=pool, class_token=pool == "token")
    twin = TorchViT(model)
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch_size, 32, 32, 3)).astype(np.float32)
    labels = rng.integers(0, 10, batch_size)
    ours = AdamW(model, lr=1e-3, weight_decay=0.05)
    matrices = [p for p in twin.parameters() if p.ndim in (2, 4)]
    others = [p for p in twin.parameters() if p.ndim not in (2, 4)]
    theirs = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}], 1e-3
    )
    pixels = torch.tensor(images.transpose(0, 3, 1, 2).copy())
    targets = torch.tensor(labels)

    def minivit_step() -> float:
        options = {"label_smoothing": 0.1, "clip_norm": 1.0, "threads": threads}
        return training_step(model, images, labels, optimizer=ours, **options)

    def torch_step() -> float:
        theirs.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(twin(pixels), targets, label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 1.0)
        theirs.step()
        return loss.item()

    return minivit_step, torch_step


def seconds(step: Callable[[], float]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pool", nargs="+", choices=("avg", "token"), default=["avg", "token"])
    args = parser.parse_args()
    print(f"vit_tiny_patch4_32, batch {args.batch_size}, float32, torch {torch.__version__}, numpy {np.__version__}")
    for pool in args.pool:
        for threads in args.threads:
            torch.set_num_threads(threads)
            minivit_step, torch_step = steps(pool, args.batch_size, threads)
            for _ in range(3):  # also the warm-up
                ours, theirs = minivit_step(), torch_step()
                assert abs(ours - theirs) < 1e-4, (ours, theirs)
            pairs = [(seconds(minivit_step), seconds(torch_step)) for _ in range(args.pairs)]
            a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
            low, median, high = np.percentile([theirs / ours for ours, theirs in pairs], (10, 50, 90))
            print(
                f"pool={pool:5} threads={threads}: minivit {1e3 * a:.0f} ms, PyTorch {1e3 * b:.0f} ms; "
                f"throughput ratio {median:.2f} (10 % to 90 %: {low:.2f} to {high:.2f})"
            )


if __name__ == "__main__":
    main()
