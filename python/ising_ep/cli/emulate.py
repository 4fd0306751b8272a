"""The command `ising-ep emulate`: a stand-in for D-Wave's service on this computer."""

from __future__ import annotations

import math
import signal
import threading
from typing import TYPE_CHECKING

import click

from .errors import one_line_errors
from .help import Command
from .options import option, settings, threads_option

if TYPE_CHECKING:
    from ..emulator import Fault

# Settings of the model of a chip, as for `train --machine chip`.
CHIP = (
    "chip",
    "chip_missing",
    "chip_seed",
    "chip_model",
    "chip_schedule",
    "chip_temperature",
    "chip_rate",
    "chip_noise",
    "chip_offsets",
    "chip_slope",
    "chip_susceptibility",
    "chip_readout_error",
)
# The 200 sweeps of `train --machine chip` over its 20 microseconds.
SWEEPS_PER_US = 10.0
# One request or problem in so many, where a fault does not say.
EVERY = 20.0


@click.command(cls=Command)
@settings(*CHIP)
@option(
    "--sweeps-per-us",
    type=float,
    default=SWEEPS_PER_US,
    help=f"Sweeps that stand for a microsecond of an anneal.  [default: {SWEEPS_PER_US:g}]",
    title="Chip",
)
@option("--no-reverse", is_flag=True, help="A solver without reverse annealing.", title="Chip")
@option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port.  [default: any that is free]",
    title="Service",
)
@option("--realtime", is_flag=True, help="Let a problem take as long as on a QPU.", title="Service")
@option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:EVERY]",
    help=f"Go wrong at one in EVERY, at random; may be given again.  [default EVERY: {EVERY:g}]",
    title="Service",
)
@option(
    "--seed",
    type=click.IntRange(0),
    help="Of problems whose label names none, and of the faults.  [default: a new one]",
    title="Service",
)
@threads_option
@one_line_errors
def emulate(
    sweeps_per_us: float,
    port: int,
    seed: int | None,
    threads: int | None,
    realtime: bool,
    no_reverse: bool,
    faults: tuple[str, ...],
    **chip: object,
) -> None:
    """Stand in for D-Wave's service, on 127.0.0.1 only.

    A modelled chip behind the service's own interface. Prints the settings that point D-Wave's client, and
    with it --machine qpu, at it. Nothing is paid and nothing leaves this computer: rehearse a run before it
    costs QPU time, and see what it does when the service fails.

    \b
    Examples:
      ising-ep emulate
      ising-ep emulate --chip zephyr:12 --chip-missing 0.05 --realtime
      ising-ep emulate --port 8080 --fault 503 --fault corrupt:50 --fault reset-after:100

    \b
    Kinds of faults:
      401 403 404 429 500 502 503       a submission is refused with this status
      429-forever                       it is to be sent again in a time of 401 digits
      reset-before reset-after          its connection is reset, not or yet accepted
      500-after                         it is accepted, and answered by an error
      unlabelled short                  its answer lacks the labels, or the last problem
      slow half corrupt reads qubits    an answer is late, cut, damaged, or of the wrong reads or qubits
      fewer order infinite              of fewer qubits, in another order of them, of infinite energies
      untimed time-missing              an answer does not say how long it took
      time-null -text -list -nan -negative -zero   ... or not so that it can be used
      missing                           a poll is answered without what it asked for
      strangers twins                   a search gives others' problems, or one that is not there
      failed cancelled spent never      a problem fails, is cancelled, fails when it was annealed, or stays in
                                        progress for ever
      offline                           the solver is gone for half a second
    """
    from ..emulator import Emulator
    from ..machines.chip import ModelSettings

    settings = ModelSettings.checked(chip)
    wrong = [_fault(text) for text in faults]
    model = settings.model(sweeps_per_us, threads)
    with Emulator(model, port, realtime=realtime, reverses=not no_reverse, seed=seed) as service:
        for fault in wrong:
            service.add_fault(fault)
        # A script's background jobs have Ctrl-C switched off, and `kill` should end them as quietly.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            click.echo(f"export DWAVE_API_ENDPOINT={service.endpoint}")
            click.echo(f"export DWAVE_API_TOKEN={service.token}")
            click.echo("Ctrl-C stops it.", err=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
    annealed = [problem for problem in service.problems if problem.annealed]
    microseconds = sum(problem.qpu_access_time for problem in annealed)
    click.echo(
        f"{len(annealed)} problem{'' if len(annealed) == 1 else 's'} annealed,"
        f" {microseconds / 1e6:.3g} s of QPU access time",
        err=True,
    )


def _fault(text: str) -> Fault:
    from ..emulator import Fault

    kind, _, every = text.partition(":")
    try:
        number = float(every or EVERY)
        if not 1 <= number < math.inf:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"--fault is {text!r}, expected one such as 503 or 503:20, a number from 1 on"
        ) from None
    try:
        return Fault(kind, every=number)
    except ValueError as error:
        raise ValueError(f"--fault is {text!r}: {error}") from None
