"""Text of others, such that a terminal shows it and does not obey it."""

from __future__ import annotations

from collections.abc import Iterable


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


def either(names: Iterable[str]) -> str:
    """Names in a list, the last one after "or".

    Example:
        >>> either(["chip", "qpu", "analog"])
        'chip, qpu or analog'
    """
    *others, last = [*names] or ["another"]
    return f"{', '.join(others)} or {last}" if others else last
