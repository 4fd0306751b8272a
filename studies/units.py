"""Units of work whose results are kept: ``results/NAME/KEY.json``, one file for each that has finished."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ising_ep.config import TrainConfig
from ising_ep.files.atomic import replace

Settings = dict[str, Any]
Results = dict[str, dict[str, Any]]
Run = Callable[[Settings, Path], dict[str, Any]]

# Format of the records that are written. In format 1, which has no number, the configuration of a training
# run lacks `symmetric` where it is false.
FORMAT = 2
KEY = re.compile(r"[a-z0-9][a-z0-9.-]*")
PACKAGES = ("ising-ep", "numpy", "scipy", "scikit-learn")


class Units:
    """Independent units of work of one kind.

    Args:
        name: Folder of their results.
        settings: Settings of each unit by its key. They can be written as JSON and hold the unit's ``seed``,
            if it has one, ``"dataset": "mnist"`` if it needs MNIST, and in ``config`` the `config_settings`
            of a training run, if it is one. Keys are of small letters, digits, dots and hyphens.
        run: Settings of a unit and the folder of MNIST's files -> its result, which can be written as JSON. A
            function at the top of a module, since it runs in another process.

    Raises:
        ValueError: If a key is none.
    """

    def __init__(self, name: str, settings: Mapping[str, Settings], run: Run) -> None:
        self.name = name
        self.settings: dict[str, Settings] = json.loads(json.dumps(settings))  # as records have them
        self.run = run
        for key in self.settings:
            if not KEY.fullmatch(key):
                raise ValueError(f"{name} has the key {key!r}, expected small letters, digits, . -")


def config_settings(config: TrainConfig) -> Settings:
    """All settings of a training run, as its record has them."""
    settings: Settings = config.model_dump(mode="json")
    return settings


@dataclass(frozen=True)
class Store:
    """Results in a folder.

    Attributes:
        folder: ``results`` is in it.
    """

    folder: Path

    @classmethod
    def of(cls, out: Path, quick: bool) -> Store:
        """The store of full results, or of quick ones, which have a folder of their own."""
        return cls(out / "quick" if quick else out)

    def records(self, units: Units) -> Results:
        """What is on disk of these units under the settings that they have now.

        Raises:
            ValueError: If a file is no record.
        """
        found = {}
        for key, settings in units.settings.items():
            file = self._file(units, key)
            if file.is_file():
                record = _read(file)
                if record["settings"] == settings:
                    found[key] = record
        return found

    def missing(self, units: Units) -> Units:
        """Those of the units that have not run, or under other settings."""
        done = self.records(units)
        left = {key: settings for key, settings in units.settings.items() if key not in done}
        return Units(units.name, left, units.run)

    def save(self, units: Units, key: str, result: dict[str, Any], seconds: float) -> None:
        """Writes the result of a unit, whole or not at all.

        Raises:
            OSError: If it cannot be written.
        """
        file = self._file(units, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        settings = units.settings[key]
        record = {
            "format": FORMAT,
            "study": units.name,
            "key": key,
            "settings": settings,
            "seed": settings.get("seed"),
            "versions": {
                "python": platform.python_version(),
                **{package: version(package) for package in PACKAGES},
            },
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 2),
            "result": result,
        }
        # A line for each of these, so that a change can be read.
        lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())
        replace(file, ("{\n" + ",\n".join(lines) + "\n}\n").encode())

    def _file(self, units: Units, key: str) -> Path:
        return self.folder / "results" / units.name / f"{key}.json"


def _read(file: Path) -> dict[str, Any]:
    """A record, its settings as the newest format has them."""
    names = ("settings", "seed", "versions", "date", "seconds", "result")
    try:
        record: dict[str, Any] = json.loads(file.read_bytes())
        number = record.get("format", 1)
        if number not in range(1, FORMAT + 1):
            raise ValueError(f"it is of format {number!r}, expected 1 to {FORMAT}")
        found = {name: record[name] for name in names}
        if "config" in found["settings"]:
            found["settings"]["config"] = _config_of_format(number, found["settings"]["config"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"{file} is not a result as it is kept here, of format 1 to {FORMAT}; remove it, and it will run"
            " again"
        ) from None
    return found


def _config_of_format(number: int, settings: Settings) -> Settings:
    """A recorded configuration as `config_settings` has it now: what came later has its default."""
    if number == 1:
        settings = {"symmetric": False} | settings
    return config_settings(TrainConfig.recorded(settings))
