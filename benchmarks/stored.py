"""Benchmarks of many runs, each kept as soon as it is done, so that what was stopped goes on where it was.

The runs are units of `ising_ep.reproduce`, with its store and its processes; tables and figures are of the
scripts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

import report
from ising_ep.reproduce import runner
from ising_ep.reproduce.results import Store
from ising_ep.reproduce.study import Results, Settings, Study

# Looked for among the results, whatever the command line asks for.
MOST_SEEDS = 20

data_dir_option = click.option(
    "--data-dir",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="MNIST's IDX files.",
)
processes_option = click.option(
    "--processes", default=2, show_default=True, type=click.IntRange(1), help="Runs at once."
)
out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Results go to results/ in it, quick ones to quick/results/.  [default: benchmarks; quick: nowhere]",
)


class Runs:
    """The kept runs of one benchmark.

    Args:
        store: Where they are.
        name: Folder of their records.
        run: One run, of its settings and the folder of the data.
        written: Whether tables and figures are to be kept too.
    """

    def __init__(
        self, store: Store, name: str, run: Callable[[Settings, Path], dict[str, Any]], written: bool
    ) -> None:
        self._store, self._name, self._run, self._written = store, name, run, written

    def complete(
        self, units: dict[str, Settings], data_dir: Path, processes: int, *, one_by_one: bool = False
    ) -> None:
        """Runs those of the units that are missing; one by one, each in a process of its own."""
        missing = self._store.missing(self._study(units))
        report.console.print(f"{len(units) - len(missing)} runs are there, {len(missing)} are left")
        parts = [{key: unit} for key, unit in missing.items()] if one_by_one else [units]
        with report.progress() as bar:
            task = bar.add_task("runs", total=len(missing))

            def on_unit(_: Study, key: str, seconds: float) -> None:
                bar.console.print(f"{key}: {seconds:.0f} s")
                bar.advance(task)

            for part in parts:
                runner.run(self._store, [self._study(part)], data_dir, processes, on_unit)

    def records(self, units: dict[str, Settings]) -> Results:
        """Those of the units that are there, also from earlier calls."""
        return self._store.records(self._study(units))

    def write(self, text: str, figure: Any = None) -> None:
        """Prints the text; keeps it and the figure beside the records, if they are to be kept."""
        click.echo(text)
        if not self._written:
            return
        place = self._store.folder / "results" / self._name
        place.with_suffix(".md").write_text(text)
        if figure is not None:
            figure.savefig(place.with_suffix(".png"), dpi=150)
        report.console.print(f"wrote {place}.md" + (" and .png" if figure is not None else ""))

    def _study(self, units: dict[str, Settings]) -> Study:
        return Study(
            self._name,
            "",
            "",
            runs=lambda _: units,
            run=self._run,
            table=lambda _: ((), []),
            figures=lambda _: {},
            remarks=lambda _: "",
        )


@contextmanager
def runs(
    name: str, run: Callable[[Settings, Path], dict[str, Any]], out: Path | None, quick: bool
) -> Iterator[Runs]:
    """The runs of a benchmark: in `out`, by default here, of quick ones nowhere that lasts."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Store.of(out or (Path(scratch) if quick else report.RESULTS.parent), quick)
        yield Runs(store, name, run, written=out is not None or not quick)
