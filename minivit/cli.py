"""Command line: ``minivit train``, ``predict``, ``doctor`` and others. What goes wrong is said in one sentence."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from minivit.audio.cli import add_audio_commands
from minivit.cost.cli import add_cost_command
from minivit.cost.room import check_training_fits
from minivit.course.cli import add_course_command, training_with
from minivit.data.names import NAMES
from minivit.data.source import full_source, load_source, summary
from minivit.doctor import findings
from minivit.errors import is_sentence, sentence, told
from minivit.json_text import tuples
from minivit.look.cli import add_look_command
from minivit.parser import Parser, number, setting
from minivit.steps.cli import add_step_command
from minivit.tasks import NAMED
from minivit.terminal import one_line, plain_streams, warnings_said
from minivit.train.answers import add_questions, answers_of
from minivit.train.beginning import full_path
from minivit.train.distilling import (
    add_distillation,
    distilling_of,
    must_not_be_its_own_teacher,
    recipe_for,
    trainer_of,
)
from minivit.train.folder import RunFolder, create_numbered, model_of_beginning
from minivit.train.named import AUGMENTATIONS, described
from minivit.train.recipe import OFF
from minivit.train.recipes import img_size_of
from minivit.train.run import run_to_the_end

# What a recipe holds, and what is said of it by options of the same name.
CHOICES = ("model", "epochs", "batch_size", "lr", "weight_decay", "label_smoothing", "seed", *OFF)


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
    train.add_argument("--task", choices=NAMED, help="what for; if not given, what the model is for, mostly classes")
    train.add_argument(
        "--set", metavar="KEY=VALUE", type=setting, action="append", help="an option of the model; may be repeated"
    )
    train.add_argument("--data", metavar="DATA", help=f"{', '.join(NAMES)}, or a folder of images; shapes if not given")
    train.add_argument("--data-dir", metavar="DIR", help="where downloads are kept (or set MINIVIT_DATA)")
    train.add_argument("--img-size", type=int, metavar="N", help="make all images N x N pixels")
    train.add_argument("--init", metavar="RUN", help="begin with what this run, or file of weights, has learned")
    train.add_argument("--freeze", action="store_true", default=None, help="with --init: train the head alone")
    train.add_argument("--layer-decay", type=float, metavar="D", help="each layer learns slower than the one above it")
    train.add_argument("--epochs", type=int)
    train.add_argument("--batch-size", type=int)
    train.add_argument("--lr", type=float, help="learning rate at the end of the warmup")
    train.add_argument("--weight-decay", type=float, help="by which weight matrices shrink")
    train.add_argument("--label-smoothing", type=float, metavar="S", help="a share S of each target for all classes")
    train.add_argument("--recipe", metavar="NAME", help="how much augmentation; see minivit doctor --recipe NAME")
    train.add_argument("--regularisation", type=float, metavar="R", help="dropout in MLPs, and stochastic depth")
    train.add_argument("--randaugment", type=number, nargs=2, metavar=("LAYERS", "MAGNITUDE"), help="10 is full")
    train.add_argument("--random-erasing", type=float, metavar="P", help="put noise into a share P of the images")
    train.add_argument("--mixup", type=float, metavar="ALPHA", help="lay images over each other in pairs")
    train.add_argument("--cutmix", type=float, metavar="ALPHA", help="put a part of one image into another")
    train.add_argument("--ema", type=float, metavar="DECAY", help="test and keep a running average of the weights")
    train.add_argument("--seed", type=int)
    train.add_argument("--threads", type=int, help="does not change the result; all processors if not given")
    train.add_argument("--out", metavar="DIR", help="folder for this run; runs/DATA-1, -2, ... if not given")
    train.add_argument(
        "--with", metavar="DIR", action="append", help="use your solution of an exercise; may be repeated"
    )
    add_distillation(train)
    train.add_argument("--resume", metavar="DIR", help="go on with the run in this folder, as it was begun")
    train.set_defaults(run=run_train)

    predict = commands.add_parser(
        "predict", help="say what is on images or to be heard in sounds; restore images, cut out objects"
    )
    predict.add_argument("run_or_file", metavar="RUN", help="folder of a run, or its checkpoint.safetensors")
    predict.add_argument("files", nargs="+", metavar="FILE", help="images, or WAV files if it was trained on sounds")
    add_questions(predict)
    predict.set_defaults(run=run_predict)

    data = commands.add_parser("data", help="fetch a data set, check it, and say what is in it")
    data.add_argument("data", metavar="DATA", help=f"{', '.join(NAMES)}, or a folder")
    data.add_argument("--data-dir", metavar="DIR", help="where downloads are kept (or set MINIVIT_DATA)")
    data.add_argument("--img-size", type=int, metavar="N", help="make all images N x N pixels")
    data.set_defaults(run=run_data)

    add_cost_command(commands)
    add_audio_commands(commands)
    add_look_command(commands)
    add_step_command(commands)

    doctor = commands.add_parser("doctor", help="versions, BLAS, threads, models: what to put into a question")
    doctor.add_argument("--recipe", metavar="NAME", help=f"say what it means: {', '.join(AUGMENTATIONS)}")
    doctor.set_defaults(run=run_doctor)

    add_course_command(commands)
    return parser


def run_train(args: argparse.Namespace) -> int:
    """Train, or go on training."""
    named = getattr(args, "with") or []
    if args.resume:
        return resume_train(args, named)
    data = args.data or (NAMED[args.task].usual_data if args.task else "shapes")
    given = {name: tuples(getattr(args, name)) for name in CHOICES}
    if args.init is not None:
        given["init"] = full_path(args.init)
        given |= model_of_beginning(given["init"], named=bool(args.model or args.task))
    distilling = distilling_of(args)
    how = {"named": args.recipe or "none", "regularised": args.regularisation}
    recipe = recipe_for(distilling, data, args.set or [], **how, **given)
    chosen = {name: getattr(args, name) for name in ("data_dir", "img_size", "labeled", "unlabeled")}
    if args.img_size is None:
        chosen["img_size"] = img_size_of(recipe.model, data)
    source = full_source(data, **chosen)
    if args.out:
        must_not_be_its_own_teacher(distilling, args.out)
        RunFolder(args.out).must_be_new()
    with training_with(named):
        trainer, distilling = trainer_of(recipe, load_source(**source), distilling, threads=args.threads)
        if not named:  # functions of a student need not run on arrays without numbers
            check_training_fits(trainer)
        kept = recipe, source, named, distilling, trainer.fingerprints
        if args.out:
            folder = RunFolder(args.out)
            folder.create(*kept)
        else:
            folder = create_numbered("runs", Path(source["data"]).name, *kept)
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
    must_not_be_its_own_teacher(folder.distilling, args.resume)
    with folder.held(), training_with(solutions):
        options = {"threads": args.threads, "to_resume": folder.has_begun}
        trainer, _ = trainer_of(recipe, load_source(**source), folder.distilling, **options)
        if not solutions:
            check_training_fits(trainer)
        folder.resume(trainer)
        return 0 if run_to_the_end(trainer, folder) else 130


def run_predict(args: argparse.Namespace) -> int:
    """Print what the model says of each file that can be read, and of each other one what is wrong with it."""
    answers, code = answers_of(args), 0
    for file in args.files:
        try:
            with warnings_said():
                answer = answers.of_file(file)
        except (OSError, ValueError) as error:
            if not is_sentence(error):
                raise
            said = sentence(error)
            print(f"minivit: {said if one_line(file) in said else f'{one_line(file)}: {said}'}", file=sys.stderr)
            code = 1
        else:
            print(one_line(f"{file}: {answer}"))
    if last := answers.of_all():
        print(one_line(last))
    return code


def run_data(args: argparse.Namespace) -> int:
    """Load a data set and describe it."""
    for line in summary(load_source(args.data, data_dir=args.data_dir, img_size=args.img_size)):
        print(line)
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """Print what one needs to know to help, or what a recipe means."""
    for line in described(args.recipe) if args.recipe else findings():
        print(line)
    return 0
