"""The command `ising-ep`: parses, calls, prints."""

from ..extras import PLAIN, needing

with needing(PLAIN, "the command ising-ep"):
    from .commands import main

__all__ = ["main"]
