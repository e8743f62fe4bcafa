"""What the arrays of a checkpoint hold: numbers, what NumPy makes numbers of, and what it cannot."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

import minivit as mv
from minivit.layers.param import Param
from minivit.models import ViT
from minivit.weights import load_timm
from minivit.weights.files import open_arrays

from .test_loaders import CONFIG, assert_refuses, assert_same, checkpoint, each_loader, with_table


@each_loader
def test_values_take_the_dtype_of_the_model(fixture: str, load: Callable) -> None:
    single, double = ViT(**CONFIG), ViT(**CONFIG, dtype="float64")
    load(single, checkpoint(fixture))
    load(double, checkpoint(fixture))
    for param, exact in zip(single.params, double.params, strict=True):
        assert param.value.dtype == np.float32
        np.testing.assert_array_equal(param.value, exact.value.astype(np.float32))


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_timm(ViT(**CONFIG), tmp_path / "a.npz")


@each_loader
def test_the_arrays_of_the_user_are_neither_kept_nor_written(fixture: str, load: Callable) -> None:
    """Of the model's dtype, so that nothing would have to be copied."""
    model, arrays = ViT(**CONFIG, dtype="float64"), checkpoint(fixture)
    for array in arrays.values():
        array.flags.writeable = False
    load(model, arrays)
    for param in model.params:
        assert not any(np.shares_memory(param.value, array) for array in arrays.values())


@each_loader
def test_what_is_loaded_is_a_parameter_and_no_part_of_a_cache(fixture: str, load: Callable) -> None:
    model, fresh = ViT(**CONFIG), ViT(**CONFIG)
    load(model, checkpoint(fixture))
    images = np.zeros((2, 8, 6, 3), np.float32)
    assert mv.nbytes(model.forward(images)[1]) == mv.nbytes(fresh.forward(images)[1])


class Tensor(SimpleNamespace):
    """A tensor of PyTorch as NumPy meets it: ``error`` is what it says where NumPy cannot have its numbers."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ndarray:
        if self.error:
            raise self.error
        return self.array


def tensor(array: Any, error: Exception | None = None, dtype: str = "torch.float32") -> Tensor:
    return Tensor(array=array, error=error, shape=np.shape(array), dtype=dtype)


@each_loader
def test_what_numpy_makes_an_array_of_is_one(fixture: str, load: Callable) -> None:
    model, of_lists, of_tensors = (ViT(**CONFIG) for _ in range(3))
    arrays = checkpoint(fixture)
    load(model, arrays)
    load(of_lists, {name: array.tolist() for name, array in arrays.items()})
    load(of_tensors, {name: tensor(array) for name, array in arrays.items()})
    assert_same(model, of_lists)
    assert_same(model, of_tensors)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (tensor(np.zeros(5), TypeError("Got unsupported ScalarType BFloat16"), "torch.bfloat16"), r"torch\.bfloat16"),
        (tensor(np.zeros(5), RuntimeError("Can't call numpy() on Tensor that requires grad.")), r"torch\.float32"),
        (np.zeros(5, complex), "complex128"),
        (np.zeros(5, int), "int64"),
        (np.zeros(5, object), "object"),
        (np.zeros(5, [("a", "f4")]), "void32"),
        ([[1.0], [2.0, 3.0]], "list"),
        ("zeros", "str160"),
        (None, "object"),
    ],
)
def test_values_that_are_no_weights_are_refused(value: Any, kind: str) -> None:
    arrays = {**checkpoint("timm_vit_token"), "head.bias": value}
    message = rf"'head.bias' holds {kind}; weights are NumPy arrays of .*float64 .*tensor\.detach\(\)\.float\(\)\.cpu"
    assert_refuses(load_timm, ViT(**CONFIG), arrays, ValueError, message)


@pytest.mark.parametrize("value", [None, ["a.npz"], b"a.npz", ViT])
def test_what_is_neither_arrays_nor_a_path_is_refused(value: Any) -> None:
    message = f"not a {type(value).__name__} .*pass its state_dict"
    with pytest.raises(TypeError, match=message), open_arrays(value):  # which every loader calls
        pass


def test_nan_and_infinite_numbers_are_loaded_and_said() -> None:
    arrays = checkpoint("timm_vit_token")
    arrays["head.bias"][1], arrays["norm.weight"][2] = np.nan, np.inf
    model = ViT(**CONFIG)
    with pytest.warns(UserWarning, match="loaded nan or infinite numbers into 'head.bias', 'norm.weight'"):
        load_timm(model, arrays)
    np.testing.assert_array_equal(model.state_dict()["head.bias"], arrays["head.bias"].astype(np.float32))
    untouched, strict = ViT(**CONFIG), ViT(**CONFIG)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning):  # who makes an error of it wants no such model
            load_timm(strict, arrays)
    assert_same(strict, untouched)
    arrays = with_table("timm_vit_token", np.full((1, 10, 12), np.inf))
    with pytest.warns(UserWarning, match="infinite numbers into 'pos_embed'"):
        load_timm(ViT(**CONFIG), arrays)


def test_numbers_too_large_for_the_dtype_are_refused() -> None:
    arrays = checkpoint("timm_vit_token")
    arrays["norm.bias"][3] = 1e300
    assert_refuses(load_timm, ViT(**CONFIG), arrays, ValueError, "'norm.bias' holds numbers too large for .* float32")
    model = ViT(**CONFIG, dtype="float64")
    load_timm(model, arrays)
    assert model.state_dict()["norm.bias"][3] == 1e300


class Failing(Mapping):
    """Arrays of which the last cannot be had."""

    def __init__(self, arrays: dict[str, ndarray], error: Exception) -> None:
        self.arrays, self.error = arrays, error

    def __getitem__(self, name: str) -> ndarray:
        if name == list(self)[-1]:
            raise self.error
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)


@each_loader
@pytest.mark.parametrize(
    ("error", "expected"), [(MemoryError(), MemoryError), (OSError(5, "Input/output error"), ValueError)]
)
def test_nothing_is_changed_if_an_array_cannot_be_had(
    fixture: str, load: Callable, error: Exception, expected: type[Exception]
) -> None:
    arrays = Failing(checkpoint(fixture), error)
    assert_refuses(
        load, ViT(**CONFIG), arrays, expected, "^$" if expected is MemoryError else "cannot be read: .*Input"
    )


@each_loader
@pytest.mark.parametrize("used", [False, True], ids=["before its first use", "after it"])
def test_nothing_is_changed_if_memory_runs_out_in_the_middle(
    fixture: str, load: Callable, used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be memory for 20 arrays; for one of each is enough: all of it is taken before the first change."""
    model, untouched, enough, loaded = (ViT(**CONFIG, seed=3) for _ in range(4))
    load(loaded, checkpoint(fixture))
    if used:
        assert model.state_dict()
        assert enough.state_dict()
    left, empty = 0, Param.empty

    def as_long_as_there_is_some(self: Param) -> ndarray:
        nonlocal left
        left -= 1
        if left < 0:
            raise MemoryError
        return empty(self)

    with monkeypatch.context() as patch:
        patch.setattr(Param, "empty", as_long_as_there_is_some)
        left = 20
        with pytest.raises(MemoryError):
            load(model, checkpoint(fixture))
    assert_same(model, untouched)
    with monkeypatch.context() as patch:
        patch.setattr(Param, "empty", as_long_as_there_is_some)
        left = len(enough.params)
        load(enough, checkpoint(fixture))
    assert_same(enough, loaded)
