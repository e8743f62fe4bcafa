"""The pictures of a run, without a command line around them."""

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.text import Text

from minivit import plot
from minivit.layers import Linear, PatchEmbed
from minivit.layers.initial import normal
from minivit.layers.param import Param
from minivit.models import MODELS, PRESETS, Model, create_model
from minivit.ops.losses import least_cross_entropy
from minivit.train import pictures
from minivit.train.pictures import draw_run
from tests.sampled import REST
from tests.train.any_size import AnySize
from tests.train.small import TINY, small_dataset, small_trainer
from tests.train.sounds import SMALL_AST, small_sound_trainer


class Embedded(Model):
    """Patches with positions, which are not looked at."""

    def __init__(self, *, seed: int = 0, dtype: str | type = "float32") -> None:
        self.patch_embed = PatchEmbed(32, 4, 3, 6)
        self.pos_embed = Param((1, 64, 6), "batch position width", normal(0.02), grid=(8, 8))
        self.head = Linear(3, 10)
        self.init(seed, dtype)

    def forward(self, images, *, rng=None):
        return self.head.forward(images.mean((1, 2)))

    def backward(self, dy, cache):
        return self.head.backward(dy, cache)


del MODELS["Embedded"]  # other tests ask for all models of the house

CLASSIFIERS = [name for name in PRESETS if name.endswith("_32") and not name.startswith("masked")]
IN_WINDOWS = {"pyramid", "attention_in_windows", "relative_position_biases"}
OF_FAMILIES = {"Swin": IN_WINDOWS, "SwinV2": IN_WINDOWS, "Mixer": {"token_mixing"}}

NAMES = ["learning_curves", "predictions", "attention_maps", "patch_filters", "position_similarity"]


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_what_a_model_cannot_show_is_left_out(
    grad_checkpointing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpointed block keeps no attention map."""
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    trainer = small_trainer(small_dataset(), options={**TINY, "grad_checkpointing": grad_checkpointing})
    paths = draw_run(tmp_path, trainer, list(trainer.run()))
    assert paths == [tmp_path / f"{name}.png" for name in NAMES if not (grad_checkpointing and "maps" in name)]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_without_blocks_nothing_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So there is no map of attention to be drawn, of images or of sounds, and nothing to complain of."""
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    trainers = (
        small_trainer(small_dataset(), epochs=1, options={**TINY, "depth": 0}),
        small_sound_trainer(epochs=1, options={**SMALL_AST, "depth": 0}),
    )
    for trainer in trainers:
        names = [path.stem for path in draw_run(tmp_path, trainer, list(trainer.run()))]
        assert names == [name for name in NAMES if "maps" not in name]
    assert capsys.readouterr().err == ""


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_of_every_family_all_pictures_can_be_drawn(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A family that is made of another one has other parameters."""
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    trainer = small_trainer(small_dataset(), epochs=1)
    rows = list(trainer.run())
    trainer.model = create_model(name)
    drawn = {path.stem for path in draw_run(tmp_path, trainer, rows)}
    assert capsys.readouterr().err == ""
    assert drawn >= OF_FAMILIES.get(type(trainer.model).__name__, set())


@REST
def test_of_another_family_is_drawn_what_its_parameters_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of the first kernel, and a table on a grid; a model without either has none."""
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    trainer = small_trainer(small_dataset())
    rows = list(trainer.run())
    trainer.model = Embedded()
    names = [path.stem for path in draw_run(tmp_path, trainer, rows)]
    assert names == ["learning_curves", "predictions", "patch_filters", "position_similarity"]
    trainer.model = AnySize()
    assert [path.stem for path in draw_run(tmp_path, trainer, rows)] == ["learning_curves", "predictions"]


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_of_sounds_spectrograms_are_drawn(
    grad_checkpointing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    seen = []
    monkeypatch.setattr(plot, "attention_maps", lambda images, cache, **options: seen.append((images, options)))
    trainer = small_sound_trainer(epochs=1, options={**SMALL_AST, "grad_checkpointing": grad_checkpointing})
    paths = draw_run(tmp_path, trainer, list(trainer.run()))
    assert paths == [tmp_path / f"{name}.png" for name in NAMES if not (grad_checkpointing and "maps" in name)]
    for images, options in seen:
        assert images.shape == (4, 12, 6, 3)  # four sounds, twelve bands, six frames
        assert options == {"origin": "lower"}
    assert len(seen) == 1 - grad_checkpointing


def test_filters_of_spectrograms_are_drawn_with_low_frequencies_below(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, draw = [], plot.patch_filters
    monkeypatch.setattr(plot, "patch_filters", lambda weight, **how: drawn.append(weight) or draw(weight, **how))
    trainer = small_sound_trainer(epochs=1)
    before = trainer.model.named_params()["patch_embed.proj.weight"].value.copy()
    rows = list(trainer.run())
    pictures._of_the_model(trainer, rows)["patch_filters"]()
    change = trainer.model.named_params()["patch_embed.proj.weight"].value - before
    np.testing.assert_array_equal(drawn[0], change[::-1])


def test_of_a_model_that_sees_no_spectrogram_its_curves_are_drawn() -> None:
    options = {"conv_dim": (8,), "conv_kernel": (10,), "conv_stride": (5,), "context_dim": (8,), "context_kernel": (3,)}
    trainer = small_sound_trainer(model="wav2vec_tiny", options=options)
    assert pictures._of_the_model(trainer, []) == {}


@REST
def test_no_picture_can_be_drawn_and_nothing_is_left_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[weakref.ref] = []

    def fail(picture: object, path: Path) -> None:
        drawn.append(weakref.ref(picture))
        raise ValueError(f"no room for {path.stem}")

    monkeypatch.setattr(plot, "save", fail)
    trainer = small_trainer(small_dataset())
    assert draw_run(tmp_path / "not there", trainer, list(trainer.run())) == []
    said = capsys.readouterr().err.splitlines()
    place = tmp_path / "not there"
    assert said == [f"minivit: {place / name}.png could not be drawn: no room for {name}" for name in NAMES]
    gc.collect()
    assert [ref() for ref in drawn] == [None] * len(NAMES)


def test_filters_are_drawn_by_what_training_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    monkeypatch.setattr(plot, "patch_filters", lambda weight, **_: drawn.append(weight) or plot.learning_curves([]))
    trainer = small_trainer(small_dataset())
    before = trainer.model.named_params()["patch_embed.proj.weight"].value.copy()
    rows = list(trainer.run())
    draw_run(tmp_path, trainer, rows)
    assert drawn[0].any()
    np.testing.assert_array_equal(drawn[0], trainer.model.named_params()["patch_embed.proj.weight"].value - before)


@pytest.mark.sampled(every=6)
@pytest.mark.parametrize("name", NAMES)
def test_no_word_of_a_run_is_cut_off(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, Any] = {}
    monkeypatch.setattr(plot, "save", lambda picture, path: drawn.update({path.stem: picture.figure}))
    trainer = small_trainer(small_dataset())
    draw_run(tmp_path, trainer, list(trainer.run()))
    figure = drawn[name]
    figure.set_dpi(150)  # as it is saved
    figure.draw_without_rendering()
    ticks = [tick for ax in figure.axes for tick in (*ax.get_xticklabels(), *ax.get_yticklabels())]  # some off the axis
    words = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text() and text not in ticks]
    assert words
    for text in words:
        box = text.get_window_extent()
        assert 0 < box.x0 <= box.x1 < figure.bbox.x1, text
        assert 0 < box.y0 <= box.y1 < figure.bbox.y1, text


def test_the_learning_curve_says_where_smoothed_targets_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    monkeypatch.setattr(plot, "learning_curves", lambda *_, least, **__: drawn.append(least))
    trainer = small_trainer(small_dataset())
    draw_run(tmp_path, trainer, list(trainer.run()))
    assert drawn == [least_cross_entropy(len(trainer.dataset.class_names), trainer.recipe.label_smoothing)]
    assert drawn[0] > 0


def test_of_a_mixer_what_training_changed_in_token_mixing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, Any]] = []
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    monkeypatch.setattr(plot, "token_mixing_maps", lambda maps, grid: drawn.append({"grid": grid, **maps}))
    options = {"patch_size": 8, "embed_dim": 12, "num_blocks": 4}
    trainer = small_trainer(small_dataset(), model="mixer_tiny_patch4_32", options=options)
    name = "blocks.2.mlp_tokens.fc1.weight"
    before = trainer.model.named_params()[name].value.copy()
    paths = draw_run(tmp_path, trainer, list(trainer.run()))
    assert [path.stem for path in paths] == ["learning_curves", "predictions", "patch_filters", "token_mixing"]
    (maps,) = drawn
    assert [*maps] == ["grid", *(f"block {i}: what training changed" for i in (1, 2, 3))]
    assert maps["grid"] == (4, 4)
    np.testing.assert_array_equal(
        maps["block 3: what training changed"], trainer.model.named_params()[name].value - before
    )
    mixer: Any = MODELS["Mixer"]
    trainer.model = mixer(img_size=32, patch_size=8, num_blocks=0, num_classes=10)
    assert "token_mixing" not in [path.stem for path in draw_run(tmp_path, trainer, [])]
