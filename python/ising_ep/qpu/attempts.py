"""Attempts at the problems of a run: what journal and service know of them, and when there may be another.

An attempt that may have been annealed costs, and so there are few: `TRIES` of a problem, in all starts of the
run together. Before there is another, all is asked for that may still be there: an answer by its id, and a
problem whose submission was not answered by its label, for as long as the service may take to list it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
from dwave.cloud import api
from numpy.typing import NDArray

from ..checks import Bits
from ..errors import QPUStoppedError
from .connection import Connection
from .entries import ANSWERED, UNSENT, Entry
from .journal import Journal
from .layout import Anneal

log = logging.getLogger(__name__)

# Upper bounds on the times that a problem is sent: in all starts of a run if it may have been annealed each
# time, and in one start if it surely was not.
TRIES, ATTEMPTS = 5, 5
# Seconds until a problem of which no reply came is sent again if its label is not found, and how many times
# as long after each that was not found before; how soon a label can be found is not documented.
LABEL_LAG, LONGER = 10.0, 4.0
# Seconds after which a label that is not found was never there.
SURE_LAG = 3600.0
# Seeds of a run differ in their two highest bits, which tell nudges and tests from free phases.
SEEDS = 1 << 62
# Status of an attempt whose submission was not answered and whose label is not found.
UNKNOWN = "UNKNOWN"


class LabelNotFoundYet(api.exceptions.ResourceBadResponseError):  # type: ignore[misc]
    """A label that may still turn up: another look may find it."""


@dataclass
class Problem:
    """A problem of the batch under way.

    Attributes:
        entry: The attempt at it.
        fields: (n,) h.
        couplings: (m,) J.
        initial_state: (n,) of a reverse anneal.
        doubtful: It may be at the service although no id is known.
        ended_before: An earlier start gave the attempt up: it is asked for once more.
        failures: Attempts that ended in this start.
        reads: (num_reads, ceil(n / 8)), a bit of each qubit, once it is answered.
    """

    entry: Entry
    fields: NDArray[np.float64]
    couplings: NDArray[np.float64]
    initial_state: NDArray[np.int8] | None
    doubtful: bool = False
    ended_before: bool = False
    failures: int = 0
    reads: Bits | None = field(default=None, repr=False)


class Attempts:
    """The attempts of a run.

    Args:
        connection: The solver.
        journal: Of the run.
        label_lag: Seconds, see `LABEL_LAG`.
    """

    def __init__(self, connection: Connection, journal: Journal, label_lag: float) -> None:
        self._connection = connection
        self.journal = journal
        self._label_lag = label_lag
        # The journal's last rows may be lost: until a label is not found, new attempts are looked for.
        self._resumed = True
        self._differ = False  # it was said that problems differ from the journal's

    def recall(self, problem: Problem, anneal: Anneal) -> None:
        """Takes from the journal what it knows of a problem.

        Raises:
            ValueError: If the journal's problems were sent with other settings.
            QPUStoppedError: If it was tried too often already.
        """
        new = problem.entry
        self._check_settings(new)
        before = self.journal.attempts(new.number)
        if not before:
            problem.doubtful = self._resumed or new.number < self.journal.known
            return
        old = anneal.digest(problem.fields, problem.couplings, problem.initial_state, sha256)
        if any(entry.digest == old for entry in before):
            new.digest = old  # a problem keeps the name that an earlier version gave it
        mine = [entry for entry in before if entry.damaged or entry.digest == new.digest]
        if not mine:
            if not self._differ:
                log.warning(
                    "problem %d, and maybe later ones, are not those that the journal has, as the weights are"
                    " others, or embedding.json was edited: answers to those are not used, and the problems"
                    " are sent anew",
                    new.number,
                )
            self._differ = True
            self._number_anew(problem, before[-1].attempt + 1)
            return
        if self._find_late(problem, mine):
            return
        last = mine[-1]
        if last.damaged:
            log.warning(
                "what the journal says of problem %d is damaged: it is asked for at the service", new.number
            )
            self._number_anew(problem, last.attempt)
            problem.entry.id = last.id if isinstance(last.id, str) else None
            problem.doubtful = problem.entry.id is None
            return
        if last.status == ANSWERED:
            problem.entry = last
            problem.reads = self.journal.reads(last, anneal.num_reads, anneal.num_qubits)
        elif last.status.startswith(UNSENT):
            problem.entry = last
        elif last.ended is None:
            problem.entry, problem.doubtful = last, last.id is None
        elif last.id is not None and not last.is_free:
            problem.entry, problem.ended_before = last, True
        else:
            self.renew(problem, last.status)

    def renew(self, problem: Problem, why: str) -> None:
        """Makes it another attempt, after the last one.

        Raises:
            QPUStoppedError: If there were too many.
        """
        number = problem.entry.number
        before = self.journal.attempts(number)
        tries = len([e for e in before if e.digest == problem.entry.digest and not e.is_free])
        if tries >= TRIES:
            raise QPUStoppedError(
                f"problem {number} was sent {tries} times in all and may have been annealed each time, the"
                f" most that is allowed; at last: {why}"
            )
        self._number_anew(problem, max((e.attempt for e in before), default=problem.entry.attempt) + 1)
        problem.doubtful, problem.ended_before = self._resumed, False

    def give_up(self, problem: Problem, why: str) -> None:
        """Ends an attempt that will not be answered, and begins another.

        Raises:
            QPUStoppedError: If there were too many.
        """
        entry = problem.entry
        self.journal.ended(entry, why)
        problem.failures += 1
        if problem.failures == ATTEMPTS:
            raise QPUStoppedError(f"problem {entry.number} failed {ATTEMPTS} times, at last: {why}")
        self.renew(problem, why)
        log.warning("problem %d (%s): %s; it is sent again", entry.number, entry.id, why)

    def find(self, problem: Problem) -> None:
        """Looks for a problem that may be at the service; after a while it is taken not to be there.

        Raises:
            LabelNotFoundYet: If it may still turn up.
            QPUStoppedError: If it is not there, and was sent too often already.
        """
        if self.look(problem):
            return
        entry = problem.entry
        if not entry.intended:  # only the journal's loss could have made it unknown
            self._resumed = problem.doubtful = False
            return
        lost = [e for e in self.journal.attempts(entry.number) if e.status.startswith(UNKNOWN)]
        lag = self._label_lag * LONGER ** len(lost)
        if 0 <= time.time() - entry.intended < lag:
            raise LabelNotFoundYet(
                f"problem {entry.number} was sent without a reply, and its label is not found yet"
            )
        why = f"{UNKNOWN}: no reply came, and its label was not found"
        self.journal.ended(entry, why)
        self.renew(problem, why)
        log.warning("problem %d: %s; it is sent again", entry.number, why)

    def look(self, problem: Problem) -> bool:
        """Tells whether the service has a problem of its label, whose id is then kept."""
        found = self.search(problem.entry.label)
        if found:
            problem.entry.id, problem.doubtful = found[0], False
            self.journal.accepted([problem.entry])
        return bool(found)

    def search(self, label: str) -> list[str]:
        """Ids of the problems of that label, those that have an answer first.

        Raises:
            LabelNotFoundYet: If what the service gives is not what was searched for.
        """
        rows = self._connection.problems.list_problems(label=label)
        found = [row for row in rows if row.label == label]
        if rows and not found:
            raise LabelNotFoundYet("a search for a label gives other problems")
        order = ("COMPLETED", "IN_PROGRESS", "PENDING")
        rank = {status: k for k, status in enumerate(order)}
        return [row.id for row in sorted(found, key=lambda row: rank.get(row.status.value, len(order)))]

    def _find_late(self, problem: Problem, mine: list[Entry]) -> bool:
        """Looks once more for attempts of earlier starts whose labels were not found then."""
        for entry in mine:
            if entry.damaged or not entry.status.startswith(UNKNOWN):
                continue
            found = self._connection.ask(self.search, entry.label)
            if found:
                problem.entry, entry.id, entry.ended = entry, found[0], None
                self.journal.accepted([entry])
                return True
            if time.time() - entry.intended > SURE_LAG:
                self.journal.ended(entry, f"{UNSENT}: its label was never found")
        return False

    def _number_anew(self, problem: Problem, attempt: int) -> None:
        """Gives it the entry of that attempt."""
        e = problem.entry
        label = self.journal.label(e.number, attempt, e.seed, e.problem_id)
        problem.entry = Entry(
            e.number,
            attempt,
            e.phase,
            e.seed,
            e.problem_id,
            e.digest,
            label,
            e.anneal,
            estimate=e.estimate,
        )

    def _check_settings(self, new: Entry) -> None:
        """Refuses to go on with settings that the run did not have: it would be another run of its name."""
        before = self.journal.settings
        anneals = {anneal for phase, anneal, _ in before if phase == new.phase and anneal}
        seeds = {seed % SEEDS for _, _, seed in before}
        for name, is_other in (
            ("seed", seeds and new.seed % SEEDS not in seeds),
            ("number of reads, schedule or qubits", anneals and new.anneal not in anneals),
        ):
            if is_other:
                raise ValueError(
                    f"the run's problems so far were sent with another {name} than it has now. Was"
                    " config.json or embedding.json edited? Undo it, or begin a new run"
                )
