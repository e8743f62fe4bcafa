"""Mistakes in forward, which no check of gradients can see: the fixtures of tests/test_parity.py tell each of them."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.layers import Block
from minivit.layers import cosine_window_attention as cosine
from minivit.layers import patch_merging as merging
from minivit.ops import (
    affine_forward,
    shift_channels_forward,
    softmax_forward,
    spatial_gating_forward,
    spatial_shifts,
    unit_vectors_forward,
)
from tests.test_parity import SHIFTING, Case, channels_last, load_timm

KINDS = {"timm_res_mlp": "ResMLP", "timm_gmlp": "GMLP", "timm_swinv2_odd": "SwinV2", "timm_swinv2_grown": "SwinV2"}
right_offsets, right_split = cosine.log_spaced_offsets, np.split
right_partition = cosine.window_partition_forward


def rolled(x: np.ndarray, *, offsets: np.ndarray, repeat: bool = True) -> Any:
    y = np.stack([np.roll(x[..., c], (-offset).tolist(), (1, 2)) for c, offset in enumerate(offsets)], axis=-1)
    return y, None


def shifted(change: Any) -> Any:
    """Other offsets, or other edges, or both."""
    return lambda x, *, offsets, repeat=True: shift_channels_forward(x, **change(offsets, repeat))


def softmax_of_channels(scores: np.ndarray) -> Any:
    """Over the channels of a branch, as if the axes had not been exchanged."""
    y, cache = softmax_forward(scores.mT)
    return y.mT, cache


def split_attention_mean(layer: Any, branches: int, places: int) -> int:
    return 1


def norm_in_front(self: Any, x: np.ndarray, **options: Any) -> Any:
    return Block.forward(self, x, **options)


def keys_biased(arrays: Any, *rest: Any, **options: Any) -> Any:
    """The bias of values for keys, too."""
    if isinstance(arrays, tuple) and len(arrays) == 3:
        arrays = (arrays[0], arrays[2], arrays[2])
    return np.concatenate(arrays, *rest, **options)


class OtherNumPy:
    """NumPy, of which one function does something else."""

    def __init__(self, **functions: Any) -> None:
        self.functions = functions

    def __getattr__(self, name: str) -> Any:
        return self.functions.get(name) or getattr(np, name)


MISTAKES: dict[str, tuple[str, str, Any]] = {
    "a clamp forgotten": ("timm_swinv2_odd", "ops.cosine_attention._scale", np.exp),
    "no direction of keys, but keys": (
        "timm_swinv2_odd",
        "ops.cosine_attention.unit_vectors_forward",
        lambda x: (x / np.linalg.norm(x), unit_vectors_forward(x)[1]),
    ),
    "offsets of the other sign": (
        "timm_swinv2_odd",
        "layers.cosine_window_attention.log_spaced_offsets",
        lambda *sizes: -right_offsets(*sizes),
    ),
    "offsets right and down": (
        "timm_swinv2_odd",
        "layers.cosine_window_attention.log_spaced_offsets",
        lambda *sizes: right_offsets(*sizes)[:, ::-1].copy(),
    ),
    "offsets on the scale of this window": (
        "timm_swinv2_grown",
        "layers.cosine_window_attention.log_spaced_offsets",
        lambda window, pretrained: right_offsets(window),
    ),
    "a natural logarithm": (
        "timm_swinv2_odd",
        "layers.cosine_window_attention.log_spaced_offsets",
        lambda *sizes: right_offsets(*sizes) * np.log(2),
    ),
    "a bias of no sigmoid": (
        "timm_swinv2_odd",
        "layers.cosine_window_attention.sigmoid_forward",
        lambda x: (x, None),
    ),
    "a bias of keys": ("timm_swinv2_odd", "layers.cosine_window_attention.np", OtherNumPy(concatenate=keys_biased)),
    "strangers that know each other": (
        "timm_swinv2_odd",
        "layers.cosine_window_attention.shifted_mask",
        lambda *sizes, **cut: None,
    ),
    "norms in front of what is found": ("timm_swinv2_odd", "layers.block.ResPostNormBlock.forward", norm_in_front),
    "patches that are not normed": (
        "timm_swinv2_odd",
        "layers.patch_merging.PatchMergingV2.forward",
        lambda self, x, rng=None: (self.reduction.forward(merging.merge_patches_forward(x)[0])[0], None),
    ),
    "a shift before it is scaled": (
        "timm_res_mlp",
        "layers.affine.affine_forward",
        lambda x, alpha, beta: affine_forward(x + beta, alpha, 0 * beta),
    ),
    "LayerScale of 1": (
        "timm_res_mlp",
        "layers.res_mlp_block.layer_scale_forward",
        lambda x, gamma: (x, None),
    ),
    "a matrix transposed": (
        "timm_gmlp",
        "layers.gmlp_block.spatial_gating_forward",
        lambda u, v, weight, bias: spatial_gating_forward(u, v, weight.T.copy(), bias),
    ),
    "a gate of the other half": (
        "timm_gmlp",
        "layers.gmlp_block.spatial_gating_forward",
        lambda u, v, weight, bias: spatial_gating_forward(v, u, weight, bias),
    ),
    "a gate without its bias": (
        "timm_gmlp",
        "layers.gmlp_block.spatial_gating_forward",
        lambda u, v, weight, bias: spatial_gating_forward(u, v, weight, 0 * bias),
    ),
    "the other half normed": (
        "timm_gmlp",
        "layers.gmlp_block.np",
        OtherNumPy(split=lambda x, *rest, **options: right_split(x, *rest, **options)[::-1]),
    ),
    "around the edge": ("s2_mlp", "layers.spatial_shift.shift_channels_forward", rolled),
    "around the edge, in a narrow map": ("s2_mlp_narrow", "layers.spatial_shift.shift_channels_forward", rolled),
    "zeros beyond the edge": (
        "s2_mlp",
        "layers.spatial_shift.shift_channels_forward",
        shifted(lambda offsets, repeat: {"offsets": offsets, "repeat": False}),
    ),
    "a shift the other way": (
        "s2_mlp",
        "layers.spatial_shift.shift_channels_forward",
        shifted(lambda offsets, repeat: {"offsets": -offsets}),
    ),
    "columns first": (
        "s2_mlp",
        "layers.spatial_shift.spatial_shifts",
        lambda channels: spatial_shifts(channels, rows_first=False),
    ),
    "both shifts alike": (
        "s2_mlp_v2",
        "layers.spatial_shift.spatial_shifts",
        lambda channels, rows_first=True: spatial_shifts(channels),
    ),
    "a softmax of channels": ("s2_mlp_v2", "ops.split_attention.softmax_forward", softmax_of_channels),
    "the mean of places": ("s2_mlp_v2", "layers.split_attention.SplitAttention._count", split_attention_mean),
    "edges that repeat": (
        "cycle_mlp",
        "layers.cycle_mlp.shift_channels_forward",
        shifted(lambda offsets, repeat: {"offsets": offsets, "repeat": True}),
    ),
    "a cycle around the edge": ("cycle_mlp_small", "layers.cycle_mlp.shift_channels_forward", rolled),
    "a cycle the other way": (
        "cycle_mlp",
        "layers.cycle_mlp.shift_channels_forward",
        shifted(lambda offsets, repeat: {"offsets": -offsets, "repeat": repeat}),
    ),
    "a cycle from its first step": (
        "cycle_mlp",
        "layers.cycle_mlp.shift_channels_forward",
        shifted(lambda offsets, repeat: {"offsets": np.roll(offsets, 1, 0), "repeat": repeat}),
    ),
    "rows for columns": (
        "cycle_mlp",
        "layers.cycle_mlp.shift_channels_forward",
        shifted(lambda offsets, repeat: {"offsets": offsets[:, ::-1].copy(), "repeat": repeat}),
    ),
    "shares of a channel by branch": (
        "cycle_mlp",
        "layers.split_attention.SplitAttention.branch_last",
        property(lambda self: False, lambda self, value: None),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_show_beside_others(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, place, wrong = MISTAKES[mistake]
    case = Case(name)
    kind, load = SHIFTING[name] if name in SHIFTING else (KINDS[name], load_timm)
    build: Any = mv.models.MODELS[kind]
    images = channels_last(case["in/x"])

    def error() -> float:
        model = build(**case.meta["config"], dtype="float64")
        load(model, case.part("param"))
        return np.abs(model.forward(images)[0] - case["out/y"]).max()

    assert error() < 1e-10
    monkeypatch.setattr(f"minivit.{place}", wrong, raising=False)
    assert error() > 1e-3
