"""A D-Wave QPU as what anneals: problems out, reads back, none lost and none paid for twice.

Every problem of a run has a number, and goes this way; the journal (`ising_ep.journal`) is written at each
step, before the next is taken:

    checked -> INTENDED -> sent -> ACCEPTED (id) -> waited for -> ANSWERED (reads, checked)
                  |                    |                 |
                  |                    |                 +- FAILED, CANCELLED, LOST, ...: another attempt
                  +--------------------+- no reply: looked up by its label, sent again if it is not there

A run that stopped asks for the same problems again. Those that the journal has are not sent: an answer it
holds is taken, an id it holds is asked for, a label it holds is looked up.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from dwave.cloud import api
from numpy.typing import NDArray

from .. import journal
from ..checks import one_of
from ..journal import Entry, Journal
from ..qp import BadAnswerError
from ..stopped import QPUStoppedError
from ..usage import Usage
from .connection import Connection
from .embedded import Schedule
from .qpu_layout import Anneal, Layout

log = logging.getLogger(__name__)

# Problems in one request, as the client does.
SUBMIT_SIZE = 20
# Seconds that the service may hold a request until there is an answer: the longest that it takes.
LONG_POLL = 30
# Attempts at a problem, and fetches of one answer that comes damaged.
ATTEMPTS, FETCHES = 5, 5
# Seconds in which a problem that runs has to be answered. One that waits in the queue may wait.
ANSWER_TIMEOUT = 600.0
# Seconds for taking problems back when a run stops.
WITHDRAWAL = 20.0


@dataclass
class _Problem:
    """A problem of the batch under way."""

    entry: Entry
    fields: NDArray[np.float64]
    couplings: NDArray[np.float64]
    initial_state: NDArray[np.int8] | None
    doubtful: bool = False  # it may be at the service although no id is known
    failures: int = 0
    reads: NDArray[np.int8] | None = field(default=None, repr=False)


class QPU:
    """A D-Wave solver as an `Annealer`.

    Args:
        connection: The solver.
        journal: Of the run.
        max_access_time: Seconds of QPU access time that the whole run may take; None for no limit.
        when_offline: "wait" until the solver is back, or "stop" at the last checkpoint.
        answer_timeout: Seconds in which a problem that runs has to be answered; after them it is cancelled
            and asked for anew.

    Attributes:
        chip: The solver's working graph.
        usage: Problems and QPU time so far. The number of problems is the number of the next one: a run that
            goes on sets it.
        busy: True while problems are out. Only then may it be interrupted by an exception.

    Raises:
        ValueError: If a setting is none of these.
    """

    def __init__(
        self,
        connection: Connection,
        journal: Journal,
        *,
        max_access_time: float | None = None,
        when_offline: Literal["wait", "stop"] = "wait",
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        one_of("when_offline", when_offline, ("wait", "stop"))
        self.connection = connection
        self.journal = journal
        self.chip = connection.chip
        self.reverses = connection.reverses
        self.max_access_time = max_access_time
        self.when_offline = when_offline
        self.answer_timeout = answer_timeout
        self.usage = Usage()
        self.busy = False
        self._layout: Layout | None = None
        # The journal's last rows may be lost: until a label is not found, new attempts are looked for.
        self._resumed = True

    def sample(
        self,
        qubits: NDArray[np.int64],
        couplers: NDArray[np.int64],
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        *,
        schedule: Schedule,
        num_reads: int,
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: Sequence[int] | NDArray[np.uint32],
    ) -> NDArray[np.int8]:
        """See `Annealer.sample`. All problems are in flight at once.

        Raises:
            ValueError: What the solver would refuse, before anything is sent.
            QPUStoppedError: If the budget is spent, the service refuses, or cannot be reached.
            KeyboardInterrupt: On Ctrl-C; what was queued is cancelled, and what was answered is kept.
        """
        layout = self._layout
        if layout is None or not layout.is_of(qubits, couplers):
            layout = self._layout = Layout(self.connection, qubits, couplers)
        layout.check(fields, couplings)
        anneal = layout.anneal(schedule, num_reads, initial_states)
        problems = []
        for k, problem_id in enumerate(problem_ids):
            start = None if initial_states is None else initial_states[k]
            number = self.usage.problems + k
            digest = anneal.digest(fields[k], couplings[k], start)
            label = self.journal.label(number, 0, seed, int(problem_id))
            phase = "free" if start is None else "nudge"
            entry = Entry(number, 0, phase, seed, int(problem_id), digest, label)
            problems.append(_Problem(entry, fields[k], couplings[k], start))
        self.busy = True
        try:
            self._recall(problems, anneal)
            while waiting := [p for p in problems if p.reads is None]:
                unsent = [p for p in waiting if p.entry.id is None]
                self._check_budget(len(unsent), anneal)
                self._send(unsent, anneal)
                for problem in waiting:
                    self._collect(problem, anneal)
        except (KeyboardInterrupt, QPUStoppedError):
            self._withdraw([p for p in problems if p.reads is None], anneal)
            raise
        except api.exceptions.ResourceNotFoundError as error:
            raise QPUStoppedError(f"the service does not know what it should: {error}") from None
        finally:
            self.busy = False
        self.usage.problems += len(problems)
        self.usage.access_time += sum(p.entry.access_time or 0.0 for p in problems)
        return np.stack([p.reads for p in problems])  # type: ignore[misc]

    def close(self) -> None:
        """Closes the journal, which another process may write to then, and the connection."""
        self.journal.close()
        self.connection.close()

    def _recall(self, problems: list[_Problem], anneal: Anneal) -> None:
        """Takes from the journal what it knows of these problems."""
        for problem in problems:
            last = self.journal.last(problem.entry.number)
            if last is None:
                problem.doubtful = self._resumed
                continue
            if last.digest != problem.entry.digest:
                log.warning(
                    "problem %d is not the one that the journal has; the answer to that is not used",
                    last.number,
                )
                self._renew(problem, last)
            elif last.status == journal.ANSWERED:
                problem.entry = last
                problem.reads = self.journal.reads(last, anneal.num_reads, anneal.num_qubits)
            elif last.status in (journal.INTENDED, journal.ACCEPTED):
                problem.entry, problem.doubtful = last, last.id is None
            else:
                self._renew(problem, last)

    def _renew(self, problem: _Problem, last: Entry) -> None:
        """Makes it another attempt, after the last one."""
        new, attempt = problem.entry, last.attempt + 1
        label = self.journal.label(new.number, attempt, new.seed, new.problem_id)
        problem.entry = Entry(new.number, attempt, new.phase, new.seed, new.problem_id, new.digest, label)
        problem.doubtful = self._resumed

    def _give_up(self, problem: _Problem, why: str) -> None:
        """Ends an attempt that will not be answered, and begins another."""
        log.warning("problem %d (%s): %s; it is sent again", problem.entry.number, problem.entry.id, why)
        problem.entry.status = why
        self.journal.ended(problem.entry, why)
        problem.failures += 1
        if problem.failures == ATTEMPTS:
            raise QPUStoppedError(f"problem {problem.entry.number} failed {ATTEMPTS} times, at last: {why}")
        self._renew(problem, problem.entry)

    def _send(self, problems: list[_Problem], anneal: Anneal) -> None:
        """Sends problems, in order, until the service has them all."""
        for k in range(0, len(problems), SUBMIT_SIZE):
            some = problems[k : k + SUBMIT_SIZE]
            for _ in range(ATTEMPTS):
                if self.connection.ask(self._try_to_send, some, anneal):
                    break
                self._wait_for_solver()
            else:
                raise QPUStoppedError(
                    f"solver {self.connection.name} is said to be online, but does not take problems"
                )

    def _try_to_send(self, problems: list[_Problem], anneal: Anneal) -> bool:
        """Finds those that the service has already, and sends the others. False if the solver is offline."""
        for problem in problems:
            if problem.doubtful:
                self._find(problem)
        new = [p for p in problems if p.entry.id is None]
        if not new:
            return True
        self.journal.intend(p.entry for p in new)
        for problem in new:
            problem.doubtful = True
        jobs = [anneal.job(p.fields, p.couplings, p.initial_state, p.entry.label) for p in new]
        try:
            replies = self.connection.problems.submit_problems(jobs)
        except api.exceptions.ResourceNotFoundError:
            return False
        by_label = {getattr(reply, "label", None): reply for reply in replies}
        accepted = []
        for problem in new:
            reply = by_label.get(problem.entry.label)
            if isinstance(reply, api.models.ProblemInitialStatus):
                problem.entry.id, problem.doubtful = reply.id, False
                accepted.append(problem.entry)
        self.journal.accepted(accepted)
        errors = [reply for reply in replies if isinstance(reply, api.models.ProblemSubmitError)]
        if any("offline" in error.error_msg.lower() for error in errors):
            return False
        for error in errors:
            kind = api.exceptions.InternalServerError
            if 400 <= error.error_code < 500 and error.error_code != 429:
                kind = api.exceptions.ResourceBadRequestError
            raise kind(error_msg=error.error_msg, error_code=error.error_code)
        if len(accepted) < len(new):
            raise api.exceptions.ResourceBadResponseError("the service's reply misses a problem")
        return True

    def _find(self, problem: _Problem) -> None:
        """Looks for a problem that may be at the service."""
        label = problem.entry.label
        found = [p for p in self.connection.problems.list_problems(label=label) if p.label == label]
        if found:
            self.journal.intend([problem.entry])
            problem.entry.id = found[0].id
            self.journal.accepted([problem.entry])
        else:
            self._resumed = False
        problem.doubtful = False

    def _check_budget(self, new: int, anneal: Anneal) -> None:
        """Refuses to send so many problems if there is no QPU time left for them."""
        if self.max_access_time is None or not new:
            return
        spent = self.journal.access_time()
        ahead = (self.journal.outstanding() + new) * anneal.estimate
        if not spent + ahead <= self.max_access_time:  # nan: it cannot be told
            raise QPUStoppedError(
                f"{spent:.3f} s of QPU access time are spent, and the next problems take about {ahead:.3f} s:"
                f" more than the {self.max_access_time:g} s allowed"
            )

    def _collect(self, problem: _Problem, anneal: Anneal) -> None:
        """Waits for the answer to a problem; when there will be none, makes it another attempt."""
        entry, requests = problem.entry, self.connection.problems
        damaged = missed = 0
        cancelled = False
        running_since = time.monotonic()
        while True:
            try:
                status = self.connection.poll(entry.id, self.answer_timeout)
                answer = status.answer
                if status.status == "COMPLETED" and answer is None:
                    answer = self.connection.ask(requests.get_problem_answer, entry.id)
            except api.exceptions.ResourceNotFoundError:
                missed += 1
                if missed == FETCHES:
                    return self._give_up(problem, "LOST: the service does not know it")
                time.sleep(self.connection.first_wait)
                continue
            if answer is not None:
                answer = answer.root.model_dump()
                try:
                    reads = anneal.format.decode(answer, problem.fields, problem.couplings, anneal.num_reads)
                except BadAnswerError as error:
                    damaged += 1
                    log.warning("problem %d (%s): %s", entry.number, entry.id, error)
                    if damaged == FETCHES:
                        return self._give_up(problem, f"DAMAGED: {error}")
                    continue
                timing = answer.get("timing") or {}
                entry.access_time = float(timing.get("qpu_access_time", 0.0)) / 1e6
                self.journal.answered(entry, reads)
                problem.reads = reads
                return None
            message = " ".join(str(getattr(status, "error_message", None) or "").split())
            if status.status in ("FAILED", "CANCELLED"):
                who = f"no answer in {self.answer_timeout:g} s" if cancelled else "by the service"
                self._give_up(problem, f"{status.status.value}: {message or who}")
                if "offline" in message.lower():
                    self._wait_for_solver()
                return None
            if status.status == "PENDING":
                running_since = time.monotonic()
            elif time.monotonic() - running_since > self.answer_timeout:
                if cancelled:  # and even that was not heeded
                    return self._give_up(problem, f"TIMEOUT: no answer in {2 * self.answer_timeout:g} s")
                self.connection.ask(requests.cancel_problems, [entry.id])
                cancelled, running_since = True, time.monotonic()

    def _wait_for_solver(self) -> None:
        name, wait = self.connection.name, self.connection.first_wait
        time.sleep(wait)
        while not self.connection.online():
            if self.when_offline == "stop":
                raise QPUStoppedError(f"solver {name} is offline")
            log.warning("solver %s is offline; looking again in %.1f s", name, wait)
            time.sleep(wait)
            wait = min(2 * wait, LONG_POLL)

    def _withdraw(self, problems: list[_Problem], anneal: Anneal) -> None:
        """Cancels what is at the service, and keeps what was answered in the meantime.

        What fails here is not lost: the journal has it, and the next start of the run asks for it.
        """
        requests = self.connection.problems
        try:
            for problem in problems:
                if problem.doubtful:
                    self.connection.ask(self._find, problem, patience=WITHDRAWAL)
            out = [p for p in problems if p.entry.id is not None]
            if not out:
                return
            self.connection.ask(requests.cancel_problems, [p.entry.id for p in out], patience=WITHDRAWAL)
            for problem in out:
                status = self.connection.ask(requests.get_problem, problem.entry.id, patience=WITHDRAWAL)
                if status.status == "CANCELLED":
                    self.journal.ended(problem.entry, "CANCELLED: the run was stopped")
                elif status.status == "COMPLETED":
                    self._collect(problem, anneal)
        except (QPUStoppedError, api.exceptions.RequestError) as error:
            log.warning("could not cancel what is queued: %s", error)
