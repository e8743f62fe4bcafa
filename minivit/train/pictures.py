"""The pictures that a run leaves in its folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minivit import plot
from minivit.errors import sentence
from minivit.models.vit import ViT
from minivit.train.trainer import Metrics, Trainer


def draw_run(folder: Path, trainer: Trainer, rows: list[Metrics]) -> list[Path]:
    """Draw how the training went and what the model has learned; returns the files.

    Three are figures of the ViT paper (Dosovitskiy et al. 2021): 6, attention maps; 7 left, patch-embedding filters;
    7 centre, similarity of position embeddings.

    A training is not lost because a picture cannot be drawn: that is said on the standard error stream, and the others
    are drawn.
    """
    paths = []
    for name, draw in _pictures(trainer, rows).items():
        path = folder / f"{name}.png"
        try:
            plot.save(draw(), path)
            paths.append(path)
        except Exception as error:
            print(f"minivit: {path} could not be drawn: {sentence(error)}", file=sys.stderr)
    return paths


def _pictures(trainer: Trainer, rows: list[Metrics]) -> dict[str, Callable[[], Any]]:
    model, dataset = trainer.model, trainer.dataset
    images, labels = dataset.test_images[:24], dataset.test_labels[:24]
    pictures: dict[str, Callable[[], Any]] = {
        "learning_curves": lambda: plot.learning_curves(rows),
        "predictions": lambda: plot.predictions(images, labels, trainer.probabilities(images), dataset.class_names),
    }
    if isinstance(model, ViT):
        few, embed = images[:4], model.patch_embed
        if not model.config["grad_checkpointing"]:  # a checkpointed block keeps no attention map
            pictures["attention_maps"] = lambda: plot.attention_maps(few, model.forward(trainer.normalize(few))[1])
        pictures["patch_filters"] = lambda: plot.patch_filters(embed.proj.weight.value)
        pictures["position_similarity"] = lambda: plot.position_similarity(model.pos_embed.value, embed.grid_size)
    return pictures
