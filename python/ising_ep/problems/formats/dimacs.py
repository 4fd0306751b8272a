"""DIMACS graphs for max-cut: `p edge n m` or `p col n m`, then lines `e i j` or `e i j weight`, nodes from 1.

Many files have each edge twice, as `e i j` and `e j i`: without weights that is one edge. A graph may as well
be one to colour, or whose largest clique is sought, so it is only read where max-cut is asked for.
http://archive.dimacs.rutgers.edu/pub/challenge/graph/doc/ccformat.tex
"""

import re

import numpy as np

from ..parsing.foreign import SKIPPED
from ..parsing.format import Format
from ..parsing.parts import Asked, Objective, Parts, pair_keys, repeated
from ..parsing.table import (
    DIGITS,
    blank_comments,
    check_isolated,
    has_weights,
    header,
    read_rows,
    require,
    short,
)

GRAPH = SKIPPED + rb"[ \t]*+p[ \t]++(?:edges?|col)\b"
_FIRST = rb"p\s+(?:edges?|col)\s+" + DIGITS + rb"\s+" + DIGITS


def parse(text: bytes, asked: Asked) -> Parts:
    """A graph for max-cut, as `E = sum_ij w_ij s_i s_j`: a state cuts edges of weight `(sum w - E) / 2`."""
    del asked
    (nodes, edges), line, text = header(
        blank_comments(text, rb"c(?=[ \t]|$)"), _FIRST, "'p edge nodes edges'"
    )
    check_isolated(line, nodes, edges)
    other = re.search(rb"(?m)^(?!e[ \t])(?=[ \t]*+[^ \t\n]).*", text)
    if other:
        number = text.count(b"\n", 0, other.start()) + 1
        raise ValueError(f"line {number} is {short(other[0].strip())}, expected 'e i j' or 'e i j weight'")
    text = text.replace(b"\ne", b"\n")
    weighted = has_weights(text)
    expected = f"'e i j{' weight' * weighted}' of two different nodes from 1 to {nodes}"
    table = read_rows(text, expected, weighted=weighted)
    rows, cols = table["i"], table["j"]
    inside = (np.minimum(rows, cols) >= 1) & (np.maximum(rows, cols) <= nodes)
    require(inside & (rows != cols), text, expected)
    again = repeated(pair_keys(rows, cols, nodes + 1))
    if weighted:
        require(~again, text, "each edge once, i j or j i, where edges have weights")
    if edges not in (len(table), len(table) - again.sum()):
        raise ValueError(
            f"line {line} says {edges} edges, but {len(table)} follow, {len(table) - again.sum()} different"
        )
    values = table["value"] if weighted else np.ones(len(table))
    rows, cols, values = rows[~again], cols[~again], values[~again]
    cut = Objective("cut", float(values.sum()) / 2, -0.5)
    labels = range(1, nodes + 1)
    return Parts(np.zeros(nodes), rows - 1, cols - 1, values, "SPIN", labels=labels, objective=cut)


FORMATS = (Format("dimacs", "a DIMACS graph, `p edge` and `e i j`, for max-cut", parse),)
