"""Weights for transformers, and those of its AST; that the models compute the same is in tests/test_parity.py."""

import re
from typing import Any

import numpy as np
import pytest

from minivit.models import AST, Mixer, Swin, ViT, create_model
from minivit.weights import cut_or_stretch_pos_embed, load_hf, to_hf

from .test_loaders import CONFIG, assert_refuses, assert_same, checkpoint

SMALL: dict[str, Any] = {"n_mels": 14, "length": 20, "patch_size": 4, "stride": (3, 2), "embed_dim": 12, "depth": 2}
SMALL |= {"num_heads": 3, "mlp_ratio": 2.0, "num_classes": 5}  # those of the fixture
SWIN: dict[str, Any] = {"img_size": 16, "patch_size": 2, "embed_dim": 6, "depths": (2, 2), "num_heads": (2, 3)}
SWIN |= {"window_size": 4, "num_classes": 5}
MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ViT": (ViT, CONFIG),
    "distilled ViT": (ViT, {**CONFIG, "distilled": True}),
    "without biases": (ViT, {**CONFIG, "qkv_bias": False}),
    "Swin": (Swin, SWIN),
    "Swin with positions": (Swin, {**SWIN, "ape": True}),
    "AST": (AST, SMALL),
    "AST without a head": (AST, {**SMALL, "num_classes": 0}),
}


@pytest.mark.parametrize("name", MODELS)
def test_to_hf_is_the_inverse_of_load_hf(name: str) -> None:
    kind, options = MODELS[name]
    model, again = kind(**options, seed=1), kind(**options, seed=2)
    arrays = to_hf(model)
    assert sum(array.size for array in arrays.values()) == model.num_params
    load_hf(again, arrays)
    assert_same(model, again)
    for array in arrays.values():
        array += 1
    assert_same(model, again)  # no memory is shared


def test_what_transformers_do_not_have_is_not_given() -> None:
    with pytest.raises(ValueError, match="no norm after pooling: build the model with fc_norm=False"):
        to_hf(ViT(**CONFIG, global_pool="avg"))
    with pytest.raises(TypeError, match=r"load_hf knows AST, .*, ViT, not Mixer"):
        to_hf(Mixer(img_size=8, patch_size=4, embed_dim=4, num_blocks=1))


@pytest.mark.parametrize("name", ["vit_tiny_r8_s4_32", "masked_vit_micro_patch8_32"])
def test_a_model_that_is_made_from_one_of_theirs_and_has_more_is_none_of_theirs(name: str) -> None:
    model = create_model(name)
    with pytest.raises(TypeError, match=rf"transformers has no such {type(model).__name__}: nothing .* is patch_"):
        to_hf(model)


def test_an_ast_of_the_hub() -> None:
    """Older names, and 527 classes for another number of them."""
    older = {".layers.": ".encoder.layer.", ".attention.o_proj.": ".attention.output.dense."}
    older |= {f".attention.{part[0]}_proj.": f".attention.attention.{part}." for part in ("query", "key", "value")}
    older |= {".mlp.fc1.": ".intermediate.dense.", ".mlp.fc2.": ".output.dense."}
    arrays = {}
    for name, array in checkpoint("hf_ast").items():
        for new, old in older.items():
            name = name.replace(new, old)
        arrays[name] = array
    assert "audio_spectrogram_transformer.encoder.layer.1.attention.attention.key.bias" in arrays
    model, same, other = AST(**SMALL), AST(**SMALL), AST(**{**SMALL, "num_classes": 3})
    load_hf(model, arrays)
    load_hf(same, checkpoint("hf_ast"))
    assert_same(model, same)
    assert_refuses(load_hf, other, arrays, ValueError, "is for 5 classes, the model for 3: .*keep_head=True")
    head = other.head.state_dict()
    load_hf(other, arrays, keep_head=True)
    np.testing.assert_array_equal(other.fc_norm.weight.value, model.fc_norm.weight.value)
    np.testing.assert_array_equal(other.head.state_dict()["weight"], head["weight"])


def test_positions_of_a_grid_that_is_not_told() -> None:
    table = "audio_spectrogram_transformer.embeddings.position_embeddings"
    arrays = checkpoint("hf_ast")
    fewer_bands = AST(**{**SMALL, "n_mels": 8})  # 2 x 9 patches: 36 of the checkpoint are taken for 2 x 18
    load_hf(fewer_bands, arrays, grid=(4, 9))
    expected = cut_or_stretch_pos_embed(arrays[table], (2, 9), (4, 9)).astype(np.float32)
    np.testing.assert_array_equal(fewer_bands.pos_embed.value, expected)
    rows_1_2 = arrays[table][:, 2:].reshape(1, 4, 9, 12)[:, 1:3].reshape(1, 18, 12)
    np.testing.assert_array_equal(expected[:, 2:], rows_1_2.astype(np.float32))
    more_bands = AST(**{**SMALL, "n_mels": 17})  # five rows
    message = re.escape("the checkpoint's 38 positions, 2 of them in front, do not make 5 rows")
    assert_refuses(load_hf, more_bands, arrays, ValueError, message)
    with pytest.raises(ValueError, match="38 positions, 2 of them in front, make no grid of 5 x 9"):
        load_hf(more_bands, arrays, grid=(5, 9))
