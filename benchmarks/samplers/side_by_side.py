"""Annealers side by side: speed and energy on one schedule, interleaved in one process.

    python -m benchmarks.samplers.side_by_side                        all works, one thread and two; 8 minutes
    python -m benchmarks.samplers.side_by_side --quick                the same in small, to see that it runs
    python -m benchmarks.samplers.side_by_side --only sk --threads 1  works whose names begin with "sk"

**Works**, all from fixed seeds:

- `p16-...`: Pegasus P16, 5,640 spins, 40,484 couplings of ±1; `lattice-...`: the periodic cubic lattice 16^3
  with couplings of ±1. `...-integer-...`: as they are, 512 reads. `...-real-...`: each coupling times
  1 + 0.001 normal, which leaves the problem as hard but which a kernel of integers refuses, 64 reads.
  `...-geometric`: 256 sweeps over dwave-samplers' default range of inverse temperatures (that of the ±1
  problem, for both); `...-linear`: 256 sweeps from 0.1 to 3.
- `sk`: n = 1,000, all pairs, normal couplings of variance 1/n; 64 reads of 256 sweeps, geometric 0.3 to 30.
- `k120x40`: 200 problems on K(120, 40), couplings N(0, 0.3) shared, fields N(0, 1.5) clipped to 4, the size
  they have after some training; 10 reads of 100 sweeps each, geometric 0.5 to 20. ising-ep takes them as one
  batch of arrays, the peers one dimod model after the other.
- `small`: 20 spins, all pairs, one read of 100 sweeps, each call through dimod. One read has nothing to share
  between threads, so it is timed on one.

**What is the same for all.** All samplers get the very same problem and the same inverse temperature in every
sweep, except simulated-bifurcation (SK only), which has steps of its own and is compared by time a read and
mean energy. Peers run as many reads as keep the whole run short; ratios are of the time per read. A round
times every sampler once on one work, one right after the other, each in a new order. What is timed is the
whole call (checks, set-up, sampling, the sample set), with models built beforehand in the form each likes
(`peers.py`). Two threads are ising-ep's `num_threads`, torch's for simulated-bifurcation, and for
dwave-samplers a pool of two threads that share the reads or problems. openjij has no threads.

**What is shown.** Medians over the rounds; ratios are taken within each round, against dwave-samplers with as
many threads, and "two over one" likewise. Energies are computed anew by dimod from the states, and a sampler
that reports others stops the run. Mean energies are over all reads of all rounds, on one thread or two (which
change the time only), and their standard error is that with the problems given. Ours is called *no worse*
where its mean is lower than dwave-samplers', or not more than two standard errors of the difference above it:
by chance alone that fails one time in 44.

Results go to `benchmarks/results/samplers.json`, `.md` and `.png`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.support import peers, problems, report
from benchmarks.support.peers import Job
from studies.markdown import number, table

SEED = 20261
ANNEALERS = ("dwave-samplers", "openjij", "ising-ep")
OURS, BASE = "ising-ep", "dwave-samplers"


@dataclass(frozen=True)
class Work:
    """A row of the table: what ising-ep is given, and how many reads its peers get."""

    title: str
    job: Job
    peer_reads: int
    samplers: tuple[str, ...] = ANNEALERS
    unit: str = "read"
    most_threads: int = 256

    def of(self, sampler: str) -> Job:
        """The job of one sampler."""
        return self.job if sampler == OURS else replace(self.job, num_reads=self.peer_reads)


@dataclass
class Measured:
    """All rounds of one sampler with so many threads on one work."""

    steps: int
    seconds: list[float] = field(default_factory=list)  # a read (of each problem), one number a round
    energies: list[NDArray[np.float64]] = field(default_factory=list)  # (problems, reads)


def works(quick: bool) -> dict[str, Work]:
    """All works by name."""

    def generator(number: int) -> np.random.Generator:
        return np.random.default_rng([SEED, number])

    sweeps, few, many = (32, 16, 64) if quick else (256, 64, 512)
    peer_reads = 4 if quick else 32
    result = {}
    m, side, n = (4, 8, 200) if quick else (16, 16, 1000)
    sparse = {
        "p16": (f"Pegasus P{m} ±1", problems.pegasus(m, generator(0))),
        "lattice": (f"{side}^3 lattice ±1", problems.lattice(side, generator(1))),
    }
    for (name, (title, integer)), kind in product(sparse.items(), ("integer", "real")):
        problem = integer if kind == "integer" else integer.without_integers(generator(2))
        first, last = default_range(integer)
        schedules = {
            "geometric": np.geomspace(first, last, sweeps),
            "linear": np.linspace(0.1, 3, sweeps),
        }
        for shape, betas in schedules.items():
            job = Job(problem, betas, many if kind == "integer" else few)
            result[f"{name}-{kind}-{shape}"] = Work(f"{title}, {kind}, {shape}", job, peer_reads)
    sk = Job(problems.dense(n, generator(3)), np.geomspace(0.3, 30, sweeps), few)
    everybody = ("dwave-samplers", "openjij", "openjij dense", "simulated-bifurcation", "ising-ep")
    result["sk"] = Work(f"SK, n = {n:,}", sk, few, everybody)
    ep = problems.layered(20 if quick else 200, generator(4))
    result["k120x40"] = Work(
        "K(120,40), batch", Job(ep, np.geomspace(0.5, 20, 100), 10, batch=True), 10, unit="problem"
    )
    small = Job(problems.dense(20, generator(5)), np.geomspace(0.3, 30, 100), 1, calls=20 if quick else 200)
    result["small"] = Work("n = 20, one read", small, 1, unit="call", most_threads=1)
    return result


def default_range(problem: problems.Problem) -> list[float]:
    """The inverse temperatures of dwave-samplers' default, which ising-ep shares to the last bit."""
    from ising_ep import SimulatedAnnealingSampler

    return SimulatedAnnealingSampler().sample(problem.bqms[0], num_sweeps=1).info["beta_range"]


Key = tuple[str, int]  # sampler and threads


def measure(
    name: str, work: Work, rounds: int, threads: tuple[int, ...], advance: Any
) -> dict[Key, Measured]:
    """Every sampler once in each round, in a new order each time."""
    runs, measured = {}, {}
    for sampler, count in product(work.samplers, threads):
        build, _, threaded = peers.SAMPLERS[sampler]
        if not peers.installed(sampler) or count > (work.most_threads if threaded else 1):
            continue
        advance(f"{name}: {sampler} gets ready", 0)
        job = work.of(sampler)
        # What happens only once (imports, first use) is not timed.
        warm_up = build(replace(job, betas=job.betas[-2:]), count)
        seeds = range(len(job.problem.bqms) * job.calls)
        warm_up.call(seeds)
        runs[sampler, count] = build(job, count)
        measured[sampler, count] = Measured(runs[sampler, count].steps)
    rng = np.random.default_rng([SEED, *name.encode()])
    for _ in range(rounds):
        for k in rng.permutation(len(runs)):
            key = list(runs)[k]
            job, run = work.of(key[0]), runs[key]
            advance(f"{name}: {key[0]}, {key[1]} thread{'s' * (key[1] > 1)}", 0)
            seeds = rng.integers(2**30, size=len(job.problem.bqms) * job.calls).tolist()
            start = time.perf_counter()
            answer = run.call(seeds)
            seconds = time.perf_counter() - start
            measured[key].energies.append(peers.energies_of(job.problem, run, answer))
            measured[key].seconds.append(seconds / measured[key].energies[-1].size)
            advance(None, 1)
    return measured


def energies(measured: dict[Key, Measured], sampler: str) -> dict[str, float]:
    """Mean over problems and reads, its standard error with the problems given, mean of the lowest reads."""
    reads = np.concatenate(
        [e for (of, _), m in measured.items() if of == sampler for e in m.energies], axis=1
    )
    variance = reads.var(axis=1, ddof=1) / reads.shape[1]
    return {
        "mean_energy": float(reads.mean()),
        "mean_energy_error": float(np.sqrt(variance.sum()) / len(reads)),
        "best_energy": float(reads.min(axis=1).mean()),
    }


def summary(work: Work, measured: dict[Key, Measured]) -> dict[Key, dict[str, Any]]:
    """What the table says of each sampler."""

    def ratio(of: Key, to: Key) -> float | None:
        """How many times less time `of` takes than `to`."""
        if of not in measured or to not in measured:
            return None
        return float(np.median(np.divide(measured[to].seconds, measured[of].seconds)))

    result = {}
    base = energies(measured, BASE) if any(sampler == BASE for sampler, _ in measured) else None
    for (sampler, threads), m in measured.items():
        per_read = float(np.median(m.seconds))
        reads = work.of(sampler).num_reads
        row: dict[str, Any] = {
            "sampler": sampler,
            "threads": threads,
            "reads": reads,
            "steps": m.steps,
            "unit": work.unit,
            "unit_ms": 1e3 * per_read * (reads if work.unit == "problem" else 1),
            "updates_per_ns": m.steps * work.job.problem.num_spins / per_read / 1e9,
            **energies(measured, sampler),
            "ratio": ratio((sampler, threads), (BASE, threads)),
            "two_over_one": ratio((sampler, 2), (sampler, 1)) if threads == 2 else None,
            "seconds_per_read": m.seconds,
        }
        if sampler != BASE and base is not None:
            error = np.hypot(row["mean_energy_error"], base["mean_energy_error"])
            difference = row["mean_energy"] - base["mean_energy"]
            row["difference_in_errors"] = float(difference / max(error, 1e-12))
            row["no_worse"] = row["difference_in_errors"] <= 2
        result[sampler, threads] = row
    return result


def verdict(row: dict[str, Any]) -> str:
    """The energy beside that of dwave-samplers, in words."""
    if "no_worse" not in row:
        return ""
    return f"{'no worse' if row['no_worse'] else 'worse'} ({row['difference_in_errors']:+.1f} errors)"


def tables(results: dict[str, dict[Key, dict[str, Any]]], titles: dict[str, str]) -> str:
    """The short table of ising-ep against dwave-samplers, and the long one of everybody."""

    def times(value: float | None) -> str:
        return "" if value is None else f"{number(value)}x"

    short, long = [], []
    for name, rows in results.items():
        one, two = (rows.get((OURS, threads), {}) for threads in (1, 2))
        ratios = [times(one.get("ratio")), times(two.get("ratio")), times(two.get("two_over_one"))]
        short.append([titles[name], *ratios, verdict(one or two)])
        for row in rows.values():
            mean = f"{row['mean_energy']:.2f} ± {row['mean_energy_error']:.2f}"
            long.append(
                [
                    titles[name],
                    f"{row['sampler']}{', 2 threads' if row['threads'] == 2 else ''}",
                    f"{number(row['unit_ms'])} ms a {row['unit']}",
                    number(row["updates_per_ns"]),
                    mean,
                    f"{row['best_energy']:.2f}",
                    times(row["ratio"]),
                    times(row["two_over_one"]),
                    verdict(row),
                ]
            )
    columns = ["one thread", "two threads each", "two threads over one", "mean energy"]
    text = f"Times faster than dwave-samplers, {OURS}:\n\n" + table(["work", *columns], short)
    columns = ["sampler", "time", "spin updates/ns", "mean energy", "best energy", "ratio", "two over one"]
    text += "\nEverybody; ratios are to dwave-samplers with as many threads:\n\n"
    text += table(["work", *columns, "mean energy to dwave-samplers'"], long)
    return text


def draw(results: dict[str, dict[Key, dict[str, Any]]], titles: dict[str, str]) -> Figure:
    """Bars of the ratios, told apart by shade and hatching."""
    styles = {  # face, hatch; from light to dark
        ("openjij", 1): ("#e6e6e6", ""),
        ("openjij dense", 1): ("#e6e6e6", "...."),
        ("simulated-bifurcation", 1): ("#ffffff", "////"),
        (OURS, 1): ("#6f9fc8", ""),
        (OURS, 2): ("#14385c", ""),
    }
    bars = [
        (name, key, row["ratio"])
        for name, rows in results.items()
        for key in styles
        if (row := rows.get(key)) and row["ratio"] is not None
    ]
    figure = Figure(figsize=(9, 1.4 + 0.2 * len(bars) + 0.16 * len(results)), layout="constrained")
    axes = figure.subplots()
    place, last = 0.0, None
    ticks: dict[str, list[float]] = {}
    seen = set()
    for name, key, ratio in bars:
        place += 1.0 if name == last else 1.8
        last = name
        ticks.setdefault(name, []).append(place)
        face, hatch = styles[key]
        label = f"{key[0]}, {key[1]} thread{'s' * (key[1] > 1)}"
        axes.barh(
            place,
            ratio - 1,
            0.9,
            left=1,
            color=face,
            hatch=hatch,
            edgecolor="black",
            linewidth=0.6,
            label=label if key not in seen else None,
        )
        seen.add(key)
        right = ratio >= 1
        axes.annotate(
            f"{number(ratio)}x",
            (ratio, place),
            (4 if right else -4, 0),
            textcoords="offset points",
            ha="left" if right else "right",
            va="center",
            fontsize=8,
        )
    axes.axvline(1, color="black", linewidth=1, label="dwave-samplers")
    axes.set_xscale("log")
    ratios = [1, *(ratio for *_, ratio in bars)]
    axes.set_xlim(min(ratios) / 2, max(ratios) * 2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.set_yticks([np.mean(places) for places in ticks.values()], [titles[name] for name in ticks])
    axes.set_ylim(place + 1, 0.8)
    axes.set_title("Speed beside dwave-samplers at the same schedule")
    axes.set_xlabel("times faster than dwave-samplers with as many threads (log scale; 1 = dwave-samplers)")
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    return figure


@click.command(epilog="Example: python -m benchmarks.samplers.side_by_side --quick --only sk --threads 1")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of every work.  [default: 7, quick: 2]")
@click.option("--threads", type=click.Choice([1, 2]), multiple=True, default=(1, 2), show_default=True)
@click.option("--only", multiple=True, metavar="WORK", help="Works whose names begin so; may be repeated.")
@click.option("--quick", is_flag=True, help="Smaller problems and few sweeps: numbers mean nothing.")
@report.out_option
def main(
    rounds: int | None, threads: tuple[int, ...], only: tuple[str, ...], quick: bool, out: Path | None
) -> None:
    """Annealers side by side: speed and energy on one schedule."""
    report.one_thread()
    all_works = works(quick)
    chosen = {name: work for name, work in all_works.items() if not only or name.startswith(only)}
    for prefix in only:
        if not any(name.startswith(prefix) for name in chosen):
            raise click.BadParameter(f"{prefix!r} begins none of {', '.join(all_works)}", param_hint="--only")
    peers.tell_missing(*peers.SAMPLERS)
    if max(threads) > report.cores():
        report.console.print(f"{max(threads)} threads on {report.cores()} core: their times mean nothing")
    out = report.folder(out, full=not (quick or only))
    rounds = rounds or (2 if quick else 7)
    threads = tuple(sorted(set(threads)))

    results = {}
    with report.progress() as bar:
        task = bar.add_task("", total=None)
        done = 0
        for k, (name, work) in enumerate(chosen.items()):

            def advance(text: str | None, count: int) -> None:
                nonlocal done
                done += count
                bar.update(task, completed=done, description=text)

            measured = measure(name, work, rounds, threads, advance)
            results[name] = summary(work, measured)
            # Works have about as many runs each; the rest of them is guessed from those behind us.
            bar.update(task, total=done * len(chosen) // (k + 1))

    titles = {name: work.title for name, work in chosen.items()}
    facts = report.machine()
    text = tables(results, titles) + f"\n{report.where(facts)} Rounds: {rounds}; problems from seed {SEED}.\n"
    print(text)
    if out is not None:
        record = {
            **facts,
            "seed": SEED,
            "rounds": rounds,
            "quick": quick,
            "works": {
                name: {
                    "title": titles[name],
                    "betas": chosen[name].job.betas.tolist(),
                    "rows": list(rows.values()),
                }
                for name, rows in results.items()
            },
        }
        report.write(out, "samplers", record, text, draw(results, titles))


if __name__ == "__main__":
    main()
