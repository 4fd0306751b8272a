"""The learning rule against numerical derivatives and exact enumeration on tiny networks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from ising_ep import BatchResult, EPClassifier, _core, datasets, training
from ising_ep.config import TrainConfig
from ising_ep.learning import SGD, Centred, EquilibriumPropagation
from ising_ep.machines import AnnealingMachine, Machine
from ising_ep.machines.deterministic import DeterministicMachine
from ising_ep.network import Convolutional, FullyConnected, Kind, Reads
from support.machines import BoltzmannMachine, ExactMachine, all_states, exact_energies, random_parameters
from support.networks import NETWORKS as INTERACTIONS
from support.networks import images_for

NETWORKS = [(3, (4, 2), 2), (2, (2, 3, 4), 2), (5, (3,), 3), (2, (3, 2, 2, 2), 2)]


@pytest.mark.parametrize(("inputs", "layers", "classes"), NETWORKS)
def test_energy_is_that_of_the_docstring(inputs, layers, classes):
    network = FullyConnected(inputs, layers, classes)
    p = random_parameters(network, 1)
    x = np.random.default_rng(2).uniform(0, 1, (3, inputs)).astype(np.float32)
    states = all_states(network.num_spins)
    got = exact_energies(network.couplings(p), network.fields(p, x).astype(np.float64), states)
    parts = [states[:, layer].astype(np.float64) for layer in network.slices]
    for k, image in enumerate(x.astype(np.float64)):
        wanted = parts[0] @ (p["b0"] + image @ p["W0"])
        for layer in range(1, len(layers)):
            wanted += np.einsum("si,ij,sj->s", parts[layer - 1], p[f"W{layer}"], parts[layer])
            wanted += parts[layer] @ p[f"b{layer}"]
        np.testing.assert_allclose(got[k], wanted, atol=1e-5)


@pytest.mark.parametrize(("inputs", "layers", "classes"), NETWORKS)
@pytest.mark.parametrize("seed", range(4))
def test_update_is_the_derivative_of_the_exact_nudged_minimum(inputs, layers, classes, seed):
    """dW = -lr/beta d/dW [min_s (E - beta t.s_out) - min_s E], taken numerically in double precision."""
    network = FullyConnected(inputs, layers, classes)
    p = random_parameters(network, seed)
    rng = np.random.default_rng(100 + seed)
    x = rng.uniform(0, 1, (2, inputs)).astype(np.float32)
    labels = rng.integers(classes, size=2)
    # Fields are not clipped here: the contrast of clipped problems is no derivative of the parameters.
    rule = EquilibriumPropagation(
        network, ExactMachine(), nudge=2.0, field_limit=np.inf, optimizer=SGD(0.5, bias_learning_rate=0.25)
    )
    target = network.targets(labels)
    ids = np.arange(2, dtype=np.uint32)
    fields = network.fields(p, x)
    free = rule.free_phase(p, fields, ids)
    nudged = rule.nudge_phase(p, fields, target, free, ids)
    updated = {name: value.copy() for name, value in p.items()}
    rule.optimizer.step(network, updated, rule.gradient(x, free, nudged))

    states = all_states(network.num_spins)

    def contrast(parameters):
        double = {name: value.astype(np.float64) for name, value in parameters.items()}
        fields = np.tile(np.concatenate([double[f"b{k}"] for k in range(len(layers))]), (len(x), 1))
        fields[:, network.slices[0]] += x.astype(np.float64) @ double["W0"]
        free_minimum = exact_energies(network.couplings(double), fields, states).min(axis=1)
        fields[:, network.outputs] -= 2.0 * target
        return (exact_energies(network.couplings(double), fields, states).min(axis=1) - free_minimum).mean()

    step = 1e-6
    moved = 0.0
    for name, value in p.items():
        rate = 0.25 if network.parameters[name].kind is Kind.BIAS else 0.5
        for index in np.ndindex(value.shape):
            up, down = ({k: v.astype(np.float64) for k, v in p.items()} for _ in range(2))
            up[name][index] += step
            down[name][index] -= step
            slope = (contrast(up) - contrast(down)) / (2 * step)
            wanted = np.clip(value[index] - rate / 2.0 * slope, -1, 1)
            moved = max(moved, abs(slope))
            assert updated[name][index] == pytest.approx(wanted, abs=1e-5), (name, index)
    if (free.states != nudged.states).any():
        assert moved > 0.1


@pytest.mark.parametrize("name", INTERACTIONS)
def test_the_gradient_of_every_interaction_is_that_of_the_exact_nudged_minimum(name):
    """d/dp [min_s (E - beta t.s_out) - min_s E] / beta, where the states that are lowest stay so."""
    network, beta, step = INTERACTIONS[name](), 2.0, 2.0**-8
    p, rng = random_parameters(network, 1), np.random.default_rng(2)
    x, target = images_for(network, 3, rng), network.targets(rng.integers(network.num_classes, size=3))
    rule = EquilibriumPropagation(network, ExactMachine(), nudge=beta, field_limit=np.inf)
    found, _ = rule.compare(p, x, target, np.arange(3, dtype=np.uint32))
    states = all_states(network.num_spins)

    def minima(parameters):
        """The lowest states of both phases, and the mean difference of their energies."""
        pulled = [network.fields(parameters, x).astype(np.float64) for _ in range(2)]
        pulled[1][:, network.outputs] -= beta * target
        energies = [exact_energies(network.couplings(parameters), fields, states) for fields in pulled]
        lowest, values = zip(*((e.argmin(axis=1), e.min(axis=1)) for e in energies), strict=True)
        return np.array(lowest), float(np.mean(values[1] - values[0]))

    lowest, _ = minima(p)
    assert (lowest[0] != lowest[1]).any()
    compared = 0
    for key, value in p.items():
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = {k: v.copy() for k, v in p.items()}
                moved[key][index] += sign * step
                ends.append(minima(moved))
            if all((end == lowest).all() for end, _ in ends):
                slope = (ends[0][1] - ends[1][1]) / (2 * step) / beta
                assert found[key][index] == pytest.approx(slope, abs=1e-4), (key, index)
                compared += 1
    assert compared > 0.3 * sum(value.size for value in p.values())


def test_nudge_skips_what_is_right_and_starts_from_the_free_state():
    network = FullyConnected(3, (4, 2), 2)
    p = random_parameters(network, 3)
    x = np.random.default_rng(4).uniform(0, 1, (6, 3)).astype(np.float32)
    machine = ExactMachine()
    rule = EquilibriumPropagation(network, machine, nudge=5.0, field_limit=4.0)
    ids = np.arange(6, dtype=np.uint32)
    fields = network.fields(p, x)
    free = rule.free_phase(p, fields, ids)
    found = free.states[:, 0, network.outputs].astype(np.float32)
    target = found.copy()
    target[[1, 4]] *= -1
    nudged = rule.nudge_phase(p, fields, target, free, ids)
    first, second = machine.calls
    assert first["initial_states"] is None
    np.testing.assert_array_equal(second["initial_states"], free.states[[1, 4]])
    assert first["seed"] != second["seed"]
    np.testing.assert_array_equal(nudged.states[[0, 2, 3, 5]], free.states[[0, 2, 3, 5]])
    # The outputs' fields are those of the free phase minus beta t, clipped to the chip's range.
    wanted = np.clip(first["fields"][[1, 4]][:, network.outputs] - 5.0 * target[[1, 4]], -4, 4)
    np.testing.assert_allclose(second["fields"][:, network.outputs], wanted)
    np.testing.assert_array_equal(
        second["fields"][:, network.slices[0]], first["fields"][[1, 4]][:, network.slices[0]]
    )


@pytest.mark.slow
@pytest.mark.parametrize(("levels", "beta"), [((-1, 1), 0.4), ((0, 1), 0.8)])
def test_a_symmetric_nudge_errs_by_beta_squared_and_one_side_by_beta(levels, beta):
    """Both against the gradient of the cost that they stand for, by enumeration of all states.

    Of the mean outputs m that is |t - m|^2 / 4 for the symmetric nudge, and -(t - middle) m for the paper's.
    """
    network = FullyConnected(2, (3, 2), 2, levels=levels)
    p = random_parameters(network, 4)
    x = np.array([[0.3, 0.9], [0.8, 0.1]], dtype=np.float32)
    target = network.targets([1, 0])
    ids = np.arange(2, dtype=np.uint32)
    machine = BoltzmannMachine(1.5, levels)
    states = all_states(network.num_spins, levels)

    def cost(parameters, symmetric):
        double = {name: value.astype(np.float64) for name, value in parameters.items()}
        fields = np.tile(np.concatenate([double["b0"], double["b1"]]), (len(x), 1))
        fields[:, network.slices[0]] += x.astype(np.float64) @ double["W0"]
        means = softmax(-1.5 * exact_energies(network.couplings(double), fields, states), axis=1) @ states
        outputs = means[:, network.outputs]
        each = (target - outputs) ** 2 / 4 if symmetric else -(target - np.mean(levels)) * outputs
        return each.sum(axis=1).mean()

    def gradient(symmetric):
        slopes = {name: np.zeros(value.shape) for name, value in p.items()}
        for name, value in p.items():
            for index in np.ndindex(value.shape):
                up, down = ({k: v.astype(np.float64) for k, v in p.items()} for _ in range(2))
                up[name][index] += 1e-5
                down[name][index] -= 1e-5
                slopes[name][index] = (cost(up, symmetric) - cost(down, symmetric)) / 2e-5
        return slopes

    def error(beta, symmetric):
        rule = EquilibriumPropagation(network, machine, nudge=beta, symmetric=symmetric, statistic="average")
        found, _ = rule.compare(p, x, target, ids)
        return max(np.abs(found[name] - slope).max() for name, slope in gradient(symmetric).items())

    for symmetric, order in ((True, 2), (False, 1)):
        ratio = error(beta, symmetric) / error(beta / 2, symmetric)
        assert ratio == pytest.approx(2**order, rel=0.1)
    size = max(np.abs(slope).max() for slope in gradient(symmetric=True).values())
    assert error(beta / 2, symmetric=True) < 0.02 * size


@pytest.mark.parametrize("statistic", ["lowest", "average"])
def test_symmetric_nudges_are_of_the_error_and_opposite(statistic):
    network = FullyConnected(3, (4, 4), 2)
    p = random_parameters(network, 3)
    x = np.random.default_rng(4).uniform(0, 1, (20, 3)).astype(np.float32)
    calls = []

    class Watched(AnnealingMachine):
        def sample(self, couplings, fields, **others):
            calls.append({"fields": fields.copy(), **others})
            return super().sample(couplings, fields, **others)

    machine = Watched(num_reads=3, num_sweeps=5, beta_range=(0.3, 3.0))
    rule = EquilibriumPropagation(
        network, machine, nudge=2.0, symmetric=True, field_limit=np.inf, statistic=statistic
    )
    ids = np.arange(20, dtype=np.uint32)
    # One output of every fifth image is wrong in the first read, and what others find anywhere.
    target = rule.free_phase(p, network.fields(p, x), ids).states[:, 0, network.outputs].astype(np.float32)
    target[::5, 2] *= -1
    free, first, second = (reads.states for reads in rule.phases(p, x, target, ids))
    wrong = np.flatnonzero((free[:, :, network.outputs] != target[:, None]).any(axis=(1, 2)))
    right = np.setdiff1d(ids, wrong)
    assert len(wrong) > 3
    assert len(right) > 3
    alone, towards, away = calls[1:]
    error = (target - free[:, :, network.outputs].mean(axis=1))[wrong] / 2
    for call, sign in ((towards, 1), (away, -1)):
        pull = alone["fields"][wrong] - call["fields"]
        assert not pull[:, network.slices[0]].any()
        np.testing.assert_allclose(pull[:, network.outputs], sign * 2.0 * error, atol=1e-6)
        np.testing.assert_array_equal(call["initial_states"], free[wrong])
        np.testing.assert_array_equal(call["problem_ids"], ids[wrong])
    assert towards["seed"] == away["seed"] != alone["seed"]
    for states in (first, second):
        np.testing.assert_array_equal(states[right], free[right])

    # Where all are right there is nothing to ask, and nothing to learn.
    few = len(calls)
    gradient, outputs = rule.compare(p, x[right], target[right], ids[right])
    assert len(calls) == few + 1
    assert gradient == {}
    np.testing.assert_array_equal(outputs, target[right])


def test_nothing_changes_where_both_phases_agree():
    network = FullyConnected(3, (4, 2), 2)
    p = random_parameters(network, 3)
    before = {name: value.copy() for name, value in p.items()}
    rule = EquilibriumPropagation(network, ExactMachine())
    states = Reads(np.ones((2, 1, network.num_spins), dtype=np.int8))
    rule.optimizer.step(network, p, rule.gradient(np.ones((2, 3), dtype=np.float32), states, states))
    for name in p:
        np.testing.assert_array_equal(p[name], before[name])


@pytest.mark.parametrize("reads", [1, 3])
def test_update_is_local_and_averages_over_batch_and_reads(reads):
    """Against the formulas of the module, written out image by image and read by read."""
    network = FullyConnected(2, (3, 2, 2), 2)
    p = random_parameters(network, 5)
    rng = np.random.default_rng(6)
    x = rng.uniform(0, 1, (4, 2)).astype(np.float32)
    free, nudged = rng.choice(np.array([-1, 1], dtype=np.int8), (2, 4, reads, network.num_spins))
    rule = EquilibriumPropagation(network, ExactMachine(), nudge=-2.0, optimizer=SGD(0.05, 0.02))
    updated = {name: value.copy() for name, value in p.items()}
    rule.optimizer.step(network, updated, rule.gradient(x, Reads(free), Reads(nudged)))
    wanted = {name: value.astype(np.float64) for name, value in p.items()}
    for image, sign, states in [(k, s, t[k]) for k in range(4) for s, t in ((1, nudged), (-1, free))]:
        for state in states.astype(np.float64):
            parts = [state[layer] for layer in network.slices]
            scale = -sign / (-2.0 * 4 * reads)
            wanted["W0"] += 0.05 * scale * np.outer(x[image], parts[0])
            wanted["W1"] += 0.05 * scale * np.outer(parts[0], parts[1])
            wanted["W2"] += 0.05 * scale * np.outer(parts[1], parts[2])
            for k, part in enumerate(parts):
                wanted[f"b{k}"] += 0.02 * scale * part
    for name in p:
        np.testing.assert_allclose(updated[name], np.clip(wanted[name], -1, 1), atol=1e-6)


@pytest.mark.parametrize("num_images", [7, 120])
def test_weights_of_one_are_as_none_and_others_scale_each_image(num_images):
    """To the bit; and by the formula where they differ, in one shard and in several."""
    network = FullyConnected(4, (5, 4), 2)
    rule, rng = EquilibriumPropagation(network, ExactMachine()), np.random.default_rng(8)
    x = rng.uniform(0, 1, (num_images, 4)).astype(np.float32)
    states = rng.choice(np.array([-1, 1], dtype=np.int8), (2, num_images, 2, network.num_spins))
    first, second = map(Reads, states)
    plain = rule.gradient(x, first, second)
    for name, value in rule.gradient(x, first, second, np.ones(num_images, dtype=np.float32)).items():
        np.testing.assert_array_equal(value, plain[name])
    weights = rng.uniform(0, 3, num_images).astype(np.float32)
    wanted = {name: np.zeros(value.shape) for name, value in plain.items()}
    for k in range(num_images):
        one = rule.gradient(*(each[k : k + 1] for each in (x, first, second)))
        for name, value in one.items():
            wanted[name] += weights[k] * value.astype(np.float64) / num_images
    for name, value in rule.gradient(x, first, second, weights).items():
        np.testing.assert_allclose(value, wanted[name], atol=1e-6)


def test_parameters_stay_within_their_limit():
    network = FullyConnected(2, (3, 2), 2)
    p = random_parameters(network, 7)
    free = Reads(np.ones((1, 1, 5), dtype=np.int8))
    rule = EquilibriumPropagation(network, ExactMachine(), nudge=1.0, optimizer=SGD(10.0, 10.0))
    nudged = Reads(free.states.copy())
    nudged.states[..., [0, 3]] = -1
    rule.optimizer.step(network, p, rule.gradient(np.ones((1, 2), dtype=np.float32), free, nudged))
    assert all(np.abs(value).max() <= 1 for value in p.values())
    assert np.abs(p["W0"]).max() == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, (4, 2), 2), "num_inputs is 0"),
        ((3, (), 2), r"layers are \(\)"),
        ((3, (0, 2), 2), r"layers are \(0, 2\)"),
        ((3, (4, 3), 2), "3 spins, expected a multiple of the 2 classes"),
        ((3, (4, 2), 1), "num_classes is 1"),
    ],
)
def test_impossible_networks_are_refused(arguments, text):
    with pytest.raises(ValueError, match=text):
        FullyConnected(*arguments)


def test_classes_own_neighbouring_outputs():
    network = FullyConnected(3, (4, 6), 3)
    target = network.targets([0, 2])
    np.testing.assert_array_equal(target, [[1, 1, -1, -1, -1, -1], [-1, -1, -1, -1, 1, 1]])
    np.testing.assert_array_equal(network.scores(target), [[1, -1, -1], [-1, -1, 1]])


def test_the_core_refuses_transposed_arrays():
    """Read as they lie in memory, they would give wrong answers without a word."""
    x, w = np.ones((2, 3), dtype=np.float32), np.ones((3, 4), dtype=np.float32)
    bias, d = np.ones(4, dtype=np.float32), np.ones((2, 4), dtype=np.float32)
    with pytest.raises(ValueError, match="x is not C-contiguous"):
        _core.project(np.asfortranarray(x), w, bias)
    with pytest.raises(ValueError, match="w is not C-contiguous"):
        _core.add_outer(np.asfortranarray(w), x, d, 1.0)
    states = np.asfortranarray(np.ones((2, 5), dtype=np.int8))
    with pytest.raises(ValueError, match="states is not C-contiguous"):
        _core.products(states, (0, 2), (2, 5))
    pair = np.array([0]), np.array([1]), np.array([1.0])
    fields, ids = np.asfortranarray(np.ones((2, 3))), np.arange(2, dtype=np.uint32)
    with pytest.raises(ValueError, match="fields is not C-contiguous"):
        _core.Model(*pair, 3).anneal(fields, _core.Sweeps(np.ones(1)), num_reads=1, seed=0, problem_ids=ids)


def test_layers_of_users_arrays_do_not_depend_on_their_memory_order(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(size=(6, 4)), np.arange(6) % 2
    sets = []
    for order in "CF":
        images = np.array(x, order=order)
        np.savez(tmp_path / "mine.npz", x_train=images, y_train=y, x_test=images, y_test=y)
        sets.append(datasets.load_npz(tmp_path / "mine.npz"))
    first, second = sets
    assert second.x_train.flags.c_contiguous
    assert first.fingerprint() == second.fingerprint()


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"statistic": "mean"}, "statistic is 'mean', expected one of"),
        ({"optimizer": "adam"}, r"optimizer is 'adam', expected one such as learning.SGD\(\)"),
        ({"nudge": 0.0}, "nudge is 0"),
        ({"nudge": 1e-9}, "the largest learning rate over nudge is 1e[+]07"),
        ({"optimizer": SGD(coupling_learning_rate=0.1)}, "no weights between spins"),
        ({"optimizer": Centred(SGD(coupling_learning_rate=0.1), np.zeros(3))}, "no weights between spins"),
        ({"optimizer": Centred(SGD(), np.zeros(4))}, r"centre has shape \(4,\), expected \(3,\)"),
        (
            {"network": Convolutional((3, 3), 2), "optimizer": Centred(SGD(), np.zeros(9))},
            "no biases of the first",
        ),
    ],
)
def test_settings_of_a_rule_are_checked(settings, text):
    with pytest.raises(ValueError, match=text):
        EquilibriumPropagation(
            **{"network": FullyConnected(3, (2,), 2), "machine": ExactMachine()} | settings
        )


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda states, energies: (states, energies), "a tuple, expected a BatchResult"),
        (
            lambda states, energies: BatchResult(states[:, :, 1:], energies),
            "expected .* = .2, at least 1, 6.",
        ),
        (
            lambda states, energies: BatchResult(states[:, 0], energies[:, 0]),
            "expected .batch, reads, spins.",
        ),
        (lambda states, energies: BatchResult(states[:1], energies), "states .1, 3, 6."),
        (lambda states, energies: BatchResult(states.astype(float), energies), "states of float64"),
        (lambda states, energies: BatchResult((states + 1) // 2, energies), "than spins of -1 and 1"),
        (lambda states, energies: BatchResult(states, energies[:, 0]), "energies .2,., expected"),
        (
            lambda states, energies: BatchResult(states, None),
            "energies in a NoneType, expected a numpy array",
        ),
        (lambda states, energies: BatchResult(list(states), energies), "states in a list, expected"),
        (lambda states, energies: BatchResult(states, energies.tolist()), "energies in a list, expected"),
        (lambda states, energies: BatchResult(states, energies * np.nan), "energies that are no finite"),
        (lambda states, energies: BatchResult(states, energies - np.inf), "energies that are no finite"),
        (lambda states, energies: BatchResult(states, energies.astype(str)), "energies that are no finite"),
    ],
)
def test_an_answer_of_a_machine_is_checked(change, text):
    """Before anything is learned from it, or its lowest read looked for."""

    class Machine(AnnealingMachine):
        def sample(self, *given, **more):
            found = super().sample(*given, **more)
            return change(found.states, found.energies)

    network = FullyConnected(3, (4, 2), 2)
    rule = EquilibriumPropagation(network, Machine(num_reads=3, num_sweeps=4))
    parameters, x = random_parameters(network, 0), np.ones((2, 3), np.float32)
    with pytest.raises((ValueError, TypeError), match=f"^the machine answered with .*{text}"):
        rule.compare(parameters, x, network.targets([0, 1]), np.arange(2, dtype=np.uint32))


def test_reads_of_the_nudge_are_as_many_as_those_that_it_begins_from():
    """Averages compare them one by one; of lowest reads there is one each, whatever the machine does."""

    class Machine(AnnealingMachine):
        def sample(self, *given, initial_states=None, **more):
            found = super().sample(*given, initial_states=initial_states, **more)
            keep = slice(0, 3 if initial_states is None else 2)
            return BatchResult(found.states[:, keep], found.energies[:, keep])

    network = FullyConnected(3, (4, 2), 2)
    rule = EquilibriumPropagation(network, Machine(num_reads=3, num_sweeps=4), statistic="average")
    parameters, x, ids = random_parameters(network, 0), np.ones((2, 3), np.float32), np.arange(2)
    free = rule.free_phase(parameters, network.fields(parameters, x), ids.astype(np.uint32))
    target = -free.states[:, 0, network.outputs].astype(np.float32)
    with pytest.raises(ValueError, match=r"^the machine answered with 2 reads, expected 3, one from each"):
        rule.compare(parameters, x, target, ids.astype(np.uint32))
    gradient, _ = replace(rule, statistic="lowest").compare(parameters, x, target, ids.astype(np.uint32))
    assert gradient


class Derived(ExactMachine, Machine):
    """A machine by its base class."""


def test_a_machine_without_the_base_class_is_named_and_how_to_mend_it():
    digits = datasets.load_digits(train_per_class=1, test_per_class=1)
    config = TrainConfig(layers=(2, 10), epochs=1)
    text = r"^machine ExactMachine is no ising_ep.machines.Machine: write class ExactMachine\(Machine\)"
    with pytest.raises(TypeError, match=text):
        training.train(config, digits, machine=ExactMachine())
    with pytest.raises(TypeError, match=text):
        EPClassifier((2,), machine=ExactMachine()).fit(digits.x_train, digits.y_train)
    assert training.train(config, digits, machine=Derived()).epoch == 1


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("levels", (1, -1), r"levels \(1, -1\), expected a tuple of two integers, the lower one first"),
        ("levels", (0, 1, 2), r"levels \(0, 1, 2\), expected a tuple of two integers"),
        ("levels", None, "levels None, expected a tuple of two integers"),
        ("field_limit", -1.0, "field_limit -1.0, expected a number > 0, or None"),
        ("field_limit", "4", "field_limit '4', expected a number > 0, or None"),
    ],
)
def test_what_a_machine_says_of_itself_is_checked(name, value, text):
    digits = datasets.load_digits(train_per_class=1, test_per_class=1)
    machine = type("Odd", (Derived,), {name: value})()
    with pytest.raises(ValueError, match=f"^machine Odd has {text}"):
        training.train(TrainConfig(layers=(2, 10), epochs=1), digits, machine=machine)
    with pytest.raises(ValueError, match=f"^machine Odd has {text}"):
        EPClassifier((2,), machine=machine).fit(digits.x_train, digits.y_train)


def test_a_machine_whose_usage_is_none_is_named():
    digits = datasets.load_digits(train_per_class=1, test_per_class=1)
    machine = Derived()
    machine.usage = 0
    with pytest.raises(TypeError, match=r"^machine Derived has no usage"):
        training.train(TrainConfig(layers=(2, 10), epochs=1), digits, machine=machine)


def test_a_machine_says_the_levels_of_its_spins_and_the_limit_of_its_fields():
    """Also one that is given beside the settings of another."""
    digits = datasets.load_digits(train_per_class=1, test_per_class=1)

    class Weak(Derived):
        field_limit = 0.25

    config = TrainConfig(layers=(2, 10), epochs=1, field_limit=3.0)
    machines = (None, Weak(), DeterministicMachine())
    rules = [
        training.learning_rule(config, digits, parts=training.Parts(machine=machine)) for machine in machines
    ]
    assert [(rule.network.levels, rule.field_limit) for rule in rules] == [
        ((-1, 1), 3.0),
        ((-1, 1), 0.25),
        ((0, 1), np.inf),
    ]
