"""Sample sets on disk: as dimod's JSON, as a table, as arrays.

.json   `dimod.SampleSet.from_serializable(json.load(file))` reads it back, settings in its `info`
.csv    one line a read: a column a variable, then energy and num_occurrences; settings in .csv.json
.npz    states (reads, variables) int8, energies (reads,) float64, labels (variables,), settings as JSON
"""

import csv
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from ..files.atomic import replace, require_replaceable

ENDINGS = (".json", ".csv", ".npz")
_MAX_LABEL_BYTES = 2**28


def check_output(path: Path, *, force: bool, source: Path) -> None:
    """Refuses, before any work is done, a file that could not or should not be written afterwards.

    Args:
        path: The file to write.
        force: Whether a file that is there may be overwritten.
        source: The file with the problem, which never may.

    Raises:
        ValueError: Another ending than `ENDINGS`, or the source itself.
        OSError: A file that exists, or a folder that is missing or not to be written to.

    Example:
        >>> check_output(Path("states.txt"), force=False, source=Path("problem.coo"))
        Traceback (most recent call last):
        ValueError: states.txt: expected a name that ends in .json, .csv or .npz
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(f"{path}: expected a name that ends in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(f"{path}: the folder {path.parent} cannot be written to")
    for file in _files(path):
        if file.is_dir():
            raise IsADirectoryError(f"{file} is a folder, expected a file to write")
        if file.exists() and source.exists() and file.samefile(source):
            raise ValueError(f"{file} is the file with the problem, which is never overwritten")
        if not force and os.path.lexists(file):
            raise FileExistsError(f"{file} exists; choose another, or overwrite it with --force")
        require_replaceable(file)


def write_sampleset(path: Path, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    """Writes the reads in their order, in the format of the name's ending, over what was there before."""
    text = (json.dumps(settings, indent=2) + "\n").encode()
    ending = path.suffix.lower()
    if ending == ".json":
        obj = sampleset.to_serializable()  # type: ignore[no-untyped-call]
        replace(path, json.dumps(obj | {"info": settings}).encode())
    elif ending == ".csv":
        with _written(_files(path)[0], text):  # first, so that no table is without its settings
            replace(path, _table(sampleset).encode())
    else:
        file = io.BytesIO()
        np.savez_compressed(
            file,
            states=sampleset.record.sample,
            energies=sampleset.record.energy,
            labels=label_array(list(sampleset.variables)),
            settings=np.array(json.dumps(settings)),
        )
        replace(path, file.getvalue())


def label_array(labels: list[Any]) -> NDArray[Any]:
    """Labels (variables,): all integers or all texts as they are, others as JSON; never of dtype object.

    Raises:
        ValueError: If one label is so long that an array of as long ones would not fit into memory.

    Example:
        >>> label_array(["a", "b"]).tolist(), label_array(["a", 1, (2, 3)]).tolist()
        (['a', 'b'], ['"a"', '1', '[2, 3]'])
    """
    if all(type(label) is int for label in labels):
        return np.array(labels, dtype=np.int64)
    # numpy drops zeros from the end of a text.
    as_is = all(isinstance(label, str) and not label.endswith("\0") for label in labels)
    texts = labels if as_is else [json.dumps(label) for label in labels]
    longest = max(map(len, texts))
    if 4 * longest * len(texts) > _MAX_LABEL_BYTES:
        raise ValueError(f"a label has {longest} characters, too long for .npz; expected .json or .csv")
    return np.array(texts)


def _files(path: Path) -> list[Path]:
    """The files that are written for an output: a table has no place for settings."""
    return [path.with_name(f"{path.name}.json"), path] if path.suffix.lower() == ".csv" else [path]


@contextmanager
def _written(path: Path, content: bytes) -> Iterator[None]:
    """Writes a file, and has it as it was before if what follows fails."""
    before = path.read_bytes() if path.exists() else None
    replace(path, content)
    try:
        yield
    except BaseException:
        if before is None:
            path.unlink()
        else:
            replace(path, before)
        raise


def _table(sampleset: dimod.SampleSet) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*sampleset.variables, "energy", "num_occurrences"])
    record = sampleset.record
    columns = (record.sample, record.energy, record.num_occurrences)
    for states, energy, number in zip(*columns, strict=True):
        writer.writerow([*states.tolist(), float(energy), int(number)])
    return text.getvalue()
