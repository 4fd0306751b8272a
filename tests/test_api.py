"""docs/api.md: every name there is one, and every public name is there."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "api.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(ising_ep\.[\w.]+)` \| (.*) \|$", PAGE, re.MULTILINE)
NAMES = [name for name, _ in ROWS]
PUBLIC = (
    "",
    ".chip",
    ".config",
    ".datasets",
    ".embedding",
    ".learning",
    ".machines",
    ".network",
    ".pytorch",
    ".training",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_page_is_one(name):
    if name.startswith("ising_ep.pytorch."):
        pytest.importorskip("torch")
        pytest.importorskip("dwave.plugins.torch")
    assert pkgutil.resolve_name(name) is not None


@pytest.mark.parametrize("package", [f"ising_ep{name}" for name in PUBLIC])
def test_a_public_name_is_on_the_page(package):
    module = importlib.import_module(package)
    assert {f"{package}.{name}" for name in module.__all__} <= set(NAMES)


def test_each_row_is_a_name_of_its_own_and_a_sentence():
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    assert len(ROWS) == len(lines) > 100
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []
    assert [text for _, text in ROWS if not re.fullmatch(r"[A-Z0-9][^|]*\.", text)] == []


@pytest.mark.slow
def test_packages_are_attributes_before_they_are_imported():
    """In a process of its own, where nothing has imported them."""
    code = "import ising_ep; print([getattr(ising_ep, name).__name__ for name in ising_ep._ROOMS])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'ising_ep.training'" in done.stdout
