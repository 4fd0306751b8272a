"""Orders to end: a batch that is too long for them does not hold the command up."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from ising_ep.cli import stop


@pytest.mark.slow
def test_an_order_to_end_does_not_wait_for_a_long_batch(tmp_path):
    """A batch of hours is given the time that it has, and the run goes on as of its last checkpoint."""
    code = (
        "from ising_ep import cli; from ising_ep.cli import stop; stop.PATIENCE = 0.2;"
        " cli.main(['train', '--dataset', 'patterns', '--layers', '200,20', '--num-reads', '200000',"
        " '--num-sweeps', '20000', '--out', 'run'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "test images are those that are learned from" in line:  # from here on the signal is the run's
            break
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Go on with: ising-ep train --resume run" in text
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["num_reads"] == 200000
    assert not (tmp_path / "run" / "checkpoint.safetensors").exists()


def test_a_batch_that_is_cut_off_is_not_saved():
    asked = stop.Stop(lambda: False)
    for cut, safe in ((False, False), (True, True)):
        if cut:
            asked.hurry()  # a test, before which the state was saved
        try:
            asked.out_of_time()
        except KeyboardInterrupt:
            assert asked.safe is safe
