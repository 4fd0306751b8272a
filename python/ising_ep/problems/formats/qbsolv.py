"""qbsolv's .qubo: `p qubo 0 maxNodes nNodes nCouplers`, then nodes `i i bias` and couplers `i j bias`.

Minimised, nodes from 0, each node and each coupler once; lines that begin with "c" are comments.
https://docs.ocean.dwavesys.com/projects/qbsolv/en/latest/source/format.html

bqpjson writes the constants of `E = scale * (x'Qx + offset)` as comments, which are kept:
`c offset : 2.375` and `c scale : 1.0`.
https://github.com/lanl-ansi/bqpjson/blob/master/bqpjson/core.py, bqpjson_to_qubo
"""

import numpy as np

from ..parsing.format import Format
from ..parsing.parts import Asked, Parts, pair_keys, repeated
from ..parsing.table import DIGITS, blank_comments, header, named_number, read_rows, require
from .coo import labelled

_FIRST = rb"p\s+qubo\s+\S+" + 3 * (rb"\s+" + DIGITS)


def parse(text: bytes, asked: Asked) -> Parts:
    """The nodes that are named, as binary variables."""
    del asked
    scale, offset = named_number(text, b"scale", 1.0), named_number(text, b"offset", 0.0)
    numbers, line, text = header(blank_comments(text, b"c"), _FIRST, "'p qubo 0 maxNodes nNodes nCouplers'")
    most, nodes, couplers = numbers
    expected = f"'i j bias' of two integers from 0 to {most - 1} and a finite number"
    table = read_rows(text, expected)
    rows, cols = table["i"], table["j"]
    require((np.minimum(rows, cols) >= 0) & (np.maximum(rows, cols) < most), text, expected)
    loop = rows == cols
    for name, said, there in (("nodes", nodes, loop.sum()), ("couplers", couplers, (~loop).sum())):
        if said != there:
            raise ValueError(f"line {line} says {said} {name}, but {there} follow")
    parts = labelled(rows, cols, table["value"], "BINARY", scale * offset)
    labels = np.array(parts.labels, dtype=np.int64)
    keys = pair_keys(np.searchsorted(labels, rows), np.searchsorted(labels, cols), len(labels))
    require(~repeated(keys), text, "each node and each coupler once")
    return parts._replace(linear=scale * parts.linear, values=scale * parts.values)


FORMATS = (
    Format(
        "qubo",
        "qbsolv's .qubo, and bqpjson's with scale and offset",
        parse,
        endings=(".qubo",),
        begins=rb"(?:[ \t]*+(?:c.*+)?+\n)*+[ \t]*+p[ \t]++qubo\b",
    ),
)
