import tracemalloc
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.data import END, PAD, START
from minivit.models import Transformer, create_model
from minivit.ops.embedding import PAD as FILLING
from minivit.tasks import NextToken
from minivit.tasks.next_token import greedy
from minivit.train import Recipe, Trainer
from tests.sampled import REST
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "vocab_size": 7,
    "embed_dim": 8,
    "encoder_depth": 2,
    "decoder_depth": 2,
    "num_heads": 2,
    "mlp_ratio": 1.5,
    "max_length": 6,
}
quick_check = without_annotations(check_layer)  # thousands of calls; those of other tests hold the annotations
SRC = np.array([[3, 4, 5, 6, 3], [4, 4, PAD, PAD, PAD], [6, 5, 4, PAD, PAD]])
TGT = np.array([[START, 3, 3, 4], [START, 4, 4, END], [START, 4, END, PAD]])


@REST
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm_first": True},
        {"final_norm": True},
        {"norm_first": True, "final_norm": False},
        {"tie_embeddings": False, "positions": "learned"},
        {"positions": "learned", "act_layer": "gelu"},
        {"encoder_depth": 0, "decoder_depth": 1},
        {"encoder_depth": 1, "decoder_depth": 0},
    ],
    ids=str,
)
def test_gradients(options):
    quick_check(Transformer(**{**SMALL, **options}), SRC, TGT)


@REST
@pytest.mark.parametrize("norm_first", [False, True])
def test_gradients_with_dropout(norm_first):
    quick_check(Transformer(**SMALL, norm_first=norm_first, drop_rate=0.3), SRC, TGT, rng=np.random.default_rng(1))


@REST
@pytest.mark.parametrize("norm_first", [False, True])
def test_gradients_of_arrays(norm_first):
    model = Transformer(**{**SMALL, "vocab_size": 0, "embed_dim": 6}, norm_first=norm_first)
    src, tgt = RNG.standard_normal((3, 5, 6)), RNG.standard_normal((3, 4, 6))
    quick_check(model, src, tgt)
    quick_check(model, src, tgt, src_mask=SRC != PAD)


def test_token_0_is_padding_everywhere():
    assert PAD == FILLING == 0


def test_number_of_parameters_by_hand():
    """The paper says 65 and 213 million; see the lecture."""
    for name, D, expected in [("transformer_base", 512, 63_082_496), ("transformer_big", 1024, 214_245_376)]:
        F, V, depth = 4 * D, 37_000, 6
        attention, mlp, norm = 4 * (D * D + D), D * F + F + F * D + D, 2 * D
        encoder, decoder = attention + mlp + 2 * norm, 2 * attention + mlp + 3 * norm
        assert create_model(name).num_params == V * D + depth * (encoder + decoder) == expected


def test_counting_a_big_model_allocates_nothing():
    tracemalloc.start()
    assert create_model("transformer_big").num_params > 2e8
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_place_sees_the_source_and_the_target_up_to_itself():
    model = Transformer(**SMALL, dtype="float64")
    logits, _ = model.forward(SRC, TGT)
    assert logits.shape == (3, 4, 7)
    later = TGT.copy()
    later[:, 2:] = 6
    changed, _ = model.forward(SRC, later)
    np.testing.assert_array_equal(changed[:, :2], logits[:, :2])
    assert (changed[:, 2:] != logits[:, 2:]).all()
    assert (model.forward(SRC[::-1], TGT)[0][0] != logits[0]).all()


def test_padding_changes_nothing():
    """Neither of the source, nor, at the places before it, of the target; a sample computes as if it were alone."""
    model = Transformer(**SMALL, dtype="float64")
    logits, _ = model.forward(SRC, TGT)
    alone, _ = model.forward(SRC[2:, :3], TGT[2:, :3])
    np.testing.assert_allclose(logits[2:, :3], alone, rtol=1e-10)
    said, _ = model.forward(SRC, TGT, src_mask=SRC != PAD)
    np.testing.assert_array_equal(said, logits)
    assert (model.forward(SRC, TGT, src_mask=np.ones_like(SRC, bool))[0][2] != logits[2]).any()


def test_where_it_looks_is_in_the_cache():
    model = Transformer(**SMALL)
    _, cache = model.forward(SRC, TGT)
    weights = cache.decoder[1].cross_attn.attention.weights
    assert weights.shape == (3, 2, 4, 5)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)
    np.testing.assert_array_equal(weights[1, ..., 2:], 0)
    assert cache.memory.shape == (3, 5, 8)
    np.testing.assert_array_equal(np.triu(cache.decoder[0].attn.attention.weights, 1), 0)


def test_tied_tables_are_one_parameter():
    tied, free = Transformer(**SMALL), Transformer(**SMALL, tie_embeddings=False)
    tables = [name for name, param in free.named_params().items() if param.shape in ((7, 8), (8, 7))]
    assert tables == ["src_embed.embed.weight", "tgt_embed.embed.weight", "head.weight"]
    assert free.num_params - tied.num_params == 2 * 7 * 8 + 7
    assert {*free.named_params()} - {*tied.named_params()} == {*tables[1:], "head.bias"}
    twin = tied.replica()
    logits, cache = twin.forward(SRC, TGT)
    assert twin.backward(logits, cache) == (None, None)
    tied.backward(logits, cache)
    for name, param in tied.named_params().items():
        np.testing.assert_array_equal(twin.named_params()[name].grad, param.grad)


def test_without_a_vocabulary_there_is_neither_embedding_nor_head():
    names = Transformer(**{**SMALL, "vocab_size": 0}, positions="learned").named_params()
    assert {name.partition(".")[0] for name in names} == {"encoder", "decoder"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"positions": "rotary"}, ValueError, 'positions is \'rotary\'; expected "sincos" or "learned"'),
        ({"embed_dim": 9, "num_heads": 3}, ValueError, 'embed_dim is 9; positions="sincos" needs an even one'),
        ({"num_heads": 3}, ValueError, "width 8 is not divisible by num_heads 3"),
        ({"mlp_ratio": 0.0}, ValueError, "mlp_ratio is 0"),
        ({"norm_eps": -1.0}, ValueError, "norm_eps is -1"),
        ({"act_layer": "elu"}, ValueError, "act_layer is 'elu'"),
        ({"drop_rate": 1.0}, ValueError, "drop_rate is 1.0; expected at least 0 and below 1"),
        ({"vocab_size": -1}, ValueError, "vocab_size is -1; expected at least 0"),
        ({"final_norm": 1}, TypeError, "final_norm is 1; expected bool or None"),
        ({"dtype": "float16"}, TypeError, "dtype is float16; expected float32"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        without_annotations(lambda: Transformer(**{**SMALL, **options}))()


def test_an_odd_width_without_waves():
    Transformer(**{**SMALL, "embed_dim": 9, "num_heads": 3}, positions="learned")


FLOATS = np.zeros((3, 4, 8), np.float32)


@pytest.mark.parametrize(
    ("vocab_size", "src", "tgt", "error", "message"),
    [
        (7, SRC[0], TGT, ValueError, r"src has shape \(5,\); the model expects tokens \(batch, length\)"),
        (7, SRC, TGT.astype(float), TypeError, "tgt: tokens have dtype float64; expected integers"),
        (7, SRC, TGT + 4, ValueError, "tgt: token 7 is out of range; expected 0 to 6"),
        (7, SRC[:2], TGT, ValueError, "there are 2 sources and 3 targets; expected as many"),
        (0, SRC, FLOATS, ValueError, r"src has shape \(3, 5\); expected \(batch, length, 8\)"),
        (0, FLOATS, FLOATS[..., :7], ValueError, r"tgt has shape \(3, 4, 7\); expected \(batch, length, 8\)"),
        (0, FLOATS, FLOATS.astype(float), TypeError, "tgt has dtype float64; the model computes in float32"),
        (7, SRC.tolist(), TGT, TypeError, r"src is \[.*\], of type list; expected a NumPy array"),
    ],
)
def test_wrong_inputs(vocab_size, src, tgt, error, message):
    model = Transformer(**{**SMALL, "vocab_size": vocab_size})
    with pytest.raises(error, match=message):
        without_annotations(lambda: model.forward(src, tgt))()


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((3, 4), bool), ValueError, r"src_mask has shape \(3, 4\); expected \(3, 5\)"),
        (np.ones((3, 5), int), TypeError, "src_mask has dtype int64; expected bool"),
        ([[True] * 5] * 3, TypeError, "src_mask is .*, of type list; expected a NumPy array"),
    ],
)
def test_wrong_mask(mask, error, message):
    model = Transformer(**{**SMALL, "encoder_depth": 0, "decoder_depth": 0})  # also where nothing is looked at
    with pytest.raises(error, match=message):
        without_annotations(lambda: model.forward(SRC, TGT, src_mask=mask))()


@pytest.mark.parametrize(("rows", "length"), [(0, 4), (2, 0), (1, 1)])
def test_edges(rows, length):
    model = Transformer(**SMALL)
    logits, cache = model.forward(np.full((rows, 5), 3), np.full((rows, length), START))
    assert logits.shape == (rows, length, 7)
    assert model.backward(logits, cache) == (None, None)


def test_a_source_of_nothing_but_padding():
    logits, _ = Transformer(**SMALL).forward(np.zeros_like(SRC), TGT)
    assert np.isfinite(logits).all()


def test_longer_than_learned_positions():
    with pytest.raises(ValueError, match="a sequence has 7 tokens, and there are learned positions for 6"):
        Transformer(**SMALL, positions="learned").forward(np.full((1, 7), 3), TGT[:1])


def test_save_and_load(tmp_path):
    model = Transformer(**SMALL)
    mv.save(model, tmp_path / "model.safetensors")
    again = mv.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.forward(SRC, TGT)[0], model.forward(SRC, TGT)[0])


def sorter(epochs: int = 1) -> Trainer:
    options = {"embed_dim": 32, "encoder_depth": 1, "decoder_depth": 1, "norm_first": True, "num_heads": 2}
    recipe = Recipe("transformer_micro", options, epochs=epochs, batch_size=64, lr=5e-3, weight_decay=0.0)
    return Trainer(recipe, mv.data.sorting(640, 50, length=3), task=NextToken(), threads=2)


@REST
def test_the_score_is_that_of_greedy_decoding():
    """With the true tokens before each place, or with its own: as many sequences are right, and the same ones."""
    trainer = sorter(epochs=8)
    without_annotations(lambda: list(trainer.run()))()
    test = trainer.dataset.test
    written = greedy(trainer.model, test.source, length=test.target.shape[1])
    right = (written == test.target).all(1)
    assert 0.1 < trainer.test_score() == right.mean() < 1
    logits, _ = trainer.model.forward(test.source, test.target[:, :-1])
    told = logits.argmax(-1)
    np.testing.assert_array_equal(((told == test.target[:, 1:]) | (test.target[:, 1:] == PAD)).all(1), right)
