"""Files from others: read only if they are regular files, and no more of them than a bound."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

from ..checks import short
from .atomic import kind_of
from .unpack import unpack

# A working graph of 50,000 qubits takes half of it. In memory, lists can take twenty times as much.
MOST_BYTES = 2**24
# A named pipe would be waited for; 0 where the system has no such flag.
_AT_ONCE = getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


def read_bytes(path: Path, *, most: int = MOST_BYTES, links: bool = True) -> bytes:
    """The content of a file.

    Args:
        path: The file.
        most: Bytes that it may have.
        links: Whether the file may be a link to one.

    Raises:
        ValueError: If it is no regular file, or larger.
        OSError: If it cannot be read.

    Example:
        >>> read_bytes(Path("/dev/zero"))
        Traceback (most recent call last):
        ...
        ValueError: /dev/zero is a device, expected a file
    """
    _require_file(path, os.stat(path, follow_symlinks=links))
    flags = _AT_ONCE | (0 if links else _NO_LINK)
    with open(path, "rb", opener=lambda name, mode: os.open(name, mode | flags)) as file:
        status = os.fstat(file.fileno())
        _require_file(path, status)
        # One byte more shows a file that has grown, or that does not say its size.
        content = file.read(most + 1) if status.st_size <= most else b""
    if max(len(content), status.st_size) > most:
        raise ValueError(f"{path} is larger than the {most:,} bytes that are read of such a file")
    return content


def read_json(path: Path, *, links: bool = True) -> Any:
    """Reads a JSON file, a compressed one if its name ends with .gz. No object of it has a name twice.

    Args:
        path: The file.
        links: Whether the file may be a link to one.

    Raises:
        ValueError: If it is no JSON file, is nested too deep, or is larger than `MOST_BYTES`.
        OSError: If it cannot be read.
    """
    content = read_bytes(path, links=links)
    try:
        text = unpack(content, MOST_BYTES) if path.suffix == ".gz" else content
        return json.loads(text, object_pairs_hook=each_once)
    except RecursionError:
        raise ValueError(f"{path} is not JSON that can be read: it is nested too deep") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON that can be read: {error}") from None


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, for ``object_pairs_hook``; json itself takes the last of two values of a name.

    Raises:
        ValueError: If it has a name twice.

    Example:
        >>> each_once([("epochs", 1), ("epochs", 2)])
        Traceback (most recent call last):
        ...
        ValueError: an object has the name 'epochs' twice
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise ValueError(f"an object has the name {short(names.most_common(1)[0][0])} twice")
    return found


def require_file(path: Path, expected: str) -> None:
    """Refuses a place where there is no regular file.

    Args:
        path: The place.
        expected: What file there should be, such as "an .npz file".

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If there is something else.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file, expected {expected}")
    if not path.is_file():
        raise ValueError(f"{path} is {kind_of(path.stat().st_mode)}, expected {expected}")


def _require_file(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is {kind_of(status.st_mode)}, expected a file")
