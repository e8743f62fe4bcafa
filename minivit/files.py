"""Files that are read and written as a whole, and folders that one process uses at a time."""

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

LOCK = ".lock"
TEMPORARY = re.compile(r"\.[0-9a-f]{32}\.tmp")  # the names of files that are being written


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Errors of the system name this path: the one that the caller knows, not that of a temporary file."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    except ValueError as error:  # a NUL in the path
        raise ValueError(f"{str(path)!r} is not the name of a file: {error}") from None


def must_be_file(path: str | Path) -> None:
    """Say what is in the way if there is no ordinary file at this place that can be read.

    Raises
    ------
    FileNotFoundError
        If there is nothing.
    OSError
        If it is a folder or a device, or the system lets nobody in: whatever the system says, with the path.
    """
    try:
        with naming(path):
            _check_ordinary(os.stat(path).st_mode)
            with open(path, "rb"):
                pass
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no file {path or repr(path)}") from error


def _check_ordinary(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):  # to open a pipe would wait for ever, and whoever replaces a device has lost it
        raise OSError(errno.EINVAL, "Not an ordinary file")


def with_ending(path: str | Path, ending: str) -> Path:
    """Where to write what was called so: ``ending`` is put behind a name without one.

    Raises
    ------
    OSError
        If there is a folder or a device of this name, which its own ending would only hide, or no file can be written
        there: whoever asks before the work, need not do it in vain.
    """
    path = Path(path)
    if not path.suffix:
        with suppress(FileNotFoundError), naming(path):
            _check_ordinary(os.stat(path).st_mode)
        path = path.with_suffix(ending)
    with naming(path):
        with suppress(FileNotFoundError):
            _check_ordinary(os.stat(path).st_mode)
        os.stat(path.parent)  # raises if there is none
        if not os.access(path.parent, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return path


def must_take_files(folder: Path, what: str) -> None:
    """Say what is in the way if ``what`` cannot be written into a folder, which need not be there yet.

    Raises
    ------
    NotADirectoryError, PermissionError
        If it, or the first above it that is there, is a file, or no file can be written there.
    """
    folder = folder.absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir():
        raise NotADirectoryError(f"{there} is a file; expected a folder for {what}")
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(f"{there} cannot be written to; expected a folder for {what}")


def must_be_another(path: Path, source: str | Path) -> None:
    """ValueError if what is written to ``path`` would take the place of the file that it is made from."""
    with suppress(OSError):  # one of them is not there
        if os.path.samefile(path, source):
            raise ValueError(f"{path} is the file that is read; expected another name for what is written")


def replace_file(path: str | Path, content: bytes) -> None:
    """Write a file as a whole or not at all.

    Everything goes to a temporary file in the same folder, is forced to disk and only then takes the place of ``path``
    in one step. If the disk is full or refuses (OSError), the temporary file is removed. A device or a pipe, which root
    could replace, is refused as a folder is; a link is replaced, unless it leads to one of these.
    """
    path = Path(path)
    with naming(path):
        with suppress(FileNotFoundError):
            _check_ordinary(os.stat(path).st_mode)
        temporary = path.with_name(f".{uuid4().hex}.tmp")
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _replace(temporary, path)
        finally:
            with suppress(OSError, ValueError):  # it is only there if something went wrong, and that is what to tell
                temporary.unlink()
        _sync_folder(path.parent)


def _replace(temporary: Path, path: Path) -> None:
    """``os.replace``, for two seconds again and again: Windows replaces no file that somebody is reading."""
    for _ in range(40):
        try:
            return os.replace(temporary, path)
        except PermissionError:
            time.sleep(0.05)
    os.replace(temporary, path)


def _sync_folder(folder: Path) -> None:
    """Force to disk which files a folder has, so that a power cut does not bring the old one back."""
    if sys.platform == "win32":  # opens no folders
        return
    with suppress(OSError):  # some network file systems cannot; the file is whole in any case
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def sole_use(folder: Path) -> Iterator[bool]:
    """Keep a folder for this process alone while it lasts; the system gives it free however the process ends.

    Gives whether it could: False on a file system that knows no locks.

    Raises
    ------
    BlockingIOError
        If the folder is kept already.
    OSError
        If no file can be made in the folder.
    """
    path = folder / LOCK
    while True:
        with naming(folder):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            locked = _lock(descriptor)
            if os.path.samestat(os.fstat(descriptor), os.stat(path)):
                break  # else its last user has removed the file, between our opening and our locking it
        except FileNotFoundError:
            pass
        except BlockingIOError:
            os.close(descriptor)
            raise BlockingIOError(f"another process works in {folder}: wait until it is done, or end it") from None
        os.close(descriptor)
    try:
        yield locked
    finally:
        with suppress(OSError):  # an empty file that cannot be removed does no harm, and hides no other error
            # while it is locked, so that it is ours, and no other folder has been put in the place of this one
            if sys.platform != "win32" and os.path.samestat(os.fstat(descriptor), os.stat(path)):
                path.unlink()
        os.close(descriptor)
        if sys.platform == "win32":  # which removes no file that is open, neither for us nor under another
            with suppress(OSError):
                path.unlink()


def _lock(descriptor: int) -> bool:
    """Lock an open file or raise BlockingIOError; False where the file system cannot."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:
            raise BlockingIOError from error
        except OSError:
            return False
    return True
