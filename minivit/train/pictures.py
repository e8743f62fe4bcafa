"""The pictures that a run leaves in its folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minivit import plot
from minivit.train.trainer import Metrics, Trainer


def draw_run(folder: Path, trainer: Trainer, rows: list[Metrics]) -> list[Path]:
    """Draw how the training went and what the model has learned; returns the files.

    Three are figures of the ViT paper (Dosovitskiy et al. 2021): 6, attention maps; 7 left, patch-embedding filters;
    7 centre, similarity of position embeddings.
    """
    paths = []
    for name, picture in _pictures(trainer, rows):
        paths.append(folder / f"{name}.png")
        plot.save(picture, paths[-1])
    return paths


def _pictures(trainer: Trainer, rows: list[Metrics]) -> Iterator[tuple[str, Any]]:
    model, dataset = trainer.model, trainer.dataset
    images, labels = dataset.test_images[:24], dataset.test_labels[:24]
    embed = model.patch_embed
    yield "learning_curves", plot.learning_curves(rows)
    yield "predictions", plot.predictions(images, labels, trainer.predict(images), dataset.class_names)
    if not model.config["grad_checkpointing"]:  # a checkpointed block keeps no attention map
        few = images[:4]
        _, cache = model.forward(trainer.normalize(few))
        yield "attention_maps", plot.attention_maps(few, cache)
    yield "patch_filters", plot.patch_filters(embed.proj.weight.value, embed.patch_size)
    yield "position_similarity", plot.position_similarity(model.pos_embed.value, embed.grid_size)
