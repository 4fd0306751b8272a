"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import ising_ep

MODULES = [
    module.name
    for module in pkgutil.walk_packages(ising_ep.__path__, "ising_ep.")
    if "_core" not in module.name
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples():
    counts = [doctest.testmod(importlib.import_module(name)).attempted for name in MODULES]
    assert sum(counts) > 10
