"""Training 784-120-40 on MNIST/100: images per second, three ways, interleaved in one process.

    python -m benchmarks.learning.speed --data-dir DIR [--threads 2] [--rounds 5]

- *as published*: the loop of the paper's code (github.com/jlaydevant/Ising-Machine-EqProp, MLP/QA-SA),
  written anew with all that it does for an image: for both phases, also where the second is then
  skipped, a dict of 4,800 couplings filled and clipped one by one and a dimod BQM from it; an annealer
  that fits its temperatures to the problem; the first read of each phase; whole matrices updated.
  Annealed by dwave-samplers, its own sampler's successor, 10 reads x 100 sweeps.
- *dwave-samplers used well*: the same learning, BQMs from numpy vectors, the temperatures given.
- *ising-ep*: this package, with the same settings and temperatures as the second.

All start from the same parameters and see the same images; each round times each of them once, and the
medians over the rounds are compared. The weights are those after `--epochs` epochs of training: at the
start nearly every image needs its nudge phase, later few do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler

from benchmarks.support import report
from benchmarks.support.timing import interleaved
from ising_ep import datasets, schedule, training
from ising_ep.config import TrainConfig
from ising_ep.learning import EquilibriumPropagation
from ising_ep.network import Parameters
from studies.markdown import table

HIDDEN, OUTPUT, NUDGE, LIMIT = 120, 40, 5.0, 4.0


def as_published(parameters: Parameters, images, targets, config: TrainConfig) -> None:
    """Dicts, two BQMs an image, temperatures fitted to each."""
    sampler = DWaveSampler()
    p = {name: value.copy() for name, value in parameters.items()}

    def model(x, output_fields) -> dimod.BinaryQuadraticModel:
        inputs = x @ p["W0"]
        h = {i: float((bias + inputs[i]).clip(-LIMIT, LIMIT)) for i, bias in enumerate(p["b0"])}
        h.update({HIDDEN + i: float(field.clip(-LIMIT, LIMIT)) for i, field in enumerate(output_fields)})
        couplings = {}
        for i in range(HIDDEN):
            for k in range(OUTPUT):
                couplings[(i, HIDDEN + k)] = p["W1"][i][k].clip(-1, 1)
        return dimod.BinaryQuadraticModel.from_ising(h, couplings, 0)

    for x, target in zip(images, targets, strict=True):
        reads = sampler.sample(model(x, p["b1"]), num_reads=config.num_reads, num_sweeps=config.num_sweeps)
        nudge_model = model(x, p["b1"] - NUDGE * target)
        free = nudged = reads.record.sample[0].astype(np.float32)
        if not np.array_equal(free[HIDDEN:], target):
            hot, cold = reads.info["beta_range"]
            nudged_reads = sampler.sample(
                nudge_model,
                num_reads=config.num_reads,
                beta_schedule_type="custom",
                beta_schedule=schedule.reverse(config.num_sweeps, (hot, cold), config.reverse_fraction),
                initial_states=reads.first.sample,
                initial_states_generator="random",
            )
            nudged = nudged_reads.record.sample[0].astype(np.float32)
        numpy_update(p, x, free, nudged, config)


def used_well(parameters: Parameters, images, targets, config: TrainConfig) -> None:
    """The same with numpy vectors and given temperatures."""
    sampler = DWaveSampler()
    p = {name: value.copy() for name, value in parameters.items()}
    rows, cols = np.repeat(np.arange(HIDDEN), OUTPUT), np.tile(np.arange(HIDDEN, HIDDEN + OUTPUT), HIDDEN)
    reverse = schedule.reverse(config.num_sweeps, config.beta_range, config.reverse_fraction)
    for x, target in zip(images, targets, strict=True):
        fields = np.concatenate([p["b0"] + x @ p["W0"], p["b1"]])
        couplings = p["W1"].ravel()

        def sample(fields, couplings=couplings, **settings):
            bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(
                np.clip(fields, -LIMIT, LIMIT), (rows, cols, couplings), 0.0, dimod.SPIN
            )
            record = sampler.sample(bqm, num_reads=config.num_reads, **settings).record
            return record.sample[record.energy.argmin()]

        free = sample(fields, num_sweeps=config.num_sweeps, beta_range=config.beta_range)
        nudged = free
        if not np.array_equal(free[HIDDEN:], target):
            fields[HIDDEN:] -= NUDGE * target
            initial = np.tile(free, (config.num_reads, 1))
            nudged = sample(
                fields, beta_schedule_type="custom", beta_schedule=reverse, initial_states=initial
            )
        numpy_update(p, x, free.astype(np.float32), nudged.astype(np.float32), config)


def numpy_update(p: Parameters, x, free, nudged, config: TrainConfig) -> None:
    """The update as the paper's code does it: whole matrices, clipped."""
    rate, bias_rate = config.learning_rate / NUDGE, config.bias_learning_rate / NUDGE
    h0, o0, h1, o1 = free[:HIDDEN], free[HIDDEN:], nudged[:HIDDEN], nudged[HIDDEN:]
    p["W1"] = (p["W1"] - rate * (np.outer(h1, o1) - np.outer(h0, o0))).clip(-1, 1)
    p["W0"] = (p["W0"] - rate * np.outer(x, h1 - h0)).clip(-1, 1)
    p["b1"] = (p["b1"] - bias_rate * (o1 - o0)).clip(-1, 1)
    p["b0"] = (p["b0"] - bias_rate * (h1 - h0)).clip(-1, 1)


def ours(rule: EquilibriumPropagation, parameters: Parameters, images, targets, _: TrainConfig) -> None:
    """Batches of one image, as `training.train` does them."""
    p = {name: value.copy() for name, value in parameters.items()}
    for k in range(len(images)):
        x, target, ids = images[k : k + 1], targets[k : k + 1], np.array([k], dtype=np.uint32)
        fields = rule.network.fields(p, x)
        free = rule.free_phase(p, fields, ids)
        gradient = rule.gradient(x, free, rule.nudge_phase(p, fields, target, free, ids))
        rule.optimizer.step(rule.network, p, gradient)


def once(call: Callable[[], None], _: int) -> None:
    """The same in every round."""
    call()


@click.command()
@report.data_dir_option
@click.option("--threads", type=int, default=2, show_default=True, help="Threads of ising-ep.")
@click.option("--rounds", type=int, default=5, show_default=True)
@click.option("--epochs", type=int, multiple=True, default=(0, 10), show_default=True)
def main(data_dir: Path, threads: int, rounds: int, epochs: tuple[int, ...]) -> None:
    """Prints a table of images per second and their ratios."""
    mnist = datasets.load_mnist(data_dir, train_per_class=100, test_per_class=10)
    settings: dict[str, Any] = {
        "dataset": "mnist",
        "train_per_class": 100,
        "test_per_class": 10,
        "layers": (HIDDEN, OUTPUT),
    }
    rows = []
    for count in epochs:
        config = TrainConfig(**settings, epochs=max(count, 1), nudge=NUDGE, field_limit=LIMIT)
        rule = training.learning_rule(config, mnist, threads)
        rng = np.random.default_rng(0)
        parameters = rule.network.initial_parameters(rng)
        if count:
            parameters = training.train(config, mnist, num_threads=threads).parameters
        order = rng.permutation(len(mnist.x_train))
        x, target = mnist.x_train[order], rule.network.targets(mnist.y_train[order])
        ways: dict[str, tuple[int, Callable[..., None]]] = {
            "published": (20, as_published),
            "well": (60, used_well),
            "ours": (1000, partial(ours, rule)),
        }
        calls = {
            name: partial(once, partial(way, parameters, x[:n], target[:n], config))
            for name, (n, way) in ways.items()
        }
        times = interleaved(calls, rounds, warm_up=False)
        *peers, mine = (float(n / np.median(times[name])) for name, (n, _) in ways.items())
        speeds = (f"{speed:.3g}/s" for speed in (*peers, mine))
        ratios = ", ".join(f"{mine / speed:.3g}x" for speed in peers)
        rows.append((f"{count} epochs", *speeds, ratios))
    header = ("trained for", "as published", "dwave-samplers used well", "ising-ep", "ratios")
    click.echo(table(header, rows))


if __name__ == "__main__":
    main()
