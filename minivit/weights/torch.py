"""Weights of modules written in PyTorch (https://pytorch.org): of its Transformer, and of what authors published."""

from minivit.models.model import Model
from minivit.weights.files import Arrays
from minivit.weights.loading import load
from minivit.weights.sources import TORCH


def load_torch(model: Model, arrays: Arrays) -> None:
    """Load the weights of a module of PyTorch; :mod:`minivit.weights` says what all loaders do.

    Those of ``torch.nn.Transformer`` fit a :class:`minivit.models.Transformer` without a vocabulary
    (``vocab_size=0``), with ``final_norm=True``. PyTorch keeps queries, keys and values in one matrix
    (``in_proj_weight``) everywhere; here self-attention does, and cross-attention, which projects two sequences, has
    one for each. Those of Jittor-MLP's PyTorch models fit a :class:`minivit.models.S2MLP` of the same options,
    those of the authors of SAM (facebookresearch/segment-anything) a :class:`minivit.models.SAM`, of DETR
    (facebookresearch/detr) a :class:`minivit.models.DETR`, and of SwinIR (JingyunLiang/SwinIR) a
    :class:`minivit.models.SwinIR`: what these files have in front of the names (``params.``, ``params_ema.``) is found.

    Those of OpenAI's CLIP (https://github.com/openai/CLIP), and of open_clip under the same names, fit a
    :class:`minivit.models.CLIP`, with either image tower; they are made for images of one size. OpenAI's files are
    TorchScript archives in half precision: ``torch.jit.load(path).float().state_dict()`` gives the arrays.

    Parameters
    ----------
    model : Model
        Of a kind whose names are known: a Transformer, an S2MLP, a SAM, a CLIP, a DETR or a SwinIR.
    arrays : {state_dict name: array}, or the path of a .safetensors or .npz file

    Raises
    ------
    TypeError
        If the names of this kind of model are not known here.
    KeyError, ValueError
        If an array, a shape or an option of the model does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    load(model, arrays, TORCH, keep_head=False, grid=None)
