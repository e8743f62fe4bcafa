"""Files as a whole or not at all, and folders for one process: what is done, and what is said when it cannot be."""

import errno
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from minivit import files
from minivit.files import (
    LOCK,
    TEMPORARY,
    must_be_another,
    must_be_file,
    must_take_files,
    replace_file,
    sole_use,
    with_ending,
)
from tests.rights import as_nobody, posix


def refusals(folder: Path) -> dict[str, tuple[Path | str, type[Exception], str]]:
    """Paths that are no files, and what is to be said of each."""
    (folder / "file").touch()
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    return {
        "a folder": (folder, IsADirectoryError, f"Is a directory: '{folder}'"),
        "in a file": (folder / "file" / "x", NotADirectoryError, f"Not a directory: '{folder / 'file' / 'x'}'"),
        "a loop": (folder / "loop", OSError, "Too many levels of symbolic links: .*loop'$"),
        "a long name": (folder / ("x" * 300), OSError, "File name too long: .*xxx'$"),
        "a NUL": (f"{folder}/a\0b", ValueError, r"a\\x00b' is not the name of a file: .*embedded null"),
        "a pipe": (folder / "pipe", OSError, "Not an ordinary file: .*pipe'$"),
        "nothing": (folder / "nothing", FileNotFoundError, f"there is no file {folder}/nothing$"),
    }


@posix
@pytest.mark.parametrize("case", ["a folder", "in a file", "a loop", "a long name", "a NUL", "a pipe", "nothing"])
def test_what_is_no_file_is_named(tmp_path: Path, case: str) -> None:
    path, error, message = refusals(tmp_path)[case]
    with pytest.raises(error, match=message):
        must_be_file(path)


@posix
def test_who_may_not_read_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    path.chmod(0)
    with as_nobody(), pytest.raises(PermissionError, match=f"Permission denied: '{path}'"):
        must_be_file(path)


@posix
@pytest.mark.parametrize("name", ["", ".", "..", "/", "folder", "folder/", "/dev/null", "pipe"])
def test_a_name_without_an_ending_may_be_that_of_a_folder_or_a_device(tmp_path: Path, monkeypatch, name: str) -> None:
    """``/dev/null`` is neither ``/dev/null.png`` nor to be replaced, and nothing is put beside ``..``."""
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for write in (lambda: with_ending(name, ".png"), lambda: replace_file(name, b"")):
        with pytest.raises(OSError, match=r"Is a directory|Not an ordinary file"):
            write()
    assert sorted(os.listdir()) == ["folder", "pipe"]


def test_a_name_gets_an_ending_if_it_has_none(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for name, expected in {"a": "a.png", "b": "b.png", "c.wav": "c.wav"}.items():
        assert with_ending(tmp_path / name, ".png") == tmp_path / expected


@posix
def test_where_nothing_can_be_written_is_known_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name, says in {"no/d": "No such file or directory", "a.png/b.png": "Not a directory"}.items():
        with pytest.raises(OSError, match=rf"{says}: .*{name}"):
            with_ending(tmp_path / name, ".png")
    with pytest.raises(IsADirectoryError, match=r"Is a directory: .*folder\.png"):
        with_ending(tmp_path / "folder.png", ".png")
    with pytest.raises(OSError, match="Not an ordinary file: '/dev/null'"):
        with_ending("/dev/null", ".png")
    with as_nobody(), pytest.raises(PermissionError, match=r"Permission denied: .*b\.png"):
        with_ending(tmp_path / "b.png", ".png")


@posix
def test_a_folder_to_write_into_need_not_be_there_but_it_must_be_possible(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    must_take_files(tmp_path / "new" / "newer", "pictures")
    assert not (tmp_path / "new").exists()
    for path in (tmp_path / "file", tmp_path / "file" / "x" / "y"):
        with pytest.raises(NotADirectoryError, match=rf"{tmp_path}/file is a file; expected a folder for pictures$"):
            must_take_files(path, "pictures")
    with as_nobody(), pytest.raises(PermissionError, match=r"^/ cannot be written to; expected a folder for a run$"):
        must_take_files(Path("/new/newer"), "a run")


def test_what_is_written_does_not_take_the_place_of_what_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    (tmp_path / "b").touch()
    must_be_another(tmp_path / "b", tmp_path / "a")
    must_be_another(tmp_path / "none", tmp_path / "a")
    must_be_another(tmp_path / "a", tmp_path / "none")
    (tmp_path / "c").hardlink_to(tmp_path / "a")
    for name in ("a", "../" + tmp_path.name + "/a", "c"):
        with pytest.raises(ValueError, match=r"[ac] is the file that is read"):
            must_be_another(tmp_path / name, str(tmp_path / "a"))


def test_no_name_is_seen(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no file ''$"):
        must_be_file("")


def test_a_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    must_be_file(tmp_path / "file")
    must_be_file(str(tmp_path / "file"))


# Writing


@posix
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "Is a directory: '.*folder'$"),
        ("file/x", "Not a directory: '.*file/x'$"),
        ("nowhere/x", "No such file or directory: '.*nowhere/x'$"),
        ("x" * 300, "File name too long: '.*xxx'$"),
        ("a\0b", r"a\\x00b' is not the name of a file: "),
    ],
)
def test_where_nothing_can_be_written_is_named(tmp_path: Path, name: str, message: str) -> None:
    """By the name that the caller knows, and with nothing left behind."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises((OSError, ValueError), match=message):
        replace_file(tmp_path / name, b"new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]
    assert (tmp_path / "file").read_bytes() == b""


@posix
@pytest.mark.parametrize("name", ["pipe", "socket", "link", "link to a device"])
def test_what_is_no_ordinary_file_is_not_replaced(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root could replace the devices of a machine, and nobody on it would have them any more."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("link").symlink_to("pipe")
    Path("link to a device").symlink_to(os.devnull)
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("socket")

    def found() -> dict[str, list[int]]:  # all but when a link was read last
        fields = "st_mode", "st_ino", "st_dev", "st_nlink", "st_uid", "st_gid", "st_size", "st_mtime_ns", "st_ctime_ns"
        return {path.name: [getattr(path.lstat(), field) for field in fields] for path in tmp_path.iterdir()}

    before = found()
    with pytest.raises(OSError, match=f"Not an ordinary file: '{name}'$"):
        replace_file(name, b"new")
    assert found() == before


@posix
def test_a_link_that_leads_nowhere_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("nowhere")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["link"]


@posix
def test_who_may_not_write_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with as_nobody(), pytest.raises(PermissionError, match=f"Permission denied: '{tmp_path / 'file'}'"):
        replace_file(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("refusals", [1, 5, 10**9])
def test_a_file_that_somebody_reads_is_replaced_later(
    tmp_path: Path, refusals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Windows has it; who reads for ever is named in the end."""
    right, calls, waited = os.replace, [], []

    def refuse(*paths: Path) -> None:
        calls.append(paths)
        if len(calls) <= refusals:
            raise PermissionError(errno.EACCES, "Access is denied", *map(str, paths[:1]))
        right(*paths)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(time, "sleep", waited.append)
    path = tmp_path / "file"
    path.write_bytes(b"old")
    if refusals < 100:
        replace_file(path, b"new")
        assert (path.read_bytes(), len(waited)) == (b"new", refusals)
    else:
        with pytest.raises(PermissionError, match=r"Access is denied: .*file'$"):
            replace_file(path, b"new")
        assert path.read_bytes() == b"old"
        assert 1 < sum(waited) < 10
    assert os.listdir(tmp_path) == ["file"]


@posix
@pytest.mark.parametrize("fails", [False, True])
def test_the_folder_is_forced_to_disk_after_the_file(
    tmp_path: Path, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, right = [], os.fsync

    def note(descriptor: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        seen.append((is_folder, (tmp_path / "file").exists()))
        if is_folder and fails:  # some file systems cannot
            raise OSError(errno.EINVAL, "Invalid argument")
        right(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    replace_file(tmp_path / "file", b"new")
    assert seen == [(False, False), (True, True)]
    assert (tmp_path / "file").read_bytes() == b"new"


def test_temporary_files_are_known_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = []
    monkeypatch.setattr(os, "replace", lambda temporary, path: names.append(temporary.name))
    replace_file(tmp_path / "file", b"new")
    assert TEMPORARY.fullmatch(names[0])
    theirs = [".tmp", ".cafe.tmp", ".notes.tmp", f"{names[0]}.tmp", names[0][1:], LOCK, ".gitignore"]
    assert [name for name in theirs if TEMPORARY.fullmatch(name)] == []


# One process at a time


def test_a_folder_is_kept_for_one(tmp_path: Path) -> None:
    for _ in range(2):
        with sole_use(tmp_path) as locked:
            assert locked
            with (
                pytest.raises(
                    BlockingIOError, match=rf"another process works in {re.escape(str(tmp_path))}: wait until"
                ),
                sole_use(tmp_path),
            ):
                pytest.fail("two have it")
            (tmp_path / "elsewhere").mkdir(exist_ok=True)
            with sole_use(tmp_path / "elsewhere"):
                pass
        assert os.listdir(tmp_path) == ["elsewhere"]
        assert os.listdir(tmp_path / "elsewhere") == []


@posix
def test_a_folder_has_one_lock_under_all_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to("run")
    monkeypatch.chdir(tmp_path)
    with sole_use(tmp_path / "link"), pytest.raises(BlockingIOError), sole_use(Path("run")):
        pytest.fail("two have it")


def test_a_folder_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), sole_use(tmp_path):
        raise KeyError
    with sole_use(tmp_path):
        pass


@posix
def test_another_folder_in_its_place(tmp_path: Path) -> None:
    """Whoever has that one keeps it when we leave ours."""
    (tmp_path / "run").mkdir()
    with sole_use(tmp_path / "run") as locked:
        assert locked
        (tmp_path / "run").rename(tmp_path / "moved")
        (tmp_path / "run").mkdir()
        theirs = sole_use(tmp_path / "run")
        assert theirs.__enter__()
    assert os.listdir(tmp_path / "run") == [LOCK]
    with pytest.raises(BlockingIOError), sole_use(tmp_path / "run"):
        pytest.fail("two have it")
    theirs.__exit__(None, None, None)
    assert os.listdir(tmp_path / "run") == []


@posix
def test_a_lock_that_cannot_be_removed_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a disk that has become read-only: what went wrong is what to tell."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    Path("run").mkdir()
    if os.geteuid() == 0:
        os.chown("run", 65534, -1)  # nobody's, see as_nobody

    def fail() -> None:
        with sole_use(Path("run")):
            os.chmod("run", 0o555)
            raise KeyError("the reason")

    with as_nobody(), pytest.raises(KeyError, match="the reason"):
        fail()
    assert os.listdir("run") == [LOCK]
    os.chmod("run", 0o755)
    with as_nobody(), sole_use(Path("run")):  # it is free all the same
        pass


def test_a_folder_is_free_after_kill_9(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from minivit.files import sole_use
with sole_use(Path({str(tmp_path)!r})):
    print("kept", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "kept\n"
        with pytest.raises(BlockingIOError), sole_use(tmp_path):
            pytest.fail("two have it")
        process.kill()
        process.wait()
    assert os.listdir(tmp_path) == [LOCK]
    with sole_use(tmp_path) as locked:
        assert locked
    assert os.listdir(tmp_path) == []


@posix
def test_the_last_user_leaves_while_we_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """He removes the file after we have opened it and before we lock it: a lock on that would keep nobody out."""
    right, calls = files._lock, []

    def late(descriptor: int) -> bool:
        calls.append(1)
        if len(calls) < 3:
            (tmp_path / LOCK).unlink()
        if len(calls) == 2:  # and somebody else comes
            (tmp_path / LOCK).touch()
        return right(descriptor)

    monkeypatch.setattr(files, "_lock", late)
    with sole_use(tmp_path):
        assert len(calls) == 3
        with pytest.raises(BlockingIOError), sole_use(tmp_path):
            pytest.fail("two have it")
    assert os.listdir(tmp_path) == []


def test_never_two_at_once(tmp_path: Path) -> None:
    inside, most, times = [], [], []

    def hurry() -> None:
        for _ in range(300):
            try:
                with sole_use(tmp_path):
                    inside.append(1)
                    most.append(len(inside))
                    inside.pop()
            except BlockingIOError:
                continue
            times.append(1)

    threads = [threading.Thread(target=hurry) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(times) > 20
    assert os.listdir(tmp_path) == []


@posix
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with (
        as_nobody(),
        pytest.raises(PermissionError, match=f"Permission denied: '{tmp_path}'$"),
        sole_use(tmp_path),
    ):
        pytest.fail("nobody may")
    with pytest.raises(FileNotFoundError, match=r"nowhere'$"), sole_use(tmp_path / "nowhere"):
        pytest.fail("there is no such folder")


@posix
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    def cannot(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", cannot)
    with sole_use(tmp_path) as locked:
        assert not locked
    assert os.listdir(tmp_path) == []


def test_the_way_of_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a stand-in for its locks; the rest of the code is the one that runs there."""
    held: set[int] = set()

    def locking(descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        if os.fstat(descriptor).st_ino in held:
            raise PermissionError(errno.EACCES, "Permission denied")
        held.add(os.fstat(descriptor).st_ino)

    monkeypatch.setitem(sys.modules, "msvcrt", types.SimpleNamespace(locking=locking, LK_NBLCK=2))
    monkeypatch.setattr(files, "sys", types.SimpleNamespace(platform="win32"))
    with sole_use(tmp_path) as locked:
        assert locked
        with pytest.raises(BlockingIOError, match="another process"), sole_use(tmp_path):
            pytest.fail("two have it")
    assert os.listdir(tmp_path) == []
    replace_file(tmp_path / "file", b"new")  # and opens no folder
    assert (tmp_path / "file").read_bytes() == b"new"
