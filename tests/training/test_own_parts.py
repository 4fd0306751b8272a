"""Runs in a folder from Python: written, saved and closed as by the command, or refused before that."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest

import ising_ep
from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import EquilibriumPropagation
from ising_ep.machines import AnnealingMachine, Machine
from ising_ep.network import Bias, Dense, FullyConnected, Input, Network, stack
from ising_ep.training.record import DataRecord
from ising_ep.training.run_folder import CHECKPOINT, CONFIG, EMBEDDING, RunFolder
from ising_ep.training.state import TrainState
from support.callbacks import calling

DIGITS = datasets.load_digits(train_per_class=3, test_per_class=2)
PATTERNS = datasets.load_patterns()
SMALL = {"layers": (12, 10), "epochs": 2, "num_reads": 3, "num_sweeps": 15}


def config_of(**changes):
    return TrainConfig.checked({"dataset": "digits", **SMALL, **changes})


def network_of(inputs=64, classes=10, levels=(-1, 1)):
    hidden, output = stack(hidden=(6,), output=(classes,))
    parts = [Dense("W0", Input((inputs,)), hidden), Dense("W1", hidden, output), Bias("b1", output)]
    return Network([hidden, output], parts, classes, levels)


class Kept(AnnealingMachine):
    """Simulated annealing that writes down what it is told, and is false."""

    def __init__(self):
        super().__init__(num_reads=3, num_sweeps=15)
        self.told = []

    def __bool__(self):
        return False

    def keep(self, folder):
        self.told.append("keep")
        (folder / "kept.txt").write_text("mine")

    def saved(self, usage):
        self.told.append(usage.problems)

    def close(self):
        self.told.append("close")


class Halved(EquilibriumPropagation):
    def compare(self, *given):
        gradient, outputs = super().compare(*given)
        return {name: value / 2 for name, value in gradient.items()}, outputs


class StopError(Exception):
    pass


def stop_after(batches):
    def on_batch(state):
        if state.updates == batches:
            raise StopError

    return calling(on_batch=on_batch)


def same(first, second):
    return all(np.array_equal(first[name], second[name]) for name in first | second)


def test_a_run_on_a_chip_is_loaded_and_goes_on_from_its_folder(tmp_path):
    """What the machine is built from again is in the folder; the whole run has the same bits."""
    config = TrainConfig.checked(
        {
            "dataset": "patterns",
            "network": "convolutional",
            "machine": "chip",
            "chip": "chimera:4",
            "epochs": 1,
        }
    )
    state = training.train(config, PATTERNS, folder=tmp_path / "run")
    assert (tmp_path / "run" / EMBEDDING).exists()
    assert ising_ep.load(tmp_path / "run").predict(PATTERNS.x_test).tolist() == state.predictions
    resumed = training.resume(tmp_path / "run", PATTERNS, epochs=2)
    whole = training.train(config.model_copy(update={"epochs": 2}), PATTERNS)
    assert same(resumed.parameters, whole.parameters)
    assert ising_ep.load(tmp_path / "run").config.epochs == 2


def test_a_machine_is_told_of_the_folder_and_of_each_checkpoint(tmp_path):
    """One of the user's own stays open, and is the one that anneals, whatever its truth value."""
    machine = Kept()
    state = training.train(config_of(), DIGITS, machine=machine, folder=tmp_path / "run")
    assert machine.told[0] == "keep"
    assert machine.told[1:] == sorted(machine.told[1:])
    assert machine.told[-1] == state.usage.problems == machine.usage.problems > 0
    assert (tmp_path / "run" / "kept.txt").exists()
    with pytest.raises(ValueError, match="was trained with a machine of its own"):
        ising_ep.load(tmp_path / "run")
    model = ising_ep.load(tmp_path / "run", machine=machine)
    assert model.machine is machine


@pytest.mark.parametrize("test_reads", [None, 4])
def test_machines_that_training_builds_are_closed(monkeypatch, test_reads):
    opened, closed = [], []
    build = type(config_of().machine_settings).build

    def built(self, network, work):
        machine = build(self, network, work)
        opened.append(machine)
        machine.close = lambda: closed.append(machine)
        return machine

    monkeypatch.setattr(type(config_of().machine_settings), "build", built)
    training.train(config_of(epochs=1, test_reads=test_reads), DIGITS)
    assert len(opened) == (1 if test_reads is None else 2)
    assert {*map(id, opened)} == {*map(id, closed)}
    with pytest.raises(StopError):
        training.train(config_of(), DIGITS, callbacks=stop_after(1))
    assert len(opened) == len(closed)


def test_a_run_with_parts_of_ones_own_goes_on_in_its_folder(tmp_path):
    parts = {"network": network_of(), "rule": Halved}
    with pytest.raises(StopError):
        training.train(config_of(), DIGITS, **parts, folder=tmp_path / "run", callbacks=stop_after(45))
    with pytest.raises(ValueError, match="was trained with a network of its own"):
        training.resume(tmp_path / "run", DIGITS, rule=Halved)
    state = training.resume(tmp_path / "run", DIGITS, **parts)
    whole = training.train(config_of(), DIGITS, **parts)
    assert same(state.parameters, whole.parameters)
    assert state.predictions == whole.predictions
    assert ising_ep.load(tmp_path / "run", **parts).predict(DIGITS.x_test).tolist() == whole.predictions
    with pytest.raises(ValueError, match=r"epochs is 1, but the run in .* has 2"):
        training.resume(tmp_path / "run", DIGITS, **parts, epochs=1)
    with pytest.raises(ValueError, match="does not hold the images"):
        training.resume(tmp_path / "run", PATTERNS, **parts)


def test_a_finished_state_in_a_folder_is_a_model(tmp_path):
    config = config_of(epochs=1)
    state = training.train(config, DIGITS)
    training.train(config, DIGITS, state=state, folder=tmp_path / "fin")
    assert same(ising_ep.load(tmp_path / "fin").parameters, state.parameters)


class Broken(Machine):
    """A machine whose first answer is none."""

    def sample(self, couplings, fields, **given):
        return None


def test_a_run_that_learned_nothing_leaves_nothing(tmp_path):
    with pytest.raises(TypeError, match="the machine answered with a NoneType"):
        training.train(config_of(), DIGITS, machine=Broken(), folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    with pytest.raises(TypeError, match="the machine answered with a NoneType"):
        training.train(config_of(), DIGITS, machine=Broken(), folder=tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []
    training.train(config_of(epochs=1), DIGITS, folder=tmp_path / "run")
    assert (tmp_path / "run" / CHECKPOINT).exists()


def started(**changes):
    """A state of the first network, with changes."""
    parameters = FullyConnected(64, (12, 10), 10).initial_parameters(np.random.default_rng(0))
    return TrainState(**{"parameters": parameters, **changes})


def each(change):
    return {name: change(value) for name, value in started().parameters.items()}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"network": network_of(63)}, "the network has 63 inputs, but the data have 64"),
        ({"network": network_of(classes=9)}, "the network has 9 classes, but the data have 10"),
        ({"network": network_of(levels=(0, 1))}, "spins of 0 and 1, but the machine has -1 and 1"),
        ({"network": []}, r"network is \[\], expected an object of class Network"),
        ({"network": "net"}, "network is 'net', expected an object of class Network"),
        ({"rule": {}}, "rule is {}, expected a function"),
        ({"rule": lambda **_: None}, "the rule that was made is a NoneType, which lacks network, machine"),
        ({"state": 5}, "state is 5, expected an object of class TrainState"),
        ({"state": {}}, "state is {}, expected an object of class TrainState"),
        ({"state": started(parameters=None)}, "parameters of the state is None"),
        ({"state": started(parameters=each(lambda v: v * np.nan))}, "not of finite float32 numbers"),
        ({"state": started(parameters=each(lambda v: v.astype(float)))}, "not of finite float32 numbers"),
        ({"state": started(batch=500, images=500)}, "images is 500, but there are 30 in an epoch"),
        ({"state": started(epoch=-1)}, "epoch is -1, expected a number >= 0"),
        ({"state": started(memory={"m": {"W0": np.zeros(3, np.float32)}})}, "memory m has shapes"),
        ({"config": {}}, "config is {}, expected an object of class TrainConfig"),
        ({"dataset": "digits"}, "dataset is 'digits', expected an object of class Dataset"),
        ({"scheduler": "tcp://x"}, "scheduler is 'tcp://x', expected a client"),
        ({"num_threads": "2"}, "num_threads is '2', expected an integer"),
        ({"callbacks": None}, "callbacks is None, expected a list"),
        ({"callbacks": [None]}, "a callback is None, expected an object of class Callback"),
        ({"machine": AnnealingMachine(num_reads=10**12)}, "reads of 22 spins do not fit into memory"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_folder_is_written(tmp_path, given, text):
    with pytest.raises((ValueError, TypeError, MemoryError), match=text) as error:
        training.train(**{"config": config_of(), "dataset": DIGITS, **given}, folder=tmp_path / "run")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("levels", [(1, -1), (1, 1), (-1, 0, 1), [-1, 1], (-1.0, 1.0), None])
def test_levels_that_are_none_are_refused(levels):
    with pytest.raises(ValueError, match=r"levels are .*, expected a tuple of two integers, the lower one"):
        network_of(levels=levels)


@pytest.mark.parametrize(
    "given",
    [{"layers": (2 * 10**9, 10)}, {"num_reads": 2 * 10**9}, {"test_reads": 2 * 10**9}],
)
def test_what_cannot_fit_into_memory_is_refused_before_the_folder_is_written(tmp_path, given):
    with pytest.raises(MemoryError, match="do not fit into memory"):
        training.train(config_of(**given), DIGITS, folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_a_run_already_says_how_it_goes_on(tmp_path):
    training.train(config_of(epochs=1), DIGITS, folder=tmp_path / "run")
    before = (tmp_path / "run" / CONFIG).read_bytes()
    with pytest.raises(ValueError, match=r"--resume it"):
        training.train(config_of(), DIGITS, folder=tmp_path / "run")
    assert (tmp_path / "run" / CONFIG).read_bytes() == before


def test_a_run_on_a_qpu_is_loaded_and_asks_none(tmp_path):
    """Its parameters are there; predictions are those of a machine that is given, since a QPU is paid for."""
    config = TrainConfig.checked({"dataset": "patterns", "layers": (6, 4), "machine": "qpu", "epochs": 1})
    machine = AnnealingMachine(num_reads=5)
    state = training.train(config, PATTERNS, machine=machine)
    with closing(RunFolder.create(tmp_path / "run", config, DataRecord.of(PATTERNS))) as run:
        run.save(state)
    model = ising_ep.load(tmp_path / "run")
    assert same(model.parameters, state.parameters)
    model.save(tmp_path / "model.safetensors")
    for path in (tmp_path / "run", tmp_path / "model.safetensors"):
        with pytest.raises(ValueError, match=r"^machine qpu is paid for, .* in Python give machine="):
            ising_ep.load(path).predict(PATTERNS.x_test)
        found = ising_ep.load(path, machine=machine).predict(PATTERNS.x_test)
        assert found.tolist() == state.predictions
    with pytest.raises(ValueError, match=r"^machine qpu is paid for, "):
        training.train(config, PATTERNS, folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()
