"""Weights of timm (https://github.com/huggingface/pytorch-image-models), from it and for it: names as ours."""

from functools import partial

from numpy import ndarray

from minivit.models.vit import ViT
from minivit.weights.files import Arrays
from minivit.weights.places import Family, Place, load_places
from minivit.weights.positions import fit_positions
from minivit.weights.torch_layout import from_torch, to_torch, torch_shapes

ASIDE = {"pre_logits": "timm drops this layer, too; the checkpoint's head was trained behind it"}


def load_timm(model: ViT, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None) -> None:
    """Load the weights of timm's ``VisionTransformer``; :mod:`minivit.weights` says what all loaders do.

    Model and checkpoint must agree in all options; the arrays do not tell ``num_heads``, for instance. timm's defaults
    are minivit's: exact GELU, ``norm_eps=1e-6``.

    Positions of another grid, which is taken to be square, are resampled as timm does it: bicubic, with antialiasing.
    Positions for as many patches as the model has are taken as they are, as timm takes them where it does not know
    their grid: so weights of :func:`to_timm` come back whatever the grid. A ``pre_logits`` layer, in front of the head
    of old files, is left aside, as timm leaves it.

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
        If an array or a shape does not fit, the number of classes for instance; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    layout = {name: Place((name,), shape) for name, shape in torch_shapes(model).items()}
    resample = partial(fit_positions, model=model, grid=grid, as_many_fit=True, interpolation="bicubic", antialias=True)
    layout["pos_embed"] = layout["pos_embed"]._replace(resample=resample)
    load_places(model, arrays, [layout], Family(from_torch, head="head.", aside=ASIDE), keep_head=keep_head)


def to_timm(model: ViT) -> dict[str, ndarray]:
    """Weights as timm's ``VisionTransformer`` of the same options loads them: the inverse of :func:`load_timm`."""
    shapes = torch_shapes(model)
    return {name: to_torch(param.value, shapes[name]) for name, param in model.named_params().items()}
