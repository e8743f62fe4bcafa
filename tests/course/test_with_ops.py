"""Training with a student's functions in place of ours."""

import numpy as np
import pytest

import minivit as mv
from minivit.course import EXERCISES, CannotRunError, start
from minivit.course.stub import solved_source
from minivit.course.with_ops import in_place_of_ours, load_checked
from minivit.layers import block


def solved_folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "solution.py").write_text(solved_source(EXERCISES[name]), encoding="utf-8")
    return folder


def losses():
    model = mv.create_model("vit_micro_patch4_32", num_classes=10, seed=0)
    optimizer = mv.train.AdamW(model, lr=1e-3)
    images = np.random.default_rng(0).standard_normal((4, 32, 32, 3), np.float32)
    step = mv.train.training_step
    return [step(model, images, np.arange(4), optimizer=optimizer, threads=1) for _ in range(2)]


def test_all_exercises_together_train_to_the_same_bits(tmp_path):
    before = losses()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in EXERCISES]
    ours = block.SelfAttention, mv.ops.OPS["gelu"], mv.train.training_step
    with in_place_of_ours(solutions) as called:
        assert block.SelfAttention is solutions[list(EXERCISES).index("multi_head")].module.SelfAttention
        assert losses() == before
    tasks = {task.name for exercise in EXERCISES.values() for task in exercise.tasks}
    assert tasks - called == {
        *("attention_loops", "attention_one_loop", "conv2d_loops", "conv2d_places"),
        "log_softmax_backward",
    }
    assert (block.SelfAttention, mv.ops.OPS["gelu"], mv.train.training_step) == ours
    called.clear()
    assert losses() == before
    assert not called


def test_a_solution_that_fails_is_refused_with_the_reason(tmp_path):
    folder = start(EXERCISES["adamw"], tmp_path / "work")
    reason = r"because only 0 of \d+ checks pass; first mend adam_update \(runs: write this\); minivit course check "
    with pytest.raises(CannotRunError, match=f"not training with {folder}, {reason}{folder} says the rest"):
        load_checked(folder)


def test_a_solution_that_cannot_be_checked_is_refused_in_one_line(tmp_path):
    folder = solved_folder(tmp_path, "adamw")
    (folder / "solution.py").write_text("def adam_update(:", encoding="utf-8")
    with pytest.raises(CannotRunError, match=f"not training with {folder}: .*, line 1 def .* SyntaxError: .*"):
        load_checked(folder)
    (folder / "solution.py").unlink()
    with pytest.raises(CannotRunError, match=f"not training with {folder}: .*solution.py cannot be read: No such file"):
        load_checked(folder)
