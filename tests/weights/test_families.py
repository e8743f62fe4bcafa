"""Weights of a family that nothing in minivit/weights names: what its names and axes say is enough for timm's files."""

import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from minivit.layers import BatchNorm, Layer, LayerNorm, Linear
from minivit.layers.batch_norm import frozen
from minivit.layers.initial import normal, ones
from minivit.layers.param import Param
from minivit.models import Model, ViT
from minivit.models.model import MODELS
from minivit.ops.patches import patchify_forward
from minivit.types import Positive, Size, pair
from minivit.weights import load_google, load_hf, load_timm, loading, resample_abs_pos_embed, tables, to_timm
from minivit.weights.sources import TIMM

from .test_loaders import CONFIG as VIT
from .test_loaders import assert_refuses, checkpoint


class Stem(Layer):
    """A convolution whose windows do not overlap, and a batch norm."""

    def __init__(self, patch: tuple[int, int], width: int) -> None:
        self.patch = patch
        self.conv = Linear(3, width, kernel_size=patch, bias=False)
        self.bn = BatchNorm(width)

    def forward(self, x: ndarray) -> tuple[ndarray, Any]:
        h, _ = patchify_forward(x, patch_size=self.patch)
        h, _ = self.conv.forward(h)
        return self.bn.forward(h)


class Lookout(Model):
    """A stem with a batch norm, positions on a grid and in a sequence, and two heads. It can only be looked at."""

    head_names = ("head", "head_dist")

    def __init__(
        self,
        *,
        img_size: Size = (6, 8),
        width: Positive = 7,
        num_classes: Positive = 5,
        seed: int = 0,
        dtype: str = "float64",
    ) -> None:
        Y, X = pair(img_size)
        rows, columns = Y // 3, X // 2
        self.stem = Stem((3, 2), width)
        self.tokens = Param((1, 2, width), "batch token width", normal(1.0))
        self.pos_embed = Param(
            (1, 2 + rows * columns, width), "batch position width", normal(1.0), grid=(rows, columns)
        )
        self.map_pos = Param((rows * columns, width), "position width", normal(1.0), grid=(rows, columns))
        self.relative_position_bias_table = Param((9, 2), "offset head", normal(1.0), grid=(3, 3))
        self.text_pos = Param((4, width), "position width", normal(1.0))
        self.logit_scale = Param((), "", ones)
        self.head = Linear(width, num_classes)
        self.head_dist = Linear(width, num_classes)
        self.init(seed, dtype)

    def forward(self, images: ndarray) -> tuple[ndarray, None]:
        x, _ = self.stem.forward(images)
        positions, tokens = self.pos_embed.value[0], self.tokens.value[0]
        x = np.concatenate((np.broadcast_to(tokens, (len(x), *tokens.shape)), x), axis=1) + positions
        a, _ = self.head.forward(x[:, 0] + x[:, 2:].mean(axis=1))
        b, _ = self.head_dist.forward(x[:, 1] + x[:, 2:].mean(axis=1))
        return self.logit_scale.value * (a + b) / 2, None


del MODELS["Lookout"]  # other tests ask each model there for more than this one has


SHAPES = {
    "stem.conv.weight": (7, 3, 3, 2),
    "stem.bn.weight": (7,),
    "stem.bn.bias": (7,),
    "stem.bn.running_mean": (7,),
    "stem.bn.running_var": (7,),
    "stem.bn.num_batches_tracked": (),
    "tokens": (1, 2, 7),
    "pos_embed": (1, 2 + 8, 7),
    "map_pos": (8, 7),
    "relative_position_bias_table": (9, 2),
    "text_pos": (4, 7),
    "logit_scale": (),
    "head.weight": (5, 7),
    "head.bias": (5,),
    "head_dist.weight": (5, 7),
    "head_dist.bias": (5,),
}
HEADS = [name for name in SHAPES if name.startswith("head")]


def state_dict(**changed: tuple[int, ...]) -> dict[str, ndarray]:
    """As PyTorch has it, with other shapes for some (``head_dist__bias`` is head_dist.bias)."""
    rng = np.random.default_rng(1)
    shapes = SHAPES | {name.replace("__", "."): shape for name, shape in changed.items()}
    arrays = {name: np.asarray(rng.uniform(0.5, 1.5, shape)) for name, shape in shapes.items()}
    return arrays | {"stem.bn.num_batches_tracked": np.array(3)}


def logits_of(arrays: dict[str, ndarray], images: ndarray) -> ndarray:
    """What the model is, written with PyTorch's arrays in PyTorch's order of axes."""
    B, Y, X, C = images.shape
    windows = images.reshape(B, Y // 3, 3, X // 2, 2, C)
    h = np.einsum("byrxsc,ocrs->byxo", windows, arrays["stem.conv.weight"]).reshape(B, -1, 7)
    h = (h - arrays["stem.bn.running_mean"]) / np.sqrt(arrays["stem.bn.running_var"] + 1e-5)
    h = h * arrays["stem.bn.weight"] + arrays["stem.bn.bias"]
    h = np.concatenate([np.repeat(arrays["tokens"], B, axis=0), h], axis=1) + arrays["pos_embed"]
    answers = [
        (h[:, i] + h[:, 2:].mean(1)) @ arrays[f"{head}.weight"].T + arrays[f"{head}.bias"]
        for i, head in enumerate(["head", "head_dist"])
    ]
    return arrays["logit_scale"] * (answers[0] + answers[1]) / 2


def test_the_loaded_model_computes_what_its_arrays_say() -> None:
    """Running averages, too, which are no parameters. Counts of batches are left aside, without a word."""
    model, arrays = Lookout(), state_dict()
    images = np.random.default_rng(0).standard_normal((2, 6, 8, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_timm(model, arrays)
    logits, _ = frozen(model).forward(images)
    np.testing.assert_allclose(logits, logits_of(arrays, images), rtol=1e-12)


def test_to_timm_gives_all_back() -> None:
    model = Lookout()
    load_timm(model, state_dict())
    back = to_timm(model)
    assert {name: array.shape for name, array in back.items()} | {"stem.bn.num_batches_tracked": ()} == SHAPES
    for name, array in back.items():
        np.testing.assert_array_equal(array, state_dict()[name])
    again = Lookout(seed=1)
    load_timm(again, back)
    for name, value in again.state_dict().items():
        np.testing.assert_array_equal(value, model.state_dict()[name])


def test_counts_of_batches_are_left_aside_behind_a_prefix_too() -> None:
    model = Lookout()
    with pytest.warns(UserWarning, match=r"names begin with 'module\.'$"):
        load_timm(model, {f"module.{name}": array for name, array in state_dict().items()})
    np.testing.assert_array_equal(model.stem.bn.running_mean.value, state_dict()["stem.bn.running_mean"])


def test_keep_head_keeps_both_heads() -> None:
    model = Lookout(num_classes=3)
    before = model.state_dict()
    load_timm(model, state_dict(), keep_head=True)
    after = to_timm(model)
    for name, array in state_dict().items():
        if name in HEADS:
            np.testing.assert_array_equal(model.state_dict()[name], before[name])
        elif name in after:
            np.testing.assert_array_equal(after[name], array)


@pytest.mark.parametrize("head", ["head", "head_dist"])
def test_another_number_of_classes_is_named_for_each_head(head: str) -> None:
    arrays = state_dict(**{f"{head}__weight": (4, 7), f"{head}__bias": (4,)})
    message = r"is for 4 classes, the model for 5: .*num_classes=4.*keep_head=True"
    assert_refuses(load_timm, Lookout(), arrays, ValueError, message)


class Deep(Model):
    """A head of several layers."""

    def __init__(self, *, num_classes: int = 2, seed: int = 0, dtype: str = "float32") -> None:
        self.head = [LayerNorm(3), Linear(3, 4), Linear(4, num_classes)]
        self.init(seed, dtype)


del MODELS["Deep"]


def test_classes_are_those_of_the_last_map_of_a_head() -> None:
    arrays = to_timm(Deep())
    for_others = {**arrays, "head.2.weight": np.zeros((5, 4)), "head.2.bias": np.zeros(5)}
    assert_refuses(load_timm, Deep(), for_others, ValueError, "is for 5 classes, the model for 2")
    wider = {**arrays, "head.1.weight": np.zeros((5, 3)), "head.1.bias": np.zeros(5)}
    assert_refuses(load_timm, Deep(), wider, ValueError, r"array 'head\.1\.weight' has shape \(5, 3\); .* \(4, 3\)$")


def test_one_head_of_two_is_missing() -> None:
    arrays = {name: array for name, array in state_dict().items() if not name.startswith("head_dist")}
    message = "'head_dist.bias', 'head_dist.weight' are missing: the checkpoint has no head_dist: keep_head=True keeps"
    assert_refuses(load_timm, Lookout(), arrays, KeyError, message)
    load_timm(Lookout(), arrays, keep_head=True)
    more = {**arrays, "old.head.weight": np.zeros(3)}
    with pytest.raises(KeyError, match=r"array 'old\.head\.weight' has no place in this model.?$"):
        load_timm(Lookout(), more, keep_head=True)
    without_bias = {name: array for name, array in state_dict().items() if name != "head.bias"}
    assert_refuses(load_timm, Lookout(), without_bias, KeyError, "array 'head.bias' is missing.?$")


@pytest.mark.parametrize("size", [(9, 6), (12, 8), (3, 2)])
def test_positions_of_another_grid_are_resampled_by_the_name_of_their_axis(size: tuple[int, int]) -> None:
    """To the model's grid, which is not square, with both tokens in front left alone; a sequence's must fit."""
    model, old = Lookout(img_size=size), np.random.default_rng(2).standard_normal((1, 2 + 16, 7))
    arrays = {**state_dict(), "pos_embed": old, "map_pos": old[0, 2:]}
    new = (size[0] // 3, size[1] // 2)
    for grid in (None, (2, 8)):
        load_timm(model, arrays, grid=grid)
        expected = resample_abs_pos_embed(old, new, grid, num_prefix_tokens=2)
        np.testing.assert_array_equal(model.pos_embed.value, expected)
        np.testing.assert_array_equal(model.pos_embed.value[:, :2], old[:, :2])
        np.testing.assert_array_equal(model.map_pos.value, expected[0, 2:])
    message = re.escape("array 'text_pos' has shape (9, 7); this model expects (4, 7)")
    assert_refuses(load_timm, model, state_dict(text_pos=(9, 7)), ValueError, message)


def test_tables_with_another_axis_may_be_resampled_otherwise() -> None:
    """A source says it by the name of the axis."""
    source = TIMM._replace(resample={**TIMM.resample, "offset": lambda table, param, grid: table[: len(param.value)]})
    model, table = Lookout(), np.random.default_rng(3).standard_normal((25, 2))
    arrays = {**state_dict(), "relative_position_bias_table": table}
    message = re.escape("has shape (25, 2); this model expects (9, 2)")
    assert_refuses(load_timm, model, arrays, ValueError, message)
    loading.load(model, arrays, source, keep_head=False, grid=None)
    np.testing.assert_array_equal(model.relative_position_bias_table.value, table[:9])
    assert_refuses(
        lambda model, arrays: loading.load(model, arrays, source, keep_head=False, grid=None),
        model,
        state_dict(relative_position_bias_table=(25, 3)),
        ValueError,
        re.escape("has shape (25, 3); this model expects (9, 2)"),
    )


def test_what_does_not_fit_is_named_in_pytorchs_order() -> None:
    message = re.escape("array 'stem.conv.weight' has shape (7, 3, 2, 3); this model expects (7, 3, 3, 2)")
    assert_refuses(load_timm, Lookout(), state_dict(stem__conv__weight=(7, 3, 2, 3)), ValueError, message)
    message = "positions for 5 patches make no square grid.* the model's 2 x 4 "
    assert_refuses(load_timm, Lookout(), state_dict(pos_embed=(1, 7, 7)), ValueError, message)
    arrays = {name: array for name, array in state_dict().items() if name != "stem.bn.running_var"}
    assert_refuses(load_timm, Lookout(), arrays, KeyError, "array 'stem.bn.running_var' is missing")
    message = "array 'bn.num_batches_tracked' has no place in this model.?$"  # a count beside no average
    assert_refuses(load_timm, Lookout(), state_dict(bn__num_batches_tracked=()), KeyError, message)


def test_no_option_is_recommended_that_the_model_does_not_have() -> None:
    """As to a ViT: a depth, a class token, a norm after pooling; nor is a part called missing that the model has."""
    for name in ("blocks.3.weight", "cls_token", "fc_norm.weight", "qkv.bias", "x.relative_position_bias"):
        arrays = {**state_dict(), name: np.zeros(3)}
        assert_refuses(load_timm, Lookout(), arrays, KeyError, f"array '{name}' has no place in this model.?$")
    assert_refuses(load_timm, Lookout(), checkpoint("timm_vit_token"), KeyError, "are not the weights of this model")


def test_what_can_be_computed_is_left_aside() -> None:
    arrays = {**state_dict(), "blocks.0.attn.relative_position_index": np.zeros((9, 9), int)}
    with pytest.warns(UserWarning, match=r"left 'blocks\.0\.attn\.relative_position_index' aside: it is computed"):
        load_timm(Lookout(), arrays)


def test_a_grid_for_a_model_without_positions_is_refused() -> None:
    model = Deep()
    load_timm(model, to_timm(model))
    with pytest.raises(ValueError, match=r"grid is \(2, 2\), but this Deep has no table of positions on a grid"):
        load_timm(model, to_timm(model), grid=(2, 2))


@pytest.mark.parametrize(("load", "known"), [(load_google, "Mixer"), (load_hf, "Swin")])
def test_a_family_without_a_table_is_one_sentence(load: Any, known: str) -> None:
    with pytest.raises(TypeError, match=rf"^{load.__name__} knows (\w+, )*{known}, (\w+, )*ViT, not Lookout$"):
        load(Lookout(), state_dict())


@pytest.mark.parametrize(("fixture", "load"), [("timm_google", load_google), ("hf_vit", load_hf)])
def test_a_class_made_from_another_has_its_table(fixture: str, load: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minivit.models.model.MODELS", dict(MODELS))

    class MyViT(ViT):
        pass

    mine, theirs = MyViT(**VIT), ViT(**VIT)
    for model in (mine, theirs):
        load(model, checkpoint(fixture))
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(mine.state_dict()[name], value)


@pytest.fixture
def tables_of_lookout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which the loaders look for tables, too."""
    monkeypatch.setitem(MODELS, "Lookout", Lookout)
    monkeypatch.setattr(tables, "__path__", [*tables.__path__, str(tmp_path)])
    yield tmp_path
    for name in ("google_lookout", "hf_lookout"):
        sys.modules.pop(f"{tables.__name__}.{name}", None)


def test_a_table_is_a_file_that_nothing_names(tables_of_lookout: Path) -> None:
    """Flax's order of axes and names of leaves follow; so do resampled positions, heads, and other loaders' hints."""
    (tables_of_lookout / "google_lookout.py").write_text(
        "from minivit.weights.places import Place, Table\n"
        "NAMES = {'stem.conv': 'root', 'stem.bn': 'root_bn', 'tokens': 'cls', 'pos_embed': 'posembed', 'head': 'top'}\n"
        "ALIKE = ['head_dist', 'map_pos', 'relative_position_bias_table', 'text_pos', 'logit_scale']\n"
        "def table(model):\n"
        "    return Table([{ours: Place((NAMES.get(ours, ours),)) for ours in (*NAMES, *ALIKE)}])\n",
        encoding="utf-8",
    )
    model = Lookout()
    ours = Lookout(seed=1).state_dict()
    renamed = {"stem.conv.weight": "root/kernel", "stem.bn.weight": "root_bn/scale", "tokens": "cls"}
    renamed |= {"pos_embed": "posembed", "head.weight": "top/kernel", "head.bias": "top/bias"}
    renamed |= {f"stem.bn.{kind}": f"root_bn/{kind}" for kind in ("bias", "running_mean", "running_var")}
    renamed |= {"head_dist.weight": "head_dist/kernel", "head_dist.bias": "head_dist/bias"}
    arrays = {renamed.get(name, name): array for name, array in ours.items()}
    load_google(model, arrays)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, ours[name])
    load_google(Lookout(num_classes=2), arrays, keep_head=True)
    assert_refuses(load_timm, model, arrays, KeyError, "these are weights for load_google")
    assert_refuses(load_google, model, state_dict(), KeyError, "these are weights for load_timm")


def test_another_loader_is_not_recommended_for_names_that_are_as_much_ours(tables_of_lookout: Path) -> None:
    (tables_of_lookout / "hf_lookout.py").write_text(
        "from minivit.weights.places import Place, Table\n"
        "def table(model):\n"
        "    return Table([{name: Place((name,)) for name in model.named_state()}])\n",
        encoding="utf-8",
    )
    load_hf(Lookout(), state_dict())
    arrays = {name: array for name, array in state_dict().items() if name != "tokens"}
    assert_refuses(load_timm, Lookout(), arrays, KeyError, "array 'tokens' is missing.?$")


@pytest.mark.parametrize(("fixture", "load"), [("timm_google", load_google), ("hf_vit", load_hf)])
def test_a_parameter_that_a_table_does_not_know_is_refused(fixture: str, load: Any) -> None:
    """Rather than left as it was, without a word."""
    model: Any = ViT(**VIT)
    model.gate = Param((12,), "out", ones)
    model.init()
    message = f"{load.__name__} knows no name for 'gate' of this ViT"
    assert_refuses(load, model, checkpoint(fixture), ValueError, message)
    assert_refuses(load_timm, model, checkpoint("timm_vit_token"), KeyError, "array 'gate' is missing")


def test_nothing_in_the_loaders_names_this_family() -> None:
    for path in Path(tables.__file__).parents[1].rglob("*.py"):
        assert "lookout" not in path.read_text(encoding="utf-8").lower()
