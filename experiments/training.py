"""A training of so many steps, whatever the number of images: minibatches of all in turn, warmup and cosine, AdamW."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from minivit.data import LabeledImages
from minivit.layers import Layer
from minivit.train import AdamW, normalize, predict, training_step, warmup_cosine

MEAN, STD = (0.3, 0.3, 0.3), (0.2, 0.2, 0.2)  # about those of the shapes, so that every set is seen alike


class Settings(NamedTuple):
    """Of a training. The first tenth of the steps is warmup."""

    steps: int
    lr: float
    batch_size: int = 32
    weight_decay: float = 0.05
    clip_norm: float = 1.0


def train(model: Layer, examples: LabeledImages, settings: Settings, *, seed: int) -> Iterator[int]:
    """Train in one thread; yields the number of steps made, from 0 on."""
    rng = np.random.default_rng(seed)
    optimizer = AdamW(model, lr=settings.lr, weight_decay=settings.weight_decay)
    order = np.empty(0, int)
    for step in range(settings.steps):
        yield step
        while len(order) < settings.batch_size:  # a pass over all images, in a new order
            order = np.concatenate((order, rng.permutation(len(examples))))
        batch, order = examples.take(order[: settings.batch_size]), order[settings.batch_size :]
        optimizer.lr = warmup_cosine(step, total=settings.steps, warmup=settings.steps // 10, lr=settings.lr)
        images = normalize(batch.images, MEAN, STD)
        training_step(
            model, images, batch.labels, optimizer=optimizer, clip_norm=settings.clip_norm, rng=rng, threads=1
        )
    yield settings.steps


def accuracy(model: Layer, examples: LabeledImages) -> float:
    """Share of the images that get the right class."""
    logits: ndarray = predict(model, normalize(examples.images, MEAN, STD), threads=1)
    return float(np.mean(logits.argmax(1) == examples.labels))
