"""What Swin V2 does otherwise than Swin; tests/test_parity.py holds it against timm and transformers."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.cosine_window_attention import CosineWindowAttention, log_spaced_offsets
from minivit.models import Swin, SwinV2
from minivit.train import begin_with
from minivit.weights import load_any, load_hf, load_timm, to_hf, to_timm
from tests import facts
from tests.sampled import REST

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (6, 8),
    "patch_size": 1,
    "num_classes": 5,
    "embed_dim": 4,
    "depths": (2, 1),
    "num_heads": (2, 1),
    "window_size": (2, 4),
    "mlp_ratio": 1.5,
}


def swin_v2(**options: Any) -> SwinV2:
    return SwinV2(**{**SMALL, **options})


def random(model: SwinV2) -> SwinV2:
    """All numbers random: norms that begin with scale 0 would hide what is in front of them."""
    model.init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    return model


@pytest.mark.sampled(every=9, rest=3)
@pytest.mark.parametrize("name", facts.SWIN_V2)
def test_parameters_and_macs(name):
    model, (params, macs) = mv.create_model(name), facts.SWIN_V2[name]
    assert model.num_params == params
    assert mv.cost.estimate(model).macs_forward == macs


OPTIONS: list[dict[str, Any]] = [
    {},
    {"img_size": (5, 7)},
    {"window_size": (9, 1)},
    {"pretrained_window_sizes": (3, 2), "num_classes": 0},
    {"qkv_bias": False, "act_layer": "relu"},
    {"depths": (1,), "num_heads": (2,), "window_size": 1},
    {"img_size": 1, "embed_dim": 2, "window_size": 7},
    {"img_size": (1, 5), "embed_dim": 2, "window_size": (3, 2)},
    {"img_size": (3, 2), "embed_dim": 2, "num_heads": (1, 1), "window_size": (1, 5), "pretrained_window_sizes": (1, 1)},
]


@pytest.mark.sampled(every=9, rest=5)
@pytest.mark.parametrize("options", OPTIONS, ids=[*map(str, OPTIONS)])
def test_gradients(options):
    model = random(swin_v2(**options))
    check_layer(model, RNG.standard_normal((2, *model.img_size, 3)))


@REST
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    rates = {f"{name}_rate": 0.3 for name in ("drop", "proj_drop", "drop_path")}
    model = random(swin_v2(**rates, grad_checkpointing=grad_checkpointing))
    check_layer(model, RNG.standard_normal((2, 6, 8, 3)), rng=np.random.default_rng(0))


def test_an_untrained_block_hands_on_what_it_is_given():
    model = swin_v2()
    x = RNG.standard_normal((2, 6, 8, 4)).astype("f")
    y, _ = model.layers[0].forward(x)
    np.testing.assert_array_equal(y, x)


def test_what_a_block_adds_is_no_longer_for_larger_weights():
    """That is what its norms are for: after each sum, the path has grown by a vector of a given length at most."""
    model = random(swin_v2())
    block = model.layers[0].blocks[0]
    for norm in (block.norm1, block.norm2):
        norm.weight.value, norm.bias.value = np.ones(4), np.zeros(4)
    x = RNG.standard_normal((2, 6, 8, 4))
    for param in (*block.attn.named_params().values(), *block.mlp.named_params().values()):
        param.value = 100 * param.value
    y, _ = block.forward(x)
    added = np.linalg.norm(y - x, axis=-1)
    assert added.max() <= 2 * 2  # two norms of 4 numbers, each of length 2


def test_near_offsets_are_finer_than_far_ones_and_the_farthest_are_those_of_the_trained_window():
    offsets = log_spaced_offsets((9, 3)).reshape(17, 5, 2)
    np.testing.assert_allclose(offsets[[0, 8, 16], :, 0], np.repeat([[-1.0567], [0], [1.0567]], 5, 1), atol=1e-4)
    steps = np.diff(offsets[8:, 0, 0])
    assert np.all(np.diff(steps) < 0)
    np.testing.assert_array_equal(offsets[:, 0], np.stack((offsets[:, 0, 0], np.repeat(-offsets[0, 4, 1], 17)), -1))
    grown = log_spaced_offsets((17, 17), (9, 9)).reshape(33, 33, 2)
    np.testing.assert_allclose(grown[8:25, 0, 0], offsets[:, 0, 0])
    np.testing.assert_array_equal(log_spaced_offsets((1, 1)), [[0, 0]])
    for mixed in ((0, 5), (5, 0)):  # on one side as this window, on the other as that of the one who learned
        whole = (mixed[0] or 3, mixed[1] or 3)
        np.testing.assert_array_equal(log_spaced_offsets((3, 3), mixed), log_spaced_offsets((3, 3), whole))


def test_weights_of_other_windows_load_and_near_pairs_keep_their_bias():
    small, large = (
        CosineWindowAttention(4, 2, 8, window_size=side, pretrained_window_size=4).init(seed, "float64")
        for side, seed in ((4, 0), (8, 1))
    )
    large.load_state_dict(small.state_dict())
    biases = [layer.bias_forward()[0] for layer in (small, large)]
    four = [8 * y + x for y in range(4) for x in range(4)]  # the places of the small window in the large one
    np.testing.assert_allclose(biases[1][:, four][:, :, four], biases[0], rtol=1e-12)


def test_shifted_windows_keep_strangers_apart():
    layer = CosineWindowAttention(4, 2, (4, 4), window_size=2, shift_size=1).init(dtype="float64")
    x = RNG.standard_normal((1, 4, 4, 4))
    _, cache = layer.forward(x)
    weights = cache.attention.attention.weights[0]  # (W, H, N, N)
    np.testing.assert_allclose(weights[3, 0], np.eye(4), atol=1e-30)  # the four corners of the map
    assert np.all(weights[0] > 1e-12)


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"pretrained_window_sizes are \(4,\); expected one for each of 2 stages"):
        swin_v2(pretrained_window_sizes=(4,))
    with pytest.raises(ValueError, match=r"pretrained_window_sizes are \(0, 0, 7\); expected one for each of 2 stages"):
        swin_v2(pretrained_window_sizes=(0, 0, 7))
    with pytest.raises(ValueError, match="images have shape"):
        swin_v2().forward(np.zeros((1, 8, 8, 3), "f"))
    with pytest.raises(ValueError, match="transformers fill up maps that windows do not divide before"):
        load_hf(swin_v2(), {})


@pytest.mark.parametrize(
    ("size", "window_size", "depths", "fits"),
    [
        (8, 4, (2, 1), True),
        (7, 7, (1, 1), False),  # halved, a map of 7 x 7 has 4 x 4 places; theirs take windows of 3 x 3, as if it had 3
        (7, 3, (1, 1), True),  # both fill the second map up to two windows of 3 x 3
        (7, 2, (1, 2), True),
        (10, 5, (2, 0, 2), False),  # of 10, 5 and 3, or as they have it 2, places
        (10, 5, (2, 2, 0), True),
        ((6, 5), 3, (1, 1), True),  # windows are fitted to rows alone
        ((14, 8), 4, (1, 1, 1), False),  # 14, 7 and 4 places, or 3, by 8, 4 and 2
    ],
)
def test_windows_of_transformers_on_maps_of_odd_sides(size, window_size, depths, fits):
    """True or false as transformers' own outputs are equal to those of this model, or not."""
    model = swin_v2(img_size=size, window_size=window_size, depths=depths, num_heads=(1,) * len(depths))
    if fits:
        return load_hf(model, to_hf(model))
    with pytest.raises(ValueError, match="maps whose odd sides were halved and cut off"):
        to_hf(model)


@pytest.mark.parametrize(("ours", "hint"), [(True, "qkv_bias=False"), (False, "qkv_bias=True")])
def test_a_checkpoint_with_other_biases(ours, hint):
    with pytest.raises(KeyError, match=f"build the model with {hint}"):
        load_timm(swin_v2(qkv_bias=ours), to_timm(swin_v2(qkv_bias=not ours)))


def test_a_file_of_the_other_version_to_begin_with(tmp_path):
    mv.save(Swin(**SMALL), tmp_path / "swin.npz")
    with pytest.raises(ValueError, match=r"holds a Swin of [0-9,]+ parameters, which has no .* for this SwinV2 of"):
        begin_with(swin_v2(), tmp_path / "swin.npz")


@pytest.mark.parametrize(("kind", "other"), [(SwinV2, Swin), (Swin, SwinV2)])
def test_a_file_of_transformers_of_the_other_version(kind, other):
    square = {**SMALL, "img_size": (8, 8), "window_size": 4}
    make = {Swin: Swin(**square, windows_like="transformers"), SwinV2: SwinV2(**square)}
    has = (
        "tables of relative positions, as Swin has, the first version"
        if other is Swin
        else r"cosine attention and a net for positions \(Swin V2\)"
    )
    for load in (load_hf, load_any):
        with pytest.raises(KeyError, match=f"the checkpoint has {has}, which this model does not"):
            load(make[kind], to_hf(make[other]))


@pytest.mark.parametrize(
    ("kind", "other", "has"),
    [
        (SwinV2, Swin, "tables of relative positions, as Swin has, the first version"),
        (Swin, SwinV2, r"cosine attention and a net for positions \(Swin V2\)"),
    ],
)
def test_a_checkpoint_of_the_other_version(kind, other, has):
    with pytest.raises(KeyError, match=f"the checkpoint has {has}, which this model does not"):
        load_timm(kind(**SMALL), to_timm(other(**SMALL)))
