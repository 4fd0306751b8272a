"""The page of a paper's studies, and the figures on it: of what is on disk, and of nothing else."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from ising_ep.files.atomic import replace

from .markdown import table
from .study import Study
from .units import Results, Store

QUICK = """
**These are quick runs, of few epochs and seeds: they show that all works, and not what the paper shows.**
"""


@dataclass(frozen=True)
class Page:
    """What is on a page.

    Attributes:
        head: Its title and what stands above the studies.
        command: What runs them, from the root of a checkout.
        studies: Each is a section, in this order.
    """

    head: str
    command: str
    studies: tuple[Study, ...]

    def write(self, store: Store, quick: bool) -> list[Study]:
        """Draws the figures and writes ``README.md``, of all studies whose units have all run.

        Returns:
            The studies on the page.

        Raises:
            OSError: If they cannot be written.
        """
        records = {study.name: store.records(study.units(quick)) for study in self.studies}
        done = [s for s in self.studies if len(records[s.name]) == len(s.units(quick).settings)]
        text = self.head + QUICK * quick
        for study in done:
            text += _section(store, study, records[study.name])
            text += f"\n{self._facts(study, records[study.name], quick)}\n"
        if len(done) < len(self.studies):
            names = (f"`{study.name}` ({study.title})" for study in self.studies if study not in done)
            text += f"\n## Not run yet\n\n{', '.join(names)}.\n"
        store.folder.mkdir(parents=True, exist_ok=True)
        replace(store.folder / "README.md", text.encode())
        return done

    def _facts(self, study: Study, records: Results, quick: bool) -> str:
        """Command line, date, seeds, versions: small print under each section."""
        mnist = any(record["settings"].get("dataset") == "mnist" for record in records.values())
        command = f"{self.command} {study.name}" + " --quick" * quick + " --data-dir DIR" * mnist
        dates = sorted({record["date"][:10] for record in records.values()})
        seeds = sorted({record["seed"] for record in records.values() if record["seed"] is not None})
        versions = sorted(
            {", ".join(f"{k} {v}" for k, v in record["versions"].items()) for record in records.values()}
        )
        minutes = sum(record["seconds"] for record in records.values()) / 60
        when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
        return (
            f"`{command}`: {len(records)} runs, {minutes:.1f} minutes of one core, {when};"
            f" seeds {_ranges(seeds)}; {' and '.join(versions)}."
        )


def _section(store: Store, study: Study, records: Results) -> str:
    """What the paper says, table, figures and remarks."""
    results = {key: record["result"] for key, record in records.items()}
    folder = store.folder / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = ""
    for stem, figure in study.figures(results).items():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        replace(folder / f"{stem}.png", buffer.getvalue())
        pictures += f"\n![{study.title}: {stem}](figures/{stem}.png)\n"
    return (
        f"\n## {study.title}\n\n*The paper:* {study.paper}\n\n{table(*study.table(results))}{pictures}"
        f"\n{study.remarks(results).strip()}\n"
    )


def _ranges(numbers: Sequence[int]) -> str:
    """0 to 4, rather than every one of them.

    Example:
        >>> _ranges([0, 1, 2, 7])
        '0 to 2, 7'
    """
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]} to {p[-1]}" for p in parts) or "none"
