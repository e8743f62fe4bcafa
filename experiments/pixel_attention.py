"""What do N x N matrices cost a Transformer over pixels, and what does attention in chunks, which makes none?

    python experiments/pixel_attention.py

Prints a table of one training step of ``imagegpt_tiny_16``, for one image of 16, 32 and 64 pixels a side: N = R^2
tokens, and R^4 weights in each head. Bytes are counted (:func:`minivit.cost.estimate`), and tests hold them equal to
those of real steps; peaks and seconds are measured. Both forms compute the same, to rounding.
"""

from collections.abc import Iterator
from typing import Any

from minivit import cost
from minivit.cost.formulas import attention_entries
from minivit.models import PRESETS

MODEL = "imagegpt_tiny_16"
SIDES = (16, 32, 64)
CHUNK = 256
HEAD = "| N | attention | its N x N weights | kept for backward | peak, counted | peak, measured | a step |"


def measure(side: int, chunk_size: int | None) -> dict[str, Any]:
    """Bytes and seconds of a step with one image of this side."""
    found = cost.measure(MODEL, img_size=side, chunk_size=chunk_size)
    return {
        "kept": found.estimate.activation_bytes,
        "peak": found.estimate.peak_training_bytes,
        "measured": found.peak_training_bytes,
        "seconds": found.seconds,
    }


def weights(side: int) -> int:
    """Bytes of the weights of all heads in all blocks, by the closed form: L H R^4 numbers of 4 bytes."""
    _, config = PRESETS[MODEL]
    return 4 * config["depth"] * config["num_heads"] * attention_entries(side)


def rows() -> Iterator[str]:
    """The table, line by line."""
    yield HEAD
    yield "|---" * HEAD[1:].count("|") + "|"
    for side in SIDES:
        for name, chunk_size in (("dense", None), (f"chunks of {CHUNK}", CHUNK)):
            found = measure(side, chunk_size)
            matrices = 0 if chunk_size else weights(side)
            sizes = " | ".join(
                f"{n / 2**20:,.1f} MiB" for n in (matrices, *(found[k] for k in ("kept", "peak", "measured")))
            )
            yield f"| {side**2:,} | {name} | {sizes} | {found['seconds']:.2f} s |"


if __name__ == "__main__":
    for line in rows():
        print(line, flush=True)
