"""What is measured: a model of the registry, the size of its batch, and what both will cost."""

from typing import Any, NamedTuple

from machine import available_bytes
from measure import Skip

import minivit as mv
from minivit.models import MODELS, PRESETS, Model
from minivit.train.step import SHARD_SIZE, shards_of
from minivit.types import pair

TWINS = ("ViT", "Swin", "Mixer", "ResNet", "HybridViT", "PVT", "SwinV2", "PVTv2", "MViT", "SamViT", "ResMLP", "GMLP")
"""Families with a twin in PyTorch, torch_FAMILY.py or, from SwinV2 on, in timm; in other libraries only ViT has one."""
DEFAULT_MODELS = ["vit_tiny_patch4_32:avg", "vit_tiny_patch4_32:token", "swin_tiny_patch2_32", "mixer_tiny_patch4_32"]
LARGEST_BATCH = 128
STEP_FLOPS = 1e12  # five seconds on a core of 200 GFLOP/s
STEP_BYTES = 4 * 2**30


class Workload(NamedTuple):
    """A model by its family and full configuration (it travels to other processes, as JSON), and a batch size."""

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
    if name in PRESETS and PRESETS[name][0].__name__ not in TWINS:
        raise Skip(f"{name} is a {PRESETS[name][0].__name__}, of which there is no twin to compare with")
    options: dict[str, Any] = {"drop_path_rate": 0.0}  # both sides must drop the same
    if pool:
        options |= {"global_pool": pool, "class_token": pool == "token", "fc_norm": None}
    model = mv.create_model(name, **options)
    config = {"family": type(model).__name__, **model.config}
    return Workload(label, config, batch_size or batch_that_fits(config))


def model_of(config: dict[str, Any]) -> Model:
    """The model of a workload."""
    return MODELS[config["family"]](**{name: value for name, value in config.items() if name != "family"})


def one_shard(workload: Workload) -> Workload:
    """Of a model with batch normalisation, a batch of one shard: its statistics are of shards, PyTorch's of batches."""
    model = model_of(workload.config)
    keeps_averages = len(model.named_state()) > len(model.named_params())
    return workload._replace(batch_size=min(workload.batch_size, SHARD_SIZE)) if keeps_averages else workload


def only_vit(config: dict[str, Any]) -> None:
    """Skip what is written for the shapes of a Vision Transformer."""
    if config["family"] != "ViT":
        raise Skip(f"the ops are those of a ViT, not of a {config['family']}")


def batch_that_fits(config: dict[str, Any]) -> int:
    """The largest power of two, 128 at most, for which a training step takes seconds and a few GiB."""
    cost, batch_size = mv.cost.estimate(model_of(config)), LARGEST_BATCH
    while batch_size > 1 and (
        6 * batch_size * cost.macs_forward > STEP_FLOPS or batch_size * cost.activation_bytes > STEP_BYTES
    ):
        batch_size //= 2
    return batch_size


def sizes(config: dict[str, Any]) -> tuple[int, int, int, int, int]:
    """Of a ViT: patches, tokens, numbers in a patch, width, and hidden width of the MLP."""
    (Y, X), (P, Q) = (pair(config[name]) for name in ("img_size", "patch_size"))
    patches, D = (Y // P) * (X // Q), config["embed_dim"]
    return patches, patches + config["class_token"], P * Q * config["in_chans"], D, int(D * config["mlp_ratio"])


def macs(config: dict[str, Any]) -> int:
    """Multiply-adds in the matrix products of forward, per image; backward has twice as many."""
    return mv.cost.estimate(model_of(config)).macs_forward


def check_memory(workload: Workload, what: str, threads: int) -> None:
    """Skip what would not fit into memory, both sides being in it at a time."""
    label, config, batch_size = workload
    cost = mv.cost.estimate(model_of(config))
    params, kept = cost.params, cost.activation_bytes
    if what == "inference":
        need = 4 * params * 3 + batch_size * kept  # more than it is: inference keeps one block at a time
    else:  # value, gradients, two averages, and the arithmetic of the optimizer; then the activations of both sides
        shards = len(shards_of(batch_size))
        need = 4 * params * (9 + shards) + (batch_size + min(batch_size, threads * SHARD_SIZE)) * kept
    free = available_bytes()
    if free is not None and need > 0.8 * free:
        raise Skip(f"{label} would need about {need / 2**30:.0f} GiB; {free / 2**30:.0f} GiB are free")


def image_shape(config: dict[str, Any], batch_size: int) -> tuple[int, int, int, int]:
    """(B, Y, X, C)"""
    return (batch_size, *pair(config["img_size"]), config["in_chans"])
