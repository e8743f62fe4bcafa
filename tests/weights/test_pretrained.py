"""Trained weights of presets, from a hub that a test plays: one that is there, one that is not, one that breaks off."""

import hashlib
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest
from safetensors.numpy import save

import minivit as mv
from minivit.models import PRESETS
from minivit.weights import pretrained, to_timm
from minivit.weights.pretrained import Pretrained, addresses

NAME = "vit_micro_patch4_32"
FILE = f"{NAME}.safetensors"
TRAINED = mv.create_model(NAME, seed=7)
CONTENT = save({name: np.ascontiguousarray(array) for name, array in to_timm(TRAINED).items()})
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
ANSWERS = {"good": CONTENT, "login": b"<html>Please log in</html>", "altered": CONTENT[:-1] + b"?", "closed": CONTENT}


class Hub(BaseHTTPRequestHandler):
    """What it does is in the first part of the path."""

    asked = 0

    def do_GET(self) -> None:
        Hub.asked += 1
        what = self.path.split("/")[1]
        if what not in ANSWERS:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWERS[what])))
        self.end_headers()
        self.wfile.write(ANSWERS[what][:1000] if what == "closed" else ANSWERS[what])
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("MINIVIT_DATA", str(tmp_path))
    return tmp_path / "weights"


def published(monkeypatch: pytest.MonkeyPatch, url: str, known_hash: str | None = None, num_classes: int = 10) -> None:
    known = Pretrained(url, known_hash, num_classes, (0.5,) * 3, (0.5,) * 3)
    monkeypatch.setattr(pretrained, "addresses", lambda: {NAME: known})


@pytest.mark.parametrize("known_hash", [None, SHA256])
def test_weights_are_downloaded_once(hub: str, folder: Path, monkeypatch: pytest.MonkeyPatch, known_hash) -> None:
    published(monkeypatch, f"{hub}/good/model.safetensors", known_hash)
    before = Hub.asked
    for _ in range(2):
        model = mv.create_model(NAME, pretrained=True)
        for name, value in TRAINED.state_dict().items():
            np.testing.assert_array_equal(model.state_dict()[name], value)
    assert Hub.asked == before + 1
    assert os.listdir(folder) == [FILE]


def test_a_file_put_there_by_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Needs no network."""
    published(monkeypatch, "http://127.0.0.1:9/model.safetensors", SHA256)
    folder.mkdir()
    (folder / FILE).write_bytes(CONTENT)
    model = mv.create_model(NAME, pretrained=True)
    np.testing.assert_array_equal(model.pos_embed.value, TRAINED.pos_embed.value)


@pytest.mark.parametrize(
    "content", [b"", CONTENT[:1000], CONTENT[:-1], b"<html>Please log in</html>"], ids=["empty", "cut", "short", "page"]
)
@pytest.mark.parametrize("known_hash", [None, SHA256])
def test_a_file_that_is_damaged_is_replaced(hub: str, folder: Path, monkeypatch, content: bytes, known_hash) -> None:
    published(monkeypatch, f"{hub}/good/model.safetensors", known_hash)
    folder.mkdir()
    (folder / FILE).write_bytes(content)
    model = mv.create_model(NAME, pretrained=True)
    np.testing.assert_array_equal(model.pos_embed.value, TRAINED.pos_embed.value)
    assert (folder / FILE).read_bytes() == CONTENT
    assert os.listdir(folder) == [FILE]


def test_a_damaged_file_without_a_network_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch, "http://127.0.0.1:9/model.safetensors")
    folder.mkdir()
    (folder / FILE).write_bytes(b"")
    with pytest.raises(
        OSError, match=rf"^{FILE} .* \(the {FILE} found there is truncated or altered \(.+\); http:.* by hand"
    ):
        mv.create_model(NAME, pretrained=True)
    assert (folder / FILE).read_bytes() == b""


@pytest.mark.parametrize("options", [{}, {"num_classes": 3}, {"depth": 3}])
def test_weights_of_something_else_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch, options) -> None:
    """They may be somebody's own, so they are not overwritten."""
    published(monkeypatch, "http://127.0.0.1:9/model.safetensors")
    folder.mkdir()
    other = CONTENT if options.get("depth") else save({"x": np.ones(3)})
    (folder / FILE).write_bytes(other)
    with pytest.raises(
        ValueError,
        match=rf"^\S+/{FILE} does not fit this {NAME}: .*; if it holds anything else than it should, delete it: it is "
        "downloaded again then$",
    ):
        mv.create_model(NAME, pretrained=True, **options)
    assert (folder / FILE).read_bytes() == other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"img_size": 33}, "image size 33 x 33 is not divisible"),
        ({"drop_rate": 2.0}, "drop_rate is 2.0"),
        ({"depth": "deep"}, "depth is 'deep'"),
        ({"num_classes": -1}, "num_classes is -1"),
        ({"colour": 3}, "has no option 'colour'"),
        ({"dtype": "int8"}, "dtype is int8"),
    ],
)
def test_options_are_refused_before_anything_is_downloaded(
    hub: str, folder: Path, monkeypatch, options, message
) -> None:
    published(monkeypatch, f"{hub}/good/model.safetensors")
    before = Hub.asked
    with pytest.raises((TypeError, ValueError), match=message):
        mv.create_model(NAME, pretrained=True, **options)
    assert Hub.asked == before
    assert not folder.exists()


def test_nothing_is_said_that_only_a_programmer_could_use(hub: str, monkeypatch, capfd) -> None:
    """Pooch would have a hash written into the call."""
    published(monkeypatch, f"{hub}/good/model.safetensors")
    said = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = pooch.get_logger()
    logger.addHandler(handler)
    try:
        mv.create_model(NAME, pretrained=True)
    finally:
        logger.removeHandler(handler)
    assert [line.startswith("Downloading data from 'http") for line in said] == [True]
    assert "known_hash" not in capfd.readouterr().err
    assert not logger.filters


def test_other_classes_get_a_new_head_and_another_size_other_positions(hub: str, monkeypatch) -> None:
    published(monkeypatch, f"{hub}/good/model.safetensors")
    model = mv.create_model(NAME, pretrained=True, num_classes=3, img_size=(16, 48), seed=5)
    np.testing.assert_array_equal(model.blocks[0].attn.qkv.weight.value, TRAINED.blocks[0].attn.qkv.weight.value)
    fresh = mv.create_model(NAME, num_classes=3, img_size=(16, 48), seed=5)
    np.testing.assert_array_equal(model.head.weight.value, fresh.head.weight.value)
    expected = mv.weights.resample_abs_pos_embed(TRAINED.pos_embed.value, (4, 12))
    np.testing.assert_array_equal(model.pos_embed.value, expected)


def test_weights_without_a_head_make_a_model_without_one(hub: str, monkeypatch) -> None:
    published(monkeypatch, f"{hub}/good/model.safetensors", num_classes=0)
    model = mv.create_model(NAME, pretrained=True)
    assert model.config["num_classes"] == 0
    assert mv.create_model(NAME, pretrained=True, num_classes=4).config["num_classes"] == 4


@pytest.mark.parametrize(
    ("what", "known_hash", "why"),
    [
        ("missing", None, "HTTP status 404"),
        ("closed", None, "(ChunkedEncodingError|ConnectionError|what arrived is truncated or altered)"),
        ("closed", SHA256, "(ChunkedEncodingError|ConnectionError|what arrived is truncated or altered)"),
        ("login", None, "what arrived is truncated or altered"),
        ("altered", SHA256, "what arrived is truncated or altered .its SHA256 is not [0-9a-f]{64}"),
    ],
)
def test_a_download_that_goes_wrong(hub: str, folder: Path, monkeypatch, what: str, known_hash, why: str) -> None:
    """Is one sentence, and nothing is left."""
    published(monkeypatch, f"{hub}/{what}/model.safetensors", known_hash)
    with pytest.raises(OSError, match=rf"^{FILE} could not be downloaded to \S+ \(http://\S+: {why}") as caught:
        mv.create_model(NAME, pretrained=True)
    assert str(caught.value).endswith("put it there under this name; MINIVIT_DATA says where another folder is")
    assert "\n" not in str(caught.value)
    assert os.listdir(folder) == []


def test_no_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published(monkeypatch, "http://127.0.0.1:9/model.safetensors")
    with pytest.raises(OSError, match=r"model\.safetensors: ConnectionError"):
        mv.create_model(NAME, pretrained=True)
    assert os.listdir(folder) == []


def test_weights_that_are_not_known() -> None:
    with pytest.raises(ValueError, match="no trained weights of vit_tiny_patch4_32 are known; they are of 'deit"):
        mv.create_model("vit_tiny_patch4_32", pretrained=True)
    with pytest.raises(ValueError, match="there is no model 'vit_enormous'"):
        mv.create_model("vit_enormous", pretrained=True)
    with pytest.raises(TypeError, match="pretrained is 1; expected bool"):
        mv.create_model(NAME, pretrained=1)  # type: ignore[arg-type]


def test_the_table_is_of_presets() -> None:
    assert {*addresses()} <= {*PRESETS}
    for name, known in addresses().items():
        assert known.url.startswith("https://huggingface.co/timm/" + name)
        assert known.url.endswith("/model.safetensors")
        assert known.hash is None or known.hash.startswith("sha256:")
        assert len(known.mean) == len(known.std) == 3
        classes = mv.models.create_model(name).config["num_classes"]
        assert known.num_classes in (0, classes)
