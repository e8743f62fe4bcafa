"""ImageGPT of transformers, for tools/make_fixtures.py: tokens that fill no whole image, other depths and MLPs."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
import transformers
from torch import nn

CASES: dict[str, dict[str, Any]] = {
    "hf_imagegpt": {"img_size": (3, 5), "vocab_size": 8, "embed_dim": 12, "depth": 2, "num_heads": 3},
    "hf_imagegpt_otherwise": {
        **{"img_size": (2, 3), "vocab_size": 6, "embed_dim": 10, "depth": 1, "num_heads": 2},
        **{"mlp_ratio": 1.5, "act_layer": "gelu", "norm_eps": 1e-3},
    },
}
TOKENS = {"hf_imagegpt": 11, "hf_imagegpt_otherwise": 6}


def imagegpts(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    for name, config in CASES.items():
        torch.manual_seed(14)
        rows, columns = config["img_size"]
        theirs = transformers.ImageGPTConfig(
            vocab_size=config["vocab_size"],
            n_positions=rows * columns,
            n_embd=config["embed_dim"],
            n_layer=config["depth"],
            n_head=config["num_heads"],
            n_inner=int(config["embed_dim"] * config.get("mlp_ratio", 4)),
            activation_function=config.get("act_layer", "quick_gelu"),
            layer_norm_epsilon=config.get("norm_eps", 1e-5),
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
        model = randomize(transformers.ImageGPTForCausalImageModeling(theirs))
        tokens = torch.randint(config["vocab_size"], (2, TOKENS[name]))
        run = lambda model=model, tokens=tokens: {"y": model(input_ids=tokens).logits}  # noqa: E731
        record(name, run, {}, dict(model.named_parameters()), {"tokens": tokens}, config=config)
