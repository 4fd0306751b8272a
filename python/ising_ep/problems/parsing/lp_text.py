r"""Text of linear and quadratic programs in CPLEX's LP format, as numbers.

    \ comments
    Maximize
     profit: 2 x + 3 y - [ 4 x * y + 2 x ^ 2 ] / 2 + 5
    Subject To
    Bounds
     0 <= x <= 1
    Binaries
     x y
    End

Signs stand between the terms of a sum, and section names on lines of their own. Constraints and other
sections (SOS, semi-continuous, piecewise linear) are refused, and so is what other readers guess,
such as `2 x y`. https://www.ibm.com/docs/en/icos/22.1.2?topic=cplex-lp-file-format-algebraic-representation
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from .table import short

# Upper bounds on the text and on its terms, which take Python some microseconds each.
MOST_LP_BYTES = 2**25
MOST_TERMS = 4_000_000

_NUMBER = r"(?:[0-9]++\.?+[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?+"
# Not as an exponent begins. Indices in brackets belong to a name: x[0,1].
_MARKS = r"!\"#$%&,;?@'`{}~|"
_NAME = rf"(?![eE]\d)(?:[^\W\d]|[{_MARKS}])[\w.(){_MARKS}]*+(?:\[[\w.,:;'\"()-]*+\])*+"
_SIGNS = r"\s*+(?P<signs>(?:[+-]\s*+){0,2}+)"
_TERM = re.compile(rf"{_SIGNS}(?:(?P<bracket>\[)|(?P<number>{_NUMBER})?+\s*+(?P<name>{_NAME})?+)")
_PRODUCT = re.compile(
    rf"{_SIGNS}(?P<number>{_NUMBER})?+\s*+(?P<name>{_NAME})\s*+(?:\*\s*+(?P<other>{_NAME})|\^\s*+2(?![\w.]))"
)
_CLOSED = re.compile(r"\s*+\]")
_HALF = re.compile(r"\s*+/\s*+2(?![\w.])")
_LABEL = re.compile(r"\s*+([^\s:<>=\[\]]++)\s*+:")
_SENSE = re.compile(r"\s*+(<=|=<|<|>=|=>|>|=)")
_VALUE = re.compile(rf"\s*+([+-]?)\s*+({_NUMBER}|(?i:inf(?:inity)?)\b)")
_NAMED = re.compile(rf"\s*+({_NAME})")
_FREE = re.compile(r"(?i)[ \t]++free\b")
_BLANK = re.compile(r"\s*+")
_FIRST = re.compile(r"(?i)\s*+(?:(mini(?:mi[sz]e|mum)?+)|(maxi(?:mi[sz]e|mum)?+)|(min)|(max))(?![\w.])")
_SECTIONS = {
    "constraints": r"subject[ \t]++to|such[ \t]++that|st\.?+|s\.t\.",
    "bounds": r"bounds?+",
    "binary": r"binar(?:y|ies)|bin",
    "integer": r"generals?+|gen|integers?+|int",
    "end": r"end",
    "other": r"sos\d?+|semis?+|semi-continuous|lazy[ \t]++constraints|user[ \t]++cuts|pwlobj"
    r"|general[ \t]++constraints?+|scenario\b.*+",
}
_SECTION = re.compile(
    r"(?im)^[ \t]*+(?:" + "|".join(f"(?P<{name}>{words})" for name, words in _SECTIONS.items()) + r")[ \t]*+$"
)
_SUM = "terms with a sign between them, such as '2 x - 3 y'"


@dataclass
class Sum:
    """A sum of terms over numbered variables; those that repeat add up."""

    variables: array[int] = field(default_factory=lambda: array("q"))
    linear: array[float] = field(default_factory=lambda: array("d"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    cols: array[int] = field(default_factory=lambda: array("q"))
    quadratic: array[float] = field(default_factory=lambda: array("d"))
    constant: float = 0.0


@dataclass
class Program:
    """What a text says: variables by their numbers, in the order in which they come.

    Attributes:
        maximised: Whether the objective is to be maximised.
        bounds: Lower and upper ones, of the variables that have any but the usual.
        binary, integer: The variables that are declared so.
    """

    numbers: dict[str, int] = field(default_factory=dict)
    maximised: bool = False
    objective: Sum = field(default_factory=Sum)
    bounds: dict[int, tuple[float, float]] = field(default_factory=dict)
    binary: set[int] = field(default_factory=set)
    integer: set[int] = field(default_factory=set)

    def number(self, name: str) -> int:
        """The number of a variable, a new one where it is new."""
        return self.numbers.setdefault(name, len(self.numbers))


def read_lp(content: bytes) -> Program:
    """Reads a text.

    Raises:
        ValueError: The first line that is not understood, with its number.

    Example:
        >>> program = read_lp(b"min\\n 2 x - y\\nbin\\n x y\\nend\\n")
        >>> program.numbers, program.objective.linear.tolist()
        ({'x': 0, 'y': 1}, [2.0, -1.0])
    """
    if len(content) > MOST_LP_BYTES:
        raise ValueError(
            f"the text is larger than {MOST_LP_BYTES >> 20} MiB; larger models are read as bqm.to_file()"
            " writes them"
        )
    if (terms := content.count(b"+") + content.count(b"-")) > MOST_TERMS:
        raise ValueError(f"the text has {terms} signs, expected at most {MOST_TERMS}")
    try:
        text = re.sub(r"\\.*", "", content.decode())
    except UnicodeError:
        raise ValueError("the text is not in UTF-8") from None
    return _Reader(text).program


class _Reader:
    """Goes through a text from its first to its last section."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.end = text, 0, len(text)
        self.program = Program()
        first = self._take(_FIRST, "Minimize or Maximize")
        self.program.maximised = first[0].strip().lower().startswith("max")
        seen: set[str] = set()
        name, read = "the objective", self._read_objective
        readers: dict[str, Callable[[], None]] = {
            "constraints": self._read_constraint,
            "bounds": self._read_bound,
            "binary": lambda: self._read_declared(self.program.binary),
            "integer": lambda: self._read_declared(self.program.integer),
        }
        for section in [*_SECTION.finditer(text, self.at), None]:
            self.end = section.start() if section else len(text)
            if name == "end":
                if not self._is_over():
                    self._refuse("nothing after End")
                return
            while not self._is_over():
                read()
            if section is None:
                raise ValueError("the text has no line 'End': it is cut short")
            self.at = section.end()
            name = section.lastgroup or ""
            if name == "other":
                self.at = section.start()
                self._refuse("another section: this one has no place in a QUBO")
            if name in seen:
                self.at = section.start()
                self._refuse("one section of a kind")
            seen.add(name)
            read = readers.get(name, read)

    def _is_over(self) -> bool:
        """Tells whether only blanks are left of the section."""
        blank = _BLANK.match(self.text, self.at, self.end)
        self.at = blank.end() if blank else self.at
        return self.at == self.end

    def _try(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at, self.end)
        if found:
            self.at = found.end()
        return found

    def _take(self, pattern: re.Pattern[str], expected: str) -> re.Match[str]:
        return self._try(pattern) or self._refuse(expected)

    def _refuse(self, expected: str) -> re.Match[str]:
        """Names the line where the reader stands."""
        self._is_over()
        start = self.text.rfind("\n", 0, self.at) + 1
        line = self.text[start : (self.text + "\n").index("\n", self.at)].strip()
        number = self.text.count("\n", 0, self.at) + 1
        raise ValueError(f"line {number} is {short(line)}, expected {expected}")

    def _read_objective(self) -> None:
        self._try(_LABEL)
        self.program.objective = self._read_sum()

    def _read_constraint(self) -> None:
        self._refuse("no constraints, but penalties for them in the objective (dimod: cqm_to_bqm)")

    def _read_sum(self) -> Sum:
        """Terms up to the end of the section."""
        total, first = Sum(), True
        while not self._is_over():
            term = self._take(_TERM, _SUM)
            if not (first or term["signs"]) or not (term["bracket"] or term["number"] or term["name"]):
                self.at = term.start()
                self._refuse(_SUM)
            first = False
            sign = (-1.0) ** term["signs"].count("-")
            if term["bracket"]:
                self._read_products(total, sign / 2)
                self._take(_HALF, "'] / 2' at the end of the quadratic terms of an objective")
            elif term["name"]:
                total.variables.append(self.program.number(term["name"]))
                total.linear.append(sign * float(term["number"] or 1))
            else:
                total.constant += sign * float(term["number"])
        return total

    def _read_products(self, total: Sum, factor: float) -> None:
        """Terms up to a bracket: `2 x * y` and `3 x ^ 2`."""
        first = True
        while not self._try(_CLOSED):
            term = self._take(_PRODUCT, "terms such as '2 x * y' or '3 x ^ 2' in brackets")
            if not (first or term["signs"]):
                self.at = term.start()
                self._refuse(_SUM)
            first = False
            i = self.program.number(term["name"])
            total.rows.append(i)
            total.cols.append(i if term["other"] is None else self.program.number(term["other"]))
            total.quadratic.append(factor * (-1.0) ** term["signs"].count("-") * float(term["number"] or 1))

    def _read_value(self) -> float:
        """A number with its sign, which may be infinite."""
        found = self._take(_VALUE, "a number")
        value = math.inf if found[2][0] in "iI" else float(found[2])
        return -value if found[1] == "-" else value

    def _read_bound(self) -> None:
        """`0 <= x <= 1`, a half of it, `x = 1` or `x free`."""
        expected = "a bound such as '0 <= x <= 1', 'x = 1' or 'x free'"
        bounds: list[tuple[str, float]] = []
        if _VALUE.match(self.text, self.at, self.end):
            value = self._read_value()
            sense = self._take(_SENSE, expected)[1].strip("=") or "="
            bounds.append(({"<": ">", ">": "<"}.get(sense, sense), value))
        name = self._take(_NAMED, expected)[1]
        if self._try(_FREE):
            bounds += [(">", -math.inf), ("<", math.inf)]
        elif sense_of := self._try(_SENSE):
            bounds.append((sense_of[1].strip("=") or "=", self._read_value()))
        if not bounds:
            self._refuse(expected)
        number = self.program.number(name)
        usual = (0.0, 1.0) if number in self.program.binary else (0.0, math.inf)
        low, high = self.program.bounds.get(number, usual)
        for sense, value in bounds:
            low, high = (low if sense == "<" else value), (high if sense == ">" else value)
        self.program.bounds[number] = low, high

    def _read_declared(self, kind: set[int]) -> None:
        kind.add(self.program.number(self._take(_NAMED, "names of variables")[1]))
