"""A D-Wave QPU as what anneals: problems out, reads back, none lost and none paid for twice.

Every problem of a run has a number, and goes this way; the journal (`qpu.journal`) is written at each
step, before the next is taken:

    checked -> INTENDED -> sent -> ACCEPTED (id) -> waited for -> ANSWERED (reads, checked)
                  |                    |                 |
                  |                    |                 +- FAILED, CANCELLED, LOST, ...: another attempt
                  +--------------------+- no reply: looked up by its label, sent again if it is not there

A run that stopped asks for the same problems again. Those that the journal has are not sent: an answer it
holds is taken, an id it holds is asked for, a label it holds is looked up (`qpu_attempts`).
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from dwave.cloud import api
from numpy.typing import NDArray

from ..checks import Bits, one_of
from ..errors import BudgetSpentError, QPUStoppedError
from ..machines.annealer import Annealer, Schedule
from ..machines.usage import Usage
from .answers import Answers
from .attempts import ATTEMPTS, LABEL_LAG, Attempts, Problem
from .connection import Connection
from .entries import CANCELLED, UNSENT, Entry
from .journal import Journal
from .layout import Anneal, Layout

log = logging.getLogger(__name__)

# Problems in one request, as the client does.
SUBMIT_SIZE = 20
# Seconds in which a problem that runs has to be answered. One that waits in the queue may wait.
ANSWER_TIMEOUT = 600.0
# Seconds for taking problems back when a run stops.
WITHDRAWAL = 20.0


class QPU(Annealer):
    """A D-Wave solver as an `Annealer`.

    Args:
        connection: The solver.
        journal: Of the run; None until `keep_journal`.
        max_access_time: Seconds of QPU access time that the whole run may take; None for no limit.
        when_offline: "wait" until the solver is back, or "stop" at the last checkpoint.
        answer_timeout: Seconds in which a problem that runs has to be answered; after them it is cancelled
            and asked for anew.
        label_lag: Seconds until a problem of which no reply came is sent again if its label is not found.

    Attributes:
        chip: The solver's working graph.
        usage: Problems and QPU time so far. The number of problems is the number of the next one: a run that
            goes on sets it from its checkpoint, which alone says whose outcome was learned. The journal
            cannot tell: it is ahead of the checkpoint by the problems that are to be asked for again.
        busy: True while problems are out. Only then may it be interrupted by an exception.
        shared: False: there is one.

    Raises:
        ValueError: If a setting is none of these.
    """

    shared = False

    def __init__(
        self,
        connection: Connection,
        journal: Journal | None = None,
        *,
        max_access_time: float | None = None,
        when_offline: Literal["wait", "stop"] = "wait",
        answer_timeout: float = ANSWER_TIMEOUT,
        label_lag: float = LABEL_LAG,
    ) -> None:
        one_of("when_offline", when_offline, ("wait", "stop"))
        self.connection = connection
        self._journal = journal
        self.chip = connection.chip
        self.reverses = connection.reverses
        self.max_access_time = max_access_time
        self.when_offline = when_offline
        self.answer_timeout = answer_timeout
        self.label_lag = label_lag
        self.busy = False
        self._layout: Layout | None = None
        self._attempts: Attempts | None = None

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
    ) -> Bits:
        """See `Annealer.sample`. All problems are in flight at once, and reads come as bits.

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
        attempts, answers = self._of_journal()
        problems = []
        for k, problem_id in enumerate(problem_ids):
            start = None if initial_states is None else initial_states[k]
            entry = self._entry(k, fields[k], couplings[k], start, anneal, seed, int(problem_id))
            problems.append(Problem(entry, fields[k], couplings[k], start))
        self.busy = True
        try:
            for problem in problems:
                attempts.recall(problem, anneal)
            while waiting := [p for p in problems if p.reads is None]:
                unsent = [p for p in waiting if p.entry.id is None]
                self._check_budget([p for p in unsent if not p.doubtful], anneal)
                self._send(unsent, anneal, attempts)
                for problem in waiting:
                    answers.collect(problem, anneal)
        except (KeyboardInterrupt, QPUStoppedError):
            self._withdraw([p for p in problems if p.reads is None], anneal)
            raise
        except api.exceptions.ResourceNotFoundError as error:
            raise QPUStoppedError(f"the service does not know what it should: {error}") from None
        finally:
            self.busy = False
        self.usage.problems += len(problems)
        self.usage.access_time += sum(p.entry.access_time or 0.0 for p in problems)
        return np.array([p.reads for p in problems])

    def _of_journal(self) -> tuple[Attempts, Answers]:
        """The attempts that the journal knows, and their answers."""
        if self._attempts is None or self._attempts.journal is not self.journal:
            self._attempts = Attempts(self.connection, self.journal, self.label_lag)
            self._answers = Answers(
                self.connection, self._attempts, self.answer_timeout, stop_offline=self.when_offline == "stop"
            )
        return self._attempts, self._answers

    @property
    def journal(self) -> Journal:
        """The journal of the run.

        Raises:
            ValueError: If there is none yet: what is not written down is paid for again.
        """
        if self._journal is None:
            raise ValueError("this QPU has no journal yet, in which all that is asked of it is written down")
        return self._journal

    def keep_journal(self, journal: Journal) -> None:
        """Writes all that is asked for down there from now on."""
        self._journal = journal

    def saved(self, usage: Usage) -> None:
        """Forgets the problems that a checkpoint holds the outcome of."""
        self.journal.forget(before=usage.problems)

    def close(self) -> None:
        """Closes the journal, which another process may write to then, and the connection."""
        if self._journal is not None:
            self._journal.close()
        self.connection.close()

    def _entry(
        self,
        place: int,
        fields: NDArray[np.float64],
        couplings: NDArray[np.float64],
        initial_state: NDArray[np.int8] | None,
        anneal: Anneal,
        seed: int,
        problem_id: int,
    ) -> Entry:
        """The first attempt at the problem in that place of a batch."""
        number = self.usage.problems + place
        return Entry(
            number,
            0,
            "free" if initial_state is None else "nudge",
            seed,
            problem_id,
            anneal.digest(fields, couplings, initial_state),
            self.journal.label(number, 0, seed, problem_id),
            anneal.name,
            estimate=None if math.isnan(anneal.estimate) else anneal.estimate,
        )

    def _send(self, problems: list[Problem], anneal: Anneal, attempts: Attempts) -> None:
        """Sends problems, in order, until the service has them all."""
        for k in range(0, len(problems), SUBMIT_SIZE):
            some = problems[k : k + SUBMIT_SIZE]
            for _ in range(ATTEMPTS):
                if self.connection.ask(self._try_to_send, some, anneal, attempts):
                    break
                self.connection.wait_for_solver(stop=self.when_offline == "stop")
            else:
                raise QPUStoppedError(
                    f"solver {self.connection.name} is said to be online, but does not take problems"
                )

    def _try_to_send(self, problems: list[Problem], anneal: Anneal, attempts: Attempts) -> bool:
        """Finds those that the service has already, and sends the others. False if the solver is offline."""
        for problem in problems:
            while problem.doubtful:
                attempts.find(problem)
        new = [p for p in problems if p.entry.id is None]
        if not new:
            return True
        self._check_budget(new, anneal)
        self.journal.intend(p.entry for p in new)
        for problem in new:
            problem.doubtful = True
        jobs = [anneal.job(p.fields, p.couplings, p.initial_state, p.entry.label) for p in new]
        try:
            replies = self.connection.problems.submit_problems(jobs)
        except api.exceptions.RequestError as error:
            if _is_refusal(error):
                # The text of the service is not written to a file: it may hold the token.
                self._unsend(new, f"refused with status {error.response.status_code}")
            if isinstance(error, api.exceptions.ResourceNotFoundError):
                return False
            raise
        refused = self._sort(new, replies)
        if any("offline" in reply.error_msg.lower() for reply in refused):
            return False
        for reply in refused:
            kind = api.exceptions.InternalServerError
            if 400 <= reply.error_code < 500 and reply.error_code != 429:
                kind = api.exceptions.ResourceBadRequestError
            raise kind(error_msg=reply.error_msg, error_code=reply.error_code)
        if any(p.entry.id is None for p in new):
            raise api.exceptions.ResourceBadResponseError("the service's reply misses a problem")
        return True

    def _sort(self, new: list[Problem], replies: list[Any]) -> list[Any]:
        """Takes the ids from the replies to what was sent; returns the refusals among them."""
        by_label = {getattr(reply, "label", None): reply for reply in replies}
        in_order = replies if len(replies) == len(new) else [None] * len(new)
        accepted, refused, refusals = [], [], []
        for problem, at_its_place in zip(new, in_order, strict=True):
            reply = by_label.get(problem.entry.label)
            if reply is None and getattr(at_its_place, "label", None) is None:
                reply = at_its_place  # of as many as were sent
            if isinstance(reply, api.models.ProblemInitialStatus):
                problem.entry.id, problem.doubtful = reply.id, False
                accepted.append(problem.entry)
            elif isinstance(reply, api.models.ProblemSubmitError):
                refused.append(problem)
                refusals.append(reply)
        self.journal.accepted(accepted)
        self._unsend(refused, "refused, one by one")
        return refusals

    def _unsend(self, problems: list[Problem], why: str) -> None:
        """Writes that the service has surely not taken them."""
        for problem in problems:
            problem.doubtful = False
            self.journal.ended(problem.entry, f"{UNSENT}: {why}")

    def _check_budget(self, problems: list[Problem], anneal: Anneal) -> None:
        """Refuses to send problems if there is no QPU time left for them.

        Of each problem counts what it took, but at least its estimate, whatever its answer says.
        """
        new = [p for p in problems if not self.journal.counts(p.entry)]
        if self.max_access_time is None or not new:
            return
        spent = self.journal.spent(self.journal.series, self.usage.access_time)
        ahead = len(new) * anneal.estimate
        if not spent + ahead <= self.max_access_time:  # nan: it cannot be told
            raise BudgetSpentError(
                f"{spent:.3f} s of QPU access time are spent or under way, and the next problems take"
                f" about {ahead:.3f} s: more than the {self.max_access_time:g} s allowed"
            )

    def _withdraw(self, problems: list[Problem], anneal: Anneal) -> None:
        """Cancels what is at the service, and keeps what was answered in the meantime.

        What fails here is not lost: the journal has it, and the next start of the run asks for it.
        """
        ask, requests = self.connection.ask, self.connection.problems
        attempts, answers = self._of_journal()
        try:
            for problem in problems:
                if problem.doubtful and problem.entry.intended:
                    ask(attempts.look, problem, patience=WITHDRAWAL)
            out = [p for p in problems if p.entry.id is not None and p.entry.ended is None]
            if not out:
                return
            ask(requests.cancel_problems, [p.entry.id for p in out], patience=WITHDRAWAL)
            for problem in out:
                status = ask(requests.get_problem, problem.entry.id, patience=WITHDRAWAL).status
                if status == "CANCELLED":
                    self.journal.ended(problem.entry, f"{CANCELLED}: the run was stopped")
                elif status == "COMPLETED":
                    answers.collect(problem, anneal)
        except (QPUStoppedError, api.exceptions.RequestError) as error:
            log.warning("could not cancel what is queued: %s", error)


def _is_refusal(error: api.exceptions.RequestError) -> bool:
    """Tells whether the service refused what was sent."""
    response = getattr(error, "response", None)
    return response is not None and 400 <= response.status_code < 500 and response.status_code != 408
