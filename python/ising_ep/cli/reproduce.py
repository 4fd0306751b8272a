"""The command `ising-ep reproduce`: the paper's results, beside the paper's own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from .errors import INTERRUPTED, one_line_errors
from .help import Command
from .progress import WIDE
from .screen import drawable

if TYPE_CHECKING:
    from ..reproduce.results import Store
    from ..reproduce.study import Study

OUT = Path("papers/laydevant2024")
# Minutes on two cores that a study may take, full and quick.
BUDGET, QUICK_BUDGET = 30, 2


@click.command(cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--quick",
    is_flag=True,
    help=f"Does it all work? Few epochs and seeds, in OUT/quick: at most {QUICK_BUDGET} minutes a study on"
    f" two cores, in place of {BUDGET}.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default="~/mnist",
    envvar="ISING_EP_MNIST",
    help="Folder of MNIST's IDX files.  [default: $ISING_EP_MNIST or ~/mnist]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=OUT,
    help=f"Folder of results, figures and page.  [default: {OUT}]",
)
@click.option("--processes", type=click.IntRange(1), default=2, help="Runs at once.  [default: 2]")
@click.pass_context
@one_line_errors
def reproduce(
    context: click.Context, /, names: tuple[str, ...], quick: bool, data_dir: Path, out: Path, processes: int
) -> None:
    """Run the paper's results again, beside the paper's own.

    Without a name: which there are, how long they take, and whether they are done. With names, or all: runs
    what is missing, draws the figures and writes README.md. Each finished run is saved at once, so what was
    stopped goes on where it was.

    \b
    Examples:
      ising-ep reproduce
      ising-ep reproduce convolutional digits
      ising-ep reproduce all --quick --data-dir ~/mnist
      ising-ep reproduce all --data-dir ~/mnist --processes 4
    """
    from ..reproduce import page, runner
    from ..reproduce.results import Store
    from ..reproduce.studies import STUDIES

    store = Store.of(out, quick)
    chosen = _chosen(names, STUDIES)
    if context.get_parameter_source("data_dir") is ParameterSource.COMMANDLINE:
        _check_needs_mnist(store, chosen, data_dir)
    if not names:
        _list(store, STUDIES, processes)
        return
    total = sum(len(store.missing(study)) for study in chosen)
    try:
        with _terminated_is_interrupted(), _progress(total) as (on_unit, on_running):
            runner.run(store, chosen, data_dir.expanduser(), processes, on_unit, on_running)
    except KeyboardInterrupt:
        click.echo("Stopped; what has finished is saved, and the same command goes on.", err=True)
        context.exit(INTERRUPTED)
    shown = page.write(store, STUDIES)
    click.echo(f"{len(shown)} of {len(STUDIES)} studies in {store.folder / 'README.md'}")


def _chosen(names: tuple[str, ...], studies: tuple[Study, ...]) -> list[Study]:
    """The studies of these names, in the order of the page."""
    known = [study.name for study in studies]
    for name in names:
        if name not in (*known, "all"):
            raise ValueError(f"there is no study {name!r}, expected all or some of {', '.join(known)}")
    return [study for study in studies if "all" in names or study.name in names]


def _check_needs_mnist(store: Store, chosen: list[Study], data_dir: Path) -> None:
    """Refuses a folder of MNIST's files that no study would look at."""
    units = [unit for study in chosen for unit in store.units(study).values()]
    if not any(unit.get("dataset") == "mnist" for unit in units):
        raise ValueError(f"--data-dir is {data_dir}, but no study that was named needs MNIST")


def _list(store: Store, studies: tuple[Study, ...], processes: int) -> None:
    """Name, title, minutes and what is done, of every study."""
    width = max(len(study.name) for study in studies)
    limit = (QUICK_BUDGET if store.quick else BUDGET) * 2 / processes
    click.echo(
        f"{'':<{width}} {'runs':>7} {'minutes':>7}  of all runs, {processes} at once; done in {store.folder}"
    )
    for study in studies:
        units, done = store.units(study), store.records(study)
        # Those that have not run are taken to be as long as those that have.
        seconds = [record["seconds"] for record in done.values()]
        mean = sum(seconds) / max(len(seconds), 1)
        minutes = f"{mean * len(units) / 60 / processes:.1f}" if seconds else f"< {limit:g}"
        runs = f"{len(done)}/{len(units)}"
        state = "done" if len(done) == len(units) else "begun" if done else "not run"
        click.echo(f"{study.name:<{width}} {runs:>7} {minutes:>7}  {state + ':':<8} {study.title}")
    click.echo(f"At most {limit:g} minutes for each study, {limit * len(studies):g} for all {len(studies)}")


OnUnit = Callable[["Study", str, float], object]
OnRunning = Callable[[Sequence[str]], object]


@contextmanager
def _progress(total: int) -> Iterator[tuple[OnUnit, OnRunning]]:
    """A bar over the runs on a terminal, a line for each elsewhere; what it gives is called after each, and
    with the names of those under way."""
    console = drawable()
    if console is None:
        yield _plain_lines(total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    names = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1))
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), names)
    with Progress(*columns[console.width < WIDE :], console=console, expand=True) as bar:
        task = bar.add_task("", total=total)
        yield (
            lambda study, key, seconds: bar.update(task, advance=1),
            lambda names: bar.update(task, description=", ".join(names)),
        )


def _plain_lines(total: int) -> tuple[OnUnit, OnRunning]:
    done = 0

    def line(study: Study, key: str, seconds: float) -> None:
        nonlocal done
        done += 1
        click.echo(f"{done}/{total}: {study.name} {key}, {seconds:.1f} s", err=True)

    def first(names: Sequence[str]) -> None:
        if done == 0:
            click.echo(f"0/{total}: {', '.join(names)} under way", err=True)

    return line, first


@contextmanager
def _terminated_is_interrupted() -> Iterator[None]:
    """A SIGTERM ends the processes as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
