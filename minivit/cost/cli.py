"""``minivit cost``: what a model costs, from the same functions that Python has."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minivit.parser import setting

ASKED = ("img_size", "batch", "length", "dtype", "optimizer", "recompute", "threads")
FOR_ALL = ("batch", "length", "dtype", "format")
DECIDED = {"img_size": "--img-size does", "dtype": "--dtype does", "seed": "no cost depends on it"}


def add_cost_command(commands: Any) -> None:
    """Add ``cost`` to the commands of ``minivit``."""
    cost = commands.add_parser("cost", help="parameters, MACs and memory of a model, exactly, before it is built")
    cost.add_argument(
        "model", metavar="MODEL", nargs="?", help="a name, a run or its checkpoint; a table of all names if not given"
    )
    cost.add_argument("--img-size", type=size, metavar="N|YxX", help="224, or 224x448; the model's own if not given")
    cost.add_argument("--batch", type=int, metavar="N", help="samples in a step; 1 if not given")
    cost.add_argument("--length", type=int, metavar="N", help="of sequences, of models that read them; 32 if not given")
    cost.add_argument("--dtype", help="float32 or float64; the model's if not given")
    cost.add_argument("--optimizer", help="adamw, adam or sgd; adamw if not given")
    cost.add_argument("--recompute", help="none, or blocks: each keeps its input only; none if not given")
    cost.add_argument("--threads", type=int, metavar="N", help="shards in the making at a time; 1 if not given")
    cost.add_argument(
        "--set", metavar="KEY=VALUE", type=setting, action="append", help="an option of the model; may be repeated"
    )
    what = cost.add_mutually_exclusive_group()
    what.add_argument("--by", metavar="layer|op", help="what each layer, or each op, costs")
    what.add_argument("--sweep", metavar="KEY=A,B,...", type=setting, help="a row for each, as in img-size=224,384,512")
    what.add_argument("--budget", metavar="SIZE", help="the largest batch that fits into so much, as in 16GiB")
    what.add_argument("--measure", action="store_true", default=None, help="do a real step, and set it beside")
    cost.add_argument("--depth", type=int, metavar="N", help="with --by layer: names of at most so many parts; all")
    cost.add_argument("--format", metavar="F", default="table", help="table, json, csv or md; table if not given")
    cost.add_argument("--plot", metavar="FILE", help="draw it, too: memory by part, or MACs over the size of images")
    cost.set_defaults(run=run_cost)


def size(text: str) -> int | tuple[int, int]:
    """An argument that is the size of an image: ``224``, or ``ROWSxCOLUMNS``."""
    try:
        sides = [int(part) for part in text.split("x")]
    except ValueError:
        sides = []
    if len(text) > 100 or len(sides) not in (1, 2):
        raise argparse.ArgumentTypeError(f"{text!r} is no size of an image; expected N or ROWSxCOLUMNS, as in 224x448")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def run_cost(args: argparse.Namespace) -> int:
    """Print what was asked for, and then draw it: what has been printed stays, if the picture cannot be written."""
    from minivit.cost import report
    from minivit.cost.estimate import Estimate, estimate
    from minivit.cost.measure import measure

    if args.format not in report.FORMATS:
        raise ValueError(f"--format is {args.format!r}; expected one of {', '.join(report.FORMATS)}")
    if args.by not in (None, "layer", "op"):
        raise ValueError(f"--by is {args.by!r}; expected layer or op")
    if args.depth is not None and (args.by != "layer" or args.depth < 1):
        raise ValueError("--depth is for --by layer, and at least 1")
    if args.model is None:
        print(_of_presets(args).text(args.format))
        return 0
    model = model_of(args.model)
    options = _options(args, model)
    if args.length or (args.sweep and args.sweep[0] == "length"):
        _check_length(args.model, model)
    drawn: dict[str, Estimate] = {}
    if args.sweep:
        name, values = swept(args.sweep, model, options)
        drawn = {text: estimate(model, **options, **{name: value}) for text, value in values.items()}
        found = report.of_several(name, values, drawn)
    elif args.budget:
        found = _of_budget(args.model, model, args.budget, options)
    elif args.measure:
        found = report.of_measurement(measure(model, **options))
    else:
        one = estimate(model, **options)
        drawn = {str(one.batch): one}
        if args.by == "layer":
            found = report.by_layer(one, args.depth)
        else:
            found = report.by_op(one) if args.by else report.of_model(one)
    print(found.text(args.format))
    if args.plot:
        _draw(args, drawn or {str(options.get("batch", 1)): estimate(model, **options)})
    return 0


def _of_presets(args: argparse.Namespace) -> Any:
    from minivit.cost import report
    from minivit.cost.presets import presets

    idle = [f"--{name.replace('_', '-')}" for name in vars(args) if _given(args, name) and name not in FOR_ALL]
    if idle:
        raise ValueError(f"{' and '.join(idle)} need a MODEL; minivit cost alone lists all of them")
    return report.of_presets(presets(**_asked(args)), length=args.length or 32)


def _given(args: argparse.Namespace, name: str) -> bool:
    return name != "run" and getattr(args, name) is not None


def _asked(args: argparse.Namespace) -> dict[str, Any]:
    """The options of an estimate that were given."""
    return {name: getattr(args, name) for name in ASKED if getattr(args, name) is not None}


def model_of(text: str) -> Any:
    """A preset's name as it is, or the model in a file or in the folder of a run."""
    from minivit.models import PRESETS
    from minivit.storage import load
    from minivit.train.trained_on import checkpoint_of

    path = Path(text)
    is_path = path.exists() or path.suffix == ".safetensors" or len(path.parts) > 1
    return load(checkpoint_of(text)) if is_path and text not in PRESETS else text


def _check_length(name: str, model: Any) -> None:
    from minivit.cost.run import reads_sequences
    from minivit.models import create_model

    if not reads_sequences(create_model(model) if isinstance(model, str) else model):
        raise ValueError(f"{name} reads no sequences, so that none has a length; leave it out")


def _options(args: argparse.Namespace, model: Any) -> dict[str, Any]:
    from minivit.train.settings import read_settings

    kind = model if isinstance(model, str) else type(model)
    return _asked(args) | read_settings(kind, args.set or [], DECIDED)


def swept(sweep: tuple[str, str], model: Any, options: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What is to be varied, and its values by what they are called."""
    from minivit.models.model import model_options
    from minivit.train.settings import read_value

    key, text = sweep
    name = key.replace("-", "_")
    types = {**model_options(model if isinstance(model, str) else type(model)), **OWN}
    if name not in types:
        raise ValueError(f"--sweep knows no {key!r}; it takes {', '.join(types)}")
    if name in options:
        raise ValueError(f"--sweep varies {name}, which is set beside it, too")
    read: Callable[[str], Any] = size if name == "img_size" else lambda part: read_value(name, part, types[name])
    try:
        return name, {part: read(part) for part in text.split(",")}
    except argparse.ArgumentTypeError as error:
        raise ValueError(str(error)) from None


OWN = {"img_size": int, "batch": int, "length": int, "threads": int, "dtype": str, "optimizer": str, "recompute": str}
"""What can be varied beside the options of the model, and of which type it is."""


def _of_budget(name: str, model: Any, budget: str, options: dict[str, Any]) -> Any:
    from minivit.cost import report
    from minivit.cost.budget import bytes_of, largest_batch, largest_otherwise

    if "batch" in options:
        raise ValueError("--budget finds the batch; leave --batch out")
    asked = largest_batch(model, budget, **options)
    return report.of_budget(name, bytes_of(budget), asked, largest_otherwise(model, budget, **options))


def _draw(args: argparse.Namespace, found: dict[str, Any]) -> None:
    from minivit import plot
    from minivit.cost.parts import attention_macs, memory_parts
    from minivit.terminal import one_line, shortened
    from minivit.types import pair

    name = one_line(shortened(args.model, 60)).replace("$", r"\$")
    if args.sweep and args.sweep[0].replace("-", "_") == "img_size":
        sizes = [pair(size(text)) for text in found]
        macs = [each.macs_forward for each in found.values()]
        attention = [attention_macs(each) for each in found.values()]
        picture = plot.macs_by_size(sizes, macs, attention, title=f"Multiplications of {name}")
    else:
        bars = {}
        for text, each in found.items():
            label = f"{args.sweep[0] if args.sweep else 'batch'} {text}"
            bars[f"{label}, in shards"] = memory_parts(each)
            bars[f"{label}, all at once"] = memory_parts(each, at_once=True)
        picture = plot.memory_bars(bars, title=f"The peak of a training step of {name}")
    plot.save(picture, args.plot)
