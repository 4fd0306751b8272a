"""A whole matrix, in MatrixMarket, numpy's .npy, or lines of numbers: as a QUBO or as a graph.

    qubo-matrix   E = x'Qx with binary variables: entries of both triangles count, so that a symmetric matrix
                  has each coupling twice, as dimod's from_numpy_vectors and x @ Q @ x have it
    graph-matrix  a graph for max-cut: the weights of its edges, symmetric, with zeros on the diagonal

Variables are numbered from 0, as numpy does; from 1 if the file is MatrixMarket, as it says.
https://math.nist.gov/MatrixMarket/formats.html, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import math
import re
import warnings
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...extras import PLAIN, needing
from ..parsing.format import Format
from ..parsing.parts import MOST_COUPLINGS, Asked, Objective, Parts, check_size
from ..parsing.table import DIGITS, blank_comments, header, read_rows, require, short

with needing(PLAIN, "a problem from a file"):
    from scipy.io import mmread
    from scipy.sparse import coo_array, tril, triu

NPY = b"\x93NUMPY"
MARKET = b"%%MatrixMarket"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# Errors that numpy's readers of a header raise. A header is Python text.
_BAD_HEADERS = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError, OverflowError)
_MOST_ENTRIES = 2 * MOST_COUPLINGS
_MOST_LINE = 2**20
_BLANKS = bytes.maketrans(b",;", b"  ")
_NUMBER = re.compile(rb"[+-]?(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?\d++)?+")


def parse_qubo(content: bytes, asked: Asked) -> Parts:
    """`E = x'Qx`."""
    del asked
    matrix, first = _read_matrix(content)
    linear = matrix.diagonal()
    upper = (triu(matrix, 1) + tril(matrix, -1).T).tocoo()
    couplings = upper.row, upper.col, upper.data
    return Parts(linear, *couplings, "BINARY", labels=range(first, first + len(linear)))


def parse_graph(content: bytes, asked: Asked) -> Parts:
    """`E = sum_ij w_ij s_i s_j` over the edges: a state cuts edges of weight `(sum w - E) / 2`."""
    del asked
    matrix, first = _read_matrix(content)
    n = matrix.shape[0]
    if (different := abs(matrix - matrix.T).tocoo()).max() != 0:
        i, j = (int(ends[different.data.argmax()]) + first for ends in (different.row, different.col))
        raise ValueError(f"entries {i}, {j} and {j}, {i} differ, expected a symmetric matrix")
    if matrix.data[matrix.row == matrix.col].any():
        raise ValueError("an entry on the diagonal is not 0: no graph, expected --format qubo-matrix?")
    upper = matrix.row < matrix.col
    values = matrix.data[upper]
    cut = Objective("cut", float(values.sum()) / 2, -0.5)
    couplings = matrix.row[upper], matrix.col[upper], values
    return Parts(np.zeros(n), *couplings, "SPIN", labels=range(first, first + n), objective=cut)


def _read_matrix(content: bytes) -> tuple[coo_array, int]:
    """The square matrix of finite numbers, without zeros, and the number of its first row."""
    if content.startswith(NPY):
        matrix, first = _sparse(read_npy(content).astype(np.float64)), 0
    elif content[:200].lstrip().lower().startswith(MARKET.lower()):
        matrix, first = _read_market(content), 1
    else:
        matrix, first = _sparse(_read_dense(content)), 0
    check_size(matrix.shape[0], matrix.nnz // 2)
    return matrix, first


def _sparse(dense: NDArray[np.float64]) -> coo_array:
    _check_square(*dense.shape)
    if not np.isfinite(dense).all():
        i, j = np.argwhere(~np.isfinite(dense))[0]
        raise ValueError(f"the matrix holds {dense[i, j]} in row {i}, expected finite numbers")
    return coo_array(dense)


def read_npy(content: bytes) -> NDArray[Any]:
    """A two-dimensional array of real numbers; never a pickle."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"version is {version}, expected 1 or 2")
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # on headers of Python 2
            shape, by_columns, kind = _HEADERS[version](file)
    except _BAD_HEADERS as error:
        raise ValueError(f"not a whole .npy file: {error!s:.200}") from None
    if kind.kind not in "bfiu":
        raise ValueError(f"the array holds {kind.name}, expected real numbers")
    if len(shape) != 2:
        raise ValueError(f"the array has shape {str(shape)[:60]}, expected two dimensions")
    there, needed = len(content) - file.tell(), math.prod(shape) * kind.itemsize
    if there != needed:
        raise ValueError(f"{there} bytes follow the header, expected {needed} for shape {shape}")
    _check_dense(*shape)
    array = np.frombuffer(content, kind, offset=file.tell())
    return array.reshape(shape, order="F" if by_columns else "C")


def _read_dense(text: bytes) -> NDArray[np.float64]:
    """Rows of numbers between blanks, commas or semicolons; above may stand how many (Biq Mac's .mat)."""
    rows: list[NDArray[np.float64]] = []
    size = None
    for number, line in enumerate(io.BytesIO(blank_comments(text, b"[#%]")), start=1):
        if len(line) > _MOST_LINE:
            raise ValueError(f"line {number} has more than {_MOST_LINE} characters")
        words = line.translate(_BLANKS).split()
        if not words:
            continue
        if size is None:
            size = len(words)
            if size == 1 and re.fullmatch(DIGITS, words[0]) and int(words[0]) > 1:
                size = int(words[0])
                continue
            _check_dense(size, size)
        if len(rows) == size:
            raise ValueError(f"line {number} is row {size + 1} of a matrix with {size} columns")
        if len(words) != size or not all(map(_NUMBER.fullmatch, words)):
            raise ValueError(f"line {number} is {short(line.strip())}, expected a row of {size} numbers")
        rows.append(np.array(words, dtype=np.float64))
    return np.array(rows, dtype=np.float64).reshape(len(rows), size or 0)


def _check_dense(rows: int, columns: int) -> None:
    if rows * columns > _MOST_ENTRIES:
        raise ValueError(
            f"a matrix of {rows} x {columns} numbers, expected at most {_MOST_ENTRIES}; larger ones are read"
            " as entries, in MatrixMarket"
        )


_KINDS = (
    rb"(?i)%%MatrixMarket\s+matrix\s+(coordinate|array)\s+(real|integer|pattern)\s+(general|symmetric)\s*"
)


def _read_market(text: bytes) -> coo_array:
    """A matrix of real numbers or of ones, general or symmetric; entries that repeat add up, as in scipy."""
    text = text.lstrip()
    first = text[:200].split(b"\n")[0]
    kinds = re.fullmatch(_KINDS, first)
    if kinds is None:
        raise ValueError(
            f"line 1 is {short(first)}, expected a matrix, coordinate or array, real, integer or pattern,"
            " general or symmetric"
        )
    layout, numbers, symmetry = (kind.lower() for kind in kinds.groups())
    lines = blank_comments(text, b"%")
    if layout == b"array":
        return _read_market_array(text, lines)
    (rows, columns, entries), line, lines = header(
        lines, rb"\s+".join([DIGITS] * 3), "'rows columns entries'"
    )
    _check_square(rows, columns)
    check_size(rows, 0)
    weighted = numbers != b"pattern"
    expected = f"'row column{' value' * weighted}' of two integers from 1 to {rows}" + (
        " and a finite number" * weighted
    )
    table = read_rows(lines, expected, weighted=weighted)
    i, j = table["i"], table["j"]
    require((np.minimum(i, j) >= 1) & (np.maximum(i, j) <= rows), lines, expected)
    if len(table) != entries:
        raise ValueError(f"line {line} says {entries} entries, but {len(table)} follow")
    matrix = coo_array(
        (table["value"] if weighted else np.ones(len(table)), (i - 1, j - 1)), shape=(rows, columns)
    )
    if symmetry == b"symmetric":
        matrix = _with_mirrored(matrix)
    matrix.sum_duplicates()
    return matrix


def _read_market_array(text: bytes, lines: bytes) -> coo_array:
    (rows, columns), _, lines = header(lines, rb"\s+".join([DIGITS] * 2), "'rows columns'")
    _check_square(rows, columns)
    _check_dense(rows, columns)
    try:
        return _sparse(np.asarray(mmread(io.BytesIO(text)), dtype=np.float64))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"not a whole array in MatrixMarket: {error!s:.200}") from None


def _with_mirrored(matrix: coo_array) -> coo_array:
    """A symmetric matrix of which one of each two entries is given."""
    off = matrix.row != matrix.col
    values = np.concatenate((matrix.data, matrix.data[off]))
    rows = np.concatenate((matrix.row, matrix.col[off]))
    cols = np.concatenate((matrix.col, matrix.row[off]))
    return coo_array((values, (rows, cols)), shape=matrix.shape)


def _check_square(rows: int, columns: int) -> None:
    if rows != columns:
        raise ValueError(f"the matrix has {rows} rows and {columns} columns, expected as many of both")
    if not rows:
        raise ValueError("no variables, expected at least one")


FORMATS = (
    Format("qubo-matrix", "a matrix in .mtx, .npy or text: min x'Qx", parse_qubo),
    Format("graph-matrix", "a symmetric matrix of weights, for max-cut", parse_graph),
)
