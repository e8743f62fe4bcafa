"""fairseq's names for the parts of a :class:`minivit.models.Wav2Vec`: its ``Wav2VecModel``, which numbers all steps."""

from minivit.models.wav2vec import Wav2Vec
from minivit.weights.places import Place, Table, Way

BLOCK = {"feature_extractor": {"conv": 0, "norm": 2}, "feature_aggregator": {"conv": 1, "norm": 3}}
"""In a block of the context network the padding is the first step."""


def table(model: Wav2Vec) -> Table:
    K = model.config["prediction_steps"]
    steps = "wav2vec_predictions.project_to_steps"  # a transposed convolution over (time, 1), with a kernel (1, K)
    way: dict[str, Place] = {
        "project_to_steps.weight": Place((f"{steps}.weight",), split={"step": (1, K)}),
        "project_to_steps.bias": Place((f"{steps}.bias",)),
    }
    for net in BLOCK:
        way |= _net(net, model)
    return Table([way])


def _net(net: str, model: Wav2Vec) -> Way:
    layers = range(len(getattr(model, net)))
    parts = {
        f"{net}.{i}.{ours}": f"{net}.conv_layers.{i}.{place}" for i in layers for ours, place in BLOCK[net].items()
    }
    parts |= {f"{net}.{i}.residual_proj": f"{net}.residual_proj.{i}" for i in layers}
    return {ours: Place((theirs,)) for ours, theirs in parts.items()}
