"""Files that are either whole or not there."""

import os
import secrets
import stat
from pathlib import Path

# Part of the name of a file that is being written; no finished file has it.
TEMPORARY = ".ising-ep-tmp-"

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def replace(path: Path, content: bytes) -> None:
    """Writes a file beside the old one, to the disk, and puts it in its place.

    Nothing is ever written through what stands at ``path``.

    Raises:
        OSError: If it cannot be written, with ``path`` as its file name; or if something other than a file
            stands there. What was there before is still there.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "a.txt")
        >>> replace(path, b"whole")
        >>> path.read_bytes()
        b'whole'
    """
    require_replaceable(path)
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        # Mode "x" follows no link.
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def require_replaceable(path: Path) -> None:
    """Refuses a place whose content is not that of one file: a link, a file with several names, a folder.

    Raises:
        OSError: In one line, if something such stands at ``path``.
    """
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        raise FileExistsError(f"{path} is {kind_of(status.st_mode)}, expected a file or nothing in its place")
    if status.st_nlink > 1:
        raise FileExistsError(
            f"{path} is a file with {status.st_nlink} names (hard links), expected one; copy it first"
        )


def kind_of(mode: int) -> str:
    """Names the kind of a file that is not a regular file.

    Example:
        >>> kind_of(os.stat("/").st_mode)
        'a folder'
    """
    return _KINDS.get(stat.S_IFMT(mode), "no regular file")
