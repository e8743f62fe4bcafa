"""Build the lectures: notebooks/src/*.py, the source, becomes notebooks/*.ipynb, executed, to be read as it is.

    python tools/notebooks.py                # build all (make notebooks)
    python tools/notebooks.py 04_vit         # build one
    python tools/notebooks.py --check        # what CI does; writes nothing

Lectures run side by side, one for each processor.

``--check`` holds each committed notebook to the following.

- Its cells are those of the source, one by one: kind and text are the same.
- It has been executed from top to bottom: execution counts 1, 2, 3, ..., and no error among the outputs.
- Executed again, now and here, no cell raises. Every number that the text claims stands in an ``assert``, so this also
  says that the numbers still hold. It must not take more than 60 s (``--seconds``) and 1 GiB. What counts is the time
  on the clock or the processor time, whichever is less, so that other work on the machine does not fail a lecture.
- It obeys the rules: no cell of code above 25 lines or 100 columns, no file above 2 MB, no widget, which needs a kernel
  to move, and no output that would differ from run to run or from machine to machine (memory addresses, paths,
  warnings).

The outputs themselves are not compared: the last digits of floating-point numbers, and hence the bytes of a picture,
differ between processors. What must not differ is asserted in the cells.
"""

import argparse
import re
import sys
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jupytext  # pyright: ignore[reportMissingImports]  (the extra [notebooks] brings all three)
import nbformat  # pyright: ignore[reportMissingImports]
from nbclient import NotebookClient  # pyright: ignore[reportMissingImports]
from nbclient.exceptions import CellExecutionError, CellTimeoutError  # pyright: ignore[reportMissingImports]

from minivit.plot.frames import in_256_colours
from minivit.processors import available_processors

FOLDER = Path(__file__).parent.parent / "notebooks"
SECONDS, MIB = 60, 1024
LINES, COLUMNS, FILE_BYTES = 25, 100, 2_000_000

WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r"base64,[\w+/=]*|\"pictures\": \[[^]]*\]")  # in HTML; any word may stand in it by chance
UNSTABLE = re.compile(r"0x[0-9a-f]{6,}|/(?:home|Users|root|tmp|work|usr)/|Warning:")

USAGE = """
import resource, sys
usage = resource.getrusage(resource.RUSAGE_SELF)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def main() -> int:
    """Build or check the lectures; returns the number of those with which something is wrong."""
    parser = argparse.ArgumentParser(description="Build the lectures, or check that they are built.")
    parser.add_argument("names", nargs="*", help="such as 02_attention; all if not given")
    parser.add_argument("--check", action="store_true", help="write nothing, say what is wrong")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="longest a notebook may take (default 60)")
    args = parser.parse_args()
    names = args.names or [path.stem for path in sources()]
    run = check if args.check else build
    with ThreadPoolExecutor(available_processors()) as pool:  # each waits for a kernel, which is a process of its own
        return sum(pool.map(lambda name: fails(run, name, args.seconds), names))


def fails(run: Callable[[str, float], list[str]], name: str, seconds: float) -> bool:
    """Build or check a lecture and say what is wrong with it."""
    try:
        problems = run(name, seconds)
    except CellExecutionError as error:
        problems = [f"a cell raises: {error}"]
    except CellTimeoutError as error:
        problems = [f"a cell does not end: {error}"]
    for problem in problems:
        print(f"{name}: {problem}", file=sys.stderr)
    return bool(problems)


def sources() -> list[Path]:
    """The source of every lecture, in order."""
    return sorted((FOLDER / "src").glob("*.py"))


def build(name: str, seconds: float) -> list[str]:
    """Execute a lecture and write it; returns what is wrong with it."""
    notebook = read_source(name)
    problems = execute(name, notebook, seconds)
    path = FOLDER / f"{name}.ipynb"
    path.write_text(as_text(notebook), encoding="utf-8")
    return problems + rules(notebook)


def check(name: str, seconds: float) -> list[str]:
    """Say what is wrong with the committed lecture."""
    path = FOLDER / f"{name}.ipynb"
    if not path.is_file():
        return [f"{path.name} is missing: run `make notebooks`"]
    committed = nbformat.read(path, as_version=4)
    source = read_source(name)
    problems = differences(committed, source) + rules(committed)
    return problems or execute(name, source, seconds)


def read_source(name: str) -> Any:
    """The notebook that the source describes, without outputs."""
    notebook = jupytext.read(FOLDER / "src" / f"{name}.py")
    for number, cell in enumerate(notebook.cells):
        cell.id = f"{name[:2]}-{number:03}"  # otherwise drawn at random
        cell.metadata = {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python", "file_extension": ".py", "pygments_lexer": "ipython3"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def execute(name: str, notebook: Any, seconds: float) -> list[str]:
    """Run every cell in a fresh kernel and clean the outputs; returns which limit was passed."""
    client = NotebookClient(
        notebook,
        timeout=int(2 * seconds),  # of a single cell: something hangs then
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(FOLDER)}},
    )
    with client.setup_kernel():
        start = time.perf_counter()
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        clock = time.perf_counter() - start
        probe = nbformat.v4.new_code_cell(USAGE)
        notebook.cells.append(probe)
        client.execute_cell(probe, len(notebook.cells) - 1)
        notebook.cells.pop()
    processor, peak = (float(number) for number in probe.outputs[0].text.split())
    peak /= 2**20
    took = min(clock, processor)
    print(
        f"{name}: {len(notebook.cells)} cells in {clock:.1f} s ({processor:.1f} s of processor time), "
        f"at most {peak:.0f} MiB",
        flush=True,
    )
    for cell in notebook.cells:
        clean(cell)
    problems = []
    if took > seconds:
        problems.append(f"takes {took:.0f} s; at most {seconds:.0f} s are allowed")
    if peak > MIB:
        problems.append(f"needs {peak:.0f} MiB; at most {MIB} MiB are allowed")
    return problems


def clean(cell: Any) -> None:
    """Keep of a cell's outputs what is shown: no text beside a picture, and no more than 256 colours in it."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if len(data) > 1:
            data.pop("text/plain", None)
        if "image/png" in data:
            data["image/png"] = b64encode(in_256_colours(b64decode(data["image/png"]))).decode()


def as_text(notebook: Any) -> str:
    """The file: stable in every byte, as long as the outputs are."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


def differences(committed: Any, source: Any) -> list[str]:
    """Where the cells of a notebook are not those of its source, and whether it was run from top to bottom."""
    if len(committed.cells) != len(source.cells):
        return [f"has {len(committed.cells)} cells, its source {len(source.cells)}: run `make notebooks`"]
    problems = []
    for number, (ours, theirs) in enumerate(zip(committed.cells, source.cells, strict=True)):
        if (ours.cell_type, ours.source) != (theirs.cell_type, theirs.source):
            problems.append(f"cell {number} is not that of its source: run `make notebooks`")
    counts = [cell.execution_count for cell in committed.cells if cell.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        problems.append("was not executed from top to bottom: run `make notebooks`")
    return problems


def rules(notebook: Any) -> list[str]:
    """What a reader would stumble over."""
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        lines = cell.source.splitlines()
        if len(lines) > LINES:
            problems.append(f"cell {number} has {len(lines)} lines; at most {LINES} are allowed")
        if max(map(len, lines), default=0) > COLUMNS:
            problems.append(f"cell {number} has a line of more than {COLUMNS} columns")
        for output in cell.outputs:
            if output.output_type == "error":
                problems.append(f"cell {number} ends in an error")
            data = output.get("data", {})
            if WIDGET in data:
                problems.append(f"cell {number} shows a widget, which needs a kernel to move: use mv.plot.frames")
            texts = [output.get("text", ""), *(PICTURE.sub("", str(v)) for k, v in data.items() if "image" not in k)]
            for found in UNSTABLE.findall(" ".join(texts)):
                problems.append(f"cell {number} prints {found!r}, which changes from run to run or is not for readers")
    size = len(as_text(notebook).encode())
    if size > FILE_BYTES:
        problems.append(f"is {size / 1e6:.1f} MB large; at most {FILE_BYTES / 1e6:.0f} MB are allowed")
    return problems


if __name__ == "__main__":
    sys.exit(main())
