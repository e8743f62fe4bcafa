"""What is on images in files, by the model of a run."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from minivit.data.image_file import read_image
from minivit.ops.softmax import softmax_forward
from minivit.storage import load
from minivit.train.augment import normalize
from minivit.train.step import predict
from minivit.train.trainer import read_trained_on


def likeliest_classes(run_or_file: str | Path, images: Iterable[str | Path]) -> Iterator[list[tuple[str, float]]]:
    """For each image the three most probable classes and their probabilities, the most probable first.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.
    images : str or Path
        Files. Each is looked at when its turn comes, and cut and resized to what the model knows.

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If the model was not trained by minivit, something is damaged, or the model gives no probabilities.
    """
    path = Path(run_or_file)
    if path.is_dir():
        path /= "checkpoint.safetensors"
    model = load(path)
    names, mean, std, img_size = read_trained_on(path, model)
    for image in images:
        pixels = read_image(image, size=img_size, channels=model.config["in_chans"])
        logits = predict(model, normalize(pixels[None], mean, std))
        probabilities = softmax_forward(logits)[0][0]
        if not np.isfinite(probabilities).all():
            raise ValueError(f"{path} gives no probabilities for {image}: its numbers are too large, or not finite")
        best = np.argsort(probabilities)[::-1][:3]
        yield [(names[c], float(probabilities[c])) for c in best]
