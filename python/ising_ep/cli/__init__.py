"""The command `ising-ep`: parses, calls, prints."""

from .commands import main

__all__ = ["main"]
