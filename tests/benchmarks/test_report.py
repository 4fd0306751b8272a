"""What the benchmarks have in common: records that hold no path of the machine, times, and processes."""

from __future__ import annotations

from benchmarks.support import report
from benchmarks.support.timing import interleaved


def test_command_lines_hold_no_path_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "mnist").mkdir(parents=True)
    script = str(tmp_path / "benchmarks" / "machines" / "side_by_side.py")
    given = ["--seeds", "2", "--data-dir", str(tmp_path), "--out=" + str(tmp_path / "kept.json")]
    assert report.command_line([script, *given]) == (
        "python -m benchmarks.machines.side_by_side --seeds 2 --data-dir DIR --out=FILE"
    )
    assert report.command_line(["machines.py", "--data-dir", "data/mnist"]).endswith("--data-dir DIR")
    kept = ["--scheduler", "tcp://127.0.0.1:8786", "--study", "seeds"]
    assert report.command_line(["cluster.py", *kept]).split()[3:] == kept


def test_ways_take_turns_and_the_warm_up_does_not_count():
    called = []
    ways = {name: lambda number, name=name: called.append((name, number)) for name in "ab"}
    rounds = []
    seconds = interleaved(ways, 2, on_round=lambda: rounds.append(len(called)))
    assert called == [(name, number) for number in (-1, 0, 1) for name in "ab"]
    assert rounds == [2, 4, 6]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 2, "b": 2}
    assert len(interleaved(ways, 3, warm_up=False)["a"]) == 3


def test_results_of_processes_come_by_their_names():
    jobs = {(a, b): (divmod, (a, b)) for a in (7, 8) for b in (2, 3)}
    assert dict(report.in_processes(jobs, 2)) == {(a, b): divmod(a, b) for a, b in jobs}
