"""docs/architecture.md: its layers are those of the contract, and the files that it names are there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
FILES = sorted(set(re.findall(r"`([\w./]+(?:\.\w+|/))`", PAGE)))


def test_the_layers_are_those_of_the_contract():
    block = re.search(r"^## The layers$.*?^```$(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]
    layers = [re.split(r"\s{2,}", line)[0] for line in block.split("\n") if line]
    [contract] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert layers == contract["layers"]


@pytest.mark.parametrize("name", [name for name in FILES if "/" in name])
def test_a_file_that_it_names_is_there(name):
    assert any((ROOT / folder / name).exists() for folder in ("", "python/ising_ep", "rust/src"))


def test_there_are_files():
    assert len([name for name in FILES if name.endswith((".py", ".rs"))]) > 10
