"""Benchmarks of many runs, each kept as soon as it is done, so that what was stopped goes on where it was.

The runs are units of `studies`; tables and figures are of the scripts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from matplotlib.figure import Figure

from studies.processes import complete
from studies.units import Results, Run, Settings, Store, Units

from . import report

# Looked for among the results, whatever the command line asks for.
MOST_SEEDS = 20

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Results go to results/ in it, quick ones to quick/results/.  [default: benchmarks; quick: nowhere]",
)


class Kept:
    """The kept runs of one benchmark.

    Args:
        store: Where they are.
        name: Folder of their records.
        run: One run, of its settings and the folder of the data.
        written: Whether tables and figures are to be kept too.
    """

    def __init__(self, store: Store, name: str, run: Run, written: bool) -> None:
        self._store, self._name, self._run, self._written = store, name, run, written

    def complete(
        self, units: dict[str, Settings], data_dir: Path, processes: int, *, fresh: bool = False
    ) -> None:
        """Runs those of the units that are missing; ``fresh`` ones each in a process of its own."""
        complete(self._store, [Units(self._name, units, self._run)], data_dir, processes, fresh=fresh)

    def records(self, units: dict[str, Settings]) -> Results:
        """Those of the units that are there, also from earlier calls."""
        return self._store.records(Units(self._name, units, self._run))

    def write(self, text: str, figure: Figure | None = None) -> None:
        """Prints the text; keeps it and the figure beside the records, if they are to be kept."""
        click.echo(text)
        if self._written:
            report.write_page(self._store.folder / "results", self._name, text, figure)


@contextmanager
def kept(name: str, run: Run, out: Path | None, quick: bool) -> Iterator[Kept]:
    """The runs of a benchmark: in `out`, by default here, of quick ones nowhere that lasts."""
    with tempfile.TemporaryDirectory() as scratch:
        store = Store.of(out or (Path(scratch) if quick else report.RESULTS.parent), quick)
        yield Kept(store, name, run, written=out is not None or not quick)
