"""Sample sets on disk, in the format of the name's ending: a row of `OUTPUTS` for each."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dimod
import numpy as np
from numpy.typing import NDArray

from ..files.atomic import replace
from .parsing.table import short

_MAX_LABEL_BYTES = 2**28


def output_files(path: Path, source: Path) -> list[Path]:
    """The files that are written for one of that name.

    Args:
        path: The file to write.
        source: The file with the problem, which is never overwritten.

    Raises:
        ValueError: An ending of no format, or the source itself.

    Example:
        >>> [str(file) for file in output_files(Path("states.csv"), Path("problem.coo"))]
        ['states.csv', 'states.csv.json']
    """
    if path.suffix.lower() not in OUTPUTS:
        raise ValueError(f"{path}: expected a name that ends in {_listed(OUTPUTS)}")
    files = _output_of(path).files(path)
    for file in files:
        if file.exists() and source.exists() and file.samefile(source):
            raise ValueError(f"{file} is the file with the problem, which is never overwritten")
    return files


def check_labels(path: Path, labels: list[Any]) -> None:
    """Refuses, before any work is done, labels of variables that the file could not hold.

    Raises:
        ValueError: Names a label that is too long, or that two columns would have.
    """
    _output_of(path).check_labels(labels)


def write_sampleset(path: Path, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    """Writes the rows in their order, in the format of the name's ending, over what was there before."""
    _output_of(path).write(path, sampleset, _finite(settings))


def _finite(value: Any) -> Any:
    """Settings as JSON can have them, which has no infinite numbers: they become texts.

    Example:
        >>> _finite({"lower_bound": -math.inf, "betas": (1.0, math.inf)})
        {'lower_bound': '-Infinity', 'betas': [1.0, 'Infinity']}
    """
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return json.dumps(value) if isinstance(value, float) and not math.isfinite(value) else value


def count_distinct(states: NDArray[np.int8]) -> int:
    """Number of distinct rows of states (reads, variables) of -1 and 1, or 0 and 1.

    Example:
        >>> count_distinct(np.array([[1, -1], [1, 1], [1, -1]]))
        2
    """
    return len({row.tobytes() for row in np.packbits(states > 0, axis=1)})


def distinct(sampleset: dimod.SampleSet) -> dimod.SampleSet:
    """The distinct states with their numbers of occurrences, the lowest energy first.

    Example:
        >>> reads = dimod.SampleSet.from_samples([{"a": 1}, {"a": -1}, {"a": 1}], "SPIN", [2.0, -2.0, 2.0])
        >>> [(dict(row.sample), int(row.num_occurrences)) for row in distinct(reads).data()]
        [({'a': np.int8(-1)}, 1), ({'a': np.int8(1)}, 2)]
    """
    rows = sampleset.aggregate()  # type: ignore[no-untyped-call]
    order = np.argsort(rows.record.energy, kind="stable")
    return dimod.SampleSet(rows.record[order], rows.variables, rows.info, rows.vartype)  # type: ignore[no-untyped-call]


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
        others = [ending for ending in OUTPUTS if ending != ".npz"]
        raise ValueError(f"a label has {longest} characters, too long for .npz; expected {_listed(others)}")
    return np.array(texts)


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


def _write_json(path: Path, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    obj = sampleset.to_serializable()  # type: ignore[no-untyped-call]
    replace(path, json.dumps(obj | {"info": settings}).encode())


def _write_csv(path: Path, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    """A table, which has no place for settings, and a file beside it with them."""
    text = (json.dumps(settings, indent=2) + "\n").encode()
    with _written(_beside(path), text):  # first, so that no table is without its settings
        replace(path, _table(sampleset).encode())


def _write_npz(path: Path, sampleset: dimod.SampleSet, settings: dict[str, Any]) -> None:
    file = io.BytesIO()
    np.savez_compressed(
        file,
        states=sampleset.record.sample,
        energies=sampleset.record.energy,
        num_occurrences=sampleset.record.num_occurrences,
        labels=label_array(list(sampleset.variables)),
        settings=np.array(json.dumps(settings)),
    )
    replace(path, file.getvalue())


def _beside(path: Path) -> Path:
    """The file with the settings of a table."""
    return path.with_name(f"{path.name}.json")


def _columns(labels: list[Any]) -> list[str]:
    """The names of a table's columns.

    Raises:
        ValueError: If two are the same, as those of the variables 1 and "1", or of one called energy.
    """
    names = [*map(str, labels), "energy", "num_occurrences"]
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        kept = [ending for ending in OUTPUTS if ending != ".csv"]
        raise ValueError(
            f"a variable is called {short(twice)}, and so is another column of a .csv;"
            f" expected {_listed(kept)}"
        )
    return names


def _table(sampleset: dimod.SampleSet) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_columns(list(sampleset.variables)))
    record = sampleset.record
    columns = (record.sample, record.energy, record.num_occurrences)
    for states, energy, number in zip(*columns, strict=True):
        writer.writerow([*states.tolist(), float(energy), int(number)])
    return text.getvalue()


@dataclass(frozen=True)
class Output:
    """A format of sample sets.

    Attributes:
        ending: Of the name of a file.
        what: What is in it, or how it is read, for the help.
        write: Writes a sample set and its settings, whole or not at all.
        files: The files that are written for one of that name.
        check_labels: Refuses labels that a file could not hold.
    """

    ending: str
    what: str
    write: Callable[[Path, dimod.SampleSet, dict[str, Any]], None]
    files: Callable[[Path], list[Path]] = lambda path: [path]
    check_labels: Callable[[list[Any]], object] = lambda labels: None


OUTPUTS = {
    output.ending: output
    for output in (
        Output(
            ".json",
            'read it with dimod.SampleSet.from_serializable(json.load(open("states.json")))',
            _write_json,
        ),
        Output(
            ".csv",
            "a column for each variable, energy, num_occurrences; settings in states.csv.json",
            _write_csv,
            files=lambda path: [path, _beside(path)],
            check_labels=_columns,
        ),
        Output(
            ".npz",
            'arrays states, energies, num_occurrences, labels, settings: numpy.load("states.npz")',
            _write_npz,
            check_labels=label_array,
        ),
    )
}


def _output_of(path: Path) -> Output:
    return OUTPUTS[path.suffix.lower()]


def _listed(endings: Iterable[str]) -> str:
    *most, last = endings
    return f"{', '.join(most)} or {last}"
