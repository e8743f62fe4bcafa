"""Fetching an archive from the first mirror that delivers it unaltered, and unpacking it safely."""

import hashlib
import os
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path


def data_folder(data_dir: str | Path | None = None) -> Path:
    """Return where downloads are kept: ``data_dir``, else what MINIVIT_DATA says, else the user's cache folder."""
    folder = data_dir or os.environ.get("MINIVIT_DATA")
    if not folder:
        import pooch

        return Path(pooch.os_cache("minivit"))
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        raise ValueError(f"there is no home folder {Path(folder).parts[0]}, which {folder} begins with") from error


def fetch_archive(urls: Sequence[str], md5: str, folder: Path) -> Path:
    """Download a file into ``folder``, from the first of ``urls`` that delivers the right one, and return its path.

    A file that is already there and whose MD5 is right is not downloaded again. What arrives incomplete or altered is
    removed. OSError where no mirror works; the message says how to go on by hand.
    """
    import pooch

    name = urls[0].rsplit("/", 1)[-1]
    failures = []
    archive = folder / name
    if archive.is_file() and _md5(archive) != md5:  # pooch replaces it when a good one has arrived
        failures.append(f"the {name} found there is truncated or altered")
    for url in urls:
        try:
            # pooch writes to a temporary file and gives it its name only after its hash was found right.
            return Path(pooch.retrieve(url, f"md5:{md5}", name, folder, progressbar=True))
        except ValueError:
            failures.append(f"{url}: what arrived is truncated or altered (its MD5 is not {md5})")
        except OSError as error:  # the exceptions of requests are OSErrors
            failures.append(f"{url}: {_reason(error)}")
    raise OSError(
        f"{name} could not be downloaded to {folder} ({'; '.join(failures)}); download it by hand, "
        f"put it there or into a folder of your own, and pass that folder with --data-dir."
    )


def unpack(archive: Path, subfolder: str, names: Sequence[str]) -> Path:
    """Unpack the files ``subfolder/name`` of a tar archive beside it, all or nothing, and return the new folder.

    Only the expected members are read, and they are written under names of our own: nothing in the archive can choose
    where a file goes. ValueError where the archive is damaged or a member is missing.
    """
    target = archive.parent / subfolder
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=f".{subfolder}-") as temporary:
        complete = Path(temporary) / subfolder
        complete.mkdir()
        try:
            with tarfile.open(archive) as tar:
                for name in names:
                    member = tar.getmember(f"{subfolder}/{name}")
                    content = tar.extractfile(member) if member.isfile() else None
                    if content is None:
                        raise ValueError(f"{archive}: {member.name} is not a regular file.")
                    (complete / name).write_bytes(content.read())
        except KeyError as error:
            raise ValueError(f"{archive} is not the expected archive: {error.args[0]}.") from error
        except (tarfile.TarError, EOFError, OSError) as error:
            raise ValueError(f"{archive} is truncated or damaged ({error}).") from error
        try:
            complete.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was quicker, with the same files
                raise
    return target


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


def _reason(error: OSError) -> str:
    """Shorten the nested messages of requests and urllib3 to their kind, for example "ConnectionError"."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"HTTP status {status}" if status else type(error).__name__
