"""The command `ising-ep calibrate`: the chip model, fitted to the reads of a run on a QPU."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ..extras import require
from .errors import one_line_errors
from .help import Command
from .options import option, threads_option
from .output import force_option, require_output
from .screen import waiting


@click.command(cls=Command)
@click.argument("run", type=click.Path(path_type=Path))
@option(
    "--out",
    type=click.Path(path_type=Path),
    help="JSON file for the settings.  [default: calibration.json in RUN]",
    title="Output",
)
@force_option
@option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    help="Seed of the model's anneals and of the intervals.  [default: 0]",
    title="Fit",
)
@threads_option
@one_line_errors
def calibrate(run: Path, out: Path | None, force: bool, seed: int, threads: int | None) -> None:
    """Fit the chip model to a run on a QPU.

    The journal of the run keeps the last 200 problems of forward anneals with their reads. The model anneals
    the same problems, at its defaults and as fitted; the tables show what the reads tell beside what the
    model's do, and the fitted settings with 95 % intervals. `train --settings` takes the file. Nothing is
    asked of the QPU.

    \b
    Examples:
      ising-ep calibrate runs/qpu
      ising-ep calibrate runs/qpu --out advantage.json
    """
    require("chip", "a calibration")
    from ..qpu.calibration import calibrate as fitted
    from ..training.run_folder import CALIBRATION

    own = run / CALIBRATION
    file = out or own
    if out is not None or run.is_dir():
        require_output(file, force=force, own=own)
    with waiting("Calibrating") as tell:

        def progress(done: int, most: int) -> None:
            tell(f"{done} of at most {most} times annealed", done, most)

        found = fitted(run, seed=seed, num_threads=threads, progress=progress)
    found.save(file)
    click.echo(found)
    click.echo(f"Settings: {file}, for `ising-ep train --settings {shlex.quote(str(file))}`")
