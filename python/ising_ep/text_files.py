"""Problems as text: dimod's COO, graphs for max-cut as in the Gset, qbsolv's .qubo.

numpy reads the numbers; Python looks at single lines only to say which one is wrong.
"""

import io
import math
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Nodes without an edge that a graph may have: they cost the file nothing, but the reader memory.
_MAX_ISOLATED = 10**6
_ROW = np.dtype([("i", np.int64), ("j", np.int64), ("value", np.float64)])
_INTEGER, _DIGITS = r"[+-]?\d{1,18}+", rb"(\d{1,18})"
# What is white space to numpy, and to str but not to bytes.
_BLANK = b" \t\n\r\v\f\x1c\x1d\x1e\x1f"
# Possessive, so that no line takes quadratic time.
_LINE = re.compile(rf"{_INTEGER}\s++{_INTEGER}\s++[+-]?(\d++\.?+\d*+|\.\d++)([eE][+-]?\d++)?+", re.ASCII)


class Parts(NamedTuple):
    """What a binary quadratic model is made of.

    `linear` is (variables,), `rows`, `cols` and `values` are (couplings,), of which one may stand there
    several times. Without `labels` the variables are numbered from 0.
    """

    linear: NDArray[Any]
    rows: NDArray[Any]
    cols: NDArray[Any]
    values: NDArray[Any]
    vartype: str
    offset: float = 0.0
    labels: list[Any] | None = None


def parse_coo(text: bytes, vartype: str | None) -> Parts:
    """Lines `i j bias`, with `# vartype=SPIN` among the lines that begin with #, or the vartype given."""
    found = re.findall(rb"(?m)^[ \t]*#.*?vartype[:=][ \t]*([^\s]+)", text)
    named = {name.decode("ascii", "replace") for name in found} or {vartype}
    if named == {None}:
        raise ValueError("no line is '# vartype=SPIN' or '# vartype=BINARY', expected one, or --vartype")
    if len(named) > 1 or not named <= {"SPIN", "BINARY"}:
        raise ValueError(
            f"# vartype is {' and '.join(map(repr, sorted(map(str, named))))}, expected SPIN or BINARY"
        )
    text = re.sub(rb"(?m)^[ \t]*#.*", b"", text)
    expected = "'i j bias' of two integers >= 0 and a finite number"
    table = _table(text, expected)
    _require(np.minimum(table["i"], table["j"]) >= 0, text, expected)
    return _labelled(table, str(named.pop()))


def parse_gset(text: bytes) -> Parts:
    """First line `nodes edges`, then edges `i j weight` of nodes from 1; spin 0 is node 1."""
    (nodes, edges), line, text = _header(text, rb"%b\s+%b" % (_DIGITS, _DIGITS), "'nodes edges'")
    most = 2 * edges + _MAX_ISOLATED
    if nodes > most:
        raise ValueError(f"line {line} says {nodes} nodes, expected at most {most} for {edges} edges")
    expected = f"'i j weight' of two different nodes from 1 to {nodes} and a finite number"
    table = _table(text, expected)
    low, high = np.minimum(table["i"], table["j"]), np.maximum(table["i"], table["j"])
    _require((low >= 1) & (high <= nodes) & (low < high), text, expected)
    if len(table) != edges:
        raise ValueError(f"line {line} says {edges} edges, but {len(table)} follow")
    return Parts(np.zeros(nodes), low - 1, high - 1, table["value"], "SPIN")


def parse_qubo(text: bytes) -> Parts:
    """Line `p qubo 0 maxNodes nNodes nCouplers`, then nodes `i i bias` and couplers `i j bias`."""
    text = re.sub(rb"(?m)^[ \t]*c.*", b"", text)
    pattern = rb"p\s+qubo\s+\S+" + 3 * (rb"\s+" + _DIGITS)
    (most, nodes, couplers), line, text = _header(text, pattern, "'p qubo 0 maxNodes nNodes nCouplers'")
    expected = f"'i j bias' of two integers from 0 to {most - 1} and a finite number"
    table = _table(text, expected)
    low, high = np.minimum(table["i"], table["j"]), np.maximum(table["i"], table["j"])
    _require((low >= 0) & (high < most), text, expected)
    order = np.lexsort((high, low))
    again = np.zeros(len(table), dtype=bool)
    again[order[1:]] = (np.diff(low[order]) == 0) & (np.diff(high[order]) == 0)
    _require(~again, text, "each node and each coupler once")
    on_nodes = int((low == high).sum())
    for name, said, there in (("nodes", nodes, on_nodes), ("couplers", couplers, len(table) - on_nodes)):
        if said != there:
            raise ValueError(f"line {line} says {said} {name}, but {there} follow")
    return _labelled(table, "BINARY")


def _header(text: bytes, pattern: bytes, expected: str) -> tuple[list[int], int, bytes]:
    """Numbers in the first line that is not blank, the line's number, and the text with the line blanked."""
    start = len(text) - len(text.lstrip())
    end = (text + b"\n").index(b"\n", start)
    line = text[start:end].rstrip()
    number = text.count(b"\n", 0, start) + 1
    match = re.fullmatch(pattern, line)
    if match is None:
        raise ValueError(f"line {number} is {_short(line)}, expected {expected}")
    return [int(group) for group in match.groups()], number, b"\n" * (number - 1) + text[end:]


def _table(text: bytes, expected: str) -> NDArray[np.void]:
    """The lines that are not blank, as rows (i, j, value)."""
    if not text.strip(_BLANK):
        return np.empty(0, dtype=_ROW)
    refused = f"a line is not {expected}"
    try:
        # As a file, which numpy reads piece by piece.
        file = io.TextIOWrapper(io.BytesIO(text), "ascii", "replace")
        table = np.loadtxt(file, dtype=_ROW, comments=None, ndmin=1)
        if np.isfinite(table["value"]).all():
            return table
    except ValueError as error:
        refused = str(error)
    for number, line in _lines(text):
        if not (_LINE.fullmatch(line) and math.isfinite(float(line.split()[2]))):
            raise ValueError(f"line {number} is {_short(line)}, expected {expected}")
    raise ValueError(refused)


def _require(good: NDArray[np.bool_], text: bytes, expected: str) -> None:
    """Refuses the line of the first row that is not good."""
    if not good.all():
        number, line = _lines(text)[int(np.argmin(good))]
        raise ValueError(f"line {number} is {_short(line)}, expected {expected}")


def _lines(text: bytes) -> list[tuple[int, str]]:
    """The lines that numpy takes for rows, with their numbers."""
    lines = enumerate(text.decode("ascii", "replace").split("\n"), start=1)
    return [(number, stripped) for number, line in lines if (stripped := line.strip())]


def _short(line: str | bytes) -> str:
    text = line.decode("ascii", "replace") if isinstance(line, bytes) else line
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _labelled(table: NDArray[np.void], vartype: str) -> Parts:
    """The variables are those that are named; the bias of `i i` is linear."""
    labels, indices = np.unique(np.concatenate((table["i"], table["j"])), return_inverse=True)
    rows, cols = np.split(indices, 2)
    loop = rows == cols
    linear = np.bincount(rows[loop], weights=table["value"][loop], minlength=len(labels))
    return Parts(linear, rows[~loop], cols[~loop], table["value"][~loop], vartype, labels=labels.tolist())
