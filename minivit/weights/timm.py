"""Weights of timm (https://github.com/huggingface/pytorch-image-models), from it and for it: names as ours."""

from numpy import ndarray

from minivit.models.model import Model
from minivit.weights.files import Arrays
from minivit.weights.loading import load
from minivit.weights.sources import TIMM
from minivit.weights.torch_layout import to_torch


def load_timm(model: Model, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None) -> None:
    """Load the weights of timm's model of the same kind; :mod:`minivit.weights` says what all loaders do.

    The parameters of all models bear timm's names, and know what their axes are: so this works for every model.
    Model and checkpoint must agree in all options; the arrays do not tell ``num_heads``, for instance. timm's defaults
    are minivit's: of a Vision Transformer exact GELU, ``norm_eps=1e-6``.

    Positions of another grid, which is taken to be square, are resampled as timm does it: bicubic, with
    antialiasing. Positions for as many patches as the model has are taken as they are, as timm takes them where it
    does not know their grid: so weights of :func:`to_timm` come back whatever the grid. Those of a PVT, which timm
    does not have, are resampled bilinearly, as the official code does it; relative positions of an MViT linearly,
    as timm does it. Files with the official names of Swin, PVT, PVT v2 and MViT load, too, as they do in timm, and
    so do those of SwinIR. A ``pre_logits`` layer, in front of the head of old files, is left aside, as timm leaves
    it, and so is what can be computed (``relative_position_index``).

    Parameters
    ----------
    model : Model
    arrays : {state_dict name: array}, or the path of a .safetensors or .npz file
    keep_head : bool
        Leave the model's own head (or heads) as it is and the checkpoint's aside: for fine-tuning on other classes.
    grid : (rows, columns), optional
        Grid of the checkpoint's positions, which its arrays do not tell. See above for what is taken otherwise.

    Raises
    ------
    KeyError, ValueError
        If an array or a shape does not fit, the number of classes for instance; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    load(model, arrays, TIMM, keep_head=keep_head, grid=grid)


def to_timm(model: Model) -> dict[str, ndarray]:
    """Weights as timm's model of the same options, if it has them, loads them: the inverse of :func:`load_timm`.

    The counts of batches that PyTorch keeps beside running averages, and does not ask for, are left out. Of a model
    with an option that timm does not have (a Swin without relative positions, say), parameters are called as the others
    are, and :func:`load_timm` takes them.

    Raises
    ------
    ValueError
        If timm has other names for the parts of this model.
    """
    if why := TIMM.table(model).no_way_back:
        raise ValueError(why)
    return {name: to_torch(param) for name, param in model.named_state().items()}
