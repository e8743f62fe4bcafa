"""The twin of a model of minivit as a PyTorch user would write it, its training step and its inference.

The twin of a family is in torch_FAMILY.py, or timm's own model, see torch_timm.py; its parameters have timm's names
and shapes.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from measure import Skip
from torch import nn

ACTIVATIONS = {"gelu": nn.GELU(), "gelu_tanh": nn.GELU(approximate="tanh"), "relu": nn.ReLU()}


def both_sides(size: int | tuple[int, int]) -> tuple[int, int]:
    """``(rows, columns)`` from one number for both, or from the pair itself."""
    rows, columns = (size, size) if isinstance(size, int) else size
    return rows, columns


def twin(config: Mapping[str, Any]) -> nn.Module:
    """The twin of the model of a workload."""
    family = config["family"]
    if not find_spec(f"torch_{family.lower()}"):
        return import_module("torch_timm").BUILDERS[family](config)
    return getattr(import_module(f"torch_{family.lower()}"), f"Torch{family}")(config)


def twin_of(model: Any) -> nn.Module:
    """The twin of a model, with its weights."""
    from minivit.weights import to_timm

    twin_model = twin({"family": type(model).__name__, **model.config})
    twin_model.load_state_dict({name: torch.from_numpy(array) for name, array in to_timm(model).items()}, strict=True)
    return twin_model


def channels_first(images: Any, peer: str) -> torch.Tensor:
    """Images (B, Y, X, C) as PyTorch indexes them, in its own layout or, for "torch-channels-last", in ours."""
    layout = torch.channels_last if peer == "torch-channels-last" else torch.contiguous_format
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)


def training_of(net: nn.Module, pixels: torch.Tensor, targets: torch.Tensor) -> Callable[[], float]:
    """A function that trains one step and returns its loss."""
    matrices = [p for p in net.parameters() if p.ndim in (2, 4)]
    others = [p for p in net.parameters() if p.ndim not in (2, 4)]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(net(pixels), targets, label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


def training(peer: str, model: Any, images: Any, labels: Any, threads: int) -> Callable[[], float]:
    """The training step of ``peer``, one of PyTorch's ways to run, from the weights of ``model``."""
    torch.set_num_threads(threads)
    net, pixels, targets = twin_of(model), channels_first(images, peer), torch.from_numpy(labels)
    if peer == "torch-channels-last":
        net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if peer == "torch-compile":
        net = compiled(net, lambda compiled_net: compiled_net(pixels).sum().backward())
    return training_of(net, pixels, targets)


def inference(peer: str, model: Any, images: Any, threads: int) -> Callable[[], Any]:
    """A function that returns the logits of the images as an array."""
    torch.set_num_threads(threads)
    net, pixels = twin_of(model).eval(), channels_first(images, peer)
    if peer == "torch-channels-last":
        net = net.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    if peer == "torch-compile":
        with torch.inference_mode():
            net = compiled(net, lambda compiled_net: compiled_net(pixels))

    def predict() -> Any:
        with torch.inference_mode():
            return net(pixels).numpy()

    return predict


def compiled(net: nn.Module, try_it: Callable[[Any], Any]) -> Any:
    """A twin as ``torch.compile`` makes it; what has no compiler, or cannot be compiled, is skipped."""
    try:
        result = torch.compile(net)
        try_it(result)
    except Exception as error:
        raise Skip(f"torch.compile failed: {str(error).strip().splitlines()[0]}") from error
    return result
