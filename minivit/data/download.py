"""Fetching a file from the first mirror that delivers it unaltered, and unpacking archives safely."""

import hashlib
import logging
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from minivit.data.paths import folder_path
from minivit.terminal import one_line

FORSAKEN = 300
"""So many seconds after its last change a half-done file is nobody's: a connection is given up after 30."""

ARCHIVE_BY_HAND = "download it by hand, put it there or into a folder of your own, and pass that folder with --data-dir"

MOST_UNPACKED = 10
"""Times the size of the archive. Photographs cannot be packed much; those of CIFAR take 1.1 times the archive."""


def data_folder(data_dir: str | Path | None = None) -> Path:
    """Where downloads are kept: ``data_dir``, else what MINIVIT_DATA says, else the user's cache folder.

    Raises
    ------
    ValueError, NotADirectoryError
        If ``data_dir`` or MINIVIT_DATA is not the name of a folder, which need not be there yet.
    """
    if data_dir is not None:
        return folder_path(data_dir, "data_dir")
    if "MINIVIT_DATA" in os.environ:
        return folder_path(os.environ["MINIVIT_DATA"], "the environment variable MINIVIT_DATA")
    import pooch

    return Path(pooch.os_cache("minivit"))


def fetch_archive(urls: Sequence[str], md5: str, folder: Path) -> Path:
    """Download an archive into ``folder`` under its own name, as :func:`fetch_file` does.

    Raises
    ------
    OSError
        If no mirror works; the message says how to go on by hand. Or if the file cannot be written.
    """
    return fetch_file(urls, urls[0].rsplit("/", 1)[-1], folder, known_hash=f"md5:{md5}", by_hand=ARCHIVE_BY_HAND)


def fetch_file(
    urls: Sequence[str],
    name: str,
    folder: Path,
    *,
    known_hash: str | None,
    by_hand: str,
    check: Callable[[Path], object] = Path.stat,
) -> Path:
    """Download a file into ``folder``, from the first of ``urls`` that delivers the right one, and return its path.

    A file that is already there and is right is not downloaded again; one that is not is replaced. What arrives
    incomplete or altered is removed, and so is what killed processes have left. Several processes may do so at once.

    Parameters
    ----------
    known_hash : str, optional
        As pooch writes it: "md5:..." or "sha256:...".
    by_hand : str
        How to go on if it cannot be downloaded: the end of the message.
    check : callable (path)
        Raises a ValueError if this is no such file: where no hash is known, a page to log in at would be one.

    Raises
    ------
    OSError
        If no mirror works; the message says how to go on by hand. Or if the file cannot be written.
    """
    import pooch
    import requests

    path, failures = folder / name, []
    if path.is_file():
        try:
            _must_be_right(path, known_hash, check)
        except ValueError as error:
            failures.append(f"the {name} found there is {_altered(path, error)}")
        else:
            _remove_forsaken(folder, name)
            return path
    with _workplace(folder, name) as place, _without_hints(pooch.get_logger()):
        for url in urls:
            try:
                arrived = Path(pooch.retrieve(url, None, name, place, progressbar=True))
                _must_be_right(arrived, known_hash, check)
            except (requests.RequestException, ConnectionError, TimeoutError) as error:  # some are ValueErrors, too
                failures.append(f"{url}: {_reason(error)}")
            except ValueError as error:
                failures.append(f"{url}: what arrived is {_altered(place / name, error)}")
                (place / name).unlink(missing_ok=True)
            else:
                os.replace(arrived, path)
                return path
    raise OSError(f"{name} could not be downloaded to {folder} ({'; '.join(failures)}); {by_hand}")


def unpack(archive: Path, subfolder: str, names: Sequence[str]) -> Path:
    """Unpack the files ``subfolder/name`` of a tar archive beside it, all or nothing, and return the new folder.

    Only the expected members are read, and they are written under names of our own: nothing in the archive can choose
    where a file goes. (Whether a byte in them was changed is for :func:`fetch_archive` to find out, by the MD5.)

    Raises
    ------
    ValueError
        If the archive cannot be read, lacks a file, has something else in its place, or holds far more than its size.
    OSError
        If the files cannot be written.
    """
    folder = archive.parent / subfolder
    with _workplace(archive.parent, subfolder) as place:
        complete = place / subfolder
        complete.mkdir()
        try:
            _extract(archive, {f"{subfolder}/{name}": complete / name for name in names})
        except Exception as error:  # a damaged archive may fail in any way
            if isinstance(error, OSError) and error.errno:  # but this is not the archive's fault
                raise
            raise ValueError(f"{archive} cannot be unpacked: {error or 'it is damaged'}") from error
        try:
            complete.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was quicker, with the same files
                raise
    return folder


def _extract(archive: Path, targets: dict[str, Path]) -> None:
    most = MOST_UNPACKED * archive.stat().st_size
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            if member.offset_data + member.size > most:
                raise ValueError(f"it holds more than {MOST_UNPACKED} times its size")
            target = targets.pop(member.name, None)
            if target is None:
                continue
            content = tar.extractfile(member) if member.isfile() else None
            if content is None:
                raise ValueError(f"{member.name} in it is not a regular file")
            with open(target, "wb") as file:
                shutil.copyfileobj(content, file)
                os.fsync(file.fileno())
    if targets:
        raise ValueError(f"there is no {next(iter(targets))} in it")


@contextmanager
def _workplace(folder: Path, name: str) -> Iterator[Path]:
    """A hidden folder for what is half done, removed at the end; those of killed processes are removed first.

    An error of the system that names no file (a full disk) gets the name of ``folder``.
    """
    _remove_forsaken(folder, name)
    try:
        with TemporaryDirectory(dir=folder, prefix=f".{name}-") as place:
            yield Path(place)
    except OSError as error:
        if error.errno and not error.filename:
            error.filename = str(folder)
        raise


def _remove_forsaken(folder: Path, name: str) -> None:
    for other in folder.glob(f".{name}-*"):
        with suppress(OSError):  # it may be removed by its own process just now
            if time.time() - max(path.stat().st_mtime for path in (other, *other.rglob("*"))) > FORSAKEN:
                shutil.rmtree(other)


def _must_be_right(path: Path, known_hash: str | None, check: Callable[[Path], object]) -> None:
    """ValueError for a file that has another hash, or of which ``check`` says that it is none."""
    if known_hash is not None:
        kind, _, digest = known_hash.partition(":")
        with open(path, "rb") as file:
            if hashlib.file_digest(file, kind).hexdigest() != digest:
                raise ValueError(f"its {kind.upper()} is not {digest}")
    check(path)


def _altered(path: Path, error: ValueError) -> str:
    """What a file is that is not right, and why, without the name of where it lay for a moment."""
    return f"truncated or altered ({one_line(str(error)).replace(str(path), 'it')})"


@contextmanager
def _without_hints(logger: logging.Logger) -> Iterator[None]:
    """Leave out what pooch says to those who call it, not to those who download: to write down the hash."""

    def is_none(record: logging.LogRecord) -> bool:
        return "known_hash" not in record.getMessage()

    logger.addFilter(is_none)
    try:
        yield
    finally:
        logger.removeFilter(is_none)


def _reason(error: Exception) -> str:
    """Shorten the nested messages of requests and urllib3 to their kind, for example "ConnectionError"."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP status {status}" if status else type(error).__name__
