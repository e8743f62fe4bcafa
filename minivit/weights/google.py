"""Weights of Google (https://github.com/google-research/vision_transformer), its .npz files."""

from minivit.models.model import Model
from minivit.weights.files import Arrays
from minivit.weights.loading import load
from minivit.weights.sources import GOOGLE


def load_google(
    model: Model, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None, exact: bool = True
) -> None:
    """Load the weights of Google's official models; :mod:`minivit.weights` says what all loaders do.

    Google's Vision Transformer and MLP-Mixer are these with ``act_layer="gelu_tanh"``. If the former averages
    (``classifier="gap"``), it is ``global_pool="avg", class_token=False, fc_norm=False``: it normalises before pooling.

    Positions of another grid, which is taken to be square, are resampled as Google does it: bilinear, corners aligned.
    Its own loader resamples for square grids only, and takes positions for as many patches as they are; here they are
    resampled, too, if the model's grid is not square.

    Its own loader, made for fine-tuning, leaves the head of every checkpoint aside (here: ``keep_head=True``), and with
    it the ``pre_logits`` layer that is in front of the head in files trained on ImageNet-21k. That layer is left aside
    here, too; such a head, if it is kept, means little without it.

    Parameters
    ----------
    model : Model
        Of a kind that Google published: so far a ViT or a Mixer.
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
    TypeError
        If Google has no such model, or its names are not known here.
    KeyError, ValueError
        If an array, a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    for option, needed in GOOGLE.table(model).trained_with.items():
        if exact and model.config[option] != needed:
            raise ValueError(
                f"Google's weights were trained with {option}={needed!r}, the model has {model.config[option]!r}: "
                f"build it with {option}={needed!r}, or pass exact=False to accept slightly different outputs"
            )
    load(model, arrays, GOOGLE, keep_head=keep_head, grid=grid)
