"""Journal of a run's problems for a QPU: each is written before it is sent, its answer when it comes.

A run's problems are numbered in the order in which training needs them, and training is a function of its
checkpoint: after a crash it asks for the same problems again, by the same numbers. The journal then says
which of them were sent, under which ids, and holds the answers that came since the last checkpoint, so that
none is paid for twice, and each is used once.

It is an SQLite file: a process that is killed at any moment leaves whole rows, and two processes cannot write
to one run (`Claim`, and SQLite's own lock). The name of the run is on the disk before the first row is. The
last rows may be lost with the power; their labels, which are made of the run's name and the problem's number,
still find the problems at the service. Each row carries a digest of itself, and one of its reads: what is
damaged is not believed.
"""

from __future__ import annotations

import logging
import math
import os
import platform
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

from ..checks import Bits, Floats
from ..errors import QPUStoppedError
from ..files.claim import Claim, is_name
from .entries import (
    ACCEPTED,
    ANSWERED,
    COLUMNS,
    INTENDED,
    OLD_COLUMNS,
    SCHEMA,
    VERSION,
    Entry,
    insertion,
    packed,
    unpacked,
)
from .journal_file import connected, explained, name_in
from .kept import TABLES, KeptLayout, KeptProblem, KeptProblems, keep, kept, kept_problem

log = logging.getLogger(__name__)


class Journal:
    """The journal of a run.

    Args:
        path: Its file, made if there is none; None keeps it in memory.
        series: What problems are for from now on.
        run: The run's name, if the run folder says it; a new one is taken by default.
        copy: Copy of the file to work on in its place, to read what the file says; nobody is kept out of it.

    Attributes:
        run: The run's name.
        is_new: There was no journal, or an empty one.
        known: All problems of the series with lower numbers were written down once.
        settings: Phases, anneals and seeds of the series so far.

    Raises:
        ValueError: If the file is no journal, is another run's, a link, or damaged, or if another process is
            at work on the run.
        PermissionError: If it may not be read and written; a copy's need only be read.

    Example:
        >>> journal = Journal(None)
        >>> entry = Entry(0, 0, "free", 7, 3, "d1", journal.label(0, 0, 7, 3))
        >>> journal.intend([entry])
        >>> journal.attempts(0)[-1].status
        'INTENDED'
    """

    def __init__(
        self,
        path: Path | None,
        series: str = "train",
        run: str | None = None,
        *,
        copy: Path | None = None,
    ) -> None:
        self.series = series
        self._path = path
        own = path is not None and copy is None
        held = None if path is None else name_in(path, os.R_OK | os.W_OK if own else os.R_OK)
        if run is not None and held is not None and run != held:
            raise ValueError(
                f"{path} is the journal of run {held}, expected that of {run}; if it is damaged, remove it"
                " and go on with --resume: what was sent is found again by its labels"
            )
        name = run or held
        self._claim = Claim(name) if own and name is not None else None
        self._file = connected(copy or path or ":memory:", path, timeout=1.0, isolation_level=None)
        self._file.text_factory = lambda text: text.decode(errors="replace")  # the seal tells damage
        try:
            self._open(name)
            if self._claim is None and own:
                self._claim = Claim(self.run)
            self._read_all()
        except BaseException as error:
            self._release()
            if isinstance(error, sqlite3.Error):
                raise ValueError(explained(path, error)) from None
            if isinstance(error, QPUStoppedError):
                raise ValueError(str(error)) from None
            raise

    def _open(self, name: str | None) -> None:
        file = self._file
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        (version,) = file.execute("PRAGMA user_version").fetchone()
        tables = {table for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        self.is_new = not tables
        if tables and not {"run", "problems"} <= tables:
            raise ValueError(f"{self._path} is the database of another program, not the journal of a run")
        if version > VERSION:
            raise ValueError(
                f"{self._path} has version {version}, expected up to {VERSION}: a later ising-ep wrote it"
            )
        found = {row[1] for row in file.execute("PRAGMA table_info(problems)")}
        lacking = {*(COLUMNS if version > 1 else OLD_COLUMNS), "reads"} - found if tables else set()
        if lacking:
            raise ValueError(f"{self._path} is not the journal of a run: it lacks column {min(lacking)}")
        # The name of the run must survive a power failure: FULL puts it on the disk before it is used. Later
        # transactions in the WAL may be lost.
        file.execute("PRAGMA synchronous = FULL")
        if tables and version <= 1:
            self._renew_format()
        elif not tables:
            with self._transaction():
                self._make_tables(name or secrets.token_hex(6))
        row = file.execute("SELECT name, host FROM run").fetchone()
        if row is None or not is_name(row[0]):
            raise ValueError(f"{self._path} is not the journal of a run: it does not say its name")
        self.run, host = row
        if host not in (None, platform.node()):
            log.warning(
                "%s was not closed on computer %s: make sure that nothing is at work on the run there, as"
                " locks do not tell between computers on every file system",
                self._path,
                host,
            )
        file.execute("PRAGMA journal_mode = WAL")
        # A commit need not reach the disk at once: problems that a power failure loses are found by label.
        file.execute("PRAGMA synchronous = NORMAL")
        with self._transaction():
            for statement in TABLES:
                file.execute(statement)
            file.execute("UPDATE run SET host = ?", (platform.node(),))
            file.execute(f"PRAGMA user_version = {VERSION}")

    def _make_tables(self, name: str) -> None:
        for statement in SCHEMA.split(";\n"):
            self._file.execute(statement)
        self._file.execute("INSERT INTO run VALUES (?, NULL)", (name,))
        self._file.execute(f"PRAGMA user_version = {VERSION}")

    def _renew_format(self) -> None:
        """Turns a file of version 1 into one of a later version. Reads without a digest are fetched again."""
        name = self._file.execute("SELECT name FROM run").fetchone()
        rows = self._file.execute(f"SELECT {', '.join(OLD_COLUMNS)} FROM problems").fetchall()
        with self._transaction():
            self._file.execute("DROP TABLE problems")
            self._file.execute("DROP TABLE run")
            self._make_tables(str(name[0]) if name else secrets.token_hex(6))
            for row in rows:
                old = dict(zip(OLD_COLUMNS, row, strict=True))
                if not isinstance(old["access_time"], float):
                    old["access_time"] = None
                series = old.pop("series")
                self._file.execute(insertion(1), (*Entry(**old).row(series), None))

    def label(self, number: int, attempt: int, seed: int, problem_id: int) -> str:
        """The label of an attempt: the same for the same attempt, different for all others of all runs."""
        return f"ising-ep {self.run} {self.series} {number}.{attempt} seed={seed} problem={problem_id}"

    def intend(self, entries: Iterable[Entry]) -> None:
        """Writes that these are about to be sent."""
        entries = list(entries)
        for entry in entries:
            entry.status, entry.intended, entry.ended = INTENDED, time.time(), None
        self._write(entries)

    def accepted(self, entries: Iterable[Entry]) -> None:
        """Writes the ids that the service gave them."""
        entries = list(entries)
        for entry in entries:
            entry.status, entry.intended, entry.ended = ACCEPTED, entry.intended or time.time(), None
        self._write(entries)

    def answered(self, entry: Entry, reads: Bits) -> None:
        """Writes an answer, a bit of each qubit, and what it cost: ``entry.access_time``.

        The reads are ``(num_reads, ceil(qubits / 8))``, as of ``np.packbits(reads > 0, axis=1)``.
        """
        blob, entry.reads_digest = packed(reads)
        entry.status, entry.ended = ANSWERED, time.time()
        self._write([entry], blob)

    def ended(self, entry: Entry, status: str) -> None:
        """Writes that there will be no answer, and why."""
        entry.status, entry.ended = status, time.time()
        self._write([entry])

    def attempts(self, number: int) -> list[Entry]:
        """All attempts at a problem of the series, in order."""
        if number not in self._numbers:
            return []
        with self._said():
            rows = self._file.execute(
                f"SELECT {', '.join(COLUMNS)} FROM problems WHERE series = ? AND number = ? ORDER BY attempt",
                (self.series, number),
            ).fetchall()
        return [Entry.of_row(row) for row in rows]

    def reads(self, entry: Entry, num_reads: int, num_qubits: int) -> Bits | None:
        """The answer to an attempt, as it was given to `answered`, if it is still held, as it was written."""
        with self._said():
            found = self._file.execute(
                "SELECT reads FROM problems WHERE series = ? AND number = ? AND attempt = ?", self._key(entry)
            )
            (blob,) = found.fetchone()
        if blob is None:
            return None
        reads = unpacked(blob, entry.reads_digest, num_reads, num_qubits)
        if reads is None:
            log.warning(
                "the reads of problem %d in %s are damaged and not used: they are fetched again",
                entry.number,
                self._path,
            )
        return reads

    def keep(
        self, layout: KeptLayout, fields: Floats, couplings: Floats, reads: Bits, entry: Entry, timing: Any
    ) -> None:
        """Keeps a problem ``(n,)``, ``(m,)`` with its reads and times: see `kept`."""
        with self._transaction():
            keep(self._file, layout, fields, couplings, reads, self._key(entry), timing)

    def kept(self) -> tuple[KeptProblems | None, int]:
        """The last problems of the run, and what was read, as far as they were kept; and how many of them are
        damaged."""
        with self._said():
            return kept(self._file)

    def kept_problem(self, id: str | None = None) -> KeptProblem | None:
        """The kept problem of that id at the service, or the last one: see `kept`."""
        with self._said():
            return kept_problem(self._file, id)

    def forget(self, before: int) -> None:
        """Lets go of the answers to the problems before this one: what came of them is kept elsewhere."""
        with self._transaction():
            self._file.execute(
                "UPDATE problems SET reads = NULL WHERE series = ? AND number < ? AND reads IS NOT NULL",
                (self.series, before),
            )

    def forget_others(self, series: str) -> None:
        """Lets go of the answers of all series but this one."""
        with self._transaction():
            self._file.execute(
                "UPDATE problems SET reads = NULL WHERE series <> ? AND reads IS NOT NULL", (series,)
            )

    def counts(self, entry: Entry) -> bool:
        """Tells whether an attempt is in `committed`."""
        return self._costs.get(self._key(entry), 0.0) > 0

    def committed(self, series: str | None = None) -> float:
        """Seconds of the QPU that the run has to count for, or one series of it: of each attempt that may
        have been annealed what it took, and at least its estimate."""
        return math.fsum(cost for key, cost in self._costs.items() if series in (None, key[0]))

    def spent(self, series: str, used: float) -> float:
        """`committed` of the run, of which the series has ``used`` seconds at least: a checkpoint still says
        so when the journal was lost."""
        return self.committed() + max(0.0, used - self.committed(series))

    def num_counted(self) -> int:
        """Problems of the series that are in `committed`."""
        return len({key[1] for key, cost in self._costs.items() if key[0] == self.series and cost > 0})

    def access_time(self) -> float:
        """Seconds of the QPU that all answers to the run have taken, evaluations included."""
        with self._said():
            (total,) = self._file.execute("SELECT total(access_time) FROM problems").fetchone()
        return float(total)

    def close(self) -> None:
        """Closes the file, which another process may write to then."""
        with suppress(sqlite3.Error):
            self._file.execute("UPDATE run SET host = NULL")
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _release(self) -> None:
        with suppress(sqlite3.Error):
            self._file.close()
        if self._claim is not None:
            self._claim.release()

    def _key(self, entry: Entry) -> tuple[str, int, int]:
        return self.series, entry.number, entry.attempt

    def _write(self, entries: list[Entry], reads: bytes | None = None) -> None:
        """Writes rows as a whole, in place of what was there."""
        if not entries:
            return
        values = [value for entry in entries for value in (*entry.row(self.series), reads)]
        with self._said():
            self._file.execute(insertion(len(entries)), values)  # one statement is a transaction
        for entry in entries:
            self._costs[self._key(entry)] = entry.cost
            self._numbers.add(entry.number)

    def _read_all(self) -> None:
        """Learns what each attempt of all series counts for, one that is damaged as the dearest; and what is
        known of this series."""
        costs: dict[tuple[str, int, int], float] = {}
        damaged: list[tuple[str, int, int]] = []
        self.known = 0
        self.settings: set[tuple[str, str, int]] = set()
        self._numbers: set[int] = set()  # of problems of the series that have rows
        for row in self._file.execute(f"SELECT {', '.join(COLUMNS)} FROM problems"):
            entry, key = Entry.of_row(row), row[:3]
            if key[0] == self.series:
                self._numbers.add(entry.number)
            if entry.damaged:
                damaged.append(key)
                continue
            costs[key] = entry.cost
            if key[0] == self.series:
                self.known = max(self.known, entry.number + 1)
                self.settings.add((entry.phase, entry.anneal, entry.seed))
        self._costs = costs | dict.fromkeys(damaged, max(costs.values(), default=0.0))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._said():
            self._file.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._file.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    self._file.execute("ROLLBACK")
                raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Turns an error of the file into one line that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise QPUStoppedError(explained(self._path, error)) from None
