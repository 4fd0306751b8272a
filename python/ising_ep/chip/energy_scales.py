"""Energy scales A(s) and B(s) of annealers: the published tables of five QPUs, or a user's own.

The tables in `schedules/` are D-Wave's with fewer points (`benchmarks/chip/thin_schedules.py`); the README of
that folder says where they are from. A and B are linear between points. The published A is so itself, between
points some hundredths of s apart: lines in its logarithm would take twice as many points.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from math import inf, log, pi
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import ArrayLike

from ..checks import Floats, floats, number_in, short
from ..files.atomic import replace
from ..files.untrusted import read_bytes
from .solvers import plain_name

if TYPE_CHECKING:
    from .graph import Chip

FOLDER = Path(__file__).parent / "schedules"
# A name with this at its end is the table of the fast anneal.
FAST = "-fast"
# Tables of chips whose solver is not known.
BY_FAMILY = {"zephyr": "advantage2_system1"}
OTHERWISE = "advantage_system4"

# GHz. Smaller values of A are taken for this: A stays positive, as logarithms of it need.
FLOOR = 1e-9
# Fraction of A(0) below which A may stand still: tables are rounded, and so little tunnelling does nothing.
NEGLIGIBLE = 1e-5
# GHz between which A(0) and B(1) of an annealer lie, and what they are about.
LEAST, MOST, TYPICAL = 0.5, 100.0, 10.0
# GHz of one of each.
UNITS = {
    "J": 1e-9 / 6.62607015e-34,
    "Hz": 1e-9,
    "MHz": 1e-3,
    "rad/s": 1e-9 / (2 * pi),
    "rad/us": 1e-3 / (2 * pi),
    "K": 20.836619,
    "mK": 0.020836619,
    "eV": 241798.924,
    "meV": 241.798924,
}
# Largest distance from TYPICAL, as a factor, at which a number is taken for one of a unit.
NEAR = 10.0
# Names of columns such as s, A, A_GHz, A(s), "B(s) (GHz)", "B [GHz]".
_COLUMN = re.compile(r"(s|a|b)(?:\s*\(s\))?(?:[\s_]*[\[( _]\s*([^\s\])]+)[\])]?)?", re.IGNORECASE)
_EXPECTED = "expected columns s, A(s) (GHz) and B(s) (GHz)"


@dataclass(frozen=True, eq=False)
class EnergyScales:
    """A(s) and B(s) of H(s) = -A(s)/2 sum sigma_x + B(s)/2 (sum h sigma_z + sum J sigma_z sigma_z).

    Attributes:
        name: Where they are from, as it is named in messages.
        s: float64 (points,) anneal fractions, rising from 0 to 1.
        a: float64 (points,) A in GHz, falling. Values below `FLOOR` become that.
        b: float64 (points,) B in GHz, rising.

    Raises:
        ValueError: One line that names the row and the value that no annealer has.

    Example:
        >>> scales = EnergyScales.named("advantage_system4")
        >>> a, b = scales.at([0.0, 0.4, 1.0])
        >>> a.round(3), b.round(3)
        (array([9.839, 0.509, 0.   ]), array([0.259, 2.162, 8.477]))
    """

    name: str
    s: Floats
    a: Floats
    b: Floats

    def __post_init__(self) -> None:
        for name in ("s", "a", "b"):
            object.__setattr__(self, name, floats(name, getattr(self, name), "(points,)").copy())
        if not len(self.s) == len(self.a) == len(self.b):
            raise ValueError(
                f"{self.name}: s, A and B have {len(self.s)}, {len(self.a)} and {len(self.b)} values,"
                " expected the same number"
            )
        try:
            _check_rows(self.s, self.a, self.b)
            _check_unit("A", 1, float(self.a[0]))
            _check_unit("B", len(self.s), float(self.b[-1]))
        except ValueError as error:
            raise ValueError(f"{self.name}: {error}") from None
        np.maximum(self.a, FLOOR, out=self.a)
        for array in (self.s, self.a, self.b):
            array.setflags(write=False)

    @classmethod
    def named(cls, name: str) -> Self:
        """The published table of a solver, in any spelling of its name; with "-fast" that of its fast anneal.

        Raises:
            ValueError: If there is none.

        Example:
            >>> EnergyScales.named("Advantage2_system1.6-fast").name
            'advantage2_system1-fast'
        """
        solver = plain_name(name.lower().removesuffix(FAST))
        key = solver + (FAST if name.lower().endswith(FAST) else "")
        if key not in table_names():
            raise ValueError(
                f"energy scales are {short(name)}, expected one of {', '.join(table_names())}, or a .csv file"
            )
        return cls(key, *_read_columns(FOLDER / f"{key}.csv"))

    def save(self, path: str | Path) -> None:
        """Writes the table as a CSV file, of which `from_csv` makes the same numbers again."""
        columns = zip(self.s.tolist(), self.a.tolist(), self.b.tolist(), strict=True)
        rows = [f"{s!r},{a!r},{b!r}\n" for s, a, b in columns]
        replace(Path(path), "".join(["s,A(s) (GHz),B(s) (GHz)\n", *rows]).encode())

    @classmethod
    def from_csv(cls, path: str | Path) -> Self:
        """A user's own table.

        Args:
            path: A file with a row of names and then a row for each s. The columns are named as in D-Wave's
                files, s, A(s) (GHz), B(s) (GHz), or s, A, B, A_GHz and so on; other columns are left out, and
                so are empty lines and those that begin with #. Commas, semicolons or tabs part them.

        Raises:
            ValueError: One line that names the file, the row (the first row of numbers is 1), the value and
                what was expected.
            OSError: If the file cannot be read.
        """
        return cls(str(path), *_read_columns(Path(path)))

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """The table of that name, or of a file whose name ends in .csv.

        Raises:
            ValueError: If there is none, or the file holds none.
            OSError: If the file cannot be read.
        """
        return cls.from_csv(name) if str(name).lower().endswith(".csv") else cls.named(str(name))

    @classmethod
    def of_chip(cls, chip: Chip, *, fast: bool = False) -> Self:
        """The table that belongs to a chip.

        That is the one of its solver, by `Chip.solver`. A chip of an unknown solver has that of
        advantage2_system1 if it is a Zephyr graph, and that of advantage_system4 otherwise.

        Args:
            chip: The chip.
            fast: Whether it is that of the fast anneal.

        Example:
            >>> from ising_ep.chip import Chip
            >>> EnergyScales.of_chip(Chip.perfect("zephyr", 2)).name
            'advantage2_system1'
        """
        name = plain_name(chip.solver or "")
        if name not in table_names():
            name = BY_FAMILY.get(chip.family, OTHERWISE)
        return cls.named(name + FAST * fast)

    def at(self, s: ArrayLike) -> tuple[Floats, Floats]:
        """A and B in GHz at anneal fractions, in arrays of their shape.

        Args:
            s: Any number of them, from 0 to 1.

        Raises:
            ValueError: If one is not.
        """
        s = np.asarray(s, dtype=np.float64)
        wrong = ~((s >= 0) & (s <= 1))  # nan is neither
        if wrong.any():
            raise ValueError(f"s is {s[wrong].ravel()[0]:g}, expected 0 to 1")
        return np.asarray(np.interp(s, self.s, self.a)), np.asarray(np.interp(s, self.s, self.b))


def table_names() -> tuple[str, ...]:
    """Names of the published tables.

    Example:
        >>> table_names()[:2]
        ('advantage2_system1', 'advantage2_system1-fast')
    """
    return tuple(sorted(file.stem for file in FOLDER.glob("*.csv")))


def _check_rows(s: Floats, a: Floats, b: Floats) -> None:
    if len(s) < 2:
        raise ValueError(f"the number of rows is {len(s)}, expected 2 or more")
    for name, values in (("s", s), ("A", a), ("B", b)):
        # nan and inf are none either.
        wrong = ~((values >= 0) & (values < inf))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(f"{name} is {values[row]:g} in row {row + 1}, expected a number >= 0")
    for row, wanted in ((0, 0), (len(s) - 1, 1)):
        if abs(s[row] - wanted) > 1e-6:
            which = "first" if row == 0 else "last"
            raise ValueError(f"s is {s[row]:g} in row {row + 1}, the {which}, expected {wanted}")
    for name, values, verb, wrong in (
        ("s", s, "rise", np.diff(s) <= 0),
        ("A", a, "fall", (np.diff(a) > 0) | ((np.diff(a) == 0) & (a[1:] > NEGLIGIBLE * a[0]))),
        ("B", b, "rise", np.diff(b) <= 0),
    ):
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"{name} goes from {values[row]:.7g} to {values[row + 1]:.7g} in row {row + 2}, expected"
                f" a {verb}"
            )


def _check_unit(name: str, row: int, value: float) -> None:
    """Refuses A(0) or B(1) that can be none in GHz, and says in which unit it would be a usual one."""
    if LEAST <= value <= MOST:
        return
    # Logarithms of the factors by which it is off from a usual one in each unit.
    off = {unit: abs(log(max(value * factor, FLOOR) / TYPICAL)) for unit, factor in UNITS.items()}
    nearest = min(off, key=off.__getitem__)
    guess = f", which looks like {nearest}" if off[nearest] < log(NEAR) else ""
    raise ValueError(
        f"{name} is {value:g} in row {row}, at s = {0 if name == 'A' else 1}{guess}, expected {LEAST:g} to"
        f" {MOST:g} GHz"
    )


def _read_columns(path: Path) -> tuple[Floats, Floats, Floats]:
    """The columns s, A and B of a file."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text, expected a .csv file of s, A and B") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise ValueError(f"{path} is empty, {_EXPECTED}")
    delimiter = max(",;\t", key=lines[0].count)
    try:
        header, *rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
        places = _find_columns(header)
        for number, row in enumerate(rows, 1):
            if any(map(str.strip, row[len(header) :])):
                beyond = short(row[len(header) :])
                raise ValueError(f"row {number} has {beyond} beyond the {len(header)} columns that are named")
        columns = [
            [_number(row, places[name], name, number) for number, row in enumerate(rows, 1)]
            for name in ("s", "A", "B")
        ]
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None
    s, a, b = (np.array(column, dtype=np.float64) for column in columns)
    return s, a, b


def _find_columns(header: list[str]) -> dict[str, int]:
    """Where s, A and B stand, by the row of names."""
    places: dict[str, int] = {}
    units: dict[str, str] = {}
    for place, title in enumerate(map(str.strip, header)):
        found = _COLUMN.fullmatch(title)
        if found is None:
            continue
        name, unit = found[1].upper().replace("S", "s"), found[2] or "GHz"
        if name != "s" and unit.lower() != "ghz":
            units[name] = f"column {short(title)} is in {unit}, expected GHz"
        elif name in places:
            raise ValueError(f"there are two columns of {name}, {_EXPECTED}")
        else:
            places[name] = place
    for name in ("s", "A", "B"):
        if name not in places:
            raise ValueError(units.get(name, f"no column is {name} among {short(header)}, {_EXPECTED}"))
    return places


def _number(row: list[str], place: int, title: str, number: int) -> float:
    text = row[place].strip() if place < len(row) else ""
    try:
        return number_in(text)
    except ValueError:
        raise ValueError(f"{title} is {short(text)} in row {number}, expected a number") from None
