"""Weights of ``ViTForImageClassification`` of the transformers library (https://github.com/huggingface/transformers)."""

from collections.abc import Mapping

from minivit.models.vit import ViT
from minivit.weights.places import Arrays, Place, load_places, read
from minivit.weights.torch_layout import from_torch, torch_shapes

AROUND = {
    "cls_token": "vit.embeddings.cls_token",
    "pos_embed": "vit.embeddings.position_embeddings",
    "patch_embed.proj": "vit.embeddings.patch_embeddings.projection",
    "norm": "vit.layernorm",
    "head": "classifier",
}
BLOCK = {  # names inside vit.layers.0
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attn.proj": ("attention.o_proj",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
}
OLDER_BLOCK = {  # names inside vit.encoder.layer.0: those of most files on the hub
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("intermediate.dense",),
    "mlp.fc2": ("output.dense",),
}


def load_hf(model: ViT, arrays: Arrays, *, keep_head: bool = False) -> None:
    """Load the weights of ``ViTForImageClassification``, under the names of older and of newer versions.

    The library's ViT is this one with ``norm_eps=1e-12``. Position embeddings of another (square) grid are resampled
    as it does it (``interpolate_pos_encoding=True``): bicubic, without antialiasing.

    Parameters
    ----------
    model : ViT
    arrays : {state_dict name: array}, or the path of a .safetensors or .npz file
    keep_head : bool
        Leave the model's own head as it is and the checkpoint's aside: for fine-tuning on other classes.

    Raises
    ------
    KeyError
        If an array is missing or has no place in the model; nothing is changed then.
    ValueError
        If a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    if model.fc_norm:
        raise ValueError("the ViT of transformers has no norm after pooling: build the model with fc_norm=False")
    arrays = read(arrays)
    older = any(name.startswith("vit.encoder.") for name in arrays)
    places = _places(model, "vit.encoder.layer", OLDER_BLOCK) if older else _places(model, "vit.layers", BLOCK)
    resize = {"mode": "bicubic"}
    load_places(model, arrays, places, to_our_axes=from_torch, resize=resize, head="classifier.", keep_head=keep_head)


def _places(model: ViT, blocks: str, block_names: Mapping[str, tuple[str, ...]]) -> dict[str, Place]:
    places = {}
    for name, shape in torch_shapes(model).items():
        if name in AROUND:  # cls_token and pos_embed, which are arrays of their own
            places[name] = Place((AROUND[name],), shape)
            continue
        layer, kind = name.rsplit(".", 1)  # "blocks.0.attn.qkv", "weight"
        if layer in AROUND:
            places[name] = Place((f"{AROUND[layer]}.{kind}",), shape)
            continue
        _, i, layer = layer.split(".", 2)
        theirs = block_names[layer]
        shape = (shape[0] // len(theirs), *shape[1:])  # q, k and v are an array each
        places[name] = Place(tuple(f"{blocks}.{i}.{part}.{kind}" for part in theirs), shape)
    return places
