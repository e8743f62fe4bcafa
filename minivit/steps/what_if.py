"""Whether, and with what, the page can compute a Vision Transformer again: with a head off, or a patch grey."""

from typing import Any

from minivit.models.model import Model
from minivit.models.vit import ViT
from minivit.steps.arrays import Store
from minivit.types import ndarray

MOST_PRODUCTS = 10**8
"""Multiplications of a forward pass: what a page computes in about a tenth of a second."""

MOST_NUMBERS = 2**21
"""Of the weights and the image: all of them are in the page, for a corner is of no use here."""

PLAIN: dict[str, Any] = {
    "distilled": False,
    "reg_tokens": 0,
    "no_embed_class": False,
    "pre_norm": False,
    "init_values": None,
}
"""Options that the small script in the page knows no other values of."""


def recipe(model: Model, image: ndarray, grey: ndarray, store: Store) -> dict[str, Any]:
    """Options and weights that the page needs, or the reason why it cannot."""
    reason = _cannot(model, image)
    if reason:
        return {"reason": reason}
    config = model.config
    return {
        "depth": config["depth"],
        "heads": config["num_heads"],
        "eps": config["norm_eps"],
        "act": config["act_layer"],
        "pool": config["global_pool"],
        "patch": list(model.patch_embed.patch_size),  # type: ignore[attr-defined]
        "grid": list(model.patch_embed.grid_size),  # type: ignore[attr-defined]
        "image": store.add(image, exact=True),
        "grey": grey.tolist(),
        "weights": {name: store.add(param.value, exact=True) for name, param in model.named_params().items()},
    }


def _cannot(model: Model, image: ndarray) -> str:
    """Why the page cannot compute this model again; nothing if it can."""
    if type(model) is not ViT:
        return f"the page computes Vision Transformers again, and this is another model, {type(model).__name__}"
    if odd := [name for name, plain in PLAIN.items() if model.config[name] != plain]:
        return f"the page computes plain Vision Transformers again; this one has {odd[0]}"
    if not model.config["num_classes"]:
        return "the model names no classes"
    if (numbers := model.num_params + image.size) > MOST_NUMBERS:
        return f"the model is too large for a page: it has {numbers:,} weights and pixels"
    width, tokens = model.config["embed_dim"], model.patch_embed.num_patches + model.config["class_token"]
    hidden = int(width * model.config["mlp_ratio"])
    products = model.config["depth"] * tokens * width * (4 * width + 2 * hidden + 2 * tokens)
    if products > MOST_PRODUCTS:
        return f"the model is too large for a page: a forward pass has {products:,} multiplications"
    return ""
