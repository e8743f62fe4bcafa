"""The ops of a model's training step, one by one, on the shapes that the step gives them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from workload import image_shape, sizes

from minivit import ops
from minivit.train.step import shards_of
from minivit.types import pair

PATCH_EMBED = "patchify + linear"


class OpCase(NamedTuple):
    """A pair of functions and its arguments for a whole batch: those that have a row per image, and parameters."""

    name: str
    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[[Any, Any], tuple[Any, ...]]
    batched: tuple[np.ndarray, ...]
    shared: tuple[np.ndarray, ...] = ()
    patch_size: tuple[int, int] = (0, 0)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the first argument in one shard."""
        return self.batched[0][shards_of(len(self.batched[0]))[0]].shape


class ShardRun(NamedTuple):
    """One shard of a case: its arguments, the cache of its forward, and a gradient to send back."""

    arguments: tuple[np.ndarray, ...]
    dy: np.ndarray
    cache: Any


def op_cases(config: dict[str, Any], batch_size: int) -> list[OpCase]:
    """The ops of a block, the loss and the patch embedding."""
    _, N, pixels, D, F = sizes(config)
    H, C, patch_size = config["num_heads"], config["num_classes"], pair(config["patch_size"])
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    def linear(name: str, inputs: int, outputs: int) -> OpCase:
        weight = normal(inputs, outputs) / np.float32(np.sqrt(inputs))
        x = normal(batch_size, N, inputs)
        return OpCase(name, ops.linear_forward, ops.linear_backward, (x,), (weight, normal(outputs)))

    def patch_embed_forward(images: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> tuple[Any, Any]:
        patches, c_patches = ops.patchify_forward(images, patch_size=patch_size)
        y, c_linear = ops.linear_forward(patches, weight, bias)
        return y, (c_patches, c_linear)

    def patch_embed_backward(dy: Any, cache: Any) -> tuple[Any, ...]:
        dpatches, dweight, dbias = ops.linear_backward(dy, cache[1])
        (dimages,) = ops.patchify_backward(dpatches, cache[0])
        return dimages, dweight, dbias

    heads, _ = ops.split_heads_forward(normal(batch_size, N, 3 * D), num_heads=3 * H)
    q, k, v = np.split(heads, 3, axis=1)  # views, as in the layer
    smoothed = partial(ops.cross_entropy_forward, label_smoothing=0.1)
    labels, images = rng.integers(0, C, batch_size), normal(*image_shape(config, batch_size))
    return [
        OpCase(
            PATCH_EMBED,
            patch_embed_forward,
            patch_embed_backward,
            (images,),
            (normal(pixels, D), normal(D)),
            patch_size,
        ),
        OpCase(
            "layer_norm",
            ops.layer_norm_forward,
            ops.layer_norm_backward,
            (normal(batch_size, N, D),),
            (normal(D), normal(D)),
        ),
        linear("linear qkv", D, 3 * D),
        OpCase("attention", ops.attention_forward, lambda dy, cache: ops.attention_backward(dy, cache)[:3], (q, k, v)),
        OpCase("softmax", ops.softmax_forward, ops.softmax_backward, (normal(batch_size, H, N, N),)),
        linear("linear proj", D, D),
        linear("linear fc1", D, F),
        OpCase("gelu", ops.gelu_forward, ops.gelu_backward, (normal(batch_size, N, F),)),
        linear("linear fc2", F, D),
        OpCase("cross_entropy", smoothed, ops.cross_entropy_backward, (normal(batch_size, C), labels)),
    ]


def shard_runs(case: OpCase) -> list[ShardRun]:
    """The batch of a case in shards, as the training step cuts it, each after its forward."""
    return list(_shard_runs(case))


def _shard_runs(case: OpCase) -> Iterator[ShardRun]:
    batch_size = len(case.batched[0])
    rng = np.random.default_rng(1)
    for shard in shards_of(batch_size):
        rows = tuple(array[shard] for array in case.batched)
        arguments = (*rows, *case.shared)
        y, cache = case.forward(*arguments)
        if np.ndim(y) == 0:  # the loss: every shard has its share of the mean
            dy = np.asarray(len(rows[0]) / batch_size, np.float32)
        elif case.name == "attention":  # its gradient comes from merged heads
            B, H, N, K = y.shape
            dy, _ = ops.split_heads_forward(rng.standard_normal((B, N, H * K), dtype=np.float32), num_heads=H)
        else:
            dy = rng.standard_normal(y.shape, dtype=np.float32)
        yield ShardRun(arguments, dy, cache)
