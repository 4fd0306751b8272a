"""Machines that the core runs: what they answer without energies, and who is asked."""

from __future__ import annotations

import numpy as np
import pytest

from ising_ep.learning import EquilibriumPropagation
from ising_ep.machines import AnnealingMachine
from ising_ep.machines.analog import AnalogMachine
from ising_ep.machines.coherent import CoherentMachine
from ising_ep.machines.core_machine import vouched_for
from ising_ep.machines.oscillator import OscillatorMachine
from ising_ep.network import FullyConnected
from support.problems import random_batch


@pytest.mark.parametrize("kind", [AnnealingMachine, AnalogMachine, CoherentMachine, OscillatorMachine])
def test_states_alone_are_those_beside_energies(kind):
    couplings, fields = random_batch(3, 5, 12)
    fields, ids = fields.astype(np.float32), np.arange(5, dtype=np.uint32)
    one, other = kind(num_reads=4), kind(num_reads=4)
    start = None
    for _ in range(2):  # from the beginning, then from states
        asked = {"seed": 1, "problem_ids": ids, "initial_states": start}
        reads = one.sample(couplings, fields, **asked)
        np.testing.assert_array_equal(other.sample_states(couplings, fields, **asked), reads.states)
        start = reads.states[:, 1:2]  # not contiguous
    assert one.usage.problems == other.usage.problems == 10


class Counting(AnnealingMachine):
    """Counts its own samples."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.samples = 0

    def sample(self, *arguments, **keywords):
        self.samples += 1
        return super().sample(*arguments, **keywords)


@pytest.mark.parametrize("statistic", ["average", "lowest"])
def test_a_machine_with_a_sample_of_its_own_is_asked(statistic):
    network = FullyConnected(num_inputs=3, layers=(4, 2), num_classes=2)
    machine = Counting(num_reads=2, num_sweeps=5)
    rule = EquilibriumPropagation(network, machine, statistic=statistic)
    parameters = network.initial_parameters(np.random.default_rng(0))
    x, ids = np.ones((2, 3), dtype=np.float32), np.arange(2, dtype=np.uint32)
    rule.free_phase(parameters, network.fields(parameters, x), ids)
    assert machine.samples == 1


def test_only_the_cores_own_answers_are_vouched_for():
    machine = AnnealingMachine()
    assert vouched_for(machine, (-1, 1)) is machine
    assert vouched_for(machine, (0, 1)) is None
    assert vouched_for(Counting(), (-1, 1)) is None
    machine.sample = Counting().sample
    assert vouched_for(machine, (-1, 1)) is None


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (AnnealingMachine, "num_sweeps"),
        (AnalogMachine, "num_steps"),
        (CoherentMachine, "num_steps"),
        (OscillatorMachine, "num_steps"),
    ],
)
def test_schedules_that_cannot_fit_into_memory_are_refused(machine, name):
    with pytest.raises(MemoryError, match=r"^1000000000000000 s[a-z]+ do not fit into memory$"):
        machine(**{name: 10**15})
