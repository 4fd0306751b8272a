"""Epochs, batches and evaluation: the loop around the learning rule.

Nothing random is carried from batch to batch. The order of the images is a function of (seed, epoch),
and every anneal of (seed, number of the image in the order), so a run that stopped goes on from its
parameters and its place alone, bit for bit.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..config import TrainConfig
from ..datasets import Dataset
from ..learning import Rule
from ..learning.optimizers import decayed
from ..machines import Machine, check_machine
from ..network import Network, Parameters
from . import cluster
from .augment import Augment
from .build import augmentation, learning_rule
from .notes import at_chance, cautions
from .run_folder import TrainState

if TYPE_CHECKING:
    from distributed import Client

# Images annealed in one call where nothing is learned from them; any number gives the same answer.
EVALUATION_BATCH = 250
# Evaluation draws other random numbers than training: its seed differs in this bit.
EVALUATION_SEED = 1 << 62
# Problem ids are 32 bits; later epochs of very long runs use them again.
NUM_IDS = 1 << 32


@dataclass(frozen=True)
class Evaluation:
    """Free phase of a set of images: accuracy in 0..1, mean squared error, and the classes found."""

    accuracy: float
    loss: float
    predictions: NDArray[np.int64]


def train(
    config: TrainConfig,
    dataset: Dataset,
    *,
    state: TrainState | None = None,
    num_threads: int | None = None,
    machine: Machine | None = None,
    scheduler: Client | None = None,
    on_batch: Callable[[TrainState], None] | None = None,
    on_test: Callable[[TrainState, int], None] | None = None,
    on_epoch: Callable[[TrainState], None] | None = None,
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
        machine: What anneals, in training and in tests; None makes the one that ``config`` describes. A given
            one stands in its place, with reads, sweeps and all else of its own; ``config`` must have no
            ``test_reads``, for which a second machine is made.
        scheduler: A client of the Dask scheduler whose workers share the batches and the tests (`cluster`);
            None for this process alone. The result does not depend on it.
        on_batch: Called with the live state after each batch.
        on_test: Called with the live state and the number of test images that are done: with 0 before each
            test, then after each part of it.
        on_epoch: Called with the live state after each epoch and its test.

    Returns:
        The state after the last epoch.

    Warns:
        UserWarning: If it will probably learn nothing, or has not (`notes`).

    Raises:
        ValueError: If config, dataset, machine and number of threads do not fit.
        StoppedError: If the scheduler is lost.
    """
    if scheduler is not None and num_threads is None and machine is None:
        num_threads = 1
    _check_given(config, machine)
    alone = learning_rule(config, dataset, num_threads, machine)
    testing = learning_rule(
        config.of_tests(), dataset, num_threads, None if config.test_reads else alone.machine
    )
    check_machine(alone.machine)
    rule: Rule = alone
    tested: Rule = testing
    if scheduler is not None:
        cluster.check(config, alone.machine)
        rule, tested = cluster.shared(alone, scheduler), cluster.shared(testing, scheduler)
    if state is None:
        rng = np.random.default_rng([config.seed, 0])
        state = TrainState(parameters=rule.network.initial_parameters(rng))
    _check_parameters(rule.network, state.parameters)
    for caution in cautions(config, dataset):
        warnings.warn(caution, stacklevel=2)
    begun = state.epoch
    rule.machine.usage.restore(state.usage)
    augment = augmentation(config, dataset)
    num_images = len(dataset.y_train)
    while state.epoch < config.epochs:
        train_epoch(
            rule,
            state,
            dataset.x_train,
            dataset.y_train,
            batch_size=config.batch_size,
            first_id=state.epoch * num_images,
            decay=partial(decayed, config.decay, epochs=config.epochs),
            augment=augment,
            on_batch=on_batch,
        )
        done = None
        if on_test:
            on_test(state, 0)
            done = partial(on_test, state)
        test = _evaluate(tested, state.parameters, dataset.x_test, dataset.y_test, done)
        row = end_epoch(rule, state)
        state.history.append(row | {"test_accuracy": test.accuracy, "test_loss": test.loss})
        state.usages.append(state.usage.copy())
        state.predictions = test.predictions.tolist()
        if on_epoch:
            on_epoch(state)
    chance = at_chance(state.history[-1]["train_accuracy"], dataset.y_train) if state.epoch > begun else None
    if chance:
        warnings.warn(chance, stacklevel=2)
    return state


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


def evaluate(
    config: TrainConfig,
    dataset: Dataset,
    parameters: Parameters,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    *,
    num_threads: int | None = None,
    machine: Machine | None = None,
    batch_size: int = EVALUATION_BATCH,
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Free phase of the images ``x (n, num_inputs)`` with labels ``y (n,)``.

    Args:
        config: Settings of the run that the parameters come from.
        dataset: What it was trained on; tells inputs and classes.
        parameters: The network's parameters.
        x: Images.
        y: Labels.
        num_threads: Threads, or None for all cores. The result does not depend on it. Of a given machine it
            must be the number that the machine has, if it says one.
        machine: What anneals; None makes the one that ``config`` describes, with its ``test_reads`` if it has
            such. A given one has reads of its own: give it with ``config.of_tests()``.
        batch_size: Images of a call of the machine. Only a chip of several copies, which anneals images
            together, may answer otherwise for another number; see `evaluation_batch`.
        on_batch: Called with the number of images done after each batch.

    Raises:
        ValueError: If shapes do not fit, or the machine does not fit the rest.
    """
    _check_given(config, machine)
    rule = learning_rule(config.of_tests(), dataset, num_threads, machine)
    _check_parameters(rule.network, parameters)
    if x.ndim != 2 or x.shape[1] != dataset.num_inputs or y.shape != x.shape[:1] or not len(x):
        raise ValueError(
            f"x has shape {x.shape} and y {y.shape}, expected (n, {dataset.num_inputs}) and (n,), not empty"
        )
    rule.network.check_images(x)
    if not 0 <= y.min() <= y.max() < dataset.num_classes:
        raise ValueError(f"y holds {y.min()} to {y.max()}, expected classes 0 to {dataset.num_classes - 1}")
    return _evaluate(rule, parameters, np.ascontiguousarray(x, dtype=np.float32), y, on_batch, batch_size)


def evaluation_batch(copies: int) -> int:
    """Images of a call of a machine with so many copies of the network, where nothing is learned: about
    `EVALUATION_BATCH`, with no copy idle.

    Example:
        >>> evaluation_batch(copies=4)
        248
    """
    return max(1, EVALUATION_BATCH // copies) * copies


def free_outputs(
    rule: Rule,
    parameters: Parameters,
    x: NDArray[np.float32],
    ids: NDArray[np.uint32],
    on_batch: Callable[[int], None] | None = None,
    batch_size: int = EVALUATION_BATCH,
) -> NDArray[np.float32]:
    """Output spins ``(n, outputs)`` of the free phase of ``x``, with the random numbers that ``ids`` name."""
    rule = rule.with_seed(rule.seed ^ EVALUATION_SEED)
    outputs, done = [], 0
    starts = range(0, len(x), batch_size)
    batches = ((x[k : k + batch_size], ids[k : k + batch_size]) for k in starts)
    for found in rule.predict(parameters, batches):
        outputs.append(found)
        done += len(found)
        if on_batch:
            on_batch(done)
    return np.concatenate(outputs)


def classes(network: Network, outputs: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class ``(n,)`` that each row of output spins stands for."""
    found: NDArray[np.int64] = network.scores(outputs).argmax(axis=1)
    return found


def _batches(
    seed: int, batch_size: int, num_images: int, first_id: int, state: TrainState
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint32]]]:
    """Images of each batch left in the epoch, and the ids of their random numbers."""
    order = np.random.default_rng([seed, 1, state.epoch]).permutation(num_images)
    ids = (first_id + np.arange(num_images)) % NUM_IDS
    for start in range(state.batch * batch_size, num_images, batch_size):
        stop = start + batch_size
        yield order[start:stop], ids[start:stop].astype(np.uint32)


def _check_given(config: TrainConfig, machine: Machine | None) -> None:
    """Refuses reads of tests for a machine that has its own."""
    if machine is not None and config.test_reads is not None:
        raise ValueError(
            f"test_reads is {config.test_reads}, but the machine that is given has reads of its own; set them"
            " there, and test_reads to None"
        )


def _check_parameters(network: Network, parameters: Parameters) -> None:
    """Refuses parameters of another network."""
    found = {name: value.shape for name, value in parameters.items()}
    if found != network.shapes():
        raise ValueError(f"parameters have shapes {found}, expected {network.shapes()}")


def _evaluate(
    rule: Rule,
    parameters: Parameters,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    on_batch: Callable[[int], None] | None = None,
    batch_size: int = EVALUATION_BATCH,
) -> Evaluation:
    found = free_outputs(rule, parameters, x, np.arange(len(x), dtype=np.uint32), on_batch, batch_size)
    predictions = classes(rule.network, found)
    loss = np.mean((found - rule.network.targets(y)) ** 2, dtype=np.float64)
    return Evaluation(float(np.mean(predictions == y)), float(loss), predictions)
