"""The chip model beside a real QPU: energies, temperatures, broken chains.

    python -m benchmarks.chip.real_qpu --data LOGS --p16 PROBLEMS       an hour
    python -m benchmarks.chip.real_qpu --data LOGS --quick              a tenth of the problems

LOGS is a folder as `benchmarks/chip/logs.py` says, PROBLEMS one as `benchmarks/chip/whole_chip.py` says.
Nothing is fitted here: the model has its defaults, and an anneal the QPU's time, ranges and scale. Ends
with 1 where a goal is missed.

**Energies of the small problems.** The total variation distance between the QPU's 1,000 reads and 16,000 of
the model, over all energies that differ; its median over problems is to be 0.10 at most. The distance of
two sets of reads is not 0 if both are of one distribution: what it then is, that of 1,000 reads of the
model and its 16,000, stands beside it.

**Effective inverse temperature.** That at which the exact mean energy is the mean of the reads, of both. It
is to be within 15 % for 80 % of the problems whose 1,000 reads tell it to 5 %.

**Broken chains.** The mean over the runs of a longest chain, where there are ten of them, within a factor of
1.5. Where fewer than ten of them have their problem in the logs, all have a stand-in (`stand_ins.py`). Runs
differ much: beside the ratio stands its 95 % interval, by the bootstrap over runs.

**Whole chips.** The mean energy of 100 reads at each anneal time within 0.5 %, lower the longer the anneal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from benchmarks.support import report
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from ising_ep.plots.looks import BLACK, SERIES
from studies.markdown import table

from . import logs, stand_ins
from .logs import Programmed, SmallProblem
from .whole_chip import WHOLE, WholeChip, whole_chips

# Programming cycles of a problem, each with errors of its own, and reads of each.
CYCLES, READS = 32, 500
# Most sweeps of a microsecond, as fitted: chains are slower than whole chips of single qubits.
SWEEPS, WHOLE_SWEEPS = 50.0, 6000.0
# Runs with a longest chain that are enough for a mean.
ENOUGH = 10
# Sets of the bootstrap over runs.
DRAWN = 10_000
# Temperatures that 1,000 reads tell less well are not compared.
TOLD = 0.05
# The goals.
DISTANCE, WITHIN, SHARE, FACTOR, PERCENT = 0.10, 0.15, 0.80, 1.5, 0.5


@dataclass(frozen=True)
class Compared:
    """A small problem: the QPU's and the model's."""

    name: str
    longest: int
    distance: float
    by_chance: float
    beta: float
    inexact: float
    ratio: float
    broken: float
    model_broken: float


def compare(problem: SmallProblem, model: ChipModel) -> Compared:
    """Reads of the model beside those of the QPU."""
    placed = Programmed.of(problem.spins, problem.chains, model.chip, extended=problem.extended)
    rng = np.random.default_rng(0)
    states, broken = placed.logical(reads_of(model, placed, CYCLES, READS))
    energies = problem.spins.energies((states, list(problem.spins.variables)))
    ones = np.ones(len(energies))
    some = rng.choice(energies, logs.READS, replace=False)
    mean = float(problem.energies @ problem.counts / problem.counts.sum())
    beta = problem.beta(mean)
    return Compared(
        problem.name,
        problem.longest,
        logs.distance(problem.energies, problem.counts, energies, ones),
        logs.distance(some, np.ones(len(some)), energies, ones),
        beta * placed.scale,
        problem.inexact(beta),
        problem.beta(float(energies.mean())) / beta,
        problem.broken,
        broken,
    )


def sizes(errors: ChipErrors) -> tuple[float, float]:
    """Standard deviations of the errors of h and of J, lasting and new ones taken together."""
    return (
        float(np.hypot(errors.field_noise, errors.field_offset)),
        float(np.hypot(errors.coupling_noise, errors.coupling_offset)),
    )


def errors_anew(field: float, coupling: float) -> ChipErrors:
    """Errors of these sizes, all new with each programming: which of them stay is not known of a chip."""
    return ChipErrors(field_noise=field, coupling_noise=coupling, field_offset=0.0, coupling_offset=0.0)


def reads_of(model: ChipModel, placed: Programmed, cycles: int, reads: int) -> NDArray[np.int8]:
    """Reads (cycles x reads, qubits) of a problem, programmed so many times."""
    h, j = np.tile(placed.h, (cycles, 1)), np.tile(placed.j, (cycles, 1))
    call: dict[str, Any] = {"schedule": logs.ANNEAL, "num_reads": reads, "seed": 1}
    return model.sample(placed.qubits, placed.couplers, h, j, **call).reshape(-1, len(placed.qubits))


def breaks(
    folder: Path | None, model: ChipModel, compared: Sequence[Compared], tick: Tick
) -> list[dict[str, Any]]:
    """Mean fractions of broken chains by longest chain: of the QPU, and of the model.

    Over the runs whose problems are in the logs, where these are enough; else over all runs of the folder,
    with stand-ins; without a folder these are left out.
    """
    rows = [row for row in logs.runs(folder, model.chip) if row["longest_chain"] > 1] if folder else []
    often = Counter(int(row["longest_chain"]) for row in rows)
    found: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for one in compared:
        found[one.longest].append((one.broken, one.model_broken))
    known = {longest for longest, pairs in found.items() if len(pairs) >= ENOUGH}
    lacking = {longest for longest, count in often.items() if count >= ENOUGH} - known
    for longest in lacking:
        found[longest].clear()
    wanted = [row for row in rows if int(row["longest_chain"]) in lacking]
    for k, row in enumerate(tick(wanted, "broken chains")):
        longest = int(row["longest_chain"])
        problem = stand_ins.stand_in(row, np.random.default_rng(k))
        chains = stand_ins.embedding(problem, model.chip, longest, k)
        extended = row["start"] >= logs.EXTENDED
        placed = Programmed.of(problem, chains, model.chip, extended=extended)
        broken = placed.logical(reads_of(model, placed, 2, 50))[1]
        found[longest].append((row["chain_break_fraction"], broken))
    return [
        {
            "longest": longest,
            "runs": len(found[longest]),
            "known": longest in known,
            "chip": chip,
            "model": ours,
            "by_run": found[longest],
        }
        for longest in sorted(known | lacking)
        if longest > 1
        for chip, ours in [np.mean(found[longest], axis=0).tolist()]
    ]


def ratio_interval(by_run: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The 95 % interval of the ratio of means, model to chip: the bootstrap over runs."""
    pairs = np.array(by_run)
    drawn = np.random.default_rng(0).integers(len(pairs), size=(DRAWN, len(pairs)))
    chip, ours = pairs[drawn].mean(axis=1).T
    with np.errstate(divide="ignore", invalid="ignore"):  # none broken on the chip
        low, high = np.nanquantile(ours / chip, [0.025, 0.975])
    return float(low), float(high)


def whole(problem: WholeChip, model: ChipModel) -> list[dict[str, Any]]:
    """Mean energies of 100 reads at each anneal time: of the QPU, and of the model."""
    rows = []
    for time, seen in problem.energies.items():
        reads = model.sample(
            problem.qubits,
            problem.couplers,
            problem.h[np.newaxis],
            problem.j[np.newaxis],
            schedule=[(0.0, 0.0), (time, 1.0)],
            num_reads=100,
            seed=problem.name,
        )[0]
        energies = problem.of(reads)
        rows.append(
            {
                "instance": problem.name,
                "us": time,
                "chip": float(seen.mean()),
                "model": float(energies.mean()),
                "inexact": float(np.hypot(seen.std() / len(seen) ** 0.5, energies.std() / 10)),
            }
        )
    return rows


@dataclass(frozen=True)
class Line:
    """A line of the table: what was measured, what is wanted, and whether it was met."""

    what: str
    measured: str
    goal: str
    met: bool


def of_small(compared: Sequence[Compared]) -> list[Line]:
    """Distances and temperatures."""
    far = np.median([one.distance for one in compared])
    chance = np.median([one.by_chance for one in compared])
    told = [one.ratio for one in compared if one.inexact <= TOLD]
    within = np.mean([abs(np.log(ratio)) <= np.log(1 + WITHIN) for ratio in told])
    return [
        Line(
            f"distance of energies, median of {len(compared)} problems",
            f"{far:.3f} (by chance alone {chance:.3f})",
            f"<= {DISTANCE:.2f}",
            bool(far <= DISTANCE),
        ),
        Line(
            f"inverse temperature within {WITHIN:.0%}, of {len(told)} problems that tell it",
            f"{within:.0%} (median ratio {np.median(told):.2f})",
            f"{SHARE:.0%}",
            bool(within >= SHARE),
        ),
    ]


def of_breaks(rows: Sequence[dict[str, Any]]) -> list[Line]:
    """Broken chains; none broken of either is met."""
    lines = []
    for row in rows:
        ratio = row["model"] / row["chip"] if row["chip"] else (np.inf if row["model"] else 1.0)
        low, high = ratio_interval(row["by_run"])
        lines.append(
            Line(
                f"chains broken, longest {row['longest']}, {row['runs']} "
                + ("runs" if row["known"] else "stand-ins"),
                f"{row['model']:.2e} beside {row['chip']:.2e}, {ratio:.2f}x ({low:.2f} to {high:.2f})",
                f"within {FACTOR}x",
                bool(1 / FACTOR <= ratio <= FACTOR),
            )
        )
    return lines


def of_whole(rows: Sequence[dict[str, Any]]) -> list[Line]:
    """Whole chips, at each time; and whether longer anneals end lower, as the QPU's do."""
    lines, times = [], sorted({row["us"] for row in rows})
    for time in times:
        off = [100 * (row["model"] - row["chip"]) / abs(row["chip"]) for row in rows if row["us"] == time]
        lines.append(
            Line(
                f"mean energy of {len(off)} whole chips, {time:g} us",
                f"{np.mean(off):+.2f} % ({min(off):+.2f} to {max(off):+.2f})",
                f"within {PERCENT} %",
                bool(max(map(abs, off)) <= PERCENT),
            )
        )
    by_instance: dict[int, list[float]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["us"]):
        by_instance[row["instance"]].append(row["model"])
    right = sum(bool((np.diff(means) < 0).all()) for means in by_instance.values())
    lines.append(
        Line("longer anneals end lower", f"{right} of {len(by_instance)}", "all", right == len(by_instance))
    )
    return lines


def draw(compared: Sequence[Compared], wholes: Sequence[dict[str, Any]]) -> Figure:
    """Temperatures of small problems, and energies of whole chips against anneal time."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    told = [one for one in compared if one.inexact <= TOLD]
    lengths = sorted({one.longest for one in told})
    for length, look in zip(lengths, SERIES, strict=False):
        of = [one for one in told if one.longest == length]
        points = {**look, "linestyle": "none", "markersize": 5, "alpha": 0.7}
        label = "no chains" if length == 1 else f"longest chain {length}"
        left.plot([o.beta for o in of], [o.beta * o.ratio for o in of], **points, label=label)
    ends = [0.9 * min(o.beta for o in told), 1.1 * max(o.beta for o in told)]
    left.plot(ends, ends, "-", color=BLACK, lw=0.8, label="as cold")
    low, high = ([end * factor for end in ends] for factor in (1 / (1 + WITHIN), 1 + WITHIN))
    left.fill_between(ends, low, high, color="0.85", lw=0, label=f"within {WITHIN:.0%}")
    ticks = [2, 3, 4, 6, 8, 12]
    left.set(xscale="log", yscale="log", xlabel="inverse temperature of the QPU's reads (1/J)")
    left.set(ylabel="of the model's", title="Small problems")
    for axis in (left.xaxis, left.yaxis):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter("{x:g}")
    left.legend(fontsize=8)
    for who, name, look in zip(("chip", "model"), ("QPU", "model"), SERIES, strict=False):
        times = sorted({row["us"] for row in wholes})
        means = [np.mean([row[who] for row in wholes if row["us"] == t]) for t in times]
        right.plot(times, means, **look, label=name)
    right.set(xscale="log", xlabel="anneal time (us)", ylabel="mean energy of reads")
    right.set_title(f"{len({row['instance'] for row in wholes})} problems of a whole Pegasus chip")
    right.legend()
    return figure


# Goes through items, and tells of it.
Tick = Callable[[Sequence[Any], str], Any]


def told_of(bar: Any, items: Sequence[Any], what: str) -> Any:
    """Items one by one, with a bar."""
    return bar.track(items, description=what)


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option("--p16", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Whole chips.")
@click.option("--quick", is_flag=True, help="A tenth of the problems, no stand-ins.")
@click.option(
    "--stand-ins/--no-stand-ins", "with_stand_ins", default=True, help="Problems like those not there."
)
@report.out_option
def main(data: Path, p16: Path | None, quick: bool, with_stand_ins: bool, out: Path | None) -> None:
    """The chip model beside a real QPU.

    \b
    Example: python -m benchmarks.chip.real_qpu --data qpu_logs --quick
    """
    step = 10 if quick else 1
    chip = logs.solver(data)
    problems = list(logs.small_problems(data, chip))
    chips = [] if p16 is None else whole_chips(p16)[:: 5 if quick else 1]
    folder = report.folder(out, not quick)
    errors = errors_anew(*sizes(ChipErrors()))
    model = ChipModel(chip, sweeps_per_us=SWEEPS, errors=errors)
    with report.progress() as bar:
        tick = partial(told_of, bar)
        compared = [compare(problem, model) for problem in tick(problems[::step], "small problems")]
        broken = [] if quick else breaks(data if with_stand_ins else None, model, compared, tick)
        on_whole = ChipModel(WHOLE, scales=model.scales, sweeps_per_us=WHOLE_SWEEPS, errors=errors)
        wholes = [row for problem in tick(chips, "whole chips") for row in whole(problem, on_whole)]
    lines = of_small(compared) + of_breaks(broken) + (of_whole(wholes) if wholes else [])
    facts = report.machine()
    text = f"{report.where(facts)} {SWEEPS:g} sweeps a microsecond at most, {WHOLE_SWEEPS:g} of whole chips,"
    text += f" energy scales {model.scales.name}.\n\n"
    cells = [[line.what, line.measured, line.goal, "met" if line.met else "missed"] for line in lines]
    text += table(["what", "measured", "goal", ""], cells)
    report.console.print(text)
    if folder is not None:
        record = {
            "machine": facts,
            "small": [vars(one) for one in compared],
            "breaks": broken,
            "whole": wholes,
        }
        figure = draw(compared, wholes) if wholes else None
        report.write(folder, "real_qpu", record, text, figure)
    if not all(line.met for line in lines):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
