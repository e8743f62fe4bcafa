"""The most memory that is needed at once: that of an estimate within 2 % of what NumPy asks for in a real run.

All figures are somewhat below those of ``tracemalloc``, which sees Python's own objects, too (models, caches, tuples: a
few hundred KiB). A narrow twin, of as many layers and with next to no numbers, says how many; without them, the
difference is half a percent at most. What is left is what NumPy takes for a moment: the buffers in which it converts
numbers, the indices by which ``np.unique`` sorts. How many different tokens a batch has is not known; an estimate takes
as many as there can be. From Python 3.14 on an estimate does not see that NumPy writes ``a * b + c`` into the memory of
``a * b``, and is above.
"""

import gc
import tracemalloc

import numpy as np
import pytest

import minivit as mv
from minivit.check.draw import choose
from minivit.cost.estimate import OPTIMIZERS
from minivit.cost.run import Scene
from minivit.layers.checkpoint import checkpointed
from minivit.models import PRESETS, ViT
from minivit.models.model import model_options
from minivit.tasks import Classification, NextToken
from minivit.train.step import SHARD_SIZE, predict, training_step
from tests.cost.test_equal import FAMILIES, draw_options

MIB = 2**20
CONFIGURATIONS = 40
OF_LOGITS = ("Classification", "NextPixel", "MaskedPrediction")  # a class for each row of what comes out
ONE_WIDTH = [  # of Wav2Vec: test_estimate.py
    kind for kind in FAMILIES if "embed_dim" in model_options(kind) and kind.usual_task in OF_LOGITS
]
FEW = len(ONE_WIDTH)


def real_peaks(model, batch: int, length: int, recompute: bool, optimizer: str, rng) -> dict[str, int]:
    """Of a prediction, a training step, and a step of the whole batch at once; whatever is there is in all of them."""

    def new(shape, dtype):
        is_tokens = np.issubdtype(dtype, np.integer)
        return (
            rng.integers(1, model.config.get("vocab_size", 3), shape)
            if is_tokens
            else rng.standard_normal(shape, dtype)
        )

    def peak(function):
        gc.collect()
        tracemalloc.reset_peak()
        function()
        return tracemalloc.get_traced_memory()[1]

    def whole_batch():
        outputs, cache = running.forward(*inputs, rng=np.random.default_rng(0))
        _, c_loss = task.forward(outputs, targets)
        doutputs = task.backward(np.float64(1), c_loss)
        del outputs, c_loss
        running.backward(doutputs, cache)
        made.step()

    def step():
        rng = np.random.default_rng(0)
        training_step(running, inputs, targets, optimizer=made, task=task, rng=rng, threads=1)

    for param in model.named_state().values():
        assert param.value.shape == param.shape  # drawn now
    inputs = model.example(batch, length, new)
    running = checkpointed(model) if recompute else model
    shape = predict(model, inputs, threads=1).shape
    task = Classification() if len(shape) == 2 else NextToken()
    targets = rng.integers(0, shape[-1], shape[:-1]) if len(shape) == 2 else rng.integers(1, shape[-1], shape[:-1])
    peaks = {"peak_inference_bytes": peak(lambda: predict(model, inputs, threads=1)) - targets.nbytes}
    made = OPTIMIZERS[optimizer](running)
    peaks["peak_training_bytes"] = peak(step)
    running.zero_grad()
    peaks["peak_whole_batch_bytes"] = peak(whole_batch)
    return peaks


def check(build, batch: int, recompute: str, optimizer: str, rng, *, narrow=None) -> None:
    """``narrow`` builds the twin; without it, Python's objects count among the 2 %."""
    length = 6
    estimate = mv.cost.estimate(build(), batch=batch, length=length, recompute=recompute, optimizer=optimizer)
    while estimate.peak_whole_batch_bytes < 24 * MIB:
        batch *= 2
        estimate = mv.cost.estimate(build(), batch=batch, length=length, recompute=recompute, optimizer=optimizer)

    def real(built) -> dict[str, int]:
        gc.collect()
        tracemalloc.start()
        try:
            return real_peaks(built(), batch, length, recompute == "blocks", optimizer, rng)
        finally:
            tracemalloc.stop()

    compared = {name: peak for name, peak in real(build).items() if peak >= 20 * MIB}
    assert compared
    estimated = {name: getattr(estimate, name) for name in compared}
    if narrow is None:
        assert estimated == pytest.approx(compared, rel=0.02)
        return
    twin = mv.cost.estimate(narrow(), batch=batch, length=length, recompute=recompute, optimizer=optimizer)
    objects = {name: peak - getattr(twin, name) for name, peak in real(narrow).items() if name in compared}
    assert all(0 < size < MIB for size in objects.values())
    assert estimated == pytest.approx({name: peak - objects[name] for name, peak in compared.items()}, rel=0.005)


def check_drawn(number: int) -> None:
    rng = np.random.default_rng(number)
    kind = ONE_WIDTH[number % len(ONE_WIDTH)]
    options = draw_options(kind, rng)
    if "img_size" in options:
        options["img_size"] = tuple(2 * side for side in options["img_size"])
    if "num_classes" in options:
        options["num_classes"] = max(5, options["num_classes"])
    recompute, optimizer = choose(rng, "none", "none", "blocks"), choose(rng, *OPTIMIZERS)
    options["dtype"] = "float32"
    wide = options | {"embed_dim": 16 * options["embed_dim"]}
    batch = int(rng.integers(16, 64))
    check(lambda: kind(**wide), batch, recompute, optimizer, rng, narrow=lambda: kind(**options))


@pytest.mark.sampled(every=0, rest=8)
@pytest.mark.parametrize("number", range(FEW))
def test_peaks(number):
    check_drawn(number)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(FEW, CONFIGURATIONS))
def test_peaks_of_more_configurations(number):
    check_drawn(number)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (kind, _) in PRESETS.items() if kind is ViT and "_32" in name])
def test_peaks_of_presets(name):
    check(lambda: mv.create_model(name), 48, "none", "adamw", np.random.default_rng(0))


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("batch", [1, 7, SHARD_SIZE, 17, 18, 32, 33, 48, 49, 83])
def test_a_few_shards_tell_how_much_all_need(batch):
    """A step and a prediction are run in few shards; what they say of all is what all of them need."""
    options = {"img_size": (8, 12), "patch_size": 4, "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 500}
    estimate = mv.cost.estimate(ViT(**options), batch=batch)
    training, prediction = (
        Scene(ViT(**options), batch, 1, optimizer=OPTIMIZERS["adamw"]),
        Scene(ViT(**options), batch, 1),
    )
    training.in_shards(Classification(), ())
    prediction.predict()
    assert estimate.peak_training_bytes == training.tally.peak
    assert estimate.peak_inference_bytes == prediction.tally.peak
