import numpy as np
import pytest

from minivit.ops import (
    cross_entropy_backward,
    cross_entropy_forward,
    l1_backward,
    l1_forward,
    least_cross_entropy,
    mse_forward,
    one_hot,
    softmax_forward,
)

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.standard_normal((3, 5)), np.array([4, 0, 2])


def test_cross_entropy_is_the_mean_of_minus_log_probability():
    probs, _ = softmax_forward(LOGITS)
    loss, _ = cross_entropy_forward(LOGITS, LABELS)
    np.testing.assert_allclose(loss, -np.mean([np.log(probs[n, label]) for n, label in enumerate(LABELS)]))


def test_equal_logits_cost_the_log_of_the_number_of_classes():
    np.testing.assert_allclose(cross_entropy_forward(np.zeros((3, 5)), LABELS)[0], np.log(5))


def test_labels_stand_for_a_one_in_their_place():
    assert cross_entropy_forward(LOGITS, LABELS)[0] == cross_entropy_forward(LOGITS, np.eye(5)[LABELS])[0]


@pytest.mark.parametrize("shape", [(), (7,), (3, 2), (0,)])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_one_hot(shape, dtype):
    labels = np.random.default_rng(1).integers(0, 5, shape).astype(dtype)
    rows = one_hot(labels, 5)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, np.eye(5)[labels.astype(int)])


def test_one_hot_of_what_is_no_class():
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=f"label {bad} is out of range; expected 0 to 2 for 3 classes"):
            one_hot(np.array([0, bad]), 3)
    with pytest.raises(TypeError, match="labels have dtype float64; expected integers"):
        one_hot(np.array([0.0, 1.0]), 3)


def test_label_smoothing_mixes_in_the_uniform_distribution():
    smooth, _ = cross_entropy_forward(LOGITS, LABELS, label_smoothing=0.1)
    soft, _ = cross_entropy_forward(LOGITS, 0.9 * np.eye(5)[LABELS] + 0.1 / 5)
    np.testing.assert_allclose(smooth, soft, rtol=1e-12)


def test_gradient_is_what_was_said_minus_what_is_true():
    _, cache = cross_entropy_forward(LOGITS, LABELS)
    expected = (softmax_forward(LOGITS)[0] - np.eye(5)[LABELS]) / 3
    np.testing.assert_allclose(cross_entropy_backward(np.float64(1), cache).logits, expected, atol=1e-15)


def test_mse_and_l1():
    x, target = np.array([[1.0, 2.0, 5.0]]), np.array([[1.0, 4.0, 1.0]])
    assert mse_forward(x, target)[0] == 20 / 3
    loss, cache = l1_forward(x, target)
    assert loss == 2
    np.testing.assert_array_equal(l1_backward(np.float64(3), cache).x, [[0, -1, 1]])


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (np.ones((3, 4)), ValueError, r"soft targets \(3, 4\) must have the shape of logits \(3, 5\)"),
        (np.array([1, 2]), ValueError, r"labels \(2,\) do not fit logits \(3, 5\)"),
        (np.array([1, 2, 5]), ValueError, "label 5 is out of range; expected 0 to 4 for 5 classes"),
        (np.array([1, -1, 2]), ValueError, "label -1 is out of range"),
        (np.array([True, False, True]), TypeError, "targets have dtype bool; expected class numbers or probabilities"),
    ],
)
def test_wrong_targets(targets, error, message):
    with pytest.raises(error, match=message):
        cross_entropy_forward(LOGITS, targets)


def test_wrong_label_smoothing():
    with pytest.raises(ValueError, match=r"label_smoothing is 1\.5; expected a number from 0 to 1"):
        cross_entropy_forward(LOGITS, LABELS, label_smoothing=1.5)


@pytest.mark.parametrize("forward", [mse_forward, l1_forward])
def test_shapes_are_never_broadcast(forward):
    with pytest.raises(ValueError, match=r"target has shape \(3, 1\); expected \(..., D\), with D as in x"):
        forward(LOGITS, LOGITS[:, :1])


def test_what_cannot_be_counts_for_nothing():
    """0 log 0 is 0: a forbidden class costs nothing where it is not the target, and everything where it is."""
    logits = np.array([[0, -np.inf, 1]])
    loss, cache = cross_entropy_forward(logits, np.array([0]))
    np.testing.assert_allclose(loss, np.log(1 + np.e), rtol=1e-15)  # 1.313262
    np.testing.assert_allclose(
        cross_entropy_backward(1.0, cache).logits, softmax_forward(logits)[0] - [[1, 0, 0]], atol=1e-15
    )
    assert cross_entropy_forward(logits, np.array([1]))[0] == np.inf
    assert cross_entropy_forward(logits, np.array([0]), label_smoothing=0.1)[0] == np.inf


def test_one_hot_says_what_it_wants():
    with pytest.raises(TypeError, match=r"one_hot: labels is \[1\], of type list; expected a NumPy array"):
        one_hot([1], 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"one_hot: num_classes is 2\.5; expected int"):
        one_hot(LABELS, 2.5)  # type: ignore[arg-type]


def test_a_mean_over_nothing_is_no_number():
    with pytest.raises(ValueError, match="there is nothing to take a mean of, the arguments have no rows"):
        cross_entropy_forward(LOGITS[:0], LABELS[:0])
    for forward in (mse_forward, l1_forward):
        with pytest.raises(ValueError, match=r"(mse|l1): there is nothing to take a mean of"):
            forward(LOGITS[:0], LOGITS[:0])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5, 1.0])
def test_no_cross_entropy_with_smoothed_targets_is_lower(smoothing):
    """It is that of logits which say what the targets say, and of no others."""
    least = least_cross_entropy(5, smoothing)
    said = np.log(np.maximum((1 - smoothing) * np.eye(5)[LABELS] + smoothing / 5, 1e-300))
    np.testing.assert_allclose(cross_entropy_forward(said, LABELS, label_smoothing=smoothing)[0], least, atol=1e-15)
    assert cross_entropy_forward(LOGITS, LABELS, label_smoothing=smoothing)[0] > least
    for class_ in range(5):
        said[:, class_] += 0.1
        assert cross_entropy_forward(said, LABELS, label_smoothing=smoothing)[0] >= least
