"""Text of others, such that a terminal shows it and does not obey it."""

from __future__ import annotations


def printable(text: object) -> str:
    r"""Writes as escapes what a terminal would obey or not show: control characters, marks of direction...

    Args:
        text: A text, or what is turned into one.

    Example:
        >>> print(printable("Advantage\x1b[2J"))
        Advantage\x1b[2J
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def one_line(text: object) -> str:
    r"""Puts a text in one line that a terminal can show.

    Args:
        text: A text, or what is turned into one.

    Example:
        >>> print(one_line("no such solver,\n  expected\x07 another"))
        no such solver, expected\x07 another
    """
    return printable(" ".join(str(text).split()))
