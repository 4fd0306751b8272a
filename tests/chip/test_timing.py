"""QPU access times and their ranges: against the client's estimator, and against runs of a real chip."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.chip.bill import fit, read_runs
from ising_ep.chip import Chip
from ising_ep.chip.timing import MEASURED, AccessTime, access_range, access_time
from ising_ep.qpu.cost import duration_range
from support.chip_data import LOGS, needs

ROOT = Path(__file__).resolve().parents[2]
FORWARD, REVERSE = [(0.0, 0.0), (20.0, 1.0)], [(0.0, 1.0), (5.0, 0.4), (10.0, 1.0)]
# Timing data in which every number can be told from the others.
TIMING: dict[str, Any] = {
    **Chip.perfect("pegasus", 2).properties["problem_timing_data"],
    "typical_programming_time": 10_000.0,
    "readout_time_model": "pwl_linear",
    "readout_time_model_parameters": [0, 1000, 100.0, 1100.0],
}


@pytest.mark.parametrize("model", ["pwl_linear", "pwl_log_log"])
@pytest.mark.parametrize("schedule", [FORWARD, REVERSE])
def test_factors_are_those_of_programming_and_of_readout(model, schedule):
    """Both readout models take 600 us for 500 qubits; what is not scaled is in all three times."""
    timing = dict(TIMING)
    if model == "pwl_log_log":
        logs = [math.log10(500), math.log10(600)]
        timing |= {
            "readout_time_model": model,
            "readout_time_model_parameters": [0.0, *logs[:1], 1.0, logs[1]],
        }
    properties = {"chip_id": "Advantage_system4.1", "problem_timing_data": timing}
    time = access_range(properties, 500, 100, schedule)
    own = access_time(properties, 500, 100, schedule)
    factors = MEASURED["advantage_system4"].factors(500)
    for found, (programming, readout) in zip((time.low, time.middle, time.high), factors, strict=True):
        expected = own + 1e-6 * (10_000 * (programming - 1) + 100 * 600 * (readout - 1))
        assert found == pytest.approx(expected, rel=1e-12)


def test_factors_lie_between_those_of_the_numbers_of_qubits_around():
    measured = MEASURED["advantage_system4"]
    assert [readout for _, readout in measured.factors(150)] == [factors[1] for factors in measured.readout]
    assert measured.factors(0) == measured.factors(1) == measured.factors(10)
    assert measured.factors(5640) == measured.factors(5387)
    for qubits in (10, 40, 300, 1000, 5000):
        low, middle, high = np.array(measured.factors(qubits)).T[1]
        assert low < middle < high
    halfway = measured.factors(round(math.sqrt(150 * 600)))[1][1]
    assert halfway == pytest.approx((measured.readout[1][1] + measured.readout[1][2]) / 2, abs=1e-3)


@pytest.mark.parametrize("name", ["pegasus:3", "zephyr:2", "advantage2_system4"])
def test_other_solvers_take_what_they_say_in_a_wider_range(name):
    properties = Chip.named(name).properties
    for qubits, reads in [(100, 10), (300, 1000)]:
        time = access_range(properties, qubits, reads, FORWARD)
        assert time.middle == access_time(properties, qubits, reads, FORWARD)
        known = access_range({**properties, "chip_id": "Advantage_system4.1"}, qubits, reads, FORWARD)
        assert time.low < known.low
        assert time.high > known.high


@pytest.mark.parametrize("timing", [None, {}, {**TIMING, "version": "2.0.0"}])
def test_no_range_without_an_estimate(timing):
    time = access_range({"problem_timing_data": timing}, 10, 10, FORWARD)
    assert all(map(math.isnan, (time.low, time.middle, time.high)))


def test_a_range_is_told_in_the_unit_of_its_middle():
    assert duration_range(AccessTime(55.0, 120.0, 4000.0)) == "2.0 min (0.9 to 66.7)"
    assert duration_range(AccessTime(0.01, 0.0177, 0.02)) == "17.7 ms (10.0 to 20.0)"


def bill(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.chip.bill", "--data", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@needs(LOGS)
@pytest.mark.slow
def test_ranges_hold_the_runs_of_a_real_chip():
    done = bill(LOGS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "goal met" in done.stdout


@needs(LOGS)
@pytest.mark.slow
def test_the_factors_of_the_package_are_those_of_the_fit():
    assert fit(*read_runs(LOGS)) == MEASURED["advantage_system4"]


@needs(LOGS)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "code", "text"),
    [
        # Every run takes five times as long as it did.
        (lambda line: [*line[:-2], str(5 * float(line[-2])), line[-1]], 1, "goal missed: 0.0 %"),
        (lambda line: [*line[:2], "Advantage_system6.4", *line[3:]], 2, "is a run of Advantage_system6.4"),
        (lambda line: [*line[:5], "many", *line[6:]], 2, "line 2 of"),
    ],
)
def test_a_bill_that_is_wrong_is_told(tmp_path, changed, code, text):
    for file in LOGS.glob("solver_*"):
        (tmp_path / file.name).symlink_to(file)
    head, *lines = (LOGS / "runs.csv").read_text().splitlines()
    assert head.split(",")[2:6:3] + head.split(",")[-2:-1] == ["solver", "qubits", "qpu_access_time"]
    lines = [",".join(changed(line.split(","))) for line in lines]
    (tmp_path / "runs.csv").write_text("\n".join([head, *lines]))
    done = bill(tmp_path)
    assert done.returncode == code
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
