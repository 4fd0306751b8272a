"""Problems and answers as D-Wave's service writes them: its "qp" format, both ways.

A problem is two base64 texts of little-endian doubles: h of every qubit of the solver in the solver's
order, nan where a qubit is not used, and J of every coupler between two used qubits, in the solver's
order. An answer is four: the used qubits (int32), the energies of the reads (doubles), how often each
occurred (int32), and the reads, one bit a qubit, padded to whole bytes, most significant bit first, 1 for +1.

Solver's order: the lists "qubits" and "couplers" of its properties. What is slow, finding places in these
lists, is done once for all problems on the same qubits.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..checks import Bits, Floats, Ints, Spins
from ..extras import needing

with needing("chip", "a QPU"):
    import pybase64

# Value of an unused qubit in an initial state.
UNUSED = 3
# Tolerance between our energy of a read and the service's, relative to 1 + the sum of |h| and |J|. The order
# in which the service adds is not known.
ENERGY_TOLERANCE = 1e-6


class BadAnswerError(ValueError):
    """An answer that is not one to the problem: damaged on its way, or wrong."""


class Format:
    """Encodes problems on given qubits and couplers for a solver, and decodes its answers.

    Args:
        properties: The solver's, with "qubits", "couplers" and "num_qubits".
        qubits: (n,) those of the problems, in any order.
        couplers: (m, 2) between them.

    Raises:
        ValueError: If the solver has not all of them.

    Example:
        >>> properties = {"qubits": [0, 1, 4], "couplers": [[0, 1], [1, 4]], "num_qubits": 6}
        >>> qp = Format(properties, np.array([4, 1]), np.array([[1, 4]]))
        >>> problem = qp.encode(np.array([0.5, -1.0]), np.array([-2.0]))
        >>> qubits, couplers, h, j = decode_problem(properties, problem)
        >>> qubits.tolist(), couplers.tolist(), h.tolist(), j.tolist()
        ([1, 4], [[1, 4]], [-1.0, 0.5], [-2.0])
    """

    def __init__(self, properties: Mapping[str, Any], qubits: Ints, couplers: Ints) -> None:
        order, pairs = _order(properties)
        self._num_qubits = int(properties["num_qubits"])
        place = np.full(self._num_qubits, -1)
        place[order] = np.arange(len(order))
        self._lin_slots = place[qubits]
        used = np.zeros(self._num_qubits, dtype=bool)
        used[qubits] = True
        inside = pairs[used[pairs].all(axis=1)]
        key, wanted = _keys(inside, self._num_qubits), _keys(couplers, self._num_qubits)
        by_key = np.argsort(key)
        found = np.searchsorted(key, wanted, sorter=by_key)
        found = by_key[np.minimum(found, len(key) - 1)] if len(key) else np.zeros(len(wanted), np.int64)
        if (self._lin_slots < 0).any() or (len(wanted) and (not len(key) or (key[found] != wanted).any())):
            raise ValueError("the solver lacks a qubit or a coupler of the problem")
        self._qubits, self._num_quad, self._lin_size = qubits, len(inside), len(order)
        # Couplers are usually all that there are, in order, and then no value has to be moved.
        self._quad_slots = None if np.array_equal(found, np.arange(len(inside))) else found
        # Answers usually come in ascending order of qubits.
        self._active = np.sort(qubits)
        self._active_text = _text(self._active, "<i4")
        self._ranks = np.argsort(np.argsort(qubits))
        self._ascends = np.array_equal(self._active, qubits)
        rank = np.full(self._num_qubits, -1)
        rank[qubits] = np.arange(len(qubits))
        self._rows, self._cols = np.ascontiguousarray(rank[couplers].T)

    def encode(self, fields: Floats, couplings: Floats) -> dict[str, Any]:
        """A problem, ready for JSON: h ``(n,)`` and J ``(m,)``."""
        lin = np.full(self._lin_size, np.nan)
        lin[self._lin_slots] = fields
        quad = couplings
        if self._quad_slots is not None:
            quad = np.zeros(self._num_quad)
            quad[self._quad_slots] = couplings
        return {"format": "qp", "lin": _text(lin, "<f8"), "quad": _text(quad, "<f8"), "offset": 0.0}

    def initial_state(self, spins: Spins) -> list[int]:
        """The value of the parameter "initial_state" for spins ``(n,)``."""
        state = np.full(self._num_qubits, UNUSED)
        state[self._qubits] = spins
        return state.tolist()

    def decode(self, answer: Mapping[str, Any], fields: Floats, couplings: Floats, num_reads: int) -> Bits:
        """The reads of an answer, after every check that can be made of it.

        They are ``(num_reads, ceil(n / 8))``, a bit each, as they came: 1 for +1, and what fills up the last
        byte may be anything.

        Raises:
            BadAnswerError: If it is not base64, has other qubits or another number of reads than asked for,
                or energies that are not those of its reads. The qubits may come in any order.
        """
        try:
            active, known = self._active, answer["active_variables"] == self._active_text
            if not known:
                active = _numbers(answer["active_variables"], "<i4")
            energies = _numbers(answer["energies"], "<f8")
            occurrences = _numbers(answer["num_occurrences"], "<i4")
            bits = _numbers(answer["solutions"], "u1")
        except (KeyError, TypeError, ValueError) as error:
            raise BadAnswerError(f"the answer cannot be read: {error}") from None
        if not (known or np.array_equal(np.sort(active), self._active)):
            strange = np.setxor1d(active, self._active)
            raise BadAnswerError(
                f"the answer is of {len(active)} qubits, expected {len(self._active)} given ones"
                + (f" (qubit {strange[0]} is in one of them alone)" if len(strange) else "")
            )
        width = -(-len(active) // 8)
        if len(occurrences) != len(energies) or bits.size != len(energies) * width:
            raise BadAnswerError(
                f"the answer has {len(energies)} energies, {len(occurrences)} numbers of occurrences and"
                f" {bits.size} bytes of reads, expected {width} for each"
            )
        counts = occurrences.tolist()
        if min(counts, default=1) < 1 or sum(counts) != num_reads:
            raise BadAnswerError(f"the answer has {sum(counts)} reads, expected {num_reads}")
        reads = bits.reshape(-1, width)
        if not (known and self._ascends):  # the qubits are in another order, as a solver may list them
            order = self._ranks if known else np.argsort(active)[self._ranks]
            ups = np.unpackbits(reads, axis=1, count=len(active))
            reads = np.packbits(np.take(ups, order, axis=1), axis=1)
        expected = _core.energies(self._rows, self._cols, couplings, fields, reads)
        # Numbers of Python: numpy's first calls after a wait take longer than this loop over the reads, which
        # take the QPU 100 microseconds each. inf - inf is nan, and nan is not small.
        gaps = [abs(said - own) for said, own in zip(energies.tolist(), expected.tolist(), strict=True)]
        if not all(gap <= ENERGY_TOLERANCE for gap in gaps):
            tolerance = ENERGY_TOLERANCE * (1 + np.abs(fields).sum() + np.abs(couplings).sum())
            wrong = [k for k, gap in enumerate(gaps) if not gap <= tolerance]
            if wrong:
                k = wrong[0]
                raise BadAnswerError(
                    f"read {k} has energy {expected[k]:g}, but the answer says {energies[k]:g}"
                )
        return reads if len(reads) == num_reads else np.repeat(reads, occurrences, axis=0)


def decode_problem(
    properties: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Ints, Ints, Floats, Floats]:
    """Qubits (n,), couplers (m, 2), h (n,) and J (m,) of an encoded problem, as the service reads it.

    Raises:
        ValueError: If it is none.
    """
    if data.get("format") != "qp":
        raise ValueError(f"the problem's format is {data.get('format')!r}, expected 'qp'")
    order, pairs = _order(properties)
    lin, quad = _numbers(data["lin"], "<f8"), _numbers(data["quad"], "<f8")
    if len(lin) != len(order):
        raise ValueError(f"the problem has {len(lin)} fields, expected {len(order)}")
    used = np.zeros(int(properties["num_qubits"]), dtype=bool)
    used[order[~np.isnan(lin)]] = True
    couplers = pairs[used[pairs].all(axis=1)]
    if len(quad) != len(couplers):
        raise ValueError(f"the problem has {len(quad)} couplings, expected {len(couplers)}")
    return order[~np.isnan(lin)], couplers, lin[~np.isnan(lin)], quad


def encode_answer(
    properties: Mapping[str, Any],
    qubits: Ints,
    reads: Spins,
    energies: Floats,
    timing: Mapping[str, float],
) -> dict[str, Any]:
    """An answer in raw mode, ready for JSON: reads ``(num_reads, n)`` and their energies."""
    order = np.argsort(qubits)
    bits = np.packbits(reads[:, order] > 0, axis=1)
    return {
        "format": "qp",
        "active_variables": _text(qubits[order], "<i4"),
        "energies": _text(energies, "<f8"),
        "num_occurrences": _text(np.ones(len(reads)), "<i4"),
        "num_variables": int(properties["num_qubits"]),
        "solutions": _text(bits, "u1"),
        "timing": dict(timing),
    }


def _order(properties: Mapping[str, Any]) -> tuple[Ints, Ints]:
    qubits = np.asarray(properties["qubits"], dtype=np.int64)
    return qubits, np.asarray(properties["couplers"], dtype=np.int64).reshape(-1, 2)


def _keys(couplers: Ints, num_qubits: int) -> Ints:
    """One number for each coupler, whichever end comes first."""
    keys: Ints = couplers.min(axis=1) * num_qubits + couplers.max(axis=1)
    return keys


def _text(array: NDArray[Any], dtype: str) -> str:
    return pybase64.b64encode_as_string(np.ascontiguousarray(array, dtype=dtype).data)


def _numbers(text: str, dtype: str) -> NDArray[Any]:
    try:
        return np.frombuffer(pybase64.b64decode(text, validate=True), dtype=dtype)
    except binascii.Error as error:
        raise ValueError(f"not base64 ({error})") from None
