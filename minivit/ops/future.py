"""Which frames to come something is said of, and how well it fits them and others: the logits of wav2vec's task."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_shape, checked
from minivit.ops.embedding import EmbeddingCache, embedding_backward
from minivit.types import Float, Int, Positive, ndarray


class FuturePairs(NamedTuple):
    """Of each pair the step, and the frame that it is about."""

    steps: Int[ndarray, " P"]
    about: Int[ndarray, " P"]


def future_pairs(frames: int, steps: int, offset: int) -> FuturePairs:
    r"""Which step, and the frame that it is about, of each pair: the nearest step first, and frame after frame.

    Step k looks :math:`n_k = \text{offset} + k` frames ahead, from frame 0 on: so it is about the frames j with
    :math:`n_k \le j < T`, of T frames.

    >>> [array.tolist() for array in future_pairs(4, 2, 2)]
    [[0, 0, 1], [2, 3, 3]]
    """
    step, about = np.nonzero(np.arange(frames) >= offset + np.arange(steps)[:, None])
    return FuturePairs(step, about)


@checked
def other_frames(drawn: Int[ndarray, "B T N"]) -> Int[ndarray, "B T N"]:
    """Distractors: for each of T frames N others, of numbers that were drawn from 0 to T - 2.

    Those below the frame's own number are what they are; from there on, each is one more. So the frame itself is passed
    over, and all others are as frequent as their numbers were.

    >>> other_frames(np.array([[[0, 1], [0, 1], [0, 1]]])).tolist()
    [[[1, 2], [0, 2], [0, 1]]]

    Raises
    ------
    ValueError
        If a number is outside 0..T-2.
    TypeError
        If they are no integers.
    """
    check_numbers("other_frames: number", drawn, drawn.shape[1] - 1, "other frames")
    return drawn + (drawn >= np.arange(drawn.shape[1])[:, None])


class FutureLogitsCache(NamedTuple):
    """What ``future_logits_backward`` needs: ``said`` is h by the frame that it is about (0 where there is none),
    ``frames`` the z that it met there, ``places`` where these stand among the frames of all samples.
    """

    said: Float[ndarray, "B T K D"]
    frames: Float[ndarray, "B T M D"]
    places: Int[ndarray, "B T M"]
    offset: int


class FutureLogitsGrads(NamedTuple):
    """Gradients of the arguments of ``future_logits_forward``, by name."""

    h: Float[ndarray, "B T K D"]
    z: Float[ndarray, "B T D"]


@checked
def future_logits_forward(
    h: Float[ndarray, "B T K D"], z: Float[ndarray, "B T D"], distractors: Int[ndarray, "B T N"], *, offset: Positive
) -> tuple[Float[ndarray, "B P M"], FutureLogitsCache]:
    r"""Dot products of what was said of a frame with the frame itself, and with its distractors.

    .. math:: y_{b,p,0} = h_{b,\, j - n_k,\, k} \cdot z_{b,j}, \qquad
              y_{b,p,m} = h_{b,\, j - n_k,\, k} \cdot z_{b,\, d_{b,j,m}}, \qquad n_k = \text{offset} + k

    :math:`h_{b,t,k}` was said at frame t of the frame :math:`n_k` steps later. There is a pair p = (k, j) for every
    frame j of which step k says something, :math:`n_k \le j < T`: see :func:`future_pairs`.

    Parameters
    ----------
    h : (B, T, K, D)
        What was said at each frame, of K steps.
    z : (B, T, D)
        The frames.
    distractors : integers (B, T, N)
        For each frame N others of the same sample, 0 to T - 1. All steps that are about a frame share them.
    offset : int
        How far the nearest step looks ahead.

    Returns
    -------
    logits : (B, P, 1 + N)
        The true frame first.
    cache : FutureLogitsCache

    Raises
    ------
    ValueError
        If there are no frames that far ahead, or a distractor is outside 0..T-1.
    TypeError
        If the distractors are no integers.

    References
    ----------
    Schneider et al. 2019, "wav2vec: Unsupervised Pre-training for Speech Recognition", section 2.2.
    """
    (B, T, K, _), (_, _, D) = h.shape, z.shape
    if offset >= T:
        raise ValueError(f"future_logits: there are {T} frames; expected more than offset, which is {offset}")
    check_numbers("future_logits: distractor", distractors, T, "frames")
    said = np.zeros_like(h)
    for k, n in enumerate(range(offset, min(offset + K, T))):
        said[:, n:, k] = h[:, : T - n, k]
    truth = np.broadcast_to(np.arange(T, like=distractors)[:, None], (B, T, 1))
    places = np.concatenate((truth, distractors), axis=2)  # (B, T, 1 + N)
    places = places + T * np.arange(B, like=distractors)[:, None, None]  # in all frames of the batch
    frames = z.reshape(B * T, D)[places]  # (B, T, 1 + N, D)
    logits = said @ frames.mT  # (B, T, K, 1 + N)
    steps, about = future_pairs(T, K, offset)
    return logits[:, about, steps], FutureLogitsCache(said=said, frames=frames, places=places, offset=offset)


@checked
def future_logits_backward(dy: Float[ndarray, "B P M"], cache: FutureLogitsCache) -> FutureLogitsGrads:
    r"""Gradients of :func:`future_logits_forward`.

    A dot product hands to each of its two sides the other one, times the gradient. What was said met the true frame and
    the distractors, so it gets the sum over these; a frame gets the sum over all pairs in which it was the true one or
    a distractor:

    .. math:: \bar h_{b,t,k} = \sum_m \bar y_{b,p,m}\, z_{b,\, d_{b,j,m}}, \quad j = t + n_k,\; d_{b,j,0} = j, \qquad
              \bar z_{b,i} = \sum_{p,m:\; d_{b,j,m} = i} \bar y_{b,p,m}\, h_{b,\, j - n_k,\, k}
    """
    said, frames, places, offset = cache
    B, T, K, D = said.shape
    steps, about = future_pairs(T, K, offset)
    check_shape("future_logits_backward: dy", dy, (B, len(steps), frames.shape[2]))
    dlogits = np.zeros_like(dy, shape=(B, T, K, frames.shape[2]))
    dlogits[:, about, steps] = dy  # forward: logits[:, about, steps]
    dsaid = dlogits @ frames  # forward: logits = said @ frames.mT
    dframes = dlogits.mT @ said  # forward: logits = said @ frames.mT
    (dz,) = embedding_backward(dframes, EmbeddingCache(places, (B * T, D)))  # forward: z.reshape(B * T, D)[places]
    dh = np.zeros_like(dsaid)
    for k, n in enumerate(range(offset, min(offset + K, T))):
        dh[:, : T - n, k] = dsaid[:, n:, k]  # forward: said[:, n:, k] = h[:, : T - n, k]
    return FutureLogitsGrads(dh, dz.reshape(B, T, D))
