"""What an experiment has measured, kept in a JSON file: a run that is already in it is not made again.

Files of experiments that were begun and not finished lie in ``unfinished``; moved to ``results``, they go on.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter
from typing import Any

from minivit.files import replace_file

RESULTS = Path(__file__).parent / "results"
SEEDS = 0, 1, 2
RUNS = Path("runs")
"""For models that a further run needs, and for trainings that are under way."""


def record(
    name: str, about: dict[str, Any], runs: Iterable[dict[str, Any]], measure: Callable[..., dict[str, Any]]
) -> None:
    """Make every run that ``results/NAME.json`` does not have yet, and write the file after each.

    Parameters
    ----------
    name : str
    about : dict
        Settings and command, for those who read; if they are no longer those of the file, it begins anew.
    runs : iterable of dict
        The arguments of ``measure``, by name.
    measure : callable
        What it returns stands in the file beside its arguments, and ``wall_seconds`` beside both: how long it took this
        process, on a machine that may have had more to do; of a training that was stopped, since it went on.
    """
    path = RESULTS / f"{name}.json"
    about = json.loads(json.dumps({"command": f"python experiments/{name}.py", **about}))
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    done = old["runs"] if {**old, "runs": None} == {**about, "runs": None} else []
    for run in runs:
        if any(run.items() <= other.items() for other in done):
            continue
        begin = perf_counter()
        done.append({**run, **measure(**run), "wall_seconds": round(perf_counter() - begin, 1)})
        print(done[-1], file=sys.stderr, flush=True)
        lines = ",\n".join(f"    {json.dumps(run)}" for run in done)  # a run, a line
        head = json.dumps(about, indent=2)[:-2]
        RESULTS.mkdir(exist_ok=True)
        replace_file(path, f'{head},\n  "runs": [\n{lines}\n  ]\n}}\n'.encode())


def runs_of(name: str) -> list[dict[str, Any]]:
    """What ``results/NAME.json`` has; nothing if there is no such file yet."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["runs"] if path.is_file() else []


def how_measured(name: str) -> dict[str, Any]:
    """The settings of ``results/NAME.json``."""
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return {setting: value for setting, value in found.items() if setting != "runs"}


def table(name: str, head: str, keys: Sequence[str], scores: Mapping[str, str]) -> str:
    """Mean and standard deviation of scores over the seeds, in percent, of the runs that there are, in Markdown.

    Parameters
    ----------
    name, head : str
        Of the results, and over the columns of the keys.
    keys : list of str
        What tells one row from another.
    scores : {key: what stands over its column}
    """
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for run in runs_of(name):
        groups.setdefault(tuple(run[key] for key in keys), []).append(run)
    lines = [f"| {head} | {' | '.join(scores.values())} |", "|---" * len(keys) + "|---:" * len(scores) + "|"]
    for group, runs in groups.items():
        cells = [spread([run[score] for run in runs]) for score in scores]
        lines.append(f"| {' | '.join(map(str, (*group, *cells)))} |")
    return "\n".join(lines)


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, in percent; of one value itself, of none nothing."""
    if not values:
        return ""
    deviation = f" ± {100 * stdev(values):.1f}" if len(values) > 1 else ""
    return f"{100 * mean(values):.1f}{deviation} %"


def complete(name: str, seeds: Iterable[int]) -> bool:
    """Whether ``results/NAME.json`` is there, and has as many runs of each of the seeds, where runs have seeds.

    Experiments make all runs of one seed before the next, so those that are under way have more of some.
    """
    if not (RESULTS / f"{name}.json").is_file():
        return False
    made = Counter(run["seed"] for run in runs_of(name) if "seed" in run)
    return not made or (made.keys() == {*seeds} and len({*made.values()}) == 1)


def measured(program: str, table: str = "table", results: Sequence[str] = ()) -> str:
    """For lectures, in Markdown: the table of a program, or how to make it where none of its results is complete.

    Parameters
    ----------
    program, table : str
        The file, and what in it makes the table.
    results : list of str
        Those that are in the table, if they are not called as the program is.
    """
    command = f"`python experiments/{program}.py`"
    if not any(complete(name, SEEDS) for name in results or [program]):
        return f"*Not measured yet:* {command} has the trainings and the table."
    return f"Made by {command}\n\n{getattr(import_module(program), table)()}"
