"""How many bits a training and a sum need.

    python experiments/mixed_precision.py

A small Vision Transformer makes 300 steps with its linear maps rounded to a format, and the loss scaled: how many steps
are made, and where the loss ends. A scale of 2**-16 asks what would be if all gradients were so much smaller. Then the
errors of matrix products, with sums in float32 and in the low format: on the attention of the model that was trained in
float32, and over sums that grow longer. It takes less than three minutes on one processor and writes
results/mixed_precision.json; started again, it goes on where it was.
"""

from typing import Any

import numpy as np
from record import record
from training import MEAN, STD

import minivit as mv
from minivit.cost.mixed_precision import (
    low_matmul,
    mixed_matmul,
    mixed_precision_step,
    relative_error,
    rounded,
    underflow,
)
from minivit.layers import Layer
from minivit.ops import softmax_forward
from minivit.tasks import Classification
from minivit.train import AdamW, normalize, warmup_cosine

STEPS, BATCH_SIZE, LR, IMAGES, TEST_IMAGES, SEEDS = 300, 16, 2e-3, 4000, 64, (0, 1, 2)
VIT = {"name": "vit_micro_patch4_32", "patch_size": 8, "embed_dim": 48, "depth": 3}
LAST = 30  # steps that the loss reached is a mean of
SMALL, ONE, LARGE, HUGE = 2.0**-16, 1.0, 2.0**10, 2.0**20
TRAININGS = [
    ("fp32", ONE),
    ("bf16", ONE),
    ("bf16", SMALL),
    ("fp16", SMALL),
    ("fp16", ONE),
    ("fp16", LARGE),
    ("fp16", HUGE),
    ("fp8_e4m3", ONE),
    ("fp8_e4m3", LARGE),
]
LOW = ("tf32", "bf16", "fp16", "fp8_e4m3", "fp8_e5m2")
LENGTHS = [4**i for i in range(2, 7)]


def train(*, format: str, loss_scale: float, seed: int) -> dict[str, Any]:
    """The number of steps made, and the mean loss of the last ones; None where one was not finite."""
    data = mv.data.shapes(IMAGES, TEST_IMAGES, seed=seed)
    model = rounded(mv.create_model(**VIT, seed=seed), format)
    optimizer, rng, steps = AdamW(model, lr=LR), np.random.default_rng(seed), []
    for number in range(STEPS):
        batch = data.train.take(rng.integers(len(data.train), size=BATCH_SIZE))
        optimizer.lr = warmup_cosine(number, total=STEPS, warmup=STEPS // 10, lr=LR)
        images = normalize(batch.images, MEAN, STD)
        steps.append(
            mixed_precision_step(
                model, images, batch.labels, optimizer=optimizer, task=Classification(), loss_scale=loss_scale
            )
        )
    loss = float(np.mean([step.loss for step in steps[-LAST:]]))
    result = {"steps": sum(step.made for step in steps), "loss": loss if np.isfinite(loss) else None}
    return result | look(model, data.test) if format == "fp32" else result


def look(model: Layer, examples: mv.data.LabeledImages) -> dict[str, Any]:
    """Of a model: errors of the products of its attention, and the shares of its gradients that underflow in FP16."""
    logits, cache = model.forward(normalize(examples.images, MEAN, STD))
    _, c_loss = Classification().forward(logits, examples.labels)
    model.zero_grad()
    dimages = model.backward(Classification().backward(np.float32(1), c_loss), cache)
    dparams = np.concatenate([param.grad.ravel() for param in model.params])
    attention = [block.attn.attention for block in cache.blocks]
    q, k, v, weights = (np.stack([getattr(c, name) for c in attention]) for name in ("q", "k", "v", "weights"))
    keys = k.mT * attention[0].scale
    return {
        "underflow": {
            f"{name} x 2**{np.log2(scale):.0f}": round(underflow(grad, "fp16", scale=scale), 4)
            for name, grad in (("weights", dparams), ("images", dimages))
            for scale in (SMALL, ONE, LARGE)
        },
        "scores": {format: errors(q, keys, format) for format in LOW},
        "values": {format: errors(weights, v, format) for format in LOW},
    }


def errors(a: np.ndarray, b: np.ndarray, format: str) -> dict[str, float]:
    """Relative errors of a product: sums in float32, and in the format."""
    exact = a.astype(np.float64) @ b.astype(np.float64)
    products = {"mixed": mixed_matmul, "low": low_matmul}
    return {name: float(f"{relative_error(product(a, b, format), exact):.3g}") for name, product in products.items()}


def grow(*, format: str, of: str, seed: int) -> dict[str, Any]:
    """The errors of sums of every length: of products of normal numbers, or of values weighted by attention."""
    rng = np.random.default_rng(seed)
    found = []
    for length in LENGTHS:
        a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((32, length), (length, 32)))
        found.append(errors(softmax_forward(a)[0] if of == "attention" else a, b, format))
    return {name: [error[name] for error in found] for name in ("mixed", "low")}


def measure(*, part: str, **options: Any) -> dict[str, Any]:
    """One run of one of the two parts."""
    return {"training": train, "lengths": grow}[part](**options)


if __name__ == "__main__":
    about = {
        "data": f"shapes({IMAGES}, {TEST_IMAGES}, seed=seed), 32 x 32 pixels, no augmentation",
        "ViT": VIT,
        "steps": STEPS,
        "batch_size": BATCH_SIZE,
        "lr": LR,
        "loss": f"mean of the last {LAST} steps",
        "lengths": LENGTHS,
    }
    trainings: list[dict[str, Any]] = [
        {"part": "training", "seed": seed, "format": format, "loss_scale": scale}
        for seed in SEEDS
        for format, scale in TRAININGS
    ]
    sums: list[dict[str, Any]] = [
        {"part": "lengths", "seed": seed, "of": of, "format": format}
        for seed in SEEDS
        for of in ("normal", "attention")
        for format in LOW
    ]
    record("mixed_precision", about, trainings + sums, measure)
