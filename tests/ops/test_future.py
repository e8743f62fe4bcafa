"""What logits about future frames promise beyond what all ops do."""

import numpy as np
import pytest

from minivit.ops import future_logits_backward, future_logits_forward, future_pairs, other_frames

RNG = np.random.default_rng(0)
B, T, K, D, N = 2, 9, 4, 3, 5
H, Z = RNG.standard_normal((B, T, K, D)), RNG.standard_normal((B, T, D))
DISTRACTORS = RNG.integers(0, T, (B, T, N))


def by_definition(h, z, distractors, offset):
    """Pair after pair, frame after frame."""
    logits = []
    for k in range(h.shape[2]):
        for t in range(h.shape[1] - offset - k):
            j = t + offset + k
            logits.append([[h[b, t, k] @ z[b, i] for i in (j, *distractors[b, j])] for b in range(len(h))])
    return np.array(logits).swapaxes(0, 1)


@pytest.mark.parametrize("offset", [1, 3, 6, 8])
def test_the_definition(offset):
    logits, _ = future_logits_forward(H, Z, DISTRACTORS, offset=offset)
    np.testing.assert_allclose(logits, by_definition(H, Z, DISTRACTORS, offset), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("frames", "steps", "offset"), [(9, 4, 1), (9, 4, 3), (9, 4, 8), (5, 7, 2), (3, 1, 1)])
def test_every_frame_that_something_is_said_of_is_a_pair(frames, steps, offset):
    step, about = future_pairs(frames, steps, offset)
    pairs = [(k, t + offset + k) for k in range(steps) for t in range(frames) if t + offset + k < frames]
    assert [*zip(step, about, strict=True)] == pairs


def test_other_frames_are_all_but_the_frame_itself():
    """Each once, if each number was drawn once; and nothing else is taken for a number that was drawn."""
    found = other_frames(np.tile(np.arange(6), (2, 7, 1)))
    for t in range(7):
        assert found[0, t].tolist() == [j for j in range(7) if j != t]
    np.testing.assert_array_equal(found[1], found[0])
    for wrong in (-1, 6):
        with pytest.raises(ValueError, match=f"other_frames: number {wrong} is out of range; expected 0 to 5"):
            other_frames(np.full((1, 7, 2), wrong))
    with pytest.raises(TypeError, match="other_frames: drawn"):
        other_frames(np.zeros((1, 7, 2)))


def test_no_sample_meets_another():
    """A frame of another sample, taken by a number that counts through the batch, is the classic mistake."""
    logits, cache = future_logits_forward(H, Z, DISTRACTORS, offset=2)
    for b in range(B):
        alone, _ = future_logits_forward(H[b : b + 1], Z[b : b + 1], DISTRACTORS[b : b + 1], offset=2)
        np.testing.assert_array_equal(alone[0], logits[b])
    dy = np.zeros_like(logits)
    dy[0] = 1
    dh, dz = future_logits_backward(dy, cache)
    assert dz[0].all()
    assert not dz[1].any()
    assert not dh[1].any()


def test_what_is_said_too_late_has_no_gradient():
    """Of the last frames nothing comes so many steps later; the first ones nothing was said of."""
    logits, cache = future_logits_forward(H, Z, np.full((B, T, N), 4), offset=3)
    dh, dz = future_logits_backward(np.ones_like(logits), cache)
    for k in range(K):
        assert dh[:, : T - 3 - k, k].all()
        assert not dh[:, T - 3 - k :, k].any()
    assert not dz[:, :3].any()
    assert dz[:, 3:].all()


def test_distractors_are_copied():
    """Whoever draws the next ones into the same array leaves the cache as it is."""
    chosen = DISTRACTORS.copy()
    logits, cache = future_logits_forward(H, Z, chosen, offset=2)
    before = future_logits_backward(logits, cache)
    chosen[...] = 0
    for grad, expected in zip(future_logits_backward(logits, cache), before, strict=True):
        np.testing.assert_array_equal(grad, expected)


@pytest.mark.parametrize(
    ("distractors", "offset", "error", "message"),
    [
        (DISTRACTORS, 9, ValueError, "future_logits: there are 9 frames; expected more than offset, which is 9"),
        (DISTRACTORS, 0, ValueError, "future_logits: offset is 0; expected at least 1"),
        (DISTRACTORS + 1, 2, ValueError, "future_logits: distractor 9 is out of range; expected 0 to 8 for 9 frames"),
        (DISTRACTORS - 1, 2, ValueError, "future_logits: distractor -1 is out of range"),
        (DISTRACTORS / 2, 2, TypeError, "future_logits: distractors has dtype float64; expected integers"),
        (DISTRACTORS[:, 1:], 2, ValueError, r"future_logits: distractors has shape \(2, 8, 5\)"),
    ],
)
def test_what_does_not_fit(distractors, offset, error, message):
    with pytest.raises(error, match=f"^{message}"):
        future_logits_forward(H, Z, distractors, offset=offset)
