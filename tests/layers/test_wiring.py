"""The laws of wiring: names of caches, sequences and their mirror, what stands where a step is left out."""

import ast
from pathlib import Path

import numpy as np
import pytest

import minivit
from minivit.check import check_layer
from minivit.layers import (
    GRU,
    Attention,
    AttentionDecoder,
    Block,
    Checkpoint,
    DecoderBlock,
    Embedding,
    FirstToken,
    GRUCell,
    Identity,
    Layer,
    Linear,
    MeanPool,
    MixerBlock,
    Mlp,
    PatchEmbed,
    PostNormBlock,
    SelfAttention,
    SinusoidalPositions,
    TokenEmbed,
    run,
    run_backward,
)
from minivit.layers.checkpoint import checkpointed
from minivit.layers.conv_block1d import ConvBlock1d, SkipConvBlock1d
from minivit.models import Mixer, Transformer, ViT, Wav2Vec

RNG = np.random.default_rng(0)
X, CONTEXT, IMAGES = RNG.standard_normal((2, 5, 12)), RNG.standard_normal((2, 3, 12)), RNG.standard_normal((2, 4, 6, 3))
TOKENS = RNG.integers(0, 7, (2, 5))
MASK = np.tri(5, dtype=bool)
SMALL = {"img_size": (4, 6), "patch_size": 2, "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 7}
LAYERS = [
    (Mlp(12, 17), X),
    (SelfAttention(12, 3), X),
    (Attention(12, 3), X, CONTEXT, CONTEXT),
    (Block(12, 3), X),
    (PostNormBlock(12, 3), X),
    (DecoderBlock(12, 3), X, CONTEXT),
    (TokenEmbed(Embedding(7, 12), SinusoidalPositions()), TOKENS),
    (Transformer(vocab_size=7, embed_dim=12, num_heads=3, dtype="float64"), TOKENS, TOKENS),
    (PatchEmbed((4, 6), 2, 3, 12), IMAGES),
    (GRUCell(12, 5), X[:, 0], X[:, 1, :5]),
    (GRU(12, 5), X),
    (AttentionDecoder(7, 5, 12), X, np.array([[1, 3, 0], [2, 6, 6]])),
    (ViT(**SMALL, dtype="float64"), IMAGES),
    (ViT(**SMALL, dtype="float64", global_pool="avg", class_token=False), IMAGES),
    (ViT(**{**SMALL, "num_classes": 0}, dtype="float64"), IMAGES),
    (MixerBlock(12, 5, tokens_dim=7, channels_dim=17), X),
    (Mixer(img_size=(4, 6), patch_size=2, embed_dim=12, num_blocks=2, num_classes=7, dtype="float64"), IMAGES),
    (ConvBlock1d(12, 5, 3, causal="edge"), X),
    (SkipConvBlock1d(12, 5, 3, causal="edge", residual_scale=0.5), X),
    (Wav2Vec(conv_dim=(3,), conv_kernel=(4,), conv_stride=(2,), dtype="float64"), X[..., 0].repeat(4, 1)),
]
FILES = [path for part in ("layers", "models") for path in (Path(minivit.__file__).parent / part).glob("*.py")]


@pytest.mark.parametrize(("layer", "inputs"), [(layer, inputs) for layer, *inputs in LAYERS])
def test_the_cache_of_a_child_bears_its_name(layer, inputs):
    """So one walk over a cache finds every attention map, whatever the model."""
    _, cache = layer.init(0, "float64").forward(*inputs)
    for name, item in vars(layer).items():
        if isinstance(item, Layer):
            assert name in cache._fields
        elif isinstance(item, list) and all(isinstance(part, Layer) for part in item):
            assert len(getattr(cache, name)) == len(item)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_four_fields_and_more_are_given_by_keyword(path):
    """Of ten fields, two that were exchanged would not be seen."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.endswith("Cache"):
            assert len(call.args) < 4, f"{path.name}, line {call.lineno}"


def test_a_run_and_its_mirror():
    layers = [Linear(12, 12).init(seed, "float64") for seed in range(3)]
    y, caches = run(layers, X)
    expected = X
    for layer in layers:
        expected, _ = layer.forward(expected)
    np.testing.assert_array_equal(y, expected)
    dy = RNG.standard_normal(y.shape)
    dx = run_backward(layers, dy, caches)
    for layer in reversed(layers):
        dy = dy @ layer.weight.value.T
    np.testing.assert_allclose(dx, dy, rtol=1e-12)
    with pytest.raises(ValueError, match="shorter"):
        run_backward(layers, dy, caches[:2])
    assert run([], X) == (X, [])


def test_options_reach_every_layer_of_a_run():
    layers = [Block(12, 3, drop_path_rate=0.5).init(0, "float64") for _ in range(2)]
    _, caches = run(layers, X, mask=MASK, rng=np.random.default_rng(0))
    assert all((cache.attn.attention.weights[..., ~MASK] == 0).all() for cache in caches)
    assert all(cache.drop_path1.factor is not None for cache in caches)


@pytest.mark.parametrize("layer", [Identity(), FirstToken(), MeanPool(), MeanPool(num_prefix_tokens=2)])
def test_layers_without_parameters(layer):
    assert layer.init().num_params == 0
    check_layer(layer, X)


def test_identity_gives_what_it_takes():
    y, cache = Identity().forward(X)
    assert y is X
    assert Identity().backward(y, cache) is y


@pytest.mark.parametrize(
    ("layer", "inputs", "options"),
    [
        (Block(12, 3), (X,), {"mask": MASK}),
        (SelfAttention(12, 3), (X, RNG.standard_normal((3, 5, 5))), {}),
        (Attention(12, 3), (X, CONTEXT, CONTEXT + 1), {"mask": np.ones((5, 3), bool)}),
    ],
)
def test_a_checkpoint_hands_on_masks_and_contexts(layer, inputs, options):
    layer.init(0, "float64")
    checkpoint = Checkpoint(layer)
    y, cache = checkpoint.forward(*inputs, **options)
    np.testing.assert_array_equal(y, layer.forward(*inputs, **options)[0])
    check_layer(checkpoint, *inputs, **options)
    assert len(cache.inputs) == len(inputs)


class Stages(Layer):
    def __init__(self):
        self.stages = [[Linear(12, 12), Checkpoint(Linear(12, 12))], (Linear(12, 12),)]
        self.last = {"head": Linear(12, 12)}

    def forward(self, x):
        return run([*self.stages[0], *self.stages[1], self.last["head"]], x)


def test_blocks_in_nested_lists_are_checkpointed_once():
    model = Stages().init(0, "float64")
    twin = checkpointed(model)
    kinds = [type(part) for part in (*twin.stages[0], *twin.stages[1], twin.last["head"])]
    assert kinds == [Checkpoint] * 4
    assert not any(isinstance(part.layer, Checkpoint) for part in twin.stages[0])
    assert list(twin.named_params()) == list(model.named_params())
    np.testing.assert_array_equal(twin.forward(X)[0], model.forward(X)[0])
