"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import ising_ep

# Their examples look for as many copies as fit, and train on a whole data set.
SLOW = {"ising_ep.embedding.tiling", "ising_ep.estimator"}
MODULES = [
    module.name
    for module in pkgutil.walk_packages(ising_ep.__path__, "ising_ep.")
    if "_core" not in module.name
]


# What needs an extra is tested where that is installed.
EXTRAS = {"ising_ep.pytorch": ("torch", "dwave.plugins.torch")}


def missing(name):
    """The package that a module needs and that is not installed, or None."""
    for package, needed in EXTRAS.items():
        if name.startswith(f"{package}."):
            for each in needed:
                try:
                    importlib.import_module(each)
                except ModuleNotFoundError:
                    return each
    return None


def marked(name):
    return pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name


@pytest.mark.parametrize("name", [marked(name) for name in MODULES])
def test_examples(name):
    if missing(name):
        pytest.skip(f"{name} needs {missing(name)}")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = (importlib.import_module(name) for name in MODULES if not missing(name))
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) > 100
    assert set(MODULES) >= SLOW
