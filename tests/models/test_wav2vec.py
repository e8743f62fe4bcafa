from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Identity
from minivit.layers.conv_block1d import ConvBlock1d, SkipConvBlock1d
from minivit.models import PRESETS, Wav2Vec, create_model
from minivit.models.wav2vec import Steps, Wav2VecOutputs
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "conv_dim": (3, 4),
    "conv_kernel": (4, 3),
    "conv_stride": (3, 2),
    "context_dim": (5, 6),
    "context_kernel": (2, 3),
    "prediction_steps": 3,
}
WAVES = RNG.standard_normal((2, 34))
SKIPS = {"skip_connections_feat": True, "skip_connections_agg": True}
PARAMETERS = {"wav2vec": 15_491_072, "wav2vec_large": 32_537_088}  # of fairseq's models, built with these options


def without_norms(blocks: Any) -> None:
    """They alone hear the whole sound."""
    for block in blocks:
        block.norm = Identity()


@pytest.mark.parametrize("name", PARAMETERS)
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


def test_the_presets_of_the_paper_and_a_tiny_one():
    assert {name for name, (kind, _) in PRESETS.items() if kind is Wav2Vec} == {*PARAMETERS, "wav2vec_tiny"}


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize(
    "options",
    [
        {"log_compression": True, "conv_bias": False, "context_kernel": (1, 3), "prediction_steps": 1},
        {**SKIPS, "agg_zero_pad": True, "conv_dim": (4, 4), "residual_scale": 0.3},
        {**SKIPS, "conv_dim": (1, 1), "context_dim": (1, 2)},
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(Wav2Vec(**{**SMALL, **options}), WAVES)


def test_gradients_with_all_dropout():
    model = Wav2Vec(**SMALL, dropout=0.3, dropout_features=0.2, dropout_agg=0.4)
    check_layer(model, WAVES, rng=np.random.default_rng(1))


def test_dropout_is_random_where_a_generator_is_given_and_only_there():
    model = Wav2Vec(**SMALL, dropout=0.3, dropout_features=0.2, dropout_agg=0.4, dtype="float64")
    plain = [model.forward(WAVES)[0] for _ in range(2)]
    np.testing.assert_array_equal(plain[0].h, plain[1].h)
    noisy, _ = model.forward(WAVES, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(noisy.z, plain[0].z)  # what is to be foretold has none
    assert (noisy.c == 0).mean() > 0.3
    assert (noisy.h == 0).mean() > 0.2


@pytest.mark.parametrize("seed", range(5))
def test_what_a_frame_hears(seed):
    """Receptive field, hop and the first step that shares no sample, against nets drawn at random."""
    rng = np.random.default_rng(seed)
    kernels, strides = rng.integers(1, 7, 3).tolist(), rng.integers(1, 4, 3).tolist()
    options = {"conv_dim": (2, 2, 2), "conv_kernel": tuple(kernels), "conv_stride": tuple(strides)}
    model = Wav2Vec(**{**SMALL, **options}, dtype="float64")
    without_norms(model.feature_extractor)
    (waves,) = model.example(1, 5, lambda shape, dtype: np.ones(shape, dtype))
    for block in model.feature_extractor:
        block.conv.weight.value[...] = 1  # so that no ReLU cuts anything off
    z = model.forward(waves)[0].z
    assert z.shape[1] == 5
    assert model.forward(waves[:, :-1])[0].z.shape[1] < 5 or model.hop > 1
    heard = np.zeros((5, waves.shape[1]), bool)
    for sample in range(waves.shape[1]):
        changed = waves.copy()
        changed[0, sample] += 1
        heard[:, sample] = (model.forward(changed)[0].z != z).any((0, 2))
    for t in range(5):
        where = np.flatnonzero(heard[t])
        assert where[0] == t * model.hop
        assert where[-1] == t * model.hop + model.receptive_field - 1
    assert not (heard[0] & heard[model.offset :].any(0)).any() if model.offset < 5 else True
    assert (heard[0] & heard[model.offset - 1]).any() if model.offset <= 5 else True


def test_frames_of_the_published_nets():
    for name in ("wav2vec", "wav2vec_large", "wav2vec_tiny"):
        model = create_model(name)
        assert (model.receptive_field, model.hop, model.offset) == (465, 160, 3)


@pytest.mark.parametrize("options", [{}, {**SKIPS, "agg_zero_pad": True}, {"log_compression": True}])
def test_the_context_sees_no_future_but_for_the_norms(options):
    """Without norms a context depends on its own frame and earlier ones; with them, through two numbers, on all."""
    model = Wav2Vec(**{**SMALL, **options}, dtype="float64")
    z = RNG.standard_normal((1, 9, 4))

    def contexts(z):
        for block in model.feature_aggregator:
            z, _ = block.forward(z)
        return z

    def future():
        """Whether some context depends on a later frame, and some on an earlier one."""
        seen = np.zeros((9, 9), bool)
        for t in range(9):
            changed = z.copy()
            changed[0, t] += 1
            seen[:, t] = (contexts(changed) != contexts(z)).any((0, 2))
        return np.triu(seen, 1).any(), np.tril(seen, -1).any()

    assert future() == (True, True)
    without_norms(model.feature_aggregator)
    assert future() == (False, True)


def test_a_context_network_that_pads_on_both_sides_is_found():
    """The test above can fail: a net whose block looks one frame ahead."""
    block = ConvBlock1d(4, 5, 3, causal="edge").init(0, "float64")
    without_norms([block])
    z = RNG.standard_normal((1, 9, 4))
    later = z.copy()
    later[0, 5:] += 1
    np.testing.assert_array_equal(block.forward(later)[0][:, :5], block.forward(z)[0][:, :5])
    right = block.pad.forward
    block.pad.forward = lambda x: (np.roll(right(x)[0], -1, 1), right(x)[1])
    assert (block.forward(later)[0][:, :5] != block.forward(z)[0][:, :5]).any()


def test_the_same_sound_at_another_level():
    model = Wav2Vec(**SMALL, log_compression=True, dtype="float64")
    loud, quiet = (model.forward(factor * WAVES)[0] for factor in (10, 1))
    np.testing.assert_allclose(loud.c, quiet.c, atol=1e-4)


def test_silence_is_heard_as_what_the_norms_add():
    model = Wav2Vec(**SMALL)
    (z, c, h), cache = model.forward(np.zeros((2, 34), np.float32))
    assert not z.any()
    assert np.isfinite(c).all()
    assert np.isfinite(h).all()
    assert np.isfinite(model.backward(Wav2VecOutputs(z + 1, c + 1, h + 1), cache)).all()


def test_a_skip_keeps_the_first_of_every_so_many_frames():
    block = SkipConvBlock1d(3, 3, 2, stride=2, residual_scale=0.25).init(0, "float64")
    block.norm.weight.value[...] = 0  # nothing is found
    x = RNG.standard_normal((2, 9, 3))
    y, _ = block.forward(x)
    np.testing.assert_array_equal(y, 0.5 * x[:, 0:8:2])


def test_steps_share_a_bias():
    layer = Steps(6, 4, 3).init(0, "float64")
    layer.bias.value = RNG.standard_normal(4)
    c = RNG.standard_normal((2, 5, 6))
    h, _ = layer.forward(c)
    for k in range(3):
        np.testing.assert_allclose(h[:, :, k], c @ layer.weight.value[:, k] + layer.bias.value, rtol=1e-12)
    check_layer(layer, c)


def test_logits_of_an_untrained_net_are_of_order_one():
    model = create_model("wav2vec_tiny")
    y, _ = model.forward(RNG.standard_normal((1, 8000)).astype(np.float32))
    logits = np.einsum("btkd,bsd->btks", y.h, y.z)
    assert 0.2 < np.abs(logits).mean() < 5


def test_no_waves():
    model = Wav2Vec(**SMALL)
    y, cache = model.forward(np.zeros((0, 34), np.float32))
    assert [part.shape for part in y] == [(0, 5, 4), (0, 5, 6), (0, 5, 3, 4)]
    assert model.backward(y, cache).shape == (0, 34)


@pytest.mark.parametrize(
    ("waves", "error", "message"),
    [
        (np.zeros((2, 9), np.float32), ValueError, "waves have 9 samples; the model expects at least 10"),
        (np.zeros(60, np.float32), ValueError, r"waves have shape \(60,\); the model expects \(batch, samples\)"),
        (np.zeros((2, 60, 1), np.float32), ValueError, r"waves have shape \(2, 60, 1\)"),
        (np.zeros((2, 34), np.int16), TypeError, r"waves have dtype int16; .*float32 \(divide samples of 16 bits"),
        (np.zeros((2, 34)), TypeError, "waves have dtype float64; the model computes in float32"),
        ([[0.0] * 60], TypeError, "waves is .*; expected ndarray"),
    ],
)
def test_wrong_waves(waves, error, message):
    with pytest.raises(error, match=f"^{message}"):
        without_annotations(Wav2Vec(**SMALL).forward)(waves)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"conv_kernel": (4, 3, 2)}, r"conv_kernel is \(4, 3, 2\); expected 2 numbers, as conv_dim has"),
        ({"conv_stride": (3,)}, r"conv_stride is \(3,\); expected 2 numbers, as conv_dim has"),
        ({"context_kernel": ()}, r"context_kernel is \(\); expected 2 numbers, as context_dim has"),
        ({"conv_dim": (), "conv_kernel": (), "conv_stride": ()}, r"conv_dim is \(\); expected a number for each layer"),
        ({"context_dim": (5, 0)}, r"Wav2Vec: context_dim is \(5, 0\); expected at least 1"),
        ({"residual_scale": 0.0}, "residual_scale is 0.0; expected above 0"),
        ({"prediction_steps": 0}, "Wav2Vec: prediction_steps is 0; expected at least 1"),
        ({"dropout": 1.0}, "Wav2Vec: dropout is 1.0; expected at least 0 and below 1"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        Wav2Vec(**{**SMALL, **options})
