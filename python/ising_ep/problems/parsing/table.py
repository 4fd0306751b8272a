"""Text files of lines of numbers: comments, a first line, a table of integers and values.

numpy reads the numbers, a piece of the file at a time; Python looks at single lines only to say which one is
wrong.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...checks import number_in
from .parts import MOST_COUPLINGS, MOST_ISOLATED, MOST_VARIABLES

# Enough for every coupling and variable that is read.
MOST_LINES = MOST_COUPLINGS + MOST_VARIABLES
# Bytes that numpy gets at a time, and that a line may have beyond.
_PIECE, _MOST_LINE = 2**24, 2**16
_WEIGHTED = np.dtype([("i", np.int64), ("j", np.int64), ("value", np.float64)])
_BARE = np.dtype([("i", np.int64), ("j", np.int64)])
_INTEGER = r"[+-]?\d{1,18}+"
DIGITS = rb"(\d{1,18})"
# Possessive, so that no line takes quadratic time.
_PAIR = rf"{_INTEGER}\s++{_INTEGER}"
_LINES = {
    _WEIGHTED: re.compile(rf"{_PAIR}\s++[+-]?(\d++\.?+\d*+|\.\d++)([eE][+-]?\d++)?+", re.ASCII),
    _BARE: re.compile(_PAIR, re.ASCII),
}
# White space to numpy, and to str but not to bytes.
_BLANK = b" \t\n\r\v\f\x1c\x1d\x1e\x1f"
# Words that begin as a number does. An offset that is said in words does not match.
_NUMBER_LIKE = rb"([+-]?(?:[.\d]|(?:nan|inf)\b)[^\s,;]*+)"


def plain_lines(content: bytes) -> bytes:
    """The text with each line ended by a line feed.

    Raises:
        ValueError: More lines than are read.
    """
    text = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = text.count(b"\n")
    if lines > MOST_LINES:
        raise ValueError(f"{lines} lines, expected at most {MOST_LINES}")
    return text


def blank_comments(text: bytes, begin: bytes) -> bytes:
    """The text without what stands on lines that, but for blanks, begin with a regular expression."""
    comment = re.compile(rb"(?m)^[ \t]*+(?:%b).*+" % begin)
    # Pieces save memory: joining the parts of a whole text would take 160 bytes for each comment.
    return b"".join(comment.sub(b"", piece) for piece in _pieces(text))


def offset_in(text: bytes, begin: bytes) -> float:
    """The constant that a comment such as `# offset=1.5` says; 0 for none.

    Args:
        text: Lines.
        begin: How comments begin.

    Raises:
        ValueError: Several different ones, or no finite number.
    """
    pattern = rb"(?m)^[ \t]*+(?:%b).*?\b(?i:offset)[ \t]*+[:=][ \t]*+%b" % (begin, _NUMBER_LIKE)
    found = {_finite("offset", match[1]) for match in re.finditer(pattern, text)} or {0.0}
    if len(found) > 1:
        raise ValueError(f"comments say offsets {' and '.join(map(str, sorted(found)[:2]))}, expected one")
    return found.pop()


def _finite(name: str, text: bytes) -> float:
    try:
        number = number_in(text.decode("ascii", "replace"))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name} is {short(text)}, expected a finite number")
    return number


def named_number(text: bytes, name: bytes, default: float) -> float:
    """The finite number of the only comment line `c name : number`, or the default."""
    found = re.findall(rb"(?m)^[ \t]*+c[ \t]++%b[ \t]*+:(.*+)" % name, text)
    if len(found) > 1:
        raise ValueError(f"{len(found)} comments say {name.decode()}, expected one")
    return _finite(name.decode(), found[0].strip()) if found else default


def header(text: bytes, pattern: bytes, expected: str) -> tuple[list[int], int, bytes]:
    """Numbers in the first line that is not blank, the line's number, and the text with the line blanked."""
    start = len(text) - len(text.lstrip())
    end = (text + b"\n").index(b"\n", start)
    line = text[start:end].rstrip()
    number = text.count(b"\n", 0, start) + 1
    match = re.fullmatch(pattern, line)
    if match is None:
        raise ValueError(f"line {number} is {short(line)}, expected {expected}")
    return [int(group) for group in match.groups()], number, b"\n" * (number - 1) + text[end:]


def check_isolated(line: int, nodes: int, edges: int, names: str = "nodes edges") -> None:
    """Refuses a first line that promises far more nodes than its edges could need."""
    most = min(2 * edges + MOST_ISOLATED, MOST_VARIABLES)
    if nodes > most:
        node, edge = names.split()
        raise ValueError(f"line {line} says {nodes} {node}, expected at most {most} for {edges} {edge}")


def has_weights(text: bytes) -> bool:
    """Tells whether the first line that is not blank has three words or more."""
    first = re.search(rb"\S.{0,200}", text)
    return first is None or len(first[0].split()) != 2


def read_rows(text: bytes, expected: str, *, weighted: bool = True) -> NDArray[np.void]:
    """The lines that are not blank, as rows (i, j, value), or (i, j) where there are no weights.

    Raises:
        ValueError: The first line that is not `expected`, with its number.
    """
    kind = _WEIGHTED if weighted else _BARE
    tables, line = [np.empty(0, dtype=kind)], 1
    for piece in _pieces(text):
        tables.append(_read_piece(piece, kind, line, expected))
        line += piece.count(b"\n")
    return np.concatenate(tables)


def _pieces(text: bytes) -> Iterator[bytes]:
    """The text in pieces of whole lines."""
    start, line = 0, 1
    while start < len(text):
        end = text.find(b"\n", start + _PIECE) + 1 or len(text)
        if end - start > _PIECE + _MOST_LINE:
            line += text.count(b"\n", start, end - 1)
            raise ValueError(f"line {line} has more than {_MOST_LINE} characters")
        yield text[start:end]
        line += text.count(b"\n", start, end)
        start = end


def _read_piece(text: bytes, kind: np.dtype[np.void], first: int, expected: str) -> NDArray[np.void]:
    if not text.strip(_BLANK):
        return np.empty(0, dtype=kind)
    refused = f"a line is not {expected}"
    try:
        # A file is read line by line by numpy.
        file = io.TextIOWrapper(io.BytesIO(text), "ascii", "replace")
        with warnings.catch_warnings():
            # Old versions of numpy take 1.5 for the integer 1, and warn.
            warnings.simplefilter("error", DeprecationWarning)
            table = np.loadtxt(file, dtype=kind, comments=None, ndmin=1)
        if kind is _BARE or np.isfinite(table["value"]).all():
            return table
    except (ValueError, DeprecationWarning) as error:
        refused = str(error)
    for number, line in _numbered(text, first):
        if not (_LINES[kind].fullmatch(line) and (kind is _BARE or math.isfinite(float(line.split()[2])))):
            raise ValueError(f"line {number} is {short(line)}, expected {expected}")
    raise ValueError(refused)


def require(good: NDArray[np.bool_], text: bytes, expected: str) -> None:
    """Refuses the line of the first row that is not good."""
    if good.all():
        return
    wrong = int(np.argmin(good))
    for row, (number, line) in enumerate(_numbered(text, 1)):
        if row == wrong:
            raise ValueError(f"line {number} is {short(line)}, expected {expected}")


def _numbered(text: bytes, first: int) -> Iterator[tuple[int, str]]:
    """The lines that numpy takes for rows, with their numbers."""
    for number, line in enumerate(io.BytesIO(text), first):
        if stripped := line.decode("ascii", "replace").strip():
            yield number, stripped


def short(line: str | bytes) -> str:
    """The line in quotes, cut where it is long."""
    text = line[:200].decode("ascii", "replace") if isinstance(line, bytes) else line
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
