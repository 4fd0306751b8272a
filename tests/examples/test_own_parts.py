"""examples/skip_and_lateral.py and examples/own_rule.py: a network and a rule of one's own."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ising_ep.machines import AnnealingMachine
from ising_ep.network import FullyConnected

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["skip_and_lateral", "own_rule"])
def test_it_learns_digits(name):
    """Guessing has 10 %. Seeds are fixed, so the accuracy is the same in every run."""
    done = subprocess.run([sys.executable, EXAMPLES / f"{name}.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    share, count = re.fullmatch(r"([\d.]+)% of (\d+) test images right\n", done.stdout).groups()
    assert int(count) == 150
    assert float(share) > 80


def test_the_second_phase_of_the_rule_holds_outputs_at_the_target():
    """A field of 4 is stronger than four hidden spins by weights of 0.1 are together."""
    spec = importlib.util.spec_from_file_location("own_rule", EXAMPLES / "own_rule.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    network = FullyConnected(3, (4, 2), 2)
    rule = example.ContrastiveHebbian(network, AnnealingMachine(num_reads=3), nudge=1.0, statistic="average")
    rng = np.random.default_rng(0)
    parameters = {
        name: rng.uniform(-0.1, 0.1, shape).astype(np.float32) for name, shape in network.shapes().items()
    }
    x, ids = np.ones((2, 3), np.float32), np.arange(2, dtype=np.uint32)
    target = network.targets(np.array([0, 1]))
    free, first, second = (reads.states for reads in rule.phases(parameters, x, target, ids))
    assert np.array_equal(first, free)
    outputs = network.outputs
    assert (second[:, :, outputs] == target[:, None]).all()
    gradient, predicted = rule.compare(parameters, x, target, ids)
    assert np.array_equal(predicted, free[:, :, outputs].mean(axis=1, dtype=np.float32))
    wanted = (second[:, :, outputs].astype(float) - free[:, :, outputs]).mean(axis=(0, 1))
    np.testing.assert_allclose(gradient["b1"], wanted, atol=1e-6)
