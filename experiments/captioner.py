"""How well does a small captioner describe scenes of one or two objects, and where does it look for each word?

    python experiments/captioner.py                # makes the runs that are not in results/captioner.json yet

Of two objects either may be named first, so a caption counts as right if it is true: as it is given, or with the
objects exchanged ("a red ring above a blue star", "a blue star below a red ring").
"""

from typing import Any

import numpy as np
from numpy import ndarray
from record import record

from minivit.data import captioned, decode, scenes
from minivit.models import ShowAttendTell
from minivit.tasks import NextToken
from minivit.tasks.next_token import greedy
from minivit.train import AdamW, normalize, training_step, warmup_cosine

SCENES = {"n_train": 20_000, "n_test": 500, "size": 32, "max_objects": 2, "seed": 0}
SETTINGS = {"steps": 3000, "batch_size": 64, "lr": 3e-3, "weight_decay": 0.01, "clip_norm": 1.0, "embed_dim": 64}
SEEDS, SHOWN = 3, 8
OPPOSITE = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


def exchanged(caption: str) -> str:
    """The same of two objects with the second named first; of one, the same."""
    for relation, opposite in OPPOSITE.items():
        first, found, second = caption.partition(f" {relation} ")
        if found:
            return f"{second} {opposite} {first}"
    return caption


def cells(mask: ndarray, grid: tuple[int, int]) -> ndarray:
    """Which cells of the grid an object covers a part of."""
    (Y, X), (rows, columns) = mask.shape, grid
    return np.asarray(mask.reshape(rows, Y // rows, columns, X // columns).any((1, 3)))


def measure(seed: int) -> dict[str, Any]:
    """Train, let it write, compare."""
    settings, data = SETTINGS, scenes(**SCENES)
    tokens, task = captioned(data), NextToken()
    options = {"vocab_size": len(tokens.class_names), "embed_dim": settings["embed_dim"]}
    model = ShowAttendTell(img_size=32, seed=seed, **options)
    optimizer = AdamW(model, lr=settings["lr"], weight_decay=settings["weight_decay"])
    rng = np.random.default_rng(seed)

    def seen(pixels: ndarray) -> ndarray:
        return normalize(pixels, data.mean, data.std)

    for step in range(settings["steps"]):
        batch = tokens.train.take(rng.integers(len(tokens.train), size=settings["batch_size"]))
        inputs, targets = task.draw(batch, normalize=seen)
        optimizer.lr = warmup_cosine(step, total=settings["steps"], warmup=settings["steps"] // 20, lr=settings["lr"])
        training_step(
            model, inputs, targets, optimizer=optimizer, task=task, clip_norm=settings["clip_norm"], threads=1
        )

    images = seen(data.test.images)
    written = greedy(model, images, length=tokens.test.target.shape[1])
    captions = [" ".join(words) for words in decode(written, tokens.class_names)]
    _, cache = model.forward(images, written[:, :-1])
    maps = cache.alignment.astype(float)  # (B, T, rows, columns)
    as_given = np.array([*map(str.__eq__, captions, data.test.captions)])
    true = np.array([*map(str.__eq__, captions, map(exchanged, data.test.captions))]) | as_given
    two = np.array([len(masks) == 2 for masks in data.test.masks])

    named, other, area = [], [], []
    for i in np.flatnonzero(true & two):
        first, second = (cells(mask, maps.shape[2:]) for mask in data.test.masks[i])
        if not as_given[i]:
            first, second = second, first
        length = len(captions[i].split())
        for place, its, others in ((2, first, second), (length - 1, second, first)):  # before the words for the shapes
            named.append(maps[i, place][its & ~others].sum())
            other.append(maps[i, place][others & ~its].sum())
            area.append((its & ~others).mean())
    return {
        "as_given": round(float(as_given.mean()), 4),
        "true_of_one": round(float(true[~two].mean()), 4),
        "true_of_two": round(float(true[two].mean()), 4),
        "on_the_named": round(float(np.mean(named)), 4),
        "on_the_other": round(float(np.mean(other)), 4),
        "area_of_the_named": round(float(np.mean(area)), 4),
        "captions": captions[:SHOWN],
        "maps": [maps[i, : len(captions[i].split())].round(3).tolist() for i in range(SHOWN)],
    }


if __name__ == "__main__":
    record("captioner", {"scenes": SCENES, "settings": SETTINGS}, [{"seed": s} for s in range(SEEDS)], measure)
