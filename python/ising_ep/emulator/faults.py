"""Faults on demand: what goes wrong, with which request or problem, and how often.

Kinds, and what each does:

- "401", "403", "404", "429", "500", "502", "503": this status in place of an answer, nothing done; 429 with
  Retry-After of `seconds`, rounded up.
- "reset-before", "reset-after": the connection is reset in place of an answer, before or after the request
  was dealt with.
- "429-forever": 429 with a Retry-After of 401 digits. "500-after": 500 in place of an answer, after the
  request was dealt with.
- "slow": the answer comes `seconds` late. "half": its body is cut in the middle, under the Content-Length of
  the whole.
- "missing": the reply to a poll or a search leaves out all that it was asked for.
- "unlabelled", "short": the reply to a submission lacks the labels, or its last item.
- "strangers", "twins": a search gives another's problem, or before what it found one of the same label that
  is not there.
- "corrupt", "reads", "qubits": of an answer, characters of one of its texts are damaged, the number of reads
  is wrong, or a qubit is. "fewer": one of its qubits is left out. "infinite": its energies are infinite.
- "order": the qubits of an answer, and its reads alike, come in another order, which is no damage.
- "untimed", "time-missing", "time-null", "time-text", "time-list", "time-nan", "time-negative", "time-zero":
  an answer has no times, or its QPU access time is none or no such number.
- "failed", "cancelled": the service ends a problem so, without annealing it. "spent": it fails after it was
  annealed. "never": it stays IN_PROGRESS without being annealed, until it is cancelled; others go on.
- "offline": for `seconds` there is no solver: it is not listed, takes no problems, and those that are waiting
  fail.
"""

from __future__ import annotations

import base64
import math
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks import integer, one_of, seconds

REQUESTS = ("submit", "poll", "answer", "cancel", "solvers", "list")
STATUSES = ("401", "403", "404", "429", "500", "502", "503")
# Kinds of faults by when they strike: before a request is handled, after it, at an answer, or at a problem.
BEFORE = (*STATUSES, "429-forever", "reset-before", "offline")
ROWS = ("missing", "unlabelled", "short", "strangers", "twins")  # of replies that are lists of problems
AFTER = ("reset-after", "500-after", "slow", "half", *ROWS)
# QPU access time in a damaged answer, by the kind of fault.
_TIMES: dict[str, Any] = {
    "time-null": None,
    "time-text": "fast",
    "time-list": [17e3],
    "time-nan": "nan",
    "time-negative": -1e6,
    "time-zero": 0,
}
DAMAGES = ("corrupt", "reads", "qubits", "fewer", "infinite", "order", "untimed", "time-missing", *_TIMES)
ENDS = ("failed", "cancelled", "spent", "never", "offline")
KINDS = tuple(dict.fromkeys((*BEFORE, *AFTER, *DAMAGES, *ENDS)))
# Requests that each kind may strike, the usual one first. Other kinds may strike any request.
_TARGETS = {
    "slow": ("answer", *REQUESTS),
    "half": ("answer", *REQUESTS),
    "missing": ("poll", "list"),
    "unlabelled": ("submit",),
    "short": ("submit",),
    "strangers": ("list",),
    "twins": ("list",),
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
        if kind == "untimed":
            return {name: value for name, value in answer.items() if name != "timing"}
        if kind == "time-missing":
            return {**answer, "timing": {}}
        if kind in _TIMES:
            return {**answer, "timing": {**answer["timing"], "qpu_access_time": _TIMES[kind]}}
        with self._lock:
            change = {
                "corrupt": _corrupt,
                "reads": _wrong_reads,
                "qubits": _wrong_qubits,
                "fewer": _fewer_qubits,
                "infinite": _infinite,
                "order": _other_order,
            }[kind]
            return {**answer, **change(answer, self._rng)}


def changed(kind: str, rows: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    """Changes a reply that lists problems by a fault of that kind; a search was for the label."""
    if kind == "missing":
        return []
    if kind == "short":
        return rows[:-1]
    if kind == "unlabelled":
        return [row | {"label": None} if "id" in row else row for row in rows]
    stranger = {
        "id": str(uuid.uuid4()),
        "type": "ising",
        "solver": {"name": "Another"},
        "status": "COMPLETED",
        "submitted_on": "2026-01-01T00:00:00.000000Z",
        "label": "another's problem",
    }
    if kind == "strangers":
        return [stranger]
    return [stranger | {"label": label}, *rows] if rows else rows


def _corrupt(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """One of the texts with some characters changed: to others of base64, or to one that is none."""
    name = str(rng.choice(_TEXTS))
    # The last character holds bits that stand for nothing.
    letters, whole = list(answer[name]), len(answer[name].rstrip("=")) - 1
    flips = bool(rng.integers(2))
    # The number of changes is large enough that not all of them fall on the last digits of energies.
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
    return {"active_variables": _text(np.sort(active))}


def _fewer_qubits(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The answer without one of its qubits."""
    active, bits = _active_and_bits(answer)
    kept = np.delete(np.arange(len(active)), rng.integers(len(active)))
    return _of_qubits(active, bits, kept)


def _other_order(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """The same answer with its qubits in another order."""
    active, bits = _active_and_bits(answer)
    return _of_qubits(active, bits, rng.permutation(len(active)))


def _infinite(answer: Mapping[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """Energies that are infinite."""
    del rng
    energies = np.frombuffer(base64.b64decode(answer["energies"]), dtype="<f8")
    return {"energies": _text(np.full(len(energies), -np.inf))}


def _active_and_bits(answer: Mapping[str, Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The qubits (n,), and a bit for each of each read (reads, n)."""
    active = np.frombuffer(base64.b64decode(answer["active_variables"]), dtype="<i4")
    reads = np.frombuffer(base64.b64decode(answer["solutions"]), dtype="u1")
    rows = reads.reshape(-1, -(-len(active) // 8))
    return active, np.unpackbits(rows, axis=1, count=len(active))


def _of_qubits(active: NDArray[Any], bits: NDArray[Any], places: NDArray[Any]) -> dict[str, Any]:
    """Part of an answer about the qubits in these places, in that order."""
    return {
        "active_variables": _text(active[places]),
        "solutions": _text(np.packbits(bits[:, places], axis=1)),
    }


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()
