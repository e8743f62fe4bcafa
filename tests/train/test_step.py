"""The sharded step: the gradient of the whole batch, the same bits from any number of threads, and what goes wrong."""

import platform
import subprocess
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit.models import ResNet
from minivit.ops import cross_entropy_backward, cross_entropy_forward
from minivit.tasks import Classification
from minivit.threads import _blas_libraries, one_blas_thread, run_in_threads
from minivit.train import SGD, AdamW, clip_grad_norm, predict, training_step
from minivit.train.step import SHARD_SIZE, shards_of
from tests.sampled import REST
from tests.train.small import assert_same_bits, small_batch, small_model

Run = tuple[dict[str, np.ndarray], list[float]]  # what is left of a training, and its losses


def soft(labels: np.ndarray, dtype: str = "float64") -> np.ndarray:
    """What mixup makes of labels."""
    targets = np.eye(5)[labels]
    return (0.7 * targets + 0.3 * targets[::-1]).astype(dtype)


@pytest.mark.parametrize("B", [1, SHARD_SIZE, 2 * SHARD_SIZE + 3, 10 * SHARD_SIZE + 5])
@pytest.mark.parametrize("kind", ["labels", "soft targets"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_shards_add_up_to_the_whole_batch(B: int, kind: str, label_smoothing: float) -> None:
    images, labels = small_batch(B, "float64")
    targets = labels if kind == "labels" else soft(labels)
    images.flags.writeable = targets.flags.writeable = False
    model, whole = small_model(dtype="float64"), small_model(dtype="float64")
    logits, c_model = whole.forward(images)
    loss, c_loss = cross_entropy_forward(logits, targets, label_smoothing=label_smoothing)
    whole.backward(cross_entropy_backward(np.ones_like(loss), c_loss).logits, c_model)

    ours = training_step(
        model,
        images,
        targets,
        optimizer=SGD(model, lr=0.1),
        task=Classification(label_smoothing=label_smoothing),
        threads=2,
    )
    assert ours == pytest.approx(float(loss), rel=1e-12)
    for (name, param), expected in zip(model.named_params().items(), whole.params, strict=True):
        atol = 1e-12 * np.abs(expected.grad).max()
        np.testing.assert_allclose(param.grad, expected.grad, rtol=1e-12, atol=atol + 1e-16, err_msg=name)
        np.testing.assert_array_equal(param.value, expected.value - 0.1 * param.grad, err_msg=name)


def test_no_sample_is_alone_in_its_shard() -> None:
    """Batch normalisation of a last map of 1 x 1 has then more than a single number for each channel."""
    for count in range(2, 100):
        sizes = [shard.stop - shard.start for shard in shards_of(count)]
        assert sum(sizes) == count
        assert min(sizes) > 1
        assert {*sizes[:-1]} <= {SHARD_SIZE}
        assert sizes[-1] <= SHARD_SIZE + (count % SHARD_SIZE == 1)
    for many in (1, 2, 8):
        assert shards_of(many * SHARD_SIZE) == [slice(SHARD_SIZE * i, SHARD_SIZE * (i + 1)) for i in range(many)]
    assert shards_of(1) == [slice(0, 1)]


@pytest.mark.parametrize("B", [SHARD_SIZE + 1, 3 * SHARD_SIZE + 1])
def test_one_image_more_than_whole_shards_have_of_a_network_that_ends_in_a_single_place(B: int) -> None:
    images = np.random.default_rng(0).standard_normal((B, 4, 4, 3)).astype("float32")
    runs = []
    for threads in (1, 3):
        model = ResNet(
            img_size=4, num_classes=5, layers=(1, 1, 1), channels=(4, 6, 8), stem="3x3", stem_chans=3, dtype="float32"
        )
        losses = [
            training_step(model, images, np.arange(B) % 5, optimizer=SGD(model, lr=0.1), threads=threads)
            for _ in range(2)
        ]
        runs.append(model.state_dict() | {"losses": np.array(losses), "outputs": predict(model, images)})
    assert_same_bits(*runs)


def test_the_gradient_is_that_of_this_step_alone() -> None:
    images, labels = small_batch(SHARD_SIZE + 2)
    model = small_model()
    training_step(model, images, labels, optimizer=SGD(model, lr=0.0))
    first = {name: param.grad.copy() for name, param in model.named_params().items()}
    training_step(model, images, labels, optimizer=SGD(model, lr=0.0))
    assert_same_bits(first, {name: param.grad for name, param in model.named_params().items()})


def test_the_gradient_is_clipped() -> None:
    images, labels = small_batch(SHARD_SIZE + 2, "float64")
    model = small_model(dtype="float64")
    training_step(model, images, labels, optimizer=SGD(model), clip_norm=0.01)
    assert np.sqrt(sum((param.grad**2).sum() for param in model.params)) == pytest.approx(0.01, rel=1e-4)


def three_steps(threads: int | None, seed: int = 0) -> Run:
    images, labels = small_batch(10 * SHARD_SIZE + 5)
    model = small_model(drop_path_rate=0.5, drop_rate=0.2, proj_drop_rate=0.2, pos_drop_rate=0.2)
    optimizer = AdamW(model)
    rng = np.random.default_rng(seed)
    step = {
        "optimizer": optimizer,
        "clip_norm": 1.0,
        "task": Classification(label_smoothing=0.1),
        "rng": rng,
        "threads": threads,
    }
    losses = [training_step(model, images, labels, **step) for _ in range(3)]
    return {**model.state_dict(), **optimizer.state_dict()}, losses


@pytest.fixture(scope="module")
def one_thread() -> Run:
    return three_steps(1)


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("threads", [2, 3, 4, 20, None])
def test_threads_change_no_bit(threads: int | None, one_thread: Run) -> None:
    expected, losses = one_thread
    state, same_losses = three_steps(threads)
    assert_same_bits(state, expected)
    assert same_losses == losses


def test_the_generator_changes_the_result(one_thread: Run) -> None:
    """Otherwise the test before this one would prove nothing about dropout."""
    assert one_thread[1] != three_steps(1, seed=1)[1]


def test_shards_draw_their_own_noise() -> None:
    """The same shard twice, dropout on: two losses."""
    images, labels = small_batch(SHARD_SIZE)
    twice, once = small_model(drop_rate=0.5), small_model(drop_rate=0.5)
    rngs = np.random.default_rng(0), np.random.default_rng(0)
    loss = training_step(once, images, labels, optimizer=SGD(once), rng=rngs[0])
    images, labels = np.concatenate([images, images]), np.concatenate([labels, labels])
    assert training_step(twice, images, labels, optimizer=SGD(twice), rng=rngs[1]) != pytest.approx(loss, rel=1e-3)


def test_a_prediction_does_not_depend_on_its_neighbours() -> None:
    images, _ = small_batch(SHARD_SIZE)
    wild = images.copy()
    wild[1] *= 1e4
    model = small_model()
    model.named_params()["blocks.0.attn.qkv.weight"].value *= 30  # scores so large that softmax has to shift them
    expected, got = predict(model, images), predict(model, wild)
    assert not np.array_equal(got[1], expected[1])
    np.testing.assert_array_equal(np.delete(got, 1, 0), np.delete(expected, 1, 0))


def blas_threads() -> list[int]:
    """Of each BLAS that a step has found; another one may have been loaded since, which no step uses."""
    return [library["num_threads"] for library in _blas_libraries().select(user_api="blas").info()]


def test_two_trainings_at_once_are_two_trainings(one_thread: Run) -> None:
    """The number of BLAS threads belongs to the process: who comes second must not set it free for the first."""
    before, (expected, losses) = blas_threads(), one_thread
    with ThreadPoolExecutor(3) as pool:
        for state, same_losses in pool.map(three_steps, [1, 2, 1]):
            assert_same_bits(state, expected)
            assert same_losses == losses
    assert blas_threads() == before


def test_the_number_of_blas_threads_is_put_back_by_the_last_one() -> None:
    with threadpool_limits(2, "blas"):
        before, inside = blas_threads(), [1] * len(blas_threads())
        assert 2 in before
        first, second = one_blas_thread(), one_blas_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert blas_threads() == inside
        second.__exit__(None, None, None)
        assert blas_threads() == before
        for _ in range(2):  # an error that somebody keeps, as a notebook does, keeps no limit
            with pytest.raises(ZeroDivisionError) as kept:
                list(run_in_threads(lambda x: 1 // x, [1, 0], threads=2))
            assert kept.tb is not None
            assert blas_threads() == before


def test_without_a_number_there_are_as_many_threads_as_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's limit counts, too."""
    monkeypatch.setattr("minivit.threads.available_processors", lambda: 3)
    barrier = threading.Barrier(3, timeout=30)
    assert len(list(run_in_threads(lambda x: barrier.wait(), range(3), threads=None))) == 3


STORED = """
1.6226275776474095 1.5887271803008434 1.5618707337578863 1.5355200676874308 1.514919502508031
1.491477638990577 1.4676915480031187 1.4418530799768619 1.414516868642081 1.3862926637232178
"""


def test_a_stored_run_of_ten_steps() -> None:
    """Any change of the mathematics, of the initial values or of the optimizer shows here."""
    images, labels = small_batch(19, "float64")
    model = small_model(dtype="float64")
    optimizer = AdamW(model, lr=3e-3)
    task = Classification(label_smoothing=0.1)
    step = {"optimizer": optimizer, "task": task, "clip_norm": 1.0}
    losses = [training_step(model, images, labels, **step) for _ in range(10)]
    np.testing.assert_allclose(losses, np.array(STORED.split(), float), rtol=0, atol=1e-9)


def test_numpys_numbers_as_options() -> None:
    def losses(number: Any) -> list[float]:
        images, labels = small_batch(19)
        model = small_model(drop_rate=number(0.5), drop_path_rate=number(0.1), mlp_ratio=number(2))
        optimizer = AdamW(model, lr=number(1e-3), betas=(number(0.9), number(0.99)), weight_decay=number(0.05))
        options = {
            "task": Classification(label_smoothing=number(0.1)),
            "clip_norm": number(1),
            "rng": np.random.default_rng(0),
        }
        steps = [training_step(model, images, labels, optimizer=optimizer, **options) for _ in range(2)]
        assert {array.dtype.name for array in optimizer.state.values()} == {"float32"}
        return steps

    assert losses(np.float64) == losses(float)


# What goes wrong.


@pytest.mark.parametrize("clip_norm", [-1.0, 0.0, np.nan, -np.inf])
def test_a_norm_to_clip_at_is_positive(clip_norm: float) -> None:
    """-1 would turn every gradient round, nan would switch clipping off."""
    model = small_model()
    before = model.state_dict()
    with pytest.raises(ValueError, match=f"clip_norm is {clip_norm}; expected above 0"):
        training_step(model, *small_batch(3), optimizer=SGD(model), clip_norm=clip_norm)
    assert_same_bits(model.state_dict(), before)
    with pytest.raises(ValueError, match=r"max_norm is .*; expected above 0"):
        clip_grad_norm(model.params, -1.0)


def test_the_optimizer_is_that_of_the_model() -> None:
    images, labels = small_batch(3)
    model = small_model()
    with pytest.raises(ValueError, match="training_step: the optimizer was made for another model"):
        training_step(model, images, labels, optimizer=SGD(small_model()))
    before = model.state_dict()
    training_step(model, images, labels, optimizer=SGD(model.head))  # type: ignore[arg-type]
    changed = {name for name, value in model.state_dict().items() if not np.array_equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}


def test_one_label_may_be_one_number() -> None:
    images, labels = small_batch(1)
    one, other = small_model(), small_model()
    loss = training_step(one, images, labels, optimizer=SGD(one))
    assert training_step(other, images, labels[0], optimizer=SGD(other)) == loss


def test_predict_says_what_it_wants() -> None:
    images: Any = small_batch(3)[0].tolist()
    with pytest.raises(TypeError, match=r"predict: inputs is .*; expected ndarray or tuple"):
        predict(small_model(), images)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"task": "classification"}, TypeError, "task is 'classification'; expected Task or None"),
        ({"threads": 1.5}, TypeError, "training_step: threads is 1.5; expected int or None"),
        ({"rng": 0}, TypeError, "training_step: rng is 0; expected Generator or None"),
        ({"clip_norm": "1"}, TypeError, "training_step: clip_norm is '1'; expected float or None"),
    ],
)
def test_options_are_checked_where_they_enter(options: dict[str, Any], error: Any, message: str) -> None:
    model = small_model()
    with pytest.raises(error, match=message):
        training_step(model, *small_batch(3), optimizer=SGD(model), **options)
    labels: Any = [1]
    with pytest.raises(TypeError, match=r"labels is \[1\]; expected ndarray"):
        training_step(model, small_batch(1)[0], labels, optimizer=SGD(model))


def attempt(model, images: np.ndarray, labels: np.ndarray, message: str) -> None:
    """One step must fail with this message and change nothing."""
    optimizer = AdamW(model)
    before = model.state_dict() | optimizer.state_dict()
    with pytest.raises(FloatingPointError, match=message):
        training_step(model, images, labels, optimizer=optimizer, threads=2)
    assert_same_bits(model.state_dict() | optimizer.state_dict(), before)


@pytest.mark.parametrize("name", ["patch_embed.proj.weight", "pos_embed", "blocks.1.norm2.bias", "head.weight"])
def test_a_nan_in_a_parameter_is_named(name: str) -> None:
    model = small_model()
    model.named_params()[name].value.flat[3] = np.nan
    attempt(model, *small_batch(SHARD_SIZE + 2), f"the loss is nan: parameter {name} is not finite")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_nan_in_an_image_is_named(bad: float) -> None:
    images, labels = small_batch(SHARD_SIZE + 2)
    images[-1, 1, 2, 0] = bad  # in the second shard
    attempt(small_model(), images, labels, "the loss is nan: the inputs are not finite")


def test_an_overflow_inside_is_named() -> None:
    model = small_model()
    model.blocks[1].attn.qkv.weight.value[...] *= 1e25  # type: ignore[union-attr]
    place = r"the first place that is not finite is blocks\.1\.attn\.attention"
    attempt(model, *small_batch(SHARD_SIZE + 2), f"the loss is nan: {place}")


def test_an_overflow_is_named_where_others_are_dropped() -> None:
    """What is run again to find the place drops the same numbers: else nothing may overflow any more."""
    for seed in range(8):
        model = small_model(drop_path_rate=0.5)
        model.blocks[1].attn.qkv.weight.value[...] *= 1e25  # type: ignore[union-attr]
        images, labels = small_batch(2)
        before = model.state_dict()
        try:
            training_step(model, images, labels, optimizer=AdamW(model), rng=np.random.default_rng(seed))
        except FloatingPointError as error:
            assert "the first place that is not finite is blocks.1" in str(error)  # noqa: PT017 (some are all dropped)
        else:
            assert any(not np.array_equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_nan_in_a_gradient_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss is finite, its backward is not: as a student's own backward may be."""
    from minivit.layers.basic import Linear

    right = Linear.backward

    def wrong(self: Linear, dy: np.ndarray, cache: object) -> np.ndarray:
        dx = right(self, dy, cache)  # type: ignore[arg-type]
        if dy.shape[-1] == 5:  # the head
            self.weight.grad[0, 0] = np.nan
        return dx

    monkeypatch.setattr(Linear, "backward", wrong)
    attempt(small_model(), *small_batch(SHARD_SIZE + 2), "the gradient is nan: .* is head.weight")


def test_an_exploding_learning_rate_is_noticed() -> None:
    images, labels = small_batch(SHARD_SIZE + 2)
    model = small_model()
    optimizer = SGD(model, lr=1e30)
    training_step(model, images, labels, optimizer=optimizer)
    before = model.state_dict()
    with pytest.raises(FloatingPointError, match="is not finite"):
        training_step(model, images, labels, optimizer=optimizer)
    assert_same_bits(model.state_dict(), before)


def test_an_empty_batch() -> None:
    images, labels = small_batch(0)
    model = small_model()
    with pytest.raises(ValueError, match="0 inputs and 0 targets; expected as many, at least one"):
        training_step(model, images, labels, optimizer=SGD(model))


def test_images_and_labels_of_different_number() -> None:
    images, labels = small_batch(SHARD_SIZE + 2)
    model = small_model()
    with pytest.raises(ValueError, match=rf"{SHARD_SIZE + 2} inputs and 8 targets"):
        training_step(model, images, labels[:8], optimizer=SGD(model))


@pytest.mark.parametrize("label", [-1, 5])
def test_a_label_out_of_range(label: int) -> None:
    images, labels = small_batch(SHARD_SIZE + 2)
    labels[-1] = label
    model = small_model()
    before = model.state_dict()
    with pytest.raises(ValueError, match=f"label {label} is out of range; expected 0 to 4"):
        training_step(model, images, labels, optimizer=SGD(model))
    assert_same_bits(model.state_dict(), before)


def test_no_threads() -> None:
    model = small_model()
    with pytest.raises(ValueError, match="threads is 0; expected at least 1"):
        training_step(model, *small_batch(SHARD_SIZE + 2), optimizer=SGD(model), threads=0)


@pytest.mark.parametrize("allowed", [0, 1])
def test_where_no_thread_can_be_started(allowed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the system limits how many a user may have."""
    model, started, right = small_model(), [], threading.Thread.start

    def start(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) > allowed:
            raise RuntimeError("can't start new thread")
        right(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    before = model.state_dict()
    with pytest.raises(OSError, match=r"can't start new thread; threads=1 \(--threads 1\) needs none$"):
        training_step(model, *small_batch(4 * SHARD_SIZE), optimizer=SGD(model), threads=3)
    assert_same_bits(model.state_dict(), before)


@pytest.mark.parametrize("B", [1, SHARD_SIZE, 2 * SHARD_SIZE + 3])
def test_predict_is_forward(B: int) -> None:
    images, _ = small_batch(B, "float64")
    model = small_model(dtype="float64", drop_rate=0.5)
    expected, _ = model.forward(images)
    np.testing.assert_allclose(predict(model, images, threads=1), expected, rtol=0, atol=1e-13)
    assert predict(model, images, threads=3).tobytes() == predict(model, images, threads=1).tobytes()


def test_predict_keeps_nothing_for_backward() -> None:
    images, _ = small_batch(SHARD_SIZE)
    model = small_model(depth=24)
    kept = mv.nbytes(model.forward(images)[1])
    predict(model, images, threads=1)  # what is taken once is taken now
    tracemalloc.start()
    predict(model, images, threads=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < kept / 4


def test_predict_before_the_first_step() -> None:
    """The initial values are drawn once, not by several threads at a time."""
    images, _ = small_batch(5 * SHARD_SIZE)
    assert predict(small_model(), images, threads=4).tobytes() == predict(small_model(), images, threads=1).tobytes()


PAGE_FAULTS = """
import resource, numpy as np, minivit as mv
model = mv.create_model("vit_tiny_patch4_32")
images, optimizer = np.zeros((32, 32, 32, 3), np.float32), mv.train.SGD(model)
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    mv.train.training_step(model, images, np.arange(32) % 10, optimizer=optimizer, threads=1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(*[faults() for _ in range(4)])
"""


@REST
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about the memory of glibc")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    done = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True)
    first, *_, last = map(int, done.stdout.split())
    assert last < first / 20
