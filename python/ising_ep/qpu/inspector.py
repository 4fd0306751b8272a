"""A problem of a run on a QPU as D-Wave's Problem Inspector shows it.

The inspector, dwave-inspector, shows what its adapters make of a problem that is sampled. `inspector_data`
makes the same of one that the journal of a run has kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from .. import _core
from ..checks import Floats, Spins, short
from ..chip import Chip
from ..embedding import Embedding
from ..embedding.unembed import unembed
from ..extras import needing
from ..files.untrusted import read_json
from ..machines.embedded import EMBEDDING, EmbeddedSettings
from ..training.run_folder import JOURNAL, SOLVER, RunFolder

with needing("chip", "the problem of a QPU"):
    from dwave.cloud.api.models import SolverIdentity

    from .kept import KeptProblem
    from .layout import forward_params
    from .properties import usable
    from .run_journal import journal_of

# Stands for the id of the last problem that was kept.
LAST = "last"

# Chains by the name of their spin, "COPY:SPIN".
Chains = dict[str, list[int]]


def inspector_data(run: str | Path, problem: str = LAST) -> dict[str, Any]:
    """Makes the data that D-Wave's Problem Inspector shows of a problem of a run on a QPU.

    h and J are as they were sent, single precision of them: of all copies of the network, each in its gauge.
    Where the problem lies on the run's own embedding, the copies are one logical problem, whose spins are
    named "COPY:SPIN"; its h and J are the sums over chains, and a coin decides for a chain that is even.
    Times of submission and solution are those of this computer's clock. Nothing is asked of the QPU.

    Args:
        run: The folder of the run. Nothing in it is changed.
        problem: Id that the service gave it; "last" for the last one that was kept.

    Returns:
        What ``dwave.inspector.from_qmi_response`` returns, ready for JSON: in place of its solver's object,
        ``rel`` has the data that such an object is made of.

    Raises:
        FileNotFoundError: If the folder is no run.
        ValueError: One line, if it is a run on no QPU, is in use, or has not kept the problem.
    """
    folder = RunFolder.open(Path(run))
    kept = _kept(folder, problem)
    solver, chip = _solver(folder)
    properties = solver["properties"]
    name = str(SolverIdentity(**solver["identity"]))
    chains = _chains_on(kept, Embedding.load(folder.path / EMBEDDING, chip))
    data: dict[str, Any] = {
        "ready": True,
        "details": _details(kept, name),
        "data": {
            "solver": name,
            "type": "ising",
            "params": _params(kept, properties),
            "data": _problem(kept, properties),
            "stats": {
                "num_source_variables": len(chains or kept.layout.qubits),
                "num_target_variables": len(kept.layout.qubits),
                "max_chain_length": max(map(len, chains.values()), default=1),
                "chain_strength": None,
                "chain_break_method": None,
            },
        },
        "answer": _answer(kept, int(properties["num_qubits"])),
        "warnings": [],
        "rel": {"solver": solver},
    }
    if chains:
        settings = folder.config.machine_settings
        assert isinstance(settings, EmbeddedSettings)  # those of machine qpu
        data["data"]["data"]["embedding"] = chains
        data["data"]["stats"] |= {
            "chain_strength": settings.chain_strength,
            "chain_break_method": "majority_vote",
        }
        data["unembedded_answer"] = _unembedded(kept, chains)
    return data


def _kept(run: RunFolder, problem: str) -> KeptProblem:
    """The problem, from the journal of the run."""
    file = run.path / JOURNAL
    with journal_of(run) as journal:
        try:
            last = None if journal is None else journal.kept_problem()
            found = last if problem == LAST or journal is None else journal.kept_problem(problem)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from None
    if last is None:
        raise ValueError(
            f"{file} has kept no problem to look at; going on with the run keeps some, for QPU time"
        )
    if found is None:
        raise ValueError(
            f"{file} has not kept problem {short(problem)}; the last one that it has is {last.entry.id}"
        )
    return found


def _solver(run: RunFolder) -> tuple[dict[str, Any], Chip]:
    """The data of the run's solver, without what the inspector has no use for, and its chip."""
    name = run.solver()
    said = read_json(run.path / SOLVER, links=False)
    version, graph_id = said.get("version"), said.get("graph_id")
    ours = ("name", "version", "graph_id", "run", "embedding")
    given = {key: said[key] for key in said if key not in ours}
    properties, chip = usable(str(name), given, graph_id)
    properties.pop("anneal_offset_ranges", None)
    identity = {"name": name, **({"version": version} if isinstance(version, Mapping) and version else {})}
    return {"identity": identity, "properties": properties}, chip


def _chains_on(kept: KeptProblem, embedding: Embedding) -> Chains:
    """Chains of the embedding that make up the qubits of a problem; none if they do not."""
    qubits = set(kept.layout.qubits.tolist())
    chains = {
        f"{copy}:{spin}": sorted(chain)
        for copy, spins in enumerate(embedding.chains)
        for spin, chain in enumerate(spins)
        if qubits.issuperset(chain)
    }
    used = [qubit for chain in chains.values() for qubit in chain]
    return chains if len(used) == len(qubits) == len(set(used)) else {}


def _details(kept: KeptProblem, solver: str) -> dict[str, Any]:
    entry = kept.entry
    submitted, solved = (
        datetime.fromtimestamp(seconds or 0.0, UTC).isoformat() for seconds in (entry.intended, entry.ended)
    )
    return {
        "id": entry.id,
        "label": entry.label,
        "status": "COMPLETED",
        "solver": solver,
        "type": "ising",
        "submitted_on": submitted,
        "solved_on": solved,
    }


def _params(kept: KeptProblem, properties: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of the problem: those that were sent, and the solver's defaults."""
    known, schedule = properties["parameters"], kept.layout.schedule
    sent = forward_params(schedule, kept.layout.num_reads)
    time = kept.timing.get("qpu_anneal_time_per_sample", schedule[-1][0])
    defaults = {
        "anneal_offsets": None,
        "anneal_schedule": [[0, 0], [time, 1]],
        "annealing_time": time,
        "answer_mode": "histogram",
        "auto_scale": True,
        "flux_biases": None,
        "flux_drift_compensation": True,
        "h_gain_schedule": [[0, 1], [time, 1]],
        "initial_state": None,
        "max_answers": None,
        "num_reads": 1,
        "programming_thermalization": properties.get("default_programming_thermalization"),
        "readout_thermalization": properties.get("default_readout_thermalization"),
        "reduce_intersample_correlation": False,
        "reinitialize_state": False,
        **({"fast_anneal": False} if "fast_anneal" in known else {}),
    }
    return defaults | {name: value for name, value in sent.items() if name in known}


def _problem(kept: KeptProblem, properties: Mapping[str, Any]) -> dict[str, Any]:
    """h of every qubit and J of every coupler between two used ones, in the solver's order."""
    qubits, couplers = kept.layout.qubits.tolist(), kept.layout.couplers.tolist()
    h = dict(zip(qubits, kept.fields.tolist(), strict=True))
    j = {frozenset(pair): value for pair, value in zip(couplers, kept.couplings.tolist(), strict=True)}
    return {
        "format": "qp",
        "lin": [h.get(qubit) for qubit in properties["qubits"]],
        "quad": [j.get(frozenset(pair), 0.0) for pair in properties["couplers"] if h.keys() >= set(pair)],
    }


def _answer(kept: KeptProblem, num_qubits: int) -> dict[str, Any]:
    """The reads, each of them a solution, with their energies."""
    layout = kept.layout  # with ascending qubits, as `EmbeddedMachine` asks for them
    rows, cols = np.searchsorted(layout.qubits, layout.couplers).T
    bits = np.packbits(kept.reads > 0, axis=1)
    energies = _core.energies(
        np.ascontiguousarray(rows), np.ascontiguousarray(cols), kept.couplings, kept.fields, bits
    )
    return {
        **_solutions(kept.reads, energies),
        "active_variables": layout.qubits.tolist(),
        "timing": kept.timing,
        "num_variables": num_qubits,
    }


def _unembedded(kept: KeptProblem, chains: Chains) -> dict[str, Any]:
    """The logical states of the reads, with the energies of the logical problem."""
    layout = kept.layout
    columns = [np.searchsorted(layout.qubits, chain) for chain in chains.values()]
    owner = np.empty(len(layout.qubits), dtype=np.int64)
    for spin, places in enumerate(columns):
        owner[places] = spin
    rows, cols = owner[np.searchsorted(layout.qubits, layout.couplers)].T
    between = rows != cols
    found = unembed(
        kept.reads,
        columns,
        seed=kept.entry.seed,
        couplings=(rows[between], cols[between], kept.couplings[between]),
        fields=np.bincount(owner, kept.fields),
    )
    return {
        **_solutions(found.states, found.energies),
        "active_variables": list(chains),
        "vartype": "SPIN",
        "num_variables": len(chains),
    }


def _solutions(states: Spins, energies: Floats | None) -> dict[str, Any]:
    return {
        "format": "qp",
        "solutions": states.tolist(),
        "energies": [] if energies is None else energies.tolist(),
        "num_occurrences": [1] * len(states),
    }
