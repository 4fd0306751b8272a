"""The house rules: how long modules and functions are, how many parameters, how many rooms and floors.

What breaks a rule is in one of the tables below, with the reason, and leaves it when it breaks it no more.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

import ising_ep

ROOT = Path(ising_ep.__file__).parent

MOST_LINES_OF_MODULE = 400
# Without the docstring: what is explained is not long for that.
MOST_LINES_OF_FUNCTION = 60
# Without self and cls.
MOST_PARAMETERS = 8
# Modules and packages at the top, and the longest chain of imports among them.
MOST_ROOMS, MOST_FLOORS = 24, 10

COMMAND = "a command: one parameter an option"
SKLEARN = "scikit-learn's convention: one parameter a setting, and no other way to set it"
DWAVE = "dwave-samplers' signature, and what the batch calls take beside it"
ANNEALER = "what a chip is asked: `Annealer.sample`, a keyword each"
PARTS = "a run: its settings, its data, and each part that a user may replace"
EPOCH = "what an epoch learns from, and how; the trainer and the classifier share it"
PUBLIC = "a public call, each argument a keyword"
TODO = "TODO: to be mended by the lead"

LONG_MODULES = {
    "estimator/classifier.py": SKLEARN,
}
LONG_FUNCTIONS = {
    "samplers/path_integral.py:PathIntegralAnnealingSampler.sample": DWAVE,
    "samplers/simulated.py:SimulatedAnnealingSampler.sample": DWAVE,
    "samplers/tabu.py:TabuSampler.sample": DWAVE,
    "samplers/tempering.py:ParallelTemperingSampler.sample": DWAVE,
}
MANY_PARAMETERS = {
    "cli/commands.py:train": COMMAND,
    "cli/embed.py:embed": COMMAND,
    "cli/minimize.py:minimize": COMMAND,
    "cli/sample.py:sample": COMMAND,
    "emulator/__init__.py:Emulator.__init__": PUBLIC,
    "estimator/classifier.py:EPClassifier.__init__": SKLEARN,
    "machines/chip_model.py:ChipModel.__init__": PUBLIC,
    "machines/chip_model.py:ChipModel.sample": ANNEALER,
    "machines/chip_sampler.py:ChipSampler.sample": DWAVE,
    "machines/dimod_sampler.py:SamplerAnnealer.sample": ANNEALER,
    "machines/annealer.py:Annealer.sample": ANNEALER,
    "qpu/dispatch.py:QPU.sample": ANNEALER,
    "samplers/batch.py:sample_batch": DWAVE,
    "samplers/batch.py:sample_batch_quantum": DWAVE,
    "samplers/minimizer.py:minimize": PUBLIC,
    "samplers/path_integral.py:PathIntegralAnnealingSampler.sample": DWAVE,
    "samplers/simulated.py:SimulatedAnnealingSampler.sample": DWAVE,
    "samplers/tabu.py:TabuSampler.sample": DWAVE,
    "samplers/tempering.py:ParallelTemperingSampler.sample": DWAVE,
    "training/trained.py:evaluate": PARTS,
    "training/trainer.py:resume": PARTS,
    "training/trainer.py:train": PARTS,
    "training/loop.py:train_epoch": EPOCH,
}


@cache
def modules() -> dict[str, str]:
    """The text of each module, by its path in the package."""
    return {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in sorted(ROOT.rglob("*.py"))}


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function by module and name, as `machines/chip_model.py:ChipModel.sample`."""
    for path, text in modules().items():
        for name, node in named(ast.parse(text)):
            yield f"{path}:{name}", node


def named(parent: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(parent):
        name = prefix
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = f"{prefix}.{node.name}".removeprefix(".")
        if isinstance(node, ast.FunctionDef):
            yield name, node
        yield from named(node, name)


def lines(node: ast.FunctionDef) -> int:
    first = node.body[0]
    explained = first.end_lineno - first.lineno + 1 if ast.get_docstring(node, clean=False) is not None else 0
    return node.end_lineno - node.lineno + 1 - explained


def parameters(node: ast.FunctionDef) -> int:
    given = node.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [each.arg for each in (given.vararg, given.kwarg) if each is not None]
    return len(names) - (names[:1] in (["self"], ["cls"]))


@pytest.mark.parametrize(
    ("name", "limit", "excepted"),
    [
        ("lines of a module", MOST_LINES_OF_MODULE, LONG_MODULES),
        ("lines of a function", MOST_LINES_OF_FUNCTION, LONG_FUNCTIONS),
        ("parameters of a function", MOST_PARAMETERS, MANY_PARAMETERS),
    ],
)
def test_nothing_is_too_large_without_a_reason(name, limit, excepted):
    if name == "lines of a module":
        sizes = [(path, len(text.splitlines())) for path, text in modules().items()]
    else:
        size = lines if name == "lines of a function" else parameters
        sizes = [(path, size(node)) for path, node in functions()]
    large = {path: number for path, number in sizes if number > limit}
    assert large.keys() - excepted.keys() == set(), {path: large[path] for path in large.keys() - excepted}
    assert excepted.keys() - large.keys() == set(), "no reason is needed any longer"


def rooms() -> set[str]:
    """The modules and packages at the top, but for the face of the package and its `python -m`."""
    tops = {Path(path).parts[0].removesuffix(".py") for path in modules()}
    return tops - {"__init__", "__main__"}


def imported(node: ast.ImportFrom, path: Path) -> set[str]:
    """The rooms that a relative import names."""
    depth = len(path.parts) - node.level  # of the folder that it starts from
    if depth < 0 or node.level == 0:
        return set()
    parts = [*path.parts[:depth], *(node.module.split(".") if node.module else [])]
    return {parts[0]} if parts else {alias.name for alias in node.names}


def test_there_are_few_rooms_and_few_floors():
    """Imports within functions count, those for types alone do too: who names another depends on it."""
    house = nx.DiGraph()
    house.add_nodes_from(rooms())
    for name, text in modules().items():
        path = Path(name)
        room = path.parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and room in house:
                house.add_edges_from((room, other) for other in imported(node, path) & rooms() - {room})
            assert not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ising_ep.")), (
                name
            )
    assert house.number_of_nodes() <= MOST_ROOMS, sorted(house)
    assert nx.is_directed_acyclic_graph(house), nx.find_cycle(house)
    floors = nx.dag_longest_path(house)
    assert len(floors) <= MOST_FLOORS, " > ".join(floors)
