"""``minivit step``: a run and an image in, a page that walks through forward and backward out."""

import argparse
from collections.abc import Sequence
from typing import Any


def add_step_command(commands: Any) -> None:
    """Add ``step`` to the commands of ``minivit``."""
    step = commands.add_parser("step", help="a page that walks through forward and backward, number by number")
    step.add_argument("checkpoint", metavar="RUN", help="a run, its checkpoint, or what minivit look takes")
    step.add_argument("image", metavar="IMAGE", help="is made as large as the images that the model was trained on")
    step.add_argument("-o", "--out", metavar="FILE", default="step.html", help="step.html if not given")
    step.add_argument("--label", metavar="CLASS", help="the true class, by name or number; the likeliest if not given")
    step.add_argument("--block", metavar="NAME", help="the inside of this block alone: 2, blocks.2, blocks.2.attn")
    step.add_argument("--no-backward", action="store_true", help="forward alone")
    step.add_argument("--with", metavar="DIR", action="append", help="use your solution of an exercise, right or wrong")
    step.add_argument("--model", metavar="NAME", help="of weights of timm, transformers or Google: their preset")
    step.add_argument("--size", type=int, metavar="N", help="with --model: pixels of the longer side")
    step.set_defaults(run=_run_step)


def _run_step(args: argparse.Namespace) -> int:
    """Record, write, and say what is in it."""
    from minivit.course.with_ops import in_place_of_ours, load_as_it_is
    from minivit.files import must_be_another, with_ending
    from minivit.steps.opening import opened
    from minivit.steps.page import must_be_html
    from minivit.steps.steps import step
    from minivit.terminal import one_line, warnings_said

    out = with_ending(args.out, ".html")
    place = out.absolute()  # a solution may change the folder
    for path in (args.image, args.checkpoint):
        must_be_another(out, path)
    must_be_html(out)
    solutions = [load_as_it_is(folder) for folder in getattr(args, "with") or []]
    with in_place_of_ours(solutions), warnings_said():
        model, pixels, normalize, names = opened(args.checkpoint, args.image, model=args.model, size=args.size)
        label = None if args.label is None else class_of(args.label, names)
        options = {"class_names": names, "block": args.block, "backward": not args.no_backward}
        run = step(model, pixels, label, normalize=normalize, **options)
    run.save(place)
    for line in run.notes:
        print(one_line(line))
    if run.error:
        print(one_line(f"the run did not come to its end: {run.error}"))
    print(one_line(f"wrote {out}: {len(run.calls)} steps, {place.stat().st_size / 1e6:.1f} MB; open it in a browser"))
    return 1 if run.error else 0


def class_of(label: str, names: Sequence[str]) -> int:
    """The number of a class that is given by its name, or by its number.

    Raises
    ------
    ValueError
        If there is no such class.
    """
    if label in names:
        return list(names).index(label)
    if label.isascii() and label.isdigit():
        return int(label)
    raise ValueError(f"there is no class {label!r:.40}; there are {', '.join(names) or 'numbers alone'}")
