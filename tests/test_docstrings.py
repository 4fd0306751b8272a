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


def marked(name):
    return pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name


@pytest.mark.parametrize("name", [marked(name) for name in MODULES])
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = map(importlib.import_module, MODULES)
    assert sum(len(test.examples) for module in modules for test in finder.find(module)) > 100
    assert set(MODULES) >= SLOW
