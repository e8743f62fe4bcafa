"""What small models say of scenes that they have not seen: four pictures for docs/training.md and lecture 14.

    python experiments/task_pictures.py RUNS     # draws detr_objects, sam_clicks, segments and captions, in docs/images

RUNS has a folder for each task, RUNS/detect, RUNS/prompt, RUNS/segment and RUNS/match, as ``minivit train --task TASK
--data scenes --out RUNS/TASK`` leaves it. One that is not there is made by this command first, which takes some twenty
minutes for all.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from clicks import after_clicks

from minivit import plot
from minivit.cli import main as minivit
from minivit.data import encode_captions, scenes
from minivit.data.examples import Scenes
from minivit.data.segments import semantic_maps
from minivit.layers.batch_norm import frozen
from minivit.layers.prompts import PADDING
from minivit.tasks import NAMED
from minivit.tasks.detect import detected
from minivit.tasks.prompt import said_and_true
from minivit.tasks.segment import classes_of, heads_of
from minivit.train import predict
from minivit.train.trained_on import OfImages, load_of_images

IMAGES = Path(__file__).parent.parent / "docs" / "images"
OBJECTS = 4  # in each scene that is drawn
SCENE, CLICKED, MAPS, CAPTIONS = 1, 12, 4, 8  # the scene of detr_objects; so many of the others
SURE = 1 / (1 + 0.1)  # even odds, as one says them who was trained with a weight of 0.1 for "no object"


def objects(run: OfImages, shown: Scenes) -> Any:
    """A scene, the boxes that DETR is sure of, and where the query of each of them looks."""
    image = shown.images[SCENE]
    outputs, cache = frozen(run.model).forward(run.kind.normalize(image[None]))
    (found,) = detected(outputs)
    sure = found.scores > SURE
    weights = cache.transformer.decoder[-1].cross_attn.attention.weights[0].mean(0)[sure]  # (queries, places)
    its = type(found)(found.scores[sure], found.labels[sure], found.shapes[sure] * len(image))
    return plot.object_attention(image, its, weights.reshape(-1, *cache.map_size), run.class_names)


def clicks(run: OfImages, shown: Scenes) -> Any:
    """An object of each scene: what one click in its middle means to SAM, and in the row below what three clicks do."""
    images, here = shown.images[:CLICKED], (np.arange(CLICKED), np.arange(CLICKED) % OBJECTS)
    rows = []
    for count in (1, 3):
        outputs, targets = after_clicks(run.model, shown.take(slice(CLICKED)), count, normalize=run.kind.normalize)
        said, ious = said_and_true(outputs, targets)
        filled = (0, 0), (0, 0), (0, 3 - count)
        points = np.pad(targets.points, (*filled, (0, 0)))
        labels = np.pad(targets.labels, filled, constant_values=PADDING)
        rows.append((images, *(part[here] for part in (said, points, labels, ious))))
    half = CLICKED // 2
    lines = slice(half), slice(half, None)
    parts = [np.concatenate([row[line] for line in lines for row in its]) for its in zip(*rows, strict=True)]
    *drawn, ious = parts
    return plot.prompted_masks(*drawn, titles=[f"IoU {iou:.2f}" for iou in ious], columns=half)


def segments(run: OfImages, shown: Scenes) -> Any:
    """Scenes, what UPerNet says of each pixel, and what is there."""
    images, truth = shown.images[:MAPS], semantic_maps(shown.take(slice(MAPS)))
    logits, *_ = heads_of(predict(run.model, run.kind.normalize(images)))
    return plot.segments(images, classes_of(logits, truth.shape[1:]), run.class_names, truth=truth)


def captions(run: OfImages, shown: Scenes) -> Any:
    """How alike scenes and their captions are to CLIP, each with each."""
    model: Any = frozen(run.model)
    those = shown.take(slice(CAPTIONS))
    images, _ = model.encode_images(run.kind.normalize(those.images))
    texts, _ = model.encode_texts(encode_captions(those.captions, run.class_names, length=model.max_length))
    return plot.matches(those.images, those.captions, images @ texts.T)


PICTURES = {
    "detect": ("detr_objects", objects),
    "prompt": ("sam_clicks", clicks),
    "segment": ("segments", segments),
    "match": ("captions", captions),
}


def main(runs: Path) -> None:
    """Train what is missing, and draw."""
    test = scenes().test
    shown = test.take([i for i, labels in enumerate(test.labels) if len(labels) == OBJECTS])
    for task, (name, drawn) in PICTURES.items():
        folder = runs / task
        if not folder.is_dir():
            minivit(["train", "--task", task, "--data", "scenes", "--out", str(folder)])
        run = load_of_images(folder, NAMED[task], "for this picture")
        plot.save(drawn(run, shown), IMAGES / f"{name}.webp")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
