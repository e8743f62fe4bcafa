"""Weights of whoever wrote them: the names in a file say which loader is meant."""

from contextlib import suppress

from minivit.models.model import Model
from minivit.weights.files import Arrays, open_arrays
from minivit.weights.google import load_google
from minivit.weights.hf import load_hf
from minivit.weights.loading import names_found
from minivit.weights.sources import GOOGLE, HF, TIMM
from minivit.weights.timm import load_timm

LOADERS = ((HF, load_hf), (TIMM, load_timm), (GOOGLE, load_google))
"""Those of models of images. Where the names of two are there, as those of a model that is called as transformers have
it, the first is meant: for timm every model has names, its own."""


def load_any(model: Model, arrays: Arrays, *, keep_head: bool = False) -> None:
    """Load weights of timm, transformers or Google: by the loader that finds most of its names among them.

    Parameters
    ----------
    model : Model
    arrays : {name: array}, or the path of a .safetensors or .npz file
    keep_head : bool
        Leave the model's own head as it is and the checkpoint's aside.

    Raises
    ------
    KeyError, ValueError
        If an array, a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    best, most = load_timm, 0
    with open_arrays(arrays) as stored:
        for source, loader in LOADERS:
            with suppress(TypeError):  # it may know no such model
                if (found := names_found(model, stored, source)) > most:
                    best, most = loader, found
    best(model, arrays, keep_head=keep_head)
