"""Run folders: settings, metrics and parameters of a run, on disk.

    config.json              the run's name, settings, with absolute paths, budget, versions, command line,
                             fingerprint and shape of the data, and what was given in place of what the
                             settings describe; written once
    checkpoint.safetensors   parameters, arrays of the optimizer; the rest of `TrainState`, as JSON, and
                             the run's name in its header
    metrics.csv              one row an epoch, written from the checkpoint's history for reading
    chip.csv                 what each epoch cost, and how the chip did, of a run on one
    embedding.json           where the network is on the chip, of a run on one; written once
    energy_scales.csv        A(s) and B(s) of a modelled chip, of a run with a table of its own; written once
    solver.json              name and properties of the QPU, of a run on one, or properties of the modelled
                             chip, of a run with a file of them; written once
    calibration.json         settings of the chip model as fitted to the QPU's reads, by `ising-ep calibrate`
    report.html              the run as a page, by `ising-ep report`
    qpu.sqlite               all that was asked of the QPU (see `journal`)
    run.lock                 who writes to the run, while someone does (see `run_lock`)

Every file is replaced in one step, so a run that is killed at any moment leaves the last checkpoint
whole. Nothing is pickled: opening a run folder runs no code. The files are the folder's own: a link in the
place of one is refused, whether to read or to write.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from ..checks import short
from ..config import TrainConfig
from ..datasets import Dataset
from ..errors import NotSavedError
from ..files.atomic import TEMPORARY, kind_of, replace, require_replaceable
from ..files.claim import is_name
from ..files.run_lock import LOCK, RunLock
from ..files.untrusted import read_json
from ..machines import Machine
from .checkpoint import damage_named, read_checkpoint, what_is_wrong, write_checkpoint
from .record import CONFIG_FORMAT, DataRecord, Origin, read_budget, read_data, read_given, read_name
from .state import CHIP_COLUMNS, COLUMNS, TrainState, table

# What the settings of a run are called in messages.
SETTINGS = "the settings of a run"
CONFIG, METRICS, CHECKPOINT = "config.json", "metrics.csv", "checkpoint.safetensors"
CHIP, EMBEDDING, SOLVER, JOURNAL = "chip.csv", "embedding.json", "solver.json", "qpu.sqlite"
SCALES = "energy_scales.csv"
CALIBRATION = "calibration.json"
CURVES, CONFUSION, WEIGHTS, READS = "curves.png", "confusion.png", "weights.png", "chip.png"
REPORT = "report.html"
FILES = (
    *(CONFIG, METRICS, CHECKPOINT, CHIP, EMBEDDING, SCALES, SOLVER, CALIBRATION, LOCK),
    *(JOURNAL, f"{JOURNAL}-wal", f"{JOURNAL}-shm", f"{JOURNAL}-journal"),
    *(CURVES, CONFUSION, WEIGHTS, READS, REPORT),
)


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
        origin: The command and the versions that wrote its settings.
        name: Tells it from other runs, and is that of its copies too; None in folders of earlier versions.
    """

    def __init__(
        self,
        path: Path,
        config: TrainConfig,
        data: DataRecord | str,
        max_qpu_time: float | None = None,
        given: Mapping[str, str] | None = None,
        origin: Origin | None = None,
        name: str | None = None,
    ) -> None:
        self.path = path
        self.config = config
        self.data = None if isinstance(data, str) else data
        self.fingerprint = data if isinstance(data, str) else data.fingerprint
        self.max_qpu_time = max_qpu_time
        self.given = dict(given or {})
        self.origin = origin or Origin.here()
        self.name = name
        self._lock: RunLock | None = None
        self._machine: Machine | None = None
        # Files that it was created with, and the folder itself.
        self._begun: list[Path] = []

    @classmethod
    def create(
        cls,
        path: Path,
        config: TrainConfig,
        data: DataRecord,
        max_qpu_time: float | None = None,
        given: Mapping[str, str] | None = None,
        machine: Machine | None = None,
    ) -> Self:
        """Makes the folder and writes its settings, and what the machine is built from again.

        Args:
            path: The folder; it is empty, or not there.
            config: Settings of the run.
            data: Record of its data.
            max_qpu_time: See the class.
            given: See the class.
            machine: As for `keep`.

        Raises:
            ValueError: If there is something in it already, or another process writes to it.
            OSError: If it cannot be written.
        """
        _require_empty(path)
        made = [] if path.exists() else [path]
        path.mkdir(parents=True, exist_ok=True)
        run = cls(path, config.located(), data, max_qpu_time, given, name=secrets.token_hex(6))
        try:
            run.hold()
            _require_empty(path)  # of two that begin at once, the first may have been and gone
            run._write_config()
            if machine is not None:
                run.keep(machine)
            run._begun = [file for file in path.iterdir() if file.name != LOCK] + made
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
        if not _are_settings(content):
            raise ValueError(f"{file} is not {SETTINGS}: {short(content)}, expected an object with a config")
        with damage_named(file, SETTINGS):
            config = TrainConfig.recorded(content["config"])
            data, budget, given = read_data(content), read_budget(content), read_given(content)
            return cls(path, config, data, budget, given, Origin.read(content), read_name(content))

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

    def keep(self, machine: Machine) -> None:
        """Writes what the machine is built from again, and tells it of each checkpoint from now on."""
        self.hold()
        machine.keep(self.path)
        self._machine = machine

    @contextmanager
    def removed_if_not_saved(self) -> Iterator[None]:
        """Closes the run at the end; removes what it was created with if it ends by an error before its
        first checkpoint."""
        try:
            yield
        except BaseException:
            saved = os.path.lexists(self.path / CHECKPOINT)
            self.close()
            for file in () if saved else self._begun:
                with suppress(OSError):  # others have written to the folder, too
                    file.rmdir() if file.is_dir() else file.unlink()
            raise
        self.close()

    def check_data(self, dataset: Dataset, name: str) -> None:
        """Refuses other data than those that the run is trained on.

        Args:
            dataset: The data.
            name: What they are called in a refusal.

        Raises:
            ValueError: If they are others.
        """
        if dataset.fingerprint() != self.fingerprint:
            raise ValueError(f"{name} does not hold the images that the run in {self.path} was trained on")

    def known_data(self) -> DataRecord:
        """Returns the run's record of its data.

        Raises:
            ValueError: If the folder is of a format that does not keep it.
        """
        if self.data is None:
            raise ValueError(
                f"{self.path} is of format 1, which does not say the shape of its images;"
                f" `ising-ep train --resume {shlex.quote(str(self.path))}` with its data at hand brings it to"
                f" format {CONFIG_FORMAT}"
            )
        return self.data

    def change(
        self,
        config: TrainConfig,
        data: DataRecord,
        max_qpu_time: float | None = None,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """Replaces settings and budget, for a run that goes on to more epochs, with more QPU time, with parts
        of its own, or whose data moved, and brings the folder to the format of today."""
        self.config, self.data, self.max_qpu_time = config.located(), data, max_qpu_time
        self.given, self.origin = dict(given or {}), Origin.here()
        self.hold()
        self._write_config()

    def save(self, state: TrainState) -> None:
        """Replaces the checkpoint by ``state``, then the metrics by its history.

        Raises:
            NotSavedError: If the disk does not take it; the checkpoint before it stands.
            StoppedError: If another process took the run.
            ValueError: If another process writes to the run, or the history is longer than can be read back.
        """
        content = write_checkpoint(state, self.name)
        self.hold()
        try:
            replace(self.path / CHECKPOINT, content)
            replace(self.path / METRICS, table(COLUMNS, state.history))
            if state.usage.chains:
                replace(self.path / CHIP, table(CHIP_COLUMNS, state.chip_history()))
        except OSError as error:
            remedy = "make room first" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "mend that first"
            raise NotSavedError(
                f"{error.filename or self.path}: {error.strerror or error}; epoch {state.epoch + 1}, batch"
                f" {state.batch} is not saved, the last checkpoint stands; {remedy}"
            ) from None
        if self._machine is not None:
            self._machine.saved(state.usage)

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
            return read_checkpoint(file, shapes, self.config.batch_size, self.name)
        except ValueError as error:
            raise ValueError(f"{error}; with the file removed, --resume {self._resumes_at()}") from None

    def _resumes_at(self) -> str:
        """Says where a run without its checkpoint goes on."""
        if (self.path / JOURNAL).exists():
            return f"begins anew with what {JOURNAL} knows of the problems that were sent"
        return "begins anew"

    def keep_solver(self, content: Mapping[str, Any]) -> None:
        """Writes name, version, graph_id and properties of the QPU that the run is on, and the names of the
        run and of its embedding. The file serves as ``--chip`` too."""
        self.hold()
        replace(self.path / SOLVER, json.dumps(content).encode())

    def solver(self) -> str | None:
        """Name of the QPU that the run is on, if it is on one; a modelled chip has none.

        Raises:
            ValueError: If the file does not say it.
        """
        return self._at_solver().get("name")

    def name_at_solver(self) -> str | None:
        """Name of the run in the labels of its problems, if the file of its QPU says it; runs of earlier
        versions have it in their journal alone.

        Raises:
            ValueError: If the file says what is no name: under another one all would be paid for again.
        """
        name = self._at_solver().get("run")
        if name is not None and not is_name(name):
            raise ValueError(
                f"{self.path / SOLVER} is damaged: run is {what_is_wrong(repr(name))}, expected the run's"
                " name"
            )
        return name

    def check_embedding(self, name: str) -> None:
        """Refuses, by a ValueError, another embedding than that of the problems that were sent, if it is
        known."""
        if self._at_solver().get("embedding", name) != name:
            raise ValueError(
                f"{self.path / EMBEDDING} is not the embedding that the run's problems so far were sent with."
                " Was it edited? Undo it, or begin a new run"
            )

    def _at_solver(self) -> dict[str, Any]:
        """What the file of the run's QPU says; empty if there is none."""
        file = self.path / SOLVER
        if self.config.machine != "qpu" or not os.path.lexists(file):
            return {}
        content = read_json(file, links=False)
        if not isinstance(content, dict) or not isinstance(content.get("name"), str):
            raise ValueError(f"{file} is damaged: it does not say which solver the run is on")
        return content

    def remove_leftovers(self) -> None:
        """Removes files whose writing was cut off."""
        self.hold()
        for file in self.path.glob(f"{TEMPORARY}*"):
            file.unlink()

    def _write_config(self) -> None:
        content = {
            "format": CONFIG_FORMAT,
            "run": self.name,
            "config": self.config.model_dump(mode="json"),
            **asdict(self.known_data()),
            "given": self.given,
            "max_qpu_time": self.max_qpu_time,
            **asdict(self.origin),
        }
        replace(self.path / CONFIG, json.dumps(content, indent=2).encode() + b"\n")


def is_run(folder: Path) -> bool:
    """Tells whether a folder is that of a run, be its settings readable or damaged."""
    file = folder / CONFIG
    if not os.path.lexists(file):
        return False
    try:
        return _are_settings(read_json(file))
    except (OSError, ValueError):
        return True


def refuse_file_of_a_run(file: Path, other: str = "another") -> None:
    """Refuses, by a ValueError, a place where a run keeps a file; the line asks for another one."""
    if file.name.casefold() in FILES and is_run(file.parent):  # some file systems take one case for the other
        where = f"the name of a file of the run in {file.parent}, which is never overwritten"
        raise ValueError(f"{file} is {where}; give {other}")


def _are_settings(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("config"), dict)


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
