"""Virtual environments with the package and a few others, which are links into that of the tests."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import venv
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

import ising_ep

# Folders that several packages share: what is in them is linked.
SHARED = ("dwave",)


def needed(*packages: str) -> set[str]:
    """The packages and all that they need, without extras."""
    found: set[str] = set()
    to_do = list(packages)
    while to_do:
        package = re.sub(r"[-_.]+", "-", to_do.pop()).lower()
        if package in found:
            continue
        found.add(package)
        lines = distribution(package).requires or []
        wanted = [Requirement(line) for line in lines]
        to_do += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


class Environment:
    """A virtual environment.

    Args:
        folder: Where it is made.
        packages: What it has beside ising-ep, and no others.
    """

    def __init__(self, folder: Path, packages: set[str]) -> None:
        venv.create(folder, symlinks=True)
        where = {"base": str(folder), "platbase": str(folder)}
        self._python = Path(sysconfig.get_path("scripts", "venv", where)) / "python"
        site = Path(sysconfig.get_path("purelib", "venv", where))
        for package in packages:
            _link(package, site)
        (site / "ising_ep").symlink_to(Path(ising_ep.__file__).parent)
        _link("ising-ep", site)

    def python(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Runs Python there, with nothing on its path but what the environment has."""
        usual = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DWAVE_"))
        }
        return subprocess.run(
            [self._python, "-P", *words],
            cwd=cwd,
            env=usual | {"COLUMNS": "100"},
            capture_output=True,
            text=True,
            check=False,
        )


def _link(package: str, site: Path) -> None:
    try:
        found = distribution(package)
    except PackageNotFoundError:  # the sources alone
        return
    for file in found.files or ():
        depth = 2 if file.parts[0] in SHARED else 1
        top = Path(*file.parts[:depth])
        if ".." in top.parts or top.suffix == ".pth" or top.name == "__pycache__":
            continue
        link = site / top
        link.parent.mkdir(exist_ok=True)
        if not link.exists():
            link.symlink_to(Path(str(found.locate_file(top))).resolve())
