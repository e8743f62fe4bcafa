"""Experiments are run by hand; what they are made of is tested here, and what they have left."""

# pyright: reportMissingImports=false

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import minivit as mv
from minivit.models import MODELS, PRESETS
from tests.sampled import REST
from tests.unchecked import without_annotations

FOLDER = Path(__file__).parent.parent / "experiments"


@pytest.fixture(autouse=True)
def _experiments(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    known = {*MODELS}, {*PRESETS}
    yield
    for registry, names in zip((MODELS, PRESETS), known, strict=True):  # experiments have models of their own
        for name in {*registry} - names:
            del registry[name]
    for name in [name for name, module in sys.modules.items() if str(FOLDER) in str(getattr(module, "__file__", ""))]:
        del sys.modules[name]


def test_the_small_cnn_has_right_gradients():
    from small_cnn import SmallCnn

    net = SmallCnn(in_chans=2, num_classes=3, widths=(4, 8), strides=(1, 2), dtype="float64")
    mv.check.check_layer(net, np.random.default_rng(0).standard_normal((2, 6, 5, 2)))


def test_the_quick_cnn_has_right_gradients_and_whitens_patches(tmp_path):
    from quick_cnn import SIDE, QuickCnn, whitened

    rng = np.random.default_rng(0)
    net = QuickCnn(in_chans=2, num_classes=3, channels=(4, 6), dtype="float64")
    mv.check.check_layer(net, rng.standard_normal((2, 9, 8, 2)))
    images = rng.standard_normal((50, 9, 8, 2)).cumsum(1).cumsum(2)  # neighbours are alike
    mv.train.begin_with(net, whitened(tmp_path / "it.safetensors", images, in_chans=2, num_classes=7, channels=(4, 6)))
    patches, _ = net.stem.forward(images)
    first, second = np.split(patches.reshape(-1, 2 * SIDE**2 * 2), 2, axis=1)
    np.testing.assert_allclose(second, -first, atol=1e-12)
    np.testing.assert_allclose(np.cov(first, rowvar=False), np.eye(SIDE**2 * 2), atol=1e-2)
    assert "stem.weight" in net.named_state()
    assert "stem.weight" not in net.named_params()  # it is not trained


@without_annotations
def test_one_hour_begins_with_whitened_patches_and_reads_mirror_images_too(monkeypatch, tmp_path):
    import one_hour

    monkeypatch.setattr(one_hour, "RUNS", tmp_path)
    dataset = cifar_like(20)
    recipe = one_hour.recipe_for(one_hour.QUICK, dataset)
    assert recipe.init == str(tmp_path / "whitened.safetensors")
    assert Path(recipe.init).is_file()
    trainer = mv.train.Trainer(recipe, dataset)
    found = one_hour.scores(trainer, dataset)
    images = trainer.normalize(dataset.test.images)
    both = [mv.train.predict(trainer.finished(), views) for views in (images, images[:, :, ::-1])]
    right = [float((logits.argmax(1) == dataset.test.labels).mean()) for logits in (both[0], both[0] + both[1])]
    assert found == {"test": right[0], "mirrored": right[1]}


def test_a_training_makes_its_steps_and_sees_every_image_once_a_pass(monkeypatch):
    import training
    from small_cnn import SmallCnn

    seen = []
    monkeypatch.setattr(training, "training_step", lambda model, images, labels, **options: seen.extend(labels))
    examples = mv.data.LabeledImages(np.zeros((5, 8, 8, 3), np.uint8), np.arange(5))
    settings = training.Settings(steps=5, lr=0.1, batch_size=3)
    net = SmallCnn(widths=(4,), strides=(1,))
    assert list(training.train(net, examples, settings, seed=0)) == [0, 1, 2, 3, 4, 5]
    assert [sorted(seen[start : start + 5]) for start in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3


def test_a_small_net_learns_which_way_stripes_go():
    from small_cnn import SmallCnn
    from training import Settings, accuracy, train

    stripes = np.zeros((2, 8, 8, 3), np.uint8)
    stripes[0, ::2], stripes[1, :, ::2] = 255, 255
    examples = mv.data.LabeledImages(stripes, np.array([0, 1]))
    net = SmallCnn(num_classes=2, widths=(4,), strides=(1,))
    net.head.weight.value[...] = 0  # one answer for all
    assert accuracy(net, examples) == 0.5
    for _ in train(net, examples, Settings(steps=20, lr=0.02, batch_size=2), seed=0):
        pass
    assert accuracy(net, examples) == 1


def test_a_run_that_is_recorded_is_not_made_again(monkeypatch, tmp_path):
    import record as module

    made = []

    def measure(*, seed):
        made.append(seed)
        return {"score": seed / 2}

    monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(module, "perf_counter", iter(np.arange(100.0) ** 2).__next__)  # 1, 5, 9 seconds
    module.record("name", {"steps": 3}, [{"seed": 0}], measure)
    module.record("name", {"steps": 3}, [{"seed": 0}, {"seed": 1}], measure)
    assert made == [0, 1]
    runs = [{"seed": 0, "score": 0.0, "wall_seconds": 1.0}, {"seed": 1, "score": 0.5, "wall_seconds": 5.0}]
    found = json.loads((tmp_path / "name.json").read_text(encoding="utf-8"))
    assert found == {"command": "python experiments/name.py", "steps": 3, "runs": runs}
    module.record("name", {"steps": 4}, [{"seed": 1}], measure)  # other settings: all begins anew
    found = json.loads((tmp_path / "name.json").read_text(encoding="utf-8"))
    assert found == {"command": "python experiments/name.py", "steps": 4, "runs": [{**runs[1], "wall_seconds": 9.0}]}


def test_results_are_complete_if_each_seed_has_made_as_many_runs(monkeypatch, tmp_path):
    import record as module

    def made(*seeds):
        runs = [{"net": i, "seed": seed} for i, seed in enumerate(seeds)]
        (tmp_path / "name.json").write_text(json.dumps({"runs": runs}), encoding="utf-8")
        return module.complete("name", (0, 1))

    monkeypatch.setattr(module, "RESULTS", tmp_path)
    assert not module.complete("name", (0, 1))
    assert not made(0, 0)  # the other seed has not begun
    assert not made(0, 0, 1)
    assert made(0, 0, 1, 1)
    (tmp_path / "name.json").write_text('{"runs": [{"net": "ViT", "threads": 1}]}', encoding="utf-8")
    assert module.complete("name", (0, 1))  # nothing is drawn there


def test_lectures_show_what_is_measured_or_how_to_measure_it(monkeypatch, tmp_path):
    import one_hour
    import record as module

    monkeypatch.setattr(module, "RESULTS", tmp_path)
    both = "one_hour", "tables", ["one_hour_path", "one_hour"]
    assert module.measured(*both).startswith("*Not measured yet:* `python experiments/one_hour.py` has")
    assert one_hour.tables() == ""
    run = {"goal": "any model", "choices": {}, "params": 1234, "epochs": 3, "test": 0.5}
    speed = json.dumps({"runs": [{"choices": {}, "seconds_per_step": 0.5}]})
    (tmp_path / "one_hour_speed.json").write_text(speed, encoding="utf-8")
    path = json.dumps({"runs": [{**run, "change": "a ViT"}]})
    (tmp_path / "one_hour_path.json").write_text(path, encoding="utf-8")
    assert module.measured(*both) == (
        "Made by `python experiments/one_hour.py`\n\n"
        "| in 10 minutes | parameters | epochs | minutes | images held back | and mirrored |\n"
        "|---|---:|---:|---:|---:|---:|\n"
        "| any model: a ViT | 1,234 | 3 | 9 | 50.0% |  |"  # 351 steps in an epoch
    )
    hour = json.dumps({"runs": [{**run, "mirrored": 0.51}]})
    (tmp_path / "one_hour.json").write_text(hour, encoding="utf-8")
    called = "any model: a ViT"  # by what its choices are called
    assert one_hour.tables().endswith(f"\n| {called} | 1,234 | 3 | 10 | 50.0% | 51.0% |")


def test_a_table_of_steps_has_gaps_where_none_was_timed(monkeypatch, tmp_path):
    import record as module
    from equal_macs import NETS, table

    timed = {"step": 0.1, "ratio": [1.0, 1.25, 1.5], "products": 0.5}
    steps = [{"net": net, "threads": 1, **timed} for net in NETS[:2]] + [{"net": "ViT", "threads": 2, **timed}]
    learned = [{"net": "ViT", "images": 50_000, "seed": seed, "test": 0.5 + 0.1 * seed} for seed in range(3)]
    for name, runs in {"equal_macs": steps, "inductive_bias": learned}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"runs": runs}), encoding="utf-8")
    monkeypatch.setattr(module, "RESULTS", tmp_path)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table().splitlines()[2:]]
    assert rows[0][2:] == ["100 ms (1.25)", "100 ms (1.25)", "50%", "50%", "60.0 ± 10.0 %"]
    assert rows[1][2:] == ["100 ms (1.25)", "", "50%", "", ""]
    assert rows[2][2:] == [""] * 5


def test_where_a_shape_is():
    from resolution import draw

    examples = draw(40, 32, "where", np.random.default_rng(0))
    light = examples.images.astype(float).max(3)
    light = light > 0.5 * light.max((1, 2), keepdims=True)  # the shape, roughly
    for shape, label in zip(light, examples.labels, strict=True):
        rows, columns = np.nonzero(shape)
        row, column = divmod(int(label), 3)
        assert abs(rows.mean() - (row + 0.5) * 32 / 3) < 12
        assert abs(columns.mean() - (column + 0.5) * 32 / 3) < 12


def test_ways_of_making_positions():
    from resolution import WAYS

    old, fresh = np.ones((1, 1 + 4 * 4, 2)), np.zeros((1, 1 + 6 * 6, 2))
    made = {name: way(old, fresh) for name, way in WAYS.items()}
    assert {positions.shape for positions in made.values()} == {fresh.shape}
    np.testing.assert_allclose(made["2-D"], 1)
    assert made["reading order"].sum() == old.sum()
    np.testing.assert_array_equal(made["drawn anew"][:, 1:], 0)


def test_trainings_and_sums_in_few_bits(monkeypatch):
    import mixed_precision

    for name, value in {"STEPS": 2, "IMAGES": 32, "TEST_IMAGES": 4, "LAST": 1, "LENGTHS": [2, 8]}.items():
        monkeypatch.setattr(mixed_precision, name, value)
    monkeypatch.setitem(mixed_precision.VIT, "depth", 1)
    full = mixed_precision.measure(part="training", format="fp32", loss_scale=1.0, seed=0)
    assert full["steps"] == 2
    assert full["underflow"]["images x 2**-16"] > full["underflow"]["images x 2**10"]
    assert full["scores"]["bf16"]["mixed"] < full["scores"]["bf16"]["low"] < 0.1
    lost = mixed_precision.measure(part="training", format="fp16", loss_scale=2.0**40, seed=0)
    assert lost["steps"] == 0
    sums = mixed_precision.measure(part="lengths", format="fp16", of="attention", seed=0)
    assert [len(sums["mixed"]), len(sums["low"])] == [2, 2]


def test_probes_of_sounds(monkeypatch):
    import probe_sounds

    monkeypatch.setattr(probe_sounds, "SETTINGS", {"n_train": 33, "n_test": 15, "penalty": 1e-3, "epochs": (0, 1)})
    found = probe_sounds.measure(seed=0)
    assert [*found] == ["log_mel", "context", "frame", "true_frames"]
    assert all([*found[name]] == ["0", "1"] for name in ("context", "frame", "true_frames"))
    assert all(0 <= value <= 1 for name in ("context", "frame", "true_frames") for value in found[name].values())


@REST
def test_probes_of_pixels(monkeypatch):
    import probe_pixels

    settings = {"n_train": 32, "n_test": 15, "probed_on": 20, "penalty": 1e-3, "epochs": 1}
    monkeypatch.setattr(probe_pixels, "SETTINGS", settings)
    found = probe_pixels.measure(seed=0)
    assert [*found] == ["mean_color", "pixels", "before", "after", "bits"]
    assert [len(found[name]) for name in ("before", "after")] == [5, 5]
    assert all(0 <= share <= 1 for name in ("before", "after") for share in found[name])
    assert 0 < found["bits"] < 7


def test_a_table_of_probes_of_pixels_has_a_row_for_each_block(monkeypatch):
    import probe_pixels

    runs = [
        {"mean_color": 0.1, "pixels": 0.3, "before": [0.2, 0.2], "after": [share, 0.6], "bits": 2.0}
        for share in (0.4, 0.5, 0.6)
    ]
    monkeypatch.setattr(probe_pixels, "runs_of", lambda name: runs)
    assert probe_pixels.table().splitlines()[2:] == [
        "| the mean colour | 10.0 ± 0.0 % | |",
        "| all pixels | 30.0 ± 0.0 % | |",
        "| what enters block 1 | 20.0 ± 0.0 % | 50.0 ± 10.0 % |",
        "| what leaves the last | 20.0 ± 0.0 % | 60.0 ± 0.0 % |",
    ]


def test_attention_over_pixels_dense_and_in_chunks(monkeypatch):
    import pixel_attention

    monkeypatch.setattr(pixel_attention, "SIDES", (4,))
    head, line, dense, chunked = pixel_attention.rows()
    assert head.count("|") == line.count("|") == dense.count("|") == chunked.count("|")
    assert pixel_attention.weights(64) == 2**30  # 4 blocks of 4 heads
    page = (FOLDER.parent / "docs" / "cost.md").read_text(encoding="utf-8")
    for side in (16, 32, 64):  # the bytes of the page are those that are counted
        for name, chunk_size in (("dense", None), ("chunks of 256 keys", 256)):
            found = mv.cost.estimate(pixel_attention.MODEL, img_size=side, chunk_size=chunk_size)
            sizes = [f"{n / 2**20:,.1f} MiB" for n in (found.activation_bytes, found.peak_training_bytes)]
            (line,) = [line for line in page.splitlines() if line.startswith(f"| {side**2:,} | {name} |")]
            assert [cell.strip() for cell in line.split("|")][4:6] == sizes


@pytest.mark.parametrize("path", sorted((FOLDER / "results").glob("*.json")), ids=lambda path: path.stem)
def test_results_say_by_which_command_they_were_made(path):
    found = json.loads(path.read_text(encoding="utf-8"))
    python, program, *_ = found["command"].split()
    assert (python, Path(program).parent.name) == ("python", FOLDER.name)
    assert path.stem.startswith(Path(program).stem)
    assert (FOLDER / Path(program).name).is_file()
    if path.stem.startswith("gallery"):  # many minutes for each run
        fewest = {"gallery_twins": 12, "gallery": 17}
        models = len({run["model"] for run in found["runs"]})
        assert models >= next(count for start, count in fewest.items() if path.stem.startswith(start))
    elif path.stem.startswith("one_hour") or path.stem.endswith(("_speed", "_photograph")):
        assert found["runs"]
    elif path.stem in ("learning_rates", "equal_macs"):  # a choice; a time
        assert len({run["net"] for run in found["runs"]}) >= 3
    else:
        assert {run["seed"] for run in found["runs"]} >= {0, 1, 2}


@without_annotations
def test_models_that_are_compared_have_as_many_macs():
    import cifar

    trained = [mv.create_model(**cifar.options_for(net)) for net in cifar.MODELS]
    for net, model in zip(cifar.MODELS, trained, strict=True):
        begun = mv.train.Trainer(cifar.recipe_for(net, 50, seed=0, seen=50), cifar_like(50)).model
        same = {"seed": 0, "img_size": (32, 32)}
        assert {**model.config, **same} == {**begun.config, **same}
    assert all(21.9e6 < mv.cost.estimate(model).macs_forward < 22.8e6 for model in trained)


def test_learning_rates_are_the_best_that_were_found():
    from cifar import MODELS, RATES
    from record import runs_of

    for net in MODELS:
        best = max((run for run in runs_of("learning_rates") if run["net"] == net), key=lambda run: run["held back"])
        assert RATES[net] == best["lr"]


def cifar_like(n):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), np.arange(n) % 10
    names = tuple("abcdefghij")
    examples = mv.data.LabeledImages(images, labels)
    return mv.data.Dataset("cifar10", examples, examples, names, (0.5,) * 3, (0.2,) * 3)


def test_trainings_see_as_many_images_whatever_they_are_given():
    import cifar

    for images in (1_000, 5_000, 20_000, 50_000):
        recipe = cifar.recipe_for("ViT", images, seed=1)
        assert recipe.epochs * (images // recipe.batch_size) * recipe.batch_size == cifar.SEEN
        assert recipe.warmup_epochs / recipe.epochs == 0.05
    with pytest.raises(ValueError, match="45000 images cannot be seen in whole passes through 20000"):
        cifar.recipe_for("ViT", 20_000, seed=1, seen=45_000)
    small = cifar.recipe_for("ViT", 1_000, seed=1, named="medium1", regularised=0.1, options={"depth": 2})
    assert (small.mixup, small.options["depth"], small.options["mlp_drop_rate"]) == (0.2, 2, 0.1)
    assert small.options["global_pool"] == "avg"


def test_a_training_that_was_stopped_goes_on_where_it_was(monkeypatch, tmp_path):
    import cifar

    monkeypatch.setattr(cifar, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(cifar, "SAVE_SECONDS", -1)
    recipe = cifar.recipe_for("ViT", 250, seed=0, seen=1_000, options={"depth": 1, "patch_size": 8})
    whole = cifar.trained(recipe, cifar_like(250))
    run, steps = cifar.Trainer.run, []

    def stopped(trainer):
        for metrics in run(trainer):
            steps.append(metrics.step)
            yield metrics
            if metrics.step == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(cifar.Trainer, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        cifar.trained(recipe, cifar_like(250))
    other = cifar.trained(cifar.replace(recipe, seed=1, epochs=1), cifar_like(250))  # another begins at its beginning
    again = cifar.trained(recipe, cifar_like(250))
    assert steps == [1, 2, 3, 1, 2, 4, 5, 6, 7, 8]
    assert (other.step, again.step) == (2, 8)
    for name, value in again.model.state_dict().items():
        np.testing.assert_array_equal(value, whole.model.state_dict()[name])
    assert not [*(tmp_path / "runs").iterdir()]


def test_fewer_images_of_a_seed_are_among_the_more():
    import cifar

    dataset = cifar_like(40)
    few, more, other = (cifar.part(dataset, *how).train.images for how in ((5, 1), (9, 1), (5, 2)))
    np.testing.assert_array_equal(few, more[:5])
    assert not np.array_equal(few, other)


def test_augmentation_is_a_table_and_a_heat_map(monkeypatch, tmp_path):
    import augmentation

    (tmp_path / "images").mkdir()
    monkeypatch.setattr(augmentation, "DOCS", tmp_path)
    monkeypatch.setattr(augmentation, "runs_of", lambda _: [])
    assert len(augmentation.drawn().splitlines()) == 2  # nothing is measured yet
    assert not [*(tmp_path / "images").iterdir()]
    half = {"size": "small", "regularisation": 0.1}
    runs = [{**half, "recipe": "light1", "seed": seed, "test": test} for seed, test in ((0, 0.5), (1, 0.6))]
    monkeypatch.setattr(augmentation, "runs_of", lambda _: runs)
    assert augmentation.drawn().splitlines()[2] == "| small, 0.1 | 55.0 ± 7.1 % |"
    assert (tmp_path / "images" / "augmentation.png").is_file()


def test_tables_have_mean_and_spread():
    from cifar import markdown

    runs = [{"net": "ViT", "images": 5, "test": score} for score in (0.4, 0.5, 0.6)]
    runs += [{"net": "CNN", "images": 7, "test": 0.25}]
    assert markdown(runs, lambda run: f"{run['images']} images", lambda run: run["net"]).splitlines() == [
        "| | ViT | CNN |",
        "|---|---|---|",
        "| 5 images | 50.0 ± 10.0 % |  |",
        "| 7 images |  | 25.0 % |",
    ]


def test_classes_that_are_left_are_counted_anew():
    from pretraining import of_classes

    left = of_classes(cifar_like(40), (5, 7, 9))
    assert left.class_names == ("f", "h", "j")
    assert left.train.labels.tolist() == [0, 1, 2] * 4
    np.testing.assert_array_equal(left.test.images[4], cifar_like(40).test.images[17])


def test_images_of_half_the_side_are_means():
    from fine_tuning import at_side

    dataset = cifar_like(3)
    small = at_side(dataset, 16).train.images
    assert small.shape == (3, 16, 16, 3)
    assert abs(int(small[1, 2, 3, 0]) - dataset.train.images[1, 4:6, 6:8, 0].mean()) <= 0.5
    np.testing.assert_array_equal(at_side(dataset, 32).train.images, dataset.train.images)


@REST
@pytest.mark.parametrize("student", ["no teacher", "soft", "hard, with a token", "2,000 labels: soft"])
def test_students(student, monkeypatch, tmp_path):
    import cifar
    import distillation
    import record as module

    monkeypatch.setattr(module, "RESULTS", tmp_path)
    smaller = {"RUNS": tmp_path / "runs", "SEEDS": (0,), "SEEN": 125, "IMAGES": 250}
    for name, value in smaller.items():
        monkeypatch.setattr(distillation, name, value)
    how = distillation.STUDENTS[student] | ({"labeled": 125} if "labels" in student else {})
    monkeypatch.setattr(distillation, "STUDENTS", {student: how})
    for net in ("ViT", "ResNet"):
        monkeypatch.setitem(cifar.MODELS, net, {"name": "vit_micro_patch4_32", "depth": 1, "patch_size": 8})
    monkeypatch.setitem(distillation.TEACHERS, "ResNet-20", {"net": "ResNet"})
    distillation.measure_all(cifar_like(250))
    *_, row = distillation.table().splitlines()
    cells = [cell for cell in row.split("|")[2:] if cell.strip()]
    assert len(cells) == {"no teacher": 1, "hard, with a token": 4}.get(student, 2)


@REST
def test_a_teacher_is_kept_until_its_settings_change(monkeypatch, tmp_path):
    import cifar
    import distillation

    monkeypatch.setattr(distillation, "RUNS", tmp_path)
    monkeypatch.setattr(distillation, "SEEN", 125)
    monkeypatch.setitem(cifar.MODELS, "ViT", {"name": "vit_micro_patch4_32", "depth": 1, "patch_size": 8})
    found = [distillation.teacher_of("smaller ViT", cifar_like(125), seed) for seed in (0, 0, 1)]
    options = {"embed_dim": 32, "num_heads": 2}
    monkeypatch.setitem(distillation.TEACHERS, "smaller ViT", {"net": "ViT", "options": options})
    found.append(distillation.teacher_of("smaller ViT", cifar_like(125), 0))
    assert found[0] == found[1]
    assert len({*found}) == 3


@REST
@without_annotations
def test_the_gallery_is_made_by_its_commands(monkeypatch, tmp_path):
    import gallery
    import record
    import timed

    names = ["logistic_regression_32", "mixer_tiny_patch4_32", "vit_micro_patch4_32", "imagegpt_tiny_16"]
    assert {*names} <= {*gallery.families()}
    for where, name, value in [
        *((record, "RESULTS", tmp_path), (timed, "STEPS", 2)),
        *((gallery, "families", lambda: names), (gallery, "HELD_BACK", 40), (gallery, "RATES", (1e-3, 1e-2))),
        *((gallery, "TRIED", 150), (gallery, "MINUTES", 1e-6)),
        *((gallery, "DOCS", tmp_path), (gallery, "RUNS", tmp_path)),
        (gallery, "AHEAD", 2.0),  # so none is
        (gallery, "WHY_NOT", dict.fromkeys(("ViT", "Mixer", "ImageGPT"), "It has learned for a moment.")),
        (gallery, "SETTINGS", {"ViT": {"depth": "1"}, "Mixer": {"num_blocks": "1"}, "ImageGPT": {"depth": "1"}}),
    ]:
        monkeypatch.setattr(where, name, value)
    dataset = cifar_like(200)
    assert gallery.shown_to("vit_micro_patch4_32", dataset) is dataset  # with the means and deviations that it has
    assert gallery.shown_to("imagegpt_tiny_16", dataset).test.images.shape == (200, 16, 16, 3)
    gallery.measure_speed(dataset)
    ratio = {"model": "mixer_tiny_patch4_32", "ratio": [1.1, 1.25, 1.4]}  # PyTorch is not there for tests
    record.record("gallery_twins", {}, [ratio], lambda **_: {})
    gallery.measure_rates(dataset)
    gallery.measure_training(dataset)
    gallery.write_page(dataset)
    page = (tmp_path / "gallery.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| [")]
    assert {row[1].split("]")[0].strip(" [") for row in rows} == {"ImageGPT", "Mixer", "ViT"}
    assert "![Images that the model draws](images/gallery/imagegpt_tiny_16.png)" in page
    assert [row[6].strip() for row in rows] == ["1.25" if "[Mixer]" in row[1] else "" for row in rows]
    assert "## MLP-Mixer\n\nNeither attention nor convolution" in page
    assert "--model vit_micro_patch4_32 --set depth=1 --lr 0.0" in page
    assert "Of the pixels have a say, block by block: 100%." in page
    said = r"^It is \d+\.\d points (ahead of|behind) logistic regression\. It has learned for a moment\.$"
    assert len(re.findall(said, page, re.MULTILINE)) == 3
    drawn = {path.stem for path in (tmp_path / "images" / "gallery").glob("*.png")}
    trained = {*names} - {"logistic_regression_32"}
    assert drawn == {"family_tree"} | trained | {f"{name}_sees" for name in trained - {"imagegpt_tiny_16"}}


@REST
@without_annotations
def test_every_family_has_a_picture_of_its_own(tmp_path):
    import gallery
    from gallery_pictures import OF, special_of

    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    drawn = set()
    for name in {*gallery.families()} - {gallery.BASELINE}:
        model = mv.create_model(name, **gallery.recipe_for(name).options)
        shown = () if name.startswith("imagegpt") else (image, image[None] / np.float32(255))
        special_of(model, *shown).figure.savefig(tmp_path / "it.png")
        drawn.add(type(model))
    assert drawn == OF.keys()


@REST
def test_restoration_is_measured_beside_what_needs_no_training(monkeypatch, tmp_path):
    import record
    import restoration
    import timed

    for where, name, value in [
        *((record, "RESULTS", tmp_path), (timed, "STEPS", 2), (restoration, "MINUTES", 1e-6)),
        (restoration, "IMAGES", tmp_path),
        *((restoration, "RUNS", tmp_path), (restoration, "SEEDS", (0, 1)), (restoration, "WIDTHS", (0.3, 0.8))),
    ]:
        monkeypatch.setattr(where, name, value)
    rows = [mv.data.shapes(64, 8).train.take(np.arange(40)), mv.data.shapes(64, 8).test]
    dataset = mv.data.Dataset("cifar10", rows[0], rows[1], mv.data.shapes(64, 8).class_names, (0.5,) * 3, (0.2,) * 3)
    restoration.measure_speed(dataset)
    restoration.measure_training(dataset)
    runs = record.runs_of("restoration")
    assert [(run["task"], run["seed"], run["steps"]) for run in runs] == [
        (task, seed, 1) for seed in (0, 1) for task in ("denoise", "upscale")
    ]
    assert runs[0]["width"] == 0.8  # noise of 25 grey levels is worth more than a blur
    assert runs[0]["baseline"]["psnr"] > runs[0]["plain"]["psnr"]
    for run in runs:
        assert run["gain"] == pytest.approx(run["model"]["psnr"] - run["baseline"]["psnr"], abs=1e-3)
    assert runs[1]["baseline"] == runs[1]["plain"]
    assert [line[:12] for line in restoration.table().splitlines()[2:]] == ["| denoise | ", "| upscale | "]

    from PIL import Image

    Image.fromarray(rows[1].images[0].repeat(2, 0)).save(tmp_path / "photograph.png")
    restoration.measure_photograph(tmp_path / "photograph.png")
    assert {"restored_denoise.webp", "restored_upscale.webp"} <= {path.name for path in tmp_path.iterdir()}
    noise, half = record.runs_of("restoration_photograph")
    assert noise["plain"]["psnr"] == pytest.approx(20 * np.log10(255 / 25), abs=1)
    assert half["plain"]["psnr"] > 15 > half["result"]["psnr"]  # a model that has seen one batch makes no image of it
    assert noise["result"]["psnr"] != noise["plain"]["psnr"]
    assert [line[:12] for line in restoration.photograph_table().splitlines()[2:]] == ["| denoise | ", "| upscale | "]


def test_a_training_of_minutes_shows_as_many_images_as_there_is_time_for():
    import restoration

    dataset, recipe = cifar_like(1000), restoration.recipe_for("denoise", batch_size=10)
    for seconds, epochs, images in ((1.0, 1, 570), (0.1, 6, 950), (60.0, 1, 10)):
        its, part = restoration.shown(recipe, dataset, seconds, minutes=0.99)
        assert (its.epochs, len(part.train)) == (epochs, images), (seconds, its.epochs, len(part.train))


@without_annotations
def test_clicks_are_measured_after_one_and_after_three(monkeypatch):
    import clicks

    from minivit.train import Recipe
    from tests.models.test_sam import SMALL

    small = {name: value for name, value in SMALL.items() if name != "img_size"}
    recipe = Recipe(model=clicks.MODEL, options=small, epochs=1, batch_size=8)
    assert clicks.recipe_of(2).seed == 2
    assert clicks.recipe_of(0).epochs > 1
    monkeypatch.setattr(clicks, "recipe_of", lambda seed: recipe)
    monkeypatch.setattr(clicks, "SCENES", {"n_train": 8, "n_test": 12, "size": 16})
    measured = clicks.measure(0)
    assert {"iou", "iou_of_the_best", "iou_after_three_clicks", "iou_by_objects"} == {*measured}
    assert 0 <= measured["iou"] <= measured["iou_of_the_best"] <= 1
    assert len(measured["iou_by_objects"]) == 4


@REST
@without_annotations
def test_captions_are_found_and_shapes_told_by_sentences(monkeypatch, tmp_path):
    import matching
    import record

    from minivit.train.recipes import recipe_of

    tiny = [("embed_dim", "8"), ("num_heads", "2"), ("joint_dim", "8"), ("text_dim", "8"), ("text_depth", "1")]
    monkeypatch.setattr(matching, "SCENES", {"n_train": 256, "n_test": 12})
    monkeypatch.setattr(matching, "SETTINGS", {"minutes": 1, "n_shapes": 20})
    monkeypatch.setattr(
        matching, "recipe_for", lambda **its: recipe_of("scenes", tiny, model=matching.MODEL, epochs=1, **its)
    )
    monkeypatch.setattr(matching, "SEEDS", (0, 1))
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr("timed.SPARE", 0.0)
    matching.measure_speed()
    matching.measure_training()
    runs = record.runs_of("matching")
    assert [run["seed"] for run in runs] == [0, 1]
    assert all(run["steps"] == 2 for run in runs)
    assert all(0 <= run[name] <= 1 for run in runs for name in ("image_to_text", "text_to_image", "zero_shot"))
    lines = matching.table().splitlines()
    assert len(lines) == 6
    assert all("±" in line for line in lines[2:])
    for run in runs:  # of the only epoch, which is the last
        assert run["by_epoch"] == {name: [run[name]] for name in ("zero_shot", "zero_shot_small")}
    head, _, *lines = matching.curve().splitlines()
    assert head == "| after epoch | 1 |"
    assert [line.split("|")[1].strip() for line in lines] == ["seed 0", "seed 1"]


@REST
@without_annotations
def test_maps_are_measured_after_minutes_and_without_parts_of_swin(monkeypatch, tmp_path):
    import record
    import segmentation

    tiny = [("embed_dim", "4"), ("num_heads", "1,1,2"), ("channels", "4"), ("depths", "1,2,1")]
    monkeypatch.setattr(segmentation, "SCENES", {"n_train": 32, "n_test": 4, "size": 16})
    monkeypatch.setattr(segmentation, "NETS", {"UPerNet": {"settings": tiny}})
    monkeypatch.setattr(segmentation, "ROWS", {"neither": [*tiny, *segmentation.ROWS["neither"]]})
    monkeypatch.setattr(segmentation, "SEEDS", (0, 1))
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr("timed.SPARE", 0.0)
    segmentation.measure_speed()
    segmentation.measure_training()
    segmentation.measure_ablation()
    lines = record.table("segmentation", "decoder | minutes", ("net", "minutes"), segmentation.SCORES).splitlines()
    assert lines[:2] == [
        "| decoder | minutes | mean IoU of objects | with background | pixels |",
        "|---|---|---:|---:|---:|",
    ]
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| UPerNet", "10"]]
    assert "±" in lines[2]
    assert len(record.table("segmentation_ablation", "Swin", ("row",), segmentation.SCORES).splitlines()) == 3
    options = segmentation.recipe_for(settings=segmentation.ROWS["neither"]).options
    assert (options["shifted"], options["relative_position"]) == (False, "none")


@REST
@without_annotations
def test_boxes_are_measured_after_minutes_and_without_parts_of_swin(monkeypatch, tmp_path):
    import detection
    import record

    from minivit.models.detr import BACKBONES

    tiny = [("embed_dim", "8"), ("num_heads", "1"), ("mlp_dim", "4"), ("decoder_depth", "1"), ("num_queries", "5")]
    monkeypatch.setattr(detection, "SCENES", {"n_train": 32, "n_test": 4, "size": 16})
    monkeypatch.setattr(detection, "SIDE", 16)
    monkeypatch.setattr(detection, "NETS", {"Swin": {"model": "detr_swin_tiny_64"}})
    whole = detection.recipe_for
    monkeypatch.setattr(detection, "recipe_for", lambda settings=(), **its: whole(settings=[*tiny, *settings], **its))
    monkeypatch.setattr(detection, "ROWS", {"neither": detection.ROWS["neither"]})
    monkeypatch.setattr(detection, "SEEDS", (0, 1))
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    monkeypatch.setattr("timed.SPARE", 0.0)
    detection.measure_speed()
    detection.measure_training()
    detection.measure_ablation()
    lines = record.table("detection", "backbone | minutes", ("net", "minutes"), detection.SCORES).splitlines()
    assert lines[:2] == ["| backbone | minutes | AP | AP50 | AP75 |", "|---|---|---:|---:|---:|"]
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| Swin", "10"]]
    assert "±" in lines[2]
    made = BACKBONES.pop(detection.backbone_of("neither"))
    assert (made[1]["shifted"], made[1]["relative_position"]) == (False, "none")


@REST
@without_annotations
def test_pictures_of_tasks_are_drawn_by_runs_which_are_made_where_there_is_none(monkeypatch, tmp_path):
    import task_pictures

    from minivit.data.image_file import read_image
    from minivit.train import Recipe, Trainer
    from tests.models.test_sam import SMALL

    small = {
        "detect": ("detr_tiny_64", {"embed_dim": 8, "num_heads": 1, "mlp_dim": 4, "decoder_depth": 1}),
        "prompt": ("sam_tiny_patch4_64", {name: value for name, value in SMALL.items() if name != "img_size"}),
        "segment": ("upernet_swin_tiny_patch4_64", {"embed_dim": 4, "num_heads": (1, 1, 2), "channels": 4}),
        "match": ("clip_resnet_tiny_64", {"text_dim": 4, "text_depth": 1, "text_heads": 1}),
    }
    made = []

    def train(asked):
        made.append(asked)
        recipe = Recipe(*small[asked[2]], task=asked[2], epochs=1, batch_size=4, crop_padding=0)
        count = 120 if asked[2] == "match" else 4  # captions to train on need all words of those to test on
        trainer = Trainer(recipe, mv.data.scenes(count, 2, size=32))
        for _ in trainer.run():
            pass
        folder = Path(asked[-1])
        folder.mkdir(parents=True)
        trainer.save(folder / "checkpoint.safetensors")

    monkeypatch.setattr(task_pictures, "minivit", train)
    monkeypatch.setattr(task_pictures, "IMAGES", tmp_path)
    monkeypatch.setattr(task_pictures, "scenes", lambda: mv.data.scenes(1, 120, size=32))
    monkeypatch.setattr(task_pictures, "SURE", 0.0)
    for _ in range(2):
        task_pictures.main(tmp_path / "runs")
    assert made == [
        ["train", "--task", task, "--data", "scenes", "--out", str(tmp_path / "runs" / task)] for task in small
    ]
    for name in ("detr_objects", "sam_clicks", "segments", "captions"):
        assert read_image(tmp_path / f"{name}.webp").shape[1] == 1350
