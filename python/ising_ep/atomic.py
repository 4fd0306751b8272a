"""Files that are either whole or not there."""

import os
from pathlib import Path

# What marks a file as being written; never the name of anything finished.
TEMPORARY = ".ising-ep-tmp-"


def replace(path: Path, content: bytes) -> None:
    """Writes a file beside the old one, to the disk, and puts it in its place.

    Raises:
        OSError: If it cannot be written; what was there before is still there.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.txt")
        >>> replace(path, b"whole")
        >>> path.read_bytes()
        b'whole'
    """
    temporary = path.parent / f"{TEMPORARY}{path.name}"
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
