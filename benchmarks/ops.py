"""Each op against the PyTorch function that does the same, forward and backward. Runs in a child.

minivit runs shards of the size of its training step, PyTorch the whole batch at once: each as it does in the step. Both
walk through the same images, so both find as much of them in the cache as the step would.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from measure import Times, alternate, seconds
from op_cases import PATCH_EMBED, OpCase, ShardRun, op_cases, shard_runs
from torch.nn import functional
from workload import Workload, check_memory, only_vit

from minivit.threads import run_in_threads

SHORTEST = 0.03  # seconds: what takes less is repeated until it takes as long
TOLERANCE = 2e-4  # of the largest number: sums over a batch in another order


def compare(workload: list, threads: int, pairs: int) -> list[dict[str, Any]]:
    """Seconds per image of every op, forward and backward."""
    check_memory(Workload(*workload), "step", threads)
    _, config, batch_size = workload
    only_vit(config)
    torch.set_num_threads(threads)
    results = []
    for case in op_cases(config, batch_size):
        runs = shard_runs(case)
        call, tensors, needed, dy = torch_side(case, runs)
        y = call(*tensors)
        differentiate = partial(torch.autograd.grad, y, [tensors[i] for i in needed], dy, retain_graph=True)
        check(case, runs, y, differentiate(), needed)
        sides = {
            "forward": (lambda run, case=case: case.forward(*run.arguments), partial(call, *tensors)),
            "backward": (lambda run, case=case: case.backward(run.dy, run.cache), differentiate),
        }
        for direction, (ours, theirs) in sides.items():
            times = timed(partial(in_shards, ours, runs, threads), partial(again, theirs), batch_size, pairs)
            results.append({"op": case.name, "direction": direction, "shape": case.shape, "seconds": times})
    return results


def timed(ours: Callable[[int], Any], theirs: Callable[[int], Any], batch_size: int, pairs: int) -> Times:
    """Seconds per image of both sides; each is repeated, inside of one timing, until a clock can measure it."""
    works = []
    for side in (ours, theirs):
        side(1)
        count = 1 + int(SHORTEST / seconds(partial(side, 1)))
        works.append(lambda side=side, count=count: seconds(partial(side, count)) / (count * batch_size))
    return alternate(works[0], works[1], pairs)


def in_shards(work: Callable[[ShardRun], Any], runs: Sequence[ShardRun], threads: int, count: int) -> None:
    """All shards, ``count`` times over, each thread its own: threads are started once, as in the training step."""

    def run_thread(i: int) -> None:
        with np.errstate(all="ignore"):
            for _ in range(count):
                for run in runs[i::threads]:
                    work(run)

    for _ in run_in_threads(run_thread, range(threads), threads=threads):
        pass


def again(work: Callable[[], Any], count: int) -> None:
    """``work``, ``count`` times."""
    for _ in range(count):
        work()


class TorchSide(NamedTuple):
    """The same in PyTorch: function, arguments, places of those that get a gradient, and the gradient to send back."""

    call: Callable[..., Any]
    tensors: list[Any]
    needed: list[int]
    dy: Any


def torch_side(case: OpCase, runs: Sequence[ShardRun]) -> TorchSide:
    """The whole batch of a case in PyTorch's layout."""
    if case.name == "attention":  # views of one array on both sides, as the qkv map leaves them
        qkv = np.stack([x.transpose(0, 2, 1, 3) for x in case.batched], 2)  # (B, N, 3, H, K)
        tensors = list(torch.from_numpy(qkv).permute(2, 0, 3, 1, 4).unbind(0))
        dy = torch.from_numpy(np.concatenate([run.dy.transpose(0, 2, 1, 3) for run in runs])).transpose(1, 2)
    else:
        tensors = [torch.from_numpy(torch_layout(case, i, x)) for i, x in enumerate((*case.batched, *case.shared))]
        dy = torch.tensor(1.0) if runs[0].dy.ndim == 0 else torch.from_numpy(np.concatenate([run.dy for run in runs]))
    needed = [i for i, x in enumerate(tensors) if x.is_floating_point()]
    if case.name == PATCH_EMBED:
        needed = needed[1:]  # PyTorch computes no gradient of images that nobody asked for
    for i in needed:
        tensors[i].requires_grad_()
    functions: dict[str, Callable[..., Any]] = {
        "patchify": convolve,
        "linear": functional.linear,
        "layer_norm": lambda x, gamma, beta: functional.layer_norm(x, gamma.shape, gamma, beta, 1e-6),
        "attention": functional.scaled_dot_product_attention,
        "softmax": partial(functional.softmax, dim=-1),
        "gelu": functional.gelu,
        "cross_entropy": partial(functional.cross_entropy, label_smoothing=0.1),
    }
    return TorchSide(functions[case.name.split()[0]], tensors, needed, dy)


def convolve(images: Any, weight: Any, bias: Any) -> Any:
    """Patch embedding by a convolution, and its tokens (B, N, D)."""
    return functional.conv2d(images, weight, bias, stride=weight.shape[2:]).flatten(2).transpose(1, 2)


def torch_layout(case: OpCase, i: int, x: np.ndarray) -> np.ndarray:
    """The i-th argument of a case, or its gradient, as PyTorch lays it out: a copy."""
    if case.name == PATCH_EMBED and i == 0:
        x = x.transpose(0, 3, 1, 2)
    elif case.name == PATCH_EMBED and i == 1:
        x = x.reshape(*case.patch_size, -1, x.shape[1]).transpose(3, 2, 0, 1)
    elif case.name.startswith("linear") and i == 1:
        x = x.T
    return np.array(x, order="C")


def check(case: OpCase, runs: Sequence[ShardRun], y: Any, grads: Sequence[Any], needed: Sequence[int]) -> None:
    """Compare the output and every gradient of both sides."""
    ours = [case.forward(*run.arguments)[0] for run in runs]
    if y.ndim == 0:
        whole = np.add.reduce([y * run.dy for y, run in zip(ours, runs, strict=True)])
    else:
        whole = np.concatenate(ours)
    found = {"output": (whole, y.detach().numpy())}
    our_grads = [case.backward(run.dy, run.cache) for run in runs]
    for i, grad in zip(needed, grads, strict=True):
        parts = [shard_grads[i] for shard_grads in our_grads]
        whole = np.concatenate(parts) if i < len(case.batched) else np.add.reduce(parts)
        found[f"gradient of argument {i}"] = (torch_layout(case, i, whole), grad.numpy())
    for name, (a, b) in found.items():
        error = np.abs(a - b).max() / np.abs(b).max()
        if not error <= TOLERANCE:
            raise AssertionError(f"{case.name}: the {name} of minivit and PyTorch differ by {error:.1e} of the largest")
