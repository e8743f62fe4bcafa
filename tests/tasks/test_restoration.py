"""What the tasks of image restoration promise beyond what all tasks do."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit import cli
from minivit.data import LabeledSounds
from minivit.data.examples import Images
from minivit.models import SwinIR
from minivit.ops.image_quality import psnr
from minivit.storage import read_arrays, write_arrays
from minivit.tasks import NAMED, Denoise, Upscale
from minivit.tasks.restoration import Restored, as_pixels, turned
from minivit.train import Recipe, Trainer, predict
from minivit.train.recipes import recipe_of
from minivit.train.restoring import in_tiles, restorer
from tests.sampled import REST
from tests.train.small import assert_same_bits
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (9, 8, 12, 3)).astype(np.uint8)
SHAPE: dict[str, Any] = {"embed_dim": 4, "depths": (2,), "num_heads": (1,), "window_size": 4}
TINY = [("embed_dim", "4"), ("depths", "2"), ("num_heads", "1"), ("window_size", "4")]


def small_trainer(task: str, threads: int = 1, **choices: Any) -> Trainer:
    recipe = recipe_of("shapes", TINY, task=task, epochs=2, batch_size=18, **choices)
    return Trainer(recipe, mv.data.shapes(38, 12), threads=threads)


def denoiser() -> SwinIR:
    return SwinIR(**SHAPE, upscale=1, img_size=8)


def enlarger() -> SwinIR:
    return SwinIR(**SHAPE, upscale=2, upsampler="pixelshuffledirect", img_size=8, seed=2)


def test_the_noise_is_what_was_asked_for_and_the_same_in_every_test():
    task, white = Denoise(sigma=25.0), Images(np.full((40, 32, 32, 3), 128, np.uint8))
    noisy, targets = task.draw(white, normalize=np.asarray)
    assert noisy.dtype == targets.images.dtype == np.float32
    np.testing.assert_array_equal(targets.images, np.float32(128 / 255))
    assert (noisy - targets.images).std() * 255 == pytest.approx(25, rel=0.01)
    assert (noisy - targets.images).mean() * 255 == pytest.approx(0, abs=0.2)
    assert noisy is targets.plain
    np.testing.assert_array_equal(task.draw(white, normalize=np.asarray)[0], noisy)
    other, _ = task.draw(white, normalize=np.asarray, rng=np.random.default_rng(1))
    again, _ = task.draw(white, normalize=np.asarray, rng=np.random.default_rng(1))
    assert not np.array_equal(other, noisy)
    np.testing.assert_array_equal(other, again)
    assert noisy.max() > 0.8  # and black and white are no limits
    assert Denoise(sigma=100.0).draw(white, normalize=np.asarray)[0].max() > 1


def test_small_images_are_those_of_pillow():
    pixels = mv.data.shapes(4, 2).train.images
    small, targets = Upscale().draw(Images(pixels), normalize=np.asarray)
    for image, ours, enlarged in zip(pixels, small, targets.plain, strict=True):
        for c in range(3):  # of whole grey levels Pillow rounds twice, of fractions never
            theirs = resized_by_pillow(image[..., c], 16)
            np.testing.assert_array_equal(as_pixels(ours[..., c]), as_pixels(theirs / 255))
            back = resized_by_pillow(255 * ours[..., c], 32)
            np.testing.assert_allclose(255 * enlarged[..., c], back, atol=1e-3)
    np.testing.assert_allclose(255 * small, np.round(255 * small), atol=1e-4)  # as a file has them
    np.testing.assert_allclose(targets.images, pixels / 255, atol=1e-7)


def resized_by_pillow(channel: np.ndarray, side: int) -> np.ndarray:
    return np.asarray(Image.fromarray(channel.astype("f")).resize((side, side), Image.Resampling.BICUBIC))


def test_grey_levels_are_rounded_and_end_at_black_and_white():
    np.testing.assert_array_equal(as_pixels(np.array([0.6, 1.4, -3, 300]) / 255), [1, 1, 0, 255])


def test_rows_that_make_no_pixel_are_cut_off():
    small, targets = Upscale(upscale=3).draw(Images(PIXELS), normalize=np.asarray)
    assert (small.shape, targets.images.shape) == ((9, 2, 4, 3), (9, 6, 12, 3))
    np.testing.assert_allclose(targets.images, PIXELS[:, :6] / 255, atol=1e-7)
    with pytest.raises(ValueError, match=r"images of 8 x 12 pixels are too small to be made 9 times smaller"):
        Upscale(upscale=9).draw(Images(PIXELS), normalize=np.asarray)


def test_images_lie_in_all_ways_alike():
    square = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1)
    ways, counts = np.unique(turned(square.repeat(4000, 0), RNG).reshape(4000, 4), axis=0, return_counts=True)
    assert len(ways) == 8
    assert counts.min() > 400
    wide = turned(PIXELS[:1].repeat(200, 0), RNG)
    assert wide.shape == (200, 8, 12, 3)
    assert len(np.unique(wide.reshape(200, -1), axis=0)) == 4


def test_a_score_says_by_how_many_decibels_a_model_is_better():
    images, noise = RNG.random((2, 5, 8, 8, 3))
    plain = images + 0.1 * (noise - 0.5)
    task, targets = Denoise(), Restored(images, plain)
    assert task.score(images, targets) == 1
    assert np.isnan(task.score(images, Restored(images, images)))
    better = images + 0.25 * (plain.clip(0, 1) - images)
    share = task.score(better, targets)
    everything: Any = {"data_range": 1.0}
    gain = psnr(better[None, ...].reshape(1, 40, 8, 3), images.reshape(1, 40, 8, 3), **everything)
    gain = gain - psnr(plain.clip(0, 1).reshape(1, 40, 8, 3), images.reshape(1, 40, 8, 3), **everything)
    assert -10 * np.log10(1 - share) == pytest.approx(float(gain[0]), rel=1e-9)
    assert task.score(plain, targets) == pytest.approx(0)


def test_losses_are_those_of_the_paper():
    images, outputs = RNG.random((2, 5, 8, 8, 3))
    loss, _ = Denoise().forward(outputs, Restored(images, images))
    assert loss == pytest.approx(np.sqrt((outputs - images) ** 2 + 1e-6).mean())
    loss, _ = Upscale().forward(outputs, Restored(images, images))
    assert loss == pytest.approx(np.abs(outputs - images).mean())


@REST
@pytest.mark.parametrize("task", ["denoise", "upscale"])
def test_a_training_that_was_killed_ends_in_the_same_bits(task, tmp_path):
    whole = small_trainer(task)
    scores = [row.test_score for row in whole.run()]
    begun = small_trainer(task, threads=2)
    for row in begun.run():
        if row.step == 3:
            break
    begun.save(tmp_path / "checkpoint")
    resumed = small_trainer(task, threads=3)
    resumed.resume(tmp_path / "checkpoint")
    rest = [row.test_score for row in resumed.run()]
    assert_same_bits(resumed.model.state_dict(), whole.model.state_dict())
    assert rest == scores[3:]
    with pytest.raises(ValueError, match="belongs to another training"):
        small_trainer({"denoise": "upscale", "upscale": "denoise"}[task]).resume(tmp_path / "checkpoint")


def test_what_a_training_gets_where_nothing_else_is_said():
    assert {"denoise", "upscale"} <= {*NAMED}
    data = mv.data.shapes(8, 4)
    for word, model, size in (("denoise", "swinir_tiny_dn", 32), ("upscale", "swinir_tiny_x2", 16)):
        recipe = recipe_of("cifar10", task=word)
        assert (recipe.task, recipe.model, recipe.weight_decay) == (word, model, 0.0)
        trainer = Trainer(recipe, data)
        assert (trainer.model.config["img_size"], trainer.model.config["in_chans"]) == ((size, size), 3)
        assert type(trainer.task) is NAMED[word]
    assert isinstance(Trainer(Recipe(model="swinir_tiny_dn"), data).task, Denoise)  # its usual one
    three = [("upscale", "3"), *TINY]
    enlarging: Any = Trainer(recipe_of("shapes", three, task="upscale"), data).task
    assert enlarging.upscale == 3
    assert len(Denoise().prepared(mv.data.shapes(4, 1010), normalize=np.asarray).test) == 1000


def test_what_is_refused():
    data = mv.data.shapes(8, 4)
    for recipe, says in (
        (Recipe(task="denoise"), "ViT gives no images back; expected a model that does, such as swinir_tiny_dn"),
        (Recipe(task="upscale", model="swinir_tiny_dn"), "upscale is 1; expected a model that makes images larger"),
        (Recipe(task="denoise", model="swinir_tiny_x2"), "upscale is 2; noise is taken off images that stay as large"),
        (Recipe(task="denoise", model="swinir_tiny_dn", mixup=0.2), "mixup is 0.2, and swinir_tiny_dn is not trained"),
    ):
        with pytest.raises(ValueError, match=says):
            Trainer(recipe, data)
    few = [replace(split, images=split.images[:, :16, :16]) for split in (data.train, data.test)]
    with pytest.raises(
        ValueError, match=r"img_size 5 is less than .* \(images of 16 x 16 pixels go in as 5 x 5: --img-"
    ):
        Trainer(recipe_of("shapes", [("upscale", "3")], task="upscale"), replace(data, train=few[0], test=few[1]))
    images = np.zeros((1, 4, 4, 3), np.float32)
    with pytest.raises(
        ValueError, match=r"Upscale: outputs have shape \(1, 4, 4, 3\); expected \(1, 6, 6, 3\), 3 times"
    ):
        Upscale(upscale=3).forward(images, Restored(*2 * [np.zeros((1, 6, 6, 3), np.float32)]))
    with pytest.raises(ValueError, match=r"label_smoothing is 0.1, and swinir_tiny_dn is not trained to classify"):
        recipe_of("shapes", task="denoise", label_smoothing=0.1)
    with pytest.raises(ValueError, match=r"task is detectt; expected .*denoise, .*upscale, or None"):
        Recipe(task="detectt")
    with pytest.raises(ValueError, match=r"sigma is 0\.0; expected"):
        Denoise(sigma=0.0)
    sounds = LabeledSounds(np.zeros((2, 9), np.int16), np.zeros(2, int))
    with pytest.raises(TypeError, match="Denoise is about Images; these examples are LabeledSounds"):
        without_annotations(lambda: Denoise().draw(sounds, normalize=np.asarray))()  # type: ignore[arg-type]
    train, test = (replace(split, images=split.images[:, :3, :2]) for split in (data.train, data.test))
    with pytest.raises(ValueError, match="images of 3 x 2 pixels are too small to be mirrored up to windows of 8"):
        next(Trainer(recipe_of("shapes", task="denoise"), replace(data, train=train, test=test)).run())


@pytest.mark.parametrize("size", [(8, 8), (7, 13), (17, 5), (21, 30)])
@pytest.mark.parametrize("make", [denoiser, enlarger])
def test_tiles_of_an_image_are_put_together(size, make):
    """A model that does the same to every pixel does so to every tile."""
    model, image = make(), RNG.random((*size, 3)).astype("f")
    r = model.upscale
    expected, _ = model.forward(image[None])  # nothing is learned: the image as it is, or one colour
    made = in_tiles(model, image, tile=8, overlap=3)
    assert made.shape == (r * size[0], r * size[1], 3)
    np.testing.assert_allclose(made, expected[0], atol=1e-5)


def test_a_tile_that_holds_all_is_the_model_itself_and_tiles_are_averaged():
    model, image = denoiser(), RNG.random((8, 13, 3)).astype("f")
    for param in model.params:
        param.value = RNG.standard_normal(param.shape).astype("f") / 3
    np.testing.assert_array_equal(in_tiles(model, image, tile=64), predict(model, image[None])[0])
    left, right = predict(model, np.stack((image[:, :8], image[:, 5:])))
    both = in_tiles(model, image, tile=8, overlap=3)
    np.testing.assert_allclose(both[:, :5], left[:, :5], rtol=1e-6)
    np.testing.assert_allclose(both[:, 5:8], (left[:, 5:] + right[:, :3]) / 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(both[:, 8:], right[:, 3:], rtol=1e-6)
    for overlap in (8, -1):
        with pytest.raises(ValueError, match=f"overlap is {overlap}; expected 0 to 7"):
            in_tiles(model, image, tile=8, overlap=overlap)


def run(task: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    small_trainer(task).save(folder / "checkpoint.safetensors")
    return folder


def photograph(path: Path, *shape: int) -> Path:
    Image.fromarray(RNG.integers(0, 256, shape).astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize(("task", "shown", "size"), [("denoise", "noisy", (9, 21)), ("upscale", "bicubic", (8, 20))])
def test_photographs_of_any_kind_are_restored(task, shown, size, tmp_path, capsys):
    """Of odd size, in colour, grey, and transparent; and a picture is left of each."""
    folder = run(task, tmp_path / "run")
    files = [
        photograph(tmp_path / f"{len(shape)}-{shape[-1]}.png", *shape) for shape in ((9, 21, 3), (9, 21), (9, 21, 4))
    ]
    made = restorer(folder)(files[0])
    assert made.original.shape == made.plain.shape == made.result.shape == (*size, 3)
    assert made.quality["plain"][0] == pytest.approx(psnr(made.plain, made.original, data_range=255))
    assert cli.main(["predict", str(folder), *map(str, files), "--out", str(tmp_path / "pictures")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{files[0]}: {shown} {made.quality['plain'][0]:.2f} dB (SSIM ")
    for file, line in zip(files, lines, strict=True):
        picture = tmp_path / "pictures" / f"{file.stem}-{task}.png"
        assert line.endswith(f"wrote {picture}")
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_photographs_that_cannot_be_restored(tmp_path, capsys):
    folder = run("upscale", tmp_path / "run")
    small, one = photograph(tmp_path / "small.png", 4, 21, 3), photograph(tmp_path / "one.png", 1, 1, 3)
    assert cli.main(["predict", str(folder), str(small), str(one), "nowhere.png"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"minivit: {small} has 4 x 21 pixels; expected at least 6 x 6, to be mirrored up to windows"
    assert said[1].startswith(f"minivit: {one} has 1 x 1 pixels; expected at least 6 x 6")
    assert said[2] == "minivit: there is no file nowhere.png"


def test_a_checkpoint_that_is_damaged(tmp_path):
    folder = run("denoise", tmp_path / "run")
    arrays, header = read_arrays(folder / "checkpoint.safetensors")
    for options in (None, [], {"sigma": -1.0}, {"noise": 25.0}):
        header["metadata"]["task_options"] = options
        write_arrays(tmp_path / "damaged", arrays, header)
        with pytest.raises(ValueError, match="damaged is damaged: "):
            restorer(tmp_path / "damaged")
    header["metadata"] |= {"task": "Upscale", "task_options": {"upscale": 2}}
    write_arrays(tmp_path / "damaged", arrays, header)
    with pytest.raises(ValueError, match="is damaged: its model and its task, Upscale, do not fit"):
        restorer(tmp_path / "damaged")


def test_a_folder_for_pictures_of_a_model_that_makes_none(tmp_path, capsys):
    Trainer(Recipe(model="vit_micro_patch4_32"), mv.data.shapes(8, 4)).save(tmp_path / "vit.safetensors")
    assert cli.main(["predict", str(tmp_path / "vit.safetensors"), "a.png", "--out", "b"]) == 1
    assert "--out is for pictures, and the model of " in capsys.readouterr().err
    with pytest.raises(ValueError, match="was not trained for Denoise or Upscale"):
        restorer(tmp_path / "vit.safetensors")


@REST
def test_a_run_from_the_command_line_leaves_its_pictures(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for i in range(6):
        for place in ("train/cat", "train/dog", "test/cat", "test/dog"):
            (tmp_path / "pets" / place).mkdir(parents=True, exist_ok=True)
            photograph(tmp_path / "pets" / place / f"{i}.png", 19, 17, 3)
    words = ["train", "--task", "denoise", "--data", "pets", "--img-size", "16", "--epochs", "1"]
    words += ["--batch-size", "6", "--threads", "1", "--out", "run"]
    settings = [word for name, value in TINY for word in ("--set", f"{name}={value}")]
    assert cli.main([*words, *settings]) == 0
    assert "squared error removed" in capsys.readouterr().out
    assert {"restored.png", "learning_curves.png", "config.json"} <= {path.name for path in Path("run").iterdir()}
    assert cli.main(["train", "--resume", "run"]) == 0
    with pytest.raises(SystemExit, match="2"):
        cli.main(["train", "--task", "paint"])
    assert "argument --task: invalid choice: 'paint'" in capsys.readouterr().err
