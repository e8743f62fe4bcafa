"""What attention on pixels, patches and windows takes."""

from fractions import Fraction
from math import sqrt

from minivit.cost.formulas import attention_bytes, attention_entries, num_tokens, window_attention_entries
from minivit.cost.lectures.row import FORMULA, Row, held


def rows() -> list[Row]:
    """In the order of the slides."""
    all_maps = {"depth": 48, "num_heads": 16}
    return [*_pixels(all_maps), *_patches(all_maps), *_windows(), *_small_numbers()]


def _pixels(all_maps: dict[str, int]) -> list[Row]:
    channels_too = num_tokens((3 * 224, 224)) ** 2
    return [
        held(
            "Attention on pixels, R = 128, 48 layers, 16 heads: all maps",
            "768",
            "GB",
            attention_bytes(attention_entries(128), **all_maps),
            "R^4 entries per map, 4 bytes each, for one image; the number is exact in GiB",
            meant="GiB",
            source=FORMULA,
        ),
        held(
            "Attention on pixels, 3 x 224 x 224: entries of a map",
            "22",
            "B parameters",
            channels_too,
            "attention weights, not parameters; each of the three channels counts as a token; with a token for each "
            f"pixel it is {attention_entries(224) / 1e9:.2f} billion",
            meant="B attention weights",
            source=FORMULA,
        ),
    ]


def _patches(all_maps: dict[str, int]) -> list[Row]:
    with_token = f"with the class token {attention_entries(224, 16, class_token=True):,}"
    found = [held("Patches of 16 in an image of 224", "196", "", num_tokens(224, 16), "HW / P^2", source=FORMULA)]
    printed = {16: ("38,416", "150", "112"), 14: ("65,536", "256", "192")}
    for patch, (entries, one_map, maps) in printed.items():
        N, name = attention_entries(224, patch), f"Attention on {224 // patch} x {224 // patch} patches"
        note = f"without the class token; {with_token}" if patch == 16 else "(R / P)^4, without the class token"
        found += [
            held(f"{name}: entries of a map", entries, "attention weights", N, note, source=FORMULA),
            held(
                f"{name}: one map",
                one_map,
                "KB",
                attention_bytes(N),
                "4 bytes per entry; the number is one of KiB",
                meant="KiB",
                source=FORMULA,
            ),
            held(
                f"{name}: all maps of 48 layers with 16 heads",
                maps,
                "MB",
                attention_bytes(N, **all_maps),
                "the number is one of MiB",
                meant="MiB",
                source=FORMULA,
            ),
        ]
    return [
        *found,
        held(
            "Attention on 14 x 14 patches: entries of a map, on another slide",
            "38,416",
            "parameters",
            attention_entries(14),
            "attention weights, not parameters, and of each head of a layer; " + with_token,
            meant="attention weights",
            source=FORMULA,
        ),
    ]


def _windows() -> list[Row]:
    grid = 224 // 4
    inside = f"in windows of 7 x 7 all maps have {window_attention_entries(grid, 7):,} together"
    return [
        held("Patches of 4 in an image of 224, in a row", "56", "", grid, "224 / 4"),
        held("56^4, entries of a map", "9.8", "M", attention_entries(grid), f"H^2 W^2; {inside}", source=FORMULA),
        held("56^2 x 4^2, entries of a map", "9.8", "M", 56**2 * 4**2, "misprint of 56^4"),
    ]


def _small_numbers() -> list[Row]:
    eps, classes = Fraction(1, 10), 5
    sides = {"CNN, stage 1": ("56", 4), "CNN, stage 2": ("28", 8), "CNN, stage 3": ("14", 16), "ViT-B/16": ("14", 16)}
    return [
        *(
            held(f"Side of the map, image of 224: {name}", printed, "", 224 // by, f"224 / {by}")
            for name, (printed, by) in sides.items()
        ),
        held("Scores are divided by", "8", "", sqrt(64), "the root of the width of a key, 64"),
        held(f"Label smoothing 0.1, {classes} classes: the right class", "0.9", "", 1 - eps, "1 - eps"),
        held(f"Label smoothing 0.1, {classes} classes: each other", "0.025", "", eps / (classes - 1), "eps / (K - 1)"),
    ]
