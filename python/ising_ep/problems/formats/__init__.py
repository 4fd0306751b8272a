"""Problems as files of other programs have them: one row a format, one module a family.

A file is known by its content where that is unmistakable, then by its name. What could be several things is
not guessed.
"""

import re
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, cast

from .foreign import SKIPPED

if TYPE_CHECKING:
    from .parts import Asked, Parts


class Format:
    """A format: its name for `--format`, what it is, and how a file of it is known.

    `begins` and `contains` are regular expressions for the bytes that no other format's files begin with or
    hold; `names` is one for whole file names.
    """

    def __init__(
        self,
        name: str,
        what: str,
        parser: str,
        *,
        endings: tuple[str, ...] = (),
        names: str | None = None,
        begins: bytes | None = None,
        contains: bytes | None = None,
    ) -> None:
        self.name = name
        self.what = what
        self.endings = endings
        self._parser = parser
        self._names = names
        self._begins = begins
        self._contains = contains

    @cached_property
    def parse(self) -> "Callable[[bytes, Asked], Parts]":
        """Its reader, imported when it is needed: commands that read no file start without numpy."""
        module, function = self._parser.split(".")
        found = getattr(import_module(f"{__name__}.{module}"), function)
        return cast("Callable[[bytes, Asked], Parts]", found)

    def is_certain(self, text: bytes) -> bool:
        """Whether the text can be of no other format."""
        if self._begins is not None:
            return re.match(self._begins, text) is not None
        return self._contains is not None and re.search(self._contains, text) is not None

    def is_named(self, file_name: str) -> bool:
        """Whether a file of this name, without the ending of a compression, is of this format."""
        lower = file_name.lower()
        return lower.endswith(self.endings) or (
            self._names is not None and re.fullmatch(self._names, file_name) is not None
        )


# Two integers, as the first line of lists has them.
PAIR_LINE = rb"[ \t]*+\d++[ \t]++\d++[ \t]*+(?:\n|\Z)"
# Families of graphs in the Gset and the Biq Mac Library: G1, g05_60.0, pm1s_100.3, t2g10_5555...
_GRAPHS = (
    r"G\d+(\.txt)?|(g05|pm1[sd]|p?w0\d)_\d+\.\d+|[tT][23][gG]\d+_\d+|torus(pm|g)\d?-\d+(-\d+)?(\.dat)?"
    r"|ising\d\.\d-\d+_\d+"
)

TABLE = (
    Format(
        "coo",
        "dimod's COO text, `i j bias`, with # vartype=SPIN or BINARY",
        "coo.parse",
        endings=(".coo",),
        contains=rb"(?m)^[ \t]*+#.*?vartype[:=]",
    ),
    Format(
        "bqm", "what dimod's bqm.to_file() writes", "bqm_file.parse", endings=(".bqm",), begins=b"DIMODBQM"
    ),
    Format(
        "bqpjson",
        "bqpjson",
        "bqpjson.parse",
        begins=rb'\s*+\{(?s:.*?)"variable_domain"\s*+:',
    ),
    Format(
        "json",
        "dimod's bqm.to_serializable() as JSON",
        "dimod_json.parse",
        endings=(".json",),
        begins=rb"\s*+\{",
    ),
    Format(
        "gset",
        "a graph for max-cut: the Gset's, rudy's, McSparse's .mc, MQLib's",
        "lists.parse_graph",
        endings=(".gset", ".mc", ".rud", ".rudy"),
        names=_GRAPHS,
    ),
    Format(
        "qubo",
        "qbsolv's .qubo, and bqpjson's with scale and offset",
        "qbsolv.parse",
        endings=(".qubo",),
        begins=rb"(?:[ \t]*+(?:c.*+)?+\n)*+[ \t]*+p[ \t]++qubo\b",
    ),
    Format("qh", "bqpjson's .qh, for the Qubist: spins from 0", "lists.parse_qubist", endings=(".qh",)),
    Format(
        "biqmac",
        "Biq Mac's .sparse: min x'Qx, i j counts twice",
        "lists.parse_biqmac",
        endings=(".sparse",),
    ),
    Format("bq", "McSparse's .bq: min x'Qx, i j counts once", "lists.parse_bq", endings=(".bq",)),
    Format("mqlib", "MQLib's QUBO: max x'Qx, i j counts twice", "lists.parse_mqlib"),
    Format(
        "orlib",
        "OR-Library's bqp: as mqlib, several in a file (--instance)",
        "lists.parse_orlib",
        begins=SKIPPED + rb"[ \t]*+\d++[ \t]*+\n" + SKIPPED + PAIR_LINE,
    ),
    Format("qubo-matrix", "a matrix in .mtx, .npy or text: min x'Qx", "matrix.parse_qubo"),
    Format("graph-matrix", "a symmetric matrix of weights, for max-cut", "matrix.parse_graph"),
)
BY_NAME = {known.name: known for known in TABLE}
