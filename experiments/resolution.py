"""Fine-tuning at a higher resolution: what becomes of the position embeddings that were learned at a lower one.

    python experiments/resolution.py

A Vision Transformer learns from images of 32 x 32 pixels, 4 x 4 patches, what a shape is, or where it is: in which of
the nine fields of a 3 x 3 grid its middle lies. For 48 x 48 pixels it needs 6 x 6 positions. They are made in several
ways, and the model is asked at once and after some steps of fine-tuning. It takes four minutes on one processor and
writes results/resolution.json; started again, it goes on where it was.
"""

from itertools import product
from typing import Any

import numpy as np
from record import record
from training import Settings, accuracy, train

import minivit as mv
from minivit.data import LabeledImages
from minivit.data.scenes import draw_scenes
from minivit.data.shapes import draw_shapes
from minivit.models import ViT
from minivit.weights import resample_abs_pos_embed

BEFORE, AFTER, PATCH = 32, 48, 8  # pixels
VIT = {"name": "vit_micro_patch4_32", "patch_size": PATCH, "embed_dim": 48}
PRETRAINING = Settings(steps=2000, lr=2e-3, batch_size=16)
FINE_TUNING = Settings(steps=100, lr=5e-4, batch_size=16)
FROM_SCRATCH = Settings(steps=100, lr=2e-3, batch_size=16)
ASKED = (0, 25, 50, 100)
IMAGES, TEST_IMAGES, SEEDS = 8000, 1000, (0, 1, 2)
CLASSES = {"what": 10, "where": 9}


def vit(size: int, question: str, seed: int) -> ViT:
    """The model for images of this size, with fresh initial values."""
    return mv.create_model(**VIT, img_size=size, num_classes=CLASSES[question], seed=seed)


def draw(n: int, size: int, question: str, rng: np.random.Generator) -> LabeledImages:
    """Images of one shape each, with the answers to the question."""
    if question == "what":
        return LabeledImages(*draw_shapes(n, size=size, rng=rng))
    drawn = draw_scenes(n, size=size, max_objects=1, rng=rng)
    x0, y0, x1, y1 = np.concatenate([scene.boxes for scene in drawn]).T
    thirds = [3 * (start + end) // (2 * size) for start, end in ((y0, y1), (x0, x1))]
    return LabeledImages(np.stack([scene.image for scene in drawn]), 3 * thirds[0] + thirds[1])


def images(size: int, question: str, seed: int) -> tuple[LabeledImages, LabeledImages]:
    """To train with and to test with, of streams of random numbers that are this size's own."""
    train_rng, test_rng = np.random.default_rng([seed, size]).spawn(2)
    return draw(IMAGES, size, question, train_rng), draw(TEST_IMAGES, size, question, test_rng)


def in_two_dimensions(old: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """The grid of old positions, resampled for the new grid as an image is."""
    return resample_abs_pos_embed(old, AFTER // PATCH)


def in_reading_order(old: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """The old positions for as many patches, row by row, and fresh ones for the rest: a grid that is no longer one."""
    return np.concatenate((old, fresh[:, old.shape[1] :]), axis=1)


def drawn_anew(old: np.ndarray, fresh: np.ndarray) -> np.ndarray:
    """Fresh positions, but for the class token's."""
    return np.concatenate((old[:, :1], fresh[:, 1:]), axis=1)


WAYS = {"2-D": in_two_dimensions, "reading order": in_reading_order, "drawn anew": drawn_anew}


def measure(*, question: str, seed: int) -> dict[str, Any]:
    """Pretrain, then fine-tune from each way of making positions, and train a fresh model for as many steps."""
    small, large = images(BEFORE, question, seed), images(AFTER, question, seed)
    pretrained = vit(BEFORE, question, seed)
    for _ in train(pretrained, small[0], PRETRAINING, seed=seed):
        pass
    result: dict[str, Any] = {"pretrained": accuracy(pretrained, small[1])}
    old = pretrained.state_dict()
    for name, positions in WAYS.items():
        model = vit(AFTER, question, seed)
        model.load_state_dict(old | {"pos_embed": positions(old["pos_embed"], model.pos_embed.value)})
        result[name] = asked_on_the_way(model, large, FINE_TUNING, seed)
    result["from scratch"] = asked_on_the_way(vit(AFTER, question, seed), large, FROM_SCRATCH, seed)
    return result


def asked_on_the_way(
    model: ViT, large: tuple[LabeledImages, LabeledImages], settings: Settings, seed: int
) -> list[float]:
    """Accuracy on the test images after the steps of ``ASKED``, while the model is trained."""
    return [accuracy(model, large[1]) for step in train(model, large[0], settings, seed=seed) if step in ASKED]


if __name__ == "__main__":
    about = {
        "ViT": VIT,
        "data": f"one shape on {BEFORE} x {BEFORE} and {AFTER} x {AFTER} pixels, {IMAGES} and {TEST_IMAGES} images",
        "asked after": ASKED,
        "pretraining": PRETRAINING._asdict(),
        "fine-tuning": FINE_TUNING._asdict(),
        "from scratch": FROM_SCRATCH._asdict(),
    }
    record("resolution", about, [{"question": what, "seed": seed} for seed, what in product(SEEDS, CLASSES)], measure)
