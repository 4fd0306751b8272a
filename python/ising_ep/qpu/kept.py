"""The last problems of a run with their reads, which its journal keeps to calibrate the chip model by.

A journal lets go of reads as soon as a checkpoint holds what was learned from them. These stay: the last
`KEPT` problems of forward anneals, each with what it asked for and what was read, about 30 kB for a network
of 1,000 qubits. Nothing else depends on them; a journal without them is as good.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

import numpy as np
from xxhash import xxh3_128

from ..checks import Bits, Floats, Ints, Spins, digest
from ..machines.annealer import Schedule

KEPT = 200
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


def keep(
    file: sqlite3.Connection, layout: KeptLayout, fields: Floats, couplings: Floats, reads: Bits
) -> None:
    """Adds a problem, and lets go of the oldest beyond `KEPT`."""
    asked = (fields.astype("<f4").tobytes(), couplings.astype("<f4").tobytes(), reads.tobytes())
    added = file.execute(
        "INSERT INTO kept (anneal, fields, couplings, reads, digest) VALUES (?, ?, ?, ?, ?)",
        (layout.anneal, *asked, _digest(*asked)),
    )
    file.execute("DELETE FROM kept WHERE place <= ?", ((added.lastrowid or 0) - KEPT,))
    known = file.execute("SELECT 1 FROM kept_layouts WHERE anneal = ?", (layout.anneal,)).fetchone()
    if known is None:
        file.execute("DELETE FROM kept_layouts WHERE anneal NOT IN (SELECT anneal FROM kept)")
        file.execute("INSERT INTO kept_layouts VALUES (?, ?, ?, ?, ?, ?)", layout.row())


def kept(file: sqlite3.Connection) -> KeptProblems | None:
    """The problems of the layout that most are of, in order; None if there are none.

    Rows that are not as they were written are left out.
    """
    counts = "SELECT anneal FROM kept GROUP BY anneal ORDER BY count(*) DESC, max(place) DESC LIMIT 1"
    found = file.execute(f"SELECT * FROM kept_layouts WHERE anneal = ({counts})").fetchone()
    layout = None if found is None else KeptLayout.of_row(found)
    if layout is None:
        return None
    rows = file.execute(
        "SELECT fields, couplings, reads, digest FROM kept WHERE anneal = ? ORDER BY place", (layout.anneal,)
    )
    whole = [row for row in (_read(layout, *each) for each in rows) if row is not None]
    if not whole:
        return None
    fields, couplings, reads = (np.array(each) for each in zip(*whole, strict=True))
    return KeptProblems(layout, fields, couplings, reads)


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
