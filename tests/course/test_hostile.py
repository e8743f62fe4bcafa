"""Solutions that misbehave. Each costs its own function, and nobody else's marks; the report stays clean."""

import json
import re
from pathlib import Path

import pytest

from minivit.course.exercises import EXERCISES
from minivit.course.grade import check_folder
from minivit.course.stub import solved_source

FILES = sorted((Path(__file__).parent / "hostile").glob("*.py"))
SAYS = {
    "endless_loop": "an endless loop?",
    "ten_gibibytes": "more memory",
    "many_small_blocks": "",
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
    "forges_an_answer": "the process",
    "returns_a_trap": "",
    "returns_too_much": "",
    "returns_text": "must be an array",
}
SLOW = {"many_small_blocks", "returns_too_much"}
CASES = [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in SLOW)) for path in FILES]


@pytest.mark.parametrize("path", CASES)
def test_a_hostile_solution_costs_only_its_own_function(path, tmp_path):
    folder = tmp_path / "solution"
    folder.mkdir()
    text = solved_source(EXERCISES["linear"]) + "\n\n" + path.read_text(encoding="utf-8")
    (folder / "solution.py").write_text(text, encoding="utf-8")
    report = check_folder(folder, seconds=2)
    for task in ("linear_backward", "gelu_forward", "gelu_backward"):
        assert all(result.status == "passed" for result in report.of(task)), report
    hostile = report.of("linear_forward")
    assert any(result.status == "failed" for result in hostile)
    assert not any(result.status == "passed" for result in hostile if result.check.startswith("numbers"))
    assert re.search(SAYS[path.stem], "\n".join(result.message for result in hostile))
    assert len(json.dumps(report.as_json())) < 50_000
