"""Command line: ``minivit train``, ``predict``, ``doctor`` and others. What goes wrong is said in one sentence."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from minivit.audio.cli import add_audio_commands
from minivit.cost.cli import add_cost_command
from minivit.course.cli import add_course_command, training_with
from minivit.data.names import NAMES
from minivit.data.source import full_source, load_source, summary
from minivit.doctor import findings
from minivit.errors import sentence, told
from minivit.look.cli import add_look_command
from minivit.parser import Parser, setting
from minivit.terminal import one_line, plain_streams, warnings_said
from minivit.train.folder import RunFolder, create_numbered
from minivit.train.prediction import likeliest_classes
from minivit.train.recipes import recipe_of
from minivit.train.run import run_to_the_end
from minivit.train.trainer import Trainer


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code (0 done, 1 could not be done, 2 misspelt, 130 interrupted).

    In ``minivit course`` 1 means that a check failed, 2 also that it could not be done. Where the work of a command is
    what it prints, output that a full disk has not taken is work not done; a reader that has gone wanted no more.
    """
    command = sys.argv[1:] if argv is None else list(argv)
    with plain_streams() as out:
        args = build_parser().parse_args(command)
        could_not = vars(args).get("could_not", 1)
        try:
            code = args.run(args)
        except KeyboardInterrupt:
            print("minivit: interrupted", file=sys.stderr)
            return 130
        except (Exception, SystemExit) as error:  # a student's function may exit, too
            print(told(error, command), file=sys.stderr)
            return could_not
        if out.error and args.run is not run_train:  # the work of a training is in its folder
            print(f"minivit: not all could be printed: {sentence(out.error)}", file=sys.stderr)
            return could_not
        return code


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = Parser(prog="minivit", description="Vision Transformers in pure NumPy.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser(
        "train", help="train a model; by default a Vision Transformer on drawn shapes, in two to three minutes"
    )
    train.add_argument("--model", metavar="NAME", help="minivit doctor lists all")
    train.add_argument(
        "--set", metavar="KEY=VALUE", type=setting, action="append", help="an option of the model; may be repeated"
    )
    train.add_argument("--data", metavar="DATA", help=f"{', '.join(NAMES)}, or a folder of images; shapes if not given")
    train.add_argument("--data-dir", metavar="DIR", help="where downloads are kept (or set MINIVIT_DATA)")
    train.add_argument("--img-size", type=int, metavar="N", help="of a folder of images: make all of them N x N pixels")
    train.add_argument("--epochs", type=int)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--lr", type=float, help="learning rate at the end of the warmup")
    train.add_argument("--seed", type=int)
    train.add_argument("--threads", type=int, help="does not change the result; all processors if not given")
    train.add_argument("--out", metavar="DIR", help="folder for this run; runs/DATA-1, -2, ... if not given")
    train.add_argument(
        "--with", metavar="DIR", action="append", help="use your solution of an exercise; may be repeated"
    )
    train.add_argument("--resume", metavar="DIR", help="go on with the run in this folder, as it was begun")
    train.set_defaults(run=run_train)

    predict = commands.add_parser("predict", help="say what is on images, or to be heard in sounds")
    predict.add_argument("run_or_file", metavar="RUN", help="folder of a run, or its checkpoint.safetensors")
    predict.add_argument("files", nargs="+", metavar="FILE", help="images, or WAV files if it was trained on sounds")
    predict.set_defaults(run=run_predict)

    data = commands.add_parser("data", help="fetch a data set, check it, and say what is in it")
    data.add_argument("data", metavar="DATA", help=f"{', '.join(NAMES)}, or a folder")
    data.add_argument("--data-dir", metavar="DIR", help="where downloads are kept (or set MINIVIT_DATA)")
    data.add_argument("--img-size", type=int, metavar="N", help="of a folder of images: make all of them N x N pixels")
    data.set_defaults(run=run_data)

    add_cost_command(commands)
    add_audio_commands(commands)
    add_look_command(commands)

    doctor = commands.add_parser("doctor", help="versions, BLAS, threads, models: what to put into a question")
    doctor.set_defaults(run=run_doctor)

    add_course_command(commands)
    return parser


def run_train(args: argparse.Namespace) -> int:
    """Train, or go on training."""
    named = getattr(args, "with") or []
    if args.resume:
        return resume_train(args, named)
    data = args.data or "shapes"
    given = {name: getattr(args, name) for name in ("model", "epochs", "batch_size", "lr", "seed")}
    recipe = recipe_of(data, args.set or [], **given)
    source = full_source(data, data_dir=args.data_dir, img_size=args.img_size)
    with training_with(named):
        trainer = Trainer(recipe, load_source(**source), threads=args.threads)
        if args.out:
            folder = RunFolder(args.out)
            folder.create(recipe, source, named)
        else:
            folder = create_numbered("runs", Path(source["data"]).name, recipe, source, named)
        with folder.held():
            return 0 if run_to_the_end(trainer, folder) else 130


def resume_train(args: argparse.Namespace, named: list[str]) -> int:
    """Go on training."""
    fixed = [name for name, value in vars(args).items() if value is not None]
    given = [f"--{name.replace('_', '-')}" for name in fixed if name not in ("resume", "threads", "run", "with")]
    if given:
        raise ValueError(f"--resume goes on with a run as it was begun; {' and '.join(given)} cannot change it")
    folder = RunFolder(args.resume)
    recipe, source, solutions = folder.read_config()
    folder.must_be_named(named)
    with folder.held(), training_with(solutions):
        trainer = Trainer(recipe, load_source(**source), threads=args.threads)
        folder.resume(trainer)
        return 0 if run_to_the_end(trainer, folder) else 130


def run_predict(args: argparse.Namespace) -> int:
    """Print the most probable classes of each file."""
    found = likeliest_classes(args.run_or_file, args.files)
    for file in args.files:
        with warnings_said():
            classes = next(found)
        print(one_line(f"{file}: {', '.join(f'{name} {probability:.1%}' for name, probability in classes)}"))
    return 0


def run_data(args: argparse.Namespace) -> int:
    """Load a data set and describe it."""
    for line in summary(load_source(args.data, data_dir=args.data_dir, img_size=args.img_size)):
        print(line)
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """Print what one needs to know to help."""
    for line in findings():
        print(line)
    return 0
