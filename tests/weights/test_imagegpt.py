"""Weights of transformers' ImageGPT, under the names of its versions."""

from typing import Any

import numpy as np
import pytest

from minivit.models import ImageGPT, create_model
from minivit.weights import load_any, load_hf, to_hf

from .test_loaders import assert_refuses, assert_same

SMALL: dict[str, Any] = {"img_size": (2, 3), "vocab_size": 6, "embed_dim": 8, "depth": 2, "num_heads": 2}
BLOCK = ["attn.c_attn.bias", "attn.c_attn.weight", "attn.c_proj.bias", "attn.c_proj.weight", "ln_1.weight"]
BLOCK += ["ln_2.weight", "mlp.c_fc.bias", "mlp.c_fc.weight", "mlp.c_proj.bias", "mlp.c_proj.weight"]
NAMES = {"transformer.wte.weight", "transformer.wpe.weight", "transformer.ln_f.weight", "lm_head.weight"}
NAMES |= {f"transformer.h.{i}.{part}" for i in range(2) for part in BLOCK}


def models(**options: Any) -> tuple[ImageGPT, ImageGPT]:
    """One to load into, and one with other weights and the same palette."""
    model, other = (ImageGPT(**{**SMALL, **options}, seed=seed) for seed in (0, 1))
    other.clusters.value = model.clusters.value
    return model, other


def test_names_and_shapes():
    """Conv1D keeps (in, out), as we do; the head is PyTorch's Linear."""
    arrays = to_hf(models()[1])
    assert arrays.keys() == NAMES
    assert arrays["transformer.h.0.attn.c_attn.weight"].shape == (8, 24)
    assert arrays["transformer.h.0.mlp.c_proj.weight"].shape == (32, 8)
    assert arrays["lm_head.weight"].shape == (5, 8)


@pytest.mark.parametrize("load", [load_hf, load_any])
def test_weights_come_back_and_the_palette_stays(load):
    model, other = models()
    load(model, to_hf(other))
    assert_same(model, other)


@pytest.mark.parametrize("load", [load_hf, load_any])
def test_a_body_alone(load):
    """As ``ImageGPTModel`` writes it, with nothing in front."""
    model, other = models()
    head = model.lm_head.weight.value.copy()
    arrays = {key.removeprefix("transformer."): a for key, a in to_hf(other).items() if key != "lm_head.weight"}
    assert_refuses(load_hf, model, arrays, KeyError, "keep_head=True")
    load(model, arrays, keep_head=True)
    np.testing.assert_array_equal(model.lm_head.weight.value, head)
    other.lm_head.weight.value = head
    assert_same(model, other)


def test_masks_and_the_classifier_of_older_files():
    model, other = models()
    mask = np.tril(np.ones((1, 1, 6, 6), bool))
    arrays = {**to_hf(other), "transformer.h.0.attn.bias": mask, "transformer.h.1.attn.masked_bias": np.float32(-1e4)}
    with pytest.warns(UserWarning, match="aside: it is the mask that hides what comes later"):
        load_hf(model, arrays)
    assert_same(model, other)
    arrays = {**to_hf(models()[0]), "score.weight": np.zeros((10, 8), np.float32)}
    del arrays["lm_head.weight"]
    with pytest.warns(UserWarning, match=r"left 'score.weight' aside: it is the classifier"):
        load_hf(model, arrays, keep_head=True)


def test_another_checkpoint():
    model, other = models()
    gpt2 = {**to_hf(other), "transformer.h.0.ln_1.bias": np.zeros(8, np.float32)}
    assert_refuses(load_hf, model, gpt2, KeyError, "array 'transformer.h.0.ln_1.bias' has no place in this model")
    vit = create_model("vit_micro_patch4_32")
    assert_refuses(load_hf, model, to_hf(vit), KeyError, "these are not the weights of this model")
    deeper = ImageGPT(**{**SMALL, "depth": 3})
    assert_refuses(load_hf, model, to_hf(deeper), KeyError, "the checkpoint's depth is 3, the model's 2: build it with")
    larger = ImageGPT(**{**SMALL, "img_size": 3})
    said = r"array 'transformer.wpe.weight' has shape \(9, 8\); this model expects \(6, 8\)"
    assert_refuses(load_hf, model, to_hf(larger), ValueError, said)
    more = to_hf(ImageGPT(**{**SMALL, "vocab_size": 9}))
    said = r"array 'transformer.wte.weight' has shape \(9, 8\); this model expects \(6, 8\)$"
    assert_refuses(load_hf, model, more, ValueError, said)  # it has no num_classes that could be another
    turned = {key: a.T if "c_attn.weight" in key else a for key, a in to_hf(other).items()}
    said = r"array 'transformer.h.0.attn.c_attn.weight' has shape \(24, 8\); this model expects \(8, 24\)"
    assert_refuses(load_hf, model, turned, ValueError, said)
