"""A linear probe: the one answer of a convex problem, in the features' own units."""

import numpy as np
import pytest

from minivit.ops import cross_entropy_forward, one_hot, softmax_forward
from minivit.train.probe import linear_probe
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
LABELS = np.arange(120) % 3
FEATURES = RNG.standard_normal((120, 5)) + 1.5 * np.eye(3, 5)[LABELS]


def objective(features, labels, probe, penalty):
    logits = features @ probe.weight + probe.bias
    loss, _ = cross_entropy_forward(logits, labels)
    weight = probe.weight * features.std(0)[:, None]  # of the features that have variance 1
    return loss + penalty / 2 * (weight * weight).sum()


@pytest.mark.parametrize("penalty", [1e-4, 1e-2, 1.0])
def test_no_other_classifier_is_better(penalty):
    """Every gradient of the objective is zero, by the formula."""
    probe = linear_probe(FEATURES, LABELS, penalty=penalty)
    x = (FEATURES - FEATURES.mean(0)) / FEATURES.std(0)
    wrong = (softmax_forward(FEATURES @ probe.weight + probe.bias)[0] - one_hot(LABELS, 3)) / len(x)
    dweight = x.T @ wrong + penalty * probe.weight * FEATURES.std(0)[:, None]
    assert np.abs(dweight).max() < 2e-5
    assert np.abs(wrong.sum(0)).max() < 2e-5
    best = objective(FEATURES, LABELS, probe, penalty)
    for _ in range(20):
        other = probe._replace(weight=probe.weight + 0.05 * RNG.standard_normal(probe.weight.shape))
        assert objective(FEATURES, LABELS, other, penalty) > best


def test_it_knows_what_can_be_known_and_no_more():
    probe = linear_probe(FEATURES, LABELS)
    fresh = RNG.standard_normal((3000, 5)) + 1.5 * np.eye(3, 5)[np.arange(3000) % 3]
    best = (fresh[:, :3].argmax(1) == np.arange(3000) % 3).mean()  # that of the true classes
    assert best - 0.03 < probe.accuracy(fresh, np.arange(3000) % 3) <= best + 0.01
    noise = RNG.standard_normal((3000, 5))
    assert (
        abs(linear_probe(noise[:1500], np.arange(1500) % 3).accuracy(noise[1500:], np.arange(1500) % 3) - 1 / 3) < 0.05
    )


def test_units_do_not_matter():
    units, zero = 10.0 ** np.arange(-2, 3), 100 * RNG.standard_normal(5)
    plain, scaled = linear_probe(FEATURES, LABELS), linear_probe(FEATURES * units + zero, LABELS)
    np.testing.assert_allclose(scaled.weight * units[:, None], plain.weight, atol=1e-3)
    other = RNG.standard_normal((200, 5))
    answers = np.arange(200) % 3
    assert abs(scaled.accuracy(other * units + zero, answers) - plain.accuracy(other, answers)) <= 0.01


def test_float32_and_a_feature_that_is_always_the_same():
    x = np.concatenate((FEATURES, np.full((120, 1), 7.0)), axis=1).astype(np.float32)
    probe = linear_probe(x, LABELS)
    assert (probe.weight[5] == 0).all()
    assert probe.accuracy(x, LABELS) == linear_probe(FEATURES, LABELS).accuracy(FEATURES, LABELS)


def test_classes_that_a_plane_parts_have_an_answer():
    probe = linear_probe(np.array([[0.0], [1.0]]), np.array([0, 1]))
    assert np.isfinite(probe.weight).all()
    assert probe.accuracy(np.array([[-3.0], [4.0]]), np.array([0, 1])) == 1


@pytest.mark.parametrize(
    ("features", "labels", "penalty", "error", "message"),
    [
        (FEATURES[:0], LABELS[:0], 1e-4, ValueError, "linear_probe: there are no features"),
        (FEATURES, LABELS - 1, 1e-4, ValueError, "linear_probe: label -1 is out of range"),
        (FEATURES, LABELS / 2, 1e-4, TypeError, "linear_probe: labels has dtype float64; expected integers"),
        (FEATURES, LABELS[1:], 1e-4, ValueError, r"linear_probe: labels has shape \(119,\)"),
        (FEATURES * np.inf, LABELS, 1e-4, ValueError, "linear_probe: features are not all finite"),
        (FEATURES, LABELS, 0.0, ValueError, "linear_probe: penalty is 0.0; expected above 0"),
        (FEATURES.tolist(), LABELS, 1e-4, TypeError, "linear_probe: features is .*; expected a NumPy array"),
    ],
)
def test_wrong_arguments(features, labels, penalty, error, message):
    with pytest.raises(error, match=f"^{message}"):
        without_annotations(linear_probe)(features, labels, penalty=penalty)
