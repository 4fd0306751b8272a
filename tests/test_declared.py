"""What is imported is declared, and what is declared is imported; extras are those that errors name.

deptry looks at the first part of a name alone, and packages of D-Wave's share `dwave`: here a package is told
by the longest name of a module that `ising_ep.extras` has for it.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

import ising_ep
from ising_ep.extras import EXTRAS, PLAIN

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]
ALWAYS = {"numpy": "numpy", "dimod": "dimod"}
MODULES = ALWAYS | {package: module for extra in EXTRAS.values() for package, module in extra.items()}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~! ;]", line)[0] for line in requirements}


def imports(source: str) -> Iterator[str]:
    """Full names of the modules of others that a source imports, `from a import b` as a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in found if name.split(".")[0] not in sys.stdlib_module_names)


def package_of(name: str) -> str | None:
    """The declared package that a module is of."""
    owners = [package for package, module in MODULES.items() if f"{name}.".startswith(f"{module}.")]
    return max(owners, key=lambda package: len(MODULES[package]), default=None)


def imported() -> dict[str, str | None]:
    """Packages by the names that the package imports."""
    sources = [file.read_text("utf-8") for file in Path(ising_ep.__file__).parent.rglob("*.py")]
    return {name: package_of(name) for source in sources for name in imports(source)}


def test_all_that_is_imported_is_declared():
    assert [name for name, package in imported().items() if package is None] == []


def test_all_that_is_declared_is_imported():
    assert MODULES.keys() - set(imported().values()) == set()


def test_a_package_that_is_not_declared_is_found():
    source = (
        "import pandas.io, os, click\nfrom dwave.system import DWaveSampler\nfrom dwave.cloud import api\n"
    )
    found = {name: package_of(name) for name in imports(source)}
    assert found == {
        "pandas.io": None,
        "dwave.system.DWaveSampler": None,
        "dwave.cloud.api": "dwave-cloud-client",
        "click": "click",
    }


@pytest.mark.parametrize(("package", "module"), MODULES.items())
def test_a_module_is_of_its_package(package, module):
    try:
        files = distribution(package).files or []
    except PackageNotFoundError:
        assert package in EXTRAS["torch"]  # everything else is there when tests are run
        pytest.skip(f"{package} is not installed")
    place = module.replace(".", "/")
    assert any(str(file).startswith((f"{place}/", f"{place}.")) for file in files)


def test_extras_that_errors_name_are_the_declared_ones():
    assert names(PROJECT["dependencies"]) == ALWAYS.keys() | EXTRAS[PLAIN].keys()
    for extra in EXTRAS.keys() - {PLAIN}:
        assert names(OPTIONAL[extra]) == EXTRAS[extra].keys()


def test_all_has_every_extra_without_cuda_and_those_of_development_begin_with_it():
    everything = ",".join(sorted(EXTRAS.keys() - {PLAIN, "torch"}))
    assert OPTIONAL["all"] == [f"ising-ep[{everything}]"]
    for extra in ("test", "bench", "notebook"):
        assert OPTIONAL[extra][0] == "ising-ep[all]"
        assert not {"torch", "simulated-bifurcation"} & names(OPTIONAL[extra])
