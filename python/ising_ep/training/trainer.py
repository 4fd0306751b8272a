"""Runs from their checks to their end: `train`, `resume`, and the `Trainer` that does what both ask for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from ..checks import instance, integer
from ..config import TrainConfig
from ..datasets import Dataset
from ..learning import EquilibriumPropagation, Rule
from ..machines import Machine
from ..network import Network
from . import cluster
from .augment import Augment
from .build import (
    augmentation,
    filled_network,
    filled_parts,
    initial_parameters,
    rule_of,
    rule_of_means,
    rule_of_tests,
)
from .callbacks import Callback, Callbacks, Saving
from .fitting import check_images_of, check_memory
from .loop import train_epochs
from .notes import at_chance, cautions
from .parts import NONE_GIVEN, Parts, RuleMaker
from .record import DataRecord
from .run_folder import CHECKPOINT, RunFolder
from .state import TrainState, check_state
from .trained import check_parameters

if TYPE_CHECKING:
    from distributed import Client


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
        state: Where to go on; None starts anew. It is changed.
        num_threads: Threads, or None for all cores; with a scheduler those of a task, or None for 1. The
            result does not depend on it. Of a given machine it must be the number that the machine has, if it
            says one.
        network: The architecture; None makes the one that ``config`` describes. A given one stands in its
            place.
        machine: What anneals, in training and in tests; None makes the one that ``config`` describes, and
            closes it at the end. A given one stands in its place, with reads, sweeps and all else of its own,
            and stays open; ``config`` must have no ``test_reads``, for which a second machine is made.
        rule: What makes the learning rule, in training and in tests: a class such as one derived from
            `EquilibriumPropagation`, which is the default, or a function. It is called as that class is, by
            keywords: with the network, the machine and the settings of ``config``.
        scheduler: A client of the Dask scheduler whose workers share the batches and the tests (`cluster`);
            None for this process alone. The result does not depend on it.
        callbacks: Called as the run goes on.
        folder: A run folder to write, with a checkpoint at each test and epoch: a new or an empty folder.
            What was given in place of what ``config`` describes is recorded in it, in words. A run that ends
            before its first checkpoint leaves nothing in it; one that ends later goes on by `resume`. None
            writes nothing.

    Returns:
        The state after the last epoch.

    Warns:
        UserWarning: If it will probably learn nothing, or has not (`notes`).

    Raises:
        ValueError: If config, dataset, state, network, machine and number of threads do not fit.
        MemoryError: If parameters or reads cannot fit into memory.
        StoppedError: If the scheduler is lost.
    """
    parts = Parts(network, machine, rule)
    given, told = state is not None, Callbacks(callbacks)
    trainer = Trainer.prepared(config, dataset, parts, state, num_threads=num_threads, scheduler=scheduler)
    with trainer:
        if folder is None:
            return trainer.train(told)
        run = RunFolder.create(
            Path(folder), config, DataRecord.of(dataset), given=parts.described(), machine=trainer.machine
        )
        with run.removed_if_not_saved():
            if given:
                run.save(trainer.state)
            return trainer.train(told, run)


def resume(  # each argument is a part of the run that a user may replace
    folder: Path | str,
    dataset: Dataset,
    *,
    epochs: int | None = None,
    num_threads: int | None = None,
    network: Network | None = None,
    machine: Machine | None = None,
    rule: RuleMaker | None = None,
    scheduler: Client | None = None,
    callbacks: Iterable[Callback] = (),
) -> TrainState:
    """Goes on with the run in a folder, from its last checkpoint, to the bits of a run that never stopped.

    Args:
        folder: The run folder, written by `train` or by ``ising-ep train``.
        dataset: The images that the run is trained on.
        epochs: Epochs in all, at least those of the run; None for those of the run.
        num_threads: As for `train`.
        network: The network, of a run that was begun with one of its own.
        machine: What anneals, of a run that was begun with a machine of its own, or is on a QPU.
        rule: What makes the learning rule, of a run that was begun with one of its own.
        scheduler: As for `train`.
        callbacks: As for `train`.

    Returns:
        The state after the last epoch.

    Raises:
        FileNotFoundError: If the folder is not a run.
        ValueError: If it is damaged or in use, of other images, or a part with which it was begun is missing.
        MemoryError: If parameters or reads cannot fit into memory.

    Example:
        >>> import tempfile
        >>> from ising_ep import datasets
        >>> patterns = datasets.load_patterns()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = train(TrainConfig(dataset="patterns", epochs=1), patterns, folder=folder)
        ...     resume(folder, patterns, epochs=3).epoch
        3
    """
    parts, told = Parts(network, machine, rule), Callbacks(callbacks)
    run = RunFolder.open(Path(folder))
    with ExitStack() as stack:
        run.hold()
        stack.callback(run.close)
        parts.complete(run.given, run.path)
        run.check_data(dataset, dataset.name)
        config = run.config
        if epochs is not None and integer("epochs", epochs, 1) != config.epochs:
            if epochs < config.epochs:
                raise ValueError(f"epochs is {epochs}, but the run in {run.path} has {config.epochs}")
            config = TrainConfig.checked(config.model_dump() | {"epochs": epochs})
        state = run.load() if (run.path / CHECKPOINT).exists() else None
        trainer = stack.enter_context(
            Trainer.prepared(
                config,
                dataset,
                parts,
                state,
                num_threads=num_threads,
                scheduler=scheduler,
                folder=run.path,
            )
        )
        run.remove_leftovers()
        run.change(config, DataRecord.of(dataset), run.max_qpu_time, parts.described())
        run.keep(trainer.machine)
        return trainer.train(told, run)


@dataclass
class Trainer:
    """A run that was checked and is ready to begin; made by `prepared`. It writes nothing by itself.

    Used in a ``with`` statement, it closes the machines that it built.

    Attributes:
        config: Every setting of the run.
        dataset: The images.
        learner: The rule that learns.
        tester: The rule that finds the free phases of tests.
        of_means: The rule of the first epochs, which learns and tests with means in place of spins, if there
            are such epochs.
        state: Where the run is.
        augment: What makes more images to learn from, if anything does.
        scheduler: A client of a scheduler whose workers share the work, if there is one.
    """

    config: TrainConfig
    dataset: Dataset
    learner: EquilibriumPropagation
    tester: EquilibriumPropagation
    of_means: EquilibriumPropagation | None
    state: TrainState
    augment: Augment | None
    scheduler: Client | None
    _built: ExitStack = field(default_factory=ExitStack)

    @classmethod
    def prepared(
        cls,
        config: TrainConfig,
        dataset: Dataset,
        parts: Parts = NONE_GIVEN,
        state: TrainState | None = None,
        *,
        num_threads: int | None = None,
        scheduler: Client | None = None,
        folder: Path | None = None,
    ) -> Self:
        """Makes all parts of a run, and refuses what does not fit before anything is written.

        Args:
            config: As for `train`.
            dataset: As for `train`.
            parts: What stands in the place of what ``config`` describes.
            state: As for `train`.
            num_threads: As for `train`.
            scheduler: As for `train`.
            folder: Run folder in which the machine of ``config`` was kept, of a run that goes on.

        Raises:
            ValueError: If they do not fit.
            MemoryError: If parameters or reads cannot fit into memory.
        """
        instance("config", config, TrainConfig)
        instance("dataset", dataset, Dataset)
        if scheduler is not None and not hasattr(scheduler, "submit"):
            raise TypeError(f"scheduler is {scheduler!r}, expected a client: distributed.Client(address)")
        if scheduler is not None and num_threads is None and parts.machine is None:
            num_threads = 1
        if state is not None:
            check_state(state, config.batch_size, len(dataset.x_train))
        network = filled_network(config, dataset, num_threads, parts)
        check_images_of(network, dataset)  # before a machine is built, which may search a chip
        with ExitStack() as stack:
            filled = filled_parts(config, dataset, num_threads, replace(parts, network=network), folder)
            if parts.machine is None and filled.machine is not None:
                stack.callback(filled.machine.close)
            learner = rule_of(config, dataset, filled)
            tester = rule_of_tests(config, dataset, num_threads, parts, learner)
            if tester.machine is not learner.machine:
                stack.callback(tester.machine.close)
            of_task = 1 if scheduler is not None and num_threads is None else num_threads
            means = rule_of_means(config, dataset, of_task, filled) if config.mean_field_epochs else None
            if scheduler is None:
                check_memory(learner, tester, dataset, config.batch_size)
            else:
                cluster.check(config, learner.machine)
            if state is None:
                rng = np.random.default_rng([config.seed, 0])
                state = TrainState(parameters=initial_parameters(learner, rng))
            check_parameters(learner.network, state.parameters)
            augment = augmentation(config, dataset)
            return cls(config, dataset, learner, tester, means, state, augment, scheduler, stack.pop_all())

    @property
    def machine(self) -> Machine:
        """Machine that anneals while learning."""
        return self.learner.machine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._built.close()

    def train(self, told: Callback, run: RunFolder | None = None) -> TrainState:
        """Trains to the last epoch.

        Args:
            told: Called as the run goes on.
            run: Folder in which the state is saved before each test and after each epoch.
        """
        config, state, means = self.config, self.state, self.config.mean_field_epochs
        for caution in cautions(config, self.dataset):
            warnings.warn(caution, stacklevel=3)
        begun = state.epoch
        if run is not None:
            told = Callbacks([Saving(run), told])
        if self.of_means is not None:
            self._train(0, means, (self.of_means, self.of_means), told)
            if (state.epoch, state.batch) == (means, 0):
                # Gradients of spins are far noisier: steps in the size of those of means would be too large.
                state.memory, state.updates = {}, 0
        self._train(means, config.epochs, (self.learner, self.tester), told)
        if state.epoch > begun:
            chance = at_chance(state.history[-1]["train_accuracy"], self.dataset.y_train)
            if chance:
                warnings.warn(chance, stacklevel=3)
        return state

    def _train(
        self,
        since: int,
        until: int,
        rules: tuple[EquilibriumPropagation, EquilibriumPropagation],
        told: Callback,
    ) -> None:
        """Trains by the first rule and tests by the second, in epochs after ``since``, up to ``until``."""
        learner, tester = rules
        shared: tuple[Rule, Rule] = rules
        if self.scheduler is not None:
            shared = cluster.shared(learner, self.scheduler), cluster.shared(tester, self.scheduler)
        shared[0].machine.usage.restore(self.state.usage)
        train_epochs(
            self.config, self.dataset, shared, self.state, self.augment, told, since=since, until=until
        )
