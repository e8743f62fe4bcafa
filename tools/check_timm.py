"""Do minivit and timm compute the same? Weights go from minivit to timm and back; run by hand where both are installed.

::

    pip install torch timm
    python tools/check_timm.py

For a few models, minivit's weights, all random, are loaded into timm's model with ``strict=True``, both compute in
float64, and timm's weights come back through a .safetensors file. For every preset that timm has too, the names and
shapes of all weights and the number of heads are compared. Exits with 1 if anything differs, outputs by more than
1e-10.
"""

# pyright: reportMissingImports=false

import sys
import tempfile

import numpy as np
import torch
from _timm import timm
from safetensors.torch import save_file

import minivit as mv
from minivit.weights import load_timm, to_timm
from minivit.weights.torch_layout import torch_shapes

SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 7}
CASES = {
    "token pooling": ("vit_tiny_patch16_224", {**SMALL}),
    "average pooling": ("vit_tiny_patch16_224", {**SMALL, "global_pool": "avg"}),
    "average pooling, norm before": (
        "vit_tiny_patch16_224",
        {**SMALL, "global_pool": "avg", "class_token": False, "fc_norm": False},
    ),
    "vit_tiny_patch16_224": ("vit_tiny_patch16_224", {}),
}


def check(preset: str, options: dict) -> tuple[float, bool]:
    """Largest difference of the logits, and whether the weights came back bit by bit."""
    rng = np.random.default_rng(0)
    ours = mv.create_model(preset, dtype="float64", **options)
    for param in ours.params:
        param.value = param.value + 0.1 * rng.standard_normal(param.shape)  # no zeros and ones that hide mistakes
    Y, X = ours.patch_embed.img_size
    images = rng.standard_normal((2, Y, X, 3))
    logits, _ = ours.forward(images)

    theirs = timm.create_model(preset, **options).double().eval()
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in to_timm(ours).items()}, strict=True)
    with torch.no_grad():
        their_logits = theirs(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()

    back = mv.create_model(preset, dtype="float64", seed=1, **options)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/model.safetensors"
        save_file(theirs.state_dict(), path)
        load_timm(back, path)
    same = all(np.array_equal(a.value, b.value) for a, b in zip(ours.params, back.params, strict=True))
    return float(np.abs(logits - their_logits).max()), same


def same_architecture(preset: str) -> bool:
    """Whether timm's model of this name has the same weights and heads; neither model allocates anything."""
    ours = mv.create_model(preset)
    with torch.device("meta"):
        theirs = timm.create_model(preset, num_classes=1000)  # some of its defaults are for 21,843
    shapes = {name: tuple(weight.shape) for name, weight in theirs.state_dict().items()}
    return torch_shapes(ours) == shapes and ours.config["num_heads"] == theirs.blocks[0].attn.num_heads


def main() -> int:
    failed = False
    for name, (preset, options) in CASES.items():
        difference, same = check(preset, options)
        failed |= difference > 1e-10 or not same
        print(f"{name:30} largest difference {difference:.1e}   weights back {'identical' if same else 'CHANGED'}")
    presets = [name for name in mv.models.PRESETS if timm.is_model(name)]
    different = [name for name in presets if not same_architecture(name)]
    print(f"{len(presets)} presets of timm; different here: {', '.join(different) or 'none'}")
    return int(failed or bool(different))


if __name__ == "__main__":
    sys.exit(main())
