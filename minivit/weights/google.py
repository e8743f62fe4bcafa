"""Weights of Google's Vision Transformer (https://github.com/google-research/vision_transformer), its .npz files."""

from functools import partial

from minivit.models.vit import ViT
from minivit.weights.files import Arrays
from minivit.weights.places import Family, Place, load_places
from minivit.weights.positions import fit_positions

BLOCK = {
    "norm1.weight": "LayerNorm_0/scale",
    "norm1.bias": "LayerNorm_0/bias",
    "attn.proj.weight": "MultiHeadDotProductAttention_1/out/kernel",
    "attn.proj.bias": "MultiHeadDotProductAttention_1/out/bias",
    "norm2.weight": "LayerNorm_2/scale",
    "norm2.bias": "LayerNorm_2/bias",
    "mlp.fc1.weight": "MlpBlock_3/Dense_0/kernel",
    "mlp.fc1.bias": "MlpBlock_3/Dense_0/bias",
    "mlp.fc2.weight": "MlpBlock_3/Dense_1/kernel",
    "mlp.fc2.bias": "MlpBlock_3/Dense_1/bias",
}
AROUND = {
    "cls_token": "cls",
    "pos_embed": "Transformer/posembed_input/pos_embedding",
    "patch_embed.proj.weight": "embedding/kernel",
    "patch_embed.proj.bias": "embedding/bias",
    "norm.weight": "Transformer/encoder_norm/scale",
    "norm.bias": "Transformer/encoder_norm/bias",
    "head.weight": "head/kernel",
    "head.bias": "head/bias",
}
ASIDE = {"pre_logits/": "Google's own loader drops this layer, too; the checkpoint's head was trained behind it"}


def load_google(
    model: ViT, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None, exact: bool = True
) -> None:
    """Load the weights of Google's official Vision Transformer; :mod:`minivit.weights` says what all loaders do.

    Google's model is this one with ``act_layer="gelu_tanh"`` and, if it averages (``classifier="gap"``),
    ``global_pool="avg", class_token=False, fc_norm=False``: it normalises before pooling.

    Positions of another grid, which is taken to be square, are resampled as Google does it: bilinear, corners aligned.
    Its own loader resamples for square grids only, and takes positions for as many patches as they are; here they are
    resampled, too, if the model's grid is not square.

    Its own loader, made for fine-tuning, leaves the head of every checkpoint aside (here: ``keep_head=True``), and with
    it the ``pre_logits`` layer that is in front of the head in files trained on ImageNet-21k. That layer is left aside
    here, too; such a head, if it is kept, means little without it.

    Parameters
    ----------
    model : ViT
    arrays : {name: array}, the nested dict of Flax, or the path of a .npz or .safetensors file
    keep_head : bool
        Leave the model's own head as it is and the checkpoint's aside: for fine-tuning on other classes.
    grid : (rows, columns), optional
        Grid of the checkpoint's positions, which its arrays do not tell. See above for what is taken otherwise.
    exact : bool
        Refuse a model that would compute something else than Google's. False loads into any activation and
        ``norm_eps``; with the exact GELU, as timm does it, logits then differ by about 1e-4 of their size.

    Raises
    ------
    KeyError, ValueError
        If an array, a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    if model.fc_norm:
        raise ValueError("Google's Vision Transformer normalises before pooling: build the model with fc_norm=False")
    for option, needed in {"act_layer": "gelu_tanh", "norm_eps": 1e-6}.items():
        if exact and model.config[option] != needed:
            raise ValueError(
                f"Google's weights were trained with {option}={needed!r}, the model has {model.config[option]!r}: "
                f"build it with {option}={needed!r}, or pass exact=False to accept slightly different outputs"
            )
    layout = _layout(model)
    resample = partial(
        fit_positions, model=model, grid=grid, interpolation="bilinear", antialias=False, align_corners=True
    )
    layout["pos_embed"] = layout["pos_embed"]._replace(resample=resample)
    family = Family(to_our_axes=lambda a: a, head="head/", aside=ASIDE, separator="/")  # kernels are (in, out) already
    load_places(model, arrays, [layout], family, keep_head=keep_head)


def _layout(model: ViT) -> dict[str, Place]:
    D, H = model.config["embed_dim"], model.config["num_heads"]
    shapes = {name: param.shape for name, param in model.named_params().items()}
    shapes["patch_embed.proj.weight"] = (*model.patch_embed.patch_size, model.in_chans, D)
    layout = {name: Place((AROUND[name],), shapes[name]) for name in shapes if name in AROUND}
    for i in range(len(model.blocks)):
        shapes[f"blocks.{i}.attn.proj.weight"] = (H, D // H, D)
        theirs = f"Transformer/encoderblock_{i}"
        for name, their_name in BLOCK.items():
            layout[f"blocks.{i}.{name}"] = Place((f"{theirs}/{their_name}",), shapes[f"blocks.{i}.{name}"])
        kinds = {"weight": ("kernel", (D, H, D // H)), "bias": ("bias", (H, D // H))}
        for kind, (their_kind, shape) in kinds.items():
            if f"blocks.{i}.attn.qkv.{kind}" in shapes:
                qkv = [f"{theirs}/MultiHeadDotProductAttention_1/{n}/{their_kind}" for n in ("query", "key", "value")]
                layout[f"blocks.{i}.attn.qkv.{kind}"] = Place(tuple(qkv), shape)
    return layout
