"""Convolutional layers annealed by shared weights, and pair by pair: microseconds of a read and sweep.

    python -m benchmarks.samplers.layers

The net has 16 filters of 5 x 5 in steps of 2 over images of 28 x 28, which act as fields on 12 x 12 x 16
spins; 32 filters of the same kind as couplings to 4 x 4 x 32 spins; and 40 outputs, to which all of these are
coupled: 2,856 spins, 225,280 couplings. 50 images, 60 sweeps, one thread. Weights are those that training
begins with, and ten times as large. Both ways take turns; the numbers are processor time, the least of all
rounds, as others may use the machine. What an update needs beside anneals is timed as well: couplings for
new weights, fields of the images, the contrast of two sets of states, and local fields of states.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np

from benchmarks.support import report
from ising_ep.machines.annealing import AnnealingMachine
from ising_ep.network import Bias, Convolution, Dense, Input, Network, Parameters, Reads, stack
from ising_ep.samplers.couplings import PreparedCouplings
from studies.markdown import table

IMAGES = 50
SWEEPS = 60


def network() -> Network:
    """The net."""
    image = Input((28, 28, 1))
    first, second, output = stack(first=(12, 12, 16), second=(4, 4, 32), output=(40,))
    return Network(
        (first, second, output),
        (
            Convolution("W0", image, first, (5, 5), (2, 2)),
            Bias("b0", first, shared=True),
            Convolution("W1", first, second, (5, 5), (2, 2)),
            Bias("b1", second, shared=True),
            Dense("W2", second, output),
            Bias("b2", output),
        ),
        num_classes=10,
    )


def seconds(call: Callable[[], object]) -> float:
    """Processor time of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def anneals(net: Network, scale: float, reads: int, rounds: int) -> list[float]:
    """Microseconds of a read and sweep, by shared weights and pair by pair."""
    parameters, x = problem(net, scale)
    couplings, fields = net.couplings(parameters), net.fields(parameters, x)
    machine = AnnealingMachine(num_reads=reads, num_sweeps=SWEEPS, num_threads=1)
    ids = np.arange(IMAGES, dtype=np.uint32)
    ways = (couplings, PreparedCouplings(*couplings))
    # The first call of each prepares its couplings.
    times = [
        [seconds(partial(machine.sample_states, way, fields, seed=1, problem_ids=ids)) for way in ways]
        for _ in range(rounds + 1)
    ]
    return [1e6 * float(least) / (IMAGES * reads * SWEEPS) for least in np.min(times[1:], axis=0)]


def problem(net: Network, scale: float) -> tuple[Parameters, np.ndarray]:
    """Parameters, and images of which a fifth of the pixels is not 0."""
    rng = np.random.default_rng(0)
    parameters = {name: np.float32(scale) * value for name, value in net.initial_parameters(rng).items()}
    return parameters, (rng.random((IMAGES, 784)) < 0.2).astype(np.float32)


def update(net: Network, rounds: int) -> dict[str, float]:
    """Milliseconds of what an update of 50 images x 4 reads needs beside anneals."""
    parameters, x = problem(net, 1.0)
    rng = np.random.default_rng(1)
    first, second = rng.choice(np.array([-1, 1], np.int8), (2, IMAGES, 4, net.num_spins))
    weights = rng.random(IMAGES).astype(np.float32)
    fields = net.fields(parameters, x)

    def new_weights() -> None:
        parameters["W1"][0, 0] += np.float32(1e-3)
        net.couplings(parameters).model(net.num_spins)  # type: ignore[attr-defined]

    model = net.couplings(parameters).model(net.num_spins)  # type: ignore[attr-defined]
    calls: dict[str, Callable[[], object]] = {
        "couplings for new weights": new_weights,
        "fields of the images": lambda: net.fields(parameters, x),
        "contrast": lambda: net.contrast(x, Reads(first), Reads(second)),
        "contrast of weighted images": lambda: net.contrast(x, Reads(first), Reads(second), weights),
        "local fields of all spins": lambda: model.fields(first, fields, num_threads=1),
    }
    return {name: 1e3 * min(seconds(call) for _ in range(rounds)) for name, call in calls.items()}


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@report.out_option
def main(rounds: int, out: Path | None) -> None:
    """Shared weights against pairs.

    \b
    Example: python -m benchmarks.samplers.layers --rounds 3
    """
    folder = report.folder(out, rounds >= 7)
    net, rows = network(), []
    for name, scale in (("initial", 1.0), ("ten times as large", 10.0)):
        for reads in (1, 2, 4, 10):
            shared, pairs = anneals(net, scale, reads, rounds)
            rows.append((name, str(reads), f"{shared:.2f}", f"{pairs:.2f}", f"{pairs / shared:.1f}x"))
            report.console.print(*rows[-1])
    text = "# Convolutional layers\n\nMicroseconds of a read and sweep, one thread.\n\n"
    text += table(("weights", "reads", "shared weights", "pair by pair", "gain"), rows)
    text += "\nMilliseconds of an update of 50 images and 4 reads, beside its anneals.\n\n"
    text += table(("what", "ms"), [(name, f"{ms:.2f}") for name, ms in update(net, rounds).items()])
    text += f"\n{report.where(report.machine())}\n"
    report.console.print(text)
    if folder is not None:
        report.write_page(folder, "layers", text)


if __name__ == "__main__":
    main()
