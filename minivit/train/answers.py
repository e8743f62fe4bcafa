"""``minivit predict``: what is said of a file, by the options that were given."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from math import isfinite
from pathlib import Path

from minivit.terminal import shortened
from minivit.train.prediction import likeliest_classes
from minivit.train.prompted import masks_of


def add_prompts(predict: ArgumentParser) -> None:
    """The options that say which object of a picture is meant."""
    point, corners = _numbers(2, "X,Y"), _numbers(4, "X0,Y0,X1,Y1")
    predict.add_argument(
        "--click", metavar="X,Y", type=point, action="append", help="make a mask of what is here; may be repeated"
    )
    predict.add_argument("--beside", metavar="X,Y", type=point, action="append", help="what is here does not belong")
    predict.add_argument("--box", metavar="X0,Y0,X1,Y1", type=corners, help="what is meant is in this box")
    predict.add_argument("--out", metavar="FILE", help="the picture with the mask; FILE_mask.png if not given")


def answer_of(args: Namespace) -> Callable[[str], str]:
    """What says of a file what it shows; of one with clicks or a box, makes the mask and draws it."""
    if not (args.click or args.beside or args.box):
        if args.out:
            raise ValueError("--out is for the picture of a mask: add --click X,Y or --box X0,Y0,X1,Y1")
        classes_of = likeliest_classes(args.run_or_file)
        return lambda file: ", ".join(f"{name} {probability:.1%}" for name, probability in classes_of(file))
    if args.out and len(args.files) > 1:
        raise ValueError(f"--out {args.out} is for one picture, and there are {len(args.files)} files")
    of_file = masks_of(args.run_or_file)

    def drawn(file: str) -> str:
        from minivit import plot

        answer = of_file(file, args.click or (), args.beside or (), args.box)
        out = Path(args.out or f"{Path(file).stem}_mask.png")
        boxes = None if answer.box is None else answer.box[None]
        figure = plot.prompted_masks(
            answer.image[None], answer.mask[None], answer.points[None], answer.labels[None], boxes, columns=2
        )
        plot.save(figure, out)
        return f"a mask of {answer.mask.mean():.1%} of the picture, its IoU said to be {answer.iou:.2f}: {out}"

    return drawn


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
