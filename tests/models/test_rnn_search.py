from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.data import END, PAD, START
from minivit.models import RNNSearch
from minivit.tasks import NextToken
from minivit.tasks.next_token import greedy
from minivit.train import AdamW, training_step
from tests.sampled import REST
from tests.unchecked import without_annotations

quick_step = without_annotations(training_step)  # hundreds of steps; those of other tests hold the annotations
SMALL: dict[str, Any] = {"vocab_size": 7, "embed_dim": 6}
SOURCE = np.array([[3, 4, 5, 6], [3, 4, PAD, PAD], [PAD] * 4])
BEFORE = np.array([[START, 3, 3], [START, 4, END], [START, 5, PAD]])
both = pytest.mark.parametrize("attention", [True, False])


@both
def test_gradients(attention):
    check_layer(RNNSearch(**SMALL, attention=attention), SOURCE, BEFORE)


@both
def test_padding_has_no_say(attention):
    model = RNNSearch(**SMALL, attention=attention, dtype="float64")
    y, _ = model.forward(SOURCE, BEFORE)
    np.testing.assert_allclose(model.forward(SOURCE[1:2, :2], BEFORE[1:2])[0], y[1:2], rtol=1e-11)


def test_without_attention_two_states_are_all_that_the_decoder_gets():
    model = RNNSearch(**SMALL, attention=False, dtype="float64")
    _, cache = model.forward(SOURCE, BEFORE)
    assert cache.decoder.alignment.shape == (3, 3, 1)
    other = RNNSearch(**SMALL, dtype="float64")
    assert other.num_params == model.num_params
    assert other.forward(SOURCE, BEFORE)[1].decoder.alignment.shape == (3, 3, 4)


@REST
def test_it_learns_to_turn_sequences_round():
    data = mv.data.reversal(2000, 100, length=4)
    model = RNNSearch(vocab_size=len(data.class_names), embed_dim=24)
    optimizer, rng, task = AdamW(model, lr=1e-2, weight_decay=0.0), np.random.default_rng(0), NextToken()
    for _ in range(150):
        inputs, targets = task.draw(data.train.take(rng.integers(2000, size=32)), normalize=np.asarray)
        quick_step(model, inputs, targets, optimizer=optimizer, task=task, clip_norm=1.0, threads=1)
    (source, before), targets = task.draw(data.test, normalize=np.asarray)
    logits, cache = model.forward(source, before)
    assert task.score(logits, targets) > 0.9
    written = greedy(model, source, length=data.test.target.shape[1])
    assert np.mean((written == data.test.target).all(1)) == task.score(logits, targets)
    long = (source != PAD).all(1)
    looked = cache.decoder.alignment[long, :4].argmax(-1)
    assert np.mean(looked == [3, 2, 1, 0]) > 0.5  # from the last to the first


@both
def test_no_samples_and_no_symbols(attention):
    model = RNNSearch(**SMALL, attention=attention)
    for source, before in ((SOURCE[:0], BEFORE[:0]), (SOURCE[:, :0], BEFORE), (SOURCE, BEFORE[:, :0])):
        logits, cache = model.forward(source, before)
        assert (logits.shape, logits.dtype) == ((*before.shape, 7), np.float32)
        assert model.backward(logits, cache) is None


def test_wrong_options():
    with pytest.raises(ValueError, match="embed_dim is 0; expected at least 1"):
        RNNSearch(embed_dim=0)


@pytest.mark.parametrize(
    ("source", "before", "error", "message"),
    [
        (SOURCE + 1, BEFORE, ValueError, "token 7 is out of range"),
        (SOURCE[0], BEFORE, ValueError, r"source has shape \(4,\); expected \(B, S\)"),
        (SOURCE, BEFORE[:2], ValueError, r"before has shape \(2, 3\); expected \(B, T\), with B as in source"),
        (SOURCE, BEFORE.tolist(), TypeError, "before is .*, of type list; expected a NumPy array"),
        (SOURCE.astype(float), BEFORE, TypeError, "source has dtype float64; expected integers"),
    ],
)
def test_wrong_inputs(source, before, error, message):
    with pytest.raises(error, match=message):
        without_annotations(lambda: RNNSearch(**SMALL).forward(source, before))()
