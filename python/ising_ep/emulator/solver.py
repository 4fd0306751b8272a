"""The solver that the stand-in offers: what it says of itself, what it refuses, and how it anneals."""

from __future__ import annotations

import base64
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from ..checks import Floats, Ints, Spins, one_of
from ..chip import Chip
from ..chip.anneals import asked_schedule, check_anneal, check_gain
from ..chip.rules import check_ranges, full_scale
from ..chip.timing import access_time
from ..machines.chip_model import ChipModel
from ..qpu.qp import UNUSED, decode_problem, encode_answer

TYPES = ("ising", "qubo")
REVERSE = ("initial_state", "reinitialize_state")
# The wording is D-Wave's, from its documentation of the interface.
NO_SOLVER = "Solver does not exist or apitoken does not have access"


class RefusedError(ValueError):
    """A request that is not done, with the status of HTTP that says why."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, eq=False)
class Job:
    """A problem that was checked: as it was submitted, and as it is annealed."""

    type: str
    label: str | None
    params: dict[str, Any]
    data: dict[str, Any]
    qubits: Ints
    couplers: Ints
    ends: Ints  # the couplers by the positions of their qubits
    linear: Floats  # as submitted, of an Ising problem or a QUBO
    quadratic: Floats
    fields: Floats  # as programmed
    couplings: Floats
    schedule: list[tuple[float, float]]
    gain: Floats | None  # of h, (points, 2)
    num_reads: int
    initial_state: Spins | None
    histogram: bool


class Solver:
    """A chip model as the service describes its solvers.

    Args:
        model: What anneals.
        name: Of the solver.
        reverses: Whether it offers reverse annealing.
        properties: What it says of itself in place of what is so, by the service's names. It keeps to its own
            word only on the order of its qubits and on its parameters.
        left_out: Names of the properties that it does not say.
    """

    def __init__(
        self,
        model: ChipModel,
        name: str,
        *,
        reverses: bool,
        properties: Mapping[str, Any] = MappingProxyType({}),
        left_out: Container[str] = (),
    ) -> None:
        said, properties = dict(properties), model.properties
        if not reverses:
            for parameter in REVERSE:
                del properties["parameters"][parameter]
        self.identity = {"name": name, "version": {"graph_id": model.chip.graph_id}}
        self._model = model
        self._said = {key: value for key, value in (properties | said).items() if key not in left_out}
        if isinstance(said.get("parameters"), dict):
            properties["parameters"] = said["parameters"]
        if sorted(said.get("qubits") or []) == properties["qubits"]:
            properties["qubits"] = said["qubits"]
        self._properties = properties
        # The same, without lists that each problem would turn into arrays again.
        qubits = np.asarray(properties["qubits"], dtype=np.int64)
        self._arrays = properties | {"qubits": qubits, "couplers": model.chip.couplers}

    @property
    def name(self) -> str:
        """Name of the solver."""
        return str(self.identity["name"])

    def definition(self, fields: str = "all") -> dict[str, Any]:
        """Definition of the solver, as the service gives it.

        Args:
            fields: Which of it: "all" or "none", then +NAME or -NAME of others, separated by commas; those in
                the properties are +properties.NAME.
        """
        whole: dict[str, Any] = {
            "identity": self.identity,
            "status": "ONLINE",
            "description": "A model of a chip on this computer; no QPU",
            "avg_load": 0.0,
            "properties": self._said,
        }
        first, *changes = fields.split(",")
        kept: dict[str, Any] = {} if first == "none" else dict(whole)
        for change in changes:
            name, _, inner = change[1:].partition(".")
            if change[:1] not in ("+", "-") or name not in whole or (inner and name != "properties"):
                raise RefusedError(400, f"filter is {fields!r}, expected all or none, then +NAME or -NAME")
            if not inner:
                kept.pop(name, None)
                if change[0] == "+":
                    kept[name] = whole[name]
                continue
            part = dict(kept.get(name, {}))
            part.pop(inner, None)
            if change[0] == "+" and inner in self._said:
                part[inner] = self._said[inner]
            kept[name] = part
        return kept

    def check(self, item: Any) -> Job:
        """A submitted problem, after every check.

        Raises:
            RefusedError: What is wrong with it.
        """
        if not isinstance(item, dict):
            raise RefusedError(400, "the problem is no JSON object with solver, type, data and params")
        wanted = item.get("solver")
        identity = {"name": wanted} if isinstance(wanted, str) else wanted
        if not isinstance(identity, dict) or identity.get("name") != self.name:
            raise RefusedError(400, NO_SOLVER)
        graph_id = (identity.get("version") or {}).get("graph_id", self._model.chip.graph_id)
        if graph_id != self._model.chip.graph_id:
            raise RefusedError(
                400, f"the solver's working graph is {self._model.chip.graph_id}, not {graph_id}"
            )
        kind, params, label = item.get("type"), item.get("params") or {}, item.get("label")
        if kind not in TYPES:
            raise RefusedError(400, f"Problem type ({kind}) is not supported by the solver.")
        if not isinstance(params, dict) or not (label is None or isinstance(label, str)):
            raise RefusedError(400, "the problem's params are no JSON object, or its label is no text")
        unknown = [name for name in params if name not in self._properties["parameters"]]
        if unknown:
            raise RefusedError(400, f"{unknown[0]} is not a parameter of this solver")
        try:
            return self._checked(kind, label, dict(params), item["data"])
        except KeyError as error:
            raise RefusedError(400, f"the problem lacks {error}") from None
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise RefusedError(400, str(error)) from None

    def _checked(self, kind: str, label: str | None, params: dict[str, Any], data: dict[str, Any]) -> Job:
        chip = self._model.chip
        qubits, couplers, linear, quadratic = decode_problem(self._arrays, data)
        if not len(qubits):
            raise ValueError("the problem has no qubits")
        if not np.isfinite(linear).all() or not np.isfinite(quadratic).all():
            raise ValueError("the problem holds a number that is not finite")
        rank = np.full(self._properties["num_qubits"], -1)
        rank[qubits] = np.arange(len(qubits))
        fields, couplings = linear, quadratic
        if kind == "qubo":
            fields, couplings = _as_ising(rank[couplers], linear, quadratic)
        if _flag(params, "auto_scale", True):
            factor = full_scale(chip, fields, couplings)
            fields, couplings = fields / factor, couplings / factor
        # The format has places for the chip's own qubits and couplers only: these need no check.
        places = np.flatnonzero((rank[chip.couplers] >= 0).all(axis=1))
        check_ranges(chip, qubits, places, fields[None], couplings[None])
        state = None
        if "initial_state" in params:
            whole, state = self._state(params["initial_state"], qubits, low=-1 if kind == "ising" else 0)
            params["initial_state"] = whole
        if not _flag(params, "reinitialize_state", True):
            raise ValueError(
                "reinitialize_state is False, expected True: the model begins every read with initial_state"
            )
        num_reads = params.get("num_reads", 1)
        points = check_anneal(chip, asked_schedule(chip, params), num_reads, qubits, state)
        gain = params.get("h_gain_schedule")
        mode = params.get("answer_mode", "histogram")
        one_of("answer_mode", mode, ("raw", "histogram"))
        return Job(
            kind,
            label,
            params,
            data,
            qubits,
            couplers,
            rank[couplers],
            linear,
            quadratic,
            fields,
            couplings,
            [(float(t), float(s)) for t, s in points],
            None if gain is None else check_gain(chip, gain, points),
            num_reads,
            state,
            mode == "histogram",
        )

    def _state(self, given: Any, qubits: Ints, low: int) -> tuple[Spins, Spins]:
        """An initial state by qubit, checked, and the spins of the problem's qubits."""
        size = self._properties["num_qubits"]
        if not isinstance(given, list) or len(given) != size:
            raise ValueError(f"initial_state is no list of {size} values, one for each qubit")
        unused = np.ones(size, dtype=bool)
        unused[qubits] = False
        values = np.asarray(given)
        if values.dtype.kind not in "iuf":
            raise ValueError("initial_state holds what is no number")
        wrong = np.where(unused, values != UNUSED, (values != low) & (values != 1))
        if wrong.any():
            q = int(np.argmax(wrong))
            expected = f"{UNUSED}, as the problem does not use it" if unused[q] else f"{low} or 1"
            raise ValueError(f"initial_state of qubit {q} is {values[q]}, expected {expected}")
        whole = values.astype(np.int8)
        return whole, np.where(whole[qubits] == 1, 1, -1).astype(np.int8)

    def anneal(self, job: Job, seed: int, problem_id: int) -> dict[str, Any]:
        """The answer to a problem."""
        start = job.initial_state
        reads = self._model.sample(
            job.qubits,
            job.couplers,
            job.fields[None],
            job.couplings[None],
            schedule=job.schedule,
            num_reads=job.num_reads,
            initial_states=None if start is None else start[None],
            h_gain_schedule=job.gain,
            seed=seed,
            problem_ids=[problem_id],
        )[0]
        occurrences = None
        if job.histogram:
            reads, occurrences = np.unique(reads, axis=0, return_counts=True)
        rows, cols = job.ends.T
        states = reads if job.type == "ising" else (reads + 1) // 2
        energies = states @ job.linear + (states[:, rows] * states[:, cols]) @ job.quadratic
        if occurrences is not None:
            order = np.argsort(energies, kind="stable")
            reads, energies, occurrences = reads[order], energies[order], occurrences[order]
        answer = encode_answer(self._arrays, job.qubits, reads, energies, self.timing(job))
        if occurrences is not None:
            answer["num_occurrences"] = base64.b64encode(occurrences.astype("<i4").tobytes()).decode()
        return answer

    def timing(self, job: Job) -> dict[str, float]:
        """Microseconds of the QPU, by the names of the service."""
        one, two, total = (
            1e6 * access_time(self._properties, len(job.qubits), n, job.schedule)
            for n in (1, 2, job.num_reads)
        )
        # All reads take as long; programming is what is left.
        each, anneal = two - one, job.schedule[-1][0]
        delay = float(self._properties["problem_timing_data"]["qpu_delay_time_per_sample"])
        return {
            "qpu_access_time": total,
            "qpu_programming_time": one - each,
            "qpu_sampling_time": job.num_reads * each,
            "qpu_anneal_time_per_sample": anneal,
            "qpu_delay_time_per_sample": delay,
            "qpu_readout_time_per_sample": each - anneal - delay,
            "qpu_access_overhead_time": 0.0,
            "total_post_processing_time": 0.0,
            "post_processing_overhead_time": 0.0,
        }


def default_name(chip: Chip) -> str:
    """A name for the solver of a chip.

    Example:
        >>> default_name(Chip.perfect("zephyr", 2))
        'Emulated_zephyr_2_4'
    """
    return re.sub(r"\W+", "_", f"Emulated {chip.family} {' '.join(map(str, chip.shape))}")


def _as_ising(ends: Ints, linear: Floats, quadratic: Floats) -> tuple[Floats, Floats]:
    """h and J with the energies of a QUBO but for a constant: x = (1 + s) / 2."""
    fields = linear / 2
    np.add.at(fields, ends, np.repeat(quadratic[:, np.newaxis] / 4, 2, axis=1))
    return fields, quadratic / 4


def _flag(params: Mapping[str, Any], name: str, default: bool) -> bool:
    value = params.get(name, default)
    if not isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}, expected true or false")
    return value
