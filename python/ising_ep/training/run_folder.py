"""Run folders: settings, metrics and parameters of a run, on disk.

    config.json              settings, budget, versions, command line, fingerprint and shape of the data,
                             and what was given in place of what the settings describe; written once
    checkpoint.safetensors   parameters, arrays of the optimizer; the rest of `TrainState` as JSON in a header
    metrics.csv              one row an epoch, written from the checkpoint's history for reading
    chip.csv                 what each epoch cost, and how the chip did, of a run on one
    embedding.json           where the network is on the chip, of a run on one; written once
    solver.json              name and properties of the QPU, of a run on one; written once
    qpu.sqlite               all that was asked of the QPU (see `journal`)
    run.lock                 who writes to the run, while someone does (see `run_lock`)

Every file is replaced in one step, so a run that is killed at any moment leaves the last checkpoint
whole. Nothing is pickled: opening a run folder runs no code. The files are the folder's own: a link in the
place of one is refused, whether to read or to write.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
import platform
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from operator import sub
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..checks import digest, short
from ..config import TrainConfig
from ..datasets import Dataset
from ..errors import NotSavedError
from ..files.atomic import TEMPORARY, kind_of, replace, require_replaceable
from ..files.claim import is_name
from ..files.run_lock import LOCK, RunLock
from ..files.untrusted import MOST_BYTES, read_json
from ..learning import Memory
from ..machines.usage import Usage
from ..network import Parameters
from ..printable import one_line

COLUMNS = ("epoch", "train_accuracy", "train_loss", "test_accuracy", "test_loss", "seconds")
CONFIG, METRICS, CHECKPOINT = "config.json", "metrics.csv", "checkpoint.safetensors"
CHIP_COLUMNS = ("epoch", "calls", "qpu_access_time", "chain_break_fraction")
CHIP, EMBEDDING, SOLVER, JOURNAL = "chip.csv", "embedding.json", "solver.json", "qpu.sqlite"
CURVES, CONFUSION, WEIGHTS, READS = "curves.png", "confusion.png", "weights.png", "chip.png"
FILES = (
    *(CONFIG, METRICS, CHECKPOINT, CHIP, EMBEDDING, SOLVER, LOCK),
    *(JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", f"{JOURNAL}-journal"),
    *(CURVES, CONFUSION, WEIGHTS, READS),
)
FORMAT = 1
# Format of `CONFIG`. Format 1, without a number, does not say the shape of the data.
CONFIG_FORMAT = 2
# Bytes of a checkpoint besides its arrays: the state, in which quotes are written twice, names and shapes.
_MOST_HEADER = 4 * MOST_BYTES
# Arrays for each parameter that an optimizer may keep.
_MOST_KINDS = 4


@dataclass
class TrainState:
    """All that is needed to go on, bit for bit.

    Attributes:
        parameters: float32 arrays of the network, such as ``W0, W1, ..., b0, b1, ...``.
        epoch: Finished epochs.
        batch: Batches done of the epoch under way.
        images: Images of these batches.
        correct: How many of them were classified right.
        squared_error: Sum of their squared output errors.
        seconds: Wall time of these batches.
        history: One row for each finished epoch, by the names of ``metrics.csv``.
        predictions: Classes found for the test images after the last finished epoch.
        labels: Classes of the test images, there.
        usage: What the machine was used for until now.
        usages: The same at the end of each finished epoch.
        updates: Updates of the parameters.
        memory: float32 arrays that the optimizer keeps, for each name of its own one for each parameter.
    """

    parameters: Parameters
    epoch: int = 0
    batch: int = 0
    images: int = 0
    correct: int = 0
    squared_error: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    predictions: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    usages: list[Usage] = field(default_factory=list)
    updates: int = 0
    memory: Memory = field(default_factory=dict)

    def arrays(self) -> Parameters:
        """All arrays by their names in a checkpoint: parameters by their own, the optimizer's behind its."""
        kept = {f"{kind}.{name}": value for kind, of in self.memory.items() for name, value in of.items()}
        return self.parameters | kept

    def chip_history(self) -> list[dict[str, float]]:
        """What each finished epoch asked of a chip, by the names of ``chip.csv``."""
        return [
            {
                "epoch": epoch,
                "calls": used.problems,
                "qpu_access_time": round(used.access_time, 6),  # seconds, to the microsecond
                "chain_break_fraction": round(used.chain_break_fraction, 6),
            }
            for epoch, used in enumerate(map(sub, self.usages, [Usage(), *self.usages]), start=1)
        ]


@dataclass(frozen=True)
class DataRecord:
    """What a run keeps of its data set: enough to know it again, and to predict without it.

    Attributes:
        fingerprint: Of the data set (`Dataset.fingerprint`).
        num_inputs: Length of an input vector.
        num_classes: Number of classes.
        image_shape: Height, width and channels of an image, None where they are unknown.
    """

    fingerprint: str
    num_inputs: int
    num_classes: int
    image_shape: tuple[int, int, int] | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """The record of a data set."""
        return cls(dataset.fingerprint(), dataset.num_inputs, dataset.num_classes, dataset.image_shape)

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """The record in the settings of a run.

        Raises:
            ValueError: If it is none.
        """
        inputs, classes = content["num_inputs"], content["num_classes"]
        image = content.get("image_shape")
        sizes = (inputs, classes, *(image or ()))
        fits = image is None or (len(image) == 3 and math.prod(image) == inputs)
        if not (fits and all(type(size) is int and 1 <= size < 2**31 for size in sizes)):
            raise ValueError(f"the shape of its data is {short(content)}, expected sizes")
        return cls(str(content["fingerprint"]), inputs, classes, None if image is None else tuple(image))


class RunFolder:
    """The folder of one run. It has one writer at a time: what first writes to it holds it until `close`.

    Attributes:
        path: The folder.
        config: Settings of the run.
        data: What it keeps of the data it is trained on; None in a folder of format 1, which kept its
            fingerprint alone.
        given: What was given to the trainer in place of what the settings describe (a network, a machine, a
            rule), in words.
        fingerprint: Of the data it is trained on.
        max_qpu_time: Seconds of QPU access time that all that is asked for in the folder may take; None for
            no limit. It decides nothing of the result, so it is no setting.
    """

    def __init__(
        self,
        path: Path,
        config: TrainConfig,
        data: DataRecord | str,
        max_qpu_time: float | None = None,
        given: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.config = config
        self.data = None if isinstance(data, str) else data
        self.fingerprint = data if isinstance(data, str) else data.fingerprint
        self.max_qpu_time = max_qpu_time
        self.given = dict(given or {})
        self._lock: RunLock | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        config: TrainConfig,
        data: DataRecord,
        max_qpu_time: float | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Self:
        """Makes the folder and writes its settings.

        Raises:
            ValueError: If there is something in it already, or another process writes to it.
            OSError: If it cannot be written.
        """
        _require_empty(path)
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path, config, data, max_qpu_time, given)
        try:
            run.hold()
            _require_empty(path)  # of two that begin at once, the first may have been and gone
            run._write_config()
        except BaseException:
            run.close()
            raise
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads the settings of a run.

        Raises:
            FileNotFoundError: If the folder is not a run.
            ValueError: If its settings are not readable as such, or links stand in the place of its files.
        """
        file = path / CONFIG
        if not os.path.lexists(file):
            raise FileNotFoundError(f"{path} is not a run folder: it has no {CONFIG}")
        for name in FILES:
            _require_own(path / name)
        content = read_json(file, links=False)
        if not (isinstance(content, dict) and isinstance(content.get("config"), dict)):
            raise ValueError(
                f"{file} is not the settings of a run: {short(content)}, expected an object with a config"
            )
        try:
            config = TrainConfig.recorded(dict(content["config"]))
            data = _data(content)
            return cls(path, config, data, _budget(content.get("max_qpu_time")), _given(content))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"{file} is not the settings of a run: {_one_line(error)}") from None

    def hold(self) -> None:
        """Makes this process the only one that writes to the run, until `close`, or refuses to write.

        Raises:
            InUseError: If another process writes to it.
            StoppedError: If another process took the run while this one was stopped.
            OSError: If something other than a file of its own stands in the place of one, or the folder
                cannot be written to.
        """
        if self._lock is None:
            for name in FILES:
                require_replaceable(self.path / name)
            self._lock = RunLock(self.path)
        self._lock.check()

    def close(self) -> None:
        """Lets others write to the run."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def known_data(self) -> DataRecord:
        """What the run keeps of its data.

        Raises:
            ValueError: If the folder is of a format that does not keep it.
        """
        if self.data is None:
            raise ValueError(
                f"{self.path} is of format 1, which does not say the shape of its images;"
                f" `ising-ep train --resume {self.path}` with its data at hand brings it to format"
                f" {CONFIG_FORMAT}"
            )
        return self.data

    def change(self, config: TrainConfig, data: DataRecord, max_qpu_time: float | None = None) -> None:
        """Replaces settings and budget, for a run that goes on to more epochs, with more QPU time, or whose
        data moved, and brings the folder to the format of today."""
        self.config, self.data, self.max_qpu_time = config, data, max_qpu_time
        self.hold()
        self._write_config()

    def save(self, state: TrainState) -> None:
        """Replaces the checkpoint by ``state``, then the metrics by its history.

        Raises:
            NotSavedError: If the disk does not take it; the checkpoint before it stands.
            StoppedError: If another process took the run.
            ValueError: If another process writes to the run, or the history is longer than can be read back.
        """
        arrays = state.arrays()
        progress = {k: v for k, v in asdict(state).items() if k != "parameters"}
        text = json.dumps(progress | {"memory": list(state.memory)})
        if len(text) > MOST_BYTES:
            raise ValueError(f"the history of the run has {len(text):,} characters, expected {MOST_BYTES:,}")
        metadata = {"format": str(FORMAT), "state": text, "sha256": _digest(arrays, text)}
        if len(state.memory) > _MOST_KINDS:
            raise ValueError(
                f"memory has {len(state.memory)} kinds of arrays, expected {_MOST_KINDS} at most"
            )
        self.hold()
        try:
            replace(self.path / CHECKPOINT, save(arrays, metadata=metadata))
            replace(self.path / METRICS, _table(COLUMNS, state.history))
            if state.usage.chains:
                replace(self.path / CHIP, _table(CHIP_COLUMNS, state.chip_history()))
        except OSError as error:
            remedy = "make room first" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "mend that first"
            raise NotSavedError(
                f"{error.filename or self.path}: {error.strerror or error}; epoch {state.epoch + 1}, batch"
                f" {state.batch} is not saved, the last checkpoint stands; {remedy}"
            ) from None

    def load(self, shapes: Mapping[str, tuple[int, ...]] | None = None) -> TrainState:
        """The last checkpoint.

        Args:
            shapes: Those of the network's parameters, compared before any of them are read; None takes any.

        Raises:
            FileNotFoundError: If there is none yet.
            ValueError: If it is damaged, or not of this run.
        """
        file = self.path / CHECKPOINT
        if not os.path.lexists(file):
            raise FileNotFoundError(f"{self.path} holds no checkpoint yet")
        _require_own(file)
        try:
            _check_size(file.stat().st_size, shapes)
            with safe_open(file, framework="numpy") as tensors:
                metadata = tensors.metadata() or {}
                if metadata.get("format") != str(FORMAT):
                    raise ValueError(f"its format is {metadata.get('format')!r}, expected {FORMAT}")
                if len(metadata["state"]) > MOST_BYTES:
                    raise ValueError(f"its history is longer than {MOST_BYTES:,} characters")
                progress = json.loads(metadata["state"])
                kinds = _memory_kinds(progress)
                slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
                found = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
                _check_arrays(found, shapes, kinds)
                arrays = {name: np.array(tensors.get_tensor(name)) for name in slices}
            if metadata["sha256"] != _digest(arrays, metadata["state"]):
                raise ValueError("its numbers are not those that were saved")
            progress["usage"] = Usage.checked(progress.get("usage", {}))
            progress["usages"] = [Usage.checked(usage) for usage in progress.get("usages", [])]
            parameters, memory = _apart(arrays, kinds)
            state = TrainState(parameters=parameters, memory=memory, **progress)
            _check(state, self.config.batch_size)
        # Numbers of a kind that numpy lacks are an AttributeError, sizes past any float an ArithmeticError.
        except (
            SafetensorError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise ValueError(
                f"{file} is not a checkpoint of this run: {_one_line(error)}; with the file removed, --resume"
                f" {self._resumes_at()}"
            ) from None
        return state

    def _resumes_at(self) -> str:
        """Where a run without its checkpoint goes on."""
        if (self.path / JOURNAL).exists():
            return f"begins anew with what {JOURNAL} knows of the problems that were sent"
        return "begins anew"

    def keep_solver(
        self, name: str, version: Mapping[str, Any], graph_id: str, properties: Mapping[str, Any], run: str
    ) -> None:
        """Writes which QPU the run is on, in which version, and the name of the run at the service; the file
        serves as ``--chip`` too."""
        content = {"name": name, "version": version, "graph_id": graph_id, "run": run, **properties}
        self.hold()
        replace(self.path / SOLVER, json.dumps(content).encode())

    def solver(self) -> str | None:
        """Name of the QPU that the run is on, if it is on one.

        Raises:
            ValueError: If the file does not say it.
        """
        file = self.path / SOLVER
        if not os.path.lexists(file):
            return None
        content = read_json(file, links=False)
        name = content.get("name") if isinstance(content, dict) else None
        if not isinstance(name, str):
            raise ValueError(f"{file} is damaged: it does not say which solver the run is on")
        return name

    def name_at_solver(self) -> str | None:
        """Name of the run in the labels of its problems, if the file of its QPU says it; runs of earlier
        versions have it in their journal alone.

        Raises:
            ValueError: If the file says what is no name: under another one all would be paid for again.
        """
        if self.solver() is None:
            return None
        name = read_json(self.path / SOLVER, links=False).get("run")
        if name is not None and not is_name(name):
            raise ValueError(
                f"{self.path / SOLVER} is damaged: run is {_one_line(repr(name))}, expected the run's name"
            )
        return name

    def remove_leftovers(self) -> None:
        """Removes files whose writing was cut off."""
        self.hold()
        for file in self.path.glob(f"{TEMPORARY}*"):
            file.unlink()

    def _write_config(self) -> None:
        content = {
            "format": CONFIG_FORMAT,
            "config": self.config.model_dump(mode="json"),
            **asdict(self.known_data()),
            "given": self.given,
            "max_qpu_time": self.max_qpu_time,
            "command": sys.argv,
            "versions": {
                "python": platform.python_version(),
                **{name: version(name) for name in ("ising-ep", "numpy", "scikit-learn")},
            },
        }
        replace(self.path / CONFIG, json.dumps(content, indent=2).encode() + b"\n")


def _data(content: Mapping[str, Any]) -> DataRecord | str:
    """What the settings of a run say of its data: the fingerprint alone in format 1."""
    found = content.get("format", 1)
    if found not in (1, CONFIG_FORMAT) or type(found) is not int:
        raise ValueError(
            f"its format is {short(found)}, expected at most {CONFIG_FORMAT}: it is of a later version of"
            " ising-ep"
        )
    return str(content["fingerprint"]) if found == 1 else DataRecord.read(content)


def _given(content: Mapping[str, Any]) -> dict[str, str]:
    given = content.get("given", {})
    if not isinstance(given, dict) or not all(isinstance(text, str) for text in given.values()):
        raise ValueError(f"given is {short(given)}, expected words for what was given to the trainer")
    return given


def _budget(value: Any) -> float | None:
    if value is None or (_is_finite(value) and value > 0):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"max_qpu_time is {value!r}, expected a number > 0, or null for no limit")


def _require_empty(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(file.name != LOCK for file in path.iterdir())):
        raise ValueError(f"{path} exists and is not an empty folder; choose another, or --resume it")


def _require_own(file: Path) -> None:
    """Refuses what stands in the place of a run's file and is none, such as a link to another."""
    try:
        mode = os.lstat(file).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise ValueError(f"{file} is {kind_of(mode)}, expected a file of the run's own")


def _table(columns: tuple[str, ...], rows: list[dict[str, float]]) -> bytes:
    table = io.StringIO()
    writer = csv.DictWriter(table, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()


def _digest(parameters: Parameters, progress: str) -> str:
    """Tells a flipped bit in a weight, which would train on without a word, from the weight."""
    parts: list[NDArray[Any] | str] = [progress]
    for name, value in sorted(parameters.items()):
        parts += [f"{name}{value.dtype.str}{value.shape}", value]
    return digest(*parts).hex()


def _memory_kinds(progress: dict[str, Any]) -> list[str]:
    """Takes from a state what the optimizer calls its arrays. Earlier versions had Adam's and did not say."""
    kinds = progress.pop("memory", ["m", "v"])
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise ValueError(f"its memory is {short(kinds)}, expected the names of an optimizer's arrays")
    return kinds


def _apart(arrays: Parameters, kinds: Sequence[str]) -> tuple[Parameters, Memory]:
    """The parameters, and the optimizer's arrays; the other way of `TrainState.arrays`."""
    kept = {f"{kind}.{name}" for kind in kinds for name in arrays}
    parameters = {name: value for name, value in arrays.items() if name not in kept}
    memory = {
        kind: {name: arrays[f"{kind}.{name}"] for name in parameters if f"{kind}.{name}" in arrays}
        for kind in kinds
    }
    return parameters, {kind: values for kind, values in memory.items() if values}


def _check_size(size: int, shapes: Mapping[str, tuple[int, ...]] | None) -> None:
    """That a file has no more bytes than parameters of these shapes, an optimizer's arrays, and a header."""
    if shapes is None:
        return
    most = _MOST_HEADER + (1 + _MOST_KINDS) * 4 * sum(map(math.prod, shapes.values()))
    if size > most:
        raise ValueError(f"it has {size:,} bytes, expected at most {most:,}")


def _check_arrays(
    found: Mapping[str, tuple[str, tuple[int, ...]]],
    shapes: Mapping[str, tuple[int, ...]] | None,
    kinds: Sequence[str],
) -> None:
    """That arrays of these types and shapes are parameters, and what an optimizer keeps of each."""
    if shapes is None:
        kept = {f"{kind}.{name}" for kind in kinds for name in found}
        shapes = {name: shape for name, (_, shape) in found.items() if name not in kept}
    wanted = dict(shapes) | {f"{kind}.{name}": shape for kind in kinds for name, shape in shapes.items()}
    for name in sorted(shapes.keys() | found.keys()):
        kind, shape = found.get(name, ("F32", None))
        if kind != "F32":
            raise ValueError(f"array {name!r} is of {kind}, expected F32")
        if shape != wanted.get(name):
            raise ValueError(f"array {name!r} has shape {shape}, expected {wanted.get(name)}")


def _check(state: TrainState, batch_size: int) -> None:
    """That the state is one that training could have left."""
    for name, value in state.arrays().items():
        if value.dtype != np.float32 or not np.isfinite(value).all():
            raise ValueError(f"parameter {name} is not of finite float32 numbers")
    for name in ("epoch", "batch", "images", "correct", "updates"):
        if type(getattr(state, name)) is not int or getattr(state, name) < 0:
            raise ValueError(f"{name} is {getattr(state, name)!r}, expected a number >= 0")
    for name in ("squared_error", "seconds"):
        if not _is_finite(getattr(state, name)):
            raise ValueError(f"{name} is {getattr(state, name)!r}, expected a finite number")
    if not (state.batch - 1) * batch_size < state.images <= state.batch * batch_size:
        raise ValueError(f"images is {state.images}, expected those of {state.batch} batches of {batch_size}")
    if state.correct > state.images:
        raise ValueError(f"correct is {state.correct}, expected at most images, {state.images}")
    if len(state.history) != state.epoch or not all(
        isinstance(row, dict)
        and row.keys() == set(COLUMNS)
        and row["epoch"] == epoch
        and all(map(_is_finite, row.values()))
        for epoch, row in enumerate(state.history, start=1)
    ):
        raise ValueError(f"its history is not that of {state.epoch} epochs")
    for name in ("predictions", "labels"):
        if not all(type(label) is int and label >= 0 for label in getattr(state, name)):
            raise ValueError(f"its {name} are not classes")


def _is_finite(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _one_line(error: Any) -> str:
    """What is wrong: a line that can be printed, and not all that a file may hold."""
    line = one_line(f"it lacks {error}" if isinstance(error, KeyError) else str(error)[:1000])
    return line if len(line) <= 300 else f"{line[:297]}..."
