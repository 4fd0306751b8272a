"""Chooses the format of a file: by content where that is unmistakable, then by name, else refused."""

import os
import re

from ..files.unpack import ENDINGS
from .formats import BY_NAME, TABLE
from .formats.dimacs import GRAPH
from .formats.lists import COMMENT
from .formats.matrix import MARKET, NPY
from .parsing.foreign import SKIPPED, name_foreign
from .parsing.format import PAIR_LINE, Format
from .parsing.table import blank_comments, short

_HEAD = 2**16
_WORDS = rb"(?:[ \t]*+\S++){%d}[ \t]*+(?:\n|\Z)"
_LIST = re.compile(SKIPPED + PAIR_LINE + SKIPPED + rb"(?=%b|\Z)" % (_WORDS % 3))
_BARE_LIST = re.compile(SKIPPED + PAIR_LINE + SKIPPED + PAIR_LINE)
_ENTRY = re.compile(SKIPPED + rb"[ \t]*+[+-]?\d++[ \t]++[+-]?\d++[ \t]++[-+.\d]")
_DIAGONAL = re.compile(rb"(?m)^[ \t]*+(\d++)[ \t]++\1[ \t]++\S++[ \t]*$")
_ROW = re.compile(
    rb"(?:[#%].*\n|\s)*+[-+.\d][-+.\deE]*+(?:[ \t]*+[,;\t ][ \t]*+[-+.\deE]++)*+[ \t,;]*+(?:\n|\Z)"
)
_AS_MATRIX = "a QUBO (--format qubo-matrix) or a graph for max-cut (--format graph-matrix)"
_KNOWN = ", ".join(known.name for known in TABLE)


def choose_format(text: bytes, path: str, vartype: str | None) -> Format:
    """The format of a text whose lines end with line feeds, or of bytes.

    Raises:
        ValueError: What the file looks like that is not read, or between what it does not decide.
    """
    if what := name_foreign(text):
        raise ValueError(f"looks like {what}, which is not read; expected one of {_KNOWN}")
    if text.startswith(NPY):
        raise ValueError(f"a numpy array can be {_AS_MATRIX}; expected --format to say which")
    if text[:200].lstrip().lower().startswith(MARKET.lower()):
        raise ValueError(f"a matrix in MatrixMarket can be {_AS_MATRIX}; expected --format to say which")
    if re.match(GRAPH, text):
        raise ValueError(
            "a DIMACS graph is read for max-cut only, expected --format dimacs to say so; colouring and"
            " cliques are other problems on it"
        )
    name = _without_compression(os.path.basename(path))
    for known in TABLE:
        if known.is_certain(text):
            return known
    for known in TABLE:
        if known.is_named(name):
            return known
    head = text[:_HEAD]
    if b"\0" in head:
        raise ValueError(f"holds binary data of no format that is known; expected one of {_KNOWN}")
    if _BARE_LIST.match(head):  # without weights, so no QUBO
        return BY_NAME["gset"]
    if _LIST.match(head):
        raise ValueError(_between_lists(head))
    if vartype is not None or _ENTRY.match(head):
        return BY_NAME["coo"]
    if _ROW.match(head):
        raise ValueError(f"rows of numbers, as in CSV, can be {_AS_MATRIX}; expected --format to say which")
    raise ValueError(
        f"is of no format that is known, by its name or by its first line {_first_line(head)};"
        f" expected one of {_KNOWN} (--format)"
    )


def _between_lists(head: bytes) -> str:
    """Why lines `n m` and `i j value` are not read as they are."""
    quboes = "a QUBO (biqmac: min x'Qx, i j counts twice; bq: once; mqlib: max, twice) or spins (qh)"
    entries = _LIST.sub(b"", blank_comments(head, COMMENT), count=1)
    if found := _DIAGONAL.search(entries):
        return (
            f"{short(found[0].strip())} is an entry on the diagonal, so the file is no graph, but {quboes};"
            " expected --format to say which"
        )
    return (
        "lines 'n m' and 'i j value' can be a graph for max-cut (--format gset) or"
        f" {quboes}; expected --format to say which"
    )


def _without_compression(name: str) -> str:
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in ENDINGS else name


def _first_line(head: bytes) -> str:
    lines = head.split(b"\n")
    return short(next((line.strip() for line in lines if line.strip()), b""))
