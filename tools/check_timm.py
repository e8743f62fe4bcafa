"""Do minivit and timm compute the same? Weights go from minivit to timm and back; run by hand where both are installed.

::

    pip install torch timm
    python tools/check_timm.py

For a few models, minivit's weights, all random, are loaded into timm's model with ``strict=True``, both compute in
float64, and timm's weights come back through a .safetensors file. The same weights, in bfloat16 and with a layer that
timm drops, go into models of other image sizes, by timm's own loader and by ours. For every preset that timm has too,
the names and shapes of all weights and the number of heads are compared. Exits with 1 if anything differs, outputs by
more than 1e-10, resampled positions (which timm rounds to float32) by more than 1e-7.
"""

# pyright: reportMissingImports=false

import sys
import tempfile
import warnings

import numpy as np
import torch
from _timm import timm
from safetensors.torch import save_file
from timm.models.vision_transformer import checkpoint_filter_fn

import minivit as mv
from minivit.layers.mvit_stage import doubled
from minivit.types import pair
from minivit.weights import load_timm, to_timm
from minivit.weights.torch_layout import torch_shape

SMALL = {"img_size": 32, "patch_size": 8, "embed_dim": 48, "depth": 3, "num_heads": 3, "num_classes": 7}
CASES = {
    "token pooling": ("vit_tiny_patch16_224", {**SMALL}),
    "average pooling": ("vit_tiny_patch16_224", {**SMALL, "global_pool": "avg"}),
    "average pooling, norm before": (
        "vit_tiny_patch16_224",
        {**SMALL, "global_pool": "avg", "class_token": False, "fc_norm": False},
    ),
    "no biases of queries": ("vit_tiny_patch16_224", {**SMALL, "qkv_bias": False}),
    "no head": ("vit_tiny_patch16_224", {**SMALL, "num_classes": 0}),
    "vit_tiny_patch16_224": ("vit_tiny_patch16_224", {}),
    "Swin": ("swin_tiny_patch4_window7_224", {"img_size": (60, 44), "patch_size": 2, "depths": (2, 1, 0, 2)}),
    "Mixer": ("mixer_s32_224", {"img_size": 64, "mlp_ratio": (0.3, 1.5), "num_classes": 7}),
}
SIZES = [(32, 32), (24, 40), (48, 48), (16, 64)]  # the last has as many patches as 32 x 32


def check(preset: str, options: dict) -> tuple[float, bool]:
    """Largest difference of the logits, and whether the weights came back bit by bit."""
    rng = np.random.default_rng(0)
    ours = mv.create_model(preset, dtype="float64", **options)
    for param in ours.named_state().values():
        param.value = param.value + 0.1 * rng.standard_normal(param.shape)  # no zeros and ones that hide mistakes
    Y, X = pair(ours.config["img_size"])
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
    came_back = back.state_dict()
    same = all(np.array_equal(value, came_back[name]) for name, value in ours.state_dict().items())
    return float(np.abs(logits - their_logits).max()), same


def check_loader(size: tuple[int, int]) -> float:
    """Largest difference of the weights that timm's loader and ours make of one file for images of this size."""
    preset, options = CASES["token pooling"]
    theirs = timm.create_model(preset, **options).bfloat16()
    weights = {**theirs.state_dict(), "pre_logits.fc.weight": torch.ones(48, 48)}
    model = timm.create_model(preset, **{**options, "img_size": size})
    model.load_state_dict(checkpoint_filter_fn({name: a.float() for name, a in weights.items()}, model), strict=True)
    ours = mv.create_model(preset, **{**options, "img_size": size})
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pre_logits, and of "module."
        save_file({f"module.{name}": a for name, a in weights.items()}, f"{folder}/model.safetensors")
        load_timm(ours, f"{folder}/model.safetensors")
    expected = model.state_dict()
    return max(float(np.abs(array - expected[name].numpy()).max()) for name, array in to_timm(ours).items())


def same_architecture(preset: str) -> bool:
    """Whether timm's model of this name has the same weights and heads; neither model allocates anything."""
    ours = mv.create_model(preset)
    with torch.device("meta"):
        theirs = timm.create_model(preset, num_classes=ours.config["num_classes"])  # some defaults are for 21,843
    shapes = {name: tuple(weight.shape) for name, weight in theirs.state_dict().items()}
    shapes = {name: shape for name, shape in shapes.items() if not name.endswith("num_batches_tracked")}
    our_shapes = {name: torch_shape(param) for name, param in ours.named_state().items()}
    heads = [module.num_heads for name, module in theirs.named_modules() if name.endswith(".attn")]
    depths, our_heads = ours.config.get("depths", ours.config.get("depth", 0)), ours.config.get("num_heads", 0)
    if isinstance(depths, tuple):
        our_heads = doubled(our_heads, len(depths))
    return our_shapes == shapes and np.repeat(our_heads, depths).tolist() == heads


def main() -> int:
    failed = False
    for name, (preset, options) in CASES.items():
        difference, same = check(preset, options)
        failed |= difference > 1e-10 or not same
        print(f"{name:30} largest difference {difference:.1e}   weights back {'identical' if same else 'CHANGED'}")
    for size in SIZES:
        difference = check_loader(size)
        failed |= difference > 1e-7
        print(f"{'a file, for ' + ' x '.join(map(str, size)):30} largest difference {difference:.1e}")
    ours = [name for name, (kind, _) in mv.models.PRESETS.items() if kind is not mv.models.ModifiedResNet]  # own names
    presets = [name for name in ours if timm.is_model(name)]
    different = [name for name in presets if not same_architecture(name)]
    print(f"{len(presets)} presets of timm; different here: {', '.join(different) or 'none'}")
    return int(failed or bool(different))


if __name__ == "__main__":
    sys.exit(main())
