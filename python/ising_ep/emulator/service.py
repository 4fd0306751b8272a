"""The problems of the stand-in: their states, and the one worker that anneals them. Knows no HTTP."""

from __future__ import annotations

import re
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ..checks import WORD
from .faults import ENDS, Faults
from .solver import NO_SOLVER, Job, RefusedError, Solver

FINAL = ("COMPLETED", "FAILED", "CANCELLED")
OFFLINE = "Solver is offline"
# The next three are worded as in D-Wave's documentation.
NO_PROBLEM = "Problem does not exist or apitoken does not have access"
UNDER_WAY = "Attempting to cancel problem in progress."
FINISHED = "Problem has been finished."
# A run may have 100,000 problems of half a megabyte: only so many of those that are done keep their h and J.
KEPT = 100
# Part of our labels that says which random numbers a problem has.
NAMED = re.compile(r"seed=(\d+) problem=(\d+)")


@dataclass(eq=False)
class Problem:
    """A problem that was accepted.

    Attributes:
        id: Its name at the service.
        label: Text that came with it, or None.
        type: "ising" or "qubo".
        params: Those submitted; initial_state is int8 (num_qubits,).
        seed: With `problem_id` it names the random numbers of its anneals, as in `ChipModel.sample`.
        problem_id: Its number there.
        submitted_on: When, as the service writes it.
        status: "PENDING", "IN_PROGRESS", "COMPLETED", "FAILED" or "CANCELLED".
        annealed: Whether the QPU worked on it, which costs.
        qpu_access_time: Microseconds that it would have cost; 0 if it was not annealed.
        solved_on: When it came to an end, or None.
        error_message: Why it failed, or None.
        answer: Its answer as sent, or None.
    """

    id: str
    label: str | None
    type: str
    params: dict[str, Any]
    seed: int
    problem_id: int
    submitted_on: str
    status: str = "PENDING"
    annealed: bool = False
    qpu_access_time: float = 0.0
    solved_on: str | None = None
    error_message: str | None = None
    answer: dict[str, Any] | None = field(default=None, repr=False)
    data: dict[str, Any] | None = field(default=None, repr=False)
    job: Job | None = field(default=None, repr=False)

    @property
    def is_final(self) -> bool:
        """Tells whether the status of the problem will not change."""
        return self.status in FINAL


class Service:
    """Takes problems, anneals them one after the other, and tells how they stand. Safe to use from threads.

    Args:
        solver: What anneals.
        faults: What goes wrong.
        seed: Of problems whose label names none.
        realtime: Whether a problem takes as long as it would on a QPU.
    """

    def __init__(self, solver: Solver, faults: Faults, *, seed: int, realtime: bool) -> None:
        self.solver = solver
        self.stopped = threading.Event()
        self._faults = faults
        self._seed = seed
        self._realtime = realtime
        self._problems: dict[str, Problem] = {}
        self._waiting: deque[Problem] = deque()
        self._done: deque[Problem] = deque()
        self._offline_until = 0.0
        # Held to look at problems and to change them; told of every change.
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="ising-ep QPU", daemon=True)

    def start(self) -> None:
        """Begins to anneal."""
        self._worker.start()

    def stop(self) -> None:
        """Ends with the anneal under way; whoever waits is told how things stand."""
        with self._changed:
            self.stopped.set()
            self._changed.notify_all()
        self._worker.join()

    @property
    def problems(self) -> list[Problem]:
        """All, in the order in which they were accepted."""
        with self._changed:
            return list(self._problems.values())

    def definition(self, fields: str, name: str | None = None) -> dict[str, Any]:
        """The solver, if that is its name and it is there.

        Raises:
            RefusedError: If not.
        """
        if time.monotonic() < self._offline_until or name not in (None, self.solver.name):
            raise RefusedError(404, NO_SOLVER)
        return self.solver.definition(fields)

    def submit(self, item: Any) -> dict[str, Any]:
        """Accepts a problem; its first status.

        Raises:
            RefusedError: If it is not accepted.
        """
        job = self.solver.check(item)
        with self._changed:
            if time.monotonic() < self._offline_until:
                raise RefusedError(503, OFFLINE)
            seed, number = self._random_numbers(job.label)
            problem = Problem(str(uuid.uuid4()), job.label, job.type, job.params, seed, number, _now())
            problem.job, problem.data = job, job.data
            self._problems[problem.id] = problem
            self._waiting.append(problem)
            self._changed.notify_all()
            return self._row(problem)

    def statuses(self, ids: Iterable[str], timeout: float) -> list[dict[str, Any]]:
        """Waits until one of the problems has ended or the timeout has passed, and returns their states.

        Raises:
            RefusedError: If one is not there.
        """
        with self._changed:
            problems = [self._find(name) for name in ids]
            self._wait(lambda: not problems or any(problem.is_final for problem in problems), timeout)
            return [self._row(problem) for problem in problems]

    def search(self, label: str, status: str, solver: str, limit: int) -> list[dict[str, Any]]:
        """Lists the states of problems whose label contains a text, the newest first.

        Status and solver select too, unless they are "".
        """
        with self._changed:
            found = [
                self._row(problem)
                for problem in reversed(self._problems.values())
                if label in (problem.label or "")
                and status in ("", problem.status)
                and solver in ("", self.solver.name)
            ]
        return found[:limit]

    def answer(self, name: str, timeout: float) -> dict[str, Any]:
        """Waits until a problem has ended or the timeout has passed, and returns its state.

        Its answer is added if there is one.

        Raises:
            RefusedError: If it is not there.
        """
        with self._changed:
            problem = self._find(name)
            self._wait(lambda: problem.is_final, timeout)
            answer = {} if problem.answer is None else {"answer": problem.answer}
            return self._row(problem) | answer

    def info(self, name: str) -> dict[str, Any]:
        """Everything about a problem.

        Raises:
            RefusedError: If it is not there, or no longer.
        """
        with self._changed:
            problem = self._find(name)
            if problem.data is None:
                raise RefusedError(410, f"Only the last {KEPT} problems are kept with their data")
            row = self._row(problem)
            state = problem.params.get("initial_state")
            params = problem.params | ({} if state is None else {"initial_state": state.tolist()})
            info = {"id": row.pop("id"), "data": problem.data, "params": params}
            info["metadata"] = {**row, "submitted_by": "ising-ep", "messages": []}
            return info if problem.answer is None else info | {"answer": problem.answer}

    def cancel(self, name: str) -> dict[str, Any]:
        """Cancels a problem that waits; one under way is annealed to its end.

        Raises:
            RefusedError: If it is not there, is under way, or has come to an end.
        """
        with self._changed:
            problem = self._find(name)
            if problem.is_final:
                raise RefusedError(409, FINISHED)
            if problem.status == "PENDING":
                self._waiting.remove(problem)
                self._end(problem, "CANCELLED")
                return self._row(problem)
            if problem.job is None:  # that one would never end
                self._end(problem, "CANCELLED")
            raise RefusedError(202, UNDER_WAY)

    def go_offline(self, seconds: float) -> None:
        """Takes the solver offline for some seconds; problems that wait fail."""
        with self._changed:
            self._offline_until = time.monotonic() + seconds
            while self._waiting:
                self._end(self._waiting.popleft(), "FAILED", OFFLINE)

    def _random_numbers(self, label: str | None) -> tuple[int, int]:
        named = NAMED.search(label or "")
        if named:
            seed, number = map(int, named.groups())
            if seed < 2**64 and number <= WORD:
                return seed, number
        return self._seed, len(self._problems)

    def _find(self, name: str) -> Problem:
        if name not in self._problems:
            raise RefusedError(404, NO_PROBLEM)
        return self._problems[name]

    def _wait(self, until: Callable[[], bool], timeout: float) -> None:
        self._changed.wait_for(lambda: until() or self.stopped.is_set(), timeout)

    def _row(self, problem: Problem) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": problem.id,
            "type": problem.type,
            "solver": self.solver.identity,
            "status": problem.status,
            "submitted_on": problem.submitted_on,
        }
        for name in ("label", "solved_on", "error_message"):
            if getattr(problem, name) is not None:
                row[name] = getattr(problem, name)
        return row

    def _end(self, problem: Problem, status: str, message: str | None = None) -> None:
        problem.status, problem.error_message = status, message
        problem.solved_on = _now()
        problem.job = None
        self._done.append(problem)
        if len(self._done) > KEPT:
            self._done.popleft().data = None
        self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._wait(lambda: bool(self._waiting), timeout=threading.TIMEOUT_MAX)
                if self.stopped.is_set():
                    return
                problem = self._waiting.popleft()
                problem.status = "IN_PROGRESS"
                fault = self._faults.take("problem", ENDS)
                job, spent = problem.job, fault is not None and fault.kind == "spent"
                if fault is not None and not spent:
                    self._strike(problem, fault.kind, fault.seconds)
                    continue
            assert job is not None
            self._anneal(problem, job, spent)

    def _strike(self, problem: Problem, kind: str, seconds: float) -> None:
        problem.job = None  # it will not be annealed
        if kind == "failed":
            self._end(problem, "FAILED", "An error occurred while the problem was run")
        elif kind == "cancelled":
            self._end(problem, "CANCELLED")
        elif kind == "offline":
            self._end(problem, "FAILED", OFFLINE)
            self.go_offline(seconds)

    def _anneal(self, problem: Problem, job: Job, fails: bool) -> None:
        started = time.monotonic()
        try:
            answer = self.solver.anneal(job, problem.seed, problem.problem_id)
        except Exception as error:  # whatever it is, the problem has failed and the next one waits
            with self._changed:
                self._end(problem, "FAILED", f"{type(error).__name__}: {error}")
            return
        # Many problems have the same qubits.
        answer["active_variables"] = sys.intern(answer["active_variables"])
        microseconds = answer["timing"]["qpu_access_time"]
        with self._changed:
            problem.annealed, problem.qpu_access_time = True, microseconds
        if self._realtime:
            self.stopped.wait(microseconds / 1e6 - (time.monotonic() - started))
        with self._changed:
            if fails:
                self._end(problem, "FAILED", "An error occurred after the problem was run")
                return
            problem.answer = answer
            self._end(problem, "COMPLETED")


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
