"""What is on images, or to be heard in sounds, in files, by the model of a run."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from minivit.ops.softmax import softmax_forward
from minivit.storage import load
from minivit.train.step import predict
from minivit.train.trained_on import checkpoint_of, read_trained_on


def likeliest_classes(run_or_file: str | Path) -> Callable[[str | Path], list[tuple[str, float]]]:
    """What says of a file the three most probable classes and their probabilities, the most probable first.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.

    Returns
    -------
    of_file : function
        Of an image or, if it was trained on sounds, a WAV file, which is cut and resized, or resampled, to what the
        model knows (:func:`minivit.data.sound_file.read_sound`, which warns of it).

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If the model was not trained by minivit, something is damaged, or the model gives no probabilities.
    """
    path = checkpoint_of(run_or_file)
    model = load(path)
    names, kind = read_trained_on(path, model)

    def of_file(file: str | Path) -> list[tuple[str, float]]:
        logits = predict(model, kind.read(file))
        probabilities = softmax_forward(logits)[0][0]
        if not np.isfinite(probabilities).all():
            raise ValueError(f"{path} gives no probabilities for {file}: its numbers are too large, or not finite")
        best = np.argsort(probabilities)[::-1][:3]
        return [(names[c], float(probabilities[c])) for c in best]

    return of_file
