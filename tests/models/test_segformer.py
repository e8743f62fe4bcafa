"""SegFormer; tests/test_parity_segmentation.py holds it against transformers."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import frozen
from minivit.models import PVTv2, SegFormer
from minivit.weights import load_hf, to_hf
from tests import facts
from tests.sampled import REST

RNG = np.random.default_rng(0)
STAGES: dict[str, Any] = {"embed_dims": (4, 6), "depths": (2, 1), "num_heads": (1, 2), "sr_ratios": (2, 1)}
STAGES |= {"mlp_ratios": (1.5, 2.0), "num_classes": 5, "patch_size": 3, "patch_stride": 2}
SMALL: dict[str, Any] = {"img_size": (9, 14), "channels": 3, **STAGES}
IMAGES = RNG.standard_normal((2, 9, 14, 3))


def segformer(**options: Any) -> SegFormer:
    return SegFormer(**{**SMALL, **options}, dtype="float64")


@pytest.mark.parametrize("name", facts.SEGFORMER)
def test_parameters(name: str) -> None:
    assert mv.create_model(name).num_params == facts.SEGFORMER[name]


@pytest.mark.sampled(every=2)
@pytest.mark.parametrize("options", [{}, {"qkv_bias": False, "grad_checkpointing": True, "drop_path_rate": 0.5}])
def test_gradients(options: dict[str, Any]) -> None:
    check_layer(segformer(**options), IMAGES, rng=np.random.default_rng(0))


@REST
def test_it_takes_images_of_any_size() -> None:
    model = segformer()
    check_layer(model, RNG.standard_normal((2, 5, 4, 3)))
    assert model.forward(RNG.standard_normal((2, 17, 8, 3)))[0].shape == (2, 9, 4, 5)
    with pytest.raises(ValueError, match="a map of 1 x 2 is smaller than sr_ratio 2"):
        model.forward(np.zeros((1, 2, 4, 3)))


def test_its_stages_are_those_of_a_pyramid() -> None:
    """With the weights of a PVT v2 the last map is that which its head takes the mean of."""
    model, pyramid = segformer(), PVTv2(**{**STAGES, "img_size": (9, 14)}, seed=3, dtype="float64")
    body = {name: value for name, value in pyramid.state_dict().items() if not name.startswith("head.")}
    assert body.keys() == {name for name in model.state_dict() if not name.startswith("decode_head.")}
    model.load_state_dict(model.state_dict() | body)
    _, cache = model.forward(IMAGES)
    _, expected = pyramid.forward(IMAGES)
    np.testing.assert_array_equal(cache.stages[-1].norm.xhat, expected.stages[-1].norm.xhat)


def older(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same under the names of the files on the hub."""
    found = {}
    for name, array in arrays.items():
        for stage in range(2):
            name = name.replace(f"stages.{stage}.blocks.", f"encoder.block.{stage}.")
            name = name.replace(f"stages.{stage}.patch_embeddings", f"encoder.patch_embeddings.{stage}")
            name = name.replace(f"stages.{stage}.layer_norm", f"encoder.layer_norm.{stage}")
        for new, old in {
            "attention.q_proj": "attention.self.query",
            "attention.k_proj": "attention.self.key",
            "attention.v_proj": "attention.self.value",
            "attention.sequence_reduction.sequence_reduction": "attention.self.sr",
            "attention.sequence_reduction.layer_norm": "attention.self.layer_norm",
            "attention.o_proj": "attention.output.dense",
            "layernorm_before": "layer_norm_1",
            "layernorm_after": "layer_norm_2",
            "mlp.fc1": "mlp.dense1",
            "mlp.fc2": "mlp.dense2",
            "linear_projections": "linear_c",
        }.items():
            name = name.replace(new, old)
        found[name] = array
    return found


def test_weights_of_transformers_under_newer_and_older_names() -> None:
    given = segformer(seed=1)
    arrays = to_hf(given)
    assert "segformer.encoder.block.0.1.attention.self.sr.weight" in older(arrays)
    for file in (arrays, older(arrays)):
        model = segformer(seed=2)
        load_hf(model, file)
        for name, value in given.state_dict().items():
            np.testing.assert_array_equal(model.state_dict()[name], value)


def test_the_encoder_of_transformers_is_a_pyramid_that_classifies() -> None:
    """``SegformerForImageClassification``, and a SegFormer that begins with its encoder."""
    classes = {"classifier.weight": RNG.standard_normal((5, 6)), "classifier.bias": RNG.standard_normal(5)}
    arrays = {name: array for name, array in to_hf(segformer(seed=1)).items() if not name.startswith("decode_head")}
    for file in (arrays, older(arrays)):
        pyramid = PVTv2(**STAGES, dtype="float64")
        load_hf(pyramid, file | classes)
        model = segformer(seed=2)
        load_hf(model, file, keep_head=True)
        _, c_model = frozen(model).forward(IMAGES)
        _, c_pyramid = pyramid.forward(IMAGES)
        np.testing.assert_array_equal(c_model.stages[-1].norm.xhat, c_pyramid.stages[-1].norm.xhat)
