"""Weights of fairseq (https://github.com/facebookresearch/fairseq)."""

from minivit.models.model import Model
from minivit.weights.files import Arrays
from minivit.weights.loading import load
from minivit.weights.sources import FAIRSEQ


def load_fairseq(model: Model, arrays: Arrays) -> None:
    """Load the weights of models of fairseq; :mod:`minivit.weights` says what all loaders do.

    Those of its first wav2vec (``Wav2VecModel`` with ``aggregator="cnn"``, without quantizer): build a
    :class:`minivit.models.Wav2Vec` with the options of the checkpoint, which its arrays do not tell; the released
    ``wav2vec_large.pt`` is the preset of that name.

    Parameters
    ----------
    model : Model
        Of a kind whose names are known: so far a Wav2Vec.
    arrays : {state_dict name: array}, or the path of a .safetensors or .npz file

    Raises
    ------
    TypeError
        If the library has no such model, or its names are not known here.
    KeyError, ValueError
        If an array or a shape does not fit; nothing is changed then.
    FileNotFoundError, ValueError
        If the file is missing or damaged.
    """
    load(model, arrays, FAIRSEQ, keep_head=False, grid=None)
