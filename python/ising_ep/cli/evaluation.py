"""Free phase of images by the network of a run, on its machine, for `evaluate` and `predict`.

On a QPU each evaluation is a series of the run's journal, named by what is evaluated: one that was stopped
or killed and is begun again finds what it has sent, and none of it is paid for twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ..errors import BudgetSpentError, StoppedError
from . import budget, runs
from .options import option, threads_option
from .qpu import TRAIN, keep_journal, on_qpu, qpu_options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..embedding import Embedding
    from ..network import Network
    from ..qpu.machine import QPUMachine
    from ..training.run_folder import RunFolder
    from ..training.state import TrainState

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


def free_outputs(
    run: RunFolder,
    state: TrainState,
    x: NDArray[np.float32],
    name: str,
    *,
    threads: int | None,
    copies: int | None,
    limits: dict[str, Any],
) -> tuple[Network, NDArray[np.float32]]:
    """Finds the free phase of images by the network of a run, on its machine.

    Args:
        run: The run.
        state: Its parameters.
        x: Images ``(n, num_inputs)``.
        name: What they are called in a refusal.
        threads: Of a machine that is computed; None for all cores.
        copies: Of the network on a QPU, at most; None for as many as are of use, and fit.
        limits: What the options of a QPU say.

    Returns:
        The network, and its output spins ``(n, outputs)``.

    Raises:
        ValueError: If options and machine do not fit, the network cannot take an image, or a QPU would
            take longer than it may.
        StoppedError: If the QPU cannot be used any longer.
    """
    from ..training import Parts, Trained, network_of
    from ..training.fitting import check_images

    config, data = run.config.of_tests(), run.known_data()
    runs.check_options(config, limits | {"threads": threads, "copies": copies})
    check_images(network_of(config, data), x, name)
    machine = runs.machine_for(config, data, limits | {"threads": threads, "max_qpu_time": None}, run)
    qpu = on_qpu(machine)
    if qpu is not None:
        return _on_qpu(qpu, run, state, x, copies, limits["max_qpu_time"])
    click.get_current_context().call_on_close(machine.close)
    model = Trained(config, data, state.parameters, Parts(machine=machine))
    return model.network, model.outputs(x)


def _on_qpu(
    machine: QPUMachine,
    run: RunFolder,
    state: TrainState,
    x: NDArray[np.float32],
    copies: int | None,
    asked: float | None,
) -> tuple[Network, NDArray[np.float32]]:
    """Finds free phases on the QPU, on as many copies as are of use, in ``asked`` seconds at most."""
    from ..training import Parts, Trained, evaluation_batch

    config, data = run.config.of_tests(), run.known_data()
    machine = _filled(machine, run, len(x), copies)
    keep_journal(machine, run, _series(state, machine.embedding, x))
    click.get_current_context().call_on_close(machine.close)
    qpu = machine.annealer
    spent = qpu.journal.spent(TRAIN, state.usage.access_time)
    qpu.max_access_time = budget.check_evaluation(run, machine, qpu.journal, len(x), spent, asked)
    model = Trained(config, data, state.parameters, Parts(machine=machine))
    with _how_to_go_on():
        found = model.outputs(x, batch_size=evaluation_batch(machine.images_together))
    click.echo(machine.cost(), err=True)
    qpu.journal.forget_others(TRAIN)
    return model.network, found


def _filled(machine: QPUMachine, run: RunFolder, num_images: int, copies: int | None) -> QPUMachine:
    """The machine with the copies of the network that anneal so many images: as many as are of use, and fit.

    Those of the run serve if there are no more, or if the user has laid them out.

    Raises:
        ValueError: If more are asked for than the user's file holds.
    """
    from .. import training
    from ..embedding import Embedding
    from ..machines.embedded import found_on
    from ..training.build import machine_of

    own, network = machine.embedding, training.network_of(run.config, run.known_data())
    wanted = min(num_images, copies or MOST_COPIES)
    by_user = run.config.embedding is not None
    if by_user and copies is not None and copies > own.num_copies:
        raise ValueError(
            f"--copies is {copies}, but {run.config.embedding}, the embedding that the run was given, holds"
            f" {own.num_copies}"
        )
    if not by_user and wanted > own.num_copies:
        click.echo(f"Looking for {wanted} copies, or as many as fit; --copies asks for fewer", err=True)
        more = found_on(machine.annealer.chip, network, wanted)
        own = max(own, more, key=lambda found: found.num_copies)
    if copies is not None and own.num_copies < wanted:
        click.echo(f"--copies is {copies}: {own.num_copies} fit, and are taken", err=True)
    used = Embedding(own.chains[:wanted], own.graph_id)
    config = run.config.of_tests()
    filled = on_qpu(machine_of(config, network, annealer=machine.annealer, embedding=used))
    assert filled is not None  # by the settings that made the first
    return filled


def _series(state: TrainState, embedding: Embedding, x: NDArray[np.float32]) -> str:
    """The name of an evaluation: the same for the same parameters, copies and images."""
    from ..checks import digest

    where = f"{embedding.graph_id} {json.dumps(embedding.chains)} {x.shape}"
    parts: list[NDArray[Any] | str] = [where]
    for name, value in sorted(state.parameters.items()):
        parts += [f"{name} {value.shape}", value]
    return f"evaluate {digest(*parts, x).hex()[:12]}"


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
