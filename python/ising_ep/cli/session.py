"""A session of training: a run that is learned from its images, saved as it goes, and stopped by a signal."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import click

from ..errors import BudgetSpentError, NotSavedError, StoppedError
from . import budget, runs
from .errors import INTERRUPTED, STOPPED
from .progress import Pace, TrainingProgress, training_progress
from .qpu import on_qpu
from .stop import Stop, stop_on_signals

if TYPE_CHECKING:
    from distributed import Client

    from ..machines import Machine
    from ..training import Callback
    from ..training.run_folder import RunFolder
    from ..training.state import TrainState
    from ..training.trainer import Trainer


class Session:
    """A run and its machine, from where they are opened to the end of the command.

    Args:
        context: The command.
        run: Its folder, held.
        trainer: Its parts, and where it goes on.
        machine: Its machine.
        client: A scheduler whose workers share the work, if there is one.
    """

    def __init__(
        self,
        context: click.Context,
        run: RunFolder,
        trainer: Trainer,
        machine: Machine,
        client: Client | None,
    ) -> None:
        self.run, self.trainer, self.machine = run, trainer, machine
        self._context, self._client = context, client
        self._latest: TrainState | None = None
        self._testing = False
        self._checkpoint_every: int | None = None

    @classmethod
    def opened(
        cls,
        context: click.Context,
        given: dict[str, Any],
        options: dict[str, Any],
        *,
        out: Path | None,
        resume: Path | None,
        scheduler: str | None,
    ) -> Self:
        """A session of a new run in ``out``, or of the one in ``resume``.

        Args:
            context: The command.
            given: Settings.
            options: Of how the machine works (`runs.check_options`).
            out: Folder of a new run; None for one named by data set and time.
            resume: Folder of a run to go on with.
            scheduler: Address of a scheduler.

        Raises:
            ValueError: If something does not fit; nothing is written then.
        """
        client = None
        if scheduler is not None:
            from ..training import cluster

            client = context.with_resource(cluster.connected(scheduler, partial(click.echo, err=True)))
        if resume is None:
            opened = runs.new(given, out, options, client)
        else:
            opened = runs.resumed(resume, given, options, client)
        return cls(context, *opened, client)

    def train(self, checkpoint_every: int | None) -> TrainState:
        """Trains to the end of the run, or ends the command where it is stopped.

        Args:
            checkpoint_every: Batches between checkpoints; None for one an epoch.
        """
        from ..training import notes

        self._checkpoint_every = checkpoint_every
        config, dataset = self.run.config, self.trainer.dataset
        images = len(dataset.x_train), len(dataset.x_test)
        pace = Pace(config.epochs, *images, means=config.mean_field_epochs)
        with (
            stop_on_signals(self._may_stop_at_once) as stop,
            training_progress(pace, self.trainer.state) as progress,
        ):
            for note in notes.notes(config, dataset):
                click.echo(note, err=True)
            try:
                return self.trainer.train(self._callback(stop, progress), self.run)
            except (KeyboardInterrupt, StoppedError) as why:
                self._end(why, stop)

    def _may_stop_at_once(self) -> bool:
        """Tells whether a stop need not wait for the end of the batch."""
        from ..training import cluster

        shared = self._client is not None and cluster.busy(self._client) and not self._testing
        return shared or self.machine.busy

    def _callback(self, stop: Stop, progress: TrainingProgress) -> Callback:
        """Callback that shows the run and stops it, once what there is to save is saved."""
        from ..training import Callback

        session = self

        class Watch(Callback):
            def on_batch(self, state: TrainState) -> None:
                session._latest = state
                if session._checkpoint_every and state.batch % session._checkpoint_every == 0:
                    session.run.save(state)
                stop.check()
                progress.learned(state)

            def on_test(self, state: TrainState, done: int) -> None:
                if not session._testing:  # a test that is stopped is made anew, and nothing else
                    session._testing = True
                    stop.hurry()
                progress.tested(state, done)

            def on_epoch(self, state: TrainState) -> None:
                stop.take_time()
                session._testing = False
                progress.ended(state)
                stop.check()

        return Watch()

    def _end(self, why: BaseException, stop: Stop) -> NoReturn:
        """Saves what can be saved, says how the run goes on, and ends the command."""
        reason = "Stopped" if isinstance(why, KeyboardInterrupt) else f"Stopped: {why}"
        saved = self._testing or isinstance(why, NotSavedError)  # a test begins with it saved
        if self._latest is not None and stop.safe and not saved:
            try:
                self.run.save(self._latest)
            except StoppedError as not_saved:
                reason = f"Stopped: {not_saved}"
        used, qpu = self.machine.cost(), on_qpu(self.machine)
        if used is not None:
            click.echo(used, err=True)
        more = []
        if isinstance(why, BudgetSpentError) and qpu is not None:
            more.append(budget.enough(self.run, self.trainer.dataset, self.trainer.state, qpu))
        click.echo(f"{reason}. Go on with: {budget.go_on(self._context, self.run, *more)}", err=True)
        self._context.exit(INTERRUPTED if isinstance(why, KeyboardInterrupt) else STOPPED)
