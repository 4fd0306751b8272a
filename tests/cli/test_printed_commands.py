"""A command of ours that is printed can be pasted into a shell, whatever files and folders are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import ising_ep

PACKAGE = Path(ising_ep.__file__).parent
# Of a text, what is to be typed: up to the end, if nothing is set around it.
COMMAND = re.compile(r"ising-ep [a-z][^`]*")


def values_in_commands(source: str) -> Iterator[str]:
    """Expressions whose values stand in commands, in texts of a source."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.JoinedStr):
            continue
        values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
        text = "".join(part.value if isinstance(part, ast.Constant) else "\0" for part in node.values)
        for found in COMMAND.finditer(text):
            first = text[: found.start()].count("\0")
            yield from (ast.unparse(part.value) for part in values[first : first + found[0].count("\0")])


FOUND = [
    (file.relative_to(PACKAGE).as_posix(), expression)
    for file in sorted(PACKAGE.rglob("*.py"))
    for expression in values_in_commands(file.read_text("utf-8"))
]


def test_some_are_found():
    assert {file for file, _ in FOUND} >= {"cli/calibrate.py", "qpu/calibration.py", "report/parts.py"}
    assert list(values_in_commands("f'{a}: `ising-ep train --resume {b} --epochs {c()}` of {d}'")) == [
        "b",
        "c()",
    ]


@pytest.mark.parametrize(("file", "expression"), FOUND)
def test_what_stands_in_a_command_is_quoted(file, expression):
    assert expression.startswith(("shlex.quote(", "shlex.join("))
