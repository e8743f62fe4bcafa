"""Weights of ``ViTForImageClassification`` of the transformers library (https://github.com/huggingface/transformers)."""

from collections.abc import Mapping
from functools import partial

from minivit.models.vit import ViT
from minivit.weights.files import Arrays
from minivit.weights.places import Family, Place, load_places
from minivit.weights.positions import fit_positions
from minivit.weights.torch_layout import from_torch, torch_shapes

BODY = {  # names inside "vit.", which is missing in files of ViTModel, the body alone
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
}
BLOCK = {  # names inside layers.0
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attn.proj": ("attention.o_proj",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
}
OLDER_BLOCK = {  # names inside encoder.layer.0: those of most files on the hub
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("intermediate.dense",),
    "mlp.fc2": ("output.dense",),
}
UNUSED = "ViTForImageClassification of transformers does not use it either"
ASIDE = {"decoder.": UNUSED}  # of ViTForMaskedImageModeling
ASIDE |= {f"{body}{part}": UNUSED for body in ("", "vit.") for part in ("pooler.", "embeddings.mask_token")}


def load_hf(model: ViT, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None) -> None:
    """Load the weights of ``ViTForImageClassification``; :mod:`minivit.weights` says what all loaders do.

    The names may be those of older or newer versions. Files of ``ViTModel`` and ``ViTForMaskedImageModeling``, which
    have no head, load with ``keep_head=True``; their pooler, decoder and mask token are left aside. The library's ViT
    is this one with ``norm_eps=1e-12``.

    Positions of another grid, which is taken to be square, are resampled as the library does it
    (``interpolate_pos_encoding=True``): bicubic, without antialiasing, also for as many patches if the model's grid is
    not square.

    Parameters
    ----------
    model : ViT
    arrays : {state_dict name: array}, or the path of a .safetensors or .npz file
    keep_head : bool
        Leave the model's own head as it is and the checkpoint's aside: for fine-tuning on other classes.
    grid : (rows, columns), optional
        Grid of the checkpoint's positions, which its arrays do not tell. See above for what is taken otherwise.

    Raises
    ------
    KeyError, ValueError
        If an array, a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    if model.fc_norm:
        raise ValueError("the ViT of transformers has no norm after pooling: build the model with fc_norm=False")
    resample = partial(fit_positions, model=model, grid=grid, interpolation="bicubic", antialias=False)
    layouts = []
    for body in ("vit.", ""):
        for blocks, names in {"layers": BLOCK, "encoder.layer": OLDER_BLOCK}.items():
            layout = _layout(model, body, f"{body}{blocks}", names)
            layout["pos_embed"] = layout["pos_embed"]._replace(resample=resample)
            layouts.append(layout)
    load_places(model, arrays, layouts, Family(from_torch, head="classifier.", aside=ASIDE), keep_head=keep_head)


def _layout(model: ViT, body: str, blocks: str, block_names: Mapping[str, tuple[str, ...]]) -> dict[str, Place]:
    layout = {}
    for name, shape in torch_shapes(model).items():
        if name in BODY:  # cls_token and pos_embed, which are arrays of their own
            layout[name] = Place((body + BODY[name],), shape)
            continue
        layer, kind = name.rsplit(".", 1)  # "blocks.0.attn.qkv", "weight"
        if layer == "head":
            layout[name] = Place((f"classifier.{kind}",), shape)
        elif layer in BODY:
            layout[name] = Place((f"{body}{BODY[layer]}.{kind}",), shape)
        else:
            _, i, layer = layer.split(".", 2)
            theirs = block_names[layer]
            shape = (shape[0] // len(theirs), *shape[1:])  # q, k and v are an array each
            layout[name] = Place(tuple(f"{blocks}.{i}.{part}.{kind}" for part in theirs), shape)
    return layout
