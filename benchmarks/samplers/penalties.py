"""Constrained problems whose penalties go from 1 to 1e15: the share of reads in a ground state.

    python -m benchmarks.samplers.penalties          all works, about two minutes
    python -m benchmarks.samplers.penalties --quick  the same in small, to see that it runs

**Works.** The heaviest independent set of 12 nodes of degree 3, ``-sum w x + (10 + P) sum x x``: what
decides is the weights, of size 1 to 10 (integers, or integers and a random fraction), whatever P is. It is
given as BINARY or SPIN, to each way of annealing that has arithmetic of its own: many reads (runs side by
side), two reads at a time (run by run), random order, Gibbs' criterion; and, of 5 nodes in a ring, on
chains of two qubits, three times as strong as the penalty. ``dense``: of 100 nodes that all exclude each
other, the mean weight of the one that is found, in place of a share.

**What is shown.** Of the same schedule and as many reads: ising-ep's share, dwave-samplers' share, and
their difference in standard errors. Ground states are enumerated in exact fractions of the biases as given.
Nobody's energies are believed.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import click
import dimod
import networkx as nx
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler
from dwave.system import FixedEmbeddingComposite
from numpy.typing import NDArray
from scipy import stats

from benchmarks.support import report
from ising_ep import SimulatedAnnealingSampler
from studies.markdown import table

PENALTIES = [10.0**k for k in (0, 2, 4, 6, 7, 8, 9, 10, 12, 15)]
NODES, DEGREE = 12, 3
RING = 5
SCHEDULE = {"beta_range": [0.05, 3.0], "num_sweeps": 60}
WAYS: dict[str, dict[str, Any]] = {
    "many reads": {},
    "two reads at a time": {},
    "random order": {"randomize_order": True},
    "Gibbs": {"proposal_acceptance_criteria": "Gibbs"},
    "on chains": {},
}


def independent_set(graph: nx.Graph, penalty: float, kind: str, vartype: str) -> dimod.BinaryQuadraticModel:
    """The model, whose penalty is added to what keeps neighbours apart at P = 1."""
    rng = np.random.default_rng(4)
    weights = rng.integers(1, 11, len(graph)) + (rng.random(len(graph)) if kind == "real" else 0.0)
    linear = {v: -float(weights[v]) for v in range(len(graph))}
    return dimod.BinaryQuadraticModel(
        linear, dict.fromkeys(graph.edges, 10.0 + penalty), 0.0, "BINARY"
    ).change_vartype(dimod.Vartype[vartype], inplace=False)


def ground_states(bqm: dimod.BinaryQuadraticModel) -> set[tuple[int, ...]]:
    """All of them, variables 0, 1, ... in order, by exact numbers."""
    linear = [Fraction(float(bqm.linear[v])) for v in range(bqm.num_variables)]
    quadratic = [(u, v, Fraction(float(b))) for (u, v), b in bqm.quadratic.items()]
    energies: dict[tuple[int, ...], Fraction] = {}
    values = (-1, 1) if bqm.vartype is dimod.SPIN else (0, 1)
    for state in itertools.product(values, repeat=bqm.num_variables):
        energy = sum((a * s for a, s in zip(linear, state, strict=True)), Fraction())
        energies[state] = energy + sum((b * state[u] * state[v] for u, v, b in quadratic), Fraction())
    least = min(energies.values())
    return {state for state, energy in energies.items() if energy == least}


def in_order(sampleset: dimod.SampleSet) -> NDArray[np.int8]:
    """States (reads, variables), variables 0, 1, ... in order."""
    count = len(sampleset.variables)
    columns = [sampleset.variables.index(v) for v in range(count)]
    states: NDArray[np.int8] = sampleset.record.sample[:, columns]
    return states


def on_chains(sampler: Any, bqm: dimod.BinaryQuadraticModel, penalty: float, **options: Any) -> Any:
    """Reads on pairs of qubits: both qubits of a pair are coupled to those of neighbours."""
    pairs: dict[Any, Any] = {v: ((v, 0), (v, 1)) for v in range(bqm.num_variables)}
    edges = [*pairs.values(), *((a, b) for u, v in bqm.quadratic for a in pairs[u] for b in pairs[v])]
    chip = dimod.StructureComposite(sampler, [q for pair in pairs.values() for q in pair], edges)
    return FixedEmbeddingComposite(chip, pairs).sample(bqm, chain_strength=3 * (10 + penalty), **options)


def states_of(sampler: Any, way: str, bqm: dimod.BinaryQuadraticModel, penalty: float, reads: int) -> Any:
    """States (reads, variables) and the arithmetic that was used."""
    options = SCHEDULE | WAYS[way]
    if way == "two reads at a time":
        found = [sampler.sample(bqm, num_reads=2, seed=k, **options) for k in range(reads // 2)]
    elif way == "on chains":
        found = [on_chains(sampler, bqm, penalty, num_reads=reads, seed=1, **options)]
    else:
        found = [sampler.sample(bqm, num_reads=reads, seed=1, **options)]
    return np.concatenate([in_order(one) for one in found]), found[0].info.get("arithmetic", "")


def compare_sets(penalty: float, kind: str, vartype: str, way: str, reads: int) -> dict[str, Any]:
    """The shares of both samplers."""
    graph = nx.cycle_graph(RING) if way == "on chains" else nx.random_regular_graph(DEGREE, NODES, seed=1)
    bqm = independent_set(graph, penalty, kind, vartype)
    ground = ground_states(bqm)
    shares, arithmetic = [], ""
    for sampler in (DWaveSampler(), SimulatedAnnealingSampler()):
        states, arithmetic = states_of(sampler, way, bqm, penalty, reads)
        shares.append(float(np.mean([tuple(state) in ground for state in states.tolist()])))
    theirs, ours = shares
    error = np.sqrt(sum(p * (1 - p) for p in shares) / reads)
    return {"ours": ours, "theirs": theirs, "z": (ours - theirs) / error if error else 0.0} | {
        "arithmetic": arithmetic
    }


def compare_dense(penalty: float, reads: int) -> dict[str, Any]:
    """The mean weight that both samplers find."""
    weights = np.random.default_rng(7).permutation(100) / 8 + 1.0
    pairs = {(i, j): 40 * penalty for i in range(100) for j in range(i)}
    bqm = dimod.BinaryQuadraticModel(dict(enumerate(-weights)), pairs, 0.0, "BINARY")
    found, arithmetic = [], ""
    for sampler in (DWaveSampler(), SimulatedAnnealingSampler()):
        sampleset = sampler.sample(
            bqm, num_reads=reads, seed=3, num_sweeps=300, beta_range=[0.01 / penalty, 4]
        )
        found.append(-bqm.energies(sampleset))
        arithmetic = sampleset.info.get("arithmetic", "")
    theirs, ours = found
    error = np.sqrt((ours.var() + theirs.var()) / reads)
    z = float((ours.mean() - theirs.mean()) / error) if error else 0.0
    return {"ours": float(ours.mean()), "theirs": float(theirs.mean()), "z": z, "arithmetic": arithmetic}


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the reads and every third penalty.")
@report.out_option
def main(quick: bool, out: Path | None) -> None:
    """Share of ground states against the size of penalties.

    \b
    Example: python -m benchmarks.samplers.penalties --quick
    """
    folder = report.folder(out, not quick)
    reads, penalties = (200, PENALTIES[::3]) if quick else (2000, PENALTIES)
    works: list[tuple[str, float, Any]] = []
    for way, vartype, kind in itertools.product(WAYS, ("BINARY", "SPIN"), ("integer", "real")):
        for penalty in penalties:
            compare = partial(compare_sets, penalty, kind, vartype, way, reads)
            works.append((f"{way}, {vartype}, {kind}", penalty, compare))
    works += [("dense, mean weight", p, partial(compare_dense, p, reads // 20)) for p in penalties]
    rows: list[dict[str, Any]] = []
    with report.progress() as bar:
        task = bar.add_task("", total=len(works))
        for name, penalty, compare in works:
            bar.update(task, description=name)
            rows.append({"work": name, "penalty": penalty} | compare())
            bar.advance(task)
    lowest = min(row["z"] for row in rows)
    lines = []
    for row in rows:
        numbers = (f"{row['penalty']:.0e}", f"{row['ours']:.4g}", f"{row['theirs']:.4g}", f"{row['z']:+.1f}")
        lines.append([row["work"], *numbers, row["arithmetic"]])
    header = ["work", "P", "ising-ep", "dwave-samplers", "difference in standard errors", "arithmetic"]
    facts = report.machine()
    expected = f"the lowest of {len(rows)} differences of equals is about {expected_lowest(len(rows)):.1f}"
    text = f"{report.where(facts)} Lowest difference: {lowest:+.1f} standard errors; {expected}.\n\n"
    text += table(header, lines)
    report.console.print(text)
    if folder is not None:
        report.write(folder, "penalties", {"machine": facts, "reads": reads, "rows": rows}, text)


def expected_lowest(count: int) -> float:
    """The median of the lowest of so many normal numbers."""
    return float(stats.norm.ppf(1 - 0.5 ** (1 / count)))


if __name__ == "__main__":
    main()
