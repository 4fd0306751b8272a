"""Packages that register machines, installed as pip does, and the command with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ising_ep as package

# Folder that the package of the tests is in.
SOURCES = Path(package.__file__).parents[1]


def install(
    folder: Path, package: str, source: str, *, networks: dict[str, str] | None = None, **machines: str
) -> None:
    """Puts a package there as pip would: a module, and the entry points in its metadata."""
    folder.mkdir(exist_ok=True)
    (folder / f"{package}.py").write_text(source)
    metadata = folder / f"{package}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    text = ""
    for kind, points in (("machines", machines), ("networks", networks or {})):
        text += f"[ising_ep.{kind}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    (metadata / "entry_points.txt").write_text(text)


def ising_ep(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a folder, with the packages of a site."""
    return subprocess.run(
        [sys.executable, "-m", "ising_ep", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (site, SOURCES))), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
