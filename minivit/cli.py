"""Command line: ``minivit train``, ``predict``, ``data``, ``doctor``. Whatever goes wrong is said in one sentence."""

import argparse
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

from minivit.course.cli import add_course_command, training_with
from minivit.data.dataset import Dataset
from minivit.data.download import data_folder
from minivit.data.names import NAMES, load
from minivit.data.paths import folder_path
from minivit.errors import sentence, told
from minivit.interrupt import InterruptFlag
from minivit.models import PRESETS
from minivit.terminal import one_line, plain_streams, shortened
from minivit.train.folder import RunFolder, create_numbered
from minivit.train.recipe import Recipe
from minivit.train.trainer import Trainer
from minivit.types import pair

# What differs from the recipe of CIFAR, which Recipe itself holds, unless the command line says otherwise.
RECIPES: dict[str, dict] = {
    "shapes": {"model": "vit_micro_patch4_32", "epochs": 3, "lr": 3e-3, "crop_padding": 0, "flip": False},
}

CHECKPOINT_SECONDS = 30


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


class Parser(argparse.ArgumentParser):
    """All arguments pass one check, whatever they are for; what is wrong is said on one line of sensible length."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.color = False  # Python 3.14 would write escape sequences
        self.register("type", None, given_text)
        self.register("type", int, whole_number)

    def add_subparsers(self, **options: Any) -> Any:
        """Commands; their own parsers check the arguments that follow."""
        commands = super().add_subparsers(**options)
        commands.type = str
        return commands

    def error(self, message: str) -> NoReturn:
        """Exit with code 2."""
        super().error(shortened(message, 200))


def given_text(text: str) -> str:
    """An argument that is a text: an empty one is mostly a variable of the shell that was not set."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("it is empty" if not text else "it has a NUL in it, which no name can have")
    return text


def whole_number(text: str) -> int:
    """An argument that is a whole number; one of 308 digits and more is no float any more."""
    if len(text) > 300:
        raise argparse.ArgumentTypeError(f"{shortened(text, 40)} has {len(text):,} digits; expected at most 300")
    return int(text)


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = Parser(prog="minivit", description="Vision Transformers in pure NumPy.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = commands.add_parser("train", help="train a Vision Transformer; by default on drawn shapes, in two minutes")
    train.add_argument("--model", metavar="NAME", help="minivit doctor lists all")
    train.add_argument("--pool", choices=("avg", "token"), help="what the head reads: mean of patches, or class token")
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

    predict = commands.add_parser("predict", help="say what is on images")
    predict.add_argument("run_or_file", metavar="RUN", help="folder of a run, or its checkpoint.safetensors")
    predict.add_argument("images", nargs="+", metavar="IMAGE")
    predict.set_defaults(run=run_predict)

    data = commands.add_parser("data", help="fetch a data set, check it, and say what is in it")
    data.add_argument("data", metavar="DATA", help=f"{', '.join(NAMES)}, or a folder")
    data.add_argument("--data-dir", metavar="DIR", help="where downloads are kept (or set MINIVIT_DATA)")
    data.add_argument("--img-size", type=int, metavar="N", help="of a folder of images: make all of them N x N pixels")
    data.set_defaults(run=run_data)

    doctor = commands.add_parser("doctor", help="versions, BLAS, threads, models: what to put into a question")
    doctor.set_defaults(run=run_doctor)

    add_course_command(commands)
    return parser


def run_train(args: argparse.Namespace) -> int:
    """Train, or go on training."""
    named = getattr(args, "with") or []
    if args.resume is None:
        recipe, source = make_recipe(args), make_source(args)
        with training_with(named):
            trainer = Trainer(recipe, load_and_warn(**source), threads=args.threads)
            if args.out:
                folder = RunFolder(args.out)
                folder.create(recipe, source, named)
            else:
                folder = create_numbered("runs", Path(source["data"]).name, recipe, source, named)
            with folder.held():
                return train_to_the_end(trainer, folder)
    fixed = [name for name, value in vars(args).items() if value is not None]
    given = [f"--{name.replace('_', '-')}" for name in fixed if name not in ("resume", "threads", "run", "with")]
    if given:
        raise ValueError(f"--resume goes on with a run as it was begun; {' and '.join(given)} cannot change it")
    folder = RunFolder(args.resume)
    recipe, source, solutions = folder.read_config()
    folder.must_be_named(named)
    with folder.held(), training_with(solutions):
        trainer = Trainer(recipe, load_and_warn(**source), threads=args.threads)
        folder.resume(trainer)
        return train_to_the_end(trainer, folder)


def train_to_the_end(trainer: Trainer, folder: RunFolder) -> int:
    """The loop with its progress bar, checkpoints and pictures; Ctrl-C ends it early, after a checkpoint."""
    from tqdm import tqdm

    from minivit.train.pictures import draw_run

    rows = folder.read_metrics(trainer.step)
    dataset, total = trainer.dataset, trainer.total_steps
    print(
        f"{trainer.recipe.model}: {trainer.model.num_params:,} parameters; "
        f"{dataset.name}: {len(dataset.train):,} images"
    )
    interrupted = InterruptFlag()
    saved = time.monotonic()
    # None: no bar where stderr is not a terminal
    with tqdm(total=total, initial=trainer.step, unit="step", dynamic_ncols=True, disable=None) as bar, interrupted:
        for metrics in trainer.run():
            rows.append(metrics)
            stop = interrupted.seen
            if metrics.test_score is not None or stop or time.monotonic() - saved > CHECKPOINT_SECONDS:
                folder.save(trainer, rows)  # before anything is printed: nobody may be there to read it
                saved = time.monotonic()
            bar.update()
            bar.set_postfix_str(f"epoch {metrics.epoch:.1f}, loss {metrics.loss:.3f}")
            if metrics.test_score is not None:
                bar.write(f"epoch {metrics.epoch:.0f}: test {trainer.task.score_name} {metrics.test_score:.1%}")
                sys.stdout.flush()
            if stop:
                break
    if trainer.step < total:
        print(f"interrupted at step {trainer.step}; saved. Go on with: {folder.resume_command()}")
        return 130
    pictures = draw_run(folder.path, trainer, rows)
    print(f"{folder.path}: checkpoint.safetensors, metrics.csv, {', '.join(path.name for path in pictures)}")
    return 0


def make_source(args: argparse.Namespace) -> dict[str, Any]:
    """Where the images come from; folders in full, so that the run can be resumed from anywhere."""
    data, data_dir = args.data or "shapes", args.data_dir
    if data not in NAMES and (folder := folder_path(data, "--data")).is_dir():
        data = str(folder.resolve())
    kept = None if data_dir is None else str(data_folder(data_dir).resolve())
    size = {} if args.img_size is None else {"img_size": args.img_size}
    return {"data": data, "data_dir": kept, **size}


def load_and_warn(data: str, **options: Any) -> Dataset:
    """The data set; what was left out of a folder is said on stderr."""
    with warnings.catch_warnings(record=True, action="always", category=UserWarning) as said:
        dataset = load(data, **options)
    for warning in said:
        print(f"minivit: {warning.message}", file=sys.stderr)
    return dataset


def make_recipe(args: argparse.Namespace) -> Recipe:
    """The recipe of the data set, with what the command line says instead."""
    pool = args.pool or "avg"
    defaults = RECIPES.get(args.data or "shapes", {})
    names = {field.name for field in fields(Recipe)}
    given = {name: value for name, value in vars(args).items() if name in names and value is not None}
    model_options = {"global_pool": pool, "class_token": pool == "token"}
    return Recipe(**{**defaults, **given, "options": model_options})


def run_predict(args: argparse.Namespace) -> int:
    """Print the most probable classes of each image."""
    import numpy as np

    from minivit.data.image_file import read_image
    from minivit.ops.softmax import softmax_forward
    from minivit.storage import load as load_model
    from minivit.train.augment import normalize
    from minivit.train.step import predict
    from minivit.train.trainer import read_trained_on

    path = Path(args.run_or_file)
    if path.is_dir():
        path /= "checkpoint.safetensors"
    model = load_model(path)
    names, mean, std = read_trained_on(path, model)
    for image in args.images:
        pixels = read_image(image, size=pair(model.config["img_size"]), channels=model.config["in_chans"])
        logits = predict(model, normalize(pixels[None], mean, std))
        probabilities = softmax_forward(logits)[0][0]
        if not np.isfinite(probabilities).all():
            raise ValueError(f"{path} gives no probabilities for {image}: its numbers are too large, or not finite")
        best = np.argsort(probabilities)[::-1][:3]
        print(one_line(f"{image}: " + ", ".join(f"{names[c]} {probabilities[c]:.1%}" for c in best)))
    return 0


def run_data(args: argparse.Namespace) -> int:
    """Load a data set and describe it."""
    import numpy as np

    dataset = load_and_warn(args.data, img_size=args.img_size, data_dir=args.data_dir)
    _, rows, columns, channels = dataset.train.images.shape
    print(
        f"{one_line(dataset.name)}: {rows} x {columns} pixels, {channels} channels, {len(dataset.class_names)} classes"
    )
    for split, labels in (("train", dataset.train.labels), ("test", dataset.test.labels)):
        counts = np.bincount(labels, minlength=len(dataset.class_names))
        print(f"{split}: {len(labels):,} images, {counts.min():,} to {counts.max():,} of a class")
    print(one_line(f"classes: {', '.join(dataset.class_names)}"))
    return 0


def run_doctor(args: argparse.Namespace) -> int:
    """Print what one needs to know to help."""
    import platform
    from importlib.metadata import version

    import numpy as np
    from threadpoolctl import threadpool_info

    import minivit
    from minivit.processors import available_processors

    print(f"minivit {minivit.__version__}, Python {platform.python_version()}, {platform.platform()}")
    packages = ("numpy", "scipy", "matplotlib", "pillow", "jaxtyping", "threadpoolctl", "safetensors", "pooch", "tqdm")
    for package in packages:
        print(f"  {package} {version(package)}")
    print(f"threads: {available_processors()} (processors this process may use)")
    libraries = threadpool_info()
    for library in libraries:
        print(
            f"  {library['user_api']}: {library['internal_api']} {library['version']}, {library['num_threads']} threads"
        )
    if not any(library["user_api"] == "blas" for library in libraries):  # such as Apple's, which shares out as it likes
        print(
            f"  blas: {np.show_config('dicts')['Build Dependencies']['blas']['name']}, whose threads are its own matter"
        )
    print(f"models: {', '.join(sorted(PRESETS))}")
    return 0
