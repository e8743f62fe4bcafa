"""What is measured: a model of the registry, the size of its batch, and what both will cost."""

from typing import Any, NamedTuple

from machine import available_bytes
from measure import Skip

import minivit as mv
from minivit.models import PRESETS, ViT
from minivit.train.step import SHARD_SIZE
from minivit.types import pair

DEFAULT_MODELS = ["vit_tiny_patch4_32:avg", "vit_tiny_patch4_32:token"]
LARGEST_BATCH = 128
STEP_FLOPS = 1e12  # five seconds on a core of 200 GFLOP/s
STEP_BYTES = 4 * 2**30


class Workload(NamedTuple):
    """A model by its full configuration (it travels to other processes, as JSON), and a batch size."""

    label: str
    config: dict[str, Any]
    batch_size: int


def make_workload(label: str, batch_size: int | None) -> Workload:
    """From ``NAME``, ``NAME:avg`` or ``NAME:token``.

    Raises
    ------
    Skip
        If the model has no twin in the other libraries.
    """
    name, _, pool = label.partition(":")
    if name in PRESETS and PRESETS[name][0] is not ViT:
        raise Skip(f"{name} is a {PRESETS[name][0].__name__}, of which there is no twin to compare with")
    options = {"global_pool": pool, "class_token": pool == "token", "fc_norm": None} if pool else {}
    config = mv.create_model(name, **options).config
    return Workload(label, config, batch_size or batch_that_fits(config))


def batch_that_fits(config: dict[str, Any]) -> int:
    """The largest power of two, 128 at most, for which a training step takes seconds and a few GiB."""
    batch_size = LARGEST_BATCH
    while batch_size > 1 and (
        6 * batch_size * macs(config) > STEP_FLOPS or batch_size * kept_bytes(config) > STEP_BYTES
    ):
        batch_size //= 2
    return batch_size


def sizes(config: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Patches, tokens, numbers in a patch, width, and hidden width of the MLP."""
    (Y, X), (P, Q) = (pair(config[name]) for name in ("img_size", "patch_size"))
    patches, D = (Y // P) * (X // Q), config["embed_dim"]
    return patches, patches + config["class_token"], P * Q * config["in_chans"], D, int(D * config["mlp_ratio"])


def macs(config: dict[str, Any]) -> int:
    """Multiply-adds in the matrix products of forward, per image; backward has twice as many."""
    patches, N, pixels, D, F = sizes(config)
    block = N * D * (3 * D + D + 2 * F) + 2 * N * N * D  # qkv, proj, fc1 and fc2; scores and weighted values
    return patches * pixels * D + config["depth"] * block + D * config["num_classes"]


def kept_bytes(config: dict[str, Any]) -> int:
    """About what backward keeps per image: ten arrays of the width, three of the hidden width, the attention map."""
    _, N, _, D, F = sizes(config)
    return 4 * config["depth"] * N * (10 * D + 3 * F + config["num_heads"] * N)


def check_memory(workload: Workload, what: str, threads: int) -> None:
    """Skip what would not fit into memory, both sides being in it at a time."""
    label, config, batch_size = workload
    params, kept = ViT(**config).num_params, kept_bytes(config)
    if what == "inference":
        need = 4 * params * 3 + batch_size * kept // config["depth"]
    else:  # value, gradients, two averages, and the arithmetic of the optimizer; then the activations of both sides
        shards = -(-batch_size // SHARD_SIZE)
        need = 4 * params * (9 + shards) + (batch_size + min(batch_size, threads * SHARD_SIZE)) * kept
    free = available_bytes()
    if free is not None and need > 0.8 * free:
        raise Skip(f"{label} would need about {need / 2**30:.0f} GiB; {free / 2**30:.0f} GiB are free")


def image_shape(config: dict[str, Any], batch_size: int) -> tuple[int, int, int, int]:
    """(B, Y, X, C)"""
    return (batch_size, *pair(config["img_size"]), config["in_chans"])
