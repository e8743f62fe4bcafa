"""Weights of timm (https://github.com/huggingface/pytorch-image-models), from it and for it: names as ours."""

from numpy import ndarray

from minivit.models.vit import ViT
from minivit.weights.places import Arrays, Place, load_places
from minivit.weights.torch_layout import from_torch, to_torch, torch_shapes


def load_timm(model: ViT, arrays: Arrays, *, keep_head: bool = False) -> None:
    """Load the weights of timm's ``VisionTransformer``; model and checkpoint must agree in all options.

    Position embeddings of another (square) grid are resampled as timm does it: bicubic, with antialiasing. timm's
    defaults are minivit's: exact GELU, ``norm_eps=1e-6``.

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
        If a shape does not fit, the number of classes for instance; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    places = {name: Place((name,), shape) for name, shape in torch_shapes(model).items()}
    resize = {"mode": "bicubic", "antialias": True}
    load_places(model, arrays, places, to_our_axes=from_torch, resize=resize, head="head.", keep_head=keep_head)


def to_timm(model: ViT) -> dict[str, ndarray]:
    """Weights as timm's ``VisionTransformer`` of the same options loads them: the inverse of :func:`load_timm`."""
    shapes = torch_shapes(model)
    return {name: to_torch(param.value, shapes[name]) for name, param in model.named_params().items()}
