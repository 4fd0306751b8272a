"""The file of a journal: whose it is, a copy of it to read, and what its errors mean."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from ..files.claim import is_name

# What SQLite keeps beside a file: what is not in it yet, an index of that, and what is to be taken back.
BESIDE = ("-wal", "-shm", "-journal")


def name_in(path: Path, mode: int = os.R_OK) -> str | None:
    """The name of the run whose journal this is, without a change to the file or its WAL, and without a lock.

    None if there is no file, or none that says it. A link is not followed, wherever it leads.

    Args:
        path: The file.
        mode: What is to be done with it, as for `os.access`.

    Raises:
        ValueError: If something other than a file stands in its place, or in that of a file beside it.
        PermissionError: If one of them may not be read, or written where ``mode`` says so.
    """
    for suffix in ("", *BESIDE):
        file = path.with_name(path.name + suffix)
        if file.is_symlink():
            raise ValueError(f"{file} is a link, which is not followed: expected the journal itself")
        if file.exists() and not file.is_file():
            raise ValueError(f"{file} is not the journal of a run: it is no file")
        # Opened and closed, a file would lose the locks that this process has on it.
        if file.exists() and not os.access(file, mode):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    if not path.exists():
        return None
    database = connected(f"{path.absolute().as_uri()}?mode=ro&immutable=1", path, uri=True)
    try:
        row = database.execute("SELECT name FROM run").fetchone()
    except sqlite3.Error:
        return None  # it is said when the file is opened
    finally:
        database.close()
    return row[0] if row is not None and is_name(row[0]) else None


def connected(database: Path | str, path: Path | None, **settings: Any) -> sqlite3.Connection:
    """Opens a database.

    Raises:
        ValueError: In one line that names the file ``path``, if it cannot be opened.
    """
    try:
        file: sqlite3.Connection = sqlite3.connect(database, **settings)
    except sqlite3.Error as error:
        raise ValueError(explained(path, error)) from None
    return file


def copy_to(path: Path, folder: Path) -> Path:
    """Copies a journal that nobody writes to, with what SQLite keeps beside it, and returns the copy.

    SQLite itself could not read one in the folder of a run that was killed without writing there.
    """
    for suffix in ("", "-wal", "-journal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            shutil.copyfile(file, folder / file.name)
    return folder / path.name


def explained(path: Path | None, error: sqlite3.Error) -> str:
    """One line on what is wrong with the file, and how to go on."""
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")):
        why = "another process has it open, or its file system does not lock files"
    elif name.startswith("SQLITE_FULL"):
        why = "make room, then go on with --resume"
    elif name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        why = (
            "it is not the journal of a run, or it is damaged. If it is damaged, remove it and go on with"
            " --resume: what was sent is found again by its labels"
        )
    else:
        why = "the journal of a run has to be read and written there"
    return f"{path}: {error}: {why}"
