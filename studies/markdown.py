"""Markdown that is written from numbers: tables, and sentences with named numbers in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BLOCK = re.compile(r"<!-- (\S+) -->\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def number(value: float, digits: int = 3) -> str:
    """Three digits that count, without powers of ten where people have none.

    Example:
        >>> number(0.012345), number(1234.5), number(0.0)
        ('0.0123', '1,234', '0.0')
    """
    if value == 0 or not abs(value) < float("inf"):
        return str(value)
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}" if abs(value) >= 1e-4 else f"{value:.{digits - 1}e}"


class Sentences:
    """The sentences of a page, in a Markdown file of blocks under ``<!-- NAME -->``.

    A block has paragraphs, each of which becomes one line. Numbers stand in it as ``{name}`` or, with a
    format of `str.format`, ``{name:.3f}``.

    Args:
        file: The Markdown file.
    """

    def __init__(self, file: Path) -> None:
        _, *parts = BLOCK.split(file.read_text())
        self._blocks = {
            name: [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]
            for name, text in zip(parts[::2], parts[1::2], strict=True)
        }

    @classmethod
    def beside(cls, module: str) -> Sentences:
        """Those in the file of the same name as this module's, ``__file__``, with the ending ``.md``."""
        return cls(Path(module).with_suffix(".md"))

    def filled(self, block: str, **numbers: Any) -> str:
        """A block with its numbers. An empty one leaves no gap, neither in a line nor between two.

        Raises:
            KeyError: If there is no such block, or a number is not given.
        """
        paragraphs = (paragraph.format(**numbers) for paragraph in self._blocks[block])
        return "\n\n".join(re.sub(" +", " ", text).strip() for text in paragraphs if text)
