"""What a model must know of the examples that it was trained on, to look at others or to listen to them."""

from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from minivit.checked import check_type
from minivit.json_text import tuples
from minivit.models.model import Model
from minivit.storage import load, read_metadata
from minivit.tasks.classification import Classification
from minivit.tasks.distillation import Distillation
from minivit.tasks.task import Task
from minivit.train.kinds import ImageKind, SoundKind
from minivit.types import pair

CLASSIFICATION = Classification.__name__
NAMING_CLASSES = (CLASSIFICATION, Distillation.__name__)
SIZES = ("img_size", "sr", "length")
"""Options of models that say what examples are like."""


class OfImages(NamedTuple):
    """A model that was trained on images, the path of its checkpoint, and what it knows of images and their classes."""

    path: Path
    model: Model
    class_names: tuple[str, ...]
    kind: ImageKind


class TrainedOn(NamedTuple):
    """Names of the classes, and the kind of the examples, which reads files as the model wants them."""

    class_names: tuple[str, ...]
    kind: ImageKind | SoundKind


def checkpoint_of(run_or_file: str | Path) -> Path:
    """The checkpoint of a run by its folder, or as it was named itself."""
    path = Path(run_or_file)
    return path / "checkpoint.safetensors" if path.is_dir() else path


def task_of(path: str | Path) -> str:
    """What the model of a checkpoint was trained for: the name of a class of :mod:`minivit.tasks`.

    Raises
    ------
    ValueError
        If it does not say what it was trained on.
    """
    return str(_metadata(path).get("task", CLASSIFICATION))


def _metadata(path: str | Path) -> dict[str, Any]:
    metadata = read_metadata(path).get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("data"), dict):
        raise ValueError(
            f"{path} holds a model, and not what it was trained on (classes, mean of the pixels): "
            "it was written by minivit.save, not by minivit train"
        )
    return metadata


def load_of_images(run_or_file: str | Path, task: type[Task], what: str) -> OfImages:
    """The model of a run, or of a checkpoint, that was trained for this task; ``what`` says what for.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        As of :func:`minivit.load` and :func:`read_trained_on`.
    """
    path = checkpoint_of(run_or_file)
    model = load(path)
    class_names, kind = read_trained_on(path, model, tasks=(task.__name__,), what=what)
    return OfImages(path, model, class_names, of_images(path, kind))


def of_images(path: Path, kind: ImageKind | SoundKind) -> ImageKind:
    """This kind; ValueError for sounds, of a checkpoint whose model sees images."""
    if not isinstance(kind, ImageKind):
        raise ValueError(f"{path} is damaged: it says that its model was trained on sounds; expected images")
    return kind


def read_trained_on(
    path: str | Path,
    model: Model,
    *,
    tasks: tuple[str, ...] = NAMING_CLASSES,
    what: str = "to name classes",
) -> TrainedOn:
    """What the checkpoint of this model says of the examples that it was trained on.

    ``tasks`` are those that will do, and ``what`` says what for.

    Raises
    ------
    ValueError
        If it does not say it, or says what does not fit the model.
    """
    metadata = _metadata(path)
    if (task := metadata.get("task", CLASSIFICATION)) not in tasks:
        raise ValueError(f"the model of {path} was trained for {task}, not {what}")
    if (usual := type(model).usual_task) not in tasks:
        raise ValueError(f"{path} is damaged: {type(model).__name__} is trained for {usual}, not {what}")
    said, config = metadata["data"], model.config
    kind = SoundKind if "sr" in said or config.get("sr") else ImageKind
    hints = {"class_names": tuple[str, ...]} | {field.name: field.type for field in fields(kind)}
    # a model without an option img_size takes images of any size, and is shown those that it has learned
    known = {name: config[name] for name in SIZES if name in hints and name in config}
    known |= {"img_size": pair(config["img_size"])} if "img_size" in known else {}
    names = config.get("num_classes", config.get("vocab_size"))  # of a model of texts, its words
    lengths = {"img_size": 2} | ({} if names is None else {"class_names": names})  # others say no class
    lengths |= {"mean": config.get("in_chans"), "std": config.get("in_chans")}
    found: dict[str, Any] = {name: tuples(known.get(name, said.get(name))) for name in hints}
    try:
        for name, hint in hints.items():
            check_type(name, found[name], hint)
            if name in lengths and len(found[name]) != lengths[name]:
                raise ValueError(f"{name} has {len(found[name])} entries; expected {lengths[name]}")
        class_names = found.pop("class_names")
        trained_on = TrainedOn(class_names, kind(**found))
        trained_on.kind.check()
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return trained_on
