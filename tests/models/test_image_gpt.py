from typing import Any

import numpy as np
import pytest

from minivit import load, nbytes, save
from minivit.check import check_layer
from minivit.cost import estimate
from minivit.cost.formulas import attention_entries
from minivit.models import ImageGPT, create_model
from tests.sampled import REST
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {"img_size": (2, 3), "vocab_size": 6, "embed_dim": 8, "depth": 2, "num_heads": 2}
CODES = np.array([[0, 1, 2, 3, 4, 0], [4, 4, 3, 1, 0, 2]])


def small(**options: Any) -> ImageGPT:
    """With weights so large that a mistake shows."""
    model = ImageGPT(**{**SMALL, "dtype": "float64", **options})
    for param in model.params:
        param.value = np.random.default_rng(param.size).standard_normal(param.shape) / 2
    return model


@pytest.mark.parametrize(
    "options",
    [{}, {"chunk_size": 2}, {"depth": 0}, {"mlp_ratio": 1.5, "act_layer": "relu", "norm_eps": 0.1}, {"in_chans": 1}],
    ids=str,
)
def test_gradients(options):
    check_layer(small(**options), small().inputs_of(CODES))
    check_layer(small(**options), small().inputs_of(CODES)[:, :4])  # not the whole image


@pytest.mark.parametrize(
    ("name", "body", "head"),
    [
        ("imagegpt_small", 76_420_096, 76_682_240),
        ("imagegpt_medium", 454_965_248, 455_489_536),
        ("imagegpt_large", 1_362_127_872, 1_362_914_304),
    ],
)
def test_numbers_of_parameters(name, body, head):
    """Transformers' ``ImageGPTModel`` and ``ImageGPTForCausalImageModeling``."""
    model = create_model(name)
    assert model.num_params == head
    assert model.num_params - model.lm_head.weight.size == body


@REST
def test_multiplications_are_those_of_the_closed_form():
    """Twelve matrices D x D in each block, two products of all places with all, and the head."""
    N, D, L, colors = 32 * 32, 512, 24, 512
    assert estimate("imagegpt_small").macs_forward == N * (12 * D * D * L + D * colors) + 2 * L * N * N * D


def test_the_tiny_one():
    model = create_model("imagegpt_tiny_16")
    assert model.num_params == 483_648
    assert model.forward(np.full((1, 256), 64))[0].shape == (1, 256, 64)


@pytest.mark.parametrize("chunk_size", [None, 1, 4])
def test_no_pixel_sees_itself_or_what_comes_later(chunk_size):
    model = small(chunk_size=chunk_size)
    logits, _ = model.forward(model.inputs_of(CODES))
    for place in range(6):
        other = CODES.copy()
        other[:, place] = (other[:, place] + 1) % 5
        changed = np.abs(model.forward(model.inputs_of(other))[0] - logits).max((0, 2))
        np.testing.assert_array_equal(changed[: place + 1], 0)
        assert (changed[place + 1 :] > 1e-3).all()


def test_chunked_attention_is_the_same():
    dense, chunked = small(), small(chunk_size=2)
    tokens, dlogits = dense.inputs_of(CODES), RNG.standard_normal((2, 6, 5))
    (expected, c_dense), (logits, c_chunked) = dense.forward(tokens), chunked.forward(tokens)
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-12)
    dense.backward(dlogits, c_dense)
    chunked.backward(dlogits, c_chunked)
    for ours, theirs in zip(chunked.params, dense.params, strict=True):
        np.testing.assert_allclose(ours.grad, theirs.grad, rtol=0, atol=1e-12)


@pytest.mark.parametrize("side", [4, 6])
def test_what_chunks_save_is_the_closed_form(side):
    """R^4 weights in each head of each block, by the lecture's formula; in place of them a number for each query."""
    kept = []
    for chunk_size in (None, 5):
        model = ImageGPT(**{**SMALL, "img_size": side, "chunk_size": chunk_size})
        _, cache = model.forward(np.zeros((3, side**2), int))
        kept.append(nbytes(cache))
        assert estimate(model, batch=3).activation_bytes == kept[-1]
    maps = 3 * SMALL["num_heads"] * SMALL["depth"]
    assert kept[0] - kept[1] == 4 * maps * (attention_entries(side) - side**2)


def test_the_start_token_learns_from_the_first_place_of_every_image():
    model = small()
    logits, cache = model.forward(model.inputs_of(CODES))
    model.backward(RNG.standard_normal(logits.shape), cache)
    grad = model.wte.weight.grad
    assert np.abs(grad[model.start]).max() > 0
    np.testing.assert_array_equal(model.wpe.weight.grad[0], grad[model.start])  # it stands there, and nowhere else


@pytest.mark.parametrize("chunk_size", [None, 4])
@pytest.mark.parametrize("known", [1, 2, 5])
def test_kept_keys_and_values_give_the_same_logits(chunk_size, known):
    model = small(chunk_size=chunk_size)
    tokens = model.inputs_of(CODES)
    expected, _ = model.forward(tokens)
    logits, past = model.forward(tokens[:, :known])
    np.testing.assert_allclose(logits, expected[:, :known], atol=1e-12)
    logits, past = model.forward(tokens[:, known:], past=past)
    np.testing.assert_allclose(logits, expected[:, known:], atol=1e-12)
    with pytest.raises(ValueError, match=f"there are {6 - known} tokens and {known} of the past; backward is for tok"):
        model.backward(np.ones_like(logits), past)
    with pytest.raises(
        ValueError, match="the past is of 2 images, the tokens of 1; expected tokens of the same images"
    ):
        model.forward(tokens[:1, known:], past=model.forward(tokens[:, :known])[1])
    with pytest.raises(ValueError, match="there are 1 tokens behind 6 others; expected 1 to 6 in all"):
        model.forward(tokens[:, :1], past=past)


def test_kept_places_without_blocks():
    model = small(depth=0)
    tokens = model.inputs_of(CODES)
    _, past = model.forward(tokens[:, :2])
    np.testing.assert_allclose(model.forward(tokens[:, 2:], past=past)[0], model.forward(tokens)[0][:, 2:], atol=1e-12)


def drawn_without_keeping(model: ImageGPT, count: int, temperature: float, seed: int) -> np.ndarray:
    """As the definition says it: all that there is runs through the model for every pixel."""
    rng, codes = np.random.default_rng(seed), np.empty((count, 0), int)
    for n in range(6):
        logits, _ = model.forward(model.inputs_of(np.concatenate((codes, np.zeros((count, 1), int)), axis=1)))
        shares = np.exp(logits[:, n] / temperature)
        edges = np.cumsum(shares / shares.sum(1, keepdims=True), axis=1)
        new = [
            np.searchsorted(row, u, side="right") for row, u in zip(edges, rng.random((count, 1))[:, 0], strict=True)
        ]
        codes = np.concatenate((codes, np.array(new)[:, None]), axis=1)
    return codes


def test_drawing():
    model = small()
    codes = model.sample(7, seed=3, temperature=0.8)
    np.testing.assert_array_equal(codes, drawn_without_keeping(model, 7, 0.8, 3))
    np.testing.assert_array_equal(codes, model.sample(7, seed=3, temperature=0.8))
    assert not np.array_equal(codes, model.sample(7, seed=4, temperature=0.8))
    assert codes.shape == (7, 6)
    assert model.sample(500).max() == 4  # the start token, 5, is never drawn


def test_the_first_pixel_is_drawn_with_the_probabilities_of_the_model():
    model = small()
    logits, _ = model.forward(np.full((1, 1), model.start))
    shares = np.exp(logits[0, 0]) / np.exp(logits[0, 0]).sum()
    counts = np.bincount(model.sample(4000)[:, 0], minlength=5) / 4000
    np.testing.assert_allclose(counts, shares, atol=0.03)
    likeliest = np.bincount(model.sample(50, temperature=0.001)[:, 0], minlength=5)
    assert likeliest.argmax() == shares.argmax()
    assert likeliest.max() == 50


def test_completing():
    model = small()
    codes = model.sample(2, given=CODES[:, :4])
    np.testing.assert_array_equal(codes[:, :4], CODES[:, :4])
    given = CODES.astype(np.uint8)
    whole = model.sample(2, given=given)
    np.testing.assert_array_equal(whole, CODES)
    assert whole.dtype == codes.dtype
    assert not np.shares_memory(model.sample(2, given=CODES), CODES)


def test_features_are_means_over_places():
    model = small()
    _, cache = model.forward(model.inputs_of(CODES))
    features = model.features(CODES)
    assert features.shape == (3, 2, 8)
    for layer, norm, c_norm in [(1, model.h[1].ln_1, cache.h[1].ln_1), (2, model.ln_f, cache.ln_f)]:
        np.testing.assert_allclose(features[layer], (c_norm.xhat * norm.weight.value).sum(1) / 6, rtol=1e-12)


IMAGES = np.random.default_rng(1).integers(0, 256, (4, 2, 3, 3), np.uint8)


def test_the_palette_is_saved_and_not_learned(tmp_path):
    model = ImageGPT(**SMALL)
    model.fit_colors(IMAGES)
    save(model, tmp_path / "model.safetensors")
    again: Any = load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.encode(IMAGES), model.encode(IMAGES))
    np.testing.assert_array_equal(again.clusters.value, model.clusters.value)
    assert "clusters" in model.state_dict()
    assert "clusters" not in model.named_params()


def test_the_palette_of_an_npy_file(tmp_path):
    """As OpenAI publishes that of the paper: float, from -1 to 1."""
    palette = RNG.uniform(-1, 1, (5, 3))
    np.save(tmp_path / "kmeans_centers.npy", palette)
    model = ImageGPT(**SMALL, dtype="float64")
    model.load_clusters(tmp_path / "kmeans_centers.npy")
    np.testing.assert_array_equal(model.clusters.value, palette)
    for wrong, message in [
        (palette[:4], r"clusters has shape \(4, 3\); expected \(5, 3\)"),
        (palette * 200, "clusters go from -.* to .*; expected -1 to 1"),
        (np.full((5, 3), np.nan), "clusters go from nan to nan; expected -1 to 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.load_clusters(wrong)
    with pytest.raises(TypeError, match="clusters have dtype <U3; expected numbers from -1 to 1"):
        model.load_clusters(np.full((5, 3), "red"))
    np.testing.assert_array_equal(model.clusters.value, palette)
    for content in (b"no array", b"", (tmp_path / "kmeans_centers.npy").read_bytes()[:-8]):
        (tmp_path / "no.npy").write_bytes(content)
        with pytest.raises(ValueError, match=r"no.npy is no .npy file of an array, or it is damaged"):
            model.load_clusters(tmp_path / "no.npy")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        model.load_clusters(tmp_path / "nowhere.npy")


def test_images_and_codes():
    model = ImageGPT(**{**SMALL, "vocab_size": 25})
    model.fit_colors(IMAGES)  # 24 colours, if all are different: each is a cluster
    codes = model.encode(IMAGES)
    assert codes.shape == (4, 6)
    np.testing.assert_array_equal(model.decode(codes), IMAGES)
    np.testing.assert_array_equal(model.encode(IMAGES / 127.5 - 1), codes)
    np.testing.assert_array_equal(codes[0], [model.encode(IMAGES)[0, 3 * y + x] for y in range(2) for x in range(3)])


BAD: list[tuple[Any, type[Exception], str]] = [
    (lambda it: it.forward(CODES + 5), ValueError, "token .* is out of range; expected 0 to 5 for 6 tokens, the last"),
    (lambda it: it.forward(CODES - 1), ValueError, "token -1 is out of range"),
    (lambda it: it.forward(CODES * 1.0), TypeError, "tokens has dtype float64; expected integers"),
    (
        lambda it: it.forward(np.tile(CODES, 2)),
        ValueError,
        "there are 12 tokens; expected 1 to 6 in all, for images of",
    ),
    (lambda it: it.forward(CODES[:, :0]), ValueError, "there are 0 tokens; expected 1 to 6 in all"),
    (lambda it: it.encode(IMAGES[:, :1]), ValueError, r"images has shape \(4, 1, 3, 3\); expected \(4, 2, 3, 3\)"),
    (lambda it: it.encode(IMAGES[..., :1]), ValueError, r"images has shape \(4, 2, 3, 1\); expected \(4, 2, 3, 3\)"),
    (lambda it: it.encode(IMAGES * 1.0), ValueError, "pixels go from .* to 25.; expected -1 to 1"),
    (lambda it: it.encode(IMAGES.astype(int)), TypeError, "pixels have dtype int64; expected uint8, or float32 or"),
    # numbers of one channel, or of four, are no colours of three, also where three divides their number
    (
        lambda it: it.fit_colors(IMAGES[..., :1]),
        ValueError,
        r"images has shape \(4, 2, 3, 1\); expected \(4, 2, 3, 3\)",
    ),
    (lambda it: it.decode(CODES + 1), ValueError, "code 5 is out of range; expected 0 to 4 for 5 clusters"),
    (lambda it: it.decode(CODES[:, :5]), ValueError, r"codes has shape \(2, 5\); expected \(2, 6\)"),
    (lambda it: it.sample(2, given=CODES + 1), ValueError, "given: code 5 is out of range; expected 0 to 4 for 5 col"),
    (
        lambda it: it.sample(3, given=CODES),
        ValueError,
        r"given has shape \(2, 6\); expected codes \(3, n\) of at most 6",
    ),
    (lambda it: it.sample(2, temperature=0.0), ValueError, "temperature is 0.0; expected at least 0.001"),
]


@pytest.mark.parametrize(("use", "kind", "message"), BAD)
def test_what_does_not_fit(use, kind, message):
    model = ImageGPT(**SMALL)
    with pytest.raises(kind, match=message):
        without_annotations(lambda: use(model))()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 1}, "vocab_size is 1; expected at least 2"),
        ({"num_heads": 3}, "width 8 is not divisible by num_heads 3"),
        ({"chunk_size": 0}, "chunk_size is 0; expected at least 1"),
        ({"act_layer": "swish"}, "act_layer is 'swish'; expected one of gelu, gelu_tanh, quick_gelu, relu"),
    ],
)
def test_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        ImageGPT(**{**SMALL, **options})
