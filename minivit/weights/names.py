"""Names in checkpoints: what stands in front of them, and what it tells if they do not fit. Knows no model."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import isqrt
from typing import Any

LAYER_SCALE = r"\bls[12]\b|layer_?scale|\bgamma_[12]\b"
PRE_NORM = r"norm_pre\b|pre_layr?norm|\bln_pre\b"
REGISTERS = r"reg(ister)?_tokens?\b"
REDUCTION = r"\b(sr|spatial_reduction|sequence_reduction)[./]"
# A part that a checkpoint may have and a model may not, by the names of its arrays.
PARTS = {
    r"pos_embed_spatial|shortcut_proj_mlp": "positions and shortcuts as MViT has, the first version",
    r"(stages|patch_embeddings)\.\d+\.pos|\bpos_embed\d": "positions for each stage, as PVT has, the first version",
    r"\bdwconv\b": "convolutions inside its MLPs, as PVT v2 has",
    LAYER_SCALE: "layer scale",
    REGISTERS: "register tokens",
    r"\bw12\b|weights_in|fc1_[gx]\b|gate_proj": "gated MLPs (SwiGLU)",
    r"\b[qk]_norm\b": "norms of queries and keys",
    r"\.logit_scale|cpb_mlp|continuous_position": "cosine attention and a net for positions (Swin V2)",
    r"relative_position_bias_table": "tables of relative positions, as Swin has, the first version",
    r"rel_pos_[hw]": "relative positions by rows and columns, as MViT v2 and SAM have",
    r"relative_position|rel_pos": "tables of relative positions",
    PRE_NORM: "a norm before its blocks",
    r"decoder": "a decoder",
    r"mask_token": "a token for masked patches",
    r"lora_": "LoRA matrices beside its weights",
    r"running_mean|num_batches_tracked": "batch norms",
}
# An option of a model, and the names that go with it: what to do if only the checkpoint has them, or only the model.
OPTIONS = {
    "fc_norm": (
        r"\bfc_norm\b",
        "the checkpoint normalises after pooling: build the model with fc_norm=True",
        "the checkpoint does not normalise after pooling: build the model with fc_norm=False",
    ),
    "class_token": (
        r"(^|[./])cls(_token)?$",
        "the checkpoint has a class token: build the model with class_token=True",
        "the checkpoint has no class token: build the model with class_token=False and global_pool='avg'",
    ),
    "use_cls_token": (
        r"(^|[./])cls(_token)?$",
        "the checkpoint has a class token: build the model with use_cls_token=True",
        "the checkpoint has no class token: build the model with use_cls_token=False",
    ),
    "distilled": (
        r"dist(illation)?_token|head_dist\b|distillation_classifier",
        "the checkpoint has a distillation token (as DeiT has): build the model with distilled=True",
        "the checkpoint has no distillation token: build the model with distilled=False",
    ),
    "init_values": (
        LAYER_SCALE,
        "the checkpoint has layer scale, which this model does not: build it with init_values=1e-5",
        "the checkpoint has no layer scale: build the model with init_values=None",
    ),
    "pre_norm": (
        PRE_NORM,
        "the checkpoint has a norm before its blocks (as CLIP's image tower has): build the model with pre_norm=True",
        "the checkpoint has no norm before its blocks: build the model with pre_norm=False",
    ),
    "reg_tokens": (
        REGISTERS,
        "the checkpoint has register tokens, which this model does not: build it with as many reg_tokens",
        "the checkpoint has no register tokens: build the model with reg_tokens=0",
    ),
    "qkv_bias": (
        r"\b((qkv|q|kv|query|key|value|[qkv]_proj|mlp_c)[./]|[qv]_)bias$",
        "the checkpoint has biases of queries, keys and values: build the model with qkv_bias=True",
        "the checkpoint has no biases of queries, keys and values: build the model with qkv_bias=False",
    ),
    "linear": (
        REDUCTION,
        "the checkpoint has fewer keys where this model has not, or attention of linear cost (as b2_li has): build the "
        "model with its sr_ratios, or with linear=True",
        "the checkpoint has all keys where this model has not, or no attention of linear cost: build the model with "
        "its sr_ratios, or with linear=False",
    ),
    "sr_ratios": (
        REDUCTION,
        "the checkpoint has fewer keys where this model has not: build the model with its sr_ratios",
        "the checkpoint has all keys where this model has not: build the model with its sr_ratios",
    ),
    "mixing": (
        r"\bsplit_attention\b",
        'the checkpoint shifts thirds of its channels (S2-MLPv2): build it with mixing="split"',
        'the checkpoint shifts its channels once (S2-MLP): build it with mixing="shift"',
    ),
}

TOKENS = r"\b(linear_tokens|gate\.proj)\b"
"""A matrix from tokens to tokens."""

WAYS = r"\bkey_rel_([hw])$"
"""Vectors of how far apart two places of a map are, in rows or in columns."""

DEPTHS = {"depth", "num_blocks"}
"""How models call the number of their blocks."""


def within(name: str, layers: Iterable[str]) -> bool:
    """Whether this is one of these layers or a part of one: "head.fc.bias" is a part of "head", "head_dist" is none."""
    return any(name.startswith(layer) and name[len(layer) :][:1] in ("", ".", "/") for layer in layers)


def prefix_of(names: Iterable[str], expected: Collection[str]) -> tuple[str, int]:
    """What stands in front of the expected names in a checkpoint ("module.", say), and how many stand behind it.

    That is "" unless more than half of them stand behind one and the same prefix.

    Raises
    ------
    ValueError
        If they do so behind several: a model and its moving average, for instance.
    """
    counts = _prefixes(names, expected)
    found = {prefix: count for prefix, count in counts.items() if 2 * count > len(expected)}
    if len(found) > 1:
        raise ValueError(
            f"the checkpoint holds these weights {len(found)} times, with {listed(found)} in front of their names: "
            "pass the arrays of one of them (minivit.weights.read gives those of a file)"
        )
    return next(iter(found.items()), ("", counts[""]))


def _prefixes(names: Iterable[str], expected: Collection[str]) -> Counter[str]:
    """How many of the expected names stand behind each prefix."""
    counts: Counter[str] = Counter()
    longest = max(map(len, expected), default=0)
    for name in names:
        starts = [0, *(separator.end() for separator in re.finditer(r"[./]", name))]
        ends = [start for start in starts if len(name) - start <= longest]  # a hostile name may be long
        counts.update(name[:start] for start in ends if name[start:] in expected)
    return counts


def misfit(missing: Collection[str], unknown: Collection[str], why: str) -> str:
    """One sentence on names that do not fit; without ", which KeyError would escape."""
    what = []
    if missing:
        what.append(f"{_arrays(missing)} missing")
    if unknown:
        what.append(f"{_arrays(unknown, 'has', 'have')} no place in this model")
    return " and ".join(what) + (f": {why}" if why else "")


def listed(names: Iterable[str], most: int = 3) -> str:
    """The first few names, sorted: "'a', 'b', 'c' and 9 more"."""
    names = sorted(names)
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def of_another_window(theirs: tuple[int, ...], ours: tuple[int, ...], window_size: Any) -> str:
    """What to say of a table of relative positions: a window of M x M tokens needs (2M - 1)^2 rows.

    A model with the same ``window_size`` has a smaller window where its map is smaller.
    """
    side, rest = divmod(isqrt(theirs[0]) + 1, 2)
    if len(theirs) != len(ours) or theirs[1:] != ours[1:] or rest or (2 * side - 1) ** 2 != theirs[0]:
        return ""
    its = "the checkpoint's img_size" if window_size == side else f"window_size={side}"
    return (
        f": a row for each way from one token of a window to another. The checkpoint's window is {side} x {side}, this "
        f"model's needs {ours[0]} rows: build the model with {its}"
    )


def of_a_head_of_two(theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    """What to say of a head (out, in) that reads twice as many numbers as the model has."""
    if len(theirs) != 2 or theirs != (ours[0], 2 * ours[1]):
        return ""
    return (
        ": the checkpoint's head reads two tokens beside each other (as that of DINOv2 the class token and the mean of "
        "the patches), this model's head one: keep_head=True leaves the checkpoint's aside"
    )


def of_other_images(name: str, theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    """What to say of an array whose rows are those of images of one size."""
    return _of_other_tokens(name, theirs, ours) or _of_another_map(name, theirs, ours)


def _of_other_tokens(name: str, theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    """What to say of a matrix from tokens to tokens: there are as many as an image has patches."""
    if not re.search(TOKENS, name) or theirs != (theirs[0],) * 2:
        return ""
    return f": a row for each token: there images have {theirs[0]} patches, here {ours[0]}, and it takes no others"


def _of_another_map(name: str, theirs: tuple[int, ...], ours: tuple[int, ...]) -> str:
    """What to say of vectors for the ways between two places: a side of n places needs 2n - 1."""
    axis = re.search(WAYS, name)
    if axis is None or len(theirs) != 2 or theirs[1:] != ours[1:] or theirs[0] % 2 == 0:
        return ""
    there, here, sides = theirs[0] // 2 + 1, ours[0] // 2 + 1, {"h": "rows", "w": "columns"}[axis[1]]
    return (
        f": a row for each way from one place of a map to another. There maps have {there} {sides}, here {here}: build "
        "the model with the checkpoint's img_size (a model with relative=False has no such rows)"
    )


def _arrays(names: Collection[str], one: str = "is", several: str = "are") -> str:
    return f"array {listed(names)} {one}" if len(names) == 1 else f"arrays {listed(names)} {several}"


def reason(
    missing: Collection[str],
    unknown: Collection[str],
    expected: Collection[str],
    names: Collection[str],
    *,
    options: Mapping[str, Any],
    heads: Mapping[str, str],
    others: Iterable[tuple[str, Collection[str]]],
) -> str:
    """The likeliest reason why names do not fit, and what to do; "" if it cannot be told.

    Parameters
    ----------
    missing, unknown, expected, names
        Those that only the model has, that only the checkpoint has, all of the model, all of the checkpoint.
    options : {name: value}
        Those of the model: nothing else is recommended.
    heads : {the checkpoint's name: ours}
        Of what ``keep_head`` would leave alone.
    others : list of (loader, names that it would look for)
    """
    for loader, theirs in others:
        found = _most(names, theirs)
        if 2 * found > len(theirs) and found > _most(names, expected):
            return f"these are weights for {loader}"
    for pattern, part in PARTS.items():
        if _any(pattern, unknown) and not _any(pattern, expected):
            asked = [hint for option, (its, hint, _) in OPTIONS.items() if its == pattern and option in options]
            return asked[0] if asked else f"the checkpoint has {part}, which this model does not"
    theirs, ours = _depth(names), _depth(expected)
    for option in DEPTHS & options.keys():
        if 0 < theirs != ours and any(name.endswith((*expected,)) for name in names):  # or it is another kind of model
            return f"the checkpoint's depth is {theirs}, the model's {ours}: build it with {option}={theirs}"
    their_stages, our_stages = _depths(names), _depths(expected)
    if "depths" in options and their_stages and their_stages != our_stages and len(missing) < len(expected):
        found = f"the checkpoint's stages have {their_stages} blocks, the model's {our_stages}"
        return f"{found}: build it with depths={their_stages}"
    if 2 * len(missing) > len(expected):
        return "these are not the weights of this model"
    for option, (pattern, only_checkpoint, only_model) in OPTIONS.items():
        if option in options and _any(pattern, unknown) != _any(pattern, missing):
            return only_checkpoint if _any(pattern, unknown) else only_model
    found = _heads(heads, [name for name in expected if name not in missing])
    lacking = _heads(heads, missing) - found - _heads(heads, unknown)
    if lacking:
        return f"the checkpoint has no {' and no '.join(sorted(lacking))}: keep_head=True keeps the model's own"
    more = _heads(heads, unknown) - found - _heads(heads, missing)
    if more:
        return f"the model has no {' and no '.join(sorted(more))}: keep_head=True leaves the checkpoint's aside"
    return ""


def _heads(heads: Mapping[str, str], names: Collection[str]) -> set[str]:
    """Our names of the heads that any of these names are parts of, whatever stands in front."""
    return {ours for theirs, ours in heads.items() if _any(rf"(^|[./]){re.escape(theirs)}([./]|$)", names)}


def _most(names: Collection[str], expected: Collection[str]) -> int:
    """How many of the expected names stand behind one prefix."""
    return max(_prefixes(names, expected).values(), default=0)


def _any(pattern: str, names: Iterable[str]) -> bool:
    return any(re.search(pattern, name) for name in names)


def _depths(names: Iterable[str]) -> tuple[int, ...]:
    """How many blocks the names count in each stage."""
    found = [re.search(r"(?:layers|stages)\.(\d{1,3})\.blocks\.(\d{1,3})\.", name) for name in names]
    blocks = {(int(match[1]), int(match[2])) for match in found if match}
    found = [
        re.search(r"network\.(\d{1,3})\.(\d{1,3})\.", name) for name in names
    ]  # with what leads to a stage between
    blocks |= {(int(match[1]) // 2, int(match[2])) for match in found if match}
    last = max((stage for stage, _ in blocks), default=-1)
    return tuple(max((block + 1 for its, block in blocks if its == stage), default=0) for stage in range(last + 1))


def _depth(names: Iterable[str]) -> int:
    """How many blocks the names count."""
    found = (re.search(r"(?:(?:block|layer)s?|\bh)[._](\d{1,3})[./]", name, re.IGNORECASE) for name in names)
    return max((int(match[1]) + 1 for match in found if match), default=0)
