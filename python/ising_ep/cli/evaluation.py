"""What `evaluate` and `predict` share: the free phase of images by the network of a run, on its machine.

On a QPU each evaluation is a series of the run's journal, named by what is evaluated: one that was stopped
or killed and is begun again finds what it has sent, and none of it is paid for twice.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import BudgetSpentError, StoppedError
from . import budget, runs
from .options import option, threads_option
from .qpu import TRAIN, keep_journal, on_qpu, qpu_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..datasets import Dataset
    from ..embedding import Embedding
    from ..qpu.machine import QPUMachine
    from ..training import Evaluation
    from ..training.run_folder import RunFolder, TrainState

F = TypeVar("F", bound=Callable[..., Any])

# Copies beyond these are not looked for: it takes long, and a call costs an image next to nothing by then.
MOST_COPIES = 100


def evaluation_options(command: F) -> F:
    """Options of an evaluation that say how, and not what."""
    for each in (
        qpu_options(
            "Seconds of QPU access time that this evaluation may take; inf for no limit.  [default: what the"
            " run's limit leaves]"
        ),
        option(
            "--copies",
            type=click.IntRange(1),
            help=f"Copies of the network on the QPU at most.  [default: as fit, up to {MOST_COPIES}]",
            title="QPU",
        ),
        threads_option,
    ):
        command = each(command)
    return command


def evaluated(
    run: RunFolder,
    state: TrainState,
    dataset: Dataset,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    *,
    threads: int | None,
    copies: int | None,
    limits: dict[str, Any],
) -> Evaluation:
    """Evaluates images by the network of a run.

    Args:
        run: The run.
        state: Its parameters.
        dataset: Of inputs and classes like the run's.
        x: Images ``(n, num_inputs)``.
        y: Their classes ``(n,)``.
        threads: Of a machine that is computed; None for all cores.
        copies: Of the network on a QPU, at most; None for as many as are of use, and fit.
        limits: What the options of a QPU say.

    Raises:
        ValueError: If options and machine do not fit, or a QPU would take longer than it may.
        StoppedError: If the QPU cannot be used any longer.
    """
    from .. import training

    config = run.config.of_tests()
    runs.check_options(config, limits | {"threads": threads, "copies": copies})
    machine = runs.machine_for(config, dataset, limits | {"threads": threads, "max_qpu_time": None}, run)
    qpu = on_qpu(machine)
    if qpu is not None:
        return _on_qpu(qpu, run, state, dataset, x, y, copies, limits["max_qpu_time"])
    return training.evaluate(config, dataset, state.parameters, x, y, machine=machine)


def require_writable(file: Path) -> None:
    """Refuses a file that cannot be written, before what it is to hold is paid for.

    Raises:
        ValueError: If there is no folder for it, a folder in its place, or no permission.
    """
    if not file.parent.is_dir():
        raise ValueError(f"{file} cannot be written: there is no folder {file.parent}")
    if file.is_dir():
        raise ValueError(f"{file} cannot be written: it is a folder")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise ValueError(f"{file} cannot be written: no permission")


def _on_qpu(
    machine: QPUMachine,
    run: RunFolder,
    state: TrainState,
    dataset: Dataset,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    copies: int | None,
    asked: float | None,
) -> Evaluation:
    """Evaluates images on the QPU, on as many copies as are of use, in ``asked`` seconds at most."""
    from .. import training

    config = run.config.of_tests()
    machine = _filled(machine, run, dataset, len(x), copies)
    keep_journal(machine, run, _series(state, machine.embedding, x))
    qpu = machine.annealer
    spent = qpu.journal.spent(TRAIN, state.usage.access_time)
    qpu.max_access_time = budget.check_evaluation(run, machine, qpu.journal, len(x), spent, asked)
    with _how_to_go_on():
        found = training.evaluate(
            config,
            dataset,
            state.parameters,
            x,
            y,
            machine=machine,
            batch_size=training.evaluation_batch(machine.images_together),
        )
    click.echo(machine.cost(), err=True)
    qpu.journal.forget_others(TRAIN)
    return found


def _filled(
    machine: QPUMachine, run: RunFolder, dataset: Dataset, num_images: int, copies: int | None
) -> QPUMachine:
    """The machine with the copies of the network that anneal so many images: as many as are of use, and fit.

    Those of the run serve if there are no more, or if the user has laid them out.

    Raises:
        ValueError: If more are asked for than the user's file holds.
    """
    from .. import training
    from ..embedding import Embedding
    from ..training.build import embedding_of, machine_of

    own, network = machine.embedding, training.network_of(run.config, dataset)
    wanted = min(num_images, copies or MOST_COPIES)
    by_user = run.config.embedding is not None
    if by_user and copies is not None and copies > own.num_copies:
        raise ValueError(
            f"--copies is {copies}, but {run.config.embedding}, the embedding that the run was given, holds"
            f" {own.num_copies}"
        )
    if not by_user and wanted > own.num_copies:
        click.echo(f"Looking for {wanted} copies, or as many as fit; --copies asks for fewer", err=True)
        settings = run.config.model_copy(update={"copies": wanted})
        more = embedding_of(settings, network, machine.annealer.chip)
        own = max(own, more, key=lambda found: found.num_copies)
    used = Embedding(own.chains[:wanted], own.graph_id)
    config = run.config.of_tests()
    filled = on_qpu(machine_of(config, network, annealer=machine.annealer, embedding=used))
    assert filled is not None  # by the settings that made the first
    return filled


def _series(state: TrainState, embedding: Embedding, x: NDArray[np.float32]) -> str:
    """The name of an evaluation: the same for the same parameters, copies and images."""
    digest = hashlib.sha256(f"{embedding.graph_id} {embedding.chains} {x.shape}".encode())
    for name, value in sorted(state.parameters.items()):
        digest.update(f"{name} {value.shape}".encode() + value.tobytes())
    digest.update(x.tobytes())
    return f"evaluate {digest.hexdigest()[:12]}"


@contextmanager
def _how_to_go_on() -> Iterator[None]:
    """Says, of an evaluation that is stopped, how it goes on."""
    try:
        yield
    except (KeyboardInterrupt, StoppedError) as why:
        how = (
            "With a larger --max-qpu-time" if isinstance(why, BudgetSpentError) else "With the same arguments"
        )
        click.echo(f"{how} it goes on, and what was sent is not paid for again", err=True)
        raise
