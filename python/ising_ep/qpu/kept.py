"""The last problems of a run with their reads, which its journal keeps to calibrate the chip model by and to
look at.

A journal lets go of reads as soon as a checkpoint holds what was learned from them. These stay: the last
`KEPT` problems of forward anneals, each with what it asked for, what was read and how long that took, about
30 kB for a network of 1,000 qubits. Nothing else depends on them; a journal without them is as good.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import Bits, Floats, Ints, Spins, digest, short
from ..extras import needing
from ..machines.annealer import Schedule
from .entries import COLUMNS, KEY, Entry

with needing("chip", "a QPU"):
    from xxhash import xxh3_128

KEPT = 200
# Names of the times in an answer, and microseconds that none of them has.
TIME, TOO_LONG = re.compile(r"[a-z_]{1,64}"), 1e15
# Tables that earlier versions of the same format have not, and do not miss.
TABLES = (
    """CREATE TABLE IF NOT EXISTS kept_layouts (
    anneal TEXT PRIMARY KEY,     -- that of its problems, as in the table of all problems
    qubits BLOB NOT NULL,        -- int32
    couplers BLOB NOT NULL,      -- int32, two a coupler
    schedule TEXT NOT NULL,      -- JSON, pairs of microseconds and s
    num_reads INTEGER NOT NULL,
    digest TEXT NOT NULL         -- of all this
)""",
    """CREATE TABLE IF NOT EXISTS kept (
    place INTEGER PRIMARY KEY,   -- in the order in which they were answered
    anneal TEXT NOT NULL,
    fields BLOB NOT NULL,        -- float32 h of each qubit
    couplings BLOB NOT NULL,     -- float32 J of each coupler
    reads BLOB NOT NULL,         -- one bit a qubit
    digest TEXT NOT NULL         -- of the three above
)""",
    """CREATE TABLE IF NOT EXISTS kept_answers (
    place INTEGER PRIMARY KEY,   -- of the kept problem
    series TEXT NOT NULL,        -- with number and attempt, its row in the table of all problems
    number INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    timing TEXT NOT NULL,        -- JSON, microseconds by the service's names
    digest TEXT NOT NULL         -- of all this
)""",
)


@dataclass(frozen=True, eq=False)
class KeptLayout:
    """What kept problems share.

    Attributes:
        anneal: The name of all this.
        qubits: int64 (n,) numbers of the qubits.
        couplers: int64 (m, 2) numbers of the qubits at their ends.
        schedule: Pairs of microseconds and s.
        num_reads: Reads of each problem.
    """

    anneal: str
    qubits: Ints
    couplers: Ints
    schedule: Schedule
    num_reads: int

    def row(self) -> tuple[str, bytes, bytes, str, int, str]:
        """Its row, with its digest at the end."""
        qubits, couplers = (array.astype("<i4").tobytes() for array in (self.qubits, self.couplers))
        schedule = json.dumps([list(point) for point in self.schedule])
        return (
            self.anneal,
            qubits,
            couplers,
            schedule,
            self.num_reads,
            _digest(self.anneal, qubits, couplers, schedule, str(self.num_reads)),
        )

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> KeptLayout | None:
        """The layout of a row; None if the row is not as it was written."""
        try:
            anneal, qubits, couplers, schedule, num_reads, name = row
            if name != _digest(anneal, qubits, couplers, schedule, str(num_reads)):
                return None
        except TypeError:
            return None
        return cls(
            anneal,
            np.frombuffer(qubits, "<i4").astype(np.int64),
            np.frombuffer(couplers, "<i4").astype(np.int64).reshape(-1, 2),
            [(time, s) for time, s in json.loads(schedule)],
            num_reads,
        )


@dataclass(frozen=True, eq=False)
class KeptProblems:
    """Problems of one layout, and what was read.

    Attributes:
        layout: Of all of them.
        fields: float64 (problems, n) h.
        couplings: float64 (problems, m) J.
        reads: int8 (problems, num_reads, n) of -1 and +1.
    """

    layout: KeptLayout
    fields: Floats
    couplings: Floats
    reads: Spins

    def last(self, count: int) -> KeptProblems:
        """The last so many of them."""
        return KeptProblems(self.layout, self.fields[-count:], self.couplings[-count:], self.reads[-count:])


@dataclass(frozen=True, eq=False)
class KeptProblem:
    """One problem, and its answer.

    Attributes:
        layout: Its own.
        fields: float64 (n,) h.
        couplings: float64 (m,) J.
        reads: int8 (num_reads, n) of -1 and +1.
        entry: What the journal says of the attempt that was answered.
        timing: What the service said of its times, in microseconds, by the service's names.
    """

    layout: KeptLayout
    fields: Floats
    couplings: Floats
    reads: Spins
    entry: Entry
    timing: dict[str, float]


def keep(
    file: sqlite3.Connection,
    layout: KeptLayout,
    fields: Floats,
    couplings: Floats,
    reads: Bits,
    key: tuple[str, int, int],
    timing: Any,
) -> None:
    """Adds a problem, and lets go of the oldest beyond `KEPT`.

    Args:
        file: The journal.
        layout: Of the problem.
        fields: ``(n,)`` h.
        couplings: ``(m,)`` J.
        reads: As for `Journal.answered`.
        key: Series, number and attempt.
        timing: As the answer says it, which may be anything.
    """
    asked = (fields.astype("<f4").tobytes(), couplings.astype("<f4").tobytes(), reads.tobytes())
    added = file.execute(
        "INSERT INTO kept (anneal, fields, couplings, reads, digest) VALUES (?, ?, ?, ?, ?)",
        (layout.anneal, *asked, _digest(*asked)),
    )
    place = added.lastrowid or 0
    answer = (place, *key, json.dumps(_times(timing)))
    file.execute("REPLACE INTO kept_answers VALUES (?, ?, ?, ?, ?, ?)", (*answer, _digest(*map(str, answer))))
    for table in ("kept", "kept_answers"):
        file.execute(f"DELETE FROM {table} WHERE place <= ?", (place - KEPT,))
    known = file.execute("SELECT 1 FROM kept_layouts WHERE anneal = ?", (layout.anneal,)).fetchone()
    if known is None:
        file.execute("DELETE FROM kept_layouts WHERE anneal NOT IN (SELECT anneal FROM kept)")
        file.execute("INSERT INTO kept_layouts VALUES (?, ?, ?, ?, ?, ?)", layout.row())


def kept(file: sqlite3.Connection) -> tuple[KeptProblems | None, int]:
    """The whole problems of the layout that most are of, in order, None if there are none; and how many are
    damaged: of that layout, or of one that is damaged itself."""
    found = map(KeptLayout.of_row, file.execute("SELECT * FROM kept_layouts"))
    layouts = {layout.anneal: layout for layout in found if layout is not None}
    rows = file.execute("SELECT anneal, fields, couplings, reads, digest FROM kept ORDER BY place").fetchall()
    # Of two layouts with as many problems, that of the last one is taken.
    count = Counter(anneal for anneal, *_ in reversed(rows) if anneal in layouts)
    if not count:
        return None, len(rows)
    [(most, number)] = count.most_common(1)
    read = (_read(layouts[most], *row) for anneal, *row in rows if anneal == most)
    whole = [row for row in read if row is not None]
    damaged = len(rows) - count.total() + number - len(whole)
    if not whole:
        return None, damaged
    fields, couplings, reads = (np.array(each) for each in zip(*whole, strict=True))
    return KeptProblems(layouts[most], fields, couplings, reads), damaged


def kept_problem(file: sqlite3.Connection, id: str | None) -> KeptProblem | None:
    """The kept problem that the service gave that id, or the last one; None if there is none.

    Raises:
        ValueError: If its rows are not as they were written.
    """
    joined = " AND ".join(f"problems.{name} = kept_answers.{name}" for name in KEY)
    found = file.execute(
        f"SELECT {', '.join(f'problems.{name}' for name in COLUMNS)}, kept.anneal, fields, couplings,"
        " kept.reads, kept.digest, kept_answers.* FROM kept_answers JOIN kept USING (place)"
        f" JOIN problems ON {joined} WHERE ?1 IS NULL OR id = ?1 ORDER BY place DESC LIMIT 1",
        (id,),
    ).fetchone()
    if found is None:
        return None
    row, (anneal, *content), (*answer, name) = found[: len(COLUMNS)], found[len(COLUMNS) : -6], found[-6:]
    entry = Entry.of_row(row)
    laid = file.execute("SELECT * FROM kept_layouts WHERE anneal = ?", (anneal,)).fetchone()
    layout = None if laid is None else KeptLayout.of_row(laid)
    arrays = None if layout is None else _read(layout, *content)
    if layout is None or arrays is None or entry.damaged or name != _digest(*map(str, answer)):
        raise ValueError(f"what was kept of problem {short(entry.id)} is damaged")
    return KeptProblem(layout, *arrays, entry, json.loads(answer[-1]))


def _times(timing: Any) -> dict[str, float]:
    """Times of an answer that are such, for it may say anything."""
    given = timing.items() if isinstance(timing, Mapping) else ()
    return {
        name: time
        for name, time in given
        if TIME.fullmatch(name) and type(time) in (int, float) and abs(time) < TOO_LONG
    }


def _read(
    layout: KeptLayout, fields: Any, couplings: Any, reads: Any, name: Any
) -> tuple[Floats, Floats, Spins] | None:
    """h, J and reads of a row; None if they are not as they were written."""
    try:
        if name != _digest(fields, couplings, reads):
            return None
        h, j = np.frombuffer(fields, "<f4"), np.frombuffer(couplings, "<f4")
        bits = np.frombuffer(reads, np.uint8).reshape(layout.num_reads, -1)
        spins = 2 * np.unpackbits(bits, axis=1, count=len(layout.qubits)).astype(np.int8) - 1
    except (TypeError, ValueError):
        return None
    return h.astype(np.float64), j.astype(np.float64), spins


def _digest(*parts: bytes | str) -> str:
    return digest(*parts, kind=xxh3_128).hex()
