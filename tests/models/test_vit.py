import tracemalloc
from functools import partial
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import Identity
from minivit.layers.block import BlockCache
from minivit.models import PRESETS, ViT, create_model
from minivit.ops import cross_entropy_backward, cross_entropy_forward
from minivit.ops.layer_norm import LayerNormCache
from minivit.tasks import Classification
from minivit.train import training_step
from tests import facts

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (4, 6),
    "patch_size": 2,
    "in_chans": 3,
    "num_classes": 5,
    "embed_dim": 8,
    "depth": 2,
    "num_heads": 2,
    "mlp_ratio": 1.5,
}
IMAGES = RNG.standard_normal((2, 4, 6, 3))

# As counted from timm's own models; those for images of 32 x 32 pixels by hand, below.
PARAMETERS = {"vit_micro_patch4_32": 311338, "vit_tiny_patch4_32": 811146}
PARAMETERS |= {name: params for name, (params, _) in (facts.VIT | facts.DEIT | facts.DEIT3 | facts.DINOV2).items()}
PARAMETERS |= {name: params for name, (params, _) in facts.CLIP_IMAGE_TOWERS.items()}


def vit_presets():
    return [name for name, (model_class, _) in PRESETS.items() if model_class is ViT]


@pytest.mark.parametrize("name", vit_presets())
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


@pytest.mark.parametrize(("name", "D", "depth"), [("vit_micro_patch4_32", 96, 4), ("vit_tiny_patch4_32", 128, 6)])
def test_number_of_parameters_by_hand(name, D, depth):
    F, N, classes = 2 * D, 8 * 8, 10
    block = 2 * 2 * D + D * 3 * D + 3 * D + D * D + D + D * F + F + F * D + D
    total = (4 * 4 * 3) * D + D + D + (N + 1) * D + depth * block + 2 * D + D * classes + classes
    assert total == PARAMETERS[name]


def test_counting_a_huge_model_allocates_nothing():
    tracemalloc.start()
    assert create_model("vit_huge_patch14_224").num_params > 6e8
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"global_pool": "avg"},
        {"global_pool": "avg", "fc_norm": False},
        {"global_pool": "avg", "class_token": False},
        {"global_pool": "avg", "class_token": False, "fc_norm": False},
        {"fc_norm": True},
        {"num_classes": 0},
        {"distilled": True, "drop_rate": 0.2},
        {"distilled": True, "heads_apart": True, "fc_norm": True},
        {"distilled": True, "num_classes": 0},
        {"distilled": True, "no_embed_class": True},
        {"init_values": 0.5},
        {"init_values": 0.5, "proj_drop_rate": 0.2, "grad_checkpointing": True},
        {"reg_tokens": 3},
        {"reg_tokens": 3, "no_embed_class": True, "global_pool": "avg"},
        {"reg_tokens": 2, "class_token": False, "global_pool": "avg"},
        {"no_embed_class": True, "class_token": False, "global_pool": "avg"},
        {"qkv_bias": False, "act_layer": "gelu_tanh"},
        {"patch_size": (2, 3), "act_layer": "relu", "norm_eps": 1e-3},
        {"depth": 0},
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(ViT(**{**SMALL, **options}), IMAGES)


RATES: dict[str, Any] = {"drop_rate": 0.2, "pos_drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4}


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    model = ViT(**SMALL, **RATES, grad_checkpointing=grad_checkpointing)
    check_layer(model, IMAGES, rng=np.random.default_rng(1))


def test_stochastic_depth_grows_with_depth():
    model = ViT(**{**SMALL, "depth": 4}, drop_path_rate=0.3)
    first, *others = [vars(block)["drop_path2"] for block in model.blocks]
    assert isinstance(first, Identity)
    np.testing.assert_allclose([vars(layer)["rate"] for layer in others], [0.1, 0.2, 0.3])


def test_grad_checkpointing_gives_the_same_bits():
    images = IMAGES.astype(np.float32)
    results = []
    for grad_checkpointing in (False, True):
        model = ViT(**SMALL, **RATES, grad_checkpointing=grad_checkpointing)
        logits, cache = model.forward(images, rng=np.random.default_rng(1))
        dimages = model.backward(logits, cache)
        results.append({"logits": logits, "images": dimages} | {n: p.grad for n, p in model.named_params().items()})
    assert list(results[0]) == list(results[1])
    for name, array in results[0].items():
        np.testing.assert_array_equal(results[1][name], array)


def test_shape_and_dtype_of_logits():
    logits, _ = ViT(**SMALL).forward(IMAGES.astype(np.float32))
    assert (logits.shape, logits.dtype) == ((2, 5), np.float32)
    features, _ = ViT(**{**SMALL, "num_classes": 0}).forward(IMAGES.astype(np.float32))
    assert features.shape == (2, 8)


def test_attention_maps_are_in_the_cache():
    _, cache = ViT(**SMALL).forward(IMAGES.astype(np.float32))
    block = cache.blocks[1]
    assert isinstance(block, BlockCache)
    weights = block.attn.attention.weights
    assert weights.shape == (2, 2, 7, 7)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-6)


def test_samples_do_not_see_each_other():
    model = ViT(**SMALL, dtype="float64")
    np.testing.assert_allclose(model.forward(IMAGES[:1])[0], model.forward(IMAGES)[0][:1], rtol=1e-10)


def test_parameter_names_are_those_of_timm():
    blocks = [
        f"blocks.{i}.{name}.{kind}"
        for i in range(2)
        for name in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2")
        for kind in ("weight", "bias")
    ]
    embed, head = ["patch_embed.proj.weight", "patch_embed.proj.bias"], ["head.weight", "head.bias"]
    names = [*embed, "cls_token", "pos_embed", *blocks, "norm.weight", "norm.bias", *head]
    assert sorted(ViT(**SMALL).named_params()) == sorted(names)
    pooled = ViT(**SMALL, global_pool="avg", class_token=False)
    names = [*embed, "pos_embed", *blocks, "fc_norm.weight", "fc_norm.bias", *head]
    assert sorted(pooled.named_params()) == sorted(names)


def test_logits_of_a_distilled_model_are_the_mean_of_two_heads():
    """Each head reads its own token, the class token the first; ``heads_apart`` is the same model."""
    mean = ViT(**SMALL, distilled=True, dtype="float64")
    apart = ViT(**SMALL, distilled=True, heads_apart=True, dtype="float64")
    more = {*mean.named_params()} - {*ViT(**SMALL).named_params()}
    assert more == {"dist_token", "head_dist.weight", "head_dist.bias"}
    assert apart.num_params == mean.num_params
    apart.load_state_dict(mean.state_dict())
    both, cache = apart.forward(IMAGES)
    assert both.shape == (2, 2, 5)
    np.testing.assert_allclose(mean.forward(IMAGES)[0], (both[:, 0] + both[:, 1]) / 2, rtol=1e-12)
    cls, dist = (block.attn.attention.weights.shape for block in cache.blocks)
    assert cls == dist == (2, 2, 8, 8)  # two tokens and six patches
    assert mean.head_dist is not None
    mean.head_dist.bias.value += 1
    np.testing.assert_allclose(mean.forward(IMAGES)[0], (both[:, 0] + both[:, 1] + 1) / 2, rtol=1e-12)
    tokens, _ = ViT(**{**SMALL, "num_classes": 0}, distilled=True).forward(IMAGES.astype(np.float32))
    assert tokens.shape == (2, 8)


def test_heads_apart_are_trained_by_a_loss_each():
    """As DeiT is: the class head learns the labels, the distillation head what a teacher says."""

    class Both(Classification):
        def forward(self, outputs, targets):
            losses = [cross_entropy_forward(outputs[:, n], targets[:, n]) for n in range(2)]
            return sum(loss for loss, _ in losses) / 2, [cache for _, cache in losses]

        def backward(self, dloss, cache):
            return np.stack([cross_entropy_backward(dloss / 2, its).logits for its in cache], axis=1)

        def over(self, targets):
            return len(targets)

    model = ViT(**SMALL, distilled=True, heads_apart=True)
    images, says = IMAGES.astype(np.float32), np.array([[0, 1], [2, 3]])
    optimizer = mv.train.AdamW(model, lr=0.01)
    for _ in range(30):
        training_step(model, images, says, optimizer=optimizer, task=Both())
    np.testing.assert_array_equal(model.forward(images)[0].argmax(-1), says)


def test_layer_scale_starts_where_it_is_told_and_is_no_linear_map():
    model = ViT(**SMALL, init_values=1e-5)
    more = {*model.named_params()} - {*ViT(**SMALL).named_params()}
    assert more == {f"blocks.{i}.{name}.gamma" for i in range(2) for name in ("ls1", "ls2")}
    for name in more:
        param = model.named_params()[name]
        assert not param.is_linear_map  # so there is no weight decay
        np.testing.assert_array_equal(param.value, np.full(8, 1e-5, np.float32))


def test_blocks_behind_tiny_factors_pass_tokens_on():
    """What DeiT III and DINOv2 begin with: the class token alone reaches the head, whatever is on the image."""
    model = ViT(**SMALL, init_values=1e-300, dtype="float64")
    h, _ = model.norm.forward(model.cls_token.value + model.pos_embed.value[:, :1])
    expected = np.repeat(model.head.forward(h[:, 0])[0], 2, axis=0)
    np.testing.assert_allclose(model.forward(IMAGES)[0], expected, rtol=1e-12)


def test_registers_stand_between_class_token_and_patches():
    model = ViT(**{**SMALL, "depth": 0}, reg_tokens=3, dtype="float64")
    assert {*model.named_params()} - {*ViT(**{**SMALL, "depth": 0}).named_params()} == {"reg_token"}
    assert model.reg_token.shape == (1, 3, 8)
    assert model.pos_embed.shape == (1, 1 + 3 + 6, 8)
    _, cache = model.forward(IMAGES)
    assert isinstance(cache.norm, LayerNormCache)
    tokens = cache.norm.xhat
    front = np.concatenate((model.cls_token.value, model.reg_token.value), axis=1) + model.pos_embed.value[:, :4]
    _, c_norm = model.norm.forward(np.repeat(front, 2, axis=0))
    np.testing.assert_allclose(tokens[:, :4], c_norm.xhat, rtol=1e-12)


@pytest.mark.parametrize("class_token", [False, True])
def test_the_mean_of_the_patches_is_without_registers(class_token):
    """Without blocks no token sees another: what registers hold must not matter."""
    options = {**SMALL, "depth": 0, "global_pool": "avg", "class_token": class_token, "no_embed_class": True}
    model = ViT(**options, reg_tokens=3, dtype="float64")
    before, _ = model.forward(IMAGES)
    model.reg_token.value += 100
    np.testing.assert_array_equal(model.forward(IMAGES)[0], before)
    plain = ViT(**options, dtype="float64")
    plain.load_state_dict({n: a for n, a in model.state_dict().items() if n != "reg_token"})
    np.testing.assert_allclose(plain.forward(IMAGES)[0], before, rtol=1e-12)


def test_tokens_in_front_have_no_position():
    """As timm says it: what is added to the patches alone is nothing that the class token sees without blocks."""
    model = ViT(**{**SMALL, "depth": 0}, no_embed_class=True, reg_tokens=2, dtype="float64")
    assert model.pos_embed.shape == (1, 6, 8)
    before, cache = model.forward(IMAGES)
    model.pos_embed.value += 100
    np.testing.assert_array_equal(model.forward(IMAGES)[0], before)
    model.backward(np.ones_like(before), cache)
    np.testing.assert_array_equal(model.pos_embed.grad, 0)
    assert model.cls_token.grad.any()


def test_seed_decides_and_checkpointing_does_not():
    state = ViT(**SMALL, seed=3).state_dict()
    again, other = ViT(**SMALL, seed=3, grad_checkpointing=True).state_dict(), ViT(**SMALL, seed=4).state_dict()
    assert list(again) == list(state)
    assert all(np.array_equal(again[name], value) for name, value in state.items())
    assert not np.array_equal(other["cls_token"], state["cls_token"])


def test_replica_computes_the_same_and_owns_its_gradients():
    model = ViT(**SMALL)
    twin = model.replica()
    images = IMAGES.astype(np.float32)
    logits, cache = twin.forward(images)
    np.testing.assert_array_equal(logits, model.forward(images)[0])
    twin.backward(logits, cache)
    assert twin.pos_embed.grad.any()
    assert not model.pos_embed.grad.any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"global_pool": "max"}, 'global_pool is \'max\'; expected "token" or "avg"'),
        ({"class_token": False}, "needs class_token=True"),
        ({"distilled": True, "global_pool": "avg"}, "distilled=True reads both tokens: it needs class_token=True and"),
        ({"distilled": True, "reg_tokens": 2}, "distilled=True has no registers; reg_tokens is 2, expected 0"),
        ({"heads_apart": True}, "heads_apart=True is for two heads: it needs distilled=True"),
        ({"patch_size": 4}, "image size 4 x 6 is not divisible by the patch size 4 x 4"),
        ({"num_heads": 3}, "width 8 is not divisible by num_heads 3"),
        ({"act_layer": "elu"}, "act_layer is 'elu'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        ViT(**{**SMALL, **options})


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((2, 3, 4, 6), np.float32), ValueError, r"shape \(2, 3, 4, 6\); the model expects \(batch, 4, 6, 3\)"),
        (np.zeros((2, 4, 6, 1), np.float32), ValueError, "images have 1 channels; the model expects 3"),
        (np.zeros((2, 4, 6, 3), np.float64), TypeError, "images have dtype float64; the model computes in float32"),
    ],
)
def test_wrong_images(images, error, message):
    with pytest.raises(error, match=message):
        ViT(**SMALL).forward(images)


@pytest.mark.parametrize("shape", [(1, 12), (2, 1), (2, 13)])
def test_a_cotangent_of_a_model_without_a_head(shape):
    model = ViT(**{**SMALL, "num_classes": 0, "embed_dim": 12, "num_heads": 3})
    y, cache = model.forward(np.zeros((2, *model.config["img_size"], 3), np.float32))
    assert model.backward(y, cache).shape[0] == 2
    with pytest.raises(ValueError, match=r"dy has shape .*; expected \(2, 12\)"):
        model.backward(np.ones(shape, np.float32), cache)


def test_unknown_option():
    with pytest.raises(TypeError, match="vit_micro_patch4_32 has no option 'deepth'; its options are img_size, patch_"):
        mv.create_model("vit_micro_patch4_32", deepth=3)


@pytest.mark.parametrize("build", [ViT, mv.models.SwinV2, partial(create_model, "vit_micro_patch4_32")])
def test_a_misspelt_option_is_told_beside_what_was_meant(build):
    with pytest.raises(TypeError, match=r" has no option 'embed_dmi'; its options are .*; did you mean embed_dim\?$"):
        build(embed_dmi=3)
    with pytest.raises(TypeError, match=r" has no option 'xyz'; its options are .*, dtype$"):
        build(xyz=3)


def test_unknown_preset():
    """Of more than a hundred names only those are said that are like it."""
    with pytest.raises(
        ValueError, match=r"there is no model 'vit_tiny_patch4'; did you mean vit_tiny_patch4_32( or \w+)*\?$"
    ):
        create_model("vit_tiny_patch4")
    with pytest.raises(ValueError, match="there is no model 'qqq'; minivit doctor lists all, as does mv"):
        create_model("qqq")


def test_options_may_be_numbers_of_numpy(tmp_path):
    """``num_classes=labels.max() + 1`` and the like: the model computes, and can be saved."""
    options: dict[str, Any] = {"patch_size": np.int64(4), "embed_dim": np.int32(12), "depth": np.int64(2)}
    options |= {"num_heads": np.uint8(3), "num_classes": np.array([4, 2]).max() + 1, "drop_rate": np.float64(0.5)}
    options |= {"img_size": (np.int64(8), np.int64(12)), "class_token": np.bool_(True), "seed": np.int64(3)}
    model = mv.models.ViT(**options, dtype=np.float32)
    assert {type(value) for value in model.config.values()} <= {int, float, bool, str, tuple, type(None)}
    images = np.ones((2, 8, 12, 3), np.float32)
    logits, cache = model.forward(images, rng=np.random.default_rng(0))
    assert logits.dtype == np.float32
    assert model.backward(logits, cache).dtype == np.float32
    mv.save(model, tmp_path / "model.safetensors")
    np.testing.assert_array_equal(mv.load(tmp_path / "model.safetensors").forward(images)[0], model.forward(images)[0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"patch_size": 2.5}, TypeError, r"ViT: patch_size is 2.5; expected int or \(int, int\)"),
        ({"patch_size": 0}, ValueError, "ViT: patch_size is 0; expected at least 1"),
        ({"img_size": (32, -32)}, ValueError, r"ViT: img_size is \(32, -32\); expected at least 1"),
        ({"depth": True}, TypeError, "ViT: depth is True; expected int"),
        ({"depth": -1}, ValueError, "depth is -1; expected at least 0"),
        ({"depth": 1_001}, ValueError, "depth is 1001; expected at least 0 and below 1001"),
        ({"depth": 10**30}, ValueError, "depth is 10{30}; expected at least 0 and below 1001"),
        ({"embed_dim": 12 * 10**20}, ValueError, "more numbers than any array can have"),
        ({"mlp_ratio": 1e300}, ValueError, "more numbers than any array can have"),
        ({"embed_dim": 10**400}, ValueError, "embed_dim is 10+\\.\\.\\.0+; expected a number that a float can be"),
        ({"dtype": 0}, TypeError, "dtype is 0; expected float32"),
        ({"dtype": (1, 2, 3)}, TypeError, r"dtype is \(1, 2, 3\); expected float32"),
        ({"embed_dim": 0}, ValueError, "embed_dim is 0; expected at least 1"),
        ({"num_classes": -1}, ValueError, "num_classes is -1; expected at least 0"),
        ({"mlp_ratio": 0.0}, ValueError, "mlp_ratio is 0.0"),
        ({"init_values": 0.0}, ValueError, "init_values is 0.0; expected above 0 and finite"),
        ({"reg_tokens": -1}, ValueError, "reg_tokens is -1; expected at least 0"),
        ({"drop_path_rate": 1.0}, ValueError, "drop_path_rate is 1.0; expected at least 0 and below 1"),
        ({"drop_rate": np.nan}, ValueError, "drop_rate is nan"),
        ({"dtype": "float16"}, TypeError, "dtype is float16; expected float32"),
        ({"class_token": "no"}, TypeError, "ViT: class_token is 'no'; expected bool"),
        ({"seed": -1}, ValueError, "seed is -1"),
    ],
)
def test_options_are_checked_where_they_enter(options, error, message):
    with pytest.raises(error, match=message):
        mv.models.ViT(**options)
