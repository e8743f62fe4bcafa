"""The names of transformers for the parts of a :class:`minivit.models.AST`: its ``ASTForAudioClassification``."""

from minivit.models.ast import AST
from minivit.weights.places import Table
from minivit.weights.positions import fit_spectrogram_positions
from minivit.weights.tables.hf_vit import BODY, ways

HEAD = {"fc_norm": "classifier.layernorm", "head": "classifier.dense"}


def table(model: AST) -> Table:
    return Table(
        ways("audio_spectrogram_transformer.", BODY, HEAD, len(model.blocks)),
        resample={"position": fit_spectrogram_positions},
    )
