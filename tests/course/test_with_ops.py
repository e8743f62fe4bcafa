"""Training with a student's functions in place of ours."""

import traceback
from functools import partial

import numpy as np
import pytest

import minivit as mv
from minivit.audio.mel import kept_filterbank
from minivit.course import EXERCISES, CannotRunError, start, with_ops
from minivit.course.cli import training_with
from minivit.course.stub import solved_source
from minivit.course.with_ops import in_place_of_ours, load_checked
from minivit.layers import block
from minivit.tasks.distillation import Taught
from minivit.tasks.restoration import Restored
from tests.models.test_wav2vec import SMALL as WAV2VEC
from tests.sampled import REST


@pytest.fixture
def trusted(monkeypatch):
    """Solutions are taken for right without a check: `minivit course verify` judges the answers."""
    passed = type("Passed", (), {"ok": True, "results": []})()
    monkeypatch.setattr(with_ops, "check_solution", lambda solution: passed)


def solved_folder(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "solution.py").write_text(solved_source(EXERCISES[name]), encoding="utf-8")
    return folder


def losses(model=None, img_size=(32, 32)):
    model = model or mv.create_model("vit_micro_patch4_32", num_classes=10, seed=0)
    optimizer = mv.train.AdamW(model, lr=1e-3)
    images = np.random.default_rng(0).standard_normal((4, *img_size, 3), np.float32)
    step = mv.train.training_step
    return [step(model, images, np.arange(4), optimizer=optimizer, threads=1) for _ in range(2)]


@REST
def test_two_exercises_train_to_the_same_bits(tmp_path):
    before = losses()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in ("layer_norm", "adamw")]
    with in_place_of_ours(solutions) as called:
        assert losses() == before
    assert called == {task.name for name in ("layer_norm", "adamw") for task in EXERCISES[name].tasks}


def test_a_model_with_windows_trains_to_the_same_bits(tmp_path, trusted):
    """On maps of 6 x 5, which windows of 4 x 4 do not divide, and which merge with an odd side."""

    def swin():
        return mv.models.Swin(
            img_size=(12, 10), patch_size=2, embed_dim=8, depths=(2, 2), num_heads=(2, 4), window_size=4, num_classes=10
        )

    before = losses(swin(), (12, 10))
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in ("windows", "swin_block")]
    with in_place_of_ours(solutions) as called:
        assert losses(swin(), (12, 10)) == before
    assert called == {task.name for name in ("windows", "swin_block") for task in EXERCISES[name].tasks}


def test_models_that_gate_and_shift_train_to_the_same_bits(tmp_path, trusted):
    def without_attention():
        gmlp = mv.models.GMLP(img_size=8, patch_size=2, num_blocks=2, embed_dim=6, num_classes=10)
        s2mlp = mv.models.S2MLP(img_size=8, patch_sizes=(2,), embed_dims=(6,), depths=(2,), num_classes=10)
        return losses(gmlp, (8, 8)), losses(s2mlp, (8, 8))

    before = without_attention()
    solution = load_checked(solved_folder(tmp_path, "gating"))
    with in_place_of_ours([solution]) as called:
        assert without_attention() == before
    assert called == {task.name for task in EXERCISES["gating"].tasks}


def test_a_model_with_batch_norm_trains_and_predicts_to_the_same_bits(tmp_path, trusted):
    def resnet():
        model = mv.models.ResNet(img_size=16, layers=(1, 1), channels=(4, 8), stem="3x3", stem_chans=4, num_classes=10)
        images = np.random.default_rng(0).standard_normal((3, 16, 16, 3), np.float32)
        return losses(model, (16, 16)), mv.train.predict(model, images)

    before, predicted = resnet()
    solution = load_checked(solved_folder(tmp_path, "batch_norm"))
    with in_place_of_ours([solution]) as called:
        again, predicted_again = resnet()
    assert again == before
    np.testing.assert_array_equal(predicted_again, predicted)
    assert called == {task.name for task in EXERCISES["batch_norm"].tasks}


def test_a_model_begins_with_positions_that_a_solution_has_resampled(tmp_path, trusted):
    options = {"patch_size": 4, "embed_dim": 8, "depth": 1, "num_heads": 2, "num_classes": 10}
    mv.save(mv.models.ViT(img_size=(8, 12), **options), tmp_path / "small.npz")

    def larger():
        model = mv.models.ViT(img_size=(20, 16), **options)
        mv.train.begin_with(model, tmp_path / "small.npz")
        return model.pos_embed.value

    before = larger()
    solution = load_checked(solved_folder(tmp_path, "positions"))
    with in_place_of_ours([solution]) as called:
        np.testing.assert_array_equal(larger(), before)
    assert called == {task.name for task in EXERCISES["positions"].tasks} - {"resize_backward"}


def test_what_compares_images_with_texts_trains_to_the_same_bits(tmp_path, trusted):
    def clip():
        train = mv.data.captioned(mv.data.scenes(n_train=5, n_test=1, seed=7, max_objects=1)).train
        model = mv.create_model("clip_resnet_tiny_64", seed=0)
        optimizer = mv.train.AdamW(model, lr=1e-3)
        images = mv.train.normalize(train.images, (0.5,) * 3, (0.5,) * 3)
        step = partial(mv.train.training_step, model, (images, train.target), train.target, optimizer=optimizer)
        return [step(task=mv.tasks.Match(), threads=1) for _ in range(2)]

    before = clip()
    solution = load_checked(solved_folder(tmp_path, "contrastive_pairs"))
    with in_place_of_ours([solution]) as called:
        assert clip() == before
    assert called == {task.name for task in EXERCISES["contrastive_pairs"].tasks}


def test_what_makes_images_larger_trains_to_the_same_bits(tmp_path, trusted):
    def swin_ir(upsampler, loss):
        model = mv.create_model("swinir_tiny_x2", upsampler=upsampler, num_feat=8, seed=0)
        small, large = (np.random.default_rng(0).random((2, n, n, 3), np.float32) for n in (8, 16))
        optimizer = mv.train.AdamW(model, lr=1e-3)
        targets, task = Restored(large, large[:, ::-1]), mv.tasks.Upscale()
        task.loss = loss
        step = partial(mv.train.training_step, model, small, targets, optimizer=optimizer, threads=1)
        return [step(task=task) for _ in range(2)]

    ways = ("pixelshuffledirect", "l1"), ("nearest+conv", "charbonnier")
    before = [swin_ir(*way) for way in ways]
    solution = load_checked(solved_folder(tmp_path, "pixel_shuffle"))
    with in_place_of_ours([solution]) as called:
        assert [swin_ir(*way) for way in ways] == before
    assert called == {task.name for task in EXERCISES["pixel_shuffle"].tasks} - {"pixel_shuffle_loops"}


def test_boxes_find_their_objects_with_the_same_bits(tmp_path, trusted):
    def found():
        boxes, objects = np.random.default_rng(0).uniform(0.2, 0.6, (2, 5, 4))
        cost = mv.ops.matching_cost(np.full((5, 3), 1 / 3), boxes, np.zeros(5, int), objects)
        loss, cache = mv.ops.matched_boxes_forward(boxes, objects, *mv.ops.match(cost))
        return [loss, cost, *mv.ops.matched_boxes_backward(1.0, cache)]

    before = found()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in ("giou", "matching")]
    with in_place_of_ours(solutions) as called:
        assert all(map(np.array_equal, found(), before))
    unused = {"match_literal", "box_iou_backward"}
    assert called == {task.name for name in ("giou", "matching") for task in EXERCISES[name].tasks} - unused


@REST
def test_what_hears_trains_to_the_same_bits(tmp_path, trusted):
    """wav2vec by its own loss; log-mel features and their deltas by a gradient that reaches the wave."""

    def hear():
        kept_filterbank.cache_clear()  # which is asked once in a training
        waves = np.random.default_rng(0).standard_normal((3, 400), np.float32)
        model, task = mv.models.Wav2Vec(**WAV2VEC), mv.tasks.Future(num_negatives=4, offset=2)
        loss = mv.train.training_step(model, waves, np.arange(3), optimizer=mv.train.AdamW(model, lr=1e-3), task=task)
        layer = mv.layers.LogMel(sr=8000.0, n_fft=100, hop_length=50, n_mels=7)
        features, cache = layer.forward(waves)
        deltas, c_deltas = mv.audio.delta_forward(features, width=3)
        (dfeatures,) = mv.audio.delta_backward(deltas, c_deltas)
        return loss, layer.backward(dfeatures, cache)

    loss, dwaves = hear()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in ("mel", "contrastive")]
    with in_place_of_ours(solutions) as called:
        again, dwaves_again = hear()
    assert again == loss
    np.testing.assert_array_equal(dwaves_again, dwaves)
    assert called == {task.name for name in ("mel", "contrastive") for task in EXERCISES[name].tasks}


@REST
def test_what_is_mixed_and_taught_trains_to_the_same_bits(tmp_path, trusted):
    """A student of another model, half of whose images have no label; and mixed images, with their soft targets."""

    def learn():
        images = np.random.default_rng(0).standard_normal((6, 32, 32, 3), np.float32)
        make = partial(mv.create_model, "vit_micro_patch4_32", num_classes=10)
        student, teacher = make(seed=0), make(seed=1)
        labels, said = np.array([3, -1, 0, -1, -1, 9]), teacher.forward(images)[0]
        targets = Taught(labels, said, mv.ops.label_weights(labels))
        task = mv.tasks.Distillation(lambda images: said, alpha=0.3, temperature=2.5)
        step = partial(mv.train.training_step, student, optimizer=mv.train.AdamW(student, lr=1e-3), threads=1)
        losses = [step(images, targets, task=task)]
        loss, cache = mv.ops.taught_forward(said, images[:, 0, 0, :1] + said[:, ::-1], labels)
        losses.append(float(loss) + float(mv.ops.taught_backward(1.0, cache).logits.sum()))
        for seed in range(4):
            alphas = {"num_classes": 10, "mixup_alpha": 0.8, "cutmix_alpha": 1.0}
            mixed, soft = mv.train.mix(images, np.arange(6), np.random.default_rng(seed), **alphas)
            losses.append(step(mixed, mv.ops.smoothed(soft, 0.1), task=mv.tasks.Classification()))
        return losses

    before = learn()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in ("mixup", "distillation")]
    with in_place_of_ours(solutions) as called:
        assert learn() == before
    assert called == {task.name for name in ("mixup", "distillation") for task in EXERCISES[name].tasks}


@REST
def test_all_exercises_together_train_to_the_same_bits(tmp_path, trusted):
    before = losses()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in EXERCISES]
    ours = block.SelfAttention, mv.ops.OPS["gelu"], mv.train.training_step
    with in_place_of_ours(solutions) as called:
        assert block.SelfAttention is solutions[list(EXERCISES).index("multi_head")].module.SelfAttention
        assert losses() == before
    tasks = {task.name for exercise in EXERCISES.values() for task in exercise.tasks}
    assert tasks - called == {
        *("attention_loops", "attention_one_loop", "conv2d_loops", "conv2d_places"),
        *(task.name for task in EXERCISES["recurrent_attention"].tasks),  # this model has no recurrent decoder
        *(task.name for task in EXERCISES["mixer"].tasks),  # nor a block without attention
        *(task.name for task in EXERCISES["costs"].tasks),  # no training asks what it costs
        *(task.name for name in ("mel", "contrastive") for task in EXERCISES[name].tasks),  # nor does a ViT hear
        *(task.name for task in EXERCISES["batch_norm"].tasks),  # it normalises tokens, not batches
        *(task.name for task in EXERCISES["positions"].tasks),  # it begins with its own positions
        *(task.name for name in ("non_local", "local_attention") for task in EXERCISES[name].tasks),  # nor is it a CNN
        *(task.name for task in EXERCISES["pooling_attention"].tasks),  # nor is it an MViT
        *(task.name for task in EXERCISES["gating"].tasks),  # tokens attend; they do not gate one another
        *(task.name for name in ("giou", "matching") for task in EXERCISES[name].tasks),  # it looks for no boxes
        *(task.name for task in EXERCISES["contrastive_pairs"].tasks),  # it reads no texts
        *(task.name for task in EXERCISES["pixel_shuffle"].tasks),  # and makes no image larger
        *(task.name for name in ("windows", "swin_block") for task in EXERCISES[name].tasks),  # a ViT has no windows
        *(task.name for name in ("dft", "stft") for task in EXERCISES[name].tasks),  # nor does it hear
        *(task.name for name in ("mixup", "distillation") for task in EXERCISES[name].tasks),  # nor is anything mixed
        "log_softmax_backward",
        *("mean_pool_forward", "mean_pool_backward"),  # this model reads its class token
        "merge_heads_backward",  # which is split_heads_forward, and that is called
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


def test_what_is_trained_with_is_what_was_checked(tmp_path, monkeypatch):
    """The file is read once: what stands in it a moment later has not been checked."""
    folder = solved_folder(tmp_path, "adamw")
    checked = with_ops.check_solution

    def check_and_replace(solution):
        (folder / "solution.py").write_text("raise SystemExit('not checked')", encoding="utf-8")
        return checked(solution)

    monkeypatch.setattr(with_ops, "check_solution", check_and_replace)
    assert callable(load_checked(folder).module.adam_update)


@pytest.mark.parametrize("error", ["ValueError('\\u2192 too small')", "SystemExit(3)", "KeyboardInterrupt()"])
def test_an_error_of_a_solution_is_raised_as_it_is(error, tmp_path, trusted):
    """With the line of the solution, also when its file has gone since."""
    folder = solved_folder(tmp_path, "adamw")
    with (folder / "solution.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef adam_update(*args, **options):\n    raise {error}  # this line\n")
    solution = load_checked(folder)
    (folder / "solution.py").unlink()
    with in_place_of_ours([solution]), pytest.raises(BaseException, match=r"small|3|^$") as caught:
        losses()
    assert type(caught.value).__name__ == error.partition("(")[0]
    assert "# this line" in "".join(traceback.format_exception(caught.value))
    assert losses()  # ours are back


def test_a_solution_that_only_fails_outside_of_its_check_shows_where(tmp_path, trusted):
    folder = solved_folder(tmp_path, "adamw")
    with (folder / "solution.py").open("a", encoding="utf-8") as file:
        file.write("\nimport os\nos.environ['MINIVIT_CHECK']\n")
    with pytest.raises(KeyError, match="MINIVIT_CHECK") as caught:
        load_checked(folder)
    assert "os.environ['MINIVIT_CHECK']" in "".join(traceback.format_exception(caught.value))


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("returned", ["(value, m, v)", "[value, m, v]", "dict(value=value, m=m, v=v)"])
def test_what_is_right_and_has_another_form_is_not_trained_with(returned, tmp_path):
    """Others read its fields by their names; the check itself gives full marks."""
    folder = solved_folder(tmp_path, "adamw")
    body = f"value, m, v = ours(*args, **options); return {returned}"
    with (folder / "solution.py").open("a", encoding="utf-8") as file:
        file.write(f"\n\nours = adam_update\n\n\ndef adam_update(*args, **options): {body}\n")
    read = "(tuple of 3, which is read by place|list of 3, which is read by place|dict, which is read by name)"
    said = f"not training with .*: adam_update returns a {read}; the given one is an"
    with pytest.raises(CannotRunError, match=said):
        load_checked(folder)


@pytest.mark.parametrize("name", ["recurrent_attention", "block", "patches"])
def test_what_is_said_of_a_solution_is_true_however_much_of_it_is_called(name, tmp_path, trusted, capsys):
    """Of all, of some, and of none; nothing is called the student's before that is not used after."""
    folder = solved_folder(tmp_path, name)
    with training_with([str(folder)]):
        losses()
    before, *after = capsys.readouterr().out.splitlines()
    names = ", ".join(dict.fromkeys(task.name.partition(".")[0] for task in EXERCISES[name].tasks))
    assert before == f"with {folder}: what the training calls of {names} is yours, all else is minivit's"
    assert [line.removeprefix(f"{folder}: ") for line in after] == {
        "recurrent_attention": [
            "this training had no use for additive_attention_loops, additive_attention_forward, "
            "additive_attention_backward, gru_forward, gru_backward"
        ],
        "block": ["trained with your Block.forward, Block.backward"],
        "patches": [
            "trained with your patchify_forward, patchify_backward, PatchEmbed.forward, PatchEmbed.backward",
            "this training had no use for conv2d_loops, conv2d_places",
        ],
    }[name]


def heard():
    """Features of sounds, the gradient of a loss of them, and a sound made of a spectrogram."""
    y = np.random.default_rng(0).standard_normal((2, 700), np.float32)
    S, cache = mv.audio.spectrogram_forward(y, n_fft=96, hop_length=40)
    X, _ = mv.audio.stft_forward(y, n_fft=96, hop_length=40)
    return [S, *mv.audio.spectrogram_backward(S, cache), mv.audio.istft_forward(X, hop_length=40)[0]]


@REST
def test_what_hears_computes_with_a_students_transform(tmp_path, trusted):
    before = heard()
    solutions = [load_checked(solved_folder(tmp_path, name)) for name in ("dft", "stft")]
    with in_place_of_ours(solutions) as called:
        assert all(map(np.array_equal, heard(), before))
    pairs = {"stft_forward", "stft_backward", "istft_forward", "frame_forward", "frame_backward", "get_window"}
    assert called >= {*pairs, "overlap_add_forward", "rfft_forward", "rfft_backward"}
