"""timm, Google, transformers, PyTorch, fairseq: how each writes files and resamples positions, whatever the model."""

from contextlib import suppress
from functools import partial

from minivit.layers.param import Param
from minivit.models.model import Model
from minivit.weights.places import OF_WINDOWS, Place, Source, Table, Way
from minivit.weights.positions import fit_positions
from minivit.weights.tables import find
from minivit.weights.torch_layout import torch_axes

TIMM_ASIDE = {
    "^pre_logits": "timm drops this layer, too; the checkpoint's head was trained behind it",
    r"relative_position_index$|relative_coords_table$|attn_mask$": OF_WINDOWS,
}


def _our_names(model: Model) -> Table:
    """Timm's names are ours; what else its loader takes for a model, and resamples otherwise, a file of tables says."""
    ways: list[Way] = [{name: Place((name,)) for name in (*model.named_state(), *model.head_names)}]
    more = Table([])
    with suppress(TypeError):  # there is none
        more = find("timm", model)
    return more._replace(ways=[*ways, *more.ways], aside={**TIMM_ASIDE, **more.aside})


def _as_ours(kind: str, param: Param) -> str:
    return kind


def _as_flax(kind: str, param: Param) -> str:
    if kind != "weight":
        return kind
    return "kernel" if param.is_linear_map else "scale"


def _our_axes(param: Param) -> tuple[int, ...]:
    return tuple(range(len(param.axes)))


def _fairseq_axes(param: Param) -> tuple[int, ...]:
    """PyTorch's; a map for each step is a transposed convolution, the kernel of which begins with "in"."""
    if "step" not in param.axes:
        return torch_axes(param)
    return tuple(map(param.axes.index, ("in", "out", "step")))


TIMM = Source(
    loader="load_timm",
    table=_our_names,
    separator=".",
    leaf=_as_ours,
    axes=torch_axes,
    resample={"position": partial(fit_positions, as_many_fit=True, interpolation="bicubic", antialias=True)},
)
GOOGLE = Source(
    loader="load_google",
    table=partial(find, "google"),
    separator="/",
    leaf=_as_flax,
    axes=_our_axes,
    resample={"position": partial(fit_positions, interpolation="bilinear", antialias=False, align_corners=True)},
)
HF = Source(
    loader="load_hf",
    table=partial(find, "hf"),
    separator=".",
    leaf=_as_ours,
    axes=torch_axes,
    resample={"position": partial(fit_positions, interpolation="bicubic", antialias=False)},
)
TORCH = Source(
    loader="load_torch",
    table=partial(find, "torch"),
    separator=".",
    leaf=_as_ours,
    axes=torch_axes,
    resample={},
)
FAIRSEQ = Source(
    loader="load_fairseq",
    table=partial(find, "fairseq"),
    separator=".",
    leaf=_as_ours,
    axes=_fairseq_axes,
    resample={},
)
SOURCES = (TIMM, GOOGLE, HF, TORCH, FAIRSEQ)
