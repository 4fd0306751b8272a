"""Bicliques on full-size chips: qubits, longest chain and seconds of one copy, and how many copies fit.

    python -m benchmarks.embedding.layouts          a quarter of an hour or more
    python -m benchmarks.embedding.layouts --quick  one seed, one copy, perfect and 2 % missing
    python -m benchmarks.embedding.layouts --peers  minorminer's two ways beside it: minutes each
    python -m benchmarks.embedding.layouts --properties solver.json.gz
                                                    a real solver's working graph instead, and a picture

Working graphs are P16 and Z12 with a share of the qubits missing at random, and 0.05 % of the couplers
besides (as between present qubits of Advantage_system4). Every embedding is checked here with networkx. Times
are of the processor, one thread; busclique fills its cache within them, unless it knows the graph from an
earlier run. The seeds are none that the search was tuned on.

Results go to `benchmarks/results/embeddings.json`, `.md` and `.png`, those of a solver's properties to
`solver_embeddings.json`, `.md` and `.png`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
import dwave.graphs
import networkx as nx
import numpy as np
from matplotlib.figure import Figure

from benchmarks.support import report
from ising_ep import plots
from ising_ep.chip import Chip
from ising_ep.embedding.placed import Embedding
from ising_ep.plots.chips import add_legend
from ising_ep.plots.looks import SERIES
from studies.markdown import table

CHIPS = {"P16": lambda: dwave.graphs.pegasus_graph(16), "Z12": lambda: dwave.graphs.zephyr_graph(12)}
MISSING = {"P16": (0.0, 0.005, 0.02), "Z12": (0.0, 0.02, 0.05)}
KINDS = {"ours": "ising-ep", "busclique": "busclique", "minorminer": "minorminer"}
NETWORKS = ((120, 40), (120, 10))
MISSING_COUPLERS = 0.0005
# The search was tuned on working graphs of the seeds 0 to 2.
FIRST_SEED = 10


def chip(name: str, missing: float, seed: int) -> nx.Graph:
    """A working graph; perfect when nothing is missing."""
    graph = CHIPS[name]()
    if missing:
        rng = np.random.default_rng(seed)
        qubits = sorted(graph)
        graph.remove_nodes_from(rng.choice(qubits, round(missing * len(qubits)), replace=False).tolist())
        couplers = sorted(graph.edges)
        gone = rng.choice(len(couplers), round(MISSING_COUPLERS * len(couplers)), replace=False)
        graph.remove_edges_from([couplers[i] for i in gone])
    return graph


def check(graph: nx.Graph, copies: list[tuple[list[list[int]], list[list[int]]]]) -> None:
    """Stops the benchmark when the copies are no disjoint embeddings."""
    owner: dict[int, tuple[int, int, int]] = {}
    for n, copy in enumerate(copies):
        for side, chains in enumerate(copy):
            for k, chain in enumerate(chains):
                assert nx.is_connected(graph.subgraph(chain))
                for q in chain:
                    assert q not in owner
                    owner[q] = (n, side, k)
    pairs = {
        (owner[p], owner[q]) for a, b in graph.edges for p, q in ((a, b), (b, a)) if p in owner and q in owner
    }
    for n, (left, right) in enumerate(copies):
        assert all(((n, 0, i), (n, 1, j)) in pairs for i in range(len(left)) for j in range(len(right)))


def random_graphs(quick: bool, seeds: int) -> dict[str, tuple[nx.Graph, int]]:
    """The working graphs of every yield, and the seed of each, by what it is."""
    return {
        f"{name}, {100 * missing:g} % missing, seed {seed}": (chip(name, missing, seed), seed)
        for name in CHIPS
        for missing in ((0.0, 0.02) if quick else MISSING[name])
        for seed in range(FIRST_SEED, FIRST_SEED + (seeds if missing and not quick else 1))
    }


def measures(chains: list[list[int]], seconds: float) -> dict[str, Any]:
    lengths = [len(chain) for chain in chains]
    return {
        "qubits": sum(lengths) or None,
        "longest": max(lengths, default=None),
        "mean": round(float(np.mean(lengths)), 2) if lengths else None,
        "seconds": seconds,
    }


def point(
    graph: nx.Graph, sides: tuple[int, int], copies: bool, peers: bool, seed: int = 0
) -> dict[str, Any]:
    """One network on one working graph."""
    from minorminer import busclique, find_embedding

    from ising_ep.embedding.tiling import find_bicliques

    row: dict[str, Any] = {"network": list(sides)}
    start = time.process_time()
    one = find_bicliques(graph, *sides, max_copies=1)
    seconds = time.process_time() - start
    check(graph, one)
    row["ours"] = measures([chain for copy in one for side in copy for chain in side], seconds)

    if peers:
        start = time.process_time()
        theirs = busclique.busgraph_cache(graph, seed=seed).find_biclique_embedding(*sides)
        row["busclique"] = measures([list(chain) for chain in theirs.values()], time.process_time() - start)
        start = time.process_time()
        network = nx.complete_bipartite_graph(*sides)
        theirs = find_embedding(list(network.edges), list(graph.edges), random_seed=seed, timeout=300)
        row["minorminer"] = measures(list(theirs.values()), time.process_time() - start)
    if copies:
        start = time.process_time()
        many = find_bicliques(graph, *sides)
        seconds = time.process_time() - start
        check(graph, many)
        row["copies"] = {
            **measures([chain for copy in many for side in copy for chain in side], seconds),
            "number": len(many),
            "qubits of each": [sum(map(len, left + right)) for left, right in many],
        }
        row["chains"] = [left + right for left, right in many]
    return row


def markdown(record: dict[str, Any]) -> str:
    """One line a working graph and network: qubits (longest chain) and seconds."""
    kinds = [kind for kind in KINDS if kind in record["points"][0]]

    def cell(found: dict[str, Any]) -> str:
        if not found["qubits"]:
            return f"none, {found['seconds']:.1f} s"
        return f"{found['qubits']:,} ({found['longest']}), {found['seconds']:.1f} s"

    rows = []
    for p in record["points"]:
        row = [p["graph"], "K({}, {})".format(*p["network"])]
        row += [cell(p[kind]) for kind in kinds]
        if "copies" in p:
            found = p["copies"]
            row.append(
                f"{found['number']} ({found['longest']}, mean {found['mean']}),"
                f" {found['qubits'] or 0:,} qubits, {found['seconds']:.0f} s"
            )
        rows.append(row)
    header = ["graph", "network", *kinds] + (["copies"] if "copies" in record["points"][0] else [])
    return (
        "# Bicliques on full-size chips\n\n"
        "Qubits (longest chain) and seconds of one copy; most copies found (longest and mean chain), their"
        " qubits and seconds.\n\n" + table(header, rows) + f"\n{report.where(record)}\n"
    )


def figure(points: list[dict[str, Any]]) -> Figure:
    """Qubits of one copy of every network on every working graph, ours beside the others'."""
    networks = sorted({tuple(p["network"]) for p in points}, reverse=True)
    drawn = Figure(figsize=(4.8 * len(networks), 4.4), layout="constrained")
    for axes, network in zip(np.atleast_1d(drawn.subplots(1, len(networks))), networks, strict=True):
        of_network = [p for p in points if tuple(p["network"]) == network]
        for kind, look in zip(KINDS, SERIES, strict=False):
            if kind in points[0]:
                qubits = [p[kind]["qubits"] or np.nan for p in of_network]
                signs = {"color": look["color"], "marker": look["marker"], "linestyle": ""}
                axes.plot(qubits, label=KINDS[kind], **signs)
        axes.set_xticks(range(len(of_network)), [p["graph"] for p in of_network], rotation=90, fontsize=7)
        axes.set(ylabel="qubits of one copy", ylim=(0, None), title="K({}, {})".format(*network))
        axes.grid(alpha=0.3)
    drawn.axes[0].legend(frameon=False, loc="lower right")
    return drawn


def solver_figure(chip: Chip, points: list[dict[str, Any]]) -> Figure:
    """The copies of every network on the working graph, side by side."""
    drawn = Figure(figsize=(6 * len(points), 6.9), layout="constrained")
    for axes, p in zip(drawn.subplots(1, len(points)), points, strict=True):
        signs = plots.draw_embedding(axes, chip, Embedding(p["chains"], chip.graph_id))
        axes.set_title(
            "{number} copies of K({}, {}): {qubits:,} qubits, longest chain {longest}, mean {mean}".format(
                *p["network"], **p["copies"]
            )
        )
    add_legend(drawn, signs)  # of the last axes, which have the most copies
    drawn.suptitle(points[0]["graph"])
    return drawn


@click.command()
@click.option("--quick", is_flag=True, help="One seed, one copy, perfect graphs and 2 % missing.")
@click.option(
    "--seeds", type=click.IntRange(1), default=2, show_default=True, help="Working graphs of each yield."
)
@click.option("--peers", is_flag=True, help="Also minorminer's busclique and find_embedding: minutes each.")
@click.option(
    "--properties",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A solver's properties, .json or .json.gz: its working graph in place of random ones.",
)
@report.out_option
def main(quick: bool, seeds: int, peers: bool, properties: Path | None, out: Path | None) -> None:
    """Bicliques on full-size chips: qubits, longest chain, seconds, copies."""
    report.one_thread()
    out = report.folder(out, not quick)
    if properties is None:
        graphs = random_graphs(quick, seeds)
    else:
        solver = Chip.named(str(properties))
        name = solver.properties["chip_id"]
        size = f"{len(solver.qubits):,} qubits, {len(solver.couplers):,} couplers"
        graphs = {f"{name}, {size}": (solver.graph, 0)}
    runs = [(name, *graph, sides) for name, graph in graphs.items() for sides in NETWORKS]
    points = []
    with report.progress() as bar:
        task = bar.add_task("embeddings", total=len(runs))
        for name, graph, seed, sides in runs:
            bar.update(task, description=f"{name} K{sides}")
            points.append({"graph": name, **point(graph, sides, not quick, peers, seed)})
            bar.console.print({k: v for k, v in points[-1].items() if k != "chains"}, highlight=False)
            bar.advance(task)
    picture = figure(points) if properties is None or quick else solver_figure(solver, points)
    kept = [{k: v for k, v in p.items() if k != "chains"} for p in points]
    record = {**report.machine(), "points": kept}
    if properties is None:
        record["missing_couplers"] = MISSING_COUPLERS
    text = markdown(record)
    click.echo(text)
    if out:
        report.write(out, "embeddings" if properties is None else "solver_embeddings", record, text, picture)


if __name__ == "__main__":
    main()
