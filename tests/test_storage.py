"""Models in files: what comes back, what a crash leaves behind, and what is said about a bad file."""

import errno
import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import minivit as mv
from minivit.storage import load, read_arrays, read_metadata, save, write_arrays


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


def test_only_whole_models_are_saved(path: Path) -> None:
    class MyViT(mv.models.ViT):
        """A class of one's own, of which load knows nothing."""

    with pytest.raises(TypeError, match="MyViT is not a model that load could build again"):
        save(MyViT(embed_dim=12, depth=1, num_heads=3), path)
    assert not path.exists()


def test_a_missing_file_is_named(path: Path) -> None:
    for where in (path, path.parent):  # a folder is no file either
        with pytest.raises(FileNotFoundError, match=re.escape(f"there is no file {where}")):
            load(where)


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
    with pytest.raises(ValueError, match="holds a Perceptron; this minivit has the models ViT"):
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
