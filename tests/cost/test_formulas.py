"""Closed forms against what is counted another way: real models, loops, and published counts."""

from itertools import product
from math import ceil, log, prod
from typing import Any

import numpy as np
import pytest

from minivit.cost import estimate as cost_estimate
from minivit.cost import formulas, of
from minivit.layers import Mlp
from minivit.layers.recurrent import GRUCell
from minivit.models import PRESETS, Mixer, create_model
from minivit.models.vit import ViT
from minivit.ops.attention import attention_forward
from minivit.ops.patches import patchify_forward
from tests import facts
from tests.sampled import REST

RESNETS = {  # timm 1.0, counted
    (2, 2, 2, 2): (15_995_176, 2_342_256_640),
    (3, 4, 6, 3): (25_557_032, 4_089_184_256),
    (3, 4, 23, 3): (44_549_160, 7_801_405_440),
    (3, 8, 36, 3): (60_192_808, 11_513_626_624),
}


def shape_of(model):
    """The options of a ViT that its formulas take."""
    names = ("img_size", "patch_size", "in_chans", "num_classes", "embed_dim", "depth", "class_token")
    mlp_dim = model.named_params()["blocks.0.mlp.fc1.weight"].shape[1]
    return {name: model.config[name] for name in names} | {"mlp_dim": mlp_dim}


# -- attention ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("img_size", "patch_size"), [(6, 1), (6, 2), ((4, 6), 2), ((4, 6), (4, 3))])
@pytest.mark.parametrize("class_token", [False, True])
def test_entries_are_those_of_a_real_attention_map(img_size, patch_size, class_token):
    rows, columns = img_size if isinstance(img_size, tuple) else (img_size, img_size)
    patches, _ = patchify_forward(np.zeros((1, rows, columns, 3)), patch_size=patch_size)
    x = np.zeros((1, 1, patches.shape[1] + class_token, 2))
    weights = attention_forward(x, x, x)[1].weights
    assert formulas.num_tokens(img_size, patch_size, class_token=class_token) == weights.shape[-1]
    entries = formulas.attention_entries(img_size, patch_size, class_token=class_token)
    assert entries == weights.size
    assert formulas.attention_bytes(entries) == weights.astype(np.float32).nbytes


def test_powers_of_the_lectures():
    R, P, H, W, M = 24, 4, 6, 9, 3
    assert formulas.attention_entries(R) == R**4
    assert formulas.attention_entries(R, P) == (R // P) ** 4
    assert formulas.attention_entries(R, P, class_token=True) == (1 + (R // P) ** 2) ** 2
    assert formulas.attention_entries((H, W)) == H**2 * W**2
    assert formulas.window_attention_entries((H, W), M) == M**4 * (H // M) * (W // M) == M**2 * H * W


@pytest.mark.parametrize(("grid", "window"), [((6, 9), (3, 3)), ((4, 6), (2, 3)), ((4, 4), (4, 4))])
def test_windows_are_pairs_of_tokens_in_one_window(grid, window):
    tokens = list(product(range(grid[0]), range(grid[1])))
    homes = [(y // window[0], x // window[1]) for y, x in tokens]
    assert formulas.window_attention_entries(grid, window) == sum(a == b for a, b in product(homes, homes))


def test_one_window_is_all_of_attention():
    assert formulas.window_attention_entries(8, 8) == formulas.attention_entries(8)
    assert formulas.window_msa_macs(8, 24, 8) == formulas.msa_macs(8, 24)


def test_bytes_of_all_maps_are_those_that_a_model_keeps():
    model = create_model("vit_micro_patch4_32")
    _, cache = model.forward(np.zeros((3, 32, 32, 3), np.float32))
    kept = sum(block.attn.attention.weights.nbytes for block in cache.blocks)
    entries = formulas.attention_entries(32, 4, class_token=True)
    assert formulas.attention_bytes(entries, depth=4, num_heads=4, batch=3) == kept
    assert formulas.attention_bytes(entries, itemsize=2) == 2 * entries


def macs_of_products(shapes):
    """MACs of products (a, b) @ (b, c)."""
    return sum(a * b * c for a, b, c in shapes)


@pytest.mark.parametrize("heads", [1, 2, 6])
def test_omega_of_msa_is_that_of_its_products(heads):
    N, C = 3 * 4, 12
    head = [(N, C // heads, N), (N, N, C // heads)]
    assert formulas.msa_macs((3, 4), C) == macs_of_products([(N, C, C)] * 4 + head * heads)


@pytest.mark.parametrize("heads", [1, 3])
def test_omega_of_windows_is_that_of_their_products(heads):
    N, C, M, windows = 4 * 6, 12, 2, 6
    head = [(M * M, C // heads, M * M), (M * M, M * M, C // heads)]
    assert formulas.window_msa_macs((4, 6), C, M) == macs_of_products([(N, C, C)] * 4 + head * heads * windows)


def test_numbers_may_be_numpy_and_beyond_64_bits():
    sides: list[Any] = [np.int64(10**6), np.int32(10**6)]
    for side in sides:
        assert formulas.attention_entries(side) == 10**24
        assert type(formulas.attention_entries(side)) is int


# -- convolution -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bias", [False, True])
def test_convolution_by_loops(groups, bias):
    (Y, X), (P, Q), C, F = (3, 5), (2, 3), 4, 8
    weights = sum(1 for _ in product(range(F), range(P), range(Q), range(C // groups)))
    assert formulas.conv_params((P, Q), C, F, groups=groups, bias=bias) == weights + bias * F
    macs = 0
    for _ in product(range(Y), range(X)):
        for out, c, _ in product(range(F), range(C), range(P * Q)):
            macs += c // (C // groups) == out // (F // groups)
    assert formulas.conv_macs((Y, X), (P, Q), C, F, groups=groups) == macs


def test_the_map_of_the_patches_is_a_convolution():
    embed = create_model("vit_base_patch16_224").patch_embed
    assert formulas.conv_params(16, 3, 768) == embed.num_params


# -- table 1 of the Transformer ----------------------------------------------------------------------------------------


def layers_until_connected(n, k, dilations):
    """How many layers it takes until every place has heard of all before it, by walking; at least one."""
    heard = [{i} for i in range(n)]
    for layers, step in enumerate(dilations, 1):
        heard = [set().union(*(heard[i - step * p] for p in range(k) if i >= step * p)) for i in range(n)]
        if all(len(known) == i + 1 for i, known in enumerate(heard)):
            return layers
    raise AssertionError("never connected")


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 9, 10, 16, 17, 26, 27, 28])
@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_paths_by_walking(n, k):
    stacked = layers_until_connected(n, k, [1] * n)
    assert formulas.convolution_layer(n, 2, k).path == stacked
    assert formulas.restricted_self_attention_layer(n, 2, k).path == stacked
    dilated = layers_until_connected(n, k, [k**layer for layer in range(n)])
    assert formulas.convolution_layer(n, 2, k, dilated=True).path == dilated


def test_centred_dilated_kernels_leave_out_pairs_near_the_ends():
    """Places 0 and 2 of 3: two is three less one, and the place three further on is padding."""
    heard = [{i} for i in range(3)]
    for step in (1, 3, 9):
        heard = [set().union(*(heard[i + p] for p in (-step, 0, step) if 0 <= i + p < 3)) for i in range(3)]
    assert heard[0] == {0, 1}


def test_only_dilated_convolutions_have_a_logarithmic_path():
    for n in (100, 1000, 10_000):
        assert formulas.convolution_layer(n, 1, 3).path == n // 2
        assert formulas.convolution_layer(n, 1, 3, dilated=True).path == ceil(log(n, 3))


def test_operations_of_layers_by_loops():
    n, d, k = 4, 3, 5
    recurrent = sum(1 for _ in product(range(n), range(2), range(d), range(d)))  # two matrices at each step
    assert formulas.recurrent_layer(n, d) == (recurrent, n, n)
    conv = sum(1 for _ in product(range(n), range(k), range(d), range(d)))
    assert formulas.convolution_layer(n, d, k)[:2] == (conv, 1)
    assert conv == formulas.conv_macs((n, 1), (k, 1), d, d)
    projections = 4 * sum(1 for _ in product(range(n), range(d), range(d)))
    pairs = 2 * sum(1 for _ in product(range(n), range(n), range(d)))  # scores and weighted values
    assert formulas.self_attention_layer(n, d) == (projections + pairs, 1, 1)
    near = 2 * sum(1 for _ in product(range(n), range(k), range(d)))
    assert formulas.restricted_self_attention_layer(n, d, k)[:2] == (projections + near, 1)


def test_a_gru_multiplies_three_times_as_much_as_a_recurrent_layer():
    n, d = 5, 4
    weights = sum(prod(param.shape) for param in GRUCell(d, d).named_params().values() if len(param.shape) == 2)
    assert n * weights == 3 * formulas.recurrent_layer(n, d).macs == 6 * n * d**2


def test_projections_are_the_larger_part_of_attention_up_to_two_widths():
    d = 8
    for n in (2 * d - 1, 2 * d, 2 * d + 1):
        macs, projections = formulas.self_attention_layer(n, d).macs, 4 * n * d**2
        assert (projections > macs - projections) == (n < 2 * d)


def test_attention_over_a_sequence_is_that_over_a_grid():
    assert formulas.self_attention_layer(12, 8).macs == formulas.msa_macs((3, 4), 8)


# -- ViT ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, (kind, _) in PRESETS.items() if kind is ViT])
def test_parameters_of_a_vit_are_those_of_the_model(name):
    """And what some have beside: a second token and head, registers, scales, a norm in front; or fewer positions."""
    model = create_model(name)
    config, D = model.config, model.config["embed_dim"]
    beside = 2 * D + (D + 1) * config["num_classes"] if config["distilled"] else 0  # the token has a position, too
    beside += 2 * D * config["depth"] if config["init_values"] is not None else 0
    beside += config["reg_tokens"] * D - D * config["no_embed_class"]
    beside += D * config["pre_norm"]  # a norm, and patches without a bias
    assert formulas.vit_params(**shape_of(model)) + beside == model.num_params


@pytest.mark.parametrize("name", facts.VIT)
def test_a_vit_costs_what_is_published(name):
    shape = shape_of(create_model(name))
    assert (formulas.vit_params(**shape), formulas.vit_macs(**shape)) == facts.VIT[name]


@pytest.mark.parametrize(
    "options",
    [
        {"img_size": (8, 12), "patch_size": (4, 2), "embed_dim": 6, "num_heads": 3, "depth": 2, "mlp_ratio": 1.5},
        {"img_size": 8, "embed_dim": 4, "num_heads": 1, "depth": 0, "num_classes": 0, "patch_size": 4},
        {"img_size": 8, "embed_dim": 4, "num_heads": 2, "depth": 1, "qkv_bias": False, "patch_size": 2, "in_chans": 1},
        {"img_size": 8, "embed_dim": 4, "num_heads": 2, "class_token": False, "global_pool": "avg", "patch_size": 8},
    ],
)
def test_parameters_of_unusual_vits(options):
    model = ViT(**options)
    shape: dict[str, Any] = shape_of(model) if options.get("depth", 1) else {**options, "mlp_dim": 1}
    shape.pop("num_heads", None)
    qkv_bias = model.config["qkv_bias"]
    assert formulas.vit_params(**shape, qkv_bias=qkv_bias) == model.num_params


def test_macs_of_a_vit_product_by_product():
    """Every matrix product of a small model, written down by hand."""
    N, D, F, H, L, P, C, K = 6, 4, 10, 2, 3, 2, 3, 5
    patches = [(N, P * P * C, D)]
    heads = [(N + 1, D // H, N + 1), (N + 1, N + 1, D // H)] * H
    block = [(N + 1, D, 3 * D), *heads, (N + 1, D, D), (N + 1, D, F), (N + 1, F, D)]
    macs = formulas.vit_macs(img_size=(4, 6), patch_size=P, in_chans=C, num_classes=K, embed_dim=D, depth=L, mlp_dim=F)
    assert macs == macs_of_products([*patches, *block * L, (1, D, K)])
    assert formulas.encoder_macs(N + 1, D, F, L) == macs_of_products(block * L)


def test_the_polynomial():
    for N, D in [(197, 768), (5, 3)]:
        assert formulas.encoder_macs(N, D, 4 * D) == 12 * N * D**2 + 2 * N**2 * D
        assert formulas.block_params(D, 4 * D) == 12 * D**2 + 13 * D
        assert formulas.encoder_macs(6 * D, D, 4 * D) == 2 * (2 * (6 * D) ** 2 * D)  # half of it is quadratic


def test_share_of_attention():
    assert formulas.attention_share() == pytest.approx(0.0407, abs=5e-5)
    assert formulas.attention_share(img_size=1024) == pytest.approx(0.4689, abs=5e-5)
    quadratic = 2 * 197**2 * 768 * 12
    assert formulas.attention_share() == quadratic / facts.VIT["vit_base_patch16_224"][1]


# -- MLP-Mixer ---------------------------------------------------------------------------------------------------------


def shape_of_mixer(model):
    """The options of a Mixer that its formulas take."""
    names = ("img_size", "patch_size", "in_chans", "num_classes", "num_blocks", "embed_dim")
    hidden = {f"{kind}_dim": getattr(model.blocks[0], f"mlp_{kind}").fc1.weight.shape[1] for kind in KINDS}
    return {name: model.config[name] for name in names} | hidden


KINDS = ("tokens", "channels")


@pytest.mark.parametrize("name", facts.MIXER)
def test_a_mixer_costs_what_is_published(name):
    shape = shape_of_mixer(create_model(name))
    assert (formulas.mixer_params(**shape), formulas.mixer_macs(**shape)) == facts.MIXER[name]


@pytest.mark.parametrize(
    "options",
    [
        {"img_size": (8, 12), "patch_size": (4, 2), "embed_dim": 6, "num_blocks": 2, "mlp_ratio": (1.5, 0.5)},
        {"img_size": 8, "embed_dim": 4, "num_blocks": 1, "num_classes": 0, "patch_size": 4, "in_chans": 1},
    ],
)
def test_unusual_mixers(options):
    model = Mixer(**options)
    shape = shape_of_mixer(model)
    estimate = cost_estimate(model)
    assert (formulas.mixer_params(**shape), formulas.mixer_macs(**shape)) == (estimate.params, estimate.macs_forward)


def test_token_mixing_by_its_arrays_and_products():
    N, E, C = 6, 5, 4
    mlp = Mlp(N, E)
    assert formulas.token_mixing_params(N, E) == mlp.num_params
    assert formulas.token_mixing_params(N, E, channels=C) == C * mlp.num_params
    assert formulas.token_mixing_macs(N, E, C) == macs_of_products([(C, N, E), (C, E, N)])


def test_untied_kernels_are_those_of_two_convolutions_in_groups():
    """A full-size depthwise convolution with E kernels for each channel, and a grouped one of 1 x 1."""
    (Y, X), E, C = (2, 3), 5, 4
    first, second = ((Y, X), C, C * E), (1, C * E, C * Y * X)
    params = sum(formulas.conv_params(*conv, groups=C) for conv in (first, second))
    assert formulas.token_mixing_params(Y * X, E, channels=C) == params
    macs = sum(formulas.conv_macs(1, *conv, groups=C) for conv in (first, second))
    assert formulas.token_mixing_macs(Y * X, E, C) == macs


def test_what_untied_kernels_would_cost():
    tied, untied = (formulas.mixer_params(tied=tied) for tied in (True, False))
    assert untied - tied == 12 * 767 * formulas.token_mixing_params(196, 384)
    assert (tied, untied) == (59_880_472, 1_450_678_504)


# -- families for comparison -------------------------------------------------------------------------------------------


@REST
@pytest.mark.parametrize("name", facts.SWIN)
def test_swin_costs_what_is_counted(name):
    """In the model that is here, whose numbers tests/models hold to timm's."""
    model = create_model(name)
    img_size, heads = model.config["img_size"], model.config["num_heads"]
    sizes = {key: model.config[key] for key in ("patch_size", "num_classes", "embed_dim", "depths", "window_size")}
    counted = of(model, images=(1, img_size, img_size, 3)).forward.macs
    params, macs = formulas.swin_params(num_heads=heads, **sizes), formulas.swin_macs(img_size=img_size, **sizes)
    assert (params, macs) == (model.num_params, counted) == facts.SWIN[name]


@pytest.mark.parametrize("depths", RESNETS)
def test_resnets_cost_what_is_counted(depths):
    assert (formulas.resnet_params(depths), formulas.resnet_macs(depths)) == RESNETS[depths]


def test_gpt2_has_as_many_parameters_as_its_implementation():
    assert formulas.language_model_params(12, 768, 50_257, positions=1024) == 124_439_808  # transformers, counted


def test_bert_array_by_array():
    d, F, layers, tokens = 8, 32, 3, 11
    attention = [(d, d), (d,)] * 4 + [(d,), (d,)]
    mlp = [(d, F), (F,), (F, d), (d,), (d,), (d,)]
    arrays = [(tokens, d), (7, d), (2, d), (d,), (d,), *(attention + mlp) * layers, (d, d), (d,)]
    found = formulas.language_model_params(layers, d, tokens, positions=7, segments=2, pooler=True)
    assert found == sum(map(prod, arrays))


def test_relative_positions_cost_a_matrix_and_two_vectors_per_layer():
    more = formulas.language_model_params(5, 8, 11, relative=True) - formulas.language_model_params(5, 8, 11)
    assert more == 5 * (8**2 + 2 * 8)


# -- hardware ----------------------------------------------------------------------------------------------------------


def test_what_a_chip_can_do():
    assert formulas.peak_flops(132, 128, 2, 1_775_000_000) == 59_980_800_000_000
    assert formulas.memory_bandwidth(5120, 1_215_000_000) == 1_555_200_000_000
    assert formulas.flops_per_dollar(60e12, 30_000) == 2e9


# -- wrong calls -------------------------------------------------------------------------------------------------------


FRACTION: Any = 224.0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: formulas.num_tokens(225, 16), ValueError, "img_size is 225 x 225, and patch_size 16 x 16 does not"),
        (lambda: formulas.num_tokens((224, 0)), ValueError, "img_size is .* expected at least 1"),
        (lambda: formulas.num_tokens(FRACTION), TypeError, "num_tokens: img_size is 224.0; expected"),
        (lambda: formulas.vit_macs(img_size=225), ValueError, "patch_size 16 x 16 does not divide it"),
        (lambda: formulas.window_attention_entries(56, 6), ValueError, "window_size 6 x 6 does not divide it"),
        (lambda: formulas.swin_macs(img_size=256), ValueError, "window_size 7 x 7 does not divide it"),
        (lambda: formulas.conv_params(3, 4, 6, groups=4), ValueError, "4 groups do not divide"),
        (lambda: formulas.convolution_layer(9, 2, 1), ValueError, "k is 1; expected at least 2"),
        (lambda: formulas.restricted_self_attention_layer(9, 2, 1), ValueError, "r is 1; expected at least 2"),
        (lambda: formulas.attention_bytes(0), ValueError, "entries is 0; expected at least 1"),
        (lambda: formulas.flops_per_dollar(1e12, 0), ValueError, "dollars is 0; expected above 0"),
        (lambda: formulas.swin_params(num_heads=(3, 6)), ValueError, "4 stages .* num_heads"),
    ],
)
def test_wrong_calls_are_refused_in_one_sentence(call, error, words):
    with pytest.raises(error, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)
