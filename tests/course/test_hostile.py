"""Solutions that misbehave. Each costs its own function, and nobody else's marks; the report stays clean."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from minivit.course.exercises import EXERCISES
from minivit.course.grade import check_solution
from minivit.course.source import Source
from minivit.course.stub import solved_source, stub_source
from tests.sampled import REST

FOLDER = Path(__file__).parent / "hostile"
FILES = sorted(FOLDER.glob("*.py"))
SAYS = {
    "endless_loop": "an endless loop",
    "ten_gibibytes": "more memory",
    "many_small_blocks": "",
    "asks_the_exercises": "the answer is in them",
    "asks_the_package": "minivit's own linear_forward",
    "asks_a_layer": "minivit's own linear_forward",
    "reads_the_source": "the answer is in them",
    "deletes_everything": "the process ended",
    "prints_a_gigabyte": "printed enough|no answer after 2 seconds",  # whichever comes first on this machine
    "sys_exit": "sys.exit()",
    "os_exit": "the process ended",
    "crashes": "SIGSEGV",
    "recurses": "RecursionError",
    "leaves_a_process_behind": "the process ended",
    "leaves_the_session": "is the return missing",
    "starts_a_session": "is the return missing",
    "raises_a_riddle": r"RiddleError: \(and its message cannot be shown\)\n  in linear_forward, line ",
    "forges_an_answer": "the process",
    "returns_a_trap": "",
    "returns_too_much": "",
    "returns_text": "must be an array",
    "searches_the_memory": "every one is closed",
    "breaks_numpy": "is the return missing",
}
LINEAR = EXERCISES["linear"]
FEWER = replace(  # cases: each that ends its process costs a new one
    LINEAR, tasks=tuple(replace(task, cases=dict([*task.cases.items()][:1]), simpler={}) for task in LINEAR.tasks)
)


@pytest.mark.sampled(every=0, rest=2)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_hostile_solution_costs_only_its_own_function(path, tmp_path):
    folder = tmp_path / "solution"
    folder.mkdir()
    text = solved_source(FEWER) + "\n\n" + path.read_text(encoding="utf-8")
    (folder / "solution.py").write_text(text, encoding="utf-8")
    report = check_solution(Source(text, folder / "solution.py", FEWER), seconds=2)
    for task in ("linear_backward", "gelu_forward", "gelu_backward"):
        assert all(result.status == "passed" for result in report.of(task)), report
    hostile = report.of("linear_forward")
    assert any(result.status == "failed" for result in hostile)
    assert not any(result.status == "passed" for result in hostile if result.check.startswith("numbers"))
    assert re.search(SAYS[path.stem], "\n".join(result.message for result in hostile))
    assert len(json.dumps(report.as_json())) < 50_000


@REST
@pytest.mark.skipif(not hasattr(os, "setsid"), reason="Windows has no sessions")
@pytest.mark.parametrize("can_find", [True, False])
@pytest.mark.parametrize("name", ["leaves_the_session", "starts_a_session"])
def test_a_process_that_left_the_session_holds_nothing_up(name, can_find, tmp_path):
    """It is ended where the system tells whose it was. A check that hangs fails here, as it is in another process."""
    note = tmp_path / "pids"
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    text = text.replace("time.sleep(", f"print(os.getpid(), file=open({str(note)!r}, 'a')); time.sleep(")
    text += f"    while not os.path.exists({str(note)!r}):\n        time.sleep(0.01)\n"
    (tmp_path / "solution.py").write_text(f"{stub_source(EXERCISES['linear'])}\n\n{text}", encoding="utf-8")
    blind = "" if can_find else "from minivit.course import keeper; keeper.end_marked = lambda mark: None; "
    code = f"{blind}from minivit.cli import main; raise SystemExit(main(['course', 'check', {str(tmp_path)!r}]))"
    try:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, timeout=45, check=False)
        assert done.returncode == 1, done.stderr
        assert "checks passed" in done.stdout
        if can_find and Path("/proc/self/environ").exists():
            assert not any(is_alive(pid) for pid in note.read_text().split())
    finally:
        for pid in note.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def is_alive(pid):
    """There, and no zombie, which only waits for whoever is process 1 here."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
