"""What fairseq's first wav2vec makes of waves; for :mod:`make_fixtures`, which says what the keys mean.

The last fairseq on PyPI asks for old versions of Python and of much else. Its file of this model needs PyTorch alone
and a few names of its package, which stand here, so a wheel that is unpacked on the path will do, and is not imported::

    pip download fairseq==0.12.2 --no-deps --only-binary=:all: --python-version 3.8 --platform manylinux1_x86_64
"""

# pyright: reportMissingImports=false

import sys
from argparse import Namespace
from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

BASE: dict[str, Any] = {  # options of fairseq, but for the layers
    "activation": "relu",
    "aggregator": "cnn",
    "agg_zero_pad": False,
    "balanced_classes": False,
    "cross_sample_negatives": 0,
    "dropout": 0.0,
    "dropout_agg": 0.0,
    "dropout_features": 0.0,
    "infonce": False,
    "log_compression": False,
    "no_conv_bias": False,
    "non_affine_group_norm": False,
    "num_negatives": 3,
    "offset": "auto",
    "prediction_steps": 4,
    "project_features": "none",
    "residual_scale": 0.5,
    "sample_distance": None,
    "skip_connections_agg": False,
    "skip_connections_feat": False,
    "vq_type": "none",
}
CASES: dict[str, dict[str, Any]] = {
    "fairseq_wav2vec": {
        "conv_feature_layers": "[(5, 10, 5), (5, 8, 4), (5, 4, 2), (5, 1, 1)]",
        "conv_aggregator_layers": "[(5, 2, 1), (5, 3, 1), (7, 4, 1)]",
        "skip_connections_agg": True,
        "log_compression": True,
    },
    "fairseq_wav2vec_otherwise": {
        "conv_feature_layers": "[(6, 5, 3), (6, 4, 2), (6, 3, 2)]",
        "conv_aggregator_layers": "[(6, 3, 1), (7, 2, 1)]",
        "skip_connections_feat": True,
        "residual_scale": 0.3,
        "no_conv_bias": True,
        "agg_zero_pad": True,
    },
}


def wav2vec(record: Callable, randomize: Callable) -> None:
    """Frames, contexts, logits and the summed loss, with distractors that are given."""
    if find_spec("fairseq") is None:
        return
    kind = _module().Wav2VecModel
    for name, options in CASES.items():
        torch.manual_seed(7)
        model, x = randomize(kind(Namespace(**BASE | options))), torch.randn(2, 420, requires_grad=True)
        heads = model.wav2vec_predictions
        B, _, T = model.feature_extractor(x).shape
        distractors = torch.randint(T, (B, T, heads.n_negatives))

        def chosen(y: Tensor, distractors: Tensor = distractors) -> Tensor:
            """Copies x B x C x T."""
            return torch.stack([y[b][:, distractors[b]] for b in range(len(y))]).permute(3, 0, 1, 2)

        def run(model: nn.Module = model, x: Tensor = x) -> dict[str, Tensor]:
            z = model.feature_extractor(x)
            c = model.feature_aggregator(z)
            found = model(x)
            logits, targets = found["cpc_logits"], found["cpc_targets"]
            loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
            return {"z": z, "c": c, "logits": logits, "loss": loss}

        with patch.object(heads, "sample_negatives", chosen):
            meta = {"config": BASE | options, "offset": heads.offset}
            record(name, run, {"x": x}, dict(model.named_parameters()), {"distractors": distractors}, **meta)


def _module() -> Any:
    """``fairseq/models/wav2vec/wav2vec.py`` by itself. Its norm, too, computes in float64 here."""
    found = find_spec("fairseq")
    assert found is not None
    assert found.submodule_search_locations is not None
    file = Path(found.submodule_search_locations[0], "models", "wav2vec", "wav2vec.py")
    names: dict[str, Any] = {"II": str, "ChoiceEnum": lambda _: str, "FairseqDataclass": object, "FairseqTask": object}
    names |= {"BaseFairseqModel": nn.Module, "register_model": lambda *_, **__: lambda kind: kind}
    names |= {"Fp32GroupNorm": nn.GroupNorm, "buffered_arange": torch.arange}
    names |= dict.fromkeys(("Fp32LayerNorm", "GumbelVectorQuantizer", "KmeansVectorQuantizer", "TransposeLast"))
    parts = ["omegaconf", *(f"fairseq.{part}" for part in ("dataclass", "models", "modules", "tasks", "utils"))]
    stand_ins = {name: ModuleType(name) for name in ["fairseq", *parts]}
    for part in stand_ins.values():
        vars(part).update(names)
    spec = spec_from_file_location("fairseq_wav2vec", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    with patch.dict(sys.modules, {**stand_ins, "fairseq_wav2vec": module}):
        spec.loader.exec_module(module)
    return module
