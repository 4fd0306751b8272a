"""Epochs, batches and evaluation: the loop around the learning rule.

Nothing random is carried from batch to batch. The order of the images is a function of (seed, epoch),
and every anneal of (seed, number of the image in the order), so a run that stopped goes on from its
parameters and its place alone, bit for bit.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..checks import instance, integer
from ..config import TrainConfig
from ..datasets import Dataset
from ..learning import Rule
from ..machines import Machine
from ..network import Network
from . import cluster
from .augment import Augment
from .build import augmentation, learning_rule, rule_of_tests
from .callbacks import Callback, Callbacks, Saving
from .decay import decayed
from .evaluation import classes, evaluation
from .notes import at_chance, cautions
from .parts import Parts, RuleMaker
from .record import DataRecord
from .run_folder import RunFolder
from .state import TrainState, check_state
from .trained import check_parameters

if TYPE_CHECKING:
    from distributed import Client

# Problem ids are 32 bits; later epochs of very long runs use them again.
NUM_IDS = 1 << 32


def train(  # each argument is a part of the run that a user may replace
    config: TrainConfig,
    dataset: Dataset,
    *,
    state: TrainState | None = None,
    num_threads: int | None = None,
    network: Network | None = None,
    machine: Machine | None = None,
    rule: RuleMaker | None = None,
    scheduler: Client | None = None,
    callbacks: Iterable[Callback] = (),
    folder: Path | str | None = None,
) -> TrainState:
    """Trains to ``config.epochs``, from the start or from ``state``.

    Each epoch ends with a test. A state that was saved when all batches of an epoch were done goes on with
    that test.

    Args:
        config: Every setting of the run. Those that choose images chose ``dataset``, which is taken as it is.
        dataset: The images.
        state: Where to go on; None starts anew.
        num_threads: Threads, or None for all cores; with a scheduler those of a task, or None for 1. The
            result does not depend on it. Of a given machine it must be the number that the machine has, if it
            says one.
        network: The architecture; None makes the one that ``config`` describes. A given one stands in its
            place.
        machine: What anneals, in training and in tests; None makes the one that ``config`` describes. A given
            one stands in its place, with reads, sweeps and all else of its own; ``config`` must have no
            ``test_reads``, for which a second machine is made.
        rule: What makes the learning rule, in training and in tests: a class such as one derived from
            `EquilibriumPropagation`, which is the default, or a function. It is called as that class is, by
            keywords: with the network, the machine and the settings of ``config``.
        scheduler: A client of the Dask scheduler whose workers share the batches and the tests (`cluster`);
            None for this process alone. The result does not depend on it.
        callbacks: Called as the run goes on.
        folder: A run folder to write, with a checkpoint at each test and epoch: a new or an empty folder.
            What was given in place of what ``config`` describes is recorded in it, in words. None writes
            nothing.

    Returns:
        The state after the last epoch.

    Warns:
        UserWarning: If it will probably learn nothing, or has not (`notes`).

    Raises:
        ValueError: If config, dataset, network, machine, state and number of threads do not fit.
        TypeError: If one of them is something else.
        StoppedError: If the scheduler is lost.
    """
    instance("config", config, TrainConfig)
    instance("dataset", dataset, Dataset)
    if state is not None:
        check_state(state, config.batch_size)
    if scheduler is not None and num_threads is None and machine is None:
        num_threads = 1
    parts = Parts(network, machine, rule)
    alone = learning_rule(config, dataset, num_threads, parts)
    testing = rule_of_tests(config, dataset, num_threads, parts, alone)
    for images in (dataset.x_train, dataset.x_test):
        alone.network.check_images(images)
    learner: Rule = alone
    tester: Rule = testing
    if scheduler is not None:
        cluster.check(config, alone.machine)
        learner, tester = cluster.shared(alone, scheduler), cluster.shared(testing, scheduler)
    if state is None:
        rng = np.random.default_rng([config.seed, 0])
        state = TrainState(parameters=learner.network.initial_parameters(rng))
    check_parameters(learner.network, state.parameters)
    for caution in cautions(config, dataset):
        warnings.warn(caution, stacklevel=2)
    begun = state.epoch
    learner.machine.usage.restore(state.usage)
    augment = augmentation(config, dataset)
    told = Callbacks(callbacks)
    with ExitStack() as stack:
        if folder is not None:
            run = RunFolder.create(Path(folder), config, DataRecord.of(dataset), given=parts.described())
            stack.callback(run.close)
            told = Callbacks([Saving(run), told])
        _epochs(config, dataset, learner, tester, state, augment, told)
    chance = at_chance(state.history[-1]["train_accuracy"], dataset.y_train) if state.epoch > begun else None
    if chance:
        warnings.warn(chance, stacklevel=2)
    return state


def _epochs(
    config: TrainConfig,
    dataset: Dataset,
    learner: Rule,
    tester: Rule,
    state: TrainState,
    augment: Augment | None,
    told: Callback,
) -> None:
    """Trains and tests until the last epoch; changes ``state``."""
    num_images = len(dataset.y_train)
    while state.epoch < config.epochs:
        train_epoch(
            learner,
            state,
            dataset.x_train,
            dataset.y_train,
            batch_size=config.batch_size,
            first_id=state.epoch * num_images,
            decay=partial(decayed, config.decay, epochs=config.epochs),
            augment=augment,
            on_batch=told.on_batch,
        )
        told.on_test(state, 0)
        test = evaluation(
            tester, state.parameters, dataset.x_test, dataset.y_test, partial(told.on_test, state)
        )
        row = end_epoch(learner, state)
        state.history.append(row | {"test_accuracy": test.accuracy, "test_loss": test.loss})
        state.usages.append(state.usage.copy())
        state.predictions, state.labels = test.predictions.tolist(), dataset.y_test.tolist()
        told.on_epoch(state)


def train_epoch(
    rule: Rule,
    state: TrainState,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    *,
    batch_size: int,
    first_id: int,
    weights: NDArray[np.float32] | None = None,
    decay: Callable[[float], float] = lambda _: 1.0,
    augment: Augment | None = None,
    on_batch: Callable[[TrainState], None] | None = None,
) -> None:
    """Learns from what is left of the epoch that ``state`` is in; changes ``state``.

    Args:
        rule: The learning rule.
        state: Where to go on.
        x: All images of the epoch, ``(n, num_inputs)``.
        y: Their classes ``(n,)``, from 0 on.
        batch_size: Images of an update.
        first_id: Number of the epoch's first image among all learned from; it names the random numbers.
        weights: What the contrast of each image counts, ``(n,)``; None for 1.
        decay: What the learning rates are multiplied by after a number of epochs, such as 2.5.
        augment: Images to learn from, made of the batch's by chance; None learns from these.
        on_batch: Called with the live state after each batch.
    """
    integer("batch_size", batch_size, 1)
    targets = rule.network.targets(y)
    num_batches = -(-len(y) // batch_size)
    for batch, ids in _batches(rule.seed, batch_size, len(y), first_id, state):
        start = time.perf_counter()
        images, target = x[batch], targets[batch]
        if augment is not None:
            images = augment(images, np.random.default_rng([rule.seed, 2, state.epoch, state.batch]))
        rate = decay(state.epoch + state.batch / num_batches)
        of_batch = None if weights is None else weights[batch]
        gradient, outputs = rule.compare(state.parameters, images, target, ids, of_batch)
        state.updates += 1
        rule.optimizer.step(
            rule.network, state.parameters, gradient, state.memory, update=state.updates, decay=rate
        )
        state.batch += 1
        state.images += len(batch)
        state.correct += int(np.sum(classes(rule.network, outputs) == y[batch]))
        state.squared_error += float(np.sum((outputs - target) ** 2, dtype=np.float64))
        state.seconds += time.perf_counter() - start
        state.usage = rule.machine.usage.copy()
        if on_batch:
            on_batch(state)


def end_epoch(rule: Rule, state: TrainState) -> dict[str, float]:
    """Turns the epoch's sums into a row of the history, and begins the next; changes ``state``."""
    outputs = rule.network.outputs
    state.epoch += 1
    row = {
        "epoch": state.epoch,
        "train_accuracy": state.correct / state.images,
        "train_loss": state.squared_error / (state.images * (outputs.stop - outputs.start)),
        "seconds": state.seconds,
    }
    state.usage = rule.machine.usage.copy()
    state.batch = state.correct = state.images = 0
    state.squared_error = state.seconds = 0.0
    return row


def _batches(
    seed: int, batch_size: int, num_images: int, first_id: int, state: TrainState
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint32]]]:
    """Images of each batch left in the epoch, and the ids of their random numbers."""
    order = np.random.default_rng([seed, 1, state.epoch]).permutation(num_images)
    ids = (first_id + np.arange(num_images)) % NUM_IDS
    for start in range(state.batch * batch_size, num_images, batch_size):
        stop = start + batch_size
        yield order[start:stop], ids[start:stop].astype(np.uint32)
