"""What the benchmarks have in common: records that hold nothing of the machine that they must not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def report():
    spec = importlib.util.spec_from_file_location("report", BENCHMARKS / "report.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_command_lines_hold_no_path_of_the_machine(report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    script = str(tmp_path / "benchmarks" / "machines.py")
    given = ["--seeds", "2", "--data-dir", str(tmp_path), "--out=" + str(tmp_path / "kept.json")]
    assert report.command_line([script, *given]) == (
        "python benchmarks/machines.py --seeds 2 --data-dir DIR --out=FILE"
    )
    assert report.command_line(["machines.py", "--data-dir", "data/mnist"]).endswith("--data-dir DIR")
    kept = ["--scheduler", "tcp://127.0.0.1:8786", "--study", "seeds"]
    assert report.command_line(["cluster.py", *kept]).split()[2:] == kept
