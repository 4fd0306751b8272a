"""Lists of a matrix's entries: `n m`, then m lines `i j value`. What they mean is not in them.

    gset    a graph for max-cut, nodes from 1: the Gset's, rudy's, McSparse's .mc, MQLib's Max-Cut. Each edge
            once: "No two of the nedges lines refer to the same two endpoints", says McSparse, and MQLib
            "edges should only be added once". Without weights each is 1.
    biqmac  Biq Mac Library's .sparse: min x'Qx, from 1; "if you specify entry (i,j) having value q, also
            entry (j,i) has value q", so that what is not on the diagonal counts twice
    bq      McSparse's .bq: min x'Qx, from 1; each entry is the one of its position, and counts once
    mqlib   MQLib's QUBO: max x'Qx, from 1; Q is symmetric, an entry i j stands for j i too and counts twice
    orlib   OR-Library's bqp: as MQLib's, several problems in a file: their number, then each
    qh      bqpjson's for the Qubist: spins from 0, `i i h` and `i j J`, each counts once

Sources: https://web.stanford.edu/~yyye/yyye/Gset/, http://mcsparse.uni-bonn.de/formats.html,
http://biqmac.aau.at/biqmaclib.html, https://github.com/MQLib/MQLib/blob/master/bin/README.md,
http://people.brunel.ac.uk/~mastjjb/jeb/orlib/bqpinfo.html, bqpjson_to_qubist in
https://github.com/lanl-ansi/bqpjson/blob/master/bqpjson/core.py; how often McSparse's entries count, from
bqFileToGraph in https://github.com/CharJon/ScientificMaxcutSolver/blob/main/src/io/io.cpp.
"""

import io
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..parsing.foreign import SKIPPED
from ..parsing.format import PAIR_LINE, Format
from ..parsing.parts import Asked, Objective, Parts, pair_keys, repeated
from ..parsing.table import (
    DIGITS,
    blank_comments,
    check_isolated,
    has_weights,
    header,
    offset_in,
    read_rows,
    require,
    short,
)
from .coo import labelled

# Comments begin with one of these, or with a "c" that stands alone.
COMMENT = rb"[#%]|c(?=[ \t]|$)"
_PAIR = rb"%b\s+%b" % (DIGITS, DIGITS)
# Families of graphs in the Gset and the Biq Mac Library: G1, g05_60.0, pm1s_100.3, t2g10_5555...
_GRAPHS = (
    r"G\d+(\.txt)?|(g05|pm1[sd]|p?w0\d)_\d+\.\d+|[tT][23][gG]\d+_\d+|torus(pm|g)\d?-\d+(-\d+)?(\.dat)?"
    r"|ising\d\.\d-\d+_\d+"
)
_MAXIMISED = "value of x'Qx"


class _List(NamedTuple):
    """The size `n` that the first line says, the entries, and the text that they stand in."""

    size: int
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]
    text: bytes


def parse_graph(text: bytes, asked: Asked) -> Parts:
    """A graph for max-cut, as `E = sum_ij w_ij s_i s_j`: a state cuts edges of weight `(sum w - E) / 2`."""
    del asked  # a file has one problem, of spins
    found = _read_list(_without_comments(text), "nodes edges", may_be_bare=True)
    require(
        found.rows != found.cols,
        found.text,
        "two different nodes; with entries on its diagonal it is a QUBO: --format biqmac, bq, mqlib or qh",
    )
    cut = Objective("cut", float(found.values.sum()) / 2, -0.5)
    return Parts(
        np.zeros(found.size),
        found.rows - 1,
        found.cols - 1,
        found.values,
        "SPIN",
        labels=range(1, found.size + 1),
        objective=cut,
    )


def parse_biqmac(text: bytes, asked: Asked) -> Parts:
    """A symmetric matrix, `E = x'Qx`."""
    del asked
    return _qubo(_read_list(_without_comments(text), "variables entries"), twice=True)


def parse_bq(text: bytes, asked: Asked) -> Parts:
    """A matrix, `E = x'Qx`."""
    del asked
    return _qubo(_read_list(_without_comments(text), "variables entries"), twice=False)


def parse_mqlib(text: bytes, asked: Asked) -> Parts:
    """A symmetric matrix to maximise, `E = -x'Qx`."""
    del asked
    return _maximised(_read_list(_without_comments(text), "variables entries"))


def parse_orlib(text: bytes, asked: Asked) -> Parts:
    """One of the symmetric matrices to maximise, `E = -x'Qx`."""
    return _maximised(_read_list(_one_of_several(_without_comments(text), asked), "variables entries"))


def parse_qubist(text: bytes, asked: Asked) -> Parts:
    """Spins with fields and couplings; those that no line names are not there."""
    del asked
    found = _read_list(_without_comments(text), "sites lines", first=0)
    return labelled(found.rows, found.cols, found.values, "SPIN")


def _without_comments(text: bytes) -> bytes:
    if offset := offset_in(text, COMMENT):
        raise ValueError(f"a comment says offset {offset:g}, of which this format does not say what it means")
    return blank_comments(text, COMMENT)


def _read_list(text: bytes, names: str, *, first: int = 1, may_be_bare: bool = False) -> _List:
    """The entries, each within the size and there once, as many as the first line says."""
    (size, number), line, text = header(text, _PAIR, f"{names!r}")
    check_isolated(line, size, number, names)
    weighted = not may_be_bare or has_weights(text)
    last = size - 1 + first
    line_of = "'i j value'" if weighted else "'i j'"
    expected = f"{line_of} of two integers from {first} to {last}" + " and a finite number" * weighted
    table = read_rows(text, expected, weighted=weighted)
    rows, cols = table["i"], table["j"]
    require((np.minimum(rows, cols) >= first) & (np.maximum(rows, cols) <= last), text, expected)
    if len(table) != number:
        entries = names.split()[1]
        raise ValueError(f"line {line} says {number} {entries}, but {len(table)} follow")
    require(
        ~repeated(pair_keys(rows, cols, size + 1)),
        text,
        "each pair once, i j or j i; what stands there twice may be meant to add up or not",
    )
    values = table["value"] if weighted else np.ones(len(table))
    return _List(size, rows, cols, values, text)


def _qubo(found: _List, *, twice: bool, sign: int = 1) -> Parts:
    loop = found.rows == found.cols
    linear = np.zeros(found.size)
    linear[found.rows[loop] - 1] = sign * found.values[loop]
    couplings = found.rows[~loop] - 1, found.cols[~loop] - 1, sign * (1 + twice) * found.values[~loop]
    return Parts(linear, *couplings, "BINARY", labels=range(1, found.size + 1))


def _maximised(found: _List) -> Parts:
    return _qubo(found, twice=True, sign=-1)._replace(objective=Objective(_MAXIMISED, 0.0, -1.0))


def _one_of_several(text: bytes, asked: Asked) -> bytes:
    """The text of the problem that is asked for, on the lines where it stands."""
    (count,), line, text = header(text, DIGITS, "the number of problems")
    if asked.instance is None and count != 1:
        raise ValueError(f"the file holds {count} problems, expected --instance with one from 1 to {count}")
    instance = 1 if asked.instance is None else asked.instance
    if not 1 <= instance <= count:
        raise ValueError(f"instance is {instance}, expected one from 1 to {count}")
    lines, number, chosen = io.BytesIO(text), 0, b""
    for problem in range(1, count + 1):
        before, at = number, lines.tell()
        entries = None
        while entries is None or entries > 0:
            row = lines.readline()
            number += 1
            if not row:
                raise ValueError(f"line {line} says {count} problems, but problem {problem} is cut short")
            if not row.strip():
                continue
            if entries is None:
                sizes = re.fullmatch(_PAIR, row.strip())
                if sizes is None:
                    raise ValueError(f"line {number} is {short(row.strip())}, expected 'variables entries'")
                entries = int(sizes[2])
            else:
                entries -= 1
        if problem == instance:
            chosen = b"\n" * before + text[at : lines.tell()]
    if lines.read().strip():
        raise ValueError(f"line {line} says {count} problems, but more follows them")
    return chosen


FORMATS = (
    Format(
        "gset",
        "a graph for max-cut: the Gset's, rudy's, McSparse's .mc, MQLib's",
        parse_graph,
        endings=(".gset", ".mc", ".rud", ".rudy"),
        names=_GRAPHS,
    ),
    Format("qh", "bqpjson's .qh, for the Qubist: spins from 0", parse_qubist, endings=(".qh",)),
    Format("biqmac", "Biq Mac's .sparse: min x'Qx, i j counts twice", parse_biqmac, endings=(".sparse",)),
    Format("bq", "McSparse's .bq: min x'Qx, i j counts once", parse_bq, endings=(".bq",)),
    Format("mqlib", "MQLib's QUBO: max x'Qx, i j counts twice", parse_mqlib),
    Format(
        "orlib",
        "OR-Library's bqp: as mqlib, several in a file (--instance)",
        parse_orlib,
        begins=SKIPPED + rb"[ \t]*+\d++[ \t]*+\n" + SKIPPED + PAIR_LINE,
        has_several=True,
    ),
)
