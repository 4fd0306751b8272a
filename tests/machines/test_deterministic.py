"""The deterministic machine: where it rests, what it descends, and that it learns."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ising_ep import datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import SGD, EquilibriumPropagation
from ising_ep.machines.deterministic import THRESHOLD, DeterministicMachine
from ising_ep.network import FullyConnected, Reads
from ising_ep.training.record import DataRecord
from ising_ep.training.run_folder import RunFolder
from support.callbacks import calling


def relax(couplings, fields, machine=None, initial_states=None):
    fields = np.atleast_2d(np.asarray(fields, dtype=np.float32))
    machine = machine or DeterministicMachine(free_steps=200, nudge_steps=200)
    ids = np.arange(len(fields), dtype=np.uint32)
    return machine.sample(couplings, fields, initial_states=initial_states, seed=0, problem_ids=ids)


def pairs(*triples):
    rows, cols, values = zip(*triples, strict=True)
    return np.array(rows), np.array(cols), np.array(values, dtype=np.float64)


def random_problem(rng, neurons, batch, scale=1.0):
    rows, cols = np.triu_indices(neurons, 1)
    couplings = rows, cols, rng.normal(size=len(rows)) * scale / np.sqrt(neurons)
    return couplings, rng.normal(size=(batch, neurons)).astype(np.float32)


def energies(couplings, fields, states):
    rows, cols, values = couplings
    s = states.astype(np.float64)
    return (s[..., rows] * s[..., cols]) @ values + (s * (fields.astype(np.float64) + THRESHOLD)).sum(axis=-1)


def rests(couplings, fields, states):
    """Whether each state (batch, neurons) is the one that its own drive asks for."""
    rows, cols, values = couplings
    s, drive = states.astype(np.float64), -fields.astype(np.float64)
    np.subtract.at(drive, (slice(None), rows), values * s[:, cols])
    np.subtract.at(drive, (slice(None), cols), values * s[:, rows])
    return ((drive >= THRESHOLD) == (states == 1)).all(axis=1)


def test_one_neuron_turns_on_where_its_drive_reaches_the_threshold():
    alone = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    fields = np.array([[-2.0], [-0.51], [-0.49], [0.0], [2.0]])
    states = relax(alone, fields).states
    assert states.dtype == np.int8
    np.testing.assert_array_equal(states[:, 0, 0], [1, 1, 0, 0, 0])


def test_steps_are_those_of_the_module():
    """A drive of 1 takes u through 1/2 and 3/4, on at once; one of 0.6 through 0.3, 0.45, 0.525."""
    alone = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    found = [
        relax(alone, [[-1.0], [-0.6]], DeterministicMachine(free_steps=steps)).states[:, 0, 0].tolist()
        for steps in (1, 2, 3)
    ]
    assert found == [[1, 0], [1, 0], [1, 1]]
    # On, and driven by 0.25: u goes from 1 through 0.625 to 0.4375.
    on = np.ones((1, 1, 1), dtype=np.int8)
    after = [
        relax(alone, [[-0.25]], DeterministicMachine(nudge_steps=steps), on).states.item() for steps in (1, 2)
    ]
    assert after == [1, 0]


def test_a_chain_is_lit_from_one_end():
    chain = pairs((0, 1, -1.0), (1, 2, -1.0), (2, 3, -1.0))
    np.testing.assert_array_equal(relax(chain, [-0.6, 0, 0, 0]).states, [[[1, 1, 1, 1]]])
    np.testing.assert_array_equal(relax(chain, [-0.4, 0, 0, 0]).states, [[[0, 0, 0, 0]]])
    # Against a field of 1 the second one needs both its neighbours.
    np.testing.assert_array_equal(relax(chain, [-0.6, 1, 0, 0]).states, [[[1, 0, 0, 0]]])
    np.testing.assert_array_equal(relax(chain, [-0.6, 1, 0, -0.6]).states, [[[1, 1, 1, 1]]])


def test_it_remembers_the_state_it_is_given():
    """Two that excite each other are stable on and off: hysteresis, which the nudge phase lives on."""
    pair = pairs((0, 1, -1.0))
    for state in ([0, 0], [1, 1]):
        given = np.array([[state]], dtype=np.int8)
        np.testing.assert_array_equal(relax(pair, [0, 0], initial_states=given).states, given)


@pytest.mark.parametrize("seed", range(5))
def test_where_it_rests_no_single_flip_lowers_the_energy(seed):
    rng = np.random.default_rng(seed)
    couplings, fields = random_problem(rng, neurons=30, batch=50, scale=0.5)
    result = relax(couplings, fields)
    states = result.states[:, 0]
    np.testing.assert_allclose(result.energies[:, 0], energies(couplings, fields, states), atol=1e-12)
    resting = rests(couplings, fields, states)
    assert resting.mean() > 0.9  # few end in a cycle
    for neuron in range(30):
        flipped = states.copy()
        flipped[:, neuron] ^= 1
        rise = energies(couplings, fields, flipped) - result.energies[:, 0]
        assert (rise[resting] >= 0).all()
    # And what rests stays: a relaxation from there is where it was.
    again = relax(couplings, fields, initial_states=result.states).states
    np.testing.assert_array_equal(again[resting], result.states[resting])


def test_bits_depend_neither_on_the_batch_nor_on_the_seed():
    rng = np.random.default_rng(1)
    couplings, fields = random_problem(rng, neurons=40, batch=9)
    machine = DeterministicMachine()
    whole = machine.sample(couplings, fields, seed=1, problem_ids=np.arange(9, dtype=np.uint32))
    for parts in ([range(9)], [range(4), range(4, 9)], [[k] for k in range(9)]):
        results = [
            machine.sample(couplings, fields[list(part)], seed=2, problem_ids=np.array(part, dtype=np.uint32))
            for part in parts
        ]
        for name in ("states", "energies"):
            joined = np.concatenate([getattr(result, name) for result in results])
            assert joined.tobytes() == getattr(whole, name).tobytes()


@pytest.mark.parametrize("beta", [2.0, -2.0])
def test_the_nudge_adds_the_cost_to_the_energy(beta):
    """The field that it adds is beta |s - t|^2 / 2, but for a constant, for all states of the outputs."""
    network = FullyConnected(2, (3, 4), 2, levels=(0, 1))
    calls = []

    class Watched(DeterministicMachine):
        def sample(self, couplings, fields, **others):
            calls.append(fields.copy())
            return super().sample(couplings, fields, **others)

    rule = EquilibriumPropagation(network, Watched(), nudge=beta, field_limit=np.inf)
    parameters = network.initial_parameters(np.random.default_rng(0))
    target = network.targets([1])
    np.testing.assert_array_equal(target, [[0, 0, 1, 1]])
    fields, ids = network.fields(parameters, np.ones((1, 2), dtype=np.float32)), np.arange(1, dtype=np.uint32)
    free = Reads(np.zeros((1, 1, 7), dtype=np.int8))
    rule.nudge_phase(parameters, fields, target, free, ids)
    added = (calls[0] - fields)[0]
    assert not added[:3].any()
    states = np.array(list(itertools.product((0, 1), repeat=4)))
    difference = states @ added[3:] - beta * ((states - target) ** 2).sum(axis=1) / 2
    np.testing.assert_allclose(difference, difference[0], atol=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_the_papers_nudge_rests_where_ours_does(seed):
    """Its code pulls with beta (t - u), the cost in the internal state: the same states rest under both."""
    rng = np.random.default_rng(seed)
    drive, target, beta = rng.normal(size=1000) * 2, rng.integers(0, 2, 1000), rng.uniform(0.1, 5)
    theirs = np.zeros(1000)
    for _ in range(500):
        step = 0.5 / (1 + beta)  # its own step of 0.5 overshoots where beta > 3
        theirs = np.clip(theirs + step * (drive - theirs + beta * (target - theirs)), 0, 1)
    alone = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64), np.empty(0)
    ours = relax(alone, (-(drive + beta * (target - 0.5)))[None]).states[0, 0]
    np.testing.assert_array_equal(ours, theirs >= 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [(6, 4), (3, 3, 4)])
def test_update_is_the_derivative_of_the_contrast(layers):
    """dp = -lr/beta d/dp [E + beta C at the nudged state - E at the free state], the states held, as they are
    for a small enough change of p where the machine rests."""
    network = FullyConnected(3, layers, 2, levels=(0, 1))
    rng = np.random.default_rng(3)
    p = {k: rng.uniform(-1, 1, shape).astype(np.float32) for k, shape in network.shapes().items()}
    x, ids = rng.uniform(0, 1, (20, 3)).astype(np.float32), np.arange(20, dtype=np.uint32)
    machine = DeterministicMachine(free_steps=200, nudge_steps=200)
    rule = EquilibriumPropagation(
        network, machine, nudge=2.0, field_limit=np.inf, optimizer=SGD(0.1, bias_learning_rate=0.1)
    )
    target = network.targets(rng.integers(2, size=20))

    def phases(parameters):
        fields = network.fields(parameters, x)
        begun = rule.free_phase(parameters, fields, ids)
        ended = rule.nudge_phase(parameters, fields, target, begun, ids)
        free, nudged = begun.states[:, 0], ended.states[:, 0]
        pulled = fields.copy()
        pulled[:, network.outputs] -= 2.0 * (target - 0.5)
        couplings = network.couplings(parameters)
        still = rests(couplings, fields, free) & rests(couplings, pulled, nudged)
        contrast = energies(couplings, pulled, nudged) - energies(couplings, fields, free)
        return free, nudged, contrast.mean(), still

    free, nudged, _, still = phases(p)
    assert still.all()
    assert (free != nudged).any(axis=1).sum() >= 5
    updated = {name: value.copy() for name, value in p.items()}
    rule.optimizer.step(network, updated, rule.gradient(x, Reads(free[:, None]), Reads(nudged[:, None])))
    step, compared = 2.0**-9, 0
    for name, value in p.items():
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = {k: v.copy() for k, v in p.items()}
                moved[name][index] += sign * step
                ends.append(phases(moved))
            if any((end[0] != free).any() or (end[1] != nudged).any() for end in ends):
                continue  # a neuron stood at its threshold: the contrast has a kink there
            compared += 1
            slope = (ends[0][2] - ends[1][2]) / (2 * step)
            wanted = np.clip(value[index] - 0.1 / 2.0 * slope, -1, 1)
            assert updated[name][index] == pytest.approx(wanted, abs=1e-4), (name, index)
    assert compared > 20


def test_what_is_right_and_rests_is_not_moved_by_the_nudge():
    """So that to skip it, as learning does, changes nothing."""
    rng = np.random.default_rng(8)
    couplings, fields = random_problem(rng, neurons=20, batch=40, scale=0.5)
    free = relax(couplings, fields).states
    resting = rests(couplings, fields, free[:, 0])
    pulled = fields.copy()
    pulled[:, 15:] -= 2.0 * (free[:, 0, 15:] - 0.5)
    nudged = relax(couplings, pulled, initial_states=free).states
    assert resting.sum() > 30
    np.testing.assert_array_equal(nudged[resting], free[resting])


def test_weights_start_at_the_same_energies_as_those_of_spins():
    spins, binary = FullyConnected(9, (6, 4), 2), FullyConnected(9, (6, 4), 2, levels=(0, 1))
    p, q = (network.initial_parameters(np.random.default_rng(0)) for network in (spins, binary))
    np.testing.assert_array_equal(q["W0"], 2 * p["W0"])
    np.testing.assert_array_equal(q["W1"], 4 * p["W1"])
    # What turning a neuron of the first layer changes, over the two values of one of the second.
    s, b = np.array([-1, 1]), np.array([0, 1])
    np.testing.assert_allclose(np.ptp(b) * q["W0"], np.ptp(s) * p["W0"])
    coupling = [np.diff(np.outer(v, v), axis=0) for v in (s, b)]
    assert np.ptp(coupling[0]) * p["W1"][0, 0] == pytest.approx(np.ptp(coupling[1]) * q["W1"][0, 0])


def config_of(**changes) -> TrainConfig:
    settings = {"machine": "deterministic", "layers": (30, 20), "epochs": 3, "seed": 5}
    return TrainConfig.checked(settings | changes)


def same(first, second) -> bool:
    history = [
        [{k: v for k, v in row.items() if k != "seconds"} for row in s.history] for s in (first, second)
    ]
    return history[0] == history[1] and all(
        first.parameters[name].tobytes() == second.parameters[name].tobytes() for name in first.parameters
    )


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 7])
def test_a_run_resumed_anywhere_ends_in_the_same_bits(tmp_path, batch_size):
    digits = datasets.load_digits(train_per_class=4, test_per_class=3)
    config = config_of(batch_size=batch_size)
    run = RunFolder.create(tmp_path / "run", config, DataRecord.of(digits))
    saved = []

    def on_batch(state):
        if state.batch % 3 == 2:
            run.save(state)
            saved.append(run.load())

    whole = training.train(config, digits, num_threads=1, callbacks=calling(on_batch=on_batch))
    assert len(saved) >= 6
    for state in saved[:: len(saved) // 4]:
        assert same(
            whole, training.train(RunFolder.open(run.path).config, digits, num_threads=2, state=state)
        )


@pytest.mark.slow
@pytest.mark.parametrize("symmetric", [False, True])
def test_it_learns_digits(symmetric):
    digits = datasets.load_digits(train_per_class=50)
    config = config_of(layers=(60, 40), epochs=8, symmetric=symmetric)
    state = training.train(config, digits)
    assert state.history[0]["train_accuracy"] < 0.75
    assert state.history[-1]["train_accuracy"] > 0.88
    assert state.history[-1]["test_accuracy"] > 0.82
    assert state.usage.problems > 0


def test_defaults_are_the_same_on_every_data_set():
    for dataset, epochs in (("mnist", 50), ("digits", 15)):
        config = TrainConfig.checked({"machine": "deterministic", "dataset": dataset})
        assert (config.nudge, config.free_steps, config.nudge_steps, config.epochs) == (2, 20, 10, epochs)
        assert (config.learning_rate, config.bias_learning_rate) == (0.01, 0.01)


OTHERS = "analog, coherent, oscillator, chip or qpu"
SAMPLING = f"take machine annealing, {OTHERS}"


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"num_reads": 3}, f"num_reads is 3, but machine deterministic has no such setting; {SAMPLING}"),
        (
            {"statistic": "average"},
            f"statistic is average, but machine deterministic .*; {SAMPLING}",
        ),
        ({"reverse_fraction": 0.5}, f"reverse_fraction is 0.5, but machine deterministic has .*; {SAMPLING}"),
        (
            {"field_limit": 2.0},
            f"but machine deterministic has no limit.*; take machine annealing, mean-field, {OTHERS}",
        ),
        ({"num_sweeps": 7}, "num_sweeps is 7, but machine deterministic has no such setting"),
        (
            {"beta_range": (1.0, 2.0)},
            "but machine deterministic has .*; take machine annealing or mean-field$",
        ),
        (
            {"chain_strength": 2.0},
            "chain_strength is 2.0, but .*; take machine chip or qpu$",
        ),
        ({"free_steps": 0}, "free_steps is 0"),
        ({"dataset": "patterns", "network": "convolutional"}, "take network layers"),
        ({"machine": "annealing", "nudge_steps": 9}, "nudge_steps is 9, but .*; take machine deterministic$"),
    ],
)
def test_settings_it_has_no_use_for_are_refused(settings, text):
    with pytest.raises(ValueError, match=text):
        TrainConfig.checked({"machine": "deterministic"} | settings)


@pytest.mark.parametrize("name", ["free_steps", "nudge_steps"])
def test_steps_are_checked(name):
    with pytest.raises(ValueError, match=f"{name} is 0, expected an integer >= 1"):
        DeterministicMachine(**{name: 0})


def test_initial_states_of_several_reads_are_refused():
    pair = np.array([0]), np.array([1]), np.array([-1.0])
    states = np.ones((1, 2, 2), dtype=np.int8)
    call = {"seed": 0, "problem_ids": np.arange(1)}
    with pytest.raises(ValueError, match="initial_states has 2 reads of a problem, but this machine has 1"):
        DeterministicMachine().sample(pair, np.zeros((1, 2), np.float32), initial_states=states, **call)
