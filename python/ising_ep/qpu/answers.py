"""Answers to problems: waited for, checked, written down; and what is done where none comes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import Any

from dwave.cloud import api

from ..chip.timing import said_time
from ..errors import QPUStoppedError
from .attempts import TRIES, Attempts, Problem
from .connection import Connection
from .entries import OFFLINE, Entry
from .layout import Anneal
from .qp import BadAnswerError

log = logging.getLogger(__name__)

# Fetches of one answer that comes damaged, or is not there.
FETCHES = 5


@dataclass
class _Wait:
    """The wait for the answer to one attempt.

    Attributes:
        tried: Ids that it was asked for by.
        missed: How often the service did not know the last of them.
        since: When it was last seen in the queue, or what was done of late to end it.
        cancelled: It took too long, and was cancelled.
    """

    tried: list[str | None]
    missed: int = 0
    since: float = field(default_factory=time.monotonic)
    cancelled: bool = False


class Answers:
    """Collects the answers to the problems of a run.

    Args:
        connection: The solver.
        attempts: Of the run.
        answer_timeout: Seconds in which a problem that runs has to be answered.
        stop_offline: Whether the run stops when the solver is offline, and does not wait.
    """

    def __init__(
        self, connection: Connection, attempts: Attempts, answer_timeout: float, *, stop_offline: bool
    ) -> None:
        self._connection = connection
        self._attempts = attempts
        self._journal = attempts.journal
        self._answer_timeout = answer_timeout
        self._stop_offline = stop_offline
        self._time_was_said = False

    def collect(self, problem: Problem, anneal: Anneal) -> None:
        """Waits for the answer to a problem; when there will be none, makes it another attempt.

        Raises:
            QPUStoppedError: If the answer is damaged in every fetch, or there were too many attempts.
        """
        entry, wait = problem.entry, _Wait([problem.entry.id])
        for fetch in range(1, FETCHES + 1):
            answer = None
            try:
                answer = self._fetch(problem, wait)
                if answer is not None:
                    self._take(problem, answer, anneal)
                return
            except BadAnswerError as error:
                log.warning("problem %d (%s): %s", entry.number, entry.id, error)
                why = str(error)
            if fetch < FETCHES:
                time.sleep(self._connection.first_wait)
        self._refuse(problem, answer or {}, why)

    def _fetch(self, problem: Problem, wait: _Wait) -> dict[str, Any] | None:
        """The answer to an attempt as soon as the service has it; None if it has ended without one.

        Raises:
            BadAnswerError: If what the service gives is none.
        """
        ask, requests, id = self._connection.ask, self._connection.problems, problem.entry.id
        under_way = True
        while under_way:
            try:
                found = self._connection.poll(id, self._answer_timeout)
                given = found.answer
                if given is None and found.status == "COMPLETED":
                    given = ask(requests.get_problem_answer, id)
            except api.exceptions.ResourceNotFoundError:
                under_way = self._look_elsewhere(problem, wait)
                id = problem.entry.id
            else:
                if given is not None:
                    answer: dict[str, Any] = vars(given.root)
                    return answer
                under_way = self._escalate(problem, found, wait)
        return None

    def _take(self, problem: Problem, answer: dict[str, Any], anneal: Anneal) -> None:
        """Checks an answer, and writes it down before it is used."""
        entry = problem.entry
        reads = anneal.format.decode(answer, problem.fields, problem.couplings, anneal.num_reads)
        entry.access_time = self._access_time(entry, answer)
        self._journal.answered(entry, reads)
        if problem.initial_state is None:
            timing = answer.get("timing")
            self._journal.keep(anneal.kept, problem.fields, problem.couplings, reads, entry, timing)
        problem.reads = reads

    def _look_elsewhere(self, problem: Problem, wait: _Wait) -> bool:
        """Looks for a problem that the service does not know by its id; False if its attempt has ended."""
        entry = problem.entry
        wait.missed += 1
        time.sleep(self._connection.first_wait)
        if wait.missed < FETCHES:
            return True
        labelled = self._connection.ask(self._attempts.search, entry.label)
        others = [name for name in labelled if name not in wait.tried]
        if not others:
            self._attempts.give_up(problem, "LOST: the service knows neither its id nor its label")
            return False
        entry.id, wait.missed = others[0], 0
        wait.tried.append(entry.id)
        self._journal.accepted([entry])
        return True

    def _escalate(self, problem: Problem, found: Any, wait: _Wait) -> bool:
        """Does what is due about a problem without an answer; False if its attempt has ended."""
        status, timeout = found.status.value, self._answer_timeout
        if status in ("FAILED", "CANCELLED"):
            message = getattr(found, "error_message", None) or ""
            offline = "offline" in message.lower()
            who = f"no answer in {timeout:g} s" if wait.cancelled else "by the service"
            self._attempts.give_up(problem, f"{OFFLINE if offline else status}: {message or who}")
            if offline:
                self._connection.wait_for_solver(stop=self._stop_offline)
            return False
        if status == "PENDING":
            wait.since = time.monotonic()
        elif time.monotonic() - wait.since > timeout:
            if wait.cancelled:  # and even that was not heeded
                self._attempts.give_up(problem, f"TIMEOUT: no answer in {2 * timeout:g} s")
                return False
            self._connection.ask(self._connection.problems.cancel_problems, [problem.entry.id])
            wait.cancelled, wait.since = True, time.monotonic()
        return True

    def _refuse(self, problem: Problem, answer: dict[str, Any], why: str) -> None:
        """Ends an attempt whose answer cannot be used: the next anneal may well be answered alike.

        It is not annealed again in the same start of the run; in a later one it is, if its answer is as bad.
        """
        entry = problem.entry
        if problem.ended_before:
            self._attempts.give_up(problem, f"DAMAGED: {why}")
            return
        entry.access_time = self._access_time(entry, answer)
        self._journal.ended(entry, f"DAMAGED: {why}")
        raise QPUStoppedError(
            f"the answer to problem {entry.number} ({entry.id}) cannot be used, in {FETCHES} fetches: {why}."
            " Was config.json or embedding.json edited? Undo it first. The problem is not annealed again now;"
            " going on fetches it once more, and if it is no better anneals it"
            f" anew, up to {TRIES} times in all"
        )

    def _access_time(self, entry: Entry, answer: dict[str, Any]) -> float | None:
        """Seconds of the QPU that an answer says it took, or the estimate where it says none."""
        said, estimate = said_time(answer.get("timing")), entry.estimate
        if (said is None or (estimate is not None and said < estimate / 2)) and not self._time_was_said:
            self._time_was_said = True
            log.warning(
                "the answer to problem %d says that it took %s of QPU access time, so the estimate of %s"
                " counts for the budget, here and in what follows",
                entry.number,
                "no time" if said is None else f"{said:g} s",
                "no known time" if estimate is None else f"{estimate:g} s",
            )
        return estimate if said is None else said
