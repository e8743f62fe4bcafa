"""CLIP: what is special about it; tests/test_parity_clip.py holds it against transformers and OpenAI's code."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit import ops
from minivit.check import check_layer
from minivit.layers.text_tower import TextTower
from minivit.models import CLIP, PRESETS, ModifiedResNet, ViT
from minivit.models.clip import CLIPOutputs
from minivit.train import SGD, AdamW
from minivit.weights import load_any, load_hf, load_torch, to_hf
from tests import facts
from tests.sampled import REST
from tests.weights.test_loaders import assert_refuses, assert_same

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (4, 6),
    "patch_size": 2,
    "embed_dim": 8,
    "depth": 1,
    "num_heads": 2,
    "joint_dim": 5,
    "vocab_size": 11,
    "max_length": 7,
    "text_dim": 6,
    "text_depth": 1,
    "text_heads": 3,
    "mlp_ratio": 1.5,
    "text_mlp_ratio": 2.0,
}
RESNET: dict[str, Any] = {"img_size": (16, 8), "layers": (1, 1), "embed_dim": 4}
TOKENS = np.array([[9, 3, 10, 0, 0], [9, 10, 10, 4, 2], [9, 5, 1, 7, 10]])


def clip(**options: Any) -> CLIP:
    return CLIP(**{**SMALL, **options})


def images_for(model: CLIP, count: int = 3) -> np.ndarray:
    return RNG.standard_normal((count, *mv.types.pair(model.config["img_size"]), 3)).astype(model.dtype)


@REST
@pytest.mark.parametrize("name", facts.CLIP)
def test_parameters_and_macs(name):
    params, macs, of_image_tower = facts.CLIP[name]
    model = mv.create_model(name)
    assert model.num_params == params
    tower = model.visual.num_params + sum(param.size for param in model.visual_proj.params)
    assert tower == of_image_tower
    if isinstance(model.visual, ViT):
        projection = model.config["embed_dim"] * model.config["joint_dim"]
        assert mv.cost.estimate(model.visual).macs_forward + projection == macs


@REST
@pytest.mark.parametrize("name", [name for name in facts.CLIP_IMAGE_TOWERS if name.startswith("vit")])
def test_image_towers_of_timm(name):
    """Their heads are CLIP's projection with a bias; our CLIP has it without."""
    model, (params, macs) = mv.create_model(name), facts.CLIP_IMAGE_TOWERS[name]
    assert model.num_params == params
    assert mv.cost.estimate(model).macs_forward == macs


@pytest.mark.parametrize("name", [name for name, (kind, _) in PRESETS.items() if kind is CLIP])
def test_no_preset_is_missing(name):
    assert name in {*facts.CLIP, "clip_vit_tiny_patch8_64", "clip_resnet_tiny_64"}


@REST
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"eos_token_id": 10, "act_layer": "gelu", "depth": 0},
        {"text_depth": 0, "norm_eps": 1e-3},
        RESNET,
        {**RESNET, "layers": (1, 0), "act_layer": "relu"},
    ],
    ids=str,
)
def test_gradients(options):
    model = clip(**options).init(0, "float64")
    for name, param in model.named_params().items():
        if param.is_linear_map or "norm" in name:
            param.value = param.value + RNG.standard_normal(param.shape) / 4
    check_layer(model, images_for(model), TOKENS)


def test_vectors_have_length_one_and_the_scale_is_the_models():
    model = clip().init(0, "float64")
    outputs, _ = model.forward(images_for(model), TOKENS)
    for vectors in outputs[:2]:
        np.testing.assert_allclose((vectors**2).sum(1), 1, rtol=1e-12)
    np.testing.assert_array_equal(outputs.logit_scale, [np.log(1 / 0.07)] * 3)


def test_gradients_of_images_apart_are_the_gradient_of_the_one_scale():
    model = clip().init(0, "float64")
    images = images_for(model)
    outputs, cache = model.forward(images, TOKENS)
    logits, c_logits = ops.scaled_similarities_forward(*outputs)
    loss, c_loss = ops.symmetric_cross_entropy_forward(logits)
    (dlogits,) = ops.symmetric_cross_entropy_backward(np.ones_like(loss), c_loss)
    model.backward(CLIPOutputs(*ops.scaled_similarities_backward(dlogits, c_logits)), cache)
    # of exp(t) I . T in both directions
    np.testing.assert_allclose(model.logit_scale.grad, (dlogits * logits).sum(), rtol=1e-12)


def test_a_text_ends_where_its_highest_token_stands_first():
    tower = TextTower(11, 7, 6, 1, 2)
    np.testing.assert_array_equal(tower.ends(TOKENS), [2, 1, 4])
    np.testing.assert_array_equal(
        TextTower(11, 7, 6, 1, 2, end=3).ends(np.array([[9, 3, 10, 3], [3, 10, 9, 4]])), [1, 0]
    )


def test_what_stands_behind_the_end_has_no_say():
    model = clip(eos_token_id=4).init(0, "float64")
    texts = np.array([[9, 3, 4, 0, 0], [9, 3, 4, 10, 7]])
    first, second = model.encode_texts(texts)[0]
    np.testing.assert_array_equal(first, second)
    (shorter,) = model.encode_texts(texts[:1, :3])[0]
    np.testing.assert_allclose(shorter, first, rtol=1e-12)
    (other,) = model.encode_texts(np.array([[9, 2, 4]]))[0]
    assert np.abs(other - first).max() > 1e-3


def test_a_text_knows_its_order():
    model = clip().init(0, "float64")
    one, two = model.encode_texts(np.array([[9, 1, 2, 10], [9, 2, 1, 10]]))[0]
    assert np.abs(one - two).max() > 1e-4


@pytest.mark.parametrize("make", [SGD, AdamW])
@pytest.mark.parametrize(
    ("start", "gradient", "expected"), [(4.6, -1.0, np.log(100)), (0.01, 1.0, 0.0), (2.0, 0.0, 2.0)]
)
def test_the_scale_is_clamped_behind_each_step_and_comes_back(make, start, gradient, expected):
    """As open_clip does it. What forward clamps would have no gradient there, and stay."""
    model = clip().init(0, "float64")
    optimizer = make(model, lr=0.5)
    model.logit_scale.value = np.array(start)
    model.logit_scale.grad = np.array(gradient)
    optimizer.step()
    np.testing.assert_allclose(model.logit_scale.value, expected, atol=1e-12)
    scale = np.exp(model.logit_scale.value)
    outputs, _ = model.forward(images_for(model), TOKENS)
    assert np.exp(outputs.logit_scale).max() <= 100 * (1 + 1e-12)
    model.logit_scale.grad = np.array(np.sign(scale - 10.0))
    for _ in range(3):
        optimizer.step()
    assert (np.exp(model.logit_scale.value) < scale) == (scale > 10)


@REST
@pytest.mark.parametrize("options", [{}, RESNET], ids=["vit", "resnet"])
def test_a_step_of_several_shards_is_counted(options):
    """On arrays without numbers, too, the shards' gradients of the one number add up."""
    one, three = (mv.cost.estimate(clip(**options), batch=batch, length=7) for batch in (16, 48))
    assert three.macs_forward == 3 * one.macs_forward
    assert three.peak_training_bytes >= one.peak_training_bytes


def test_forward_takes_the_scale_as_it_is():
    """As both libraries do."""
    model = clip().init(0, "float64")
    model.logit_scale.value = np.array(5.0)
    np.testing.assert_array_equal(model.forward(images_for(model), TOKENS)[0].logit_scale, [5.0] * 3)


def test_running_averages_of_the_resnet_move():
    model = clip(**RESNET)
    _, cache = model.forward(images_for(model), TOKENS)
    before = model.visual.bn1.running_mean.value.copy()
    model.absorb(cache)
    assert np.abs(model.visual.bn1.running_mean.value - before).max() > 1e-4


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clip(eos_token_id=11), "eos_token_id is 11; expected a token below vocab_size 11"),
        (lambda: clip(mlp_ratio=0.0), "mlp_ratio"),
        (lambda: clip(text_mlp_ratio=0.0), "text_mlp_ratio"),
        (lambda: clip(text_heads=4), "width 6 is not divisible by num_heads 4"),
        (lambda: clip().encode_texts(np.zeros((2, 8), int)), "texts have 8 tokens; this model reads 1 to 7"),
        (lambda: clip().encode_texts(np.zeros((2, 0), int)), "texts have 0 tokens; this model reads 1 to 7"),
        (lambda: clip().encode_texts(np.full((2, 3), 11)), "tokens: token 11 is out of range"),
        (lambda: clip(eos_token_id=10).encode_texts(TOKENS[:, :2]), "text 0 has no token 10, which ends a text"),
        (lambda: clip().encode_images(np.zeros((1, 4, 4, 3), "f")), "images have shape"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("load", [load_hf, load_any])
def test_weights_of_transformers_come_back(load):
    model, other = clip(), clip(seed=1)
    load(model, to_hf(other))
    assert_same(model, other)


def test_weights_for_other_image_sizes():
    """Positions of patches are resampled, the class token's is not."""
    model, other = clip(img_size=(8, 8)), clip(img_size=(4, 4))
    load_hf(model, to_hf(other))
    ours, theirs = model.visual.pos_embed.value, other.visual.pos_embed.value
    np.testing.assert_array_equal(ours[:, 0], theirs[:, 0])
    assert ours.shape == (1, 17, 8)
    np.testing.assert_allclose(ours[:, 1:].mean(1), theirs[:, 1:].mean(1), atol=1e-2)


def test_what_does_not_fit():
    arrays = to_hf(clip())
    resnet = clip(**RESNET)
    assert isinstance(resnet.visual, ModifiedResNet)
    assert_refuses(load_hf, resnet, arrays, ValueError, "transformers has a ViT for images")
    longer = {**arrays, "text_model.embeddings.position_embedding.weight": np.zeros((9, 6), "f")}
    assert_refuses(load_hf, clip(), longer, ValueError, r"has shape \(9, 6\); this model expects \(7, 6\)")
    wide = {**arrays, "vision_model.embeddings.position_embedding.weight": np.zeros((7, 9), "f")}
    assert_refuses(load_hf, clip(), wide, ValueError, r"has shape \(7, 9\); this model expects")
    assert_refuses(load_torch, clip(), arrays, KeyError, "these are weights for load_hf")
    ids = {**arrays, "text_model.embeddings.position_ids": np.arange(7)[None]}
    with pytest.warns(UserWarning, match="aside: they are the numbers of the places, not learned"):
        load_hf(clip(), ids)


def test_names_of_openai():
    """The image tower of a ViT, written under the names of OpenAI's file; those of a ResNet are a fixture."""
    model, other = clip(), clip(seed=1)
    state = {name: np.array(param.value) for name, param in other.named_params().items()}
    arrays = {
        "visual.class_embedding": state["visual.cls_token"][0, 0],
        "visual.positional_embedding": state["visual.pos_embed"][0],
        "visual.conv1.weight": state["visual.patch_embed.proj.weight"].transpose(3, 2, 0, 1),
        "visual.proj": state["visual_proj.weight"],
        "text_projection": state["text_proj.weight"],
        "positional_embedding": state["text.positions.table"],
        "token_embedding.weight": state["text.embed.weight"],
        "logit_scale": state["logit_scale"],
        "context_length": np.array(7),
    }
    norms = {"visual.ln_pre": "visual.norm_pre", "visual.ln_post": "visual.norm", "ln_final": "text.norm"}
    for theirs, ours in {"visual.transformer": "visual", "transformer": "text"}.items():
        its = {"ln_1": "norm1", "ln_2": "norm2"}
        norms |= {f"{theirs}.resblocks.0.{name}": f"{ours}.blocks.0.{part}" for name, part in its.items()}
        maps = {"attn.out_proj.": "attn.proj.", "attn.in_proj_": "attn.qkv."}
        maps |= {"mlp.c_fc.": "mlp.fc1.", "mlp.c_proj.": "mlp.fc2."}
        for name, part in maps.items():
            arrays[f"{theirs}.resblocks.0.{name}weight"] = state[f"{ours}.blocks.0.{part}weight"].T
            arrays[f"{theirs}.resblocks.0.{name}bias"] = state[f"{ours}.blocks.0.{part}bias"]
    arrays |= {
        f"{theirs}.{kind}": state[f"{ours}.{kind}"] for theirs, ours in norms.items() for kind in ("weight", "bias")
    }
    with pytest.warns(UserWarning, match="'context_length' aside: they are options"):
        load_torch(model, arrays)
    assert_same(model, other)
