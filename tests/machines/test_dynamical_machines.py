"""The machines whose spins flow: their laws, the energies they find, how they sample, and that they learn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep import _core, cli, datasets, effective_beta, training
from ising_ep.config import TrainConfig
from ising_ep.machines import AnnealingMachine
from ising_ep.machines.analog import AnalogMachine
from ising_ep.machines.coherent import STEP, CoherentMachine
from ising_ep.machines.oscillator import OscillatorMachine
from ising_ep.training.record import DataRecord
from ising_ep.training.run_folder import RunFolder
from support.callbacks import calling
from support.problems import energies_of, layered_batch, random_batch, sparse_batch

DYNAMICAL = {"analog": AnalogMachine, "coherent": CoherentMachine, "oscillator": OscillatorMachine}
MACHINES = pytest.mark.parametrize("machine", list(DYNAMICAL.values()))
NAMES = pytest.mark.parametrize("name", list(DYNAMICAL))


def sample(machine, couplings, fields, seed=1, ids=None, initial_states=None):
    fields = np.asarray(fields, dtype=np.float32)
    ids = np.arange(len(fields), dtype=np.uint32) if ids is None else ids
    return machine.sample(couplings, fields, initial_states=initial_states, seed=seed, problem_ids=ids)


def glass(spins, seed, field=0.3):
    """All coupled to all, frustrated."""
    rng = np.random.default_rng(seed)
    rows, cols = np.triu_indices(spins, 1)
    return (rows, cols, rng.normal(size=len(rows)) / np.sqrt(spins)), field * rng.normal(size=(1, spins))


def all_states(couplings, fields):
    """Every state of a problem and its energy."""
    states = np.array(list(itertools.product((-1, 1), repeat=fields.shape[1])))
    return states, energies_of(couplings, fields.astype(np.float32), states[None])[0]


# --- the laws ---------------------------------------------------------------------------------------------


def dense(couplings, spins):
    rows, cols, values = couplings
    matrix = np.zeros((spins, spins))
    np.add.at(matrix, (rows, cols), values)
    return matrix + matrix.T


def evolved(couplings, fields, flow, reads, start, seed):
    """Signs (batch, reads, spins) at the end of a flow."""
    ids = np.arange(len(fields), dtype=np.uint32)
    states, *_ = _core.Model(*couplings, fields.shape[1]).anneal(
        fields, flow, num_reads=reads, initial_states=start, seed=seed, problem_ids=ids
    )
    return states


def amplitudes(couplings, h, x, *, gain, ramp, saturation):
    """Without noise, by the docstrings' equation."""
    matrix = dense(couplings, len(h))
    for keep in ramp:
        x = np.clip((keep - saturation * x**2) * x - gain * (h + matrix @ x), -1, 1)
    return x


@pytest.mark.parametrize("problem", [random_batch, sparse_batch, layered_batch])
@pytest.mark.parametrize("steps", [1, 2, 5, 20])
def test_steps_are_those_of_the_equations(problem, steps):
    """Signs of amplitudes after so many steps without noise, but where one is near 0."""
    couplings, fields = problem(3, 20, 22)
    start = np.random.default_rng(steps).choice([-1, 1], size=(20, 1, 22)).astype(np.int8)
    noise = np.zeros(steps)
    for saturation, ramp in ((0.0, np.linspace(0.7, 1.0, steps)), (0.3, np.linspace(0.7, 1.1, steps))):
        flow = _core.Flow(saturation=saturation, gain=0.2, spread=0.0, ramp=ramp, noise=noise)
        found = evolved(couplings, fields, flow, 1, start, 0)
        wanted = np.array(
            [
                amplitudes(couplings, h, s[0], gain=0.2, ramp=ramp, saturation=saturation)
                for h, s in zip(fields, start, strict=True)
            ]
        )
        clear = np.abs(wanted) > 1e-4
        assert clear.mean() > 0.95
        np.testing.assert_array_equal(found[:, 0][clear], np.sign(wanted)[clear])
        assert (found != start).any()


def test_a_lone_phase_turns_as_its_field_says():
    """From a quarter turn, where injection does nothing, in a step; and not from where nothing turns it."""
    none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    fields, one, nine = np.linspace(-2, 2, 40)[:, None], np.ones(1), np.zeros(9)
    turned = _core.Flow(saturation=None, gain=0.05, spread=0.0, ramp=one, noise=0 * one)
    found = evolved(none, fields, turned, 1, None, 0)
    np.testing.assert_array_equal(found[:, 0, 0], -np.sign(fields[:, 0]))
    start = np.ones((40, 1, 1), dtype=np.int8)
    still = _core.Flow(saturation=None, gain=1.0, spread=0.0, ramp=nine, noise=nine)
    found = evolved(none, fields, still, 1, start, 0)
    assert (found == 1).all()


def test_coupled_phases_are_those_of_the_equation():
    """Begun within a tenth of a half turn of spins, at random: how often states are, against numpy."""
    couplings, fields = random_batch(5, 1, 6)
    spins = np.array([[[1, -1, 1, 1, -1, -1]]], dtype=np.int8)
    reads, steps, gain, spread = 40_000, 12, 0.25, 0.1
    ramp = np.linspace(0, 0.3, steps)
    flow = _core.Flow(
        saturation=None, gain=gain / np.pi, spread=spread, ramp=ramp / np.pi, noise=np.zeros(steps)
    )
    found = evolved(couplings, fields, flow, reads, spins, 3)
    matrix, rng = dense(couplings, 6), np.random.default_rng(0)
    phi = np.pi * ((1 - spins[0]) / 2 + rng.uniform(-spread, spread, (reads, 6)))
    for lock in ramp:
        torque = np.einsum("ij,rij->ri", matrix, np.sin(phi[:, :, None] - phi[:, None, :]))
        phi = phi + gain * (torque + fields * np.sin(phi)) - lock * np.sin(2 * phi)
    wanted = np.where(np.cos(phi) >= 0, 1, -1)
    # Frequencies of all 64 states: five standard errors of the larger of the two.
    code = 2 ** np.arange(6)
    ours, theirs = (np.bincount((s == 1) @ code, minlength=64) for s in (found[0], wanted))
    assert (ours > 100).sum() > 3
    assert (np.abs(ours - theirs) < 5 * np.sqrt(2 * np.maximum(ours, theirs)) + 10).all()


def test_the_coherent_machine_is_a_parametric_oscillator():
    """Its constants are the equation's: a lone pulse decays, or above threshold grows to sqrt(p - 1)."""
    machine = CoherentMachine(num_steps=200, pump=1.5)
    keep = machine._ramp
    np.testing.assert_allclose(keep[[0, -1]], [1 - STEP, 1 + STEP / 2])
    x = 0.01
    for _ in range(500):
        x = (keep[-1] - STEP * x**2) * x
    assert x == pytest.approx(np.sqrt(0.5))


@MACHINES
def test_a_spin_follows_its_field_and_neighbours_their_coupling(machine):
    couplings = np.array([0, 2]), np.array([1, 3]), np.array([-1.0, 1.0])
    reads = sample(machine(num_reads=50), couplings, [[-0.5, 0, 0.5, 0]])
    np.testing.assert_array_equal(reads.lowest(), [[1, 1, -1, 1]])
    assert (reads.energies <= -3 + 1e-6).mean() > 0.7


# --- bits -------------------------------------------------------------------------------------------------


@MACHINES
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("problem", [random_batch, sparse_batch, layered_batch])
def test_bits_depend_on_neither_threads_nor_batch_nor_reads(machine, problem, reverse):
    couplings, fields = problem(1, 5, 23)
    ids = np.array([7, 1, 0, 4, 2**32 - 1], dtype=np.uint32)
    start = np.random.default_rng(0).choice([-1, 1], size=(5, 1, 23)).astype(np.int8) if reverse else None

    def of(part, threads, reads=21):
        given = None if start is None else start[part]
        made = machine(num_reads=reads, num_steps=30, num_threads=threads)
        return sample(made, couplings, fields[part], 5, ids[part], given)

    whole = of(slice(None), 1)
    np.testing.assert_allclose(
        whole.energies, energies_of(couplings, fields.astype(np.float32), whole.states), atol=1e-9
    )
    for threads in (2, 5):
        again = of(slice(None), threads)
        assert again.states.tobytes() == whole.states.tobytes()
        assert again.energies.tobytes() == whole.energies.tobytes()
    for cut in (1, 3):
        parts = [of(slice(0, cut), 2), of(slice(cut, None), None)]
        assert np.concatenate([p.states for p in parts]).tobytes() == whole.states.tobytes()
    few = of(slice(None), 1, reads=6)
    np.testing.assert_array_equal(few.states, whole.states[:, :6])
    other = sample(machine(num_reads=21, num_steps=30), couplings, fields, 6, ids, start)
    assert (other.states != whole.states).any()


@MACHINES
def test_numbers_of_any_size_are_taken(machine):
    couplings, fields = random_batch(2, 2, 9)
    for scale in (1e-300, 1e-20, 1e20, 1e300):
        rows, cols, values = couplings
        result = sample(machine(), (rows, cols, values * scale), fields * min(scale, 1e30))
        assert (np.abs(result.states) == 1).all()
        assert np.isfinite(result.energies).all()


@MACHINES
def test_nothing_and_loneliness(machine):
    none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    assert sample(machine(), none, np.zeros((0, 3))).states.shape == (0, 10, 3)
    assert sample(machine(), none, np.zeros((2, 0))).energies.tolist() == [[0.0] * 10] * 2
    lone = sample(machine(num_reads=4000), none, np.zeros((1, 1))).states
    assert abs(lone.mean()) < 5 / np.sqrt(4000)  # five standard errors


# --- what they find ---------------------------------------------------------------------------------------


@MACHINES
def test_ground_states_of_frustrated_problems(machine):
    """Of 30 glasses of 12 spins, by enumeration: found by 4 of 10 reads, and by 100 reads of 27 at least."""
    rates = []
    for seed in range(30):
        couplings, fields = glass(12, seed)
        lowest = all_states(couplings, fields)[1].min()
        energies = sample(machine(num_reads=100), couplings, fields).energies
        assert energies.min() >= lowest - 1e-9
        rates.append((energies < lowest + 1e-6).mean())
    assert np.mean(rates) > 0.4
    assert np.count_nonzero(rates) >= 27


@pytest.mark.parametrize(("name", "percent"), [("analog", 1), ("coherent", 1.5), ("oscillator", 4)])
def test_energies_on_a_layered_network_are_near_the_annealers(name, percent):
    """K(120, 40) as it is before training, the lowest of 10 reads, on average over 50 problems."""
    rng = np.random.default_rng(3)
    rows, cols = np.repeat(np.arange(120), 40), np.tile(np.arange(120, 160), 120)
    couplings, fields = (rows, cols, rng.uniform(-0.1, 0.1, 4800)), rng.uniform(-0.5, 0.5, (50, 160))
    ours = sample(DYNAMICAL[name](), couplings, fields).energies.min(axis=1).mean()
    theirs = sample(AnnealingMachine(), couplings, fields).energies.min(axis=1).mean()
    assert -1 < 100 * (1 - ours / theirs) < percent


@pytest.mark.slow
def test_the_analog_machine_samples_at_its_noises_temperature():
    """Reads at constant noise against the Boltzmann distribution at the beta of `effective_beta`.

    Of 8 spins, 20,000 reads: exact samples have a distance of 0.03 in total variation on average.
    """
    betas = []
    for noise in (0.7, 1.0):
        distances = []
        for seed in range(3):
            couplings, fields = glass(8, seed)
            machine = AnalogMachine(
                num_reads=20_000, num_steps=300, gain=0.3, noise_range=(noise, noise), feedback=1.6
            )
            reads = sample(machine, couplings, fields).states[0]
            beta = effective_beta(reads, couplings, fields[0].astype(np.float32)).beta
            energies = all_states(couplings, fields)[1]
            wanted = np.exp(-beta * (energies - energies.min()))
            code = (reads == 1) @ (2 ** np.arange(8)[::-1])
            found = np.bincount(code, minlength=256) / len(reads)
            distances.append(np.abs(found - wanted / wanted.sum()).sum() / 2)
            uniform = np.abs(found - 1 / 256).sum() / 2
            assert uniform > 3 * distances[-1]
            if seed == 1:
                betas.append(beta)
        assert max(distances) < 0.12
    assert betas[0] > 1.3 * betas[1]


# --- nudge phases -----------------------------------------------------------------------------------------


@MACHINES
def test_a_nudge_remembers_as_much_as_the_schedule_is_turned_back(machine):
    """A chain all down against weak fields: late in the schedule it stays, from its start it turns."""
    chain = np.arange(19), np.arange(1, 20), np.full(19, -1.0)
    fields, down = np.full((1, 20), -0.1), np.full((1, 1, 20), -1, dtype=np.int8)

    def up(fraction, noise):
        made = machine(num_reads=50, reverse_fraction=fraction, noise_range=(noise, 0.0))
        return (sample(made, chain, fields, initial_states=down).states == 1).mean()

    assert up(1.0, 0.1) == 0
    assert up(0.9, 0.1) < 0.2
    assert up(0.0, 1.5) > 0.3


@MACHINES
def test_a_nudge_turns_what_it_pulls(machine):
    """A spin that is down and pulled up by a strong field turns, also where nothing else moves it."""
    none = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    made = machine(num_reads=20, noise_range=(0.0, 0.0))
    down = np.full((1, 1, 1), -1, dtype=np.int8)
    assert (sample(made, none, [[-4.0]], initial_states=down).states == 1).all()


# --- runs -------------------------------------------------------------------------------------------------


@pytest.mark.slow
@NAMES
def test_it_learns_digits(name):
    digits = datasets.load_digits(train_per_class=50)
    config = TrainConfig.checked({"machine": name, "layers": (60, 40), "epochs": 5, "seed": 5})
    state = training.train(config, digits)
    assert state.history[0]["train_accuracy"] < 0.75
    assert state.history[-1]["train_accuracy"] > 0.75
    assert state.history[-1]["test_accuracy"] > 0.7


@NAMES
def test_a_run_resumed_anywhere_ends_in_the_same_bits(tmp_path, name):
    digits = datasets.load_digits(train_per_class=3, test_per_class=2)
    config = TrainConfig.checked(
        {"machine": name, "layers": (16, 10), "epochs": 2, "batch_size": 4, "num_steps": 20}
    )
    run = RunFolder.create(tmp_path / "run", config, DataRecord.of(digits))
    saved = []

    def on_batch(state):
        if state.batch % 3 == 2:
            run.save(state)
            saved.append(run.load())

    whole = training.train(config, digits, num_threads=1, callbacks=calling(on_batch=on_batch))
    assert len(saved) >= 4
    for state in saved[::2]:
        again = training.train(RunFolder.open(run.path).config, digits, num_threads=2, state=state)
        for parameter, value in whole.parameters.items():
            assert again.parameters[parameter].tobytes() == value.tobytes()


@pytest.mark.slow
@NAMES
def test_on_the_command_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)

    def ising_ep(*arguments):
        result = CliRunner().invoke(cli.main, [str(a) for a in arguments])
        assert result.exit_code == 0, result.output
        return result.output

    settings = ("--layers", "16,10", "--train-per-class", 5, "--test-per-class", 3, "--num-steps", 20)
    options = ("--machine", name, "--gain", 0.4, "--noise-range", 0.2, 0.1, *settings)
    ising_ep("train", *options, "--epochs", 1, "--out", "run")
    config = RunFolder.open(tmp_path / "run").config
    assert (config.machine, config.num_steps, config.gain, config.noise_range) == (name, 20, 0.4, (0.2, 0.1))
    ising_ep("train", "--resume", "run", "--epochs", 2)
    assert "30 test images: accuracy" in ising_ep("evaluate", "run")


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"machine": "annealing", "gain": 2.0}, "gain is 2.0, but machine annealing has no such setting"),
        (
            {"machine": "deterministic", "num_steps": 7},
            "num_steps is 7, but machine deterministic has no such",
        ),
        (
            {"machine": "chip", "noise_range": (1.0, 0.0)},
            "but machine chip has no such setting; take machine analog, coherent or oscillator",
        ),
        ({"machine": "analog", "num_sweeps": 7}, "num_sweeps is 7, but machine analog has no such setting"),
        (
            {"machine": "coherent", "free_steps": 7},
            "free_steps is 7, but machine coherent has no such",
        ),
        (
            {"machine": "oscillator", "chain_strength": 2.0},
            "but machine oscillator .*; take machine chip or qpu$",
        ),
        ({"machine": "analog", "noise_range": (-1.0, 0.0)}, "noise_range.0 is -1.0"),
        ({"machine": "oscillator", "gain": 0.0}, "gain is 0.0"),
    ],
)
def test_settings_of_other_machines_are_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        TrainConfig.checked(settings)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"num_reads": 0}, "num_reads is 0"),
        ({"num_steps": 0}, "num_steps is 0"),
        ({"reverse_fraction": 1.5}, "reverse_fraction is 1.5"),
    ],
)
@MACHINES
def test_machines_check_their_numbers(machine, changes, text):
    with pytest.raises(ValueError, match=text):
        machine(**changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"gain": -1.0}, "gain is -1, expected a number from 0 to 1000000"),
        ({"gain": np.nan}, "gain is NaN"),
        ({"saturation": np.inf}, "saturation is inf"),
        ({"spread": 2.0, "saturation": None}, "spread is 2, expected a number from 0 to 1"),
        ({"ramp": np.array([0.0, -1.0])}, "ramp of step 1 is -1"),
        ({"noise": np.array([0.0, np.nan])}, "noise of step 1 is NaN"),
        ({"noise": np.zeros(3)}, "2 ramps and 3 noises"),
        ({"ramp": np.zeros(0), "noise": np.zeros(0)}, "0 sweeps"),
    ],
)
def test_the_core_names_what_is_wrong(changes, text):
    given = {
        "saturation": 0.0,
        "gain": 1.0,
        "spread": 0.0,
        "ramp": np.zeros(2),
        "noise": np.zeros(2),
    } | changes
    couplings, fields = random_batch(0, 1, 3)
    with pytest.raises(ValueError, match=text):
        evolved(couplings, fields, _core.Flow(**given), 1, None, 0)


def test_defaults_of_the_settings_are_those_of_the_machines():
    for name, machine in DYNAMICAL.items():
        config, made = TrainConfig.checked({"machine": name}), machine()
        same = machine(num_steps=config.num_steps, gain=config.gain, noise_range=config.noise_range)
        assert made._law == same._law
        np.testing.assert_array_equal(made._noise, same._noise)
