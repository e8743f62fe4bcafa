"""``minivit predict``: what is said of a file, and drawn, by what the model of a run was trained for."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from minivit import tasks
from minivit.files import must_be_another, must_take_files
from minivit.tasks.detect import Detect
from minivit.tasks.match import Match
from minivit.tasks.prompt import Prompt
from minivit.tasks.restoration import Restoration
from minivit.tasks.segment import Segment
from minivit.terminal import shortened
from minivit.train.detecting import detector
from minivit.train.matching import Matcher
from minivit.train.prediction import likeliest_classes
from minivit.train.prompted import masks_of
from minivit.train.restoring import restorer
from minivit.train.segmenting import segmenter
from minivit.train.trained_on import checkpoint_of, task_of

QUESTIONS = {"click": Prompt, "beside": Prompt, "box": Prompt, "caption": Match, "threshold": Detect}
"""What may be asked of a model of one task alone, by the names of the options."""


class Answers(NamedTuple):
    """What is said of each file, in a line; and, in another one, of all files at the end, if there is more to say."""

    of_file: Callable[[str], str]
    of_all: Callable[[], str | None] = lambda: None


class _Pictures:
    """Where the picture of each file of a command goes: its own place, which is that of no file to be read."""

    def __init__(self, out: Path, files: Sequence[str], what: str) -> None:
        self.out, self.files, self.what = out, files, what
        self.taken: dict[Path, str] = {}

    def of(self, file: str) -> Path:
        """Of files that have one name in several folders, the second has a 2 behind it, and so on."""
        number, name = 1, Path(file).stem
        path = self.out / f"{name}-{self.what}.png"
        while self.taken.setdefault(path, file) != file:
            number += 1
            path = self.out / f"{name}-{number}-{self.what}.png"
        for source in self.files:
            must_be_another(path, source)
        self.out.mkdir(parents=True, exist_ok=True)
        return path


def add_questions(predict: ArgumentParser) -> None:
    """The options of those models that may be asked several things, or that draw."""
    point, corners = _numbers(2, "X,Y"), _numbers(4, "X0,Y0,X1,Y1")
    predict.add_argument(
        "--click", metavar="X,Y", type=point, action="append", help="make a mask of what is here; may be repeated"
    )
    predict.add_argument("--beside", metavar="X,Y", type=point, action="append", help="what is here does not belong")
    predict.add_argument(
        "--box", metavar="X0,Y0,X1,Y1", type=corners, action="append", help="what is meant is in this box"
    )
    predict.add_argument("--caption", metavar="TEXT", action="append", help="one to choose from; may be repeated")
    predict.add_argument(
        "--threshold", metavar="P", type=float, help="only boxes that the model is so sure of; 0.5 if not given"
    )
    predict.add_argument(
        "-o", "--out", metavar="DIR", help="folder for pictures, of a model that makes some; . if not given"
    )


def answers_of(args: Namespace) -> Answers:
    """What answers, of the model of a run, as its task has it.

    Raises
    ------
    FileNotFoundError, OSError, ValueError
        If there is no such run, something in it is damaged, or what is asked is for models of another task.
    """
    run, out = args.run_or_file, Path(args.out or ".")
    name = task_of(checkpoint_of(run))
    task = getattr(tasks, name, None)
    task = task if isinstance(task, type) else type(None)  # another name of that module, or none
    if args.out:
        must_take_files(out, "pictures")
    for question, of_task in QUESTIONS.items():
        if getattr(args, question) is not None and not issubclass(task, of_task):
            word = of_task.__name__.lower()
            raise ValueError(f"--{question} is for models of --task {word}; that of {run} was trained for {name}")
    if issubclass(task, Prompt):
        return _masks(run, _Pictures(out, args.files, "mask"), args)
    if issubclass(task, Detect):
        return _boxes(run, _Pictures(out, args.files, "boxes"), args.threshold)
    if issubclass(task, Restoration):
        return _restored(run, _Pictures(out, args.files, name.lower()), task.plain_name)
    if issubclass(task, Segment):
        return _segments(run, _Pictures(out, args.files, "segments"))
    if issubclass(task, Match):
        return _matches(run, out, args)
    if args.out:
        raise ValueError(f"--out is for pictures, and the model of {run} makes none")
    classes_of = likeliest_classes(run)
    return Answers(lambda file: ", ".join(_percent(classes_of(file))))


def _percent(likeliest: list[tuple[str, float]]) -> list[str]:
    return [f"{name} {probability:.1%}" for name, probability in likeliest]


def _masks(run: str, pictures: _Pictures, args: Namespace) -> Answers:
    """A mask of what was clicked on, or boxed in, drawn over each picture."""
    boxes_given = args.box or [None]
    if len(boxes_given) > 1:
        raise ValueError(f"--box is given {len(boxes_given)} times; expected one: clicks say what more is meant")
    mask_of, (box,) = masks_of(run), boxes_given

    def of_file(file: str) -> str:
        from minivit import plot

        path = pictures.of(file)
        answer = mask_of(file, args.click or (), args.beside or (), box)
        boxes = None if answer.box is None else answer.box[None]
        figure = plot.prompted_masks(
            answer.image[None], answer.mask[None], answer.points[None], answer.labels[None], boxes, columns=2
        )
        plot.save(figure, path)
        return f"a mask of {answer.mask.mean():.1%} of the picture, its IoU said to be {answer.iou:.2f}; wrote {path}"

    return Answers(of_file)


def _boxes(run: str, pictures: _Pictures, threshold: float | None) -> Answers:
    """The objects on each picture, with boxes drawn around them."""
    threshold = 0.5 if threshold is None else threshold
    seen = detector(run, threshold=threshold)

    def of_file(file: str) -> str:
        from minivit import plot

        path = pictures.of(file)
        image, found, class_names = seen(file)
        plot.save(plot.detections(image[None], [found], class_names, threshold=threshold, columns=1), path)
        boxes = zip(found.labels, found.scores, found.shapes, strict=True)
        said = (
            f"{_percent([(class_names[i], float(p))])[0]} at {','.join(f'{x:.0f}' for x in box)}" for i, p, box in boxes
        )
        return f"{', '.join(said) or 'nothing'}; wrote {path}"

    return Answers(of_file)


def _restored(run: str, pictures: _Pictures, plain_name: str) -> Answers:
    """Each photograph as it is spoiled for the model, as the model makes it of that, and as it was."""
    restore = restorer(run)

    def of_file(file: str) -> str:
        from minivit import plot

        path = pictures.of(file)
        made = restore(file)
        plot.save(plot.restored(*made, shown=plain_name), path)
        names = {"plain": plain_name, "result": "restored"}
        said = (f"{names[which]} {psnr:.2f} dB (SSIM {ssim:.3f})" for which, (psnr, ssim) in made.quality.items())
        return f"{', '.join(said)}; wrote {path}"

    return Answers(of_file)


def _segments(run: str, pictures: _Pictures) -> Answers:
    """What there is at each pixel: a colour for each class, over the picture, beside it as it is."""
    segmented, class_names = segmenter(run)

    def of_file(file: str) -> str:
        from minivit import plot

        path = pictures.of(file)
        image, classes = found = segmented(file)
        plot.save(plot.segments(image[None], classes[None], class_names), path)
        return f"{', '.join(_percent(found.shares(class_names)))}; wrote {path}"

    return Answers(of_file)


def _matches(run: str, out: Path, args: Namespace) -> Answers:
    """The captions that fit each image best; and a picture of how alike images and captions are to the model."""
    path = out / "matches.png"
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a place for a picture")
    for file in args.files:
        must_be_another(path, file)
    matcher = Matcher(run, args.caption)

    def of_all() -> str | None:
        if not matcher.seen:
            return None
        out.mkdir(parents=True, exist_ok=True)
        matcher.draw(path)
        return f"wrote {path}"

    return Answers(lambda file: "; ".join(_percent(matcher.likeliest(file))), of_all)  # captions have commas


def _numbers(count: int, form: str) -> Callable[[str], tuple[float, ...]]:
    """An argument of so many numbers with commas between."""

    def read(text: str) -> tuple[float, ...]:
        try:
            numbers = tuple(map(float, text.split(",")))
        except ValueError:
            numbers = ()
        if len(numbers) != count or not all(map(isfinite, numbers)):
            raise ArgumentTypeError(f"{shortened(text, 40)!r} is not {form}, in pixels")
        return numbers

    return read
