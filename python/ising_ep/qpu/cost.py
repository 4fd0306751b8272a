"""Estimates what a training run will cost on a QPU.

With c copies of the network on the chip, images are annealed c a call, batch by batch. n images in batches
of b take

    calls(n, b, c) = floor(n / b) ceil(b / c) + ceil((n mod b) / c)

calls, so that E epochs of n training and m test images take

    free     E calls(n, b, c)
    nudge    from 0 to as many: only images whose free phase came out wrong are nudged; if symmetric, twice
    test     E calls(m, training.EVALUATION_BATCH, c), after each epoch

Each call programs all copies, also those left idle. Its QPU access time is what the client's own estimator
says, corrected where runs of the solver were measured, in a range (`chip.timing`). The calls of a batch and
phase are in flight together, so that with R batches and phases, one after the other,

    wall time = QPU access time + R round trips
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np

from ..chip import Chip
from ..chip.anneals import check_anneal
from ..chip.timing import AccessTime, access_range
from ..config import TrainConfig
from ..embedding import Embedding
from ..machines.annealer import Schedule, schedules
from ..network import Network
from ..training.evaluation import EVALUATION_BATCH, evaluation_batch

# Seconds from a call to its answer less the QPU's own time: network and queues. An assumption, since it goes
# with the way to the service and its load, for which D-Wave names no figure ("Operation and Timing" in its
# documentation): measure it, and say so.
ROUND_TRIP = 0.1
# A change halves the cost if it leaves this part of it at most: half the reads leave a little more than half,
# because programming takes as long.
HALF = 0.55
# Part of the test images that is tried instead of all.
FEWER_TESTS = 10


@dataclass(frozen=True)
class Phase:
    """All calls of one kind in a run.

    Attributes:
        calls: How many at most.
        round_trips: Batches that are waited for, at most.
        call: QPU access time of one call.
    """

    calls: int
    round_trips: int
    call: AccessTime

    @property
    def call_seconds(self) -> float:
        """QPU access time of one call, as expected."""
        return self.call.middle

    @property
    def qpu_time(self) -> AccessTime:
        """QPU access time of all calls, at most."""
        return self.calls * self.call

    @property
    def qpu_seconds(self) -> float:
        """QPU access time of all calls, at most, as expected."""
        return self.qpu_time.middle


@dataclass(frozen=True)
class Estimate:
    """The cost of a run. Whatever is not said to be the least is an upper bound, every image being nudged.

    Attributes:
        free, nudge, test: Its phases.
        round_trip: Seconds taken to pass between a call and its answer besides the QPU access time.

    Example:
        >>> forward, reverse = AccessTime(0.019, 0.02, 0.021), AccessTime(0.02, 0.022, 0.023)
        >>> print(Estimate(Phase(500, 500, forward), Phase(500, 500, reverse), Phase(50, 5, forward), 0.1))
        QPU access time up to 22.0 s (20.4 to 23.1) in up to 1,050 calls, about 2.0 min of wall time
    """

    free: Phase
    nudge: Phase
    test: Phase
    round_trip: float

    @property
    def calls(self) -> int:
        """Problems sent to the QPU."""
        return self.least_calls + self.nudge.calls

    @property
    def least_calls(self) -> int:
        """Problems sent if the network got every image right."""
        return self.free.calls + self.test.calls

    @property
    def qpu_time(self) -> AccessTime:
        """QPU access time: what is paid for."""
        return self.free.qpu_time + self.nudge.qpu_time + self.test.qpu_time

    @property
    def qpu_seconds(self) -> float:
        """QPU access time, as expected."""
        return self.qpu_time.middle

    @property
    def least_qpu_seconds(self) -> float:
        """QPU access time if the network got every image right."""
        return self.free.qpu_seconds + self.test.qpu_seconds

    @property
    def wall_seconds(self) -> float:
        """QPU access time and round trips, without this computer's own work."""
        trips = self.free.round_trips + self.nudge.round_trips + self.test.round_trips
        return self.qpu_seconds + self.round_trip * trips

    def __str__(self) -> str:
        return (
            f"QPU access time up to {duration_range(self.qpu_time)} in up to {self.calls:,} calls,"
            f" about {duration(self.wall_seconds)} of wall time"
        )


def estimate(
    config: TrainConfig,
    network: Network,
    num_train: int,
    num_test: int,
    chip: Chip,
    embedding: Embedding,
    *,
    round_trip: float = ROUND_TRIP,
) -> Estimate:
    """The cost of a run from its first epoch to its last; those of means cost nothing.

    Args:
        config: Its settings.
        network: What is trained.
        num_train: Training images.
        num_test: Test images.
        chip: The chip, with its solver's properties.
        embedding: All copies of the network on it.
        round_trip: Seconds from a call to its answer besides the QPU access time.

    Raises:
        ValueError: If the embedding is none of the network on the chip, the chip refuses the anneals, or its
            solver does not say how long they take.

    Example:
        >>> from ising_ep.embedding import embed
        >>> from ising_ep.network import FullyConnected
        >>> config = TrainConfig.checked({"machine": "chip", "layers": (8, 4), "epochs": 10, "batch_size": 4})
        >>> network, chip = FullyConnected(64, (8, 4), 4), Chip.perfect("pegasus", 4)
        >>> tiled = embed(network, chip, copies=4, cache=False)
        >>> print(estimate(config, network, 100, 20, chip, tiled))
        QPU access time up to 9.2 s (7.9 to 10.5) in up to 550 calls, about 1.0 min of wall time
    """
    embedding = embedding.verify(network, chip)
    forward, reverse = (
        _call_time(config.num_reads, schedule, chip, embedding)
        for schedule in schedules(config.annealing_time, config.reverse_fraction)
    )
    copies, epochs = embedding.num_copies, config.epochs_on_machine
    calls = epochs * num_calls(num_train, config.batch_size, copies)
    batches = epochs * -(-num_train // config.batch_size)
    nudges = 2 if config.symmetric else 1
    return Estimate(
        free=Phase(calls, batches, forward),
        nudge=Phase(nudges * calls, nudges * batches, reverse),
        test=Phase(
            epochs * num_calls(num_test, EVALUATION_BATCH, copies),
            epochs * -(-num_test // EVALUATION_BATCH),
            forward,
        ),
        round_trip=round_trip,
    )


def evaluation(config: TrainConfig, num_images: int, chip: Chip, embedding: Embedding) -> Phase:
    """The free phase of so many images, in calls that are full but for the last; see `estimate`."""
    forward, _ = schedules(config.annealing_time, config.reverse_fraction)
    batch = evaluation_batch(embedding.num_copies)
    return Phase(
        num_calls(num_images, batch, embedding.num_copies),
        -(-num_images // batch),
        _call_time(config.num_reads, forward, chip, embedding),
    )


def num_calls(images: int, batch_size: int, copies: int) -> int:
    """Calls of one phase of all images: calls(n, b, c) above.

    Example:
        >>> num_calls(10, batch_size=4, copies=3)  # batches of 4, 4 and 2
        5
    """
    batches, rest = divmod(images, batch_size)
    return batches * -(-batch_size // copies) + -(-rest // copies)


def untiled(
    config: TrainConfig,
    network: Network,
    num_train: int,
    num_test: int,
    chip: Chip,
    embedding: Embedding,
    *,
    round_trip: float = ROUND_TRIP,
) -> Estimate:
    """The same run as the paper did it, one image a batch and a call; see `estimate`."""
    one = Embedding(embedding.chains[:1], embedding.graph_id)
    config = config.model_copy(update={"batch_size": 1})
    return estimate(config, network, num_train, num_test, chip, one, round_trip=round_trip)


@dataclass(frozen=True)
class Change:
    """Another setting, as options of the command, what it means, and the cost with it."""

    options: str
    meaning: str
    estimate: Estimate


@dataclass(frozen=True)
class Run:
    """Run whose cost is estimated: the arguments of `estimate`."""

    config: TrainConfig
    network: Network
    num_train: int
    num_test: int
    chip: Chip
    embedding: Embedding

    def estimate(self, round_trip: float = ROUND_TRIP) -> Estimate:
        """Its cost; see `estimate`."""
        return estimate(**vars(self), round_trip=round_trip)

    def with_settings(self, settings: dict[str, Any], **others: Any) -> Run:
        """The same run with other settings, and other fields.

        Raises:
            ValueError: If a setting is out of range.
        """
        config = TrainConfig.checked(self.config.model_dump() | settings)
        return replace(self, config=config, **others)


def halving_changes(
    run: Run, fitting: Embedding, num_classes: int, *, round_trip: float = ROUND_TRIP
) -> list[Change]:
    """Single changes of a run that leave about half its QPU access time or less, the cheapest run first.

    Args:
        run: The run as it is asked for.
        fitting: As many copies as were found to fit, or its embedding where there are no more.
        num_classes: Classes of the images.
        round_trip: As in `estimate`.

    Example:
        >>> from ising_ep.embedding import embed
        >>> from ising_ep.network import FullyConnected
        >>> config = TrainConfig.checked({"machine": "chip", "layers": (8, 4), "epochs": 10})
        >>> network, chip = FullyConnected(64, (8, 4), 4), Chip.perfect("pegasus", 4)
        >>> four = embed(network, chip, copies=4, cache=False)
        >>> one = Embedding(four.chains[:1], four.graph_id)
        >>> for change in halving_changes(Run(config, network, 100, 20, chip, one), four, 4):
        ...     print(f"{change.options}: {change.estimate.calls} calls, {change.estimate.qpu_seconds:.1f} s")
        --batch-size 4: 550 calls, 9.2 s
        --epochs 5: 1100 calls, 18.0 s
    """
    config, num_test = run.config, run.num_test
    reads, time = config.num_reads // 2, config.annealing_time / 2
    tests = num_test // num_classes // FEWER_TESTS
    tiled = max(config.batch_size, min(fitting.num_copies, run.num_train))
    tiles = [] if tiled == config.batch_size else [f"--batch-size {tiled}"]
    if config.copies is not None and config.copies != fitting.num_copies:
        tiles.append(f"--copies {fitting.num_copies}")
    if config.copies is None and config.embedding is None:  # as many as a batch can use
        fitting = Embedding(fitting.chains[:tiled], fitting.graph_id)
    together = min(tiled, fitting.num_copies)
    few, tile = {"num_test": tests * num_classes}, {"embedding": fitting}
    candidates: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        (" ".join(tiles), f"{together} images a call", {"batch_size": tiled}, tile),
        _fewer_epochs(config),
        (f"--num-reads {reads}", _share(reads, config.num_reads), {"num_reads": reads}, {}),
        (f"--annealing-time {time:g}", "half as long", {"annealing_time": time}, {}),
        (f"--test-per-class {tests}", f"{tests * num_classes} of {num_test}", {}, few),
    ]
    asked = run.estimate(round_trip)
    changes = []
    for options, meaning, settings, others in candidates:
        try:
            changed = run.with_settings(settings, **others)
            cost = changed.estimate(round_trip)
        except ValueError:  # nothing to halve, or the chip refuses it
            continue
        if changed.num_test and cost.qpu_seconds <= HALF * asked.qpu_seconds:
            changes.append(Change(options, meaning, cost))
    return sorted(changes, key=lambda change: change.estimate.qpu_seconds)


def _fewer_epochs(config: TrainConfig) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Half as many epochs on the machine, after all of those of means."""
    means, on_machine = config.mean_field_epochs, config.epochs_on_machine
    epochs = means + on_machine // 2
    if not means:
        return f"--epochs {epochs}", _share(epochs, config.epochs), {"epochs": epochs}, {}
    # A preset would change the epochs of means where they are not given.
    options = f"--epochs {epochs} --mean-field-epochs {means}"
    return options, f"{on_machine // 2} on the chip, not {on_machine}", {"epochs": epochs}, {}


def _share(part: int, whole: int) -> str:
    """A part of a whole number, in words.

    Example:
        >>> _share(5, 10), _share(1, 3)
        ('half as many', '1 of 3')
    """
    return "half as many" if 2 * part == whole else f"{part} of {whole}"


def duration(seconds: float) -> str:
    """A time in the unit that suits.

    Example:
        >>> duration(0.0177), duration(442), duration(7380)
        ('17.7 ms', '7.4 min', '2.0 h')
    """
    unit, name = _unit(seconds)
    return f"{seconds / unit:,.1f} {name}"


def duration_range(time: AccessTime) -> str:
    """A time and its range, in the unit that suits.

    Example:
        >>> duration_range(AccessTime(0.9, 1.5, 70))
        '1.5 s (0.9 to 70.0)'
    """
    unit, _ = _unit(time.middle)
    return f"{duration(time.middle)} ({time.low / unit:,.1f} to {time.high / unit:,.1f})"


def _unit(seconds: float) -> tuple[float, str]:
    """Seconds and name of the unit that suits a time."""
    for longest, unit, name in ((1, 1e-3, "ms"), (60, 1.0, "s"), (3600, 60.0, "min")):
        if seconds < longest:
            return unit, name
    return 3600.0, "h"


def _call_time(num_reads: int, schedule: Schedule, chip: Chip, embedding: Embedding) -> AccessTime:
    """QPU access time of a call; refuses an anneal that the chip would refuse."""
    qubits = embedding.qubits()
    time = access_range(chip.properties, len(qubits), num_reads, schedule)
    if not isfinite(time.high):
        raise ValueError(f"the properties of {chip} do not say how long a call takes")
    reverse = schedule[0][1] == 1
    check_anneal(chip, schedule, num_reads, qubits, np.ones(len(qubits), dtype=np.int8) if reverse else None)
    return time
