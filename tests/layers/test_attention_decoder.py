import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import AttentionDecoder
from minivit.ops import additive_attention_loops
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
MEMORY, TOKENS = RNG.standard_normal((3, 5, 4)), RNG.integers(0, 7, (3, 6))
MASK = np.array([[True] * 5, [True, True, False, False, False], [False] * 5])


def decoder():
    return AttentionDecoder(7, 6, 4).init(dtype="float64")


@pytest.mark.parametrize("mask", [None, MASK])
def test_gradients(mask):
    check_layer(decoder(), MEMORY, TOKENS, mask=mask)


def test_what_it_looks_at_is_in_the_cache():
    _, cache = decoder().forward(MEMORY, TOKENS, mask=MASK)
    assert cache.alignment.shape == (3, 6, 5)
    np.testing.assert_allclose(cache.alignment[:2].sum(-1), 1, rtol=1e-12)
    assert not cache.alignment[1, :, 2:].any()


def test_the_first_step_is_the_formula():
    layer = decoder()
    logits, _ = layer.forward(MEMORY[:1], TOKENS[:1])
    h = MEMORY[0]
    s, _ = layer.start.forward(h.mean(0, keepdims=True))
    s = np.tanh(s)
    query, key = s @ layer.query.weight.value, layer.key.forward(h)[0]
    context = additive_attention_loops(query, key, h, layer.vector.value)
    word = layer.embed.weight.value[TOKENS[0, :1]]
    s, _ = layer.cell.forward(np.concatenate((word, context), axis=1), s)
    expected, _ = layer.head.forward(np.concatenate((s, context), axis=1))
    np.testing.assert_allclose(logits[0, :1], expected, rtol=1e-12)


def test_the_vectors_are_a_set():
    """A grid may be given row by row or in any other order."""
    layer, order = decoder(), [3, 1, 4, 0, 2]
    y, cache = layer.forward(MEMORY, TOKENS)
    other, other_cache = layer.forward(MEMORY[:, order], TOKENS)
    np.testing.assert_allclose(other, y, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(other_cache.alignment, cache.alignment[:, :, order], rtol=1e-11, atol=1e-13)


def test_padding_has_no_say():
    layer, changed = decoder(), MEMORY.copy()
    changed[~MASK] += 1
    y, _ = layer.forward(MEMORY, TOKENS, mask=MASK)
    np.testing.assert_array_equal(layer.forward(changed, TOKENS, mask=MASK)[0], y)
    np.testing.assert_allclose(layer.forward(MEMORY[1:2, :2], TOKENS[1:2])[0], y[1:2], rtol=1e-12)


def test_a_token_knows_those_before_it_only():
    layer, changed = decoder(), TOKENS.copy()
    changed[:, 4:] = (changed[:, 4:] + 1) % 7
    np.testing.assert_array_equal(layer.forward(MEMORY, changed)[0][:, :4], layer.forward(MEMORY, TOKENS)[0][:, :4])


def test_with_one_vector_there_is_nothing_to_choose():
    layer = decoder()
    y, cache = layer.forward(MEMORY[:, :1], TOKENS)
    np.testing.assert_array_equal(cache.alignment, np.ones((3, 6, 1)))
    layer.backward(RNG.standard_normal(y.shape), cache)
    assert not layer.query.weight.grad.any()
    assert not layer.vector.grad.any()


@pytest.mark.parametrize(("B", "S", "T"), [(0, 5, 6), (3, 0, 6), (3, 5, 0), (1, 1, 1)])
def test_few_or_none(B, S, T):
    layer = AttentionDecoder(7, 6, 4).init()
    memory = np.zeros((B, S, 4), np.float32)
    y, cache = layer.forward(memory, np.zeros((B, T), int))
    assert (y.shape, y.dtype) == ((B, T, 7), np.float32)
    assert cache.alignment.shape == (B, T, S)
    dmemory = layer.backward(y, cache)
    assert (dmemory.shape, dmemory.dtype) == ((B, S, 4), np.float32)


@pytest.mark.parametrize(
    ("memory", "tokens", "mask", "error", "message"),
    [
        (MEMORY, TOKENS, MASK[0], ValueError, r"mask has shape \(5,\); expected \(B, S\)"),
        (MEMORY, TOKENS, MASK.astype(int), TypeError, "mask has dtype int64; expected bool"),
        (MEMORY, TOKENS[:2], None, ValueError, r"tokens has shape \(2, 6\); expected \(B, T\), with B as in memory"),
        (MEMORY, TOKENS[:, 0], None, ValueError, r"tokens has shape \(3,\); expected \(B, T\)"),
        (MEMORY, TOKENS.tolist(), None, TypeError, "tokens is .*, of type list; expected a NumPy array"),
        (MEMORY, TOKENS > 0, None, TypeError, "tokens has dtype bool; expected integers"),
        (MEMORY[0], TOKENS, None, ValueError, r"memory has shape \(5, 4\); expected \(B, S, M\)"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_sentence(memory, tokens, mask, error, message):
    with pytest.raises(error, match=f"^AttentionDecoder.forward: {message}"):
        without_annotations(lambda: decoder().forward(memory, tokens, mask=mask))()
