"""The command: the paper's results, beside the paper's own."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ising_ep.cli.errors import INTERRUPTED, Interrupted, interrupted_once, one_line_errors
from ising_ep.cli.help import Command

if TYPE_CHECKING:
    from studies.study import Study
    from studies.units import Store

OUT = Path("papers/laydevant2024")
# Minutes on two cores that a study may take, full and quick.
BUDGET, QUICK_BUDGET = 30, 2


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
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
def main(
    context: click.Context, /, names: tuple[str, ...], quick: bool, data_dir: Path, out: Path, processes: int
) -> None:
    """Run the paper's results again, beside the paper's own. From the root of a checkout.

    Without a name: which there are, how long they take, and whether they are done. With names, or all: runs
    what is missing, draws the figures and writes README.md. Each finished run is saved at once, so what was
    stopped goes on where it was.

    \b
    Examples:
      python -m papers.laydevant2024
      python -m papers.laydevant2024 convolutional digits
      python -m papers.laydevant2024 all --quick --data-dir ~/mnist
      python -m papers.laydevant2024 all --data-dir ~/mnist --processes 4
    """
    from studies.processes import complete
    from studies.units import Store

    from .contents import PAGE

    store = Store.of(out, quick)
    chosen = _chosen(names, PAGE.studies)
    works = [study.units(quick) for study in chosen]
    if context.get_parameter_source("data_dir") is ParameterSource.COMMANDLINE and not any(
        unit.get("dataset") == "mnist" for units in works for unit in units.settings.values()
    ):
        raise ValueError(f"--data-dir is {data_dir}, but no study that was named needs MNIST")
    if not names:
        _list(store, PAGE.studies, quick, processes)
        return
    try:
        with interrupted_once(), _terminated_is_interrupted():
            complete(store, works, data_dir.expanduser(), processes)
    except Interrupted:
        click.echo("Stopped; what has finished is saved, and the same command goes on.", err=True)
        context.exit(INTERRUPTED)
    shown = PAGE.write(store, quick)
    click.echo(f"{len(shown)} of {len(PAGE.studies)} studies in {store.folder / 'README.md'}")


def _chosen(names: tuple[str, ...], studies: tuple[Study, ...]) -> list[Study]:
    """The studies of these names, in the order of the page."""
    known = [study.name for study in studies]
    for name in names:
        if name not in (*known, "all"):
            raise ValueError(f"there is no study {name!r}, expected all or some of {', '.join(known)}")
    return [study for study in studies if "all" in names or study.name in names]


def _list(store: Store, studies: tuple[Study, ...], quick: bool, processes: int) -> None:
    """Name, title, minutes and what is done, of every study."""
    width = max(len(study.name) for study in studies)
    limit = (QUICK_BUDGET if quick else BUDGET) * 2 / processes
    click.echo(
        f"{'':<{width}} {'runs':>7} {'minutes':>7}  of all runs, {processes} at once; done in {store.folder}"
    )
    for study in studies:
        units = study.units(quick)
        done, total = store.records(units), len(units.settings)
        # Those that have not run are taken to be as long as those that have.
        seconds = [record["seconds"] for record in done.values()]
        mean = sum(seconds) / max(len(seconds), 1)
        minutes = f"{mean * total / 60 / processes:.1f}" if seconds else f"< {limit:g}"
        runs = f"{len(done)}/{total}"
        state = "done" if len(done) == total else "begun" if done else "not run"
        click.echo(f"{study.name:<{width}} {runs:>7} {minutes:>7}  {state + ':':<8} {study.title}")
    click.echo(f"At most {limit:g} minutes for each study, {limit * len(studies):g} for all {len(studies)}")


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


if __name__ == "__main__":
    main()
