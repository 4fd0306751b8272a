r"""Files that are not read, by what they are.

Each is known by how it begins: a regular expression at the start of the bytes, with line feeds as line ends.
"""

import re
from typing import NamedTuple

# Lines that are blank or, in most of the formats, comments.
SKIPPED = rb"(?:[ \t]*+(?:(?:[#%]|c(?=[ \t\n])).*+)?+\n)*+"


class Foreign(NamedTuple):
    """A format that is not read: what a file of it looks like, and how one begins."""

    what: str
    begins: re.Pattern[bytes]


def _foreign(what: str, pattern: bytes) -> Foreign:
    return Foreign(what, re.compile(pattern))


FOREIGN = (
    _foreign(
        "a Python pickle (never loaded: it can run code)",
        rb"\x80[\x02-\x05]|\(dp|\(lp|ccopy_reg\n|c__builtin__\n",
    ),
    _foreign("a constrained quadratic model (CQM) of dimod", rb"DIMODCQM"),
    _foreign("a discrete quadratic model (DQM) of dimod", rb"DIMODDQM"),
    _foreign("a quadratic model of dimod with other variables than spins or bits", rb"DIMODQM"),
    _foreign("a numpy archive (.npz)", rb"PK\x03\x04(?s:.{26,200}?)\.npy"),
    _foreign("a zip archive", rb"PK[\x03\x05]"),
    _foreign("a file compressed twice", rb"\x1f\x8b|BZh[1-9]1AY|\xfd7zXZ"),
    _foreign("a file compressed with zstandard (zstd -d unpacks it)", rb"\x28\xb5\x2f\xfd"),
    _foreign("an HDF5 file", rb"\x89HDF"),
    _foreign("a MATLAB file", rb"MATLAB 5\.0"),
    _foreign("a Parquet file", rb"PAR1"),
    _foreign("a SQLite database", rb"SQLite format"),
    _foreign("a PDF", rb"%PDF-"),
    _foreign("a program", rb"\x7fELF|MZ\x90"),
    _foreign("a pointer of Git LFS, whose file is not here yet", rb"version https://git-lfs"),
    _foreign("XML or HTML", rb"\s*+<[?!a-zA-Z]"),
    _foreign("a .qubo file of Quantagonia", rb"(?i)(?:MIN|MAX)IMIZE\s*\n(?:#.*\n|\s*[-+.\d][-+.\deE]*\s*\n)"),
    _foreign(
        "a linear program in MPS (LP is read)",
        rb"(?i)(?:[ \t]*+(?:\*.*+)?+\n)*+(?:NAME|ROWS|OBJSENSE)(?:[ \t][^:\n]*+)?+\n",
    ),
    _foreign("a TSPLIB file", rb"\s*+(?:NAME|TYPE)\s*+:"),
    _foreign("a DIMACS network", SKIPPED + rb"p[ \t]++(?:max|min|sp|asn)\b"),
    _foreign("a GML graph", rb"\s*+(?:Creator.*+\s++)?+graph\s*+\["),
    _foreign("a Graphviz graph", rb"\s*+(?:strict\s++)?+(?:di)?graph\b[^\[\n]*\{"),
    _foreign(
        "a problem on a Chimera graph (HFS)", rb"\d++ \d++\n(?:[ \t]*+\d++[ \t]++){8}-?\d++[ \t]*+(?:\n|\Z)"
    ),
    _foreign("a MiniZinc model", rb"(?:%.*+\n|\s++)*+(?:set[ ]of|var|int:|float:|include|array\[)"),
    _foreign("a max-cut graph that begins with 'MAX-CUT'", SKIPPED + rb"(?i:max-?cut)\b"),
)


def name_foreign(text: bytes) -> str | None:
    """Names the format that an unsupported file looks like, or None.

    Example:
        >>> name_foreign(b"NAME test\\nROWS\\n N obj\\n")
        'a linear program in MPS (LP is read)'
    """
    return next((known.what for known in FOREIGN if known.begins.match(text)), None)
