"""Write tests/fixtures/*.npz: what PyTorch, timm, transformers, librosa and others compute, to compare with.

Run it by hand, rarely, where these libraries are installed (the tests need none of them)::

    pip install torch timm transformers librosa torchaudio scikit-image
    python tools/make_fixtures.py

What fairseq computes, too, where it lies on the path: see ``_fairseq.py``; and what the authors of SAM do, where their
package is installed: see ``_sam.py``. What TensorFlow computes is written by
``tensorflow_fixture.py``, in an environment of its own.

Everything is float64 and drawn from a fixed seed, every parameter is random. Keys of a file:

``__meta__``
    JSON as uint8: the libraries' versions, the configuration, and for ops with several outputs the options of each.
``param/NAME``, ``in/NAME``, ``const/NAME``
    Parameters under their library's names, inputs, and inputs that are not differentiated.
``out/NAME``, ``cot/NAME``
    Outputs and their cotangents; L is the sum of ``cot * out`` over all outputs.
``gin/NAME``, ``gparam/NAME``
    The gradients of L.

Images are (B, C, rows, columns), as in PyTorch. ``timm_google.npz`` has its ``param/`` under Google's names, loaded by
timm's own reader of Google's files, and its ``gparam/`` under timm's; so have ``google_mixer.npz`` and
``google_hybrid.npz``.

``optim_adam.npz``, ``optim_adamw.npz``, ``optim_sgd.npz`` are trajectories: ``p0/i`` the initial value of parameter i,
``g{t}/i`` its gradient at step t = 0..5, ``p{t+1}/i`` its value after that step; hyper-parameters in ``__meta__``.
``optim_clip.npz`` has gradients ``g/i``, their total ``norm`` and the gradients ``clipped/i`` to ``max_norm`` (in
``__meta__``).

``resample.npz`` has position embeddings on other grids, by each library's own function, and for each output the options
of ours. ``numbers.safetensors`` has numbers in short formats, as PyTorch writes them, and in float32 (``exact/NAME``).
"""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
import transformers
from _clip import clips
from _cnn import google_hybrid, hybrid, resnets
from _cnn_attention import augmented_conv, local_attention, non_local
from _deit import deit_loss
from _detr import detrs
from _dino import dino
from _fairseq import wav2vec
from _imagegpt import imagegpts
from _mvit import mvits
from _pvt import pvts
from _sam import sams
from _segmentation import segmenters
from _shifting_mlps import shifting_mlps
from _sound import librosa_features, librosa_inversion, torchaudio_features, transformers_features
from _swin_ir import image_quality, restoration_ops, swin_irs
from _timm import VisionTransformer, mixtures, resample_abs_pos_embed, timm
from numpy import ndarray
from safetensors.torch import save_file
from scipy.ndimage import zoom
from torch import Tensor, nn
from transformers.models.vit.modeling_vit import ViTEmbeddings

FOLDER = Path(__file__).parents[1] / "tests" / "fixtures"
VERSIONS = {"torch": torch.__version__, "timm": timm.__version__, "transformers": transformers.__version__}
VIT = {"img_size": (8, 6), "patch_size": (4, 2), "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 5}
Tensors = Mapping[str, Tensor]


def rand(*shape: int) -> Tensor:
    return torch.randn(shape, requires_grad=True)


def randomize(module: nn.Module) -> nn.Module:
    """Every parameter random, biases and norms too: zeros and ones would hide mistakes."""
    for param in module.parameters():
        nn.init.normal_(param, std=0.5)
    return module.eval()


def write(name: str, arrays: Mapping[str, Any], meta: Mapping[str, Any]) -> None:
    text = json.dumps({"versions": VERSIONS, **meta}).encode()
    path = FOLDER / f"{name}.npz"
    plain = {k: v.detach().numpy() if isinstance(v, Tensor) else np.asarray(v) for k, v in arrays.items()}
    plain["__meta__"] = np.frombuffer(text, np.uint8)
    np.savez_compressed(path, **plain)  # pyright: ignore[reportArgumentType]
    print(f"{path.name:32} {path.stat().st_size:7} bytes")


def record(
    name: str,
    run: Callable[[], Tensors],
    inputs: Tensors,
    params: Tensors | None = None,
    constants: Tensors | None = None,
    **meta: Any,
) -> None:
    """Run, draw a cotangent for every output, differentiate, write."""
    params, constants = params or {}, constants or {}
    outputs = run()
    cotangents = {key: torch.randn(y.shape) for key, y in outputs.items()}
    loss = sum((cotangents[key] * y).sum() for key, y in outputs.items())
    leaves = {f"in/{key}": x for key, x in inputs.items()} | {f"param/{key}": p for key, p in params.items()}
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    arrays = leaves | {f"g{key}": g for key, g in zip(leaves, gradients, strict=True)}
    arrays |= {f"const/{key}": c for key, c in constants.items()}
    arrays |= {f"out/{key}": y for key, y in outputs.items()} | {f"cot/{key}": c for key, c in cotangents.items()}
    write(name, arrays, meta)


def timm_vit(name: str, **options: Any) -> None:
    config = {**VIT, "mlp_ratio": 2.0, **options}
    model, x = randomize(VisionTransformer(**config)), rand(2, 3, 8, 6)
    record(name, lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=config)


def timm_deit_distilled() -> None:
    """The mean of both heads, as for inference."""
    torch.manual_seed(5)
    config = {**VIT, "mlp_ratio": 2.0}
    model, x = randomize(timm.models.deit.VisionTransformerDistilled(**config)), rand(2, 3, 8, 6)
    options = config | {"distilled": True}
    record("timm_deit_distilled", lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=options)


def google_vit_shapes(depth: int, positions: int, kernel: tuple[int, int, int]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of Google's file of a Vision Transformer of width 12."""
    D, H, hidden = 12, 3, 24
    shapes = {"embedding/kernel": (*kernel, D), "embedding/bias": (D,), "cls": (1, 1, D)}
    shapes |= {"Transformer/posembed_input/pos_embedding": (1, positions, D), "head/kernel": (D, 5), "head/bias": (5,)}
    shapes |= {f"Transformer/encoder_norm/{kind}": (D,) for kind in ("scale", "bias")}
    for i in range(depth):
        block = f"Transformer/encoderblock_{i}"
        attention, mlp = f"{block}/MultiHeadDotProductAttention_1", f"{block}/MlpBlock_3"
        shapes |= {f"{block}/LayerNorm_{n}/{kind}": (D,) for n in (0, 2) for kind in ("scale", "bias")}
        shapes |= {f"{attention}/{part}/kernel": (D, H, D // H) for part in ("query", "key", "value")}
        shapes |= {f"{attention}/{part}/bias": (H, D // H) for part in ("query", "key", "value")}
        shapes |= {f"{attention}/out/kernel": (H, D // H, D), f"{attention}/out/bias": (D,)}
        shapes |= {f"{mlp}/Dense_0/kernel": (D, hidden), f"{mlp}/Dense_0/bias": (hidden,)}
        shapes |= {f"{mlp}/Dense_1/kernel": (hidden, D), f"{mlp}/Dense_1/bias": (D,)}
    return shapes


def timm_google() -> None:
    """Weights in Google's format, read by timm."""
    shapes = google_vit_shapes(2, positions=7, kernel=(4, 2, 3))
    arrays = {key: torch.randn(shape).numpy() / 2 for key, shape in shapes.items()}
    config = {**VIT, "mlp_ratio": 2.0, "act_layer": "gelu_tanh"}
    model, x = randomize(VisionTransformer(**config)), rand(2, 3, 8, 6)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/google.npz", **arrays)
        model.load_pretrained(f"{folder}/google.npz")
    y, cotangent = model(x), torch.randn(2, 5)
    params = dict(model.named_parameters())
    dx, *gradients = torch.autograd.grad((y * cotangent).sum(), [x, *params.values()])
    written = {"in/x": x, "out/y": y, "cot/y": cotangent, "gin/x": dx}
    written |= {f"param/{key}": a for key, a in arrays.items()}
    written |= {f"gparam/{key}": g for key, g in zip(params, gradients, strict=True)}
    write("timm_google", written, {"config": config})


def timm_mixer() -> None:
    config = {"img_size": (8, 6), "patch_size": (4, 2), "num_blocks": 2, "embed_dim": 10, "num_classes": 5}
    config |= {"mlp_ratio": (0.7, 2.0)}
    model, x = randomize(timm.models.MlpMixer(**config)), rand(2, 3, 8, 6)
    record("timm_mixer", lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=config)


def timm_mlps() -> None:
    """ResMLP and gMLP, which timm makes of its Mixer by other blocks."""
    config = {"img_size": (8, 6), "patch_size": (4, 2), "num_blocks": 2, "embed_dim": 10, "num_classes": 5}
    mixer = timm.models.mlp_mixer
    gated = {"block_layer": mixer.SpatialGatingBlock, "mlp_layer": timm.layers.GatedMlp}
    for name, ratio, parts in (
        ("timm_res_mlp", 1.5, {"block_layer": mixer.ResBlock, "norm_layer": mixer.Affine}),
        ("timm_gmlp", 2.4, gated),
    ):
        torch.manual_seed(5)
        options = {**config, "mlp_ratio": ratio}
        model, x = randomize(mixer.MlpMixer(**options, **parts)), rand(2, 3, 8, 6)
        record(name, lambda model=model, x=x: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=options)


def google_mixer() -> None:
    """Google's Mixer by timm's: its GELU is the tanh one, its names and the order of its axes are Flax's."""
    config = {"img_size": (8, 6), "patch_size": (4, 2), "num_blocks": 2, "embed_dim": 10, "num_classes": 5}
    config |= {"mlp_ratio": (0.7, 2.0)}
    gelu_tanh = partial(nn.GELU, approximate="tanh")
    model, x = randomize(timm.models.MlpMixer(**config, act_layer=gelu_tanh)), rand(2, 3, 8, 6)
    cotangent, params = torch.randn(2, 5), dict(model.named_parameters())
    y = model(x)
    dx, *gradients = torch.autograd.grad((y * cotangent).sum(), [x, *params.values()])
    theirs = {"stem.proj": "stem", "blocks.": "MixerBlock_", ".norm1": "/LayerNorm_0", ".norm2": "/LayerNorm_1"}
    theirs |= {".mlp_tokens.fc": "/token_mixing/Dense_", ".mlp_channels.fc": "/channel_mixing/Dense_"}
    written = {"in/x": x, "out/y": y, "cot/y": cotangent, "gin/x": dx}
    for (name, array), gradient in zip(params.items(), gradients, strict=True):
        written[f"gparam/{name}"] = gradient
        layer, kind = name.replace("norm.", "pre_head_layer_norm.").rsplit(".", 1)
        for ours, google in theirs.items():
            layer = layer.replace(ours, google)
        layer = re.sub(r"Dense_(\d)", lambda dense: f"Dense_{int(dense[1]) - 1}", layer)
        kind = "bias" if kind == "bias" else "scale" if array.ndim == 1 else "kernel"
        written[f"param/{layer}/{kind}"] = array.permute({4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[array.ndim])
    write("google_mixer", written, {"config": config | {"act_layer": "gelu_tanh"}})


HF_VIT = {
    "image_size": (8, 6),
    "patch_size": (4, 2),
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 24,
    "num_labels": 5,
}


def hf_deit_distilled() -> None:
    torch.manual_seed(6)
    config = transformers.DeiTConfig(**HF_VIT)
    model, x = randomize(transformers.DeiTForImageClassificationWithTeacher(config)), rand(2, 3, 8, 6)
    options = {**VIT, "mlp_ratio": 2.0, "norm_eps": config.layer_norm_eps, "distilled": True}
    params = dict(model.named_parameters())
    record("hf_deit_distilled", lambda: {"y": model(x).logits}, {"x": x}, params, config=options)


def hf_ast() -> None:
    """Spectrograms are (batch, frames, bands). Positions of another number of frames as in the code of the authors."""
    torch.manual_seed(7)
    theirs = {"num_mel_bins": 14, "max_length": 20, "patch_size": 4, "frequency_stride": 3, "time_stride": 2}
    same = {name: HF_VIT[name] for name in HF_VIT if name not in ("image_size", "patch_size")}
    config = transformers.ASTConfig(**theirs, **same)
    model, x = randomize(transformers.ASTForAudioClassification(config)), rand(2, 20, 14)
    options = {"n_mels": 14, "length": 20, "patch_size": 4, "stride": (3, 2), "embed_dim": 12, "depth": 2}
    options |= {"num_heads": 3, "mlp_ratio": 2.0, "num_classes": 5, "norm_eps": config.layer_norm_eps}
    grid = model.audio_spectrogram_transformer.embeddings.position_embeddings[:, 2:].reshape(1, 4, 9, 12)
    grid = grid.permute(0, 3, 1, 2).detach()
    resized = {
        "4x5": grid[:, :, :, 9 // 2 - 5 // 2 :][:, :, :, :5],
        "4x13": F.interpolate(grid, size=(4, 13), mode="bilinear"),
        "6x8": F.interpolate(grid[:, :, :, 9 // 2 - 8 // 2 :][:, :, :, :8], size=(6, 8), mode="bilinear"),
    }
    constants = {f"grid/{name}": table.flatten(2).transpose(1, 2) for name, table in resized.items()}
    params = dict(model.named_parameters())
    record("hf_ast", lambda: {"y": model(x).logits}, {"x": x}, params, constants, config=options)


def hf_vit() -> None:
    config = transformers.ViTConfig(**HF_VIT)
    model, x = randomize(transformers.ViTForImageClassification(config)), rand(2, 3, 8, 6)
    options = {**VIT, "mlp_ratio": 2.0, "norm_eps": config.layer_norm_eps}
    record("hf_vit", lambda: {"y": model(x).logits}, {"x": x}, dict(model.named_parameters()), config=options)


SWINS: dict[str, dict[str, Any]] = {
    "timm_swin_whole": {"img_size": 32, "depths": (2, 2, 2), "num_heads": (2, 3, 4), "window_size": 4},
    "timm_swin_odd": {"img_size": (26, 22), "depths": (2, 2, 2), "num_heads": (2, 3, 4), "window_size": 4},
    "timm_swin_pair": {"img_size": (16, 20), "window_size": (3, 5), "qkv_bias": False},
    "hf_swin_absolute": {"img_size": (20, 28), "window_size": 4, "ape": True},
    "hf_swin_small": {"img_size": (20, 16), "window_size": 4},
    "timm_swinv2_odd": {"img_size": (26, 22), "depths": (2, 1), "window_size": 4},
    "timm_swinv2_grown": {
        "img_size": (16, 20),
        "depths": (2, 1),
        "window_size": (3, 5),
        "pretrained_window_sizes": (2, 4),
        "qkv_bias": False,
    },
    "hf_swinv2": {"img_size": 16, "depths": (2, 1), "window_size": 4},
}


def of_swin_v2(module: nn.Module) -> nn.Module:
    """Offsets in float64, which the libraries compute in float32, whatever the model computes in; one scale clamped."""
    for name, param in module.named_parameters():
        if name.endswith("logit_scale"):
            param.data[0] += 5  # the others are below log(100)
    for part in module.modules():
        if hasattr(part, "relative_coords_table"):
            window = torch.tensor(part.window_size)
            steps = [torch.arange(1 - M, M) for M in window.tolist()]
            offsets = torch.stack(torch.meshgrid(*steps, indexing="ij"), -1)[None]
            pretrained = torch.tensor(part.pretrained_window_size)
            offsets = offsets * 8 / (torch.where(pretrained > 0, pretrained, window) - 1).clamp(min=1)
            part.relative_coords_table = offsets.sign() * (offsets.abs() + 1).log2() / 3
    return module


def swin(name: str, options: dict[str, Any]) -> None:
    """Windows that divide every map, or none, and odd maps where four patches are merged."""
    config = {
        "patch_size": 2,
        "embed_dim": 6,
        "depths": (2, 2),
        "num_heads": (2, 3),
        "mlp_ratio": 1.5,
        "num_classes": 5,
    }
    config |= options
    Y, X = (config["img_size"],) * 2 if isinstance(config["img_size"], int) else config["img_size"]
    torch.manual_seed(4)
    x = rand(2, 3, Y, X)
    v2 = "swinv2" in name
    if name.startswith("timm"):
        kind = timm.models.SwinTransformerV2 if v2 else timm.models.SwinTransformer
        model = of_swin_v2(randomize(kind(**config)))
        record(name, lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=config)
        return
    theirs = {"image_size": "img_size", "use_absolute_embeddings": "ape", "num_labels": "num_classes"}
    same = {option: config[option] for option in ("patch_size", "embed_dim", "depths", "num_heads", "mlp_ratio")}
    renamed = {option: config[ours] for option, ours in theirs.items() if ours in config}
    if v2:
        hf = transformers.Swinv2Config(**same, **renamed, window_size=config["window_size"])
        model = of_swin_v2(randomize(transformers.Swinv2ForImageClassification(hf)))
    else:
        hf = transformers.SwinConfig(**same, **renamed, window_size=config["window_size"])
        model = randomize(transformers.SwinForImageClassification(hf))
        config["windows_like"] = "transformers"
    record(name, lambda: {"y": model(x).logits}, {"x": x}, dict(model.named_parameters()), config=config)


def positions() -> None:
    """Position embeddings of a 3 x 3 grid, resampled to 2 x 5 by the libraries' own functions."""
    table = rand(1, 10, 12)
    config = transformers.ViTConfig(
        image_size=6, patch_size=2, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=24
    )
    embeddings = transformers.ViTForImageClassification(config).vit.embeddings
    embeddings.position_embeddings.data = table.data
    small = resample_abs_pos_embed(table, [2, 5])  # timm computes this in float32
    arrays = {
        "in/pos_embed": table,
        "out/timm": small,
        "out/hf": embeddings.interpolate_pos_encoding(torch.zeros(1, 11, 12), 4, 10),
    }
    write("positions", arrays, {"grid": (2, 5)})


def attention() -> None:
    q, k, v, bias = rand(2, 3, 5, 4), rand(2, 3, 7, 4), rand(2, 3, 7, 6), rand(1, 3, 5, 7)
    mask = torch.rand(2, 1, 5, 7) > 0.4
    mask[..., 0] = True  # PyTorch gives nan where a query may look at nothing
    both = bias.masked_fill(~mask, -torch.inf)
    record(
        "attention",
        lambda: {
            "plain": F.scaled_dot_product_attention(q, k, v),
            "masked": F.scaled_dot_product_attention(q, k, v, attn_mask=mask),
            "bias": F.scaled_dot_product_attention(q, k, v, attn_mask=bias),
            "bias_masked": F.scaled_dot_product_attention(q, k, v, attn_mask=both),
            "scaled": F.scaled_dot_product_attention(q, k, v, scale=0.3),
        },
        {"q": q, "k": k, "v": v, "bias": bias},
        constants={"mask": mask},
        options={
            "plain": {},
            "masked": {"mask": True},
            "bias": {"bias": True},
            "bias_masked": {"bias": True, "mask": True},
            "scaled": {"scale": 0.3},
        },
    )


def cross_attention() -> None:
    layer = randomize(nn.MultiheadAttention(12, 3, batch_first=True))
    x, context = rand(2, 5, 12), rand(2, 7, 12)
    run = lambda: {"y": layer(x, context, context)[0]}  # noqa: E731
    record("cross_attention", run, {"x": x, "context": context}, dict(layer.named_parameters()), num_heads=3)


def multi_head_attention() -> None:
    """Three inputs; a bias for every head (in PyTorch a mask of numbers), and keys that nobody may see."""
    torch.manual_seed(3)
    layer = randomize(nn.MultiheadAttention(12, 3, kdim=8, vdim=8, batch_first=True))
    query, key, value, bias = rand(2, 5, 12), rand(2, 7, 8), rand(2, 7, 8), rand(2, 3, 5, 7)
    hidden = torch.rand(2, 7) < 0.4
    hidden[:, 0] = False  # PyTorch gives nan where a query may look at nothing
    mask = bias.masked_fill(hidden[:, None, None], -torch.inf)
    record(
        "multi_head_attention",
        lambda: {
            "plain": layer(query, key, value)[0],
            "biased": layer(query, key, value, attn_mask=bias.flatten(0, 1))[0],
            "masked": layer(query, key, value, attn_mask=mask.flatten(0, 1))[0],
        },
        {"query": query, "key": key, "value": value, "bias": bias},
        dict(layer.named_parameters()),
        constants={"hidden": hidden},
        num_heads=3,
    )


def conv2d() -> None:
    options: dict[str, dict[str, Any]] = {
        "padded": {"padding": 1},
        "strided": {"stride": (2, 3)},
        "dilated": {"dilation": (2, 1), "padding": (2, 0)},
        "grouped": {"groups": 3, "padding": (1, 0), "stride": (1, 2)},
        "depthwise": {"groups": 6, "dilation": 2, "stride": 2, "padding": 1},
    }
    x, params = rand(2, 6, 9, 11), {}
    for name, option in options.items():
        channels = 6 if name == "depthwise" else 9
        params[f"{name}.weight"] = rand(channels, 6 // option.get("groups", 1), 3, 2)
        params[f"{name}.bias"] = rand(channels)
    record(
        "conv2d",
        lambda: {
            name: F.conv2d(x, params[f"{name}.weight"], params[f"{name}.bias"], **option)
            for name, option in options.items()
        },
        {"x": x},
        params,
        options=options,
    )


def conv1d() -> None:
    options: dict[str, dict[str, Any]] = {
        "padded": {"padding": 2},
        "strided": {"stride": 3},
        "dilated": {"dilation": 2, "stride": 2, "padding": 1},
        "grouped": {"groups": 3},
    }
    x, params = rand(2, 6, 17), {}
    for name, option in options.items():
        params[f"{name}.weight"], params[f"{name}.bias"] = rand(9, 6 // option.get("groups", 1), 4), rand(9)
    record(
        "conv1d",
        lambda: {
            name: F.conv1d(x, params[f"{name}.weight"], params[f"{name}.bias"], **option)
            for name, option in options.items()
        },
        {"x": x},
        params,
        options=options,
    )


def resize() -> None:
    options = {}
    for mode in ("bilinear", "bicubic"):
        for size in ((12, 9), (4, 3), (7, 8)):
            for key, option in {"": {}, "_antialias": {"antialias": True}, "_corners": {"align_corners": True}}.items():
                options[f"{mode}_{size[0]}x{size[1]}{key}"] = {"size": size, "mode": mode, **option}
    x = rand(2, 3, 7, 5)
    run = lambda: {name: F.interpolate(x, **option) for name, option in options.items()}  # noqa: E731
    record("resize", run, {"x": x}, options=options)


def layer_norm() -> None:
    x = rand(3, 5, 7)
    params = {"row.weight": rand(7), "row.bias": rand(7), "sample.weight": rand(5, 7), "sample.bias": rand(5, 7)}
    record(
        "layer_norm",
        lambda: {
            "row": F.layer_norm(x, (7,), params["row.weight"], params["row.bias"], eps=1e-5),
            "sample": F.layer_norm(x, (5, 7), params["sample.weight"], params["sample.bias"], eps=1e-5),
        },
        {"x": x},
        params,
        eps=1e-5,
    )


def group_norm() -> None:
    torch.manual_seed(4)
    x, params = rand(3, 6, 4, 5), {"weight": rand(6), "bias": rand(6)}
    run = lambda: {str(n): F.group_norm(x, n, params["weight"], params["bias"], eps=1e-5) for n in (1, 2, 3, 6)}  # noqa: E731
    record("group_norm", run, {"x": x}, params, eps=1e-5)


def activations() -> None:
    x = rand(4, 7)
    functions = {
        "relu": F.relu,
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "sigmoid": torch.sigmoid,
        "softmax": lambda x: F.softmax(x, -1),
        "log_softmax": lambda x: F.log_softmax(x, -1),
    }
    record("activations", lambda: {name: function(x) for name, function in functions.items()}, {"x": x})


def losses() -> None:
    x, target, labels = rand(6, 5), torch.randn(6, 5), torch.tensor([0, 4, 2, 2, 3, 1])
    soft = torch.softmax(torch.randn(6, 5), -1)

    def kl_div(temperature: float) -> Tensor:
        student, teacher = F.log_softmax(x / temperature, -1), F.log_softmax(target / temperature, -1)
        return temperature**2 * F.kl_div(student, teacher, reduction="batchmean", log_target=True)

    record(
        "losses",
        lambda: {
            "cross_entropy": F.cross_entropy(x, labels),
            "cross_entropy_smooth": F.cross_entropy(x, labels, label_smoothing=0.1),
            "cross_entropy_soft": F.cross_entropy(x, soft),
            "cross_entropy_soft_smooth": F.cross_entropy(x, soft, label_smoothing=0.2),
            "mse": F.mse_loss(x, target),
            "l1": F.l1_loss(x, target),
            "kl_div": kl_div(1.0),
            "kl_div_warm": kl_div(3.0),
        },
        {"x": x},
        constants={"labels": labels, "soft": soft, "target": target},
        options={
            "cross_entropy": {"target": "labels"},
            "cross_entropy_smooth": {"target": "labels", "label_smoothing": 0.1},
            "cross_entropy_soft": {"target": "soft"},
            "cross_entropy_soft_smooth": {"target": "soft", "label_smoothing": 0.2},
            "mse": {"target": "target"},
            "l1": {"target": "target"},
            "kl_div": {"target": "target"},
            "kl_div_warm": {"target": "target", "temperature": 3.0},
        },
    )


def encoder_layer(name: str, *, norm_first: bool) -> None:
    layer = nn.TransformerEncoderLayer(12, 3, 20, dropout=0.0, batch_first=True, norm_first=norm_first)
    randomize(layer).train()  # eval mode takes a fused path
    x = rand(2, 5, 12)
    config = {"dim": 12, "num_heads": 3, "hidden_dim": 20, "norm_eps": 1e-5}
    record(name, lambda: {"y": layer(x)}, {"x": x}, dict(layer.named_parameters()), config=config)


def transformer(name: str, *, norm_first: bool) -> None:
    """Some places of the source are padding, in encoder and cross-attention; the target looks back only."""
    torch.manual_seed(3)
    config = {"d_model": 12, "nhead": 3, "num_encoder_layers": 2, "num_decoder_layers": 3, "dim_feedforward": 20}
    model = nn.Transformer(**config, dropout=0.0, batch_first=True, norm_first=norm_first)
    randomize(model).train()  # eval mode takes a fused path
    src, tgt = rand(4, 7, 12), rand(4, 5, 12)
    hidden = torch.arange(7) >= torch.tensor([[7], [4], [6], [1]])
    causal = torch.ones(5, 5, dtype=torch.bool).triu(1)
    masks = {"tgt_mask": causal, "src_key_padding_mask": hidden, "memory_key_padding_mask": hidden}
    params = dict(model.named_parameters())
    record(
        name,
        lambda: {"y": model(src, tgt, **masks)},
        {"src": src, "tgt": tgt},
        params,
        {"hidden": hidden},
        norm_first=norm_first,
    )


def optimizer(name: str, kind: type[torch.optim.Optimizer], **options: Any) -> None:
    params = [nn.Parameter(torch.randn(shape)) for shape in ((4, 3), (5,), (2, 3, 2, 2))]
    stepper = kind(params, **options)
    arrays = {f"p0/{i}": param.detach().clone() for i, param in enumerate(params)}
    for t in range(6):
        for i, param in enumerate(params):
            param.grad = torch.randn(param.shape)
            arrays[f"g{t}/{i}"] = param.grad.clone()
        stepper.step()
        arrays |= {f"p{t + 1}/{i}": param.detach().clone() for i, param in enumerate(params)}
    write(name, arrays, {"config": options})


def clip() -> None:
    params = [nn.Parameter(torch.zeros(shape)) for shape in ((4, 3), (5,))]
    for param in params:
        param.grad = torch.randn(param.shape)
    arrays = {f"g/{i}": param.grad.clone() for i, param in enumerate(params)}
    arrays["norm"] = nn.utils.clip_grad_norm_(params, max_norm=1.0)
    arrays |= {f"clipped/{i}": param.grad.clone() for i, param in enumerate(params)}
    write("optim_clip", arrays, {"max_norm": 1.0})


def resample() -> None:
    """As the libraries do it. Google calls SciPy; timm would round to float32, which is undone here."""
    torch.manual_seed(1)  # a seed of its own: files made before stay as they are

    def table(rows: int, columns: int, prefix: int) -> Tensor:
        return torch.randn(1, prefix + rows * columns, 5)

    def hf(x: Tensor, size: tuple[int, int]) -> Tensor:
        side = round((x.shape[1] - 1) ** 0.5)
        config = transformers.ViTConfig(image_size=side, patch_size=1, hidden_size=5, num_attention_heads=1)
        embeddings = ViTEmbeddings(config)
        embeddings.position_embeddings.data = x
        return embeddings.interpolate_pos_encoding(torch.zeros(1, 1 + size[0] * size[1], 5), *size)

    def google(x: Tensor, size: tuple[int, int]) -> ndarray:
        side = round((x.shape[1] - 1) ** 0.5)
        grid = x[0, 1:].reshape(side, side, 5).numpy()
        grid = zoom(grid, (size[0] / side, size[1] / side, 1), order=1)
        return np.concatenate((x[:, :1].numpy(), grid.reshape(1, -1, 5)), axis=1)

    arrays, options = {}, {}
    for name, (old, prefix, new) in {
        "larger": ((3, 3), 1, (5, 7)),
        "smaller": ((6, 6), 1, (4, 3)),
        "as_many": ((4, 4), 1, (2, 8)),
        "of_a_wide_grid": ((2, 6), 0, (5, 3)),
        "two_in_front": ((5, 3), 2, (3, 5)),
    }.items():
        arrays[f"in/{name}"] = x = table(*old, prefix)
        to = {"new_size": new, "num_prefix_tokens": prefix}
        given = to if old[0] == old[1] else {**to, "old_size": old}
        for kind, more in {"": {}, "_sharp": {"antialias": False}, "_linear": {"interpolation": "bilinear"}}.items():
            options[f"{name}/timm{kind}"] = {**given, **more}
            with patch.object(Tensor, "float", Tensor.double):
                arrays[f"out/{name}/timm{kind}"] = resample_abs_pos_embed(x, **given, **more)
        if old[0] == old[1]:
            options[f"{name}/hf"] = {**to, "antialias": False}
            arrays[f"out/{name}/hf"] = hf(x, new)
            options[f"{name}/google"] = {**to, "interpolation": "bilinear", "antialias": False, "align_corners": True}
            arrays[f"out/{name}/google"] = google(x, new)
    write("resample", arrays, {"options": options})


def gru_cell() -> None:
    torch.manual_seed(5)
    cell, x, h = randomize(nn.GRUCell(4, 6)), rand(3, 4), rand(3, 6)
    record("gru_cell", lambda: {"y": cell(x, h)}, {"x": x, "h": h}, dict(cell.named_parameters()))


def pool2d() -> None:
    """With equal numbers among them, where the maximum is found twice."""
    torch.manual_seed(3)
    x = torch.randint(-9, 10, (2, 3, 7, 8)).double().div(4).requires_grad_()
    options: dict[str, dict[str, Any]] = {
        "apart": {"kernel_size": 2, "stride": 3},
        "touching": {"kernel_size": (3, 2), "stride": (3, 2)},
        "overlapping": {"kernel_size": 3, "stride": 1},
        "padded": {"kernel_size": 3, "stride": 2, "padding": 1},
        "padded_as_a_pair": {"kernel_size": (2, 5), "stride": (1, 2), "padding": (0, 2)},
        "all_of_it": {"kernel_size": (7, 8), "stride": 1},
    }
    functions = {"max": F.max_pool2d, "avg": F.avg_pool2d}
    record(
        "pool2d",
        lambda: {
            f"{kind}/{name}": pool(x, **option) for name, option in options.items() for kind, pool in functions.items()
        },
        {"x": x},
        options=options,
    )


def stft() -> None:
    """One-sided and whole, padded in two ways or not, a shorter window, the power, three ways back; (re, im) last."""
    torch.manual_seed(6)
    x, window = rand(2, 120), (0.1 + torch.rand(32)).requires_grad_()
    options: dict[str, dict[str, Any]] = {
        "reflected": {"hop_length": 10, "pad_mode": "reflect"},
        "zeros": {"hop_length": 10, "pad_mode": "constant"},
        "odd": {"n_fft": 25, "win_length": 20, "hop_length": 7, "pad_mode": "reflect"},
        "whole_frames": {"hop_length": 9, "center": False},
        "short_window": {"win_length": 20, "hop_length": 8, "pad_mode": "reflect"},
        "normalized": {"hop_length": 10, "pad_mode": "reflect"},
        "twosided": {"hop_length": 16, "pad_mode": "constant"},
        "power": {"hop_length": 8, "pad_mode": "reflect"},
    }

    def transform(options: dict[str, Any], **more: Any) -> Tensor:
        win = options.get("win_length", 32)
        return torch.stft(x, **{"n_fft": 32, **options}, window=window[:win], return_complex=True, **more)

    def run() -> Tensors:
        X = {
            name: transform(option, onesided=name != "twosided", normalized=name == "normalized")
            for name, option in options.items()
        }
        louder = {name: X[name] * (1 + X[name].abs()) for name in ("reflected", "odd", "whole_frames")}
        back = {
            "inverse": torch.istft(louder["reflected"], 32, 10, window=window, length=120),
            "inverse_odd": torch.istft(louder["odd"], 25, 7, 20, window=window[:20], length=115),
            "inverse_whole_frames": torch.istft(louder["whole_frames"], 32, 9, window=window, center=False),
        }
        power = X.pop("power").abs() ** 2
        return {name: torch.view_as_real(spectrum) for name, spectrum in X.items()} | {"power": power} | back

    record("stft", run, {"x": x}, {"window": window}, options=options)


def numbers() -> None:
    """Among the numbers: nan, infinities, the smallest."""
    torch.manual_seed(2)
    x = torch.randn(3, 7, dtype=torch.float32)
    x[0, :6] = torch.tensor([torch.nan, torch.inf, -torch.inf, -0.0, 2.0**-133, 2.0**-24])
    tensors = {"bfloat16": x.bfloat16(), "float16": x.half()}
    tensors |= {f"exact/{name}": tensor.float() for name, tensor in tensors.items()}
    tensors["float8"] = x.to(torch.float8_e4m3fn)
    path = FOLDER / "numbers.safetensors"
    save_file(tensors, path)
    print(f"{path.name:32} {path.stat().st_size:7} bytes")


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    timm_vit("timm_vit_token")
    timm_vit("timm_vit_avg", global_pool="avg")
    timm_vit("timm_vit_avg_no_fc_norm", global_pool="avg", class_token=False, fc_norm=False)
    timm_google()
    hf_vit()
    positions()
    attention()
    cross_attention()
    conv2d()
    resize()
    layer_norm()
    activations()
    losses()
    encoder_layer("encoder_layer_pre", norm_first=True)
    encoder_layer("encoder_layer_post", norm_first=False)
    optimizer("optim_adam", torch.optim.Adam, lr=0.01, betas=(0.9, 0.99), eps=1e-8, weight_decay=0.0)
    optimizer("optim_adamw", torch.optim.AdamW, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
    optimizer("optim_sgd", torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=False)
    clip()
    resample()
    pool2d()
    numbers()
    multi_head_attention()
    group_norm()
    transformer("transformer_pre", norm_first=True)
    transformer("transformer_post", norm_first=False)
    gru_cell()
    for name, options in SWINS.items():
        swin(name, options)
    timm_mixer()
    timm_mlps()
    google_mixer()
    timm_deit_distilled()
    hf_deit_distilled()
    hf_ast()
    librosa_features(write)
    librosa_inversion(write)
    torchaudio_features(record)
    transformers_features(write)
    conv1d()
    wav2vec(record, randomize)
    stft()
    resnets(record, randomize)
    hybrid(record, randomize)
    deit_loss(record)
    google_hybrid(write, google_vit_shapes(1, positions=7, kernel=(1, 1, 16)))
    mixtures(write)
    dino(record, randomize)
    pvts(record, randomize)
    mvits(record, randomize)
    non_local(record, randomize)
    augmented_conv(record, randomize)
    local_attention(record, randomize)
    shifting_mlps(record, randomize)
    imagegpts(record, randomize)
    swin_irs(record, randomize)
    restoration_ops(record)
    image_quality(write)
    sams(record, randomize)
    segmenters(record, randomize)
    clips(record, randomize)
    detrs(record, randomize, write)


if __name__ == "__main__":
    main()
