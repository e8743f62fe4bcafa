"""What is on images, or to be heard in sounds, in files, by the model of a run; and images that it restores."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from minivit import tasks
from minivit.files import must_be_another
from minivit.ops.softmax import softmax_forward
from minivit.storage import load
from minivit.tasks.restoration import Restoration
from minivit.train.restoring import restorer, task_of
from minivit.train.step import predict
from minivit.train.trained_on import checkpoint_of, read_trained_on


def answers_of(run_or_file: str | Path, out: str | None = None) -> Callable[[str | Path], str]:
    """What says in a line what the model of a run makes of a file.

    A model that restores images leaves a picture in the folder ``out`` (the current one, if not given): the file as it
    is spoiled for the model, what the model makes of that, and the file as it was.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As :func:`likeliest_classes`; or if ``out`` is given for a model that makes no pictures.
    """
    task = getattr(tasks, task_of(run_or_file) or "", None)
    if isinstance(task, type) and issubclass(task, Restoration):
        return _restored(run_or_file, task.__name__.lower(), Path(out or "."))
    if out is not None:
        raise ValueError(f"--out is for pictures, and the model of {run_or_file} makes none")
    classes = likeliest_classes(run_or_file)
    return lambda file: ", ".join(f"{name} {probability:.1%}" for name, probability in classes(file))


def _restored(run_or_file: str | Path, word: str, out: Path) -> Callable[[str | Path], str]:
    restore = restorer(run_or_file)

    def of_file(file: str | Path) -> str:
        from minivit import plot

        path = out / f"{Path(file).stem}-{word}.png"
        must_be_another(path, file)
        made = restore(file)
        out.mkdir(parents=True, exist_ok=True)
        shown = {"denoise": "noisy"}.get(word, "bicubic")
        plot.save(plot.restored(*made, shown=shown), path)
        said = (f"{name} {psnr:.2f} dB (SSIM {ssim:.3f})" for name, (psnr, ssim) in made.quality.items())
        return f"{', '.join(said).replace('plain', shown).replace('result', 'restored')}; wrote {path}"

    return of_file


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
