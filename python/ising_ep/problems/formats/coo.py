"""dimod's COO text: lines `i j bias`, linear biases as `i i bias`, `# vartype=SPIN` above them.

dimod's own reader passes over lines that it does not understand, `0 1 1e-5` among them, and has no place for
an offset; `# offset=1.5` is kept here.
https://docs.dwavequantum.com/en/latest/ocean/api_ref_dimod/generated/dimod.serialization.coo.html
"""

import re

import numpy as np
from numpy.typing import NDArray

from ..parsing.format import Format
from ..parsing.parts import Asked, Parts, check_size
from ..parsing.table import blank_comments, offset_in, read_rows, require


def parse(text: bytes, asked: Asked) -> Parts:
    """Lines `i j bias`, which add up where they repeat, with the vartype of a comment or the caller."""
    found = re.finditer(rb"(?m)^[ \t]*+#.*?vartype[:=][ \t]*+(\S{1,20})", text)
    named = {match[1].decode("ascii", "replace") for match in found} or {asked.vartype}
    offset = offset_in(text, b"#")
    if named == {None}:
        raise ValueError("no line is '# vartype=SPIN' or '# vartype=BINARY', expected one, or --vartype")
    if len(named) > 1 or not named <= {"SPIN", "BINARY"}:
        raise ValueError(
            f"# vartype is {' and '.join(map(repr, sorted(map(str, named))[:2]))}, expected SPIN or BINARY"
        )
    expected = "'i j bias' of two integers >= 0 and a finite number"
    text = blank_comments(text, b"#")
    table = read_rows(text, expected)
    require(np.minimum(table["i"], table["j"]) >= 0, text, expected)
    return labelled(table["i"], table["j"], table["value"], str(named.pop()), offset)


def labelled(
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    values: NDArray[np.float64],
    vartype: str,
    offset: float = 0.0,
) -> Parts:
    """The variables are those that an entry (entries,) names; a value of `i i` is linear."""
    labels, indices = np.unique(np.concatenate((rows, cols)), return_inverse=True)
    check_size(len(labels), 0)
    rows, cols = np.split(indices, 2)
    loop = rows == cols
    linear = np.bincount(rows[loop], weights=values[loop], minlength=len(labels))
    couplings = rows[~loop], cols[~loop], values[~loop]
    return Parts(linear, *couplings, vartype, offset, labels=labels.tolist())


FORMATS = (
    Format(
        "coo",
        "dimod's COO text, `i j bias`, with # vartype=SPIN or BINARY",
        parse,
        endings=(".coo",),
        contains=rb"(?m)^[ \t]*+#.*?vartype[:=]",
    ),
)
