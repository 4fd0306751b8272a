"""The command `ising-ep report`: a run as one HTML page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..extras import require
from ..files.atomic import replace
from .errors import one_line_errors
from .help import Command
from .options import option
from .output import force_option, require_named, require_output, require_writable
from .stop import ended_by_ctrl_c

if TYPE_CHECKING:
    from ..datasets import Dataset
    from ..training.run_folder import RunFolder

# Seconds between two looks at a run, and after which a browser loads the page of one again.
LOOK, REFRESH = 1.0, 5
# Where a page says what made it, and the bytes at its beginning that are looked through for that.
GENERATOR, HEAD = b'content="ising-ep report"', 4096


@click.command(cls=Command)
@click.argument("run", type=click.Path(path_type=Path))
@option("--out", type=click.Path(path_type=Path), help="HTML file.  [default: report.html in the folder]")
@option(
    "--watch",
    is_flag=True,
    help="Write the page anew after each checkpoint, until nobody writes to the run; a browser that shows it"
    " follows.",
)
@force_option
@one_line_errors
def report(run: Path, out: Path | None, watch: bool, force: bool) -> None:
    """Write a run as one HTML page that needs no network.

    Settings, versions and the command; learning curves; classes and images that came out wrong; weights of
    hidden spins; what a chip cost. Works while the run goes on, too.

    \b
    Examples:
      ising-ep report runs/first
      ising-ep report runs/first --out first.html
      ising-ep report runs/first --watch
    """
    from ..training import Parts
    from ..training.run_folder import REPORT, RunFolder

    require("plot", "a report")
    folder = RunFolder.open(run)
    Parts().complete(folder.given, run)
    folder.known_data()
    file = out or run / REPORT
    _check_output(out, run / REPORT, force)
    images = _images(folder)
    if watch:
        _follow(folder, images, file)
    else:
        _write(folder, images, file, watched=False)
    click.echo(f"Report: {file}")


def _check_output(out: Path | None, own: Path, force: bool) -> None:
    """Refuses, before any work is done, a page that could not or should not be written; the run's own report
    may be written anew."""
    require_named(out, force=force)
    if out is not None and out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out is {out}, expected a name that ends in .html")
    if out is not None and out.resolve() != own.resolve():
        require_output(out, force=force)
        return
    require_writable(own)
    if own.exists() and GENERATOR not in own.read_bytes()[:HEAD]:
        raise ValueError(f"{own} exists and is no report, expected another --out")


def _images(run: RunFolder) -> Dataset | str:
    """The data set of a run; or in a line why it cannot be had, which is no reason to have no report."""
    from . import runs

    try:
        return runs.own_dataset(run)
    except (ValueError, OSError) as error:
        return str(error)


def _follow(run: RunFolder, images: Dataset | str, file: Path) -> None:
    """Writes the page at each change, and a last time when the run or, by Ctrl-C, the watch has ended."""
    from ..training.run_folder import RunFolder

    seen: object = None
    with ended_by_ctrl_c() as is_stopped:
        while not is_stopped() and (now := _state_of(run)) is not None:
            if now != seen:
                _write(RunFolder.open(run.path), images, file, watched=True)  # it may have more epochs
            if seen is None:
                click.echo(f"Open {file}; it follows the run until that ends, or Ctrl-C", err=True)
            seen = now
            time.sleep(LOOK)
        _write(RunFolder.open(run.path), images, file, watched=False)


def _state_of(run: RunFolder) -> object:
    """What changes when the run has something new to show; None when nobody is at it."""
    from ..files.run_lock import writer_of
    from ..training.run_folder import CHECKPOINT

    writer = writer_of(run.path)
    if writer is None:
        return None
    try:
        return writer, (run.path / CHECKPOINT).stat().st_mtime_ns
    except FileNotFoundError:
        return writer, 0


def _write(run: RunFolder, images: Dataset | str, file: Path, *, watched: bool) -> None:
    """Writes the page as the run is now; of a run that is watched, one that a browser loads again."""
    from ..files.run_lock import writer_of
    from ..report import page
    from ..training import network_of
    from ..training.run_folder import CHECKPOINT

    state = None
    if (run.path / CHECKPOINT).exists():
        state = run.load(network_of(run.config, run.known_data()).shapes())
    text = page(run, state, images, writer=writer_of(run.path), refresh=REFRESH if watched else None)
    replace(file, text.encode())
