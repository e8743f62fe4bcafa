"""A trained model as the teacher of another: what it must have in common with its student, and its answers."""

from pathlib import Path
from reprlib import repr as in_short

import numpy as np

from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.storage import checksum, load, must_be_finite
from minivit.train.kinds import ImageKind
from minivit.train.step import predict
from minivit.train.trained_on import checkpoint_of, read_trained_on
from minivit.types import ndarray


class Teacher:
    """Logits of a trained model for what its student sees: ``teacher(inputs)``.

    The student's inputs have the mean and the standard deviation of the student's data set; the teacher is shown the
    same images with those that it was trained with.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint: of any model that was trained to name classes on images.
    dataset : Dataset
        What the student is trained on.
    threads : int, optional
        Does not change the answers.

    Attributes
    ----------
    fingerprint : str
        Of the model: its name, options and parameters.

    Raises
    ------
    FileNotFoundError, OSError, KeyError
        If the checkpoint is missing or cannot be read, or lacks an array.
    ValueError
        If it is damaged, a weight or what it gives is not finite, or the teacher knows other classes, in another order
        even, or another size of images.
    """

    def __init__(self, run_or_file: str | Path, dataset: Dataset, *, threads: int | None = None) -> None:
        self.path, self.threads = checkpoint_of(run_or_file), threads
        self.model = load(self.path)
        must_be_finite(self.model, self.path)
        names, kind = read_trained_on(self.path, self.model)
        if not isinstance(kind, ImageKind) or not isinstance(dataset.train, Images):
            raise ValueError(f"{self.path} cannot teach {dataset.name}: images only are taught, by a model of images")
        self._check_classes(names, dataset)
        try:  # one image that shows nothing; a ResNet takes any size
            logits = predict(self.model, np.zeros((1, *dataset.train.images.shape[1:]), self.model.dtype))
        except ValueError as error:
            (Y, X), size = kind.img_size, dataset.train.images.shape[1:3]
            hint = "" if size == (Y, X) else f" (it was taught by images of {Y} x {X} pixels: --img-size)"
            raise ValueError(
                f"the teacher {self.path} cannot look at images of {dataset.name}: {error}{hint}"
            ) from error
        self._check_finite(logits)
        std, wanted = (np.array([s or 1.0 for s in stds]) for stds in (dataset.std, kind.std))  # as normalize divides
        self.is_alike = (dataset.mean, dataset.std) == (kind.mean, kind.std)
        self.scale, self.shift = std / wanted, (np.array(dataset.mean) - np.array(kind.mean)) / wanted
        about = {"model": type(self.model).__name__, "config": self.model.config}
        self.fingerprint = checksum(self.model.state_dict(), about)

    def _check_classes(self, names: tuple[str, ...], dataset: Dataset) -> None:
        if names == dataset.class_names:
            return
        if sorted(names) == sorted(dataset.class_names):
            first = next(i for i, name in enumerate(names) if name != dataset.class_names[i])
            raise ValueError(
                f"the teacher {self.path} knows the classes of {dataset.name} in another order: its class {first} is "
                f"{names[first]!r}, and there it is {dataset.class_names[first]!r}"
            )
        raise ValueError(
            f"the teacher {self.path} knows other classes than {dataset.name}: its {len(names)} are {in_short(names)}, "
            f"and there are {len(dataset.class_names)}, {in_short(dataset.class_names)}"
        )

    def __call__(self, inputs: ndarray) -> ndarray:
        """Logits (B, classes) for images as the student sees them.

        Raises
        ------
        ValueError
            If one of them is not finite.
        """
        if not self.is_alike:
            inputs = inputs * self.scale.astype(inputs.dtype) + self.shift.astype(inputs.dtype)
        logits = predict(self.model, inputs.astype(self.model.dtype, copy=False), threads=self.threads)
        self._check_finite(logits)
        return logits

    def _check_finite(self, logits: ndarray) -> None:
        if not np.isfinite(logits).all():
            raise ValueError(f"the teacher {self.path} gives logits that are not finite")
