"""Time to solution at 99 %: how long until a state as good as the target has been seen, with that certainty.

    python -m benchmarks.samplers.time_to_solution          all families, about 20 minutes
    python -m benchmarks.samplers.time_to_solution --quick  small instances, under two minutes
    python -m benchmarks.samplers.time_to_solution --only lattice --instances 10

**Families**, several instances of each, all from fixed seeds: `dense` (n = 160, all pairs, normal couplings
of variance 1/n), `sk` (the same with n = 1,000), `lattice` (periodic 16^3, ±1), `p16` (Pegasus P16, ±1), and
two whose ground state is planted: `wishart` (n = 64, all pairs) and `loops` (periodic 12^3, integers).

**Target.** The planted energy; of the others the lowest that a long run of ising-ep finds (256 reads with 4
times the most sweeps of the grid, then 5 seconds of `minimize`), plus a tolerance as a share of it: none for
`dense`, 0.5 % for `sk` and `p16`, 0.8 % for `lattice`.

**Same schedule.** Each family has one shape of the inverse temperature (geometric 0.3 to 30 for the dense
ones, linear 0.1 to 3 for the others) for all samplers. Only the number of sweeps is tuned, over one grid, for
every sampler by itself and each family: the best is shown for each. openjij is used in its dense mode for the
dense families, which is its faster one there. PySA (github.com/nasa/PySA, where it is installed) tempers 16
replicas between the ends of the schedule; a sweep of it looks at a whole matrix, so it is given the two dense
families of few spins only.
`minimize` has no schedule and nothing tuned: it is called with the target.

**Time.** One thread, whole calls, models built before (`peers.py`). With success probability p of a read,

    TTS = t max(1, ln 0.01 / (R ln(1 - p)))

where t is the time of a call of R reads. Peers are counted generously, R = 1 with t their time per read in
calls of many. ising-ep makes many reads side by side, and a call of few is not cheaper for that: it is
counted by whole calls, and R is tuned with the sweeps. Of `minimize`, which ends when it has the target, t is
the slowest of all calls. Ratios are to the fastest of the peers.

**Uncertainty.** Median over instances; 95 % intervals by 1,000 bootstrap samples of instances, of successes
(binomial, with half a success added, so that none seen is not taken for none possible) and of the times of
the rounds. The tuning is done anew within each sample. The best of a grid is a little lucky for everybody.

Results go to `benchmarks/results/time_to_solution.json`, `.md` and `.png`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.support import peers, problems, report
from benchmarks.support.peers import Job
from benchmarks.support.problems import Problem
from ising_ep import minimize
from ising_ep.plots.looks import BLUE, ORANGE
from studies.markdown import number, table

SEED = 20263
CERTAINTY = 0.99
OURS, MINIMIZE, BASE = "ising-ep", "ising-ep minimize", "dwave-samplers"
# Seconds after which a call of `minimize` has failed.
LIMIT = 60.0
PYSA = ("PySA",)
BOOTSTRAPS = 1000
# The search for the best energy: reads, and sweeps in times of the most of the grid.
LONG_READS, LONG_SWEEPS, LONG_SECONDS = 256, 4, 5.0


@dataclass(frozen=True)
class Family:
    """Instances of one kind, and how they are annealed.

    Attributes:
        build: An instance from a generator.
        shape: ``np.geomspace`` or ``np.linspace``.
        betas: First and last inverse temperature.
        sweeps: The grid.
        our_reads: Reads of a call of ising-ep: the grid.
        tolerance: How far above the best energy the target is, as a share of it.
        openjij: Which of its modes.
        others: More peers.
    """

    title: str
    build: Callable[[np.random.Generator], Problem]
    shape: Callable[..., NDArray[np.float64]]
    betas: tuple[float, float]
    sweeps: tuple[int, ...]
    our_reads: tuple[int, ...]
    tolerance: float
    openjij: str = "openjij"
    others: tuple[str, ...] = ()

    @property
    def samplers(self) -> tuple[str, ...]:
        """Those compared, by a schedule."""
        return BASE, self.openjij, *self.others, OURS

    def schedule(self, sweeps: int) -> NDArray[np.float64]:
        """The inverse temperature of each sweep."""
        return self.shape(*self.betas, sweeps)


@dataclass
class Setting:
    """One sampler with so many sweeps (and reads a call) on one instance; 0 sweeps for `minimize`."""

    sampler: str
    sweeps: int
    call_reads: int  # R of the formula
    seconds: list[float] = field(default_factory=list)  # t of the formula, one a round
    energies: list[NDArray[np.float64]] = field(default_factory=list)

    def time(self, seconds: Any) -> Any:
        """The t of the formula of those of all rounds, the last axis."""
        return np.median(seconds, axis=-1) if self.sweeps else np.max(seconds, axis=-1)


def families(quick: bool) -> dict[str, Family]:
    """All families by name."""
    m, side, edge, n, spins = (3, 6, 6, 64, 200) if quick else (16, 16, 12, 160, 1000)
    # The dense ones need fewer sweeps than the sparse ones.
    long: dict[str, Any] = {"shape": np.linspace, "betas": (0.1, 3.0)}
    long.update(sweeps=(16, 64) if quick else (64, 256, 1024, 4096), our_reads=(16, 64, 512))
    short: dict[str, Any] = {"shape": np.geomspace, "betas": (0.3, 30.0), "openjij": "openjij dense"}
    short.update(sweeps=(16, 64) if quick else (32, 128, 512, 2048), our_reads=(1, 16, 64))
    wishart, loops = (
        partial(problems.planted_wishart, 64, 48),
        partial(problems.planted_loops, edge, 0.8),
    )
    return {
        "dense": Family(f"dense, n = {n}", partial(problems.dense, n), tolerance=0, others=PYSA, **short),
        "lattice": Family(f"{side}^3 lattice ±1", partial(problems.lattice, side), tolerance=0.008, **long),
        "p16": Family(f"Pegasus P{m} ±1", partial(problems.pegasus, m), tolerance=0.005, **long),
        "loops": Family(f"loops on {edge}^3, planted", loops, tolerance=0, **long),
        "wishart": Family("Wishart, n = 64, planted", wishart, tolerance=0, others=PYSA, **short),
        "sk": Family(f"SK, n = {spins:,}", partial(problems.dense, spins), tolerance=0.005, **short),
    }


def best_known(family: Family, problem: Problem) -> float:
    """The lowest energy: the planted one, or that of a long run of ising-ep on all cores."""
    if problem.ground is not None:
        return problem.ground
    betas = family.schedule(LONG_SWEEPS * max(family.sweeps))
    run = peers.ising_ep(Job(problem, betas, LONG_READS), report.cores())
    lowest = float(peers.energies_of(problem, run, run.call([SEED])).min())
    return min(lowest, minimize(problem.bqms[0], time_limit=LONG_SECONDS, seed=SEED).first.energy)


def measure(
    family: Family,
    problem: Problem,
    target: float,
    rounds: int,
    reads: int,
    rng: np.random.Generator,
    say: Any,
) -> list[Setting]:
    """Every sampler with every setting once a round, interleaved."""
    settings, runs = [], []
    for sweeps in family.sweeps:
        for sampler in family.samplers:
            if not peers.installed(sampler):
                continue
            ours = sampler == OURS
            for call_reads in family.our_reads if ours else (1,):
                job_reads = call_reads if ours else max(reads // rounds, 1)
                # As many reads of ours as of the peers at least, so that p is as well known.
                calls = max(reads // rounds // call_reads, 1) if ours else 1
                job = Job(problem, family.schedule(sweeps), job_reads, calls)
                settings.append(Setting(sampler, sweeps, call_reads))
                runs.append((peers.SAMPLERS[sampler][0](job, 1), calls, job_reads))
    minimized = Setting(MINIMIZE, 0, 1)
    for _ in range(rounds):
        for _ in range(max(reads // rounds, 1)):
            say("minimize")
            seed, start = int(rng.integers(2**30)), time.perf_counter()
            found = minimize(problem.bqms[0], target=target, time_limit=LIMIT, seed=seed, num_threads=1)
            minimized.seconds.append(time.perf_counter() - start)
            minimized.energies.append(np.array([found.first.energy]))
        for k in rng.permutation(len(runs)):
            (run, calls, job_reads), setting = runs[k], settings[k]
            say(f"{setting.sampler}, {setting.sweeps} sweeps")
            seeds = rng.integers(2**30, size=calls).tolist()
            start = time.perf_counter()
            answer = run.call(seeds)
            seconds = time.perf_counter() - start
            setting.energies.append(peers.energies_of(problem, run, answer).ravel())
            setting.seconds.append(seconds / (calls * job_reads) * setting.call_reads)
    return [*settings, minimized]


def measure_instance(
    family: Family, rounds: int, reads: int, rng: np.random.Generator, say: Any
) -> tuple[list[Setting], float]:
    """What `measure` finds on a new instance, and the energy of its target."""
    problem = family.build(rng)
    say("long run")
    best = best_known(family, problem)
    # A hair more than equal: sums of the same energy in another order.
    target = best + abs(best) * max(family.tolerance, 1e-9)
    return measure(family, problem, target, rounds, reads, rng, say), target


def time_to_solution(p: NDArray[np.float64], seconds: Any, reads: int) -> NDArray[np.float64]:
    """Seconds until the target is seen with certainty 0.99, in calls of so many reads."""
    with np.errstate(divide="ignore"):
        calls = np.log1p(-CERTAINTY) / (reads * np.log1p(-p))
    return seconds * np.maximum(calls, 1)


@dataclass(frozen=True)
class Outcome:
    """One sampler on one family, at its best setting."""

    sampler: str
    sweeps: int
    call_reads: int
    success: float
    seconds: float
    samples: NDArray[np.float64]  # bootstrap


def outcomes(
    instances: list[list[Setting]], targets: list[float], rng: np.random.Generator
) -> dict[str, Outcome]:
    """The best setting of each sampler, by the median over instances, and its bootstrap."""
    picks = rng.integers(len(instances), size=(BOOTSTRAPS, len(instances)))  # the same for all samplers
    grouped: dict[str, list[int]] = {}
    for k, setting in enumerate(instances[0]):
        grouped.setdefault(setting.sampler, []).append(k)
    result = {}
    for sampler, members in grouped.items():
        estimates, samples, shares = [], [], []
        for k in members:
            of_instance, resampled, share = [], [], []
            for settings, target in zip(instances, targets, strict=True):
                setting = settings[k]
                energies = np.concatenate(setting.energies)
                hits, reads = int((energies <= target).sum()), energies.size
                p = np.asarray(hits / reads)
                share.append(float(p))
                seconds = float(setting.time(setting.seconds))
                of_instance.append(float(time_to_solution(p, seconds, setting.call_reads)))
                smooth = (hits + 0.5) / (reads + 1)
                again = rng.binomial(reads, smooth, BOOTSTRAPS) / reads
                times = setting.time(rng.choice(setting.seconds, (BOOTSTRAPS, len(setting.seconds))))
                resampled.append(time_to_solution(again, times, setting.call_reads))
            estimates.append(float(np.median(of_instance)))
            shares.append(float(np.median(share)))
            samples.append(np.median(np.take_along_axis(np.stack(resampled, axis=1), picks, axis=1), axis=1))
        best = int(np.argmin(estimates))
        setting = instances[0][members[best]]
        result[sampler] = Outcome(
            sampler,
            setting.sweeps,
            setting.call_reads,
            shares[best],
            estimates[best],
            np.min(samples, axis=0),
        )
    return result


def interval(samples: NDArray[np.float64]) -> list[float]:
    """The middle 95 %; order statistics, so that infinity is allowed."""
    return np.quantile(samples, [0.025, 0.975], method="nearest").tolist()


def row_of(outcome: Outcome, base: Outcome | None) -> dict[str, Any]:
    """What the table says."""
    row: dict[str, Any] = {
        "sampler": outcome.sampler,
        "sweeps": outcome.sweeps,
        "call_reads": outcome.call_reads,
        "success": outcome.success,
        "seconds": outcome.seconds,
        "interval": interval(outcome.samples),
    }
    if base is not None and np.isfinite(base.seconds) and np.isfinite(outcome.seconds):
        row["ratio"] = base.seconds / outcome.seconds
        with np.errstate(invalid="ignore"):
            ratios = base.samples / outcome.samples
        row["ratio_interval"] = interval(ratios[~np.isnan(ratios)])
    return row


def markdown(results: dict[str, list[dict[str, Any]]], titles: dict[str, str]) -> str:
    """The table."""
    rows = []
    for name, some in results.items():
        for row in some:
            low, high = row["interval"]
            ratio = ""
            if "ratio" in row:
                ends = row["ratio_interval"]
                ratio = f"{number(row['ratio'])}x ({number(ends[0])} to {number(ends[1])})"
            rows.append(
                [
                    titles[name],
                    row["sampler"],
                    str(row["sweeps"] or "its own"),
                    str(row["call_reads"] if row["sweeps"] else "its own"),
                    number(row["success"]),
                    f"{number(1e3 * row['seconds'])} ({number(1e3 * low)} to {number(1e3 * high)})",
                    ratio,
                ]
            )
    header = [
        "family",
        "sampler",
        "sweeps",
        "reads a call",
        "success of a read",
        "ms (95 %)",
        "ratio (95 %)",
    ]
    return table(header, rows)


def draw(results: dict[str, list[dict[str, Any]]], titles: dict[str, str]) -> Figure:
    """Times and their intervals; marks and shades tell the samplers apart."""
    styles = {BASE: ("s", "#999999"), "openjij": ("^", "#ffffff"), "PySA": ("v", "#ffffff")}
    styles |= {OURS: ("o", BLUE), MINIMIZE: ("D", ORANGE)}
    figure = Figure(figsize=(7, 1.4 + 0.8 * len(results)), layout="constrained")
    axes, seen = figure.subplots(), set()
    for place, rows in enumerate(results.values()):
        for row in rows:
            kind = row["sampler"].removesuffix(" dense")
            marker, colour = styles[kind]
            height = place + 0.16 * (list(styles).index(kind) - 2)
            if not np.isfinite(row["seconds"]):
                edge = axes.get_yaxis_transform()
                axes.text(0.99, height, f"{kind}: never", transform=edge, ha="right", va="center", fontsize=8)
                continue
            value = 1e3 * row["seconds"]
            ends = np.array([[value - 1e3 * row["interval"][0]], [1e3 * row["interval"][1] - value]])
            axes.errorbar(
                value,
                height,
                xerr=np.where(np.isfinite(ends), ends, 0).clip(min=0),
                fmt=marker,
                color=colour,
                markeredgecolor="black",
                ecolor="black",
                capsize=3,
                label=kind if kind not in seen else None,
            )
            seen.add(kind)
    axes.set_xscale("log")
    axes.set_yticks(range(len(results)), [titles[name] for name in results])
    axes.invert_yaxis()
    axes.set_xlabel("time to solution at 99 %, ms (log scale), with its 95 % interval")
    axes.set_title("Time until the best known state is found")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside upper center", ncols=5, frameon=False)
    return figure


@click.command(epilog="Example: python -m benchmarks.samplers.time_to_solution --quick --only dense")
@click.option("--instances", type=click.IntRange(1), help="Of each family.  [default: 5, quick: 2]")
@click.option("--reads", type=click.IntRange(4), help="Of each setting, at least.  [default: 64, quick: 32]")
@click.option("--rounds", type=click.IntRange(1), default=4, show_default=True, help="Reads are split into.")
@click.option(
    "--only", multiple=True, type=click.Choice(tuple(families(True))), help="Families; all by default."
)
@click.option("--quick", is_flag=True, help="Small instances and short grids: numbers mean nothing.")
@report.out_option
def main(
    instances: int | None,
    reads: int | None,
    rounds: int,
    only: tuple[str, ...],
    quick: bool,
    out: Path | None,
) -> None:
    """Time to solution at 99 % against dwave-samplers, openjij and PySA."""
    report.one_thread()
    out = report.folder(out, full=not (quick or only))
    instances, reads = instances or (2 if quick else 5), reads or (32 if quick else 64)
    chosen = {name: family for name, family in families(quick).items() if not only or name in only}
    peers.tell_missing(BASE, "openjij", "PySA")
    results, targets_of = {}, {}
    with report.progress() as bar:
        task = bar.add_task("", total=len(chosen) * instances)
        for index, (name, family) in enumerate(chosen.items()):
            measured, targets = [], []
            for k in range(instances):

                def say(what: str, prefix: str = f"{name} {k + 1}") -> None:
                    bar.update(task, description=f"{prefix}: {what}")

                rng = np.random.default_rng([SEED, *name.encode(), k])
                settings, target = measure_instance(family, rounds, reads, rng, say)
                targets.append(target)
                measured.append(settings)
                bar.advance(task)
            found = outcomes(measured, targets, np.random.default_rng([SEED, index]))
            others = [outcome for outcome in found.values() if outcome.sampler not in (OURS, MINIMIZE)]
            base = min(others, key=lambda outcome: outcome.seconds, default=None)
            results[name] = [row_of(o, base if o is not base else None) for o in found.values()]
            targets_of[name] = targets
    titles = {name: family.title for name, family in chosen.items()}
    facts = report.machine()
    text = markdown(results, titles)
    text += (
        f"\n{report.where(facts)} Instances: {instances}; reads of a setting: {reads} or more; seed {SEED}.\n"
    )
    print(text)
    if out is not None:
        record = {
            **facts,
            "seed": SEED,
            "instances": instances,
            "reads": reads,
            "rounds": rounds,
            "quick": quick,
            "families": {
                name: {"title": titles[name], "targets": targets_of[name], "rows": rows}
                for name, rows in results.items()
            },
        }
        report.write(out, "time_to_solution", record, text, draw(results, titles))


if __name__ == "__main__":
    main()
