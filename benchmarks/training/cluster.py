"""Training on a Dask scheduler: images per second with 0, 1 and 2 workers, what they are made of, and a model
of what up to 1,000 workers would do.

    python -m benchmarks.training.cluster --data-dir DIR [--quick]

784-120-40 on MNIST, Adam, 4 reads x 30 sweeps, from the same parameters, whole updates (images sent, phases,
contrasts returned, summed, the step). Scheduler and workers, of one thread each, are processes on this
machine's loopback; *no scheduler* is the trainer by itself, with 1 and with 2 threads. The ways take turns;
medians over the rounds.

The parts are measured one by one: what a shard takes a worker, what a task costs by itself and by the bytes
it is sent and returns, what the trainer adds up and steps. With S shards in N tasks on W workers an update is
modelled as

    T = t_step + t_wait + ceil(N / W) ceil(S / N) t_shard
        + N (t_task + P / out) + S (X / out + R / in + t_sum),

where P, X and R are the bytes of the parameters, of a shard's images and of its contrast: the trainer's part
is linear in what it sends and gets, and nothing is taken to overlap. For a network between the machines its
bytes a second are the smaller of those measured here and of 10 Gbit/s.
"""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from distributed import Client, LocalCluster

from benchmarks.support import report
from benchmarks.support.timing import interleaved
from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import EquilibriumPropagation, Memory, Rule
from ising_ep.learning.shards import SHARD, total
from ising_ep.training import cluster
from ising_ep.training.state import TrainState
from studies.markdown import number, table

BATCHES = (50, 200, 1000)
WORKERS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
MODELLED = (200, 1000, 5000, 50_000)
NETWORK = 10e9 / 8


def config_of(batch_size: int) -> TrainConfig:
    return TrainConfig(
        dataset="mnist",
        batch_size=batch_size,
        num_reads=4,
        num_sweeps=30,
        beta_range=(0.3, 4),
        statistic="average",
        optimizer="adam",
        learning_rate=0.003,
        bias_learning_rate=0.003,
        decay="cosine",
        centre=True,
        nudge=4,
        reverse_fraction=0.5,
    )


def seconds_of(work: Callable[[], object], times: int) -> float:
    """Median of so many calls, after one that does not count."""
    return float(np.median(interleaved({"": lambda _: work()}, times)[""]))


def updates(rule: Rule, data: datasets.Dataset, batch_size: int, images: int) -> float:
    """Images per second of whole updates, after one that does not count."""
    state = TrainState(rule.network.initial_parameters(np.random.default_rng(0)))
    ends: list[float] = []
    count = batch_size * (1 + max(images // batch_size, 1))
    training.train_epoch(
        rule,
        state,
        data.x_train[:count],
        data.y_train[:count],
        batch_size=batch_size,
        first_id=0,
        on_batch=lambda _: ends.append(time.perf_counter()),
    )
    return batch_size * (len(ends) - 1) / (ends[-1] - ends[0])


def parts(rule: EquilibriumPropagation, data: datasets.Dataset, clients: list[Client], times: int) -> dict:
    """Seconds and bytes of everything that an update is made of; the last of the clients has most workers."""
    parameters = rule.network.initial_parameters(np.random.default_rng(0))
    x, target = data.x_train[:SHARD], rule.network.targets(data.y_train[:SHARD])
    shard = (parameters, x, target, np.arange(SHARD, dtype=np.uint32), None, 1000)
    answer = cluster._compare(rule, *shard)
    change = answer[0][0]
    memory: Memory = {}

    def add() -> None:
        total([dict(change), cluster._copied(change)])

    def step() -> None:
        rule.optimizer.step(rule.network, parameters, cluster._copied(change), memory)

    sizes = {"parameters": parameters, "images": shard[1:4], "answer": answer}
    wide = clients[-1]
    many = range(4 * times)
    large = np.zeros(4_000_000, dtype=np.uint8)

    def tasks(client: Client, *given: Any) -> float:
        """Seconds a task of many at once."""
        run = lambda: client.gather([client.submit(_answer, *given, pure=False) for _ in many])  # noqa: E731
        return seconds_of(run, 3) / len(many)

    def one(*given: Any) -> float:
        return seconds_of(lambda: wide.submit(_answer, *given, pure=False).result(), times)

    small = tasks(wide, large[:1], 1)
    alone = one(large[:1], 1)
    return {
        "bytes": {name: len(pickle.dumps(value)) for name, value in sizes.items()},
        "shard": seconds_of(lambda: cluster._compare(rule, *shard), times),
        "sum": seconds_of(add, times),
        "step": seconds_of(step, times),
        "pickle": {name: seconds_of(partial(pickle.dumps, value, 5), times) for name, value in sizes.items()},
        "task": small,
        "wait": max(alone - small, 0.0),
        "out": max(one(large, 1) - alone, 1e-9) / large.nbytes,
        "in": max(one(large[:1], large.nbytes) - alone, 1e-9) / large.nbytes,
    }


def _answer(_: Any, size: int) -> np.ndarray:
    return np.zeros(size, dtype=np.uint8)


def modelled(costs: dict, batch_size: int, workers: int, network: float = math.inf) -> float:
    """Images a second by the model of this module."""
    shards = -(-batch_size // SHARD)
    tasks = max(min(workers, shards), -(-shards // cluster.MOST_SHARDS))
    sent, received = (max(costs[way], 1 / network) for way in ("out", "in"))
    size = costs["bytes"]
    seconds = costs["step"] + costs["wait"]
    seconds += math.ceil(tasks / workers) * math.ceil(shards / tasks) * costs["shard"]
    seconds += tasks * (costs["task"] + size["parameters"] * sent)
    seconds += shards * (size["images"] * sent + size["answer"] * received + costs["sum"])
    return batch_size / seconds


def pages(speeds: dict[str, dict[int, float]], costs: dict) -> str:
    """The tables."""
    ways = list(speeds)
    rows = [[f"{b:,}", *(number(speeds[way][b]) for way in ways)] for b in BATCHES]
    measured = table(["batch", *ways], rows)
    model = [[f"{b:,}", *(number(modelled(costs, b, w)) for w in (1, 2))] for b in BATCHES]
    check = table(["batch", "1 worker, modelled", "2 workers, modelled"], model)
    size = costs["bytes"]
    each = [
        ["phases and contrast of a shard of 50 images, one thread", costs["shard"], ""],
        ["a task, by itself", costs["task"], ""],
        ["waiting for one task more than for one of many", costs["wait"], ""],
        ["parameters to a task", size["parameters"] * costs["out"], size["parameters"]],
        ["images, targets and ids of a shard", size["images"] * costs["out"], size["images"]],
        ["contrast and outputs of a shard", size["answer"] * costs["in"], size["answer"]],
        ["pickling parameters, within the above", costs["pickle"]["parameters"], size["parameters"]],
        ["pickling an answer, within the above", costs["pickle"]["answer"], size["answer"]],
        ["adding up a shard's contrast", costs["sum"], ""],
        ["the step", costs["step"], ""],
    ]
    made_of = table(
        ["an update is made of", "ms", "KB"],
        [[name, f"{1e3 * s:.2f}", f"{b / 1e3:,.0f}" if b else ""] for name, s, b in each],
    )
    beyond = [[f"{w:,}", *(number(modelled(costs, b, w, NETWORK)) for b in MODELLED)] for w in WORKERS]
    far = table(["workers", *(f"batch {b:,}" for b in MODELLED)], beyond)
    lines = []
    for b in MODELLED:
        at = {w: modelled(costs, b, w, NETWORK) for w in WORKERS}
        top = max(at.values())
        enough = min(w for w in WORKERS if at[w] >= 0.9 * top)
        lines.append(
            f"- batch {b:,}: {enough:,} workers reach nine tenths of the most, {top / at[1]:.1f}x one."
        )
    return "\n".join(
        [
            "Images a second, measured:\n",
            measured,
            "By the model, from the parts below:\n",
            check,
            made_of,
            "Images a second, modelled, 10 Gbit/s between machines (1 and 2 workers too):\n",
            far,
            *lines,
            "",
        ]
    )


@click.command()
@report.data_dir_option
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--quick", is_flag=True, help="A few updates of each, to see that it works.")
@report.out_option
def main(data_dir: Path, rounds: int, quick: bool, out: Path | None) -> None:
    """Cost of training on a Dask scheduler: measured to 2 workers, modelled to 1,000.

    \b
    Example: python -m benchmarks.training.cluster --data-dir ~/mnist --quick
    """
    folder = report.folder(out, not quick)
    data = datasets.load_mnist(data_dir, train_per_class=210 if quick else 1000)
    images, times, rounds = (400, 3, 1) if quick else (8000, 20, rounds)
    local = {"host": "127.0.0.1", "dashboard_address": None, "processes": True, "threads_per_worker": 1}
    with (
        LocalCluster(n_workers=1, **local) as one,
        LocalCluster(n_workers=2, **local) as two,
        Client(one.scheduler_address, set_as_default=False) as first,
        Client(two.scheduler_address, set_as_default=False) as second,
        report.progress() as bar,
    ):
        rule = training.learning_rule(config_of(1), data, num_threads=1)
        ways: dict[str, Rule] = {
            "no scheduler, 1 thread": rule,
            "no scheduler, 2 threads": training.learning_rule(config_of(1), data, num_threads=2),
            "1 worker": cluster.shared(rule, first),
            "2 workers": cluster.shared(rule, second),
        }
        job = bar.add_task("updates", total=rounds * len(ways) * len(BATCHES))
        found: dict[str, dict[int, list[float]]] = {way: {b: [] for b in BATCHES} for way in ways}
        for _ in range(rounds):
            for batch in BATCHES:
                for way, chosen in ways.items():
                    bar.update(job, description=f"{way}, batch {batch}")
                    found[way][batch].append(updates(chosen, data, batch, images))
                    bar.advance(job)
        bar.update(job, description="parts")
        costs = parts(rule, data, [first, second], times)
    speeds = {way: {b: float(np.median(s)) for b, s in by.items()} for way, by in found.items()}
    text = pages(speeds, costs)
    print(text)
    facts = report.machine()
    if folder is not None:
        record = {"machine": facts, "images_per_second": found, "parts": costs}
        report.write(
            folder, "cluster", record, f"# Training on a Dask scheduler\n\n{report.where(facts)}\n\n{text}"
        )


if __name__ == "__main__":
    main()
