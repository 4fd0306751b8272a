"""The figures of benchmarks and papers, drawn again from the results that are kept; nothing is measured.

    python -m benchmarks.redraw [NAME]... [--out DIR]

`published` needs the published numbers too (see `benchmarks.samplers.published`), by `--lanl`.
`solver_embeddings` is not here: chains are not among the results, so `benchmarks.embedding.layouts` draws it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from matplotlib.figure import Figure

from benchmarks.chip import real_qpu
from benchmarks.embedding import layouts
from benchmarks.learning import long_runs, presets, variants
from benchmarks.machines import side_by_side as machines
from benchmarks.samplers import published, scaling, time_to_solution
from benchmarks.samplers import side_by_side as samplers
from benchmarks.support import report
from papers.laydevant2024 import contents
from papers.laydevant2024.contents import PAGE
from studies.units import Store

PAPER = Path(contents.__file__).parent


def _kept(name: str) -> Any:
    return json.loads((report.RESULTS / f"{name}.json").read_text())


def _records(name: str) -> dict[str, Any]:
    """All runs that are kept of a benchmark, under whatever settings they ran."""
    files = sorted((report.RESULTS / name).glob("*.json"))
    return {file.stem: json.loads(file.read_text()) for file in files}


def _with_infinity(row: dict[str, Any]) -> dict[str, Any]:
    """A row of times, infinity in the place of null."""

    def back(value: float | None) -> float:
        return float("inf") if value is None else value

    return row | {"seconds": back(row["seconds"]), "interval": [back(end) for end in row["interval"]]}


def _embeddings() -> Figure:
    points = _kept("embeddings")["points"]
    # Results of the first version name chip, yield and seed apart.
    old = "{chip}, {percent:g} % missing, seed {seed}"
    named = [
        {"graph": old.format(percent=100 * p["missing"], **p)} | p if "missing" in p else p for p in points
    ]
    return layouts.figure(named)


def _full_mnist() -> Figure:
    groups = presets.by_preset(_records("full_mnist"))
    return presets.draw({name: groups[name] for name in presets.SEEDS if name in groups})


def _learning() -> Figure:
    return variants.draw(variants.rows(_records("learning")))


def _long_runs() -> Figure:
    return long_runs.page(_records(long_runs.NAME))[1]


def _machines() -> Figure:
    return machines.draw(_kept("machines")["runs"])


def _real_qpu() -> Figure:
    kept = _kept("real_qpu")
    return real_qpu.draw([real_qpu.Compared(**row) for row in kept["small"]], kept["whole"])


def _samplers() -> Figure:
    works = _kept("samplers")["works"]
    results = {
        name: {(row["sampler"], row["threads"]): row for row in work["rows"]} for name, work in works.items()
    }
    return samplers.draw(results, {name: work["title"] for name, work in works.items()})


def _scaling() -> Figure:
    return scaling.draw(_kept("scaling")["points"])


def _time_to_solution() -> Figure:
    families = _kept("time_to_solution")["families"]
    results = {name: [_with_infinity(row) for row in family["rows"]] for name, family in families.items()}
    return time_to_solution.draw(results, {name: family["title"] for name, family in families.items()})


def _study(name: str) -> Figure:
    """The figure of a paper's study, if all of its runs are there under the settings of today."""
    (study,) = [each for each in PAGE.studies if each.name == name]
    units = study.units(False)
    records = Store(PAPER).records(units)
    if len(records) < len(units.settings):
        raise click.ClickException(f"{name}: {len(records)} of {len(units.settings)} runs are kept")
    return study.figures({key: record["result"] for key, record in records.items()})[name]


FIGURES: dict[str, Callable[[], Figure]] = {
    "embeddings": _embeddings,
    "full_mnist": _full_mnist,
    "learning": _learning,
    "long_runs": _long_runs,
    "machines": _machines,
    "real_qpu": _real_qpu,
    "samplers": _samplers,
    "scaling": _scaling,
    "time_to_solution": _time_to_solution,
}
STUDIES = tuple(study.name for study in PAGE.studies)


@click.command(epilog="Example: python -m benchmarks.redraw scaling samplers --out pictures")
@click.argument("names", nargs=-1, type=click.Choice((*FIGURES, *STUDIES, "published")))
@click.option(
    "--lanl", type=click.Path(exists=True, file_okay=False, path_type=Path), help="For `published`."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for all.  [default: the folder of each]",
)
def main(names: tuple[str, ...], lanl: Path | None, out: Path | None) -> None:
    """Draw these figures again, or all."""
    if "published" in names and lanl is None:
        raise click.UsageError("published needs --lanl, the folder of the published numbers")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    for name in names or (*FIGURES, *STUDIES, *(["published"] if lanl is not None else [])):
        if name == "published" and lanl is not None:
            kept = _kept(name)
            figure = published.draw(kept["rows"], published.published(lanl), kept["machine"]["cores"])
        else:
            try:
                figure = FIGURES[name]() if name in FIGURES else _study(name)
            except click.ClickException as error:
                click.echo(error.message, err=True)
                continue
        folder = out or (PAPER / "figures" if name in STUDIES else report.RESULTS)
        figure.savefig(folder / f"{name}.png", dpi=150)
        click.echo(f"wrote {name}.png")


if __name__ == "__main__":
    main()
