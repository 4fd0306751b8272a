"""Epochs, batches and evaluation: the loop around the learning rule.

Nothing random is carried from batch to batch. The order of the images is a function of (seed, epoch),
and every anneal of (seed, number of the image in the order), so a run that stopped goes on from its
parameters and its place alone, bit for bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..checks import integer
from ..config import TrainConfig
from ..datasets import Dataset
from ..learning import Programming, Rule
from ..learning.programming import EXACT
from .augment import Augment
from .build import programming_of
from .callbacks import Callback
from .decay import decayed
from .evaluation import classes, evaluation
from .state import TrainState

# Problem ids are 32 bits; later epochs of very long runs use them again.
NUM_IDS = 1 << 32


def train_epochs(
    config: TrainConfig,
    dataset: Dataset,
    rules: tuple[Rule, Rule],
    state: TrainState,
    augment: Augment | None,
    told: Callback,
    *,
    since: int,
    until: int,
) -> None:
    """Trains by the first rule and tests by the second until so many epochs are done; changes ``state``.

    The learning rates decay over the epochs after ``since``, up to ``until``.
    """
    learner, tester = rules
    num_images, programming = len(dataset.y_train), programming_of(config)
    while state.epoch < until:
        train_epoch(
            learner,
            state,
            dataset.x_train,
            dataset.y_train,
            batch_size=config.batch_size,
            first_id=state.epoch * num_images,
            decay=lambda done: decayed(config.decay, done - since, until - since),
            augment=augment,
            programming=programming,
            on_batch=told.on_batch,
        )
        told.on_test(state, 0)
        held = programming.held(state.parameters)
        test = evaluation(tester, held, dataset.x_test, dataset.y_test, partial(told.on_test, state))
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
    programming: Programming = EXACT,
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
        programming: What the machine is given of the parameters; by default they themselves.
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
        seed = [rule.seed, 3, state.epoch, state.batch]
        programmed = programming.with_errors(rule.network, state.parameters, seed)
        gradient, outputs = rule.compare(programmed, images, target, ids, of_batch)
        state.updates += 1
        rule.optimizer.step(
            rule.network, state.parameters, gradient, state.memory, update=state.updates, decay=rate
        )
        programming.bound(state.parameters)
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
