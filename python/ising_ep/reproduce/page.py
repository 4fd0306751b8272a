"""The page of results, and the figures on it: of what is on disk, and of nothing else."""

from __future__ import annotations

import io
from collections.abc import Sequence

from ..files.atomic import replace
from .results import Store
from .study import Results, Study

HEAD = """\
# Laydevant, Markovic, Grollier (2024), reproduced

"Training an Ising machine with equilibrium propagation", Nature Communications 15, 3671 (2024),
<https://doi.org/10.1038/s41467-024-46879-4>. `ising-ep reproduce` wrote this page from the results in
`results/`; `ising-ep reproduce all` runs what is missing and writes it anew. MNIST/100 is the first 100
training images of each class. The paper tests on the first 10 test images of each class, where an accuracy of
0.89 has a standard error of 0.03; all 10,000 test images, where it is 0.003, come first here. A ± is one
standard deviation over the seeds.
"""
QUICK = """
**These are quick runs, of few epochs and seeds: they show that all works, and not what the paper shows.**
"""


def write(store: Store, studies: Sequence[Study]) -> list[Study]:
    """Draws the figures and writes ``README.md``, of all studies whose units have all run.

    Returns:
        The studies on the page.

    Raises:
        OSError: If they cannot be written.
    """
    records = {study.name: store.records(study) for study in studies}
    done = [study for study in studies if len(records[study.name]) == len(store.units(study))]
    sections = [_section(store, study, records[study.name]) for study in done]
    text = HEAD + (QUICK if store.quick else "") + "".join(sections)
    if len(done) < len(studies):
        names = (f"`{study.name}` ({study.title})" for study in studies if study not in done)
        text += f"\n## Not run yet\n\n{', '.join(names)}.\n"
    store.folder.mkdir(parents=True, exist_ok=True)
    replace(store.folder / "README.md", text.encode())
    return done


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, the first column to the left and the others to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _section(store: Store, study: Study, records: Results) -> str:
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
        f"\n{study.remarks(results).strip()}\n\n{_facts(store, study, records)}\n"
    )


def _facts(store: Store, study: Study, records: Results) -> str:
    """Command line, date, seeds, versions: small print under each section."""
    mnist = any(record["settings"].get("dataset") == "mnist" for record in records.values())
    command = f"ising-ep reproduce {study.name}" + " --quick" * store.quick + " --data-dir DIR" * mnist
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
