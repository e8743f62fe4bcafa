"""Downloads from a server that behaves badly, and archives that do."""

import errno
import hashlib
import io
import os
import re
import shutil
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from minivit.data.download import MOST_UNPACKED, fetch_archive, unpack
from tests.sampled import REST

OVER = threading.Event()  # the tests are: nobody needs to wait any more
CONTENT = os.urandom(300_000)
MD5 = hashlib.md5(CONTENT).hexdigest()
NAME = "archive.tar.gz"


class Mirror(BaseHTTPRequestHandler):
    """What it does is in the first part of the path."""

    def do_GET(self):
        what = self.path.split("/")[1]
        if what == "missing":
            return self.send_error(404)
        if what == "round":
            self.send_response(302)
            self.send_header("Location", self.path)
            return self.end_headers()
        if what == "silent":
            return OVER.wait(20)
        body = b"<html>Please log in</html>" if what == "login" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", "nonsense" if what == "nonsense" else str(len(body)))
        self.end_headers()
        if what == "stalled":
            self.wfile.write(body[:1000])
            self.wfile.flush()
            return OVER.wait(20)
        self.wfile.write(body[:1000] if what == "closed" else body)

    def log_message(self, format, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        OVER.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    """No proxy, and little patience."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr("pooch.downloaders.DEFAULT_TIMEOUT", 0.5)


def fetch(server, folder, *kinds):
    return fetch_archive([f"{server}/{kind}/{NAME}" for kind in kinds], MD5, folder)


def test_a_good_mirror(server, tmp_path):
    assert fetch(server, tmp_path, "good") == tmp_path / NAME
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert os.listdir(tmp_path) == [NAME]


BAD = {
    "missing": "HTTP status 404",
    "login": "what arrived is truncated or altered",
    "closed": "(ChunkedEncodingError|ConnectionError|what arrived is truncated or altered)",
    "silent": "(ReadTimeout|ConnectionError)",
    "stalled": "(ReadTimeout|ConnectionError|ChunkedEncodingError)",
    "nonsense": "(what arrived is truncated or altered|.*Error)",
    "round": "(TooManyRedirects|HTTP status 302)",
}


@REST
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_mirror(server, tmp_path, kind):
    """Is said in one sentence, leaves nothing, and the next helps."""
    with pytest.raises(OSError, match="could not be downloaded") as caught:
        fetch(server, tmp_path, kind)
    assert re.fullmatch(
        rf"{NAME} could not be downloaded to .* \(http://.*/{kind}/{NAME}: {BAD[kind]}.*\); download it by hand, "
        "put it there or into a folder of your own, and pass that folder with --data-dir",
        str(caught.value),
    )
    assert os.listdir(tmp_path) == []
    assert fetch(server, tmp_path, kind, "good").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == [NAME]


def test_nobody_listens(tmp_path):
    with pytest.raises(OSError, match=r"127.0.0.1:9/x/archive.tar.gz: ConnectionError"):
        fetch("http://127.0.0.1:9", tmp_path, "x")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("proxy", ["gopher://x:99999", "http://[::1", "http://127.0.0.1:9"])
def test_a_proxy_that_is_none(tmp_path, monkeypatch, proxy):
    """Is not said to have delivered anything."""
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(
        OSError, match=r"archive.tar.gz: (Invalid\w+|ProxyError|ConnectionError)\); download it by hand"
    ):
        fetch("http://minivit.invalid", tmp_path, "x")


def test_two_processes_at_once(server, tmp_path):
    """Here threads; each brings the whole file, and the last one's stays."""
    results = []
    threads = [threading.Thread(target=lambda: results.append(fetch(server, tmp_path, "good"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [tmp_path / NAME] * 4
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert os.listdir(tmp_path) == [NAME]


def test_a_full_disk_while_downloading(server, tmp_path, monkeypatch):
    """Is not the mirror's fault: the next is not tried."""
    asked = []

    def full(url, *_, **__):
        asked.append(url)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pooch.retrieve", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        fetch(server, tmp_path, "good", "good")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path)
    assert len(asked) == 1
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("hours", [0, 0.1, 2])
@pytest.mark.parametrize("there", [False, True])
def test_what_a_killed_process_left(server, tmp_path, hours, there):
    """Is removed by the next, though the file be there by now, but not what may still be in use."""
    if there:
        (tmp_path / NAME).write_bytes(CONTENT)
    left = tmp_path / f".{NAME}-abcdefgh"
    left.mkdir()
    (left / "tmpxyz").write_bytes(CONTENT[:1000])
    then = time.time() - 3600 * hours - 1
    for path in (left / "tmpxyz", left):
        os.utime(path, (then, then))
    fetch(server, tmp_path, "good")
    assert sorted(os.listdir(tmp_path)) == ([NAME] if hours else [left.name, NAME])


# Archives


def write_tar(path, *members):
    """Members are (name, content) or (name, type, target)."""
    with tarfile.open(path, "w:gz") as tar:
        for name, *rest in members:
            info = tarfile.TarInfo(name)
            if len(rest) == 1:
                info.size = len(rest[0])
                tar.addfile(info, io.BytesIO(rest[0]))
            else:
                info.type, info.linkname = rest
                tar.addfile(info)
    return path


NOISE = CONTENT[:20_000]


@pytest.mark.parametrize(
    "evil",
    [
        ("sub/one", tarfile.SYMTYPE, "/etc/hostname"),
        ("sub/one", tarfile.LNKTYPE, "/etc/hostname"),
        ("sub/one", tarfile.LNKTYPE, "sub/two"),
        ("sub/one", tarfile.DIRTYPE, ""),
        ("sub/one", tarfile.FIFOTYPE, ""),
        ("sub/one", tarfile.CHRTYPE, ""),
        ("/sub/one", NOISE),
        ("../sub/one", NOISE),
        ("sub/../sub/one", NOISE),
        ("SUB/ONE", NOISE),
    ],
)
def test_only_regular_files_under_their_own_names(tmp_path, evil):
    archive = write_tar(tmp_path / "a.tar.gz", ("sub/two", NOISE), evil)
    with pytest.raises(ValueError, match=r"a.tar.gz cannot be unpacked: (sub/one in it is not|there is no sub/one)"):
        unpack(archive, "sub", ["one", "two"])
    assert os.listdir(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize("name", ["sub/one", "something/else"])
def test_an_archive_that_holds_far_more_than_its_size(tmp_path, name):
    """Is refused before it is unpacked, whether the large file was asked for or not."""
    large = bytes(5_000_000)
    archive = write_tar(tmp_path / "a.tar.gz", (name, large), ("sub/one", NOISE))
    assert archive.stat().st_size * MOST_UNPACKED < len(large)
    with pytest.raises(ValueError, match=r"a.tar.gz cannot be unpacked: it holds more than 10 times its size"):
        unpack(archive, "sub", ["one"])
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_an_archive_cut_or_changed_anywhere(tmp_path):
    """All or nothing: whether what is there is right was for the MD5 to say."""
    archive = write_tar(tmp_path / "a.tar.gz", ("sub/one", NOISE), ("sub/two", NOISE[::-1]))
    whole = archive.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            archive.write_bytes(content)
            try:
                unpack(archive, "sub", ["one", "two"])
            except ValueError as error:
                assert re.match(".*a.tar.gz cannot be unpacked: .", str(error))  # noqa: PT017
                assert os.listdir(tmp_path) == ["a.tar.gz"]
            else:
                assert [(tmp_path / "sub" / name).stat().st_size for name in ("one", "two")] == [len(NOISE)] * 2
                shutil.rmtree(tmp_path / "sub")


def test_a_full_disk_while_unpacking(tmp_path, monkeypatch):
    """Is not said to be the archive's fault."""
    archive = write_tar(tmp_path / "a.tar.gz", ("sub/one", NOISE))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfileobj", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        unpack(archive, "sub", ["one"])
    assert caught.value.filename == str(tmp_path)
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_another_process_was_quicker(tmp_path):
    archive = write_tar(tmp_path / "a.tar.gz", ("sub/one", NOISE))
    assert unpack(archive, "sub", ["one"]) == unpack(archive, "sub", ["one"]) == tmp_path / "sub"
    assert sorted(os.listdir(tmp_path)) == ["a.tar.gz", "sub"]
