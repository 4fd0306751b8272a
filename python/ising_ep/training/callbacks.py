"""Callbacks: what the trainer calls as a run goes on."""

from __future__ import annotations

from collections.abc import Iterable

from ..checks import instance, short
from .run_folder import RunFolder
from .state import TrainState


class Callback:
    """Is called as a run goes on. Derive from it, and write the methods that you need.

    The state is the live one: copy what is to be kept. An exception ends the run, and `train` raises it.

    Example:
        >>> class Accuracies(Callback):
        ...     def on_epoch(self, state):
        ...         print(f"{state.epoch}: {state.history[-1]['test_accuracy']:.0%}")
        >>> from ising_ep import datasets, training
        >>> from ising_ep.config import TrainConfig
        >>> config = TrainConfig.checked({"dataset": "patterns", "epochs": 2})
        >>> state = training.train(config, datasets.load_patterns(), callbacks=[Accuracies()])
        1: 100%
        2: 100%
    """

    def on_batch(self, state: TrainState) -> None:
        """Is called after each batch."""

    def on_test(self, state: TrainState, done: int) -> None:
        """Is called before each test, with 0, then after each part of it with the images that are done."""

    def on_epoch(self, state: TrainState) -> None:
        """Is called after each epoch and its test."""


class Callbacks(Callback):
    """Calls several callbacks, one after the other.

    Args:
        members: The callbacks.
    """

    def __init__(self, members: Iterable[Callback]) -> None:
        if not isinstance(members, Iterable):
            raise TypeError(f"callbacks is {short(members)}, expected a list of ising_ep.training.Callback")
        self.members = tuple(members)
        for member in self.members:
            instance("a callback", member, Callback)

    def on_batch(self, state: TrainState) -> None:
        """See `Callback`."""
        for member in self.members:
            member.on_batch(state)

    def on_test(self, state: TrainState, done: int) -> None:
        """See `Callback`."""
        for member in self.members:
            member.on_test(state, done)

    def on_epoch(self, state: TrainState) -> None:
        """See `Callback`."""
        for member in self.members:
            member.on_epoch(state)


class Saving(Callback):
    """Saves the state in a run folder when a test begins, and after each epoch.

    Args:
        run: The folder.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def on_test(self, state: TrainState, done: int) -> None:
        """Saves what was learned, so that no more than a test is lost."""
        if done == 0:
            self.run.save(state)

    def on_epoch(self, state: TrainState) -> None:
        """Saves the epoch with its test."""
        self.run.save(state)
