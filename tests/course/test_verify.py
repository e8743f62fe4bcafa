"""The exercises themselves: right answers, stubs, planted bugs, and no false alarm."""

import dataclasses

import pytest

from minivit.cli import main
from minivit.course import verify as verifying
from minivit.course.call import load_source
from minivit.course.checks import check_task
from minivit.course.exercise import Exercise, Mistake, Task
from minivit.course.exercises import EXERCISES
from minivit.course.runner import InPlaceRunner
from minivit.course.stub import solved_source
from tests.sampled import REST

every_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
BUGS = [(exercise, task, bug) for exercise in EXERCISES.values() for task in exercise.tasks for bug in task.bugs]
ONE_OF_EACH_EXERCISE = [next(bug for bug in BUGS if bug[0] is exercise) for exercise in EXERCISES.values()]
"""The others are judged by `minivit course verify`, as are the references and the stubs of the other exercises."""


@pytest.mark.sampled(every=30)
@pytest.mark.parametrize("exercise", [EXERCISES["adamw"], EXERCISES["patches"]], ids=["functions", "a layer"])
def test_the_reference_passes_and_the_stub_scores_nothing(exercise):
    assert [*verifying.judge_reference(exercise), *verifying.judge_stub(exercise)] == []


@pytest.mark.parametrize(
    ("exercise", "task", "bug"), ONE_OF_EACH_EXERCISE, ids=[task.name for _, task, _ in ONE_OF_EACH_EXERCISE]
)
def test_a_planted_bug_is_found_and_named(exercise, task, bug):
    assert verifying.judge_bug(exercise, task, bug) is None


def test_there_are_enough_bugs_and_each_task_has_one():
    assert len(BUGS) >= verifying.FEWEST_BUGS
    assert all(list(task.bugs) for exercise in EXERCISES.values() for task in exercise.tasks)


def test_a_bug_whose_line_is_gone_and_a_bug_that_passes_are_told():
    exercise = EXERCISES["adamw"]
    task = exercise.tasks[0]
    gone, right = Mistake("this is not there", "", "", True), Mistake("beta1, beta2 =", "beta1, beta2 =", "", True)
    assert "has no 'this is not there' any more" in str(verifying.judge_bug(exercise, task, gone))
    assert "passes" in str(verifying.judge_bug(exercise, task, right))
    silent = Mistake("+ eps", "", "this is not said", True)
    assert "fails without saying 'this is not said'" in str(verifying.judge_bug(exercise, task, silent))


def test_an_exercise_that_selects_no_check_is_an_error():
    assert list(verifying.empty_tasks(Exercise("empty", "nothing", 20, ())))
    task = Task("softmax_forward", {})
    assert list(verifying.empty_tasks(Exercise("empty", "nothing", 20, (task,))))


def test_what_stands_in_before_it_is_judged_is_an_error():
    """While it stands in, it is in the child: there it would be an answer to be found."""
    for exercise in EXERCISES.values():
        assert list(verifying.early_answers(exercise)) == []
    adamw = EXERCISES["adamw"]
    (said,) = verifying.early_answers(dataclasses.replace(adamw, tasks=adamw.tasks[::-1]))
    assert said == "adam_update stands in while adamw_update is checked, and is still to be judged: put it before"
    heads = EXERCISES["multi_head"]
    early = [*heads.tasks[1:4], heads.tasks[0]]  # merge_heads_backward is given split_heads_forward
    (said,) = verifying.early_answers(dataclasses.replace(heads, tasks=tuple(early)))
    assert said.startswith("split_heads_forward stands in while merge_heads_backward is checked")


@pytest.mark.parametrize(("name", "argument"), [("attention_forward", "mask"), ("SelfAttention.forward", "rng")])
def test_an_argument_that_nobody_needs_is_told(name, argument):
    """Without the cases in which it counts."""
    exercise, task = next((e, t) for e in EXERCISES.values() for t in e.tasks if t.name == name)
    assert list(verifying.unasked_arguments(exercise)) == []
    cases = {label: draw for label, draw in task.cases.items() if "mask" not in label and "dropout" not in label}
    fewer = dataclasses.replace(exercise, tasks=(dataclasses.replace(task, cases=cases),))
    said = f"{name} is right though it ignores {argument}: add a case in which that counts"
    assert said in list(verifying.unasked_arguments(fewer))


@pytest.mark.parametrize(("name", "argument"), [("window_partition_forward", "shift_size"), ("msa_macs", "grid_size")])
def test_a_form_that_nobody_needs_is_told(name, argument):
    """Without the case in which there is a number in place of each pair."""
    exercise, task = next((e, t) for e in EXERCISES.values() for t in e.tasks if t.name == name)
    assert list(verifying.unasked_forms(exercise)) == []
    cases = {label: draw for label, draw in task.cases.items() if label != "with a number for both sides"}
    fewer = dataclasses.replace(exercise, tasks=(dataclasses.replace(task, cases=cases),))
    assert f"{name} is never given an int as {argument}: add a case with one" in list(verifying.unasked_forms(fewer))


def seeds_without_alarm(exercise, seeds, timed):
    runner = InPlaceRunner(load_source(solved_source(exercise), "solution.py"))
    for seed in seeds:
        for task in exercise.tasks:
            for result in check_task(task, runner, seed, timed=timed(seed)):
                assert result.status == "passed", (seed, result)


@pytest.mark.sampled(every=9, rest=3)
@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_no_false_alarm(exercise):
    seeds_without_alarm(exercise, [1], lambda seed: False)


@pytest.mark.slow
@every_exercise
def test_no_false_alarm_in_2000_seeds(exercise):
    seeds_without_alarm(exercise, range(2000), lambda seed: seed % 20 == 0)


@REST
def test_the_command_runs_them_all_and_tells_troubles(monkeypatch, capsys):
    adamw = EXERCISES["adamw"]
    quick = [dataclasses.replace(task, mistakes=without_loops(task.mistakes)) for task in adamw.tasks]
    monkeypatch.setattr(verifying, "EXERCISES", {"adamw": dataclasses.replace(adamw, tasks=tuple(quick))})
    monkeypatch.setattr(verifying, "FEWEST_BUGS", 20)  # each of all has been judged above
    assert main(["course", "verify"]) == 0
    assert " 0 troubles" in capsys.readouterr().out
    gone = dataclasses.replace(adamw.tasks[0], mistakes={"this is not there": {"": "", "1": ""}})
    monkeypatch.setattr(verifying, "EXERCISES", {"adamw": dataclasses.replace(adamw, tasks=(gone,))})
    assert main(["course", "verify"]) == 1
    told = capsys.readouterr().out
    assert told.count("has no 'this is not there' any more") == 2
    assert "2 planted bugs, 3 troubles" in told


@REST
def test_exercises_by_their_names(capsys):
    assert main(["course", "verify", "tokens"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told[:-1]] == ["tokens"]
    assert main(["course", "verify", "nothing"]) == 2
    assert "there is no exercise 'nothing'" in capsys.readouterr().err


def without_loops(mistakes):
    return {
        old: {new: says for new, says in changes.items() if "a loop" not in says} for old, changes in mistakes.items()
    }
