"""Folders of logs that are none are refused in a line, before any work."""

from __future__ import annotations

import gzip
import json

import click
import pytest

from benchmarks.chip import logs
from benchmarks.chip.whole_chip import whole_chips
from ising_ep.chip import Chip

CHIP = Chip.perfect("pegasus", 2)
PROPERTIES = {
    "chip_id": "Advantage_system4.1",
    "topology": {"type": "pegasus", "shape": [2]},
    "qubits": CHIP.qubits.tolist(),
    "couplers": CHIP.couplers.tolist(),
}
RUN = {name: "1" for name in logs.COLUMNS} | {"instance": "A", "solver": "Advantage_system4.1"}
ANSWER = {
    "instance": "A",
    "Q": {"(0, 0)": -1.0, "(0, 1)": 2.0, "(1, 1)": -1.0},
    "embedding": {"0": [2], "1": [3]},
    "energies": [-1.0, 0.0],
    "occurrences": [3, 1],
    "chain_break_fraction": [0.0, 0.0],
    "timing": {"qpu_access_time": 1.0, "qpu_access_overhead_time": 1.0},
}


@pytest.fixture
def folder(tmp_path):
    """A folder of one run."""
    packed = gzip.compress(json.dumps(PROPERTIES).encode())
    (tmp_path / "solver_advantage_system4.1.json.gz").write_bytes(packed)
    (tmp_path / "runs.csv").write_text(f"{','.join(RUN)}\n{','.join(RUN.values())}\n")
    (tmp_path / "small_problems.jsonl.gz").write_bytes(gzip.compress(json.dumps(ANSWER).encode()))
    return tmp_path


def problems(folder):
    return list(logs.small_problems(folder, logs.solver(folder)))


def test_a_folder_is_read(folder):
    (problem,) = problems(folder)
    assert (problem.name, problem.longest, problem.counts.sum()) == ("A", 1, 4)
    assert problem.spins.energy({0: 1, 1: -1}) == -1.0


@pytest.mark.parametrize(
    ("file", "change", "text"),
    [
        ("solver_advantage_system4.1.json.gz", None, "has 0 files solver_"),
        ("solver_advantage_system4.1.json.gz", lambda _: b"{", "solver_advantage_system4.1.json.gz"),
        ("solver_advantage_system4.1.json.gz", lambda old: old[:40], "not a whole gzip file"),
        ("runs.csv", None, "runs.csv cannot be read"),
        ("runs.csv", lambda old: old.splitlines()[0], "has no runs with instance"),
        ("runs.csv", lambda old: old.replace(b"qpu_access_time", b"access"), "no runs with qpu_access_time"),
        ("runs.csv", lambda old: old.replace(b"system4.1", b"system6.4"), "is a run of Advantage_system6.4"),
        ("runs.csv", lambda old: old.replace(b"1\n", b"many\n"), "line 2 of"),
        ("runs.csv", lambda old: old.replace(b"\nA", b"\nB"), "has no run of A"),
        ("small_problems.jsonl.gz", None, "cannot be read after line 0"),
        ("small_problems.jsonl.gz", lambda old: old[:-9], "cannot be read after line"),
        ("small_problems.jsonl.gz", lambda _: gzip.compress(b"{}"), "it lacks instance, Q"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(folder, file, change, text):
    path = folder / file
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(click.BadParameter) as refused:
        problems(folder)
    assert text in refused.value.message
    assert "\n" not in refused.value.message
    assert refused.value.exit_code == 2


def test_no_whole_chips(tmp_path):
    with pytest.raises(click.BadParameter, match="has 0 problems"):
        whole_chips(tmp_path)
