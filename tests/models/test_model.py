"""What holds for all models: options are recorded and checked, classes and presets are found by name."""

import json
import sys
from inspect import signature
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.layers import Linear
from minivit.models.model import Model


@pytest.fixture
def tiny(monkeypatch):
    """A model family of one's own."""
    monkeypatch.setattr("minivit.models.model.MODELS", dict(mv.models.MODELS))
    monkeypatch.setattr("minivit.models.model.PRESETS", dict(mv.models.PRESETS))

    class Tiny(Model):
        def __init__(
            self, *, width: int = 3, size: int | tuple[int, int] = 2, seed: int = 0, dtype: str | type = "float32"
        ):
            self.linear = Linear(width, width)
            self.init(seed, dtype)

    return Tiny


def test_options_are_recorded_as_plain_numbers(tiny):
    model = tiny(width=np.int64(5), size=(np.int32(2), 3), dtype=np.float64)
    assert model.config == {"width": 5, "size": (2, 3), "seed": 0, "dtype": "float64"}
    assert json.dumps(model.config)
    assert model.dtype == np.float64


def test_a_model_is_built_again_from_its_options(tiny):
    model = tiny(width=5, seed=3)
    again = type(model)(**model.config)
    np.testing.assert_array_equal(again.linear.weight.value, model.linear.weight.value)


@pytest.mark.usefixtures("tiny")
def test_a_model_names_its_options():
    says = "^Loose.__init__ must name each option of the model, dtype among them; it takes \\*\\*options$"
    with pytest.raises(TypeError, match=says):

        class Loose(Model):
            def __init__(self, **options):
                self.init(0, "float32")

    with pytest.raises(TypeError, match=r"^Short.__init__ must name .*; there is no dtype$"):

        class Short(Model):
            def __init__(self, *, width=3):
                self.init(0, "float32")

    assert "Loose" not in mv.models.MODELS


def test_options_of_another_type_are_refused(tiny):
    with pytest.raises(TypeError, match="Tiny: width is '3'; expected int"):
        tiny(width="3")
    with pytest.raises(TypeError, match="height"):
        tiny(height=3)


def test_presets_are_found_by_name(tiny):
    tiny.add_presets({"tiny_3": {"width": 3}, "tiny_7": {"width": 7}})
    assert mv.create_model("tiny_7", seed=1).config == {"width": 7, "size": 2, "seed": 1, "dtype": "float32"}
    with pytest.raises(ValueError, match=r"there is no model 'tiny_8'; did you mean .*tiny_\d.*\?$"):
        mv.create_model("tiny_8")


def test_every_file_of_models_is_found():
    """Nobody keeps a list: a file in minivit/models is all that a family needs."""
    for name, model_class in mv.models.MODELS.items():
        if model_class.__module__.startswith("minivit."):
            assert getattr(mv.models, name) is model_class
            assert model_class.__module__ in sys.modules
    assert {"ViT"} <= {*mv.models.MODELS}


NO_BLOCKS = {
    "ViT": {"depth": 0},
    "HybridViT": {"depth": 0},
    "MaskedViT": {"depth": 0},
    "AST": {"depth": 0},
    "Mixer": {"num_blocks": 0},
    "Swin": {"depths": (0,), "num_heads": (1,)},
    "SwinV2": {"depths": (0,), "num_heads": (1,)},
    "UPerNet": {"depths": (0, 0), "num_heads": (1, 1)},
    "SamViT": {"depth": 0},
    "SAM": {"depth": 0, "global_attn_indexes": ()},
    "ResMLP": {"num_blocks": 0},
    "GMLP": {"num_blocks": 0},
    "S2MLP": {"depths": (0,), "patch_sizes": (4,), "embed_dims": (8,), "mlp_ratios": (1.0,)},
    "ImageGPT": {"depth": 0},
    "CycleMLP": {"depths": (0,), "embed_dims": (8,), "mlp_ratios": (1.0,)},
    "CLIP": {"depth": 0, "text_depth": 0},
    "Transformer": {"encoder_depth": 0, "decoder_depth": 0},
}


def test_every_model_with_an_activation_may_have_no_block():
    ours = {name: kind for name, kind in mv.models.MODELS.items() if kind.__module__.startswith("minivit.")}
    with_one = {name for name, kind in ours.items() if "act_layer" in signature(kind).parameters}
    assert NO_BLOCKS.keys() == with_one


@pytest.mark.parametrize("name", NO_BLOCKS)
def test_words_are_checked_where_no_block_is_there_to_do_it(name):
    model: Any = mv.models.MODELS[name]
    with pytest.raises(ValueError, match="act_layer is 'elu'"):
        model(**NO_BLOCKS[name], act_layer="elu")
    if name in ("Swin", "UPerNet"):
        with pytest.raises(ValueError, match="relative_position is 'yes'"):
            model(**NO_BLOCKS[name], relative_position="yes")


@pytest.mark.parametrize("layers", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0)], ids=str)
@pytest.mark.parametrize("kind", ["ResNet", "AttentionAugmentedResNet", "NonLocalResNet", "HybridViT", "MViT"])
def test_a_stage_without_blocks_changes_nothing(kind: str, layers: tuple[int, ...]) -> None:
    """Neither the size of its map nor its width: what comes behind takes what there is."""
    options: dict[str, Any] = {"img_size": 8, "num_classes": 3, "dtype": "float64"}
    if kind == "MViT":
        options |= {"depths": layers, "embed_dim": (4, 8, 16), "stride_q": (1, 2, 2), "patch_stride": 1}
    else:
        options |= {"layers": layers, "channels": (8, 16, 32), "stem": "3x3", "stem_chans": 8}
    if kind == "AttentionAugmentedResNet":
        options |= {"num_heads": 1, "augment_from": 0}
    if kind == "NonLocalResNet":
        options |= {"img_size": 4 if layers[1] == 0 else 8, "non_local": tuple(int(depth > 0) for depth in layers)}
    if kind == "HybridViT":
        options |= {"num_groups": 2, "embed_dim": 8, "depth": 1, "num_heads": 2}
    model = mv.models.MODELS[kind](**options)
    images = np.random.default_rng(0).standard_normal((2, options["img_size"], options["img_size"], 3))
    logits, cache = model.forward(images)
    assert logits.shape == (2, 3)
    assert model.backward(logits, cache).shape == images.shape


@pytest.mark.parametrize("expand_attn", [True, False])
@pytest.mark.parametrize("depths", [(1, 0, 2), (2, 1, 0), (0, 2, 1)], ids=str)
def test_an_mvit_with_a_stage_without_blocks(depths: tuple[int, ...], expand_attn: bool) -> None:
    options: dict[str, Any] = {"img_size": 16, "depths": depths, "embed_dim": 4, "stride_q": (1, 2, 2), "num_heads": 1}
    model = mv.models.MViT(**options, expand_attn=expand_attn, num_classes=3, dtype="float64")
    mv.check.check_layer(model, np.random.default_rng(0).standard_normal((1, 16, 16, 3)))


def test_formulas_of_a_resnet_count_stages_without_blocks():
    from minivit.cost.formulas import resnet_macs, resnet_params

    for depths in [(1, 0), (0, 1), (0, 0), (1, 0, 1)]:
        channels = tuple(64 * 2**stage for stage in range(len(depths)))
        options = {"block": "bottleneck", "layers": depths, "channels": channels, "img_size": 64, "num_classes": 10}
        cost = mv.cost.estimate(mv.models.ResNet(**options))
        assert cost.params == resnet_params(depths, 10)
        assert cost.macs_forward == resnet_macs(depths, img_size=64, num_classes=10)
