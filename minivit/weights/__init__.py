"""Weights from elsewhere: the same models under the names and layouts of timm, Google, transformers, PyTorch, fairseq.

Our names are timm's, and a parameter knows what its axes are: so :func:`load_timm` and :func:`to_timm` know every
model, with no line written for it. What the others call the parts of a model stands in a file of
:mod:`minivit.weights.tables`, by which :func:`to_hf` gives weights back, too. What all loaders have in common:

- They take arrays by name, also in a nest of mappings, or the path of a .safetensors or .npz file. Nothing is ever
  unpickled (.pth, .pt, .bin: the error says how PyTorch converts them), and only what is needed is read, after its
  shape was checked.
- Numbers may be float16, bfloat16, float32 or float64, and become the model's dtype.
- All names may begin alike ("module.", "_orig_mod.", "state_dict.model.", "backbone.", ...). If a checkpoint holds the
  weights several times, a model and its moving average for instance, it is refused; :func:`read` helps to choose.
- All that a model keeps is loaded: parameters, and the running averages of batch norms.
- Whatever is left aside, and whatever stood in front of the names, is said in a warning; so are nan and infinite
  numbers, which are loaded as they are. (PyTorch's counts of batches are left aside without a word.)
- Position embeddings of another grid are resampled, as the official loader does it: :func:`resample_abs_pos_embed`. A
  checkpoint does not say its grid; ``grid=(rows, columns)`` does.
- ``keep_head=True`` is for other classes: it leaves alone what the model calls its ``head_names``.
- If anything does not fit, nothing is changed.

:func:`create_model`, which is ``minivit.create_model``, downloads trained weights of presets if it is asked to.
"""

from minivit.weights.any import load_any
from minivit.weights.fairseq import load_fairseq
from minivit.weights.files import read
from minivit.weights.google import load_google
from minivit.weights.hf import load_hf, to_hf
from minivit.weights.positions import cut_or_stretch_pos_embed, resample_abs_pos_embed
from minivit.weights.pretrained import create_model
from minivit.weights.timm import load_timm, to_timm
from minivit.weights.torch import load_torch

__all__ = [
    "create_model",
    "cut_or_stretch_pos_embed",
    "load_any",
    "load_fairseq",
    "load_google",
    "load_hf",
    "load_timm",
    "load_torch",
    "read",
    "resample_abs_pos_embed",
    "to_hf",
    "to_timm",
]
