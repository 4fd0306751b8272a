"""The tables of A(s) and B(s) in the package, made anew from the published ones.

    python -m benchmarks.chip.thin_schedules --data FOLDER

FOLDER holds advantage_system4-standard.csv, advantage_system4-fast.csv and so on, of columns s, A_GHz and
B_GHz: D-Wave's tables, of which the README of the package's `schedules` says where they are from. From
s = 0 on, each point that is kept is as far ahead of the last one as lines between the points allow.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from ising_ep.chip.energy_scales import FAST, FOLDER, EnergyScales

# Largest errors, as fractions: of B, of A where it is above so many GHz, and of A where it is below.
B_ERROR, A_ERROR, SMALL, SMALL_A_ERROR = 1e-3, 1e-3, 1e-4, 0.1
# Points between two that are kept, at most.
REACH = 150
STANDARD = "-standard"
# Numbers of D-Wave's documents.
DOCUMENTS = {
    "advantage_system4": "09-1263A-C",
    "advantage_system6": "09-1273A-F",
    "advantage2_system1": "09-1312A-N",
    "advantage2_system2": "09-1324A-B",
    "advantage2_system4": "09-1323A-D",
}


def thin(s, columns, errors):
    """Places of the points that are kept.

    Args:
        s: (points,).
        columns: (2, points) A and B.
        errors: (2, points) the largest allowed of each.
    """
    kept = [0]
    while kept[-1] < len(s) - 1:
        first = kept[-1]
        kept.append(first + 1)
        for last in range(first + 2, min(first + REACH, len(s))):
            between = slice(first + 1, last)
            share = (s[between] - s[first]) / (s[last] - s[first])
            lines = columns[:, [first]] + share * (columns[:, [last]] - columns[:, [first]])
            if (np.abs(lines - columns[:, between]) <= errors[:, between]).all():
                kept[-1] = last
    return kept


def thinned(path):
    """The text of the package's table of one that is published."""
    scales = EnergyScales.from_csv(path)
    columns = np.stack([scales.a, scales.b])
    errors = columns * np.stack(
        [np.where(scales.a > SMALL, A_ERROR, SMALL_A_ERROR), np.full(len(scales.s), B_ERROR)]
    )
    # Rounding to seven digits takes a little of the errors.
    kept = thin(scales.s, columns, errors * (1 - 1e-3))
    rows = [f"{scales.s[k]:.7g},{scales.a[k]:.7g},{scales.b[k]:.7g}\n" for k in kept]
    document = DOCUMENTS[package_name(path).removesuffix(FAST)]
    source = f"# From D-Wave's document {document}, Apache-2.0; points left out, see README.md\n"
    return "".join([source, "s,A(s) (GHz),B(s) (GHz)\n", *rows])


def package_name(path):
    """Name of the package's table: that of the standard anneal has the solver's own."""
    return path.stem.removesuffix(STANDARD)


@click.command()
@click.option("--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, help="The package's."
)
def main(data: Path, out: Path) -> None:
    """Thin the tables of a folder and write them into the package."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(data.glob("*.csv")):
        text = thinned(path)
        (out / f"{package_name(path)}.csv").write_text(text)
        print(f"{package_name(path)}: {text.count(chr(10)) - 2} points, {len(text)} bytes")


if __name__ == "__main__":
    main()
