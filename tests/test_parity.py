"""The same numbers as PyTorch, timm, transformers and fairseq, forward and backward: see tools/make_fixtures.py."""

import json
from ast import literal_eval
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

import minivit as mv
from minivit import ops
from minivit.layers import Attention, Block, GRUCell, Layer, PostNormBlock, frozen
from minivit.models.model import model_options
from minivit.models.wav2vec import Wav2VecOutputs
from minivit.weights import (
    cut_or_stretch_pos_embed,
    load_fairseq,
    load_google,
    load_hf,
    load_timm,
    load_torch,
    resample_abs_pos_embed,
    to_hf,
    to_timm,
)
from minivit.weights.files import open_arrays
from minivit.weights.torch_layout import from_torch

FIXTURES = Path(__file__).parent / "fixtures"


class Case:
    """A fixture: ``case["out/y"]``, ``case.part("param")``, ``case.meta``."""

    def __init__(self, name: str) -> None:
        with np.load(FIXTURES / f"{name}.npz", allow_pickle=False) as file:
            self.arrays = dict(file)
        self.meta: dict[str, Any] = json.loads(self.arrays.pop("__meta__").tobytes(), object_hook=tuples)

    def __getitem__(self, key: str) -> ndarray:
        return self.arrays[key]

    def part(self, kind: str) -> dict[str, ndarray]:
        return {key[len(kind) + 1 :]: a for key, a in self.arrays.items() if key.startswith(f"{kind}/")}


def tuples(options: dict[str, Any]) -> dict[str, Any]:
    """JSON has lists where Python has pairs."""
    return {key: nested(value) for key, value in options.items()}


def nested(value: Any) -> Any:
    return tuple(map(nested, value)) if isinstance(value, list) else value


def channels_last(images: ndarray) -> ndarray:
    return images.transpose(0, 2, 3, 1)


def assert_output(ours: ndarray, theirs: ndarray) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10)


def assert_gradient(ours: ndarray, theirs: ndarray, *, scale: float | None = None) -> None:
    """Equal to 1e-10 of the largest element; ``scale`` for gradients that are zero in theory, noise in practice."""
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10 * (np.abs(theirs).max() if scale is None else scale))


def assert_parameters(layer: Layer, theirs: Layer) -> None:
    """Gradients of ``layer`` against the values of ``theirs``, into which the other library's gradients were loaded."""
    expected = {name: param.value for name, param in theirs.named_params().items()}
    largest = max(np.abs(gradient).max() for gradient in expected.values())
    for name, param in layer.named_params().items():
        scale = np.abs(expected[name]).max()
        # the gradient of a key bias is zero: the softmax does not see what is added to a whole row; so is that of the
        # last bias of token mixing, because norms do not see what is added to all channels of a token
        assert_gradient(param.grad, expected[name], scale=scale if scale > 1e-12 * largest else largest)


VITS: dict[str, tuple[Callable, Callable]] = {
    "timm_vit_token": (load_timm, load_timm),
    "timm_vit_avg": (load_timm, load_timm),
    "timm_vit_avg_no_fc_norm": (load_timm, load_timm),
    "timm_google": (load_google, load_timm),
    "hf_vit": (load_hf, load_hf),
    "timm_dinov2": (load_timm, load_timm),
    "timm_deit3": (load_timm, load_timm),
    "timm_reg4": (load_timm, load_timm),
    "timm_reg_with_position": (load_timm, load_timm),
    "timm_reg_avg": (load_timm, load_timm),
    "timm_deit_distilled": (load_timm, load_timm),
    "hf_deit_distilled": (load_hf, load_hf),
}


MIXERS = {"timm_mixer": (load_timm, load_timm), "google_mixer": (load_google, load_timm)}


@pytest.mark.parametrize("name", VITS)
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_vit(name: str, grad_checkpointing: bool) -> None:
    assert_model(mv.models.ViT, Case(name), *VITS[name], grad_checkpointing=grad_checkpointing)


@pytest.mark.parametrize(
    ("name", "load", "back"), [("timm_deit_distilled", load_timm, to_timm), ("hf_deit_distilled", load_hf, to_hf)]
)
def test_weights_of_a_distilled_model_are_given_back(name: str, load: Callable, back: Callable) -> None:
    case = Case(name)
    model = mv.models.ViT(**case.meta["config"], dtype="float64")
    load(model, case.part("param"))
    assert_given_back(back(model), case)


@pytest.mark.parametrize("name", ["hf_dinov2", "hf_dinov2_resampled"])
def test_dinov2_of_transformers(name: str) -> None:
    """Its body has two outputs: our model of it reads the class token, and another with its weights the patches."""
    case = Case(name)
    config, dx, sums = {**case.meta["config"], "dtype": "float64"}, 0, {}
    for pool, theirs in case.part("out").items():
        model = mv.models.ViT(**config, global_pool=pool, fc_norm=False)
        with pytest.warns(UserWarning, match="'embeddings.mask_token' aside: it stood for patches that were hidden"):
            load_hf(model, {**case.part("param"), "embeddings.mask_token": case["const/mask_token"]})
        y, cache = model.forward(channels_last(case["in/x"]))
        assert_output(y, theirs)
        dx = dx + model.backward(case[f"cot/{pool}"], cache)
        for key, param in model.named_params().items():
            sums[key] = sums.get(key, 0) + param.grad
    assert_gradient(np.asarray(dx), channels_last(case["gin/x"]))
    gradients = case.part("gparam")
    table = gradients["embeddings.position_embeddings"]
    if name.endswith("resampled"):  # theirs went back through the resampling, of a grid of 4 x 4
        rows, columns = config["img_size"][0] // 2, config["img_size"][1] // 2
        _, c_resize = ops.resize_forward(table[:, 1:].reshape(1, 4, 4, -1), size=(rows, columns), mode="bicubic")
        (dgrid,) = ops.resize_backward(sums["pos_embed"][:, 1:].reshape(1, rows, columns, -1), c_resize)
        sums["pos_embed"] = np.concatenate((sums["pos_embed"][:, :1], dgrid.reshape(1, 16, -1)), axis=1)
        config["img_size"] = 8
    model, expected = (mv.models.ViT(**config, class_token=True) for _ in range(2))
    load_hf(expected, gradients)
    for key, param in model.named_params().items():
        param.grad = sums[key]
    assert_parameters(model, expected)
    if not name.endswith("resampled"):
        load_hf(model, case.part("param"))
        assert_given_back(to_hf(model), case, front="dinov2.")


def assert_given_back(arrays: dict[str, ndarray], case: Case, front: str = "") -> None:
    """The same arrays under the same names as the other library has them, with ``front`` before those of a body."""
    assert arrays.keys() == {front + key for key in case.part("param")}
    for key, array in case.part("param").items():
        np.testing.assert_array_equal(arrays[front + key], array)


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_ast(grad_checkpointing: bool) -> None:
    """There, time stands before frequency."""
    case = Case("hf_ast")
    options = {**case.meta["config"], "dtype": "float64", "grad_checkpointing": grad_checkpointing}
    model, gradients = mv.models.AST(**options), mv.models.AST(**options)
    load_hf(model, case.part("param"))
    load_hf(gradients, case.part("gparam"))
    assert_given_back(to_hf(model), case)

    y, cache = model.forward(case["in/x"].transpose(0, 2, 1))
    assert_output(y, case["out/y"])
    dx = model.backward(case["cot/y"], cache)
    assert_gradient(dx, case["gin/x"].transpose(0, 2, 1))
    assert_parameters(model, gradients)


def test_positions_of_another_number_of_frames() -> None:
    """As the authors of AST read them: the middle of a longer table, and a shorter one stretched."""
    case = Case("hf_ast")
    table = case["param/audio_spectrogram_transformer.embeddings.position_embeddings"]
    for name, positions in case.part("const/grid").items():
        size = tuple(map(int, name.split("x")))
        ours = cut_or_stretch_pos_embed(table, (size[0], size[1]), (4, 9))
        np.testing.assert_array_equal(ours[:, :2], table[:, :2])
        np.testing.assert_allclose(ours[:, 2:], positions, rtol=0, atol=1e-12)
    for frames, columns in ((13, 5), (28, 13)):  # the loader knows the rows
        model = mv.models.AST(**{**case.meta["config"], "length": frames}, dtype="float64")
        load_hf(model, case.part("param"))
        np.testing.assert_allclose(model.pos_embed.value[:, 2:], case[f"const/grid/4x{columns}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", MIXERS)
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_mixer(name: str, grad_checkpointing: bool) -> None:
    assert_model(mv.models.Mixer, Case(name), *MIXERS[name], grad_checkpointing=grad_checkpointing)


@pytest.mark.parametrize(("name", "kind"), [("timm_res_mlp", mv.models.ResMLP), ("timm_gmlp", mv.models.GMLP)])
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_mlps(name: str, kind: Any, grad_checkpointing: bool) -> None:
    assert_model(kind, Case(name), load_timm, load_timm, grad_checkpointing=grad_checkpointing)


SHIFTING: dict[str, tuple[str, Callable]] = {
    "s2_mlp": ("S2MLP", load_torch),
    "s2_mlp_narrow": ("S2MLP", load_torch),
    "s2_mlp_v2": ("S2MLP", load_torch),
    "s2_mlp_v2_narrow": ("S2MLP", load_torch),
    "cycle_mlp": ("CycleMLP", load_timm),
    "cycle_mlp_small": ("CycleMLP", load_timm),
}


@pytest.mark.parametrize("name", SHIFTING)
def test_shifting_mlps(name: str) -> None:
    """No library has them: beside what tools/_shifting_mlps.py writes down from the papers."""
    kind, load = SHIFTING[name]
    assert_model(mv.models.MODELS[kind], Case(name), load, load)


def assert_model(kind: Any, case: Case, load_values: Callable, load_gradients: Callable, **options: Any) -> None:
    """A model of images with the options, the parameters and the gradients of the other library's."""
    config = {**case.meta["config"], **options, "dtype": "float64"}
    model, gradients = kind(**config), kind(**config)
    load_values(model, case.part("param"))
    load_gradients(gradients, case.part("gparam"))

    y, cache = model.forward(channels_last(case["in/x"]))
    assert_output(y, case["out/y"])
    dx = model.backward(case["cot/y"], cache)
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_parameters(model, gradients)


SWINS: dict[str, Callable] = {
    "timm_swin_whole": load_timm,
    "timm_swin_odd": load_timm,
    "timm_swin_pair": load_timm,
    "hf_swin_absolute": load_hf,
    "hf_swin_small": load_hf,
    "timm_swinv2_odd": load_timm,
    "timm_swinv2_grown": load_timm,
    "hf_swinv2": load_hf,
}


@pytest.mark.parametrize("name", SWINS)
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_swin(name: str, grad_checkpointing: bool) -> None:
    case, load = Case(name), SWINS[name]
    config = {**case.meta["config"], "dtype": "float64", "grad_checkpointing": grad_checkpointing}
    kind = mv.models.SwinV2 if "swinv2" in name else mv.models.Swin
    model, gradients = kind(**config), kind(**config)
    load(model, case.part("param"))
    load(gradients, case.part("gparam"))

    y, cache = model.forward(channels_last(case["in/x"]))
    assert_output(y, case["out/y"])
    dx = model.backward(case["cot/y"], cache)
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_parameters(model, gradients)


PVTS: dict[str, tuple[str, Callable]] = {
    "hf_pvt": ("PVT", load_hf),
    "hf_pvt_v2": ("PVTv2", load_hf),
    "timm_pvt_v2": ("PVTv2", load_timm),
    "timm_pvt_v2_linear": ("PVTv2", load_timm),
}


@pytest.mark.parametrize("name", PVTS)
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_pvt(name: str, grad_checkpointing: bool) -> None:
    """Maps that neither patches nor spatial reduction divide."""
    kind, load = PVTS[name]
    assert_model(mv.models.MODELS[kind], Case(name), load, load, grad_checkpointing=grad_checkpointing)


@pytest.mark.parametrize("load", [load_hf, load_timm])
def test_positions_of_a_pvt_for_images_of_another_size(load: Callable) -> None:
    """In each stage, bilinear: the model's own names go through timm's loader."""
    case = Case("hf_pvt")
    square, model = (mv.models.PVT(**{**case.meta["config"], "img_size": size}) for size in (44, (32, 60)))
    load_hf(square, case.part("param"))
    load(model, case.part("param") if load is load_hf else to_timm(square))
    for i, stage in enumerate(model.stages):
        np.testing.assert_allclose(stage.pos_embed.value, case[f"const/resized/{i}"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", ["timm_mvitv2", "timm_mvitv2_cls", "timm_mvitv2_max", "timm_mvitv2_avg", "mvit_first"])
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_mvit(name: str, grad_checkpointing: bool) -> None:
    """Maps that strides do not divide, and the first version, as its authors' code computes it."""
    assert_model(mv.models.MViT, Case(name), load_timm, load_timm, grad_checkpointing=grad_checkpointing)


def test_relative_positions_of_a_mvit_for_images_of_another_size() -> None:
    case = Case("timm_mvitv2")
    model = mv.models.MViT(**{**case.meta["config"], "img_size": 56}, dtype="float64")
    load_timm(model, case.part("param"))
    resized = case.part("const/resized")
    assert len(resized) == 6
    for name, table in resized.items():
        ours = model.named_params()[name].value
        np.testing.assert_allclose(ours, table, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["timm_resnet_basic", "timm_resnet_bottleneck"])
def test_resnet(name: str) -> None:
    """With running averages, and with those of the batch, which then move them."""
    case = Case(name)
    options = {**case.meta["config"], "dtype": "float64"}
    model, gradients = mv.models.ResNet(**options), mv.models.ResNet(**options)
    averages = {key.removeprefix("before/"): a for key, a in case.part("const").items() if key.startswith("before/")}
    load_timm(model, case.part("param") | averages)
    load_timm(gradients, case.part("gparam") | averages)
    assert to_timm(model).keys() == case.part("param").keys() | averages.keys()

    net = model if case.meta["train"] else frozen(model)
    y, cache = net.forward(channels_last(case["in/x"]))
    assert_output(y, case["out/y"])
    dx = net.backward(case["cot/y"], cache)
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_parameters(net, gradients)
    if case.meta["train"]:
        model.absorb(cache)
    for key in averages:
        np.testing.assert_allclose(model.named_state()[key].value, case[f"const/after/{key}"], rtol=1e-12)


@pytest.mark.parametrize(("name", "load"), [("timm_hybrid", load_timm), ("google_hybrid", load_google)])
def test_hybrid(name: str, load: Callable) -> None:
    assert_model(mv.models.HybridViT, Case(name), load, load_timm)


def test_weights_of_a_hybrid_are_given_back() -> None:
    case = Case("timm_hybrid")
    model = mv.models.HybridViT(**case.meta["config"], dtype="float64")
    load_timm(model, case.part("param"))
    assert_given_back(to_timm(model), case)


def test_resample_abs_pos_embed() -> None:
    """The functions of timm, of transformers, and of SciPy, which Google's loader calls."""
    case = Case("resample")
    for name, options in case.meta["options"].items():
        ours = resample_abs_pos_embed(case[f"in/{name.split('/')[0]}"], **options)
        np.testing.assert_allclose(ours, case[f"out/{name}"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_short_numbers_of_torch(kind: str) -> None:
    with open_arrays(FIXTURES / "numbers.safetensors") as stored:
        assert stored[kind].dtype == kind
        np.testing.assert_array_equal(stored[kind].read().astype(np.float32), stored[f"exact/{kind}"].read())


def load_encoder_layer(block: Layer, arrays: dict[str, ndarray]) -> None:
    """torch.nn.TransformerEncoderLayer; in_proj is [q; k; v], as ours."""
    ours = {
        "self_attn.in_proj_": "attn.qkv.",
        "self_attn.out_proj.": "attn.proj.",
        "linear1.": "mlp.fc1.",
        "linear2.": "mlp.fc2.",
    }
    renamed = {}
    for name, array in arrays.items():
        for old, new in ours.items():
            name = name.replace(old, new)
        renamed[name] = array
    params = block.named_params()
    block.load_state_dict({name: from_torch(array, params[name]) for name, array in renamed.items()})


@pytest.mark.parametrize(("name", "kind"), [("encoder_layer_pre", Block), ("encoder_layer_post", PostNormBlock)])
def test_encoder_layer(name: str, kind: type[Block]) -> None:
    case = Case(name)
    dim, num_heads, hidden_dim, eps = case.meta["config"].values()
    block, gradients = (
        kind(dim, num_heads, mlp_ratio=hidden_dim / dim, act_layer="relu", norm_eps=eps).init(dtype="float64")
        for _ in range(2)
    )
    load_encoder_layer(block, case.part("param"))
    load_encoder_layer(gradients, case.part("gparam"))

    y, cache = block.forward(case["in/x"])
    assert_output(y, case["out/y"])
    assert_gradient(block.backward(case["cot/y"], cache), case["gin/x"])
    assert_parameters(block, gradients)


@pytest.mark.parametrize("name", ["transformer_pre", "transformer_post"])
def test_transformer(name: str) -> None:
    """Source, target and every parameter, with a causal mask and padding; PyTorch's masks say what is hidden."""
    case = Case(name)
    options: dict[str, Any] = {"vocab_size": 0, "embed_dim": 12, "num_heads": 3, "mlp_ratio": 20 / 12}
    options |= {"encoder_depth": 2, "decoder_depth": 3, "final_norm": True, **case.meta, "dtype": "float64"}
    del options["versions"]
    model, gradients = (mv.models.Transformer(**options) for _ in range(2))
    load_torch(model, case.part("param"))
    load_torch(gradients, case.part("gparam"))

    y, cache = model.forward(case["in/src"], case["in/tgt"], src_mask=~case["const/hidden"])
    assert_output(y, case["out/y"])
    dsrc, dtgt = model.backward(case["cot/y"], cache)
    assert_gradient(dsrc, case["gin/src"])
    assert_gradient(dtgt, case["gin/tgt"])
    assert_parameters(model, gradients)


def load_attention(layer: Layer, arrays: dict[str, ndarray]) -> None:
    """torch.nn.MultiheadAttention, which has the three weights in one where all widths are equal."""
    fused = arrays.get("in_proj_weight")
    weights = [arrays[f"{name}_proj_weight"] for name in "qkv"] if fused is None else np.split(fused, 3)
    ours = {"proj.weight": arrays["out_proj.weight"].T, "proj.bias": arrays["out_proj.bias"]}
    for name, weight, bias in zip("qkv", weights, np.split(arrays["in_proj_bias"], 3), strict=True):
        ours |= {f"{name}.weight": weight.T, f"{name}.bias": bias}
    layer.load_state_dict(ours)


def test_cross_attention() -> None:
    case = Case("cross_attention")
    layer, gradients = (Attention(12, case.meta["num_heads"]).init(dtype="float64") for _ in range(2))
    load_attention(layer, case.part("param"))
    load_attention(gradients, case.part("gparam"))

    y, cache = layer.forward(case["in/x"], case["in/context"], case["in/context"])
    assert_output(y, case["out/y"])
    dx, dkey, dvalue = layer.backward(case["cot/y"], cache)
    assert_gradient(dx, case["gin/x"])
    assert_gradient(dkey + dvalue, case["gin/context"])
    assert_parameters(layer, gradients)


def test_multi_head_attention() -> None:
    """Three inputs, with a bias and a mask (True where PyTorch has minus infinity in it)."""
    case = Case("multi_head_attention")
    layer, gradients = (Attention(12, case.meta["num_heads"], context_dim=8).init(dtype="float64") for _ in range(2))
    load_attention(layer, case.part("param"))
    load_attention(gradients, case.part("gparam"))

    inputs, mask = case.part("in"), ~case["const/hidden"][:, None, None]
    total = {name: np.zeros_like(array) for name, array in inputs.items()}
    for name, bias, seen in (
        ("plain", None, None),
        ("biased", inputs["bias"], None),
        ("masked", inputs["bias"], mask),
    ):
        y, cache = layer.forward(inputs["query"], inputs["key"], inputs["value"], bias, mask=seen)
        assert_output(y, case[f"out/{name}"])
        for given, grad in zip(inputs, layer.backward(case[f"cot/{name}"], cache), strict=bias is not None):
            total[given] += grad
    for name, grad in total.items():
        assert_gradient(grad, case[f"gin/{name}"])
    assert_parameters(layer, gradients)


@pytest.mark.parametrize("name", ["hf_imagegpt", "hf_imagegpt_otherwise"])
@pytest.mark.parametrize("chunk_size", [None, 4])
def test_imagegpt(name: str, chunk_size: int | None) -> None:
    case = Case(name)
    options = {**case.meta["config"], "chunk_size": chunk_size, "dtype": "float64"}
    model, gradients = mv.models.ImageGPT(**options), mv.models.ImageGPT(**options)
    load_hf(model, case.part("param"))
    load_hf(gradients, case.part("gparam"))
    y, cache = model.forward(case["const/tokens"])
    assert_output(y, case["out/y"])
    assert model.backward(case["cot/y"], cache) is None
    assert_parameters(model, gradients)
    assert_given_back(to_hf(model), case)


def wav2vec_options(theirs: dict[str, Any]) -> dict[str, Any]:
    """Options of fairseq as ours."""
    conv = zip(*literal_eval(theirs["conv_feature_layers"]), strict=True)
    context_dim, context_kernel, _ = zip(*literal_eval(theirs["conv_aggregator_layers"]), strict=True)
    same = {name: theirs[name] for name in theirs.keys() & model_options(mv.models.Wav2Vec).keys()}
    return same | {
        **dict(zip(("conv_dim", "conv_kernel", "conv_stride"), conv, strict=True)),
        "context_dim": context_dim,
        "context_kernel": context_kernel,
        "conv_bias": not theirs["no_conv_bias"],
    }


@pytest.mark.parametrize("name", ["fairseq_wav2vec", "fairseq_wav2vec_otherwise"])
def test_wav2vec(name: str) -> None:
    """Frames, contexts, logits and loss, and the gradients of all of these; fairseq has time last, and one long row of
    logits: for each step those of all true frames, then those of all first distractors, and so on.
    """
    case = Case(name)
    options = {**wav2vec_options(case.meta["config"]), "dtype": "float64"}
    model, gradients = (mv.models.Wav2Vec(**options) for _ in range(2))
    load_fairseq(model, case.part("param"))
    load_fairseq(gradients, case.part("gparam"))
    offset = case.meta["offset"]
    assert model.offset == offset

    (z, c, h), cache = model.forward(case["in/x"])
    assert_output(z, case["out/z"].mT)
    assert_output(c, case["out/c"].mT)
    logits, c_logits = ops.future_logits_forward(h, z, case["const/distractors"], offset=offset)
    steps, _ = ops.future_pairs(h.shape[1], h.shape[2], offset)
    parts = [logits[:, steps == k].transpose(2, 0, 1) for k in np.unique(steps)]  # (1 + N, B, T)
    assert_output(np.concatenate([part.ravel() for part in parts]), case["out/logits"])
    truth = np.zeros_like(logits)
    truth[..., 0] = 1
    loss, c_loss = ops.binary_cross_entropy_forward(logits, truth)
    assert_output(loss * logits.size, case["out/loss"])  # theirs is a sum

    (dlogits,) = ops.binary_cross_entropy_backward(case["cot/loss"] * logits.size, c_loss)
    rows = np.split(case["cot/logits"], np.cumsum([part.size for part in parts])[:-1])
    for k, (row, part) in enumerate(zip(rows, parts, strict=True)):
        dlogits[:, steps == k] += row.reshape(part.shape).transpose(1, 2, 0)
    dh, dz = ops.future_logits_backward(dlogits, c_logits)
    dx = model.backward(Wav2VecOutputs(dz + case["cot/z"].mT, case["cot/c"].mT, dh), cache)
    assert_gradient(dx, case["gin/x"])
    assert_parameters(model, gradients)


def load_gru_cell(cell: Layer, arrays: dict[str, ndarray]) -> None:
    """torch.nn.GRUCell; the gates stand in the same order."""
    cell.load_state_dict(
        {f"{part}.{kind}": arrays[f"{kind}_{part}"].T for part in ("ih", "hh") for kind in ("weight", "bias")}
    )


def test_gru_cell() -> None:
    case = Case("gru_cell")
    cell, gradients = (GRUCell(4, 6).init(dtype="float64") for _ in range(2))
    load_gru_cell(cell, case.part("param"))
    load_gru_cell(gradients, case.part("gparam"))

    y, cache = cell.forward(case["in/x"], case["in/h"])
    assert_output(y, case["out/y"])
    dx, dh = cell.backward(case["cot/y"], cache)
    assert_gradient(dx, case["gin/x"])
    assert_gradient(dh, case["gin/h"])
    assert_parameters(cell, gradients)


@pytest.mark.parametrize("op", ["attention", "attention_chunked"])
def test_attention(op: str) -> None:
    case = Case("attention")
    q, k, v, bias = case.part("in").values()
    total = {name: np.zeros_like(x) for name, x in case.part("in").items()}
    for name, options in case.meta["options"].items():
        arguments = {
            "bias": bias if "bias" in options else None,
            "mask": case["const/mask"] if "mask" in options else None,
        }
        if "scale" in options:
            arguments["scale"] = options["scale"]
        y, cache = ops.OPS[op].forward(q, k, v, **arguments)
        assert_output(y, case[f"out/{name}"])
        for key, gradient in ops.OPS[op].backward(case[f"cot/{name}"], cache)._asdict().items():
            total[key] += 0 if gradient is None else gradient
    for key, gradient in total.items():
        assert_gradient(gradient, case[f"gin/{key}"])


def test_conv2d() -> None:
    case = Case("conv2d")
    x, dx = channels_last(case["in/x"]), 0
    for name, options in case.meta["options"].items():
        weight = case[f"param/{name}.weight"].transpose(2, 3, 1, 0)
        y, cache = ops.conv2d_forward(x, weight, case[f"param/{name}.bias"], **options)
        assert_output(y, channels_last(case[f"out/{name}"]))
        grads = ops.conv2d_backward(channels_last(case[f"cot/{name}"]), cache)
        assert_gradient(grads.weight, case[f"gparam/{name}.weight"].transpose(2, 3, 1, 0))
        assert grads.bias is not None
        assert_gradient(grads.bias, case[f"gparam/{name}.bias"])
        dx = dx + grads.x
    assert_gradient(np.asarray(dx), channels_last(case["gin/x"]))


def test_conv1d() -> None:
    case = Case("conv1d")
    x, dx = case["in/x"].mT, 0
    for name, options in case.meta["options"].items():
        weight = case[f"param/{name}.weight"].transpose(2, 1, 0)
        y, cache = ops.conv1d_forward(x, weight, case[f"param/{name}.bias"], **options)
        assert_output(y, case[f"out/{name}"].mT)
        grads = ops.conv1d_backward(case[f"cot/{name}"].mT, cache)
        assert_gradient(grads.weight, case[f"gparam/{name}.weight"].transpose(2, 1, 0))
        assert grads.bias is not None
        assert_gradient(grads.bias, case[f"gparam/{name}.bias"])
        dx = dx + grads.x
    assert_gradient(np.asarray(dx), case["gin/x"].mT)


def as_complex(pairs: ndarray) -> ndarray:
    """(re, im) on the last axis."""
    return pairs[..., 0] + 1j * pairs[..., 1]


def assert_spectrum(gradients: list[ndarray], theirs: ndarray) -> None:
    np.testing.assert_allclose(sum(gradients), theirs, rtol=0, atol=1e-8 * np.abs(theirs).max())


def test_stft() -> None:
    """Spectra, one-sided or whole, and the way back of one that is no wave's; gradients of the wave and the window."""
    case = Case("stft")
    window, dwave, dwindow = case["param/window"], [], []

    def transformed(name: str, **more: Any) -> tuple[ndarray, Any, Any]:
        options = {"n_fft": 32, **case.meta["options"][name], **more}
        w = window[: options.get("win_length", 32)]
        op = mv.audio.OPS["spectrogram" if "power" in options else "stft"]
        X, cache = op.forward(case["in/x"], w, **options)
        return X, cache, op.backward

    def add(grads: Any) -> None:
        dwave.append(grads[0])
        dwindow.append(np.pad(grads[1], (0, 32 - len(grads[1]))))

    for name in ("reflected", "zeros", "odd", "whole_frames", "short_window"):
        X, cache, backward = transformed(name)
        assert_output(X, as_complex(case[f"out/{name}"]))
        add(backward(as_complex(case[f"cot/{name}"]), cache))

    X, cache, backward = transformed("normalized")
    assert_output(X / 32**0.5, as_complex(case["out/normalized"]))
    add(backward(as_complex(case["cot/normalized"]) / 32**0.5, cache))

    X, cache, backward = transformed("twosided")
    dwhole = as_complex(case["cot/twosided"])
    assert_output(np.concatenate([X, X[:, 15:0:-1].conj()], 1), as_complex(case["out/twosided"]))
    dwhole[:, 1:16] += dwhole[:, :16:-1].conj()  # those that are not stored
    add(backward(dwhole[:, :17], cache))

    S, cache, backward = transformed("power", power=2.0)
    assert_output(S, case["out/power"])
    add(backward(case["cot/power"], cache))

    for name, back, length in (
        ("reflected", "inverse", 120),
        ("odd", "inverse_odd", 115),
        ("whole_frames", "inverse_whole_frames", None),
    ):
        X, cache, backward = transformed(name)
        options = {"n_fft": 32, **case.meta["options"][name]}
        options.pop("pad_mode", None)
        w, size = window[: options.get("win_length", 32)], np.abs(X)
        y, c_istft = mv.audio.istft_forward(X * (1 + size), w, length=length, **options)
        assert_output(y, case[f"out/{back}"])
        dlouder, dw = mv.audio.istft_backward(case[f"cot/{back}"], c_istft)
        dwindow.append(np.pad(dw, (0, 32 - len(dw))))
        add(backward(dlouder * (1 + size) + (dlouder.conj() * X).real * X / size, cache))

    assert_spectrum(dwave, case["gin/x"])
    assert_spectrum(dwindow, case["gparam/window"])


def test_pool2d() -> None:
    case = Case("pool2d")
    x, dx = channels_last(case["in/x"]), 0
    for name, options in case.meta["options"].items():
        for kind in ("max", "avg"):
            op = ops.OPS[f"{kind}_pool2d"]
            y, cache = op.forward(x, **options)
            assert_output(y, channels_last(case[f"out/{kind}/{name}"]))
            dx = dx + op.backward(channels_last(case[f"cot/{kind}/{name}"]), cache).x
    assert_gradient(np.asarray(dx), channels_last(case["gin/x"]))


def test_resize() -> None:
    case = Case("resize")
    x, dx = channels_last(case["in/x"]), 0
    for name, options in case.meta["options"].items():
        y, cache = ops.resize_forward(x, **options)
        assert_output(y, channels_last(case[f"out/{name}"]))
        dx = dx + ops.resize_backward(channels_last(case[f"cot/{name}"]), cache).x
    assert_gradient(np.asarray(dx), channels_last(case["gin/x"]))


def test_layer_norm() -> None:
    case = Case("layer_norm")
    dx = 0
    for name, op in {"row": ops.OPS["layer_norm"], "sample": ops.OPS["layer_norm_sample"]}.items():
        gamma, beta = case[f"param/{name}.weight"], case[f"param/{name}.bias"]
        y, cache = op.forward(case["in/x"], gamma, beta, eps=case.meta["eps"])
        assert_output(y, case[f"out/{name}"])
        grads = op.backward(case[f"cot/{name}"], cache)
        assert_gradient(grads.gamma, case[f"gparam/{name}.weight"])
        assert_gradient(grads.beta, case[f"gparam/{name}.bias"])
        dx = dx + grads.x
    assert_gradient(np.asarray(dx), case["gin/x"])


def test_group_norm() -> None:
    case = Case("group_norm")
    gamma, beta = case["param/weight"], case["param/bias"]
    total = [np.zeros_like(channels_last(case["in/x"])), np.zeros_like(gamma), np.zeros_like(beta)]
    for num_groups, theirs in case.part("out").items():
        x = channels_last(case["in/x"])
        y, cache = ops.group_norm_forward(x, gamma, beta, num_groups=int(num_groups), eps=case.meta["eps"])
        assert_output(y, channels_last(theirs))
        grads = ops.group_norm_backward(channels_last(case[f"cot/{num_groups}"]), cache)
        total = [a + grad for a, grad in zip(total, grads, strict=True)]
    dx, dgamma, dbeta = total
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_gradient(dgamma, case["gparam/weight"])
    assert_gradient(dbeta, case["gparam/bias"])


def test_activations() -> None:
    case = Case("activations")
    dx = 0
    for name, theirs in case.part("out").items():
        y, cache = ops.OPS[name].forward(case["in/x"])
        assert_output(y, theirs)
        dx = dx + ops.OPS[name].backward(case[f"cot/{name}"], cache).x
    assert_gradient(np.asarray(dx), case["gin/x"])


def test_losses() -> None:
    case = Case("losses")
    dx = 0
    for name, options in case.meta["options"].items():
        target = case[f"const/{options.pop('target')}"]
        ours = {"cross_entropy": "cross_entropy", "mse": "mse", "l1": "l1", "kl_div": "distillation"}
        op = ops.OPS[next(ours[theirs] for theirs in ours if name.startswith(theirs))]
        loss, cache = op.forward(case["in/x"], target, **options)
        assert_output(loss, case[f"out/{name}"])
        (dlogits,) = op.backward(case[f"cot/{name}"], cache)
        dx = dx + dlogits
    assert_gradient(np.asarray(dx), case["gin/x"])
