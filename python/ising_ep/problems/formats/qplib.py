"""QPLIB's .qplib, of binary variables without constraints (QBN and its kin): 1/2 x'Qx + b x + q.

Q has entries in its lower triangle, of which each counts once, and so a half, as http://qplib.zib.de/doc.html
defines it and as the objectives published there come out. The paper on the library shows Q as symmetric
instead (https://doi.org/10.1007/s12532-018-0147-4), where they count twice that. So only files of the library
are read, whose first line is a name such as QPLIB_3506.
"""

import io
import re

import numpy as np
from numpy.typing import NDArray

from ..parsing.format import Format
from ..parsing.parts import Asked, Objective, Parts, check_size, pair_keys, repeated
from ..parsing.table import check_isolated, read_rows, require, short

_SKIPPED = rb"(?:[ \t]*+(?:[!#%].*+)?+\n)*+"
_COUNT = rb"\d{1,18}"
_NUMBER = rb"[+-]?(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?\d++)?+"


def parse(text: bytes, asked: Asked) -> Parts:
    """The objective."""
    del asked
    lines = _Lines(text)
    name = lines.take(rb".++", "the problem's name")
    if not re.fullmatch(rb"QPLIB_\d+", name):
        raise ValueError(
            f"the problem's name is {short(name)}, expected one of QPLIB's, such as QPLIB_3506: in other"
            " files an entry i j may count once or twice"
        )
    kind = lines.take(rb"[A-Za-z]{3}", "three letters for the kind of the problem").upper()
    if not re.fullmatch(b"[LDCQ]B[NB]", kind):
        raise ValueError(f"the problem is of kind {kind.decode()}, expected ?BN: binary, without constraints")
    sense = lines.take(rb"(?i:minimize|maximize)", "'minimize' or 'maximize'").lower()
    size = int(lines.take(_COUNT, "the number of variables"))
    check_size(size, 0)
    linear, rows, cols, values = np.zeros(size), *[np.empty(0, dtype=np.int64)] * 2, np.empty(0)
    if kind[:1] != b"L":
        rows, cols, values = _read_quadratic(lines, size)
    linear += float(lines.take(_NUMBER, "the value of most linear terms"))
    _set_linear(lines, linear)
    offset = float(lines.take(_NUMBER, "the constant of the objective"))
    lines.take(_NUMBER, "the value of infinity")
    loop = rows == cols
    np.add.at(linear, rows[loop] - 1, values[loop] / 2)
    sign = -1 if sense == b"maximize" else 1
    return Parts(
        sign * linear,
        rows[~loop] - 1,
        cols[~loop] - 1,
        sign * values[~loop] / 2,
        "BINARY",
        sign * offset,
        labels=range(1, size + 1),
        objective=Objective("objective", 0.0, -1.0) if sign < 0 else None,
    )


class _Lines:
    """The lines of a text, but for blank ones and comments."""

    def __init__(self, text: bytes) -> None:
        self.file, self.number = io.BytesIO(text), 0

    def _next(self) -> bytes:
        """The next line without its comment, which may be all of it."""
        self.number += 1
        line = self.file.readline()
        if not line:
            raise ValueError(f"line {self.number} is missing: the text is cut short")
        line = line.partition(b"#")[0].strip()
        return b"" if line.startswith((b"!", b"%")) else line

    def take(self, pattern: bytes, expected: str) -> bytes:
        """The next line that is not blank, which has to match."""
        while not (line := self._next()):
            pass
        if not re.fullmatch(pattern, line):
            raise ValueError(f"line {self.number} is {short(line)}, expected {expected}")
        return line

    def take_many(self, count: int) -> bytes:
        """As many lines that are not blank, with their numbers: below blank ones."""
        found = bytearray(b"\n" * self.number)
        while count:
            line = self._next()
            found += line + b"\n"
            count -= bool(line)
        return bytes(found)


def _read_quadratic(
    lines: _Lines, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    count = int(lines.take(_COUNT, "the number of quadratic terms"))
    check_size(size, count - size)
    check_isolated(1, size, count, "variables terms")
    text = lines.take_many(count)
    expected = f"'i j value' of two integers from 1 to {size}, j no larger than i, and a finite number"
    table = read_rows(text, expected)
    rows, cols = table["i"], table["j"]
    require((cols >= 1) & (cols <= rows) & (rows <= size), text, expected)
    require(~repeated(pair_keys(rows, cols, size + 1)), text, "each pair once")
    return rows, cols, table["value"]


def _set_linear(lines: _Lines, linear: NDArray[np.float64]) -> None:
    """Sets the linear terms that have another value than most."""
    count = int(lines.take(_COUNT, "the number of other linear terms"))
    seen = np.zeros(len(linear), dtype=bool)
    for _ in range(count):
        entry = lines.take(_COUNT + rb"[ \t]++" + _NUMBER, "'i value'").split()
        index = int(entry[0])
        if not 1 <= index <= len(linear) or seen[index - 1]:
            raise ValueError(
                f"a linear term is of variable {index}, expected each from 1 to {len(linear)} once"
            )
        seen[index - 1], linear[index - 1] = True, float(entry[1])


FORMATS = (
    Format(
        "qplib",
        "QPLIB's .qplib of binary variables without constraints",
        parse,
        endings=(".qplib",),
        begins=_SKIPPED
        + rb"[ \t]*+\S.*+\n"
        + _SKIPPED
        + rb"[ \t]*+[LDCQ][CBMIG][NBLDCQ]\b.*+\n"
        + _SKIPPED
        + rb"[ \t]*+(?i:minimize|maximize)\b",
    ),
)
