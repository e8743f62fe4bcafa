import sys
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.signal import find_peaks

from minivit.data import LabeledSounds, draw_sounds, load_dataset, sounds
from minivit.data.names import NAMES
from minivit.data.sounds import CLASSES, KINDS, LENGTH, SR, _ordered, _way
from minivit.data.source import summary
from tests.sampled import REST

INT64: Any = np.int64


def test_the_same_seed_gives_the_same_bytes_in_any_number():
    many, many_labels = draw_sounds(170, rng=np.random.default_rng(3))
    for n in (7, 155):
        few, few_labels = draw_sounds(n, rng=np.random.default_rng(3))
        np.testing.assert_array_equal(many[:n], few)
        np.testing.assert_array_equal(many_labels[:n], few_labels)
    other, _ = draw_sounds(7, rng=np.random.default_rng(4))
    assert (other != many[:7]).any(1).all()


def test_a_second_call_draws_new_sounds():
    rng = np.random.default_rng(0)
    assert not np.array_equal(draw_sounds(10, rng=rng)[0], draw_sounds(10, rng=rng)[0])


def test_the_data_set():
    dataset = sounds(150, 300, seed=1)
    assert isinstance(dataset.train, LabeledSounds)
    assert dataset.train.waves.shape == (150, LENGTH)
    assert dataset.test.waves.shape == (300, LENGTH)
    assert dataset.train.waves.dtype == np.int16
    assert (dataset.sr, dataset.mean, dataset.std) == (SR, (), ())
    assert len(dataset.class_names) == 15
    assert np.bincount(dataset.train.labels).tolist() == [10] * 15
    both = np.concatenate([dataset.train.waves, dataset.test.waves])
    assert len(np.unique(both, axis=0)) == 450  # no sound twice, none in both splits


def test_by_name(monkeypatch):
    assert "sounds" in NAMES
    monkeypatch.setattr(sys.modules["minivit.data.names"], "sounds", lambda *, seed: sounds(20, 15, seed=seed))
    dataset = load_dataset("sounds", seed=5)
    np.testing.assert_array_equal(dataset.test.waves, sounds(20, 15, seed=5).test.waves)
    assert list(summary(dataset))[:2] == [
        "sounds: 1 s at 8,000 Hz, 15 classes",
        "train: 20 sounds, 0 to 4 of a class",
    ]
    with pytest.raises(ValueError, match="img_size is for images; sounds have none"):
        load_dataset("sounds", img_size=32)


def test_numbers_of_numpy():
    drawn, _ = draw_sounds(INT64(3), rng=np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, draw_sounds(3, rng=np.random.default_rng(0))[0])
    np.testing.assert_array_equal(sounds(INT64(2), 1, seed=INT64(5)).train.waves, sounds(2, 1, seed=5).train.waves)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sounds(3, 3, seed=-1), "seed is -1; expected at least 0"),
        (lambda: sounds(0, 3), "sounds: n_train is 0; expected at least 1"),
        (lambda: sounds(3, -(10**30)), "sounds: n_test is -1000.*; expected at least 1"),
        (lambda: draw_sounds(0, rng=np.random.default_rng(0)), "draw_sounds: n is 0; expected at least 1"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("n", [10**12, 10**25])
def test_more_than_there_is_memory(n):
    with pytest.raises(
        (MemoryError, ValueError), match=r"Unable to allocate|Maximum allowed dimension|too (big|large)"
    ):
        draw_sounds(n, rng=np.random.default_rng(0))


def test_a_smaller_set_is_the_beginning_of_a_larger_one_and_the_splits_are_independent():
    small, large = sounds(20, 10, seed=2), sounds(30, 15, seed=2)
    for few, many in ((small.train, large.train), (small.test, large.test)):
        np.testing.assert_array_equal(few.waves, many.waves[: len(few)])
        np.testing.assert_array_equal(few.labels, many.labels[: len(few)])
    assert (small.train.waves[:10] != small.test.waves).any(1).all()


def test_levels_lie_where_they_are_said_to_and_nothing_is_clipped():
    waves, _ = draw_sounds(150, rng=np.random.default_rng(1))
    loudest = 20 * np.log10(np.abs(waves.astype(float)).max(1) / 32_767)
    assert -20.01 < loudest.min() < -17
    assert -4 < loudest.max() < -0.99


@pytest.mark.parametrize("order", range(3))
def test_each_way_spends_the_same_time_everywhere(order):
    """For a list of things, exactly; for a movement, in each tenth of what it moves through."""
    things = np.array([1.0, 2, 4, 8, 16, 32, 64])
    np.testing.assert_array_equal(np.sort(_ordered(order, things)), things)
    counts, _ = np.histogram(_way(order, 1000), 10, (0, 1))
    np.testing.assert_allclose(counts, 100, atol=2)


def heard(kind: int, sound: np.ndarray) -> list[float]:
    """What moves in a sound of this kind, at its beginning, in the middle, and at its end."""
    parts = [np.array_split(sound, 5)[i] for i in (0, 2, 4)]
    if kind == 3:
        return [float(part.std()) for part in parts]
    if kind == 4:
        starts, _ = find_peaks(np.abs(sound), height=0.5 * sound.max(), distance=200)
        rates = 1 / np.diff(starts)
        return [rates[0], rates[3], rates[-1]]
    power = np.abs([np.fft.rfft(part, SR) for part in parts]) ** 2  # a number for each hertz
    if kind == 2:  # whose harmonics may be stronger than the note itself: the first period after which it is alike
        alike = np.fft.irfft(power)[:, SR // 780 : SR // 170]
        return [1 / (SR // 780 + float((row > 0.9 * row.max()).argmax())) for row in alike]
    if kind == 1:  # the second formant is what moves most between a and i
        frequencies = np.arange(900, 2700)
        return [float(row[900:2700] @ frequencies / row[900:2700].sum()) for row in power]
    return [float(row[100:].argmax()) for row in power]


@pytest.mark.parametrize("kind", range(5))
def test_a_sound_moves_as_its_name_says(kind):
    rng = np.random.default_rng(2)
    for order, signs in enumerate(([1, 1], [-1, -1], [1, -1])):
        for _ in range(4):
            assert np.sign(np.diff(heard(kind, KINDS[kind](order, rng)))).tolist() == signs, CLASSES[kind][order]


class Extreme(np.random.Generator):
    """Of the numbers drawn from a range, the first ones are its ends: these, 0 for the lower one."""

    def __init__(self, ends: tuple[int, ...]) -> None:
        super().__init__(np.random.PCG64(0))
        self.ends = iter(ends)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        end = None if size else next(self.ends, None)
        return super().uniform(low, high, size) if end is None else (low, high)[end]


@pytest.mark.parametrize(("kind", "order"), [*product(range(len(KINDS)), range(3))])
def test_the_longest_sound_of_a_kind_fits(kind, order):
    for ends in product((0, 1), repeat=2):
        assert SR * 0.4 < len(KINDS[kind](order, Extreme(ends))) <= LENGTH


def log_spectrum(waves: np.ndarray, parts: int) -> np.ndarray:
    """Logarithm of the power spectrum, averaged over time in each of so many parts."""
    frames = np.lib.stride_tricks.sliding_window_view(waves / np.float32(32_768), 128, axis=1)[:, ::128]
    power = np.abs(np.fft.rfft(frames * np.hanning(128).astype(np.float32))) ** 2  # (N, frames, 65)
    return np.concatenate([np.log(part + 1e-8).mean(1) for part in np.array_split(power, parts, axis=1)], 1)


def accuracy_of_logistic_regression(x: np.ndarray, labels: np.ndarray, test_x: np.ndarray, test: np.ndarray) -> float:
    mean, std = x.mean(0), x.std(0)
    x, test_x = (np.c_[(a - mean) / std, np.ones(len(a))] for a in (x, test_x))
    targets = np.eye(15)[labels]

    def loss(flat):
        weights = flat.reshape(-1, 15)
        logits = x @ weights
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        value = -np.log((p * targets).sum(1)).mean() + 0.005 * (weights**2).sum()
        return value, (x.T @ (p - targets) / len(x) + 0.01 * weights).ravel()

    found = minimize(loss, np.zeros(x.shape[1] * 15), jac=True, method="L-BFGS-B", options={"maxiter": 50})
    return float(((test_x @ found.x.reshape(-1, 15)).argmax(1) == test).mean())


@REST
def test_who_has_no_sense_of_time_fails():
    """On the mean spectrum about a third; the same classifier on three parts of the second: more than two thirds."""
    dataset = sounds(900, 600)
    scores = {}
    for parts in (1, 3):
        x, test_x = (log_spectrum(split.waves, parts) for split in (dataset.train, dataset.test))
        scores[parts] = accuracy_of_logistic_regression(x, dataset.train.labels, test_x, dataset.test.labels)
    assert 0.25 < scores[1] < 0.4
    assert scores[3] > 0.65


def test_fifteen_names_in_five_rows():
    assert [len(kind) for kind in CLASSES] == [3] * 5
    assert len({name for kind in CLASSES for name in kind}) == 15
