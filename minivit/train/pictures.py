"""The pictures that a run leaves in its folder."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy import ndarray

from minivit import plot
from minivit.data.examples import Images, Sounds
from minivit.errors import sentence
from minivit.models.ast import AST
from minivit.models.image_gpt import ImageGPT
from minivit.models.mixer import Mixer
from minivit.models.model import Model
from minivit.models.swin import Swin
from minivit.models.vit import ViT
from minivit.plot.figure import TITLE, Axes, Figure
from minivit.tasks.task import Pictures
from minivit.train.step import predict
from minivit.train.trainer import Metrics, Trainer


def draw_run(folder: Path, trainer: Trainer, rows: list[Metrics]) -> list[Path]:
    """Draw how the training went, what the task makes of the first test examples, and what the model has learned.

    Returns the files. Of a Vision Transformer, three are figures of its paper (Dosovitskiy et al. 2021): 6, attention
    maps; 7 left, patch-embedding filters, here of what training changed; 7 centre, similarity of position embeddings.
    Of a Swin Transformer, its stages, attention inside windows before and after the shift, relative position biases.
    Of an MLP-Mixer what training changed in token mixing, figure 5 of Tolstikhin et al. 2021. Of an AST attention maps
    lie over spectrograms. Of an ImageGPT images that it draws, and halves that it completes. Of all others the filters
    are drawn if the first kernel sees pixels, or a spectrogram, the positions if they are a table on a grid.

    A training is not lost because a picture cannot be drawn: that is said on the standard error stream, and the others
    are drawn.
    """
    paths = []
    for pictures in (_of_the_run, _of_the_task, _of_the_model):
        with _said(f"pictures of {folder}"):
            for name, draw in pictures(trainer, rows).items():
                path = folder / f"{name}.png"
                with _said(str(path)):
                    plot.save(draw(), path)
                    paths.append(path)
    return paths


@contextmanager
def _said(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        print(f"minivit: {what} could not be drawn: {sentence(error)}", file=sys.stderr)


def _of_the_run(trainer: Trainer, rows: list[Metrics]) -> Pictures:
    task, least = trainer.task, trainer.task.least_loss(trainer.dataset)
    return {
        "learning_curves": lambda: plot.learning_curves(rows, loss=task.loss_name, score=task.score_name, least=least)
    }


def _of_the_task(trainer: Trainer, rows: list[Metrics]) -> Pictures:
    task, dataset = trainer.task, trainer.dataset
    examples = dataset.test.take(slice(24))
    inputs, targets = task.draw(examples, normalize=trainer.normalize)
    outputs = predict(trainer.trained, inputs, threads=trainer.threads)
    return task.pictures(dataset, examples, targets, outputs)


def _of_the_model(trainer: Trainer, rows: list[Metrics]) -> Pictures:
    model, examples = trainer.trained, trainer.dataset.test.take(slice(4))
    if isinstance(model, ImageGPT):
        return _of_pixels(model, trainer.dataset.test.take(slice(8)).images)
    if isinstance(examples, Images):
        normalized = trainer.normalize(examples.images)
        return _of_images(model, examples.images, normalized) | _of_parameters(model, examples.images.shape[3])
    if isinstance(examples, Sounds) and isinstance(model, AST):
        return _of_sounds(model, trainer.normalize(examples.waves)) | _of_parameters(model, 1, lowest_first=True)
    return {}


def _of_images(model: Model, images: ndarray, normalized: ndarray) -> Pictures:
    pictures = Pictures()
    keeps_maps = not model.config.get("grad_checkpointing")  # a checkpointed block keeps no attention map
    if isinstance(model, ViT) and keeps_maps and model.blocks:
        pictures["attention_maps"] = lambda: plot.attention_maps(images, model.forward(normalized)[1])
    if isinstance(model, Swin):
        pictures["pyramid"] = lambda: plot.pyramid(images[0], model)
        first = next((i for i, stage in enumerate(model.layers) if stage.blocks), None)
        if first is not None and keeps_maps:
            pictures["attention_in_windows"] = lambda: plot.attention_in_windows(
                images, model.forward(normalized)[1], stage=first
            )
        if first is not None and model.config.get("relative_position") != "none":
            pictures["relative_position_biases"] = lambda: plot.relative_position_biases(model, stage=first)
    return pictures


def _of_pixels(model: ImageGPT, images: ndarray) -> Pictures:
    """What it draws from nothing, and what below the upper half of images."""

    def completions() -> Figure:
        codes, half = model.encode(images), images.shape[1] // 2
        known = half * images.shape[2]
        given = images.copy()
        given[:, half:] = 128
        trials = [model.sample(len(images), given=codes[:, :known], seed=seed) for seed in range(3)]
        return plot.completions(images, given, np.stack([model.decode(trial) for trial in trials]))

    return {"drawn": lambda: plot.drawn(model.decode(model.sample(24))), "completions": completions}


def _of_sounds(model: AST, waves: ndarray) -> Pictures:
    if model.config["grad_checkpointing"] or not model.blocks:
        return {}

    def attention_maps() -> Figure:
        images = plot.spectrogram_images(model.log_mel.forward(waves)[0])
        return plot.attention_maps(images, model.forward(waves)[1], origin="lower")

    return {"attention_maps": attention_maps}


def _of_parameters(model: Model, channels: int, *, lowest_first: bool = False) -> Pictures:
    pictures, params = Pictures(), model.named_params()
    kernels = [name for name, param in params.items() if param.axes == ("row", "column", "in", "out")]
    if kernels and params[kernels[0]].shape[2] == channels:  # the first one sees pixels
        pictures["patch_filters"] = lambda: _learned_filters(model, kernels[0], lowest_first)
    if type(model) is Mixer and model.blocks:  # ResMLP and gMLP, made of it, mix tokens without hidden units
        pictures["token_mixing"] = lambda: _learned_token_mixing(model)
    for table in model.params:
        if table.grid and table.axes == ("batch", "position", "width"):
            pictures["position_similarity"] = lambda it=table, grid=table.grid: plot.position_similarity(it.value, grid)
    return pictures


def _learned(model: Model, names: Sequence[str]) -> list[ndarray]:
    """Where weights are mostly what they were drawn as, the difference shows what was learned."""
    now, fresh = model.named_params(), type(model)(**model.config).named_params()
    return [now[name].value - fresh[name].value for name in names]


def _learned_token_mixing(model: Mixer) -> Figure:
    count = min(3, len(model.blocks))
    changes = _learned(model, [f"blocks.{i}.mlp_tokens.fc1.weight" for i in range(count)])
    titles = [f"block {i + 1}: what training changed" for i in range(count)]
    return plot.token_mixing_maps(dict(zip(titles, changes, strict=True)), model.stem.grid_size)


def _learned_filters(model: Model, name: str, lowest_first: bool) -> Axes:
    (change,) = _learned(model, [name])
    ax = plot.patch_filters(change[::-1] if lowest_first else change, count=14)  # low frequencies lie below
    ax.set_title(f"What training changed:\n{ax.get_title(loc='left')}", fontsize=TITLE, loc="left")
    return ax
