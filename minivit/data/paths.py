"""A folder as a user writes it."""

import os
from pathlib import Path


def folder_path(folder: str | Path, name: str) -> Path:
    """The path of a folder, which need not be there yet, with ``~`` written out.

    Parameters
    ----------
    folder : str or Path
    name : str
        What an error message calls it: the argument or variable that it came by.

    Raises
    ------
    ValueError
        If it is empty, is no name that a folder can have, or begins with ``~`` and a user who is not there.
    NotADirectoryError
        If something else is there.
    """
    if not str(folder):
        raise ValueError(f"{name} is empty; expected a folder")
    try:
        is_name = b"\0" not in os.fsencode(folder)
    except UnicodeEncodeError:  # half a letter, which JSON can write
        is_name = False
    if not is_name:
        raise ValueError(f"{name} is {str(folder)!a}, which no folder can be called")
    try:
        path = Path(folder).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{name} is {str(folder)!r}, and there is no such user") from error
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{name} is {str(folder)!r}, which is not a folder")
    return path
