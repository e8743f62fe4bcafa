"""What distillation computes, image by image and by the numbers of DeiT's code; and mistakes that must not pass."""

from functools import partial
from math import exp, log
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.data import Dataset, partly_labeled
from minivit.ops import label_weights, taught_backward, taught_forward
from minivit.tasks import Distillation, distillation
from minivit.tasks.distillation import Taught
from minivit.train import SGD, Recipe, Trainer, mix, normalize, predict, random_crop_flip, training_step
from tests.tasks.families import SMALL
from tests.test_parity import Case, assert_gradient, assert_output
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
B, K = 7, 5
SAID = 3 * RNG.standard_normal((B, K))
LABELS = np.array([0, 4, -1, 2, -1, -1, 3])


def targets_of(labels: np.ndarray = LABELS, said: np.ndarray = SAID) -> Taught:
    return Taught(labels, said, label_weights(labels))


def outputs_for(task: Distillation, seed: int = 1) -> np.ndarray:
    shape = (B, 2, K) if task.token else (B, K)
    return 2 * np.random.default_rng(seed).standard_normal(shape)


# Image by image, in numbers of Python


def probabilities(logits: list[float], temperature: float = 1.0) -> list[float]:
    shares = [exp(logit / temperature) for logit in logits]
    return [share / sum(shares) for share in shares]


def cross_entropy(logits: list[float], label: int, smoothing: float, others: bool) -> float:
    loss = 0.0
    for c, q in enumerate(probabilities(logits)):
        if others:
            target = 1 - smoothing if c == label else smoothing / (K - 1)
        else:
            target = (1 - smoothing) * (c == label) + smoothing / K
        loss -= target * log(q)
    return loss


def divergence(first: list[float], second: list[float]) -> float:
    return sum(p * log(p / q) for p, q in zip(first, second, strict=True))


def by_hand(task: Distillation, outputs: np.ndarray, labels: np.ndarray, said: np.ndarray) -> float:
    """The formulas of the docstring: the labels' part a mean over images with a label, the teacher's over all."""
    of_labels, of_teacher = [], []
    for n in range(len(outputs)):
        heads = outputs[n].tolist()
        for_labels, for_teacher = heads if task.token else (heads, heads)
        teacher = said[n].tolist()
        if labels[n] >= 0:
            smoothing = task.labels.label_smoothing
            of_labels.append(cross_entropy(for_labels, labels[n], smoothing, task.smooth_others))
        if task.method == "hard":
            label = teacher.index(max(teacher))
            of_teacher.append(cross_entropy(for_teacher, label, task.teacher_smoothing, task.smooth_others))
        else:
            q, p = (probabilities(logits, task.temperature) for logits in (for_teacher, teacher))
            kl = divergence(q, p) if task.reverse else divergence(p, q)
            of_teacher.append(task.temperature**2 * kl / (K if task.per_class else 1))
    mean = sum(of_labels) / len(of_labels) if of_labels else 0.0
    return (1 - task.alpha) * mean + task.alpha * sum(of_teacher) / len(of_teacher)


def check(task: Distillation) -> None:
    """Loss and gradient are those by hand: with all labels, with some, and with none."""
    outputs = outputs_for(task)
    for labels in (np.abs(LABELS), LABELS, np.full(B, -1)):
        loss, cache = task.forward(outputs, targets_of(labels))
        np.testing.assert_allclose(loss, by_hand(task, outputs, labels, SAID), rtol=1e-12)
        gradient = task.backward(np.float64(1), cache)
        direction = np.random.default_rng(2).standard_normal(outputs.shape)
        up, down = (by_hand(task, outputs + step * direction, labels, SAID) for step in (1e-6, -1e-6))
        np.testing.assert_allclose((gradient * direction).sum(), (up - down) / 2e-6, rtol=1e-6)


CHOICES: list[dict[str, Any]] = [
    {"alpha": 0.3},
    {"alpha": 0.3, "temperature": 3.0, "label_smoothing": 0.1},
    {"alpha": 0.7, "temperature": 2.0, "reverse": True, "smooth_others": True, "label_smoothing": 0.2},
    {"alpha": 0.4, "temperature": 3.0, "per_class": True, "label_smoothing": 0.1},
    {"method": "hard"},
    {"method": "hard", "alpha": 0.3, "label_smoothing": 0.1, "teacher_smoothing": 0.2, "smooth_others": True},
    {"alpha": 0.0},
    {"alpha": 1.0, "temperature": 0.5},
]


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("choices", CHOICES)
def test_it_is_what_the_formulas_say(choices, token):
    check(Distillation(len, token=token, **choices))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("labels", [LABELS, np.full(B, -1), np.abs(LABELS)], ids=["some", "none", "all"])
@pytest.mark.parametrize("options", [{"temperature": 3.0}, {"hard": True}])
def test_of_class_numbers_and_one_head_it_is_the_pair_to_the_last_bit(options, labels, dtype) -> None:
    soft = {"temperature": 3.0} if "temperature" in options else {"method": "hard"}
    task = Distillation(lambda images: SAID, alpha=0.3, **soft)
    outputs, said = outputs_for(task).astype(dtype), SAID.astype(dtype)
    loss, cache = task.forward(outputs, targets_of(labels, said))
    pair_loss, pair_cache = taught_forward(outputs, said, labels, alpha=0.3, **options)
    assert (pair_loss, pair_loss.dtype) == (loss, dtype)
    gradient = taught_backward(dtype(0.5), pair_cache).logits
    np.testing.assert_array_equal(gradient, task.backward(dtype(0.5), cache))
    assert gradient.dtype == dtype


# Mistakes, as people make them


def softened(task, outputs, targets):
    return Distillation.forward(task, outputs / task.temperature, targets)


def changed_targets(change):
    def forward(task, outputs, targets):
        return Distillation.forward(task, outputs, change(task, outputs, targets))

    return {"forward": forward}


def changed_option(**options):
    def forward(task, outputs, targets):
        before = vars(task).copy()
        vars(task).update({name: change(task) for name, change in options.items()})
        try:
            return Distillation.forward(task, outputs, targets)
        finally:
            vars(task).update(before)

    return {"forward": forward}


def scaled_divergence(factor):
    """The teacher's part times a factor, forward and backward."""

    def forward(task, outputs, targets):
        right, c = Distillation.forward(task, outputs, targets)
        (alone, _), alpha = Distillation.forward(_with(task, alpha=1.0), outputs, targets), task.alpha
        return right + alpha * (factor(task) - 1) * alone, c

    def backward(task, dloss, cache):
        right = Distillation.backward(task, dloss, cache)
        alone = Distillation.backward(_with(task, alpha=1.0), dloss, cache)
        return right + task.alpha * (factor(task) - 1) * alone

    return {"forward": forward, "backward": backward}


def _with(task, **options):
    twin = Distillation(len)
    vars(twin).update(vars(task) | options)
    return twin


def class_zero(task, outputs, targets):
    return targets._replace(labels=np.maximum(targets.labels, 0), weights=np.ones(B))


def in_the_mean(task, outputs, targets):
    return targets._replace(weights=(targets.labels >= 0) * 1.0)


def students_own_classes(task, outputs, targets):
    return targets._replace(teacher=task.heads(outputs)[1])


def heads_exchanged(task, outputs, targets):
    return Distillation.forward(task, outputs[:, ::-1], targets)


def alpha_on_the_labels(task, outputs, targets):
    return Distillation.forward(_with(task, alpha=1 - task.alpha), outputs, targets)


def alpha_on_the_labels_backward(task, dloss, cache):
    return Distillation.backward(_with(task, alpha=1 - task.alpha), dloss, cache)


def teachers_gradient(task, dloss, cache):
    right = Distillation.backward(_with(task, alpha=0.0), dloss * (1 - task.alpha), cache)
    return right - Distillation.backward(_with(task, alpha=1.0), dloss * task.alpha, cache)


SOFT: dict[str, Any] = {"alpha": 0.3, "temperature": 3.0}
HARD: dict[str, Any] = {"method": "hard", "alpha": 0.3}
MISTAKES = [
    ("tau squared forgotten", SOFT, scaled_divergence(lambda task: task.temperature**-2)),
    ("tau in place of its square", SOFT, scaled_divergence(lambda task: 1 / task.temperature)),
    ("divided by the classes", SOFT, scaled_divergence(lambda task: 1 / K)),
    ("summed over the batch", SOFT, scaled_divergence(lambda task: B)),
    ("the divergence the wrong way round", SOFT, changed_option(reverse=lambda task: not task.reverse)),
    ("alpha on the labels", SOFT, {"forward": alpha_on_the_labels, "backward": alpha_on_the_labels_backward}),
    ("alpha on the labels, hard", HARD, {"forward": alpha_on_the_labels, "backward": alpha_on_the_labels_backward}),
    ("the student softened in the cross-entropy", SOFT, {"forward": softened}),
    ("the teacher's gradient", SOFT, {"backward": teachers_gradient}),
    ("hard labels from the student", HARD, changed_targets(students_own_classes)),
    ("heads exchanged", {**HARD, "token": True}, {"forward": heads_exchanged}),
    ("heads exchanged backward", {**SOFT, "token": True},
     {"backward": lambda task, dloss, cache: Distillation.backward(task, dloss, cache)[:, ::-1]}),
    ("images without a label are of class 0", HARD, changed_targets(class_zero)),
    ("images without a label are in the mean", SOFT, changed_targets(in_the_mean)),
    ("the teacher's classes smoothed as the labels", {**HARD, "label_smoothing": 0.1},
     changed_option(teacher_smoothing=lambda task: task.labels.label_smoothing)),
    ("smoothing of all, not of the others", {**SOFT, "label_smoothing": 0.1, "smooth_others": True},
     changed_option(smooth_others=lambda task: False)),
]  # fmt: skip


@pytest.mark.parametrize(("what", "options", "wrong"), MISTAKES, ids=[what for what, *_ in MISTAKES])
def test_a_mistake_is_seen(what, options, wrong):
    check(Distillation(len, **options))
    with pytest.raises(AssertionError):
        check(type("Wrong", (Distillation,), wrong)(len, **options))


# The numbers of DeiT's own code


@pytest.mark.parametrize("token", [False, True])
@pytest.mark.parametrize("method", ["soft", "hard"])
def test_it_is_the_loss_of_deits_code(method, token):
    case = Case("deit_loss")
    name = f"{method}_token" if token else method
    heads, said = [case["in/class"], case["in/distillation"]], case["const/teacher"]
    task = Distillation(len, method=method, token=token, per_class=method == "soft", **case.meta["options"][method])
    outputs = np.stack(heads, axis=1) if token else heads[0]
    loss, _ = task.forward(outputs, targets_of(case["const/labels"], said))
    assert_output(np.asarray(loss), case[f"out/{name}"])


def test_its_gradients_are_those_of_deits_code():
    """The fixture's are those of a sum of four losses."""
    case = Case("deit_loss")
    heads, said, total = [case["in/class"], case["in/distillation"]], case["const/teacher"], np.zeros((4, 2, 6))
    for method in ("soft", "hard"):
        options = case.meta["options"][method] | {"method": method, "per_class": method == "soft"}
        targets = targets_of(case["const/labels"], said)
        for token, name in ((False, method), (True, f"{method}_token")):
            task = Distillation(len, token=token, **options)
            _, cache = task.forward(np.stack(heads, axis=1) if token else heads[0], targets)
            gradient = task.backward(case[f"cot/{name}"], cache)
            total[:, slice(None) if token else 0] += gradient
    assert_gradient(total[:, 0], case["gin/class"])
    assert_gradient(total[:, 1], case["gin/distillation"])


# Examples: answers that are given once, labels that are withheld


def shapes(train: int = 40, test: int = 12) -> Dataset:
    return mv.data.shapes(train, test)


class Counting:
    """A teacher that counts the images it is shown."""

    def __init__(self) -> None:
        self.model = mv.create_model("vit_micro_patch4_32", **SMALL, num_classes=10, seed=3)
        self.shown = 0

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        self.shown += len(inputs)
        return predict(self.model, inputs, threads=1)


def student(task: Distillation, dataset: Dataset, *, threads: int = 1, **options: Any) -> Trainer:
    pooling = {} if task.token else {"global_pool": "avg", "class_token": False}
    recipe = Recipe(model="vit_micro_patch4_32", options={**SMALL, **pooling, **options}, epochs=3, batch_size=10)
    return Trainer(recipe, dataset, task=task, threads=threads)


def test_each_image_is_answered_once_where_nothing_changes_it():
    teacher, crop = Counting(), partial(random_crop_flip, padding=2)
    for _ in student(Distillation(teacher), shapes()).run():
        pass
    assert teacher.shown == 40 + 12
    for _ in student(Distillation(teacher, augment=crop), shapes()).run():
        pass
    assert teacher.shown == 40 + 12 + 3 * 40 + 12  # those to test on are never changed


def test_answers_that_have_no_room_are_asked_for_each_time(monkeypatch):
    kept = [row.loss for row in student(Distillation(Counting()), shapes()).run()]
    monkeypatch.setattr(distillation, "MOST_ANSWERS", 12 * 40)  # bytes of those to test on
    teacher = Counting()
    trainer = student(Distillation(teacher), shapes())
    asked = [row.loss for row in trainer.run()]
    assert teacher.shown == 12 + 40 + 3 * 40  # a first part, to see how large they are
    assert trainer.dataset.test.answers.shape == (12, 10)
    np.testing.assert_allclose(kept, asked, rtol=1e-5)


def test_a_larger_data_set_is_shown_in_pieces(monkeypatch):
    whole = Distillation(Counting()).prepared(shapes(), normalize=lambda images: images / np.float32(255))
    monkeypatch.setattr(distillation, "CHUNK", 16)
    pieces = Distillation(Counting()).prepared(shapes(), normalize=lambda images: images / np.float32(255))
    for split in ("train", "test"):
        one, other = getattr(whole, split), getattr(pieces, split)
        np.testing.assert_array_equal(one.answers, other.answers)
        np.testing.assert_array_equal(one.images, other.images)
    again = Distillation(len).prepared(whole, normalize=len)
    assert again.train is whole.train


def test_what_is_answered_before_is_what_is_answered_now():
    data = shapes()
    task, half = Distillation(Counting()), partial(normalize, mean=data.mean, std=data.std)
    before = task.prepared(data, normalize=half).train.take(slice(16))
    inputs, targets = task.draw(before, normalize=half)
    now, asked = task.draw(data.train.take(slice(16)), normalize=half)
    np.testing.assert_array_equal(inputs, now)
    np.testing.assert_array_equal(targets.teacher, asked.teacher)


def test_images_without_a_label_learn_from_the_teacher_alone():
    """With alpha 0 they change nothing, whatever the teacher says; without any label it has all the say."""
    model = mv.create_model("vit_micro_patch4_32", **SMALL, num_classes=10)
    images = np.random.default_rng(3).standard_normal((B, 32, 32, 3)).astype(np.float32)
    said = np.random.default_rng(4).standard_normal((B, 10)).astype(np.float32)

    def gradients(labels: np.ndarray, alpha: float, only: Any = slice(None)) -> list[np.ndarray]:
        targets = targets_of(labels[only], said[only])
        task = Distillation(len, alpha=alpha)
        training_step(model, images[only], targets, optimizer=SGD(model, lr=0.0), task=task)
        return [param.grad.copy() for param in model.params]

    some = gradients(LABELS, 0.0)
    for one, other in zip(some, gradients(LABELS, 0.0, LABELS >= 0), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-6)
    assert not any(grad.any() for grad in gradients(np.full(B, -1), 0.0))
    for one, other in zip(gradients(np.full(B, -1), 0.5), gradients(np.abs(LABELS), 1.0), strict=True):
        np.testing.assert_allclose(2 * one, other, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("labeled", [0, 5, 40])
def test_a_training_with_few_labels(labeled):
    data = partly_labeled(shapes(), labeled=labeled)
    runs = [student(Distillation(Counting()), data, threads=threads) for threads in (1, 3)]
    rows = [list(run.run()) for run in runs]
    assert rows[0] == rows[1]
    assert all(np.isfinite(row.loss) for row in rows[0])
    assert rows[0][-1].test_score is not None


def test_soft_labels_are_taken_as_they_are():
    soft = np.random.default_rng(5).dirichlet(np.ones(K), B)
    task = Distillation(len, alpha=0.0)
    outputs = outputs_for(task)
    loss, _ = task.forward(outputs, targets_of(soft))
    np.testing.assert_allclose(loss, mv.ops.cross_entropy_forward(outputs, soft)[0], rtol=1e-12)


# The token


def test_both_heads_have_a_score_and_so_has_their_mean():
    task = Distillation(len, token=True)
    right, wrong = np.eye(K)[LABELS.clip(0)], np.eye(K)[(LABELS.clip(0) + 1) % K]
    targets = targets_of()
    scores = task.scores(np.stack((right, wrong / 2), axis=1), targets)
    assert scores == {"class": 1.0, "distillation": 0.0, "both": 1.0}
    scores = task.scores(np.stack((right / 2, wrong), axis=1), targets)
    assert scores == {"class": 1.0, "distillation": 0.0, "both": 0.0}
    assert task.score(np.stack((right / 2, wrong), axis=1), targets) == 0.0
    assert Distillation(len).scores(right, targets) == {"class": 1.0}
    assert np.isnan(Distillation(len).score(right, targets_of(np.full(B, -1))))


def test_a_model_with_a_token_is_kept_with_the_mean_of_its_heads(tmp_path):
    task = Distillation(Counting(), token=True, method="hard")
    trainer = student(task, shapes(), distilled=True)
    rows = list(trainer.run())
    assert trainer.model.config["heads_apart"]
    trainer.save(tmp_path / "checkpoint")
    model: Any = mv.load(tmp_path / "checkpoint")
    assert model.config["heads_apart"] is False
    images = trainer.normalize(trainer.dataset.test.images)
    apart = predict(trainer.model, images, threads=1)
    np.testing.assert_allclose(predict(model, images, threads=1), apart.mean(1), rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(predict(model.with_heads(apart=True), images, threads=1), apart)
    probabilities = trainer.probabilities(trainer.dataset.test.images)
    assert probabilities.shape == (12, 10)
    assert rows[-1].test_score == np.mean(probabilities.argmax(1) == trainer.dataset.test.labels)
    weights = mv.weights.to_timm(model)
    again = mv.create_model("vit_micro_patch4_32", **SMALL, num_classes=10, distilled=True)
    mv.weights.load_timm(again, weights)
    np.testing.assert_array_equal(predict(again, images, threads=1), predict(model, images, threads=1))


def test_a_run_with_a_token_goes_on(tmp_path):
    def begun() -> Trainer:
        task = Distillation(Counting(), token=True)
        return student(task, shapes(), distilled=True)

    trainer, rows = begun(), []
    for row in trainer.run():
        rows.append(row)
        if row.step == 5:
            trainer.save(tmp_path / "checkpoint")
    again = begun()
    again.resume(tmp_path / "checkpoint")
    assert list(again.run()) == rows[5:]


# What is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "warm"}, 'method is \'warm\'; expected "soft" or "hard"'),
        ({"method": "hard", "temperature": 2.0}, "temperature, reverse and per_class are about probabilities"),
        ({"method": "hard", "reverse": True}, "they need method='soft'"),
        ({"smooth_others": True}, "smooth_others says how to smooth: it needs label_smoothing or teacher_smoothing"),
        ({"teacher_smoothing": 0.1}, "teacher_smoothing is about the teacher's classes: it needs method='hard'"),
    ],
)
def test_choices_that_exclude_each_other(options, message):
    with pytest.raises(ValueError, match=message):
        Distillation(len, **options)


@pytest.mark.parametrize(
    ("token", "shape", "expected"),
    [(True, (B, K), r"\(B, 2, classes\), the logits of two heads"), (False, (B, 2, K), r"\(B, classes\)")],
)
def test_outputs_of_the_other_kind_of_model(token, shape, expected):
    task = Distillation(len, token=token)
    with pytest.raises(ValueError, match=rf"outputs have shape \(.*\); expected {expected}$"):
        task.forward(np.zeros(shape), targets_of())


def test_a_teacher_of_other_classes():
    for method in ("soft", "hard"):
        with pytest.raises(ValueError, match=r"what the teacher says has shape \(7, 4\); expected \(7, 5\)"):
            Distillation(len, method=method).forward(np.zeros((B, K)), targets_of(said=SAID[:, :4]))


def test_a_teacher_that_answers_otherwise():
    trainer = student(Distillation(lambda images: [0.0]), shapes())  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match=r"what the teacher says is \[0\.0\]; expected ndarray"):
        without_annotations(next)(trainer.run())
    trainer = student(Distillation(lambda images: images[:, :4, 0, 0]), shapes())
    with pytest.raises(ValueError, match=r"train answers must be .*\(images, 10\) .* got float32 of shape \(40, 4\)"):
        next(trainer.run())


def test_a_model_that_has_one_head():
    with pytest.raises(ValueError, match="heads_apart=True is for two heads: it needs distilled=True"):
        student(Distillation(Counting(), token=True), shapes(), global_pool="token")


def test_mixed_images_are_shown_to_the_teacher_mixed():
    """Both losses are about the same mixture; answers to plain images would be to other ones."""
    seen = []

    def teacher(images):
        seen.append(images)
        return np.zeros((len(images), 10), images.dtype)

    data = mv.data.shapes(8, 4)
    task = Distillation(teacher, mix=partial(mix, num_classes=10, mixup_alpha=1.0, cutmix_alpha=0.0))
    assert task.changes
    prepared = task.prepared(data, normalize=lambda pixels: pixels / np.float32(255))
    assert prepared.train.answers.shape == (8, 0)
    inputs, targets = task.draw(prepared.train, normalize=lambda pixels: pixels / np.float32(255), rng=RNG)
    np.testing.assert_array_equal(seen[-1], inputs)
    assert targets.labels.shape == (8, 10)
    np.testing.assert_allclose(targets.labels.sum(1), 1, rtol=1e-6)
