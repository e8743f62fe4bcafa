"""Weights of the transformers library (https://github.com/huggingface/transformers)."""

from minivit.models.model import Model
from minivit.weights.files import Arrays
from minivit.weights.loading import load
from minivit.weights.sources import HF


def load_hf(model: Model, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None) -> None:
    """Load the weights of models of transformers; :mod:`minivit.weights` says what all loaders do.

    Of a ViT these are those of ``ViTForImageClassification``, under the names of older or newer versions. Files of
    ``ViTModel`` and ``ViTForMaskedImageModeling``, which have no head, load with ``keep_head=True``; their pooler,
    decoder and mask token are left aside. The library's ViT is this one with ``norm_eps=1e-12``.

    Positions of another grid, which is taken to be square, are resampled as the library does it
    (``interpolate_pos_encoding=True``): bicubic, without antialiasing, also for as many patches if the model's grid is
    not square.

    Parameters
    ----------
    model : Model
        Of a kind whose names are known: a ViT or a Swin.
    arrays : {state_dict name: array}, or the path of a .safetensors or .npz file
    keep_head : bool
        Leave the model's own head as it is and the checkpoint's aside: for fine-tuning on other classes.
    grid : (rows, columns), optional
        Grid of the checkpoint's positions, which its arrays do not tell. See above for what is taken otherwise.

    Raises
    ------
    TypeError
        If the library has no such model, or its names are not known here.
    KeyError, ValueError
        If an array, a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    load(model, arrays, HF, keep_head=keep_head, grid=grid)
