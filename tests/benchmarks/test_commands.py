"""Every benchmark starts, and every command that a page or a script names is there."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for file in (ROOT / "benchmarks").rglob("*.py")
    if "__main__" in file.read_text()
)
# In a process of its own: some scripts set what their libraries read when they are loaded.
HELP = """
import importlib, sys
from click.testing import CliRunner
for name in sys.argv[1:]:
    result = CliRunner().invoke(importlib.import_module(name).main, ["--help"])
    assert result.exit_code == 0 and result.output.startswith("Usage"), (name, result.output)
    print(name)
"""


@pytest.mark.slow
def test_every_script_has_help():
    assert len(SCRIPTS) >= 20
    done = subprocess.run(
        [sys.executable, "-c", HELP, *SCRIPTS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == SCRIPTS, done.stderr


def test_commands_that_are_named_are_there():
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "papers").glob("*/*.md")]
    files += [
        file for folder in ("benchmarks", "papers", "studies") for file in (ROOT / folder).rglob("*.py")
    ]
    named = {
        name
        for file in files
        for name in re.findall(r"python -m ((?:benchmarks|papers)(?:\.\w+)+)", file.read_text())
    }
    assert len(named) >= 20
    for name in sorted(named):
        assert importlib.util.find_spec(name) is not None, name
        if name.startswith("benchmarks"):
            assert name in SCRIPTS
