"""A name that one process at a time has on a computer, whatever the locks of its file systems do."""

from __future__ import annotations

import errno
import hashlib
import socket
import sys
from typing import Any, TypeGuard


def is_name(value: Any) -> TypeGuard[str]:
    """Tells whether a value is a run's name: 1 to 80 visible ASCII characters, as labels and `Claim` take.

    Example:
        >>> is_name("7b8c80adb8eb"), is_name(""), is_name("two words")
        (True, False, False)
    """
    return isinstance(value, str) and 1 <= len(value) <= 80 and all("!" <= c <= "~" for c in value)


class Claim:
    """A name, kept to this process until it is released or the process ends, however it ends.

    It is a socket of the kernel's, and no file: a process that is killed leaves nothing behind, and a copy of
    a folder claims the same name as the folder. Only Linux has such sockets; elsewhere nothing is claimed.

    Args:
        name: The name.

    Raises:
        ValueError: If a process has it.

    Example:
        >>> claim = Claim("doctest of a claim")
        >>> claim.release()
    """

    def __init__(self, name: str) -> None:
        self._socket: socket.socket | None = None
        if sys.platform != "linux":
            return
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            # Addresses of sockets have 107 characters at most.
            self._socket.bind(f"\0ising-ep {hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}")
        except OSError as error:
            self._socket.close()
            if error.errno != errno.EADDRINUSE:
                return  # a system that does not offer it, and locks files all the same
            raise ValueError(
                f"another process of this computer is at work on run {name}, in this folder or in a copy"
            ) from None

    def release(self) -> None:
        """Gives the name up."""
        if self._socket is not None:
            self._socket.close()
