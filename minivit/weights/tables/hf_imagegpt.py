"""The names of transformers for the parts of a :class:`minivit.models.ImageGPT`.

They are those of its ``ImageGPTForCausalImageModeling``, and ours. The maps inside of blocks are its ``Conv1D``, whose
weights are (in, out), as ours are.
"""

from minivit.models.image_gpt import ImageGPT
from minivit.weights.places import Place, Table, Way

BLOCK = {"ln_1": False, "attn.c_attn": True, "attn.c_proj": True, "ln_2": False, "mlp.c_fc": True, "mlp.c_proj": True}
"""Names inside h.0, and whether they are a ``Conv1D``."""

ASIDE = {
    r"h\.\d+\.attn\.(masked_)?bias$": "it is the mask that hides what comes later, not learned",
    r"^score\.": "it is the classifier of ImageGPTForImageClassification, and this model says colours",
}


def table(model: ImageGPT) -> Table:
    # ImageGPTModel, the body alone, has nothing in front
    return Table([_way(model, body) for body in ("transformer.", "")], aside=ASIDE, ours_alone=("clusters",))


def _way(model: ImageGPT, body: str) -> Way:
    way = {name: Place((body + name,)) for name in ("wte", "wpe", "ln_f")} | {"lm_head": Place(("lm_head",))}
    for i in range(len(model.h)):
        for part, as_ours in BLOCK.items():
            way[f"h.{i}.{part}"] = Place((f"{body}h.{i}.{part}",), as_ours=as_ours)
    return way
