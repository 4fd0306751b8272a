"""Results on disk: ``results/STUDY/KEY.json``, one file for each finished unit."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..files.atomic import replace
from .study import Results, Settings, Study

KEY = re.compile(r"[a-z0-9][a-z0-9.-]*")
PACKAGES = ("ising-ep", "numpy", "scipy", "scikit-learn")


@dataclass(frozen=True)
class Store:
    """The results of all studies in a folder; quick ones have a folder of their own in it.

    Attributes:
        folder: ``results``, ``figures`` and ``README.md`` are in it.
        quick: Whether the settings are the quick ones.
    """

    folder: Path
    quick: bool

    @classmethod
    def of(cls, out: Path, quick: bool) -> Store:
        """The store of full or of quick results."""
        return cls(out / "quick" if quick else out, quick)

    def units(self, study: Study) -> dict[str, Settings]:
        """Settings of the units of a study, as JSON has them."""
        units: dict[str, Settings] = json.loads(json.dumps(study.runs(self.quick)))
        for key in units:
            if not KEY.fullmatch(key):
                raise ValueError(
                    f"study {study.name} has the key {key!r}, expected small letters, digits, . -"
                )
        return units

    def records(self, study: Study) -> Results:
        """What is on disk of the study's units under the settings that they have now."""
        found = {}
        for key, settings in self.units(study).items():
            file = self._file(study, key)
            if file.is_file():
                record = _read(file)
                if record["settings"] == settings:
                    found[key] = record
        return found

    def missing(self, study: Study) -> dict[str, Settings]:
        """Units that have not run, or under other settings."""
        done = self.records(study)
        return {key: settings for key, settings in self.units(study).items() if key not in done}

    def save(
        self, study: Study, key: str, settings: Settings, result: dict[str, Any], seconds: float
    ) -> None:
        """Writes a finished unit, whole or not at all.

        Raises:
            OSError: If it cannot be written.
        """
        file = self._file(study, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "study": study.name,
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

    def _file(self, study: Study, key: str) -> Path:
        return self.folder / "results" / study.name / f"{key}.json"


def _read(file: Path) -> dict[str, Any]:
    names = ("settings", "seed", "versions", "date", "seconds", "result")
    try:
        record: dict[str, Any] = json.loads(file.read_bytes())
        return {name: record[name] for name in names}
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(
            f"{file} is not a result as reproduce writes it; remove it, and it will run again"
        ) from None
