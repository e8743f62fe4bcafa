"""Models in files: what comes back, what a crash leaves behind, and what is said about a bad file."""

import errno
import json
import os
import pickle
import re
import stat
import tracemalloc
from importlib import import_module
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import minivit as mv
from minivit.layers import Linear
from minivit.models import MODELS, Model
from minivit.storage import load, open_safetensors, read_arrays, read_metadata, save, write_arrays
from minivit.types import Count, Depths, Positive
from tests.unchecked import without_annotations


def small_model(**options) -> mv.models.ViT:
    config = {"img_size": (8, 6), "patch_size": 2, "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 5}
    return mv.models.ViT(**{**config, **options})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_comes_back(path: Path, dtype: str) -> None:
    model = small_model(dtype=dtype, seed=3, global_pool="avg", act_layer="gelu_tanh")
    save(model, path)
    again = load(path)
    assert type(again) is type(model)
    assert again.config == model.config
    for (name, param), (other_name, other) in zip(
        model.named_params().items(), again.named_params().items(), strict=True
    ):
        assert name == other_name
        assert other.value.dtype == dtype
        np.testing.assert_array_equal(param.value, other.value)
    images = np.random.default_rng(0).standard_normal((2, 8, 6, 3)).astype(dtype)
    np.testing.assert_array_equal(model.forward(images)[0], again.forward(images)[0])


def test_metadata_comes_back(path: Path) -> None:
    save(small_model(), path, classes=["cat", "dog"], accuracy=0.5)
    metadata = read_metadata(path)
    assert metadata["model"] == "ViT"
    assert metadata["metadata"] == {"classes": ["cat", "dog"], "accuracy": 0.5}


def test_loading_draws_no_initial_values(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(small_model(), path)
    monkeypatch.setattr(np.random, "default_rng", lambda *_: pytest.fail("a random value was drawn"))
    load(path)


def test_no_pickle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("load", "loads", "dump", "dumps", "Pickler", "Unpickler"):
        monkeypatch.setattr(pickle, name, lambda *_, **__: pytest.fail("something was pickled"))
    save(small_model(), path)
    load(path)


def test_arrays_of_all_kinds_come_back(path: Path) -> None:
    arrays = {
        "matrix": np.arange(6.0).reshape(2, 3),
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "every second": np.arange(10)[::2],
        "reversed": np.arange(5, dtype=np.int16)[::-1],
        "scalar": np.array(7, np.int64),
        "empty": np.zeros((0, 3), np.float16),
        "bytes": np.arange(4, dtype=np.uint8),
        "flags": np.array([True, False]),
        "big endian": np.arange(3, dtype=">f8"),
    }
    write_arrays(path, arrays, {"step": 3})
    again, metadata = read_arrays(path)
    assert metadata == {"step": 3}
    assert again.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(again[name], array, strict=name != "big endian")


def test_read_arrays_can_be_written_to(path: Path) -> None:
    write_arrays(path, {"a": np.zeros(3)}, {})
    again, _ = read_arrays(path)
    again["a"] += 1
    np.testing.assert_array_equal(read_arrays(path)[0]["a"], 0)


def test_the_file_has_ordinary_permissions(path: Path) -> None:
    write_arrays(path, {}, {})
    plain = path.with_name("plain")
    plain.touch()
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    write_arrays(path, {"a": np.ones(3)}, {"step": 1})
    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_arrays(path, {"a": np.zeros(3)}, {"step": 2})
    assert caught.value.errno == errno.ENOSPC
    assert list(path.parent.iterdir()) == [path]
    arrays, metadata = read_arrays(path)
    np.testing.assert_array_equal(arrays["a"], 1)
    assert metadata == {"step": 1}


def test_metadata_that_json_cannot_write_changes_nothing(path: Path) -> None:
    write_arrays(path, {}, {"step": 1})
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_arrays(path, {}, {"step": {1, 2}})
    assert list(path.parent.iterdir()) == [path]
    assert read_metadata(path) == {"step": 1}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        write_arrays(tmp_path / "nowhere" / "model.safetensors", {}, {})


def test_numpy_numbers_are_metadata(path: Path) -> None:
    save(small_model(), path, step=np.int64(3), accuracy=np.float32(0.5), best=np.bool_(True), mean=np.ones(3))
    assert read_metadata(path)["metadata"] == {"step": 3, "accuracy": 0.5, "best": True, "mean": [1, 1, 1]}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "the number NaN is not finite"),
        ({1: 2, "1": 3}, "twice"),
        (json.loads("[" * 40 + "]" * 40), "deep"),
    ],
    ids=count(),
)
def test_metadata_that_could_not_be_read_again_is_not_written(path: Path, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        save(small_model(), path, note=value)
    assert not path.exists()


def test_numbers_that_safetensors_does_not_have(path: Path) -> None:
    with pytest.raises(TypeError, match=f"cannot write {re.escape(str(path))}: .*complex128"):
        write_arrays(path, {"a": np.zeros(3, complex)}, {})
    assert not path.exists()


def test_equal_content_makes_equal_bytes(path: Path) -> None:
    other = path.with_name("other")
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal(3) for name in "hgfedcba"}
    write_arrays(path, arrays, {"step": 3})
    write_arrays(other, dict(reversed(arrays.items())), {"step": 3})
    assert path.read_bytes() == other.read_bytes()


def test_a_class_of_ones_own_is_saved_and_loaded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class MyViT(mv.models.ViT):
        """Found by its name from here on."""

        def __init__(self, *, width: int = 12, seed: int = 0, dtype: str = "float32") -> None:
            super().__init__(embed_dim=width, depth=1, num_heads=3, seed=seed, dtype=dtype)

    save(MyViT(width=15, seed=3), path)
    model = load(path)
    assert type(model) is MyViT
    assert model.config == {"width": 15, "seed": 3, "dtype": "float32"}
    monkeypatch.delitem(mv.models.MODELS, "MyViT")
    with pytest.raises(ValueError, match="holds a MyViT; this minivit has the models"):
        load(path)
    with pytest.raises(TypeError, match="MyViT is not a model that load could build again"):
        save(model, path.with_name("other"))
    assert not path.with_name("other").exists()


def test_kernels_written_as_matrices_get_their_axes_back(path: Path) -> None:
    """As minivit 0.1 wrote them."""
    model = mv.models.ViT(img_size=8, patch_size=(2, 4), embed_dim=12, depth=1, num_heads=3)
    save(model, path)
    arrays, header = read_arrays(path)
    arrays["patch_embed.proj.weight"] = arrays["patch_embed.proj.weight"].reshape(24, 12)
    write_arrays(path, arrays, header)
    value = load(path).named_params()["patch_embed.proj.weight"].value
    np.testing.assert_array_equal(value, model.patch_embed.proj.weight.value)
    arrays["patch_embed.proj.weight"] = arrays["patch_embed.proj.weight"].reshape(12, 24)
    write_arrays(path, arrays, header)
    with pytest.raises(ValueError, match=r"array 'patch_embed.proj.weight' has shape \(12, 24\); this model expects"):
        load(path)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=re.escape(f"there is no file {path}")):
        load(path)
    with pytest.raises(IsADirectoryError, match="Is a directory"):
        load(path.parent)


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_a_damaged_file_is_named(path: Path, keep: int) -> None:
    save(small_model(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=re.escape(f"{path} is not a safetensors file, or it is damaged")):
        load(path)


def test_a_file_of_another_kind_is_named(path: Path) -> None:
    path.write_text("These are not the weights you are looking for.", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path} is not a safetensors file")):
        load(path)


def test_a_file_of_another_program_is_named(path: Path) -> None:
    save_file({"a": np.zeros(3)}, path)
    with pytest.raises(ValueError, match=re.escape(f"{path} was not written by minivit")):
        load(path)


def rewrite(path: Path, **changes: object) -> None:
    """Change the metadata of a saved model."""
    arrays, metadata = read_arrays(path)
    write_arrays(path, arrays, {**metadata, **changes})


def test_arrays_without_a_model_are_named(path: Path) -> None:
    write_arrays(path, {"a": np.zeros(3)}, {"step": 1})
    with pytest.raises(ValueError, match="holds arrays but no model"):
        load(path)


def test_another_class_is_named(path: Path) -> None:
    save(small_model(), path)
    rewrite(path, model="Perceptron")
    with pytest.raises(ValueError, match=r"holds a Perceptron; this minivit has the models .*ViT"):
        load(path)


def test_an_unknown_option_is_named(path: Path) -> None:
    save(small_model(), path)
    rewrite(path, config={**small_model().config, "warp_factor": 9})
    with pytest.raises(ValueError, match=r"does not understand: .*warp_factor"):
        load(path)


def test_a_configuration_for_other_arrays_is_named(path: Path) -> None:
    save(small_model(), path)
    rewrite(path, config={**small_model().config, "num_classes": 7})
    with pytest.raises(ValueError, match=r"does not fit its own configuration: array 'head.weight' has shape"):
        load(path)


def test_a_missing_array_is_named(path: Path) -> None:
    save(small_model(), path)
    arrays, metadata = read_arrays(path)
    del arrays["norm.bias"]
    write_arrays(path, arrays, metadata)
    with pytest.raises(KeyError) as caught:
        load(path)
    assert caught.value.args[0].startswith(f"{path} does not fit its own configuration: array 'norm.bias' is missing")


def test_the_header_is_plain_json(path: Path) -> None:
    """Any program can read what is in the file."""
    save(small_model(), path, note="ä")
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])["__metadata__"]
    ours = json.loads(header["minivit"])
    assert ours["version"] == mv.__version__
    assert ours["metadata"]["metadata"] == {"note": "ä"}


# Damage


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    """In the arrays, in their names, in the header; or it changes nothing, as a letter of JSON's escapes may."""
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3)}
    write_arrays(path, arrays, {"step": 42, "note": "ä"})
    content, (_, metadata), messages = path.read_bytes(), read_arrays(path), []
    for i in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[i // 8] ^= 1 << i % 8
        path.write_bytes(flipped)
        try:
            found, theirs = read_arrays(path)
        except ValueError as error:
            messages.append(str(error))
            continue
        assert theirs == metadata
        assert {name: array.tolist() for name, array in found.items()} == {n: a.tolist() for n, a in arrays.items()}
        assert i // 8 < len(content) - 24, "a bit of the arrays"
    assert all(str(path) in message for message in messages)
    assert len(messages) > 7.9 * len(content)


def forged(path: Path, header: object, arrays: dict[str, np.ndarray] | None = None) -> Path:
    """A file of ours with any header."""
    text = header if isinstance(header, str) else json.dumps(header)
    save_file(arrays or {}, path, metadata={"minivit": text})
    return path


def test_a_file_from_before_there_was_a_checksum(path: Path) -> None:
    save(small_model(seed=3), path, step=np.int64(4))
    arrays, metadata = read_arrays(path)
    forged(path, {"version": "0.1.0", "metadata": metadata}, arrays)
    assert read_metadata(path)["metadata"] == {"step": 4}
    again = load(path).state_dict()
    for name, value in small_model(seed=3).state_dict().items():
        np.testing.assert_array_equal(again[name], value)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "{",
        "3",
        "[]",
        "null",
        "{}",
        '{"version": "0.1.0"}',
        '{"version": "0.1.0", "metadata": 3}',
        '{"version": "0.1.0", "metadata": {}, "checksun": "0"}',
        '{"version": "0.1.0", "metadata": {}, "checksum": "0"}',
        '{"version": "0.1.0", "metadata": {}, "checksum": null}',
        '{"version": "0.1.0", "metadata": {}, "checksum": 3}',
        '{"version": "0.1.0", "metadata": {"a": 1, "a": 2}}',
        '{"version": "0.1.0", "metadata": {"a": NaN}}',
        '{"version": "0.1.0", "metadata": {"a": 1e999}}',
        '{"version": "0.1.0", "metadata": {"a": ' + "[" * 10_000 + "]" * 10_000 + "}}",
    ],
    ids=count(),
)
def test_a_header_that_is_none_of_ours(path: Path, header: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{path} is damaged: ")):
        read_arrays(forged(path, header))


HOSTILE = [-1, 0, 2, 300, 10**6, 10**9, 10**30, 1e300, True, None, "12", [], [3], [2, 2], [10**9] * 2, [1] * 999, {}]


OURS = [name for name, kind in MODELS.items() if kind.__module__.startswith("minivit.")]  # tests have others


class Stages(Model):
    """Layers in stages: an option counts those of each."""

    def __init__(
        self, *, depths: Depths = (1, 2), width: Positive = 3, seed: Count = 0, dtype: str = "float32"
    ) -> None:
        self.stages = [[Linear(width, width) for _ in range(depth)] for depth in depths]
        self.init(seed, dtype)


del MODELS["Stages"]  # other tests ask each model there for more than this one has


def smallest(name: str) -> Model:
    """A tiny model of a class: its tests, in the file of the name of its own, say how it is built."""
    if name == "Stages":
        return Stages()
    module = MODELS[name].__module__.rpartition(".")[2]
    return MODELS[name](**import_module(f"tests.models.test_{module}").SMALL)


@pytest.mark.sampled(every=30, rest=6)
@pytest.mark.parametrize("name", ["Stages", *OURS])
@without_annotations
def test_a_hostile_configuration_costs_nothing(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each option of each model with each of these: a sentence, or the same model, and no memory to speak of.

    An option that counts layers and is no ``Depth`` or ``Depths`` is found here.
    """
    monkeypatch.setitem(MODELS, "Stages", Stages)
    model = smallest(name)
    save(model, path)
    arrays, metadata = read_arrays(path)
    messages = []
    for option in model.config:
        for value in HOSTILE:
            changed = {**metadata, "config": {**model.config, option: value}}
            monkeypatch.setattr("minivit.storage.read_arrays", lambda _, changed=changed: (arrays, changed))
            tracemalloc.start()
            try:
                again = load(path)
            except (ValueError, KeyError) as error:
                messages.append(error.args[0])
            else:
                assert again.state_dict().keys() == model.state_dict().keys()
            finally:
                _, peak = tracemalloc.get_traced_memory()
                tracemalloc.stop()
            assert peak < 2**20
    assert all(message.startswith(str(path)) and len(message) < 600 for message in messages)
    assert len(messages) > len(HOSTILE) * len(model.config) / 2


@pytest.mark.parametrize("config", [None, 3, "ViT", [], {"1": 2}, {"depth": 2.5}])
def test_a_configuration_that_is_none(path: Path, config: object) -> None:
    save(small_model(), path)
    rewrite(path, config=config)
    with pytest.raises((ValueError, KeyError)) as caught:
        load(path)
    assert caught.value.args[0].startswith(str(path))


@pytest.mark.parametrize("name", [None, 3, [], ["ViT"], {}, "object", "__class__"])
def test_a_class_that_is_none(path: Path, name: object) -> None:
    save(small_model(), path)
    rewrite(path, model=name)
    with pytest.raises(ValueError, match=r"this minivit has the models .*ViT"):
        load(path)


def test_an_array_too_many_is_named(path: Path) -> None:
    save(small_model(), path)
    arrays, metadata = read_arrays(path)
    write_arrays(path, {**arrays, "spare": np.zeros(3)}, metadata)
    with pytest.raises(KeyError, match=r"array 'spare' has no place in this model"):
        load(path)


def test_an_array_of_another_dtype_is_named(path: Path) -> None:
    save(small_model(), path)
    arrays, metadata = read_arrays(path)
    write_arrays(path, {**arrays, "norm.bias": arrays["norm.bias"].astype(float)}, metadata)
    with pytest.raises(ValueError, match=r"array 'norm.bias' holds float64; expected float32"):
        load(path)


def raw(path: Path, shape: list[int], dtype: str = "F32", size: int = 0) -> Path:
    """A safetensors file with one array, described as one likes."""
    tensor = {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}
    header = json.dumps({"__metadata__": {"minivit": '{"version": "", "metadata": {}}'}, "a": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))
    return path


@pytest.mark.parametrize("shape", [[1] * 65, [0] + [10**18] * 3, [2**60, 0]])
def test_a_shape_that_no_array_can_have(path: Path, shape: list[int]) -> None:
    size = 0 if 0 in shape else 4
    with (
        pytest.raises(ValueError, match=r"is damaged: its array 'a' has the shape \["),
        open_safetensors(raw(path, shape, size=size)),
    ):
        pytest.fail("it was opened")


def test_a_number_that_numpy_does_not_have(path: Path) -> None:
    """Whoever can read bfloat16 may open the file; a file of ours has none."""
    with open_safetensors(raw(path, [2], "BF16", 4)) as file:
        assert file.get_slice("a").get_dtype() == "BF16"
    with pytest.raises(ValueError, match=r"an array of a kind that NumPy does not have: .*bfloat16"):
        read_arrays(path)
