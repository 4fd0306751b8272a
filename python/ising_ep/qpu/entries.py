"""The rows of a journal: what is written of an attempt at a problem, and how damage is told."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any

import numpy as np

from ..checks import Bits

# Version of the file format. Files that do not say theirs are of version 1, which had no digests of rows. Up
# to version 2 problems were named by SHA-256 (`Anneal.digest`).
VERSION = 3
SCHEMA = """
CREATE TABLE run (
    name TEXT NOT NULL,
    host TEXT                    -- the computer that has it open; none once it was closed
);
CREATE TABLE problems (
    series TEXT NOT NULL,        -- what the problem is for: "train", or an evaluation
    number INTEGER NOT NULL,     -- in the order of the series
    attempt INTEGER NOT NULL,    -- how many attempts at it came before
    phase TEXT NOT NULL,         -- "free" or "nudge"
    seed TEXT NOT NULL,          -- with problem_id, the images and the phase it is for (see training.py)
    problem_id INTEGER NOT NULL,
    digest TEXT NOT NULL,        -- of all that was asked
    label TEXT NOT NULL,         -- of series, number, attempt, seed and problem_id, so no other has it
    anneal TEXT NOT NULL,        -- digest of qubits, couplers, schedule and number of reads; "" if not known
    id TEXT,                     -- the service's, as soon as it is known
    status TEXT NOT NULL,        -- INTENDED, ACCEPTED, ANSWERED, or how it ended without an answer
    intended REAL NOT NULL,      -- seconds since 1970
    ended REAL,
    estimate REAL,               -- seconds of the QPU that it was expected to take
    access_time REAL,            -- seconds of the QPU that it took
    reads_digest TEXT,
    seal TEXT NOT NULL,          -- digest of the columns above
    reads BLOB,                  -- one bit a qubit; kept until a checkpoint holds what was learned from them
    PRIMARY KEY (series, number, attempt)
);
"""
# Columns in order, all but the reads.
COLUMNS = (
    "series",
    "number",
    "attempt",
    "phase",
    "seed",
    "problem_id",
    "digest",
    "label",
    "anneal",
    "id",
    "status",
    "intended",
    "ended",
    "estimate",
    "access_time",
    "reads_digest",
    "seal",
)
KEY = ("series", "number", "attempt")
# Columns of version 1.
OLD_COLUMNS = tuple(name for name in COLUMNS if name not in ("anneal", "estimate", "reads_digest", "seal"))

# Layout of the reads, a part of their digest: each row begins with a new byte.
ROWS = b"rows"

INTENDED, ACCEPTED, ANSWERED = "INTENDED", "ACCEPTED", "ANSWERED"
# Ends of attempts that were not annealed and cost nothing. Attempts that end otherwise may have been.
UNSENT, CANCELLED, OFFLINE = "UNSENT", "CANCELLED", "OFFLINE"
FREE = (UNSENT, CANCELLED, OFFLINE)


@dataclass
class Entry:
    """An attempt at a problem.

    Attributes:
        number: Of the problem in its series.
        attempt: How many came before at the same problem.
        phase: "free" or "nudge".
        seed: Of the phase.
        problem_id: With the seed, which images it is for.
        digest: Of all that is asked.
        label: What finds it at the service.
        anneal: Digest of what problems of its kind share: qubits, couplers, schedule, number of reads.
        id: The service's, if known.
        status: INTENDED, ACCEPTED, ANSWERED, or how it ended.
        intended: When it was sent last, in seconds since 1970; 0 if it was not.
        ended: When it came to an end.
        estimate: Seconds of the QPU that it is expected to take, if that is known.
        access_time: Seconds of the QPU, of an answer.
        reads_digest: Of the reads, of an answer.
        damaged: Its row is not as it was written.
    """

    number: int
    attempt: int
    phase: str
    seed: int
    problem_id: int
    digest: str
    label: str
    anneal: str = ""
    id: str | None = None
    status: str = INTENDED
    intended: float = 0.0
    ended: float | None = None
    estimate: float | None = None
    access_time: float | None = None
    reads_digest: str | None = None
    damaged: bool = False

    @classmethod
    def of_row(cls, row: tuple[Any, ...]) -> Entry:
        """The attempt that a row holds, in the order of ``COLUMNS``."""
        *values, seal = row
        columns = dict(zip(COLUMNS[1:-1], values[1:], strict=True))
        damaged = seal != _seal(tuple(values)) or not columns["seed"].isdecimal()
        seed = columns.pop("seed")
        return cls(**columns, seed=-1 if damaged else int(seed), damaged=damaged)

    def row(self, series: str) -> tuple[Any, ...]:
        """Its row, in the order of ``COLUMNS``."""
        number, attempt, phase, seed, *others = _VALUES(self)
        values = (series, number, attempt, phase, str(seed), *others)
        return (*values, _seal(values))

    @property
    def is_free(self) -> bool:
        """True if the attempt ended and the QPU has surely not worked on it."""
        return self.status.partition(":")[0] in FREE

    @property
    def cost(self) -> float:
        """Seconds of the QPU that it counts for: what it took, or may take, and at least its estimate."""
        return 0.0 if self.is_free else max(self.access_time or 0.0, self.estimate or 0.0)


_VALUES = attrgetter(*COLUMNS[1:-1])


@cache
def insertion(count: int) -> str:
    """The statement that writes so many rows, each with its reads, in place of what was there."""
    names = (*COLUMNS, "reads")
    rows = ", ".join([f"({', '.join('?' * len(names))})"] * count)
    # An update in its place leaves the index of the table alone.
    updates = ", ".join(f"{name} = excluded.{name}" for name in names if name not in KEY)
    return (
        f"INSERT INTO problems ({', '.join(names)}) VALUES {rows}"
        f" ON CONFLICT ({', '.join(KEY)}) DO UPDATE SET {updates}"
    )


def packed(reads: Bits) -> tuple[bytes, str]:
    """Reads ``(num_reads, ceil(qubits / 8))``, a bit of each qubit, as they are written, and their digest."""
    blob = reads.tobytes()
    return blob, _digest(blob, ROWS)


def unpacked(blob: Any, reads_digest: str | None, num_reads: int, num_qubits: int) -> Bits | None:
    """The reads as they were given to `packed`; None if they are not as they were written.

    Earlier versions wrote the bits of all reads in one row, where none begins with a byte of its own. Their
    digest tells.
    """
    if not isinstance(blob, bytes):
        return None
    width = -(-num_qubits // 8)
    if reads_digest == _digest(blob, ROWS) and len(blob) == num_reads * width:
        return np.frombuffer(blob, dtype=np.uint8).reshape(num_reads, width)
    if reads_digest == _digest(blob):
        bits = np.unpackbits(np.frombuffer(blob, dtype=np.uint8), count=num_reads * num_qubits)
        return np.packbits(bits.reshape(num_reads, num_qubits), axis=1)
    return None


def _seal(values: tuple[Any, ...]) -> str:
    return _digest(repr(values).encode())


def _digest(content: bytes, of: bytes = b"") -> str:
    return hashlib.blake2b(content, digest_size=16, person=of).hexdigest()
