"""Faults on demand: what goes wrong, with which request or problem, and how often.

Kinds, and what each does:

- "401", "403", "404", "429", "500", "502", "503": this status in place of an answer, nothing done; 429 with
  Retry-After of `seconds`, rounded up.
- "reset-before", "reset-after": the connection is reset in place of an answer, before or after the request
  was dealt with.
- "slow": the answer comes `seconds` late. "half": its body is cut in the middle, under the Content-Length of
  the whole.
- "missing": the reply to a poll leaves out all that it was asked for.
- "corrupt", "reads", "qubits": of an answer, characters of one of its texts are damaged, the number of reads
  is wrong, or a qubit is.
- "failed", "cancelled": the service ends a problem so, without annealing it. "never": it stays IN_PROGRESS
  without being annealed, until it is cancelled; others go on.
- "offline": for `seconds` there is no solver: it is not listed, takes no problems, and those that are waiting
  fail.
"""

from __future__ import annotations

import base64
import math
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..checks import integer, one_of, seconds

REQUESTS = ("submit", "poll", "answer", "cancel", "solvers", "list")
STATUSES = ("401", "403", "404", "429", "500", "502", "503")
# By when they strike: before a request is dealt with, after it, at an answer to a problem, or at a problem.
BEFORE = (*STATUSES, "reset-before", "offline")
AFTER = ("reset-after", "slow", "half", "missing")
DAMAGES = ("corrupt", "reads", "qubits")
ENDS = ("failed", "cancelled", "never", "offline")
KINDS = tuple(dict.fromkeys((*BEFORE, *AFTER, *DAMAGES, *ENDS)))
# On what each may strike, the usual first; the rest on any request.
_TARGETS = {
    "slow": ("answer", *REQUESTS),
    "half": ("answer", *REQUESTS),
    "missing": ("poll",),
    **dict.fromkeys(DAMAGES, ("answer",)),
    **dict.fromkeys(ENDS, ("problem",)),
    "offline": (*REQUESTS, "problem"),
}
_TEXTS = ("active_variables", "energies", "num_occurrences", "solutions")
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong.

    Args:
        kind: One of `KINDS`.
        on: The requests that it strikes, one of `REQUESTS`, or "problem"; None for the usual of its kind.
        after: How many of these pass unharmed first.
        times: How many it strikes then.
        seconds: How long, where the kind takes time.
        every: In place of `after` and `times`: it strikes one in so many, at random; at least 1.

    Raises:
        ValueError: If there is no such fault.

    Example:
        >>> Fault("corrupt").on, Fault("500", "poll").on
        ('answer', 'poll')
    """

    kind: str
    on: str | None = None
    after: int = 0
    times: int = 1
    seconds: float = 0.5
    every: float | None = None

    def __post_init__(self) -> None:
        one_of("the kind of fault", self.kind, KINDS)
        targets = _TARGETS.get(self.kind, REQUESTS)
        if self.on is None:
            object.__setattr__(self, "on", targets[0])
        one_of(f"what {self.kind!r} is on", str(self.on), targets)
        integer("after", self.after, 0)
        integer("times", self.times, 0)
        seconds("seconds", self.seconds)
        if self.every is not None and not (math.isfinite(self.every) and self.every >= 1):
            raise ValueError(f"every is {self.every}, expected a number from 1 on")


@dataclass
class _Count:
    passed: int = 0
    struck: int = 0


class Faults:
    """The faults to come. Each counts for itself; of several that are due at once the first strikes."""

    def __init__(self, seed: int) -> None:
        self._lock = threading.Lock()
        self._rng = np.random.default_rng(seed)
        self._plans: list[tuple[Fault, _Count]] = []

    def add(self, fault: Fault) -> None:
        """One more."""
        with self._lock:
            self._plans.append((fault, _Count()))

    def take(self, on: str, kinds: tuple[str, ...]) -> Fault | None:
        """The fault of these kinds, if any, that strikes this request or problem."""
        struck = None
        with self._lock:
            for fault, count in self._plans:
                if fault.on != on or fault.kind not in kinds:
                    continue
                if struck is None and self._is_due(fault, count):
                    struck = fault
                    count.struck += 1
                else:
                    count.passed += 1
        return struck

    def _is_due(self, fault: Fault, count: _Count) -> bool:
        if fault.every is not None:
            return bool(self._rng.random() * fault.every < 1)
        return count.passed >= fault.after and count.struck < fault.times

    def damaged(self, kind: str, answer: Mapping[str, Any]) -> dict[str, Any]:
        """A copy of an answer with damage of that kind."""
        with self._lock:
            change = {"corrupt": _corrupt, "reads": _wrong_reads, "qubits": _wrong_qubits}[kind]
            return {**answer, **change(answer, self._rng)}


def _corrupt(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """One of the texts with some characters changed: to others of base64, or to one that is none."""
    name = str(rng.choice(_TEXTS))
    # The last character holds bits that stand for nothing.
    letters, whole = list(answer[name]), len(answer[name].rstrip("=")) - 1
    flips = bool(rng.integers(2))
    # So many that they do not all fall on the last digits of energies.
    for place in rng.integers(whole, size=8 + whole // 8):
        shift = int(rng.integers(1, 64))
        old = letters[place]
        letters[place] = _ALPHABET[(_ALPHABET.find(old) + shift) % 64] if flips else "*"
    return {name: "".join(letters)}


def _wrong_reads(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The last read is lost; a single one comes twice."""
    del rng
    parts = {name: base64.b64decode(answer[name]) for name in _TEXTS[1:]}
    rows = len(parts["energies"]) // 8
    changed = {k: part[: -(len(part) // rows)] if rows > 1 else 2 * part for k, part in parts.items()}
    return {name: base64.b64encode(part).decode() for name, part in changed.items()}


def _wrong_qubits(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Another qubit in place of one of them."""
    active = np.frombuffer(base64.b64decode(answer["active_variables"]), dtype="<i4").copy()
    others = np.setdiff1d(np.arange(answer["num_variables"] + 1), active)
    active[rng.integers(len(active))] = rng.choice(others)
    return {"active_variables": base64.b64encode(np.sort(active).tobytes()).decode()}
