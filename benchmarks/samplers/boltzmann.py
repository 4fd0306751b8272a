"""dwave-pytorch-plugin's block sampler beside `BoltzmannSampler`, on the plugin's own graph.

The machine is that of the plugin's example, a `GraphRestrictedBoltzmannMachine` on Zephyr Z6 (1,248 nodes,
11,400 edges), whose colouring in four is the block sampler's. Both do the same: Gibbs sweeps of all spins
at inverse temperature 1, in chains that persist, from float32 parameters to a float32 tensor. A sample is a
chain's state after the sweeps of a call. Every call stands right after the other sampler's; the parameters
change a little before each, as by a step of an optimizer, so nothing that depends on them can be kept.

*Quality.* On 16 nodes of Z1 all 65,536 states are enumerated, and each sampler's frequencies are put to
chi-square. On Z6 both begin at random, and after 1, 2, 4, ... sweeps, in as many chains each, energies are
compared by their standard errors; after the last sweeps all means of spins and edges are too: the mean of
z^2 is 1 where they agree.

python -m benchmarks.samplers.boltzmann [--rounds 5]
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np

from benchmarks.support import report
from benchmarks.support.timing import interleaved
from studies.markdown import table

# torch's and the core's: as many as each other.
THREADS = 1
report.one_thread()

import dwave.graphs  # noqa: E402
from dwave.samplers import SimulatedAnnealingSampler as DWaveAnnealer  # noqa: E402
from scipy import stats  # noqa: E402

try:
    import torch
    from dwave.plugins.torch.models import GraphRestrictedBoltzmannMachine
    from dwave.plugins.torch.samplers import BlockSampler, DimodSampler

    from ising_ep.pytorch import BoltzmannSampler
except ModuleNotFoundError as error:
    MISSING: str | None = f"{error.name} is missing: pip install 'ising-ep[torch]'"
else:
    MISSING = None

Sample = Callable[[], "torch.Tensor"]
# What couplings are at first, uniform in ± this: the plugin's own, and one at which chains mix.
COLD, WARM = 5.0, 0.25
# (largest coupling, chains, sweeps of a call)
WORKS = [(WARM, 100, 1), (WARM, 100, 20), (WARM, 1, 20), (COLD, 100, 20), (WARM, 1000, 20)]


def machine(size: int, largest: float, kept: int | None = None) -> tuple[Any, Callable[[int], int]]:
    """A machine on a Zephyr graph, or on its first nodes, and the colouring."""
    torch.manual_seed(0)
    graph = dwave.graphs.zephyr_graph(size)
    coordinates = dwave.graphs.zephyr_coordinates(size).linear_to_zephyr
    colour = {node: dwave.graphs.zephyr_four_color(coordinates(node)) for node in graph}
    if kept is not None:
        order = sorted(graph, key=lambda node: (node % 3, node))[:kept]
        graph = graph.subgraph(order)
    grbm = GraphRestrictedBoltzmannMachine(graph.nodes, graph.edges)
    with torch.no_grad():
        grbm.quadratic.mul_(largest / 5.0)
    return grbm, colour.__getitem__


def both(
    grbm: Any, colour: Callable[[int], int], chains: int, sweeps: int, seed: int = 1
) -> dict[str, Sample]:
    betas = [1.0] * sweeps
    return {
        "block": BlockSampler(grbm, colour, chains, betas, seed=seed).sample,
        "ours": BoltzmannSampler(grbm, chains, betas, seed=seed, num_threads=THREADS).sample,
    }


def moved(grbm: Any, sample: Sample) -> Callable[[int], torch.Tensor]:
    """A call after a small step of the parameters."""

    def call(number: int) -> torch.Tensor:
        with torch.no_grad():
            grbm.quadratic.mul_(1 + 1e-6 * (-1) ** number)
        return sample()

    return call


def speed(largest: float, chains: int, sweeps: int, rounds: int) -> dict[str, Any]:
    """Seconds of each call."""
    grbm, colour = machine(6, largest)
    ways = both(grbm, colour, chains, sweeps)
    if (largest, chains, sweeps) == (WARM, 100, 20):  # what the plugin's example does
        given = {"num_reads": chains, "num_sweeps": sweeps, "beta_range": [1, 1], "randomize_order": True}
        given["proposal_acceptance_criteria"] = "Gibbs"
        ways["dimod"] = DimodSampler(grbm, DWaveAnnealer(), 1.0, sample_kwargs=given).sample
    calls = {name: moved(grbm, sample) for name, sample in ways.items()}
    # Processor time: all have one thread, and the machine may be busy.
    seconds = interleaved(calls, rounds, clock=time.process_time)
    return {"largest": largest, "chains": chains, "sweeps": sweeps, "seconds": seconds}


def exact(chains: int) -> dict[str, float]:
    """p-values of the frequencies of all states of 16 nodes."""
    grbm, colour = machine(1, WARM * 4, kept=16)
    spins = 2 * (np.arange(2**16)[:, None] >> np.arange(16)[::-1] & 1) - 1
    energies = grbm(torch.tensor(spins, dtype=torch.float32)).detach().double()
    expected = chains * torch.softmax(-energies, 0).numpy()
    order = np.argsort(expected)
    cells = np.floor(expected[order].cumsum() / 20).astype(int)
    found = {}
    for name, sample in both(grbm, colour, chains, 60).items():
        index = ((sample().numpy() > 0) @ (1 << np.arange(16)[::-1])).astype(int)
        observed = np.bincount(index, minlength=2**16)[order]
        counts = [np.bincount(cells, each) for each in (observed, expected[order])]
        held = counts[1] > 0
        found[name] = float(stats.chisquare(counts[0][held], counts[1][held]).pvalue)
    return found


def relaxation(largest: float, chains: int, points: int) -> dict[str, Any]:
    """Mean energies after 1, 2, 4, ... sweeps from random states, and means after the last."""
    grbm, colour = machine(6, largest)
    ways = both(grbm, colour, chains, 1)
    energies: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    last = {}
    for name, sample in ways.items():
        done = 0
        for point in range(points):
            while done < 2**point:
                states = sample()
                done += 1
            each = grbm(states).detach().double()
            energies[name].append((float(each.mean()), float(each.std()) / chains**0.5))
        last[name] = grbm.sufficient_statistics(states).double()
    ours, block = last["ours"], last["block"]
    error = ((ours.var(0) + block.var(0)) / chains).sqrt()
    z = ((ours.mean(0) - block.mean(0)) / error)[error > 0]
    return {"largest": largest, "energies": energies, "mean_z2": float(z.square().mean()), "means": len(z)}


def page(record: dict[str, Any]) -> str:
    rows = []
    for work in record["speed"]:
        rates = {n: work["chains"] / median(seconds) for n, seconds in work["seconds"].items()}
        pairs = zip(work["seconds"]["block"], work["seconds"]["ours"], strict=True)
        ratios = [block / ours for block, ours in pairs]
        rows.append(
            (
                f"±{work['largest']:g}",
                str(work["chains"]),
                str(work["sweeps"]),
                f"{rates['block']:,.0f}",
                f"{rates['dimod']:,.0f}" if "dimod" in rates else "",
                f"{rates['ours']:,.0f}",
                f"**{median(ratios):.3g}x** ({min(ratios):.3g}x to {max(ratios):.3g}x)",
            )
        )
    heads = (
        "couplings",
        "chains",
        "sweeps",
        "`BlockSampler`",
        "`DimodSampler`",
        "`BoltzmannSampler`",
        "ratio",
    )
    quality = []
    for one in record["relaxation"]:
        for point, (block, ours) in enumerate(zip(*one["energies"].values(), strict=True)):
            z = (ours[0] - block[0]) / np.hypot(ours[1], block[1])
            cells = (f"{mean:.1f}({error:.1f})" for mean, error in (block, ours))
            quality.append((f"±{one['largest']:g}", str(2**point), *cells, f"{z:+.1f}"))
    lines = [
        "# dwave-pytorch-plugin's block sampler beside `BoltzmannSampler`\n",
        f"{report.where(record['machine'])}\n",
        "Samples a second of processor time, one thread each, Zephyr Z6, Gibbs sweeps at inverse temperature"
        f" 1, persistent chains, parameters changed before each call; {record['rounds']} interleaved rounds,"
        " ratios within a round, median (least to most). `DimodSampler` holds dwave-samplers' annealer as the"
        " plugin's example sets it, from random states.\n",
        table(heads, rows),
        "\n## Equal quality\n",
        f"Frequencies of the {2**16:,} states of 16 nodes after 60 sweeps, chi-square: p ="
        f" {record['exact']['block']:.2f} (block), {record['exact']['ours']:.2f} (ours).\n",
        "Mean energy of Z6 after sweeps from random states, and the difference in standard errors:\n",
        table(("couplings", "sweeps", "block", "ours", "z"), quality),
        "",
        *(
            f"Couplings ±{one['largest']:g}, after the last sweep: mean z^2 of the {one['means']:,} means of"
            f" spins and edges {one['mean_z2']:.3f}, 1 where they agree.\n"
            for one in record["relaxation"]
        ),
    ]
    return "\n".join(lines)


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option(
    "--chains", type=click.IntRange(2), default=200, show_default=True, help="Chains of Z6 compared."
)
@click.option(
    "--points", type=click.IntRange(1), default=6, show_default=True, help="Doublings of sweeps there."
)
@report.out_option
def main(rounds: int, chains: int, points: int, out: Path | None) -> None:
    """Compare the samplers.

    \b
    Example: python -m benchmarks.samplers.boltzmann --rounds 1 --chains 20 --points 3
    """
    if MISSING is not None:
        raise click.UsageError(MISSING)
    torch.set_num_threads(THREADS)
    target = report.folder(out, full=(rounds, chains, points) == (5, 200, 6))
    record: dict[str, Any] = {"machine": report.machine(), "rounds": rounds}
    with report.progress() as bar:
        task = bar.add_task("works", total=len(WORKS))
        record["speed"] = []
        for work in WORKS:
            record["speed"].append(speed(*work, rounds))
            bar.advance(task)
    record["exact"] = exact(200_000)
    record["relaxation"] = [relaxation(WARM, chains, points), relaxation(COLD, chains, points)]
    text = page(record)
    click.echo(text)
    if target is not None:
        report.write(target, "boltzmann", record, text)


if __name__ == "__main__":
    main()
