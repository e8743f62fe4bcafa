"""UPerNet on Swin; tests/test_parity_segmentation.py holds it against transformers."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import frozen
from minivit.layers.upernet_head import PoolingBranch
from minivit.models import UPerNet
from minivit.models.upernet import Segmented
from minivit.ops import resize_forward
from minivit.weights import load_hf, to_hf
from tests import facts
from tests.sampled import REST
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 12),
    "patch_size": 2,
    "num_classes": 5,
    "embed_dim": 6,
    "depths": (1, 2),
    "num_heads": (1, 2),
    "window_size": 3,
    "mlp_ratio": 1.5,
    "channels": 4,
    "pool_scales": (1, 2, 3),
    "aux_channels": 3,
}


def upernet(**options: Any) -> UPerNet:
    return UPerNet(**{**SMALL, **options}).init(0, "float64")


def images(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape)


@pytest.mark.parametrize("name", facts.UPERNET)
def test_parameters(name: str) -> None:
    assert mv.create_model(name).num_params == facts.UPERNET[name]


OPTIONS: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({}, (8, 12)),
    ({}, (3, 7)),
    ({"depths": (1, 1, 2), "num_heads": (1, 1, 2), "pool_scales": (2, 6)}, (11, 9)),
    ({"aux_channels": 0, "relative_position": "none", "shifted": False}, (8, 12)),
    ({"decode_head": "linear", "in_chans": 1}, (6, 6)),
    ({"decode_head": "linear_last", "patch_size": (1, 2)}, (5, 8)),
    ({"depths": (1,), "num_heads": (1,), "aux_channels": 0}, (8, 12)),
]


@pytest.mark.sampled(every=0, rest=4)
@pytest.mark.parametrize(("options", "size"), OPTIONS, ids=[f"{options} {size}" for options, size in OPTIONS])
def test_gradients(options: dict[str, Any], size: tuple[int, int]) -> None:
    model = upernet(**options)
    check_layer(model, images(2, *size, model.in_chans))


@REST
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing: bool) -> None:
    model = upernet(drop_rate=0.3, drop_path_rate=0.3, grad_checkpointing=grad_checkpointing)
    check_layer(model, images(2, 8, 12, 3), rng=np.random.default_rng(0))


@REST
def test_gradients_of_a_model_that_infers() -> None:
    model = upernet(depths=(0, 0))
    model.absorb(model.forward(images(4, 8, 12, 3))[1])
    check_layer(frozen(model), images(1, 7, 9, 3))


@pytest.mark.parametrize("size", [(8, 12), (1, 1), (5, 20)])
def test_each_pixel_has_logits_whatever_the_size(size: tuple[int, int]) -> None:
    model = frozen(upernet())
    y, cache = model.forward(images(2, *size, 3))
    assert y.logits.shape == y.auxiliary.shape == (2, *size, 5)
    dx = model.backward(Segmented(*(np.ones_like(head) for head in y)), cache)
    assert dx.shape == (2, *size, 3)


def test_zeros_fill_up_patches_and_windows() -> None:
    """An image of odd size says the same in its corner as one with zeros around it: resized logits aside."""
    model, image = frozen(upernet(decode_head="linear", aux_channels=0)), images(1, 7, 11, 3)
    _, small = model.forward(image)
    _, large = model.forward(np.pad(image, ((0, 0), (0, 1), (0, 1), (0, 0))))
    for ours, theirs in zip(small.norms, large.norms, strict=True):
        np.testing.assert_array_equal(ours.xhat, theirs.xhat)


def test_windows_keep_their_size_and_move_on_every_map() -> None:
    model = upernet(img_size=4, depths=(2, 2), window_size=4)
    cuts = [[block.attn.cut for block in stage.blocks] for stage in model.layers]
    assert [[cut["window_size"] for cut in stage] for stage in cuts] == [[(4, 4)] * 2] * 2
    assert [[cut["shift_size"] for cut in stage] for stage in cuts] == [[(0, 0), (2, 2)]] * 2
    still = upernet(depths=(2, 2), shifted=False)
    assert not any(any(block.attn.cut["shift_size"]) for stage in still.layers for block in stage.blocks)


def test_pooling_knows_what_there_is_in_each_part_of_a_map() -> None:
    """One bright half of a map that nothing divides is still one, seen in two rows."""
    branch = PoolingBranch(1, 1, 2).init(0, "float64")
    branch.conv.conv.weight.value[...] = 1
    x = np.concatenate((np.ones((1, 4, 7, 1)), np.zeros((1, 5, 7, 1))), axis=1)  # the middle row lies in both halves
    (y, _), cells = branch.forward(x), np.array([[0.8, 0.8], [0.0, 0.0]])[None, ..., None]
    normed = np.maximum(cells - cells.mean(), 0) / np.sqrt(cells.var() + 1e-5)
    np.testing.assert_allclose(y, resize_forward(normed, size=(9, 7))[0], atol=1e-12)


def test_a_linear_decoder_reads_all_maps_as_one_linear_map_of_each_pixel() -> None:
    model = upernet(decode_head="linear", aux_channels=0)
    logits, cache = model.forward(images(2, 8, 12, 3))
    maps = [c.xhat for c in cache.norms]
    h = np.concatenate([resize_forward(x, size=maps[0].shape[1:3])[0] for x in maps], axis=-1)
    weights = np.concatenate([linear.weight.value for linear in model.decode_head.classifiers])
    np.testing.assert_allclose(logits, resize_forward(h @ weights, size=(8, 12))[0], atol=1e-12)


def test_an_untrained_model_holds_all_classes_for_equally_likely() -> None:
    y, _ = mv.create_model("upernet_swin_tiny_patch4_64").forward(images(2, 64, 64, 3).astype("f"))
    assert np.ptp(y.logits, axis=-1).mean() < 1


def older(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same under the names of the files on the hub."""
    names = {"backbone.swin.": "backbone.", "mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    names |= {"attention.o_proj": "attention.output.dense", ".relative_position_bias.relative": ".self.relative"}
    names |= {f"attention.{kind[0]}_proj": f"attention.self.{kind}" for kind in ("query", "key", "value")}
    found = {}
    for name, array in arrays.items():
        for new, old in names.items():
            name = name.replace(new, old)
        found[name] = array
    return found


def test_weights_of_transformers_under_newer_and_older_names() -> None:
    given = upernet(seed=1)
    arrays = to_hf(given)
    assert {
        "backbone.swin.embeddings.patch_embeddings.projection.weight",
        "backbone.swin.encoder.layers.1.blocks.1.attention.k_proj.weight",
        "backbone.hidden_states_norms.stage2.weight",
        "decode_head.psp_modules.2.1.batch_norm.running_var",
        "decode_head.lateral_convs.0.conv.weight",
        "auxiliary_head.convs.0.batch_norm.bias",
    } <= arrays.keys()
    assert "backbone.encoder.layers.0.blocks.0.attention.self.query.weight" in older(arrays)
    for file in (arrays, older(arrays)):
        model = upernet(seed=2)
        load_hf(model, file)
        for name, value in given.state_dict().items():
            np.testing.assert_array_equal(model.state_dict()[name], value)
    unused = {"backbone.swin.layernorm.weight": np.ones(12), "backbone.swin.layernorm.bias": np.ones(12)}
    with pytest.warns(UserWarning, match=r"layernorm.* aside: SwinBackbone of transformers does not use it either"):
        load_hf(model, arrays | unused)


@pytest.mark.parametrize("options", [{"decode_head": "linear"}, {"shifted": False}, {"relative_position": "none"}])
def test_what_transformers_would_compute_otherwise_is_not_given_to_them(options: dict[str, Any]) -> None:
    ((name, value),) = options.items()
    with pytest.raises(ValueError, match=f"transformers have no UPerNet with {name}={value!r}"):
        to_hf(upernet(**options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decode_head": "fcn"}, 'decode_head is \'fcn\'; expected "upernet", "linear" or "linear_last"'),
        ({"depths": (2,), "num_heads": (1,)}, "aux_channels is 3, but there is one stage"),
        ({"depths": (2,)}, r"depths are \(2,\), num_heads \(1, 2\); expected one of each"),
        ({"img_size": 9}, "image size 9 x 9 is not divisible by the patch size 2 x 2"),
        ({"relative_position": "yes"}, "relative_position is 'yes'"),
    ],
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        upernet(**options)


@without_annotations
def test_images_that_do_not_fit_are_refused() -> None:
    model = upernet()
    with pytest.raises(ValueError, match="images have 1 channels; the model expects 3"):
        model.forward(images(2, 8, 12, 1))
    with pytest.raises(
        ValueError, match=r"images have shape \(8, 12, 3\); the model expects \(batch, rows, columns, 3\)"
    ):
        model.forward(images(8, 12, 3))


@REST
def test_one_image_alone_has_no_statistics_of_what_is_pooled_to_one_place() -> None:
    """Running averages stand in for them, which stay as they are; in other places the batch's own do."""
    model = upernet(depths=(0, 0))
    for param in model.named_state().values():
        param.value = RNG.uniform(0.5, 2, param.shape)
    check_layer(model, images(1, 8, 12, 3))
    before = model.state_dict()
    model.absorb(model.forward(images(1, 8, 12, 3))[1])
    moved = {name for name, value in model.state_dict().items() if not np.array_equal(value, before[name])}
    averages = {name for name in before if "running" in name}
    assert averages - moved == {name for name in averages if "psp_modules.0" in name}


def test_no_images() -> None:
    model = frozen(upernet())
    y, cache = model.forward(images(0, 8, 12, 3))
    assert y.logits.shape[:3] == (0, 8, 12)
    assert model.backward(y, cache).shape == (0, 8, 12, 3)
