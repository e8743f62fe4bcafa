"""Weights of the transformers library (https://github.com/huggingface/transformers), from it and for it."""

import numpy as np
from numpy import ndarray

from minivit.models.model import Model
from minivit.weights.files import Arrays
from minivit.weights.loading import load
from minivit.weights.sources import HF
from minivit.weights.torch_layout import to_torch


def load_hf(model: Model, arrays: Arrays, *, keep_head: bool = False, grid: tuple[int, int] | None = None) -> None:
    """Load the weights of models of transformers; :mod:`minivit.weights` says what all loaders do.

    Of a ViT these are those of ``ViTForImageClassification``, of a distilled one those of
    ``DeiTForImageClassificationWithTeacher``, under the names of older or newer versions. Files of ``ViTModel`` and of
    ``ViTForMaskedImageModeling``, which have no head, load with ``keep_head=True``; their pooler, decoder and mask
    token are left aside. The library's ViT is this one with ``norm_eps=1e-12``.

    Of a ViT with LayerScale (``init_values``) they are those of ``Dinov2Model``, which is this one with
    ``norm_eps=1e-6`` and without a head; its mask token is left aside. The classifier of
    ``Dinov2ForImageClassification`` reads class token and mean of the patches beside each other, which no head here
    does: ``keep_head=True`` leaves it aside.

    Those of a PVT are of ``PvtForImageClassification``, of a PVTv2 ``PvtV2ForImageClassification``. The library
    computes all their norms with 1e-6, the authors, who trained them, those behind patches and spatial reduction with
    1e-5: ``inner_norm_eps`` says which. Positions are resampled bilinearly.

    Those of a UPerNet are of ``UperNetForSemanticSegmentation`` on a Swin, those of a SegFormer of
    ``SegformerForSemanticSegmentation``, which computes all norms with 1e-5 (``norm_eps``); with ``keep_head=True`` the
    encoder alone is loaded. That of a SegFormer is a PVTv2, too: ``SegformerForImageClassification``, into ``mit_b0``.

    Those of a CLIP are of ``CLIPModel``, with the image tower of a ViT: positions of its patches are resampled, those
    of texts are not. The file does not tell which token ends a text: see ``eos_token_id`` of
    :class:`minivit.models.CLIP`.

    Those of an AST are of ``ASTForAudioClassification``. It computes in ``norm_eps=1e-12``, as ours does.

    Those of an ImageGPT are of ``ImageGPTForCausalImageModeling``, which older versions call
    ``ImageGPTForImageModeling``; files of ``ImageGPTModel``, which have no head, load with ``keep_head=True``. The
    palette is not among them: the library's image processor has it, and :meth:`minivit.models.ImageGPT.load_clusters`
    takes it.

    Those of a SAM are of ``SamModel``. It computes the norms inside of its decoder's blocks with 1e-6, the authors, who
    trained them, with 1e-5: ``decoder_norm_eps`` says which.

    Positions of another grid, which is taken to be square, are resampled as the library does it
    (``interpolate_pos_encoding=True``): bicubic, without antialiasing, also for as many patches if the model's grid is
    not square. Those of an AST, whose grid is taken to have as many rows, are cut or stretched as its authors do it: so
    a checkpoint of ten seconds reads two (:func:`minivit.weights.cut_or_stretch_pos_embed`).

    Parameters
    ----------
    model : Model
        Of a kind whose names are known: a ViT, a Swin, a PVT, a PVTv2, a UPerNet, a SegFormer, an ImageGPT, a CLIP, an
        AST or a SAM.
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


def to_hf(model: Model) -> dict[str, ndarray]:
    """Weights as the same model of transformers loads them, under its newest names: the inverse of :func:`load_hf`.

    What is no weight is for you to set there: the ``eps`` of norms, for instance; :func:`load_hf` tells theirs. A
    PVTv2 comes back as ``PvtV2ForImageClassification``, a ``mit_b0`` too, which is read from a SegFormer as well.

    Raises
    ------
    TypeError
        If the library has no such model, or its names are not known here.
    ValueError
        If no options of theirs make a model that computes what this one does, as it was built.
    """
    table = HF.table(model)
    if table.unfit or table.no_way_back:
        raise ValueError(table.unfit or table.no_way_back)
    newest, *_ = table.ways
    arrays = {}
    for name, param in model.named_state().items():
        if name in table.ours_alone:
            continue
        layer, _, kind = name.rpartition(".")
        if newest.keys().isdisjoint((name, layer)):
            raise TypeError(f"to_hf: transformers has no such {type(model).__name__}: nothing in its models is {name}")
        place = newest[name] if name in newest else newest[layer]
        names = place.names if name in newest else [f"{part}.{kind}" for part in place.names]
        array = param.value.copy() if place.as_ours else to_torch(param)
        sides = zip((param.axes[i] for i in HF.axes(param)), array.shape, strict=True)
        if place.split:  # such as an axis of length 1 that the library has not
            array = array.reshape([n for axis, length in sides for n in place.split.get(axis, (length,))])
        parts = np.split(array, len(names)) if len(names) > 1 else [array]  # along "out", which is PyTorch's first axis
        arrays |= dict(zip(names, parts, strict=True))
    return arrays
