"""Every interaction against its formula: energies of all states, and derivatives by the parameters."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from ising_ep.network import (
    AveragePool,
    Bias,
    Clamp,
    Convolution,
    Dense,
    FullyConnected,
    Input,
    Interaction,
    Kind,
    Lateral,
    Layer,
    Network,
    ParameterSpec,
    Reads,
    Skip,
    stack,
)
from support.machines import all_states, exact_energies, random_parameters
from support.networks import NETWORKS, energy, images_for


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", range(2))
def test_fields_and_couplings_give_the_energy_of_every_state(name, seed):
    network, rng = NETWORKS[name](), np.random.default_rng(seed)
    p, x = random_parameters(network, seed), images_for(network, 2, rng)
    states = (
        all_states(network.num_spins)
        if network.num_spins < 13
        else rng.choice([-1, 1], (300, network.num_spins))
    )
    got = exact_energies(network.couplings(p), network.fields(p, x).astype(np.float64), states)
    wanted = [[energy(network, p, image, state) for state in states] for image in x]
    np.testing.assert_allclose(got, wanted, atol=2e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_contrast_is_the_derivative_of_the_energies(name, weighted):
    """The energy is linear in each parameter, so that a difference of any size is its derivative."""
    network, rng = NETWORKS[name](), np.random.default_rng(3)
    p, x = random_parameters(network, 4), images_for(network, 3, rng)
    first, second = rng.choice(np.array([-1, 1], dtype=np.int8), (2, 3, 2, network.num_spins))
    weights = np.array([0.5, 2.0, 0.3], dtype=np.float32) if weighted else 0.7

    def total(parameters):
        return sum(
            weight * sign * energy(network, parameters, image, state)
            for sign, states in ((1, second), (-1, first))
            for weight, image, reads in zip(np.broadcast_to(weights, 3), x, states, strict=True)
            for state in reads
        )

    found = network.contrast(x, Reads(first), Reads(second), weights)
    assert found.keys() == network.parameters.keys()
    for key, value in p.items():
        assert found[key].shape == value.shape
        assert found[key].dtype == np.float32
        for index in np.ndindex(value.shape):
            moved = {k: v.astype(np.float64) for k, v in p.items()}
            moved[key][index] += 1
            slope = total(moved) - total(p)
            assert found[key][index] == pytest.approx(slope, abs=2e-5), (key, index)


@pytest.mark.parametrize("name", NETWORKS)
def test_equal_weights_are_summed_as_one_number(name):
    network, rng = NETWORKS[name](), np.random.default_rng(5)
    x = images_for(network, 4, rng)
    first, second = rng.choice(np.array([-1, 1], dtype=np.int8), (2, 4, 3, network.num_spins))
    found = network.contrast(x, Reads(first), Reads(second), np.full(4, 0.25, dtype=np.float32))
    for key, value in network.contrast(x, Reads(first), Reads(second), 0.25).items():
        np.testing.assert_allclose(found[key], value, atol=1e-5)


def test_parameters_know_their_kind_and_begin_within_their_gain():
    network = NETWORKS["lateral"]()
    kinds = {name: spec.kind for name, spec in network.parameters.items()}
    assert {name for name, kind in kinds.items() if kind is Kind.INPUT} == {"W0", "V0", "V1"}
    assert {name for name, kind in kinds.items() if kind is Kind.COUPLING} == {"L0", "W1", "L1"}
    assert kinds["b0"] is Kind.BIAS
    values = network.initial_parameters(np.random.default_rng(0))
    assert not values["b0"].any()
    assert 0.5 * 0.5 / 2 < np.abs(values["W0"]).max() < 0.5 / 2
    assert 0.5 * 0.25 / np.sqrt(3) < np.abs(values["L0"]).max() < 0.25 / np.sqrt(3)
    # Levels 0 and 1 are half as far apart: a field counts half, a coupling a quarter.
    for kind, factor in ((Kind.INPUT, 2), (Kind.COUPLING, 4)):
        spins, neurons = (
            ParameterSpec((9,), kind).draw(np.random.default_rng(1), levels) for levels in ((-1, 1), (0, 1))
        )
        np.testing.assert_allclose(neurons, factor * spins)


def test_networks_compare_and_pickle():
    network = FullyConnected(3, (4, 2), 2)
    assert network == FullyConnected(3, (4, 2), 2) != FullyConnected(3, (5, 2), 2)
    assert len(network.rows) == 8
    assert pickle.loads(pickle.dumps(network)) == network


IMAGE = Input((4, 4, 1))
HIDDEN, OUTPUT = stack(hidden=(2, 2, 3), output=(4,))
W0 = Dense("W0", IMAGE, HIDDEN)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Input(()), r"input has shape \(\)"),
        (lambda: Layer("hidden", (3, 0)), r"hidden has shape \(3, 0\)"),
        (
            lambda: Convolution("W", Input((4,)), HIDDEN, (2, 2)),
            r"input has shape \(4,\), expected .*channels",
        ),
        (
            lambda: Convolution("W", IMAGE, HIDDEN, (2, 2)),
            r"hidden has shape \(2, 2, 3\), expected \(3, 3, 3\)",
        ),
        (lambda: Convolution("W", IMAGE, HIDDEN, (5, 2)), r"window \(5, 2\) .* does not fit into input"),
        (
            lambda: Convolution("W", IMAGE, HIDDEN, (2, 2), (0, 2)),
            r"stride is \(0, 2\), expected two integers",
        ),
        (lambda: Convolution("W", IMAGE, HIDDEN, (2, 2, 2)), r"window is \(2, 2, 2\), expected two integers"),
        (lambda: Convolution("W", IMAGE, HIDDEN, 2), "window is 2, expected two integers"),
        (lambda: Convolution("W", IMAGE, HIDDEN, (2.0, 2.0)), r"window is \(2\.0, 2\.0\), expected two"),
        (lambda: Clamp(IMAGE, HIDDEN, 2), "window is 2, expected two integers"),
        (lambda: Input((1.5,)), r"input has shape \(1\.5,\), expected one integer or more"),
        (lambda: Input(64), "input has shape 64, expected one integer or more"),
        (lambda: stack(hidden=(True,)), r"hidden has shape \(True,\), expected"),
        (lambda: Network([HIDDEN, OUTPUT], [W0], 2, (1, -1)), r"levels are \(1, -1\), expected a tuple"),
        (lambda: Network([HIDDEN, OUTPUT], [W0, Dense(5, HIDDEN, OUTPUT)], 2), "named 5, expected a name"),
        (lambda: ParameterSpec((3,), Kind.BIAS, np.nan), "gain of a parameter is nan, expected a finite"),
        (lambda: AveragePool(IMAGE, HIDDEN, (2, 2)), r"expected \(2, 2, 1\)"),
        (lambda: Clamp(IMAGE, HIDDEN, (2, 2), (2, 2)), r"expected \(2, 2, 4\)"),
        (lambda: Skip(IMAGE, HIDDEN), r"hidden has shape .*, expected that of input, \(4, 4, 1\)"),
        (lambda: Network([], [], 2), "layers is empty"),
        (lambda: Network([HIDDEN, OUTPUT], [W0], 1), "num_classes is 1"),
        (lambda: Network([HIDDEN, OUTPUT], [W0], 3), "4 spins, expected a multiple of the 3 classes"),
        (lambda: Network([OUTPUT, HIDDEN], [W0], 2), "output begins at spin 12, expected 0"),
        (lambda: Network([HIDDEN], [Dense("W", IMAGE, OUTPUT)], 2), "a Dense joins output, which is not"),
        (
            lambda: Network([HIDDEN, OUTPUT], [Bias("b", HIDDEN)], 2),
            "no interaction takes the input",
        ),
        (
            lambda: Network([HIDDEN, OUTPUT], [W0, Dense("W1", Input((9,)), OUTPUT)], 2),
            r"interactions take are \[9, 16\], expected one",
        ),
        (
            lambda: Network([HIDDEN, OUTPUT], [W0, Dense("W0", HIDDEN, OUTPUT)], 2),
            "named 'W0', expected a name",
        ),
        (
            lambda: Network([HIDDEN, OUTPUT], [Dense("m.W0", IMAGE, HIDDEN)], 2),
            "named 'm.W0', expected a name",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    with pytest.raises(ValueError, match=text) as error:
        make()
    assert "\n" not in str(error.value)


class Own(Interaction):
    """An interaction of one's own, with a contrast to choose."""

    before, after = HIDDEN, OUTPUT
    parameters = {"B": ParameterSpec((2,), Kind.BIAS)}  # noqa: RUF012

    def __init__(self, contrast):
        self.contrast = lambda comparison: contrast


class Nowhere(Interaction):
    """An interaction that does not say what it joins."""


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Bias("b", IMAGE), "Bias has after Input"),
        (lambda: Lateral("L", IMAGE), "Lateral has after Input.*, expected Layer"),
        (lambda: Dense("W", None, OUTPUT), "Dense has before None, expected Input or Layer"),
        (lambda: Skip("a", OUTPUT), "Skip has before 'a'"),
        (lambda: Convolution("W", IMAGE, "a", (2, 2)), "Convolution has after 'a'"),
        (lambda: Clamp(HIDDEN, OUTPUT), "Clamp has before Layer.*, expected Input"),
        (
            lambda: Network([HIDDEN, OUTPUT], [W0, Nowhere()], 2),
            "Nowhere has no before, expected Input, Layer",
        ),
        (lambda: Network([HIDDEN, OUTPUT], [Dense], 2), "an interaction is the class Dense itself"),
        (lambda: Network([HIDDEN, OUTPUT], ["W0"], 2), "an interaction is 'W0', expected"),
        (lambda: Network([6, 4], [W0], 2), "a layer is 6, expected"),
        (lambda: Network([HIDDEN, OUTPUT], [W0], 2.5), r"num_classes is 2\.5, expected an integer"),
        (lambda: ParameterSpec((3,), "coupling"), "kind of a parameter is 'coupling'"),
        (
            lambda: Network([HIDDEN, OUTPUT], [Dense("W0", IMAGE, HIDDEN, gain="1")], 2),
            "gain of a parameter is",
        ),
    ],
)
def test_what_is_something_else_is_refused(make, text):
    with pytest.raises(TypeError, match=text) as error:
        make()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("contrast", "text"),
    [
        (
            {"W0": np.zeros((16, 12), np.float32)},
            "contrast of a Own has 'W0', expected its own parameters, B",
        ),
        ({"Q": np.zeros(2, np.float32)}, "contrast of a Own has 'Q', expected its own parameters, B"),
        ({"B": np.zeros(3, np.float32)}, r"has B of float32 \(3,\), expected float32 \(2,\)"),
        ({"B": np.zeros(2)}, r"has B of float64 \(2,\), expected float32 \(2,\)"),
        (None, "contrast of a Own is None"),
    ],
)
def test_a_contrast_is_of_ones_own_parameters(contrast, text):
    """That of another interaction would replace what the other one found."""
    network = Network([HIDDEN, OUTPUT], [W0, Own(contrast)], 2)
    x, states = np.zeros((1, 16), np.float32), np.ones((1, 1, 16), np.int8)
    with pytest.raises((TypeError, ValueError), match=text):
        network.contrast(x, Reads(states), Reads(-states))


def test_only_spins_that_are_held_refuse_grey_images():
    grey = np.full((1, 6), 0.5, dtype=np.float32)
    with pytest.raises(ValueError, match=r"images of -1 and \+1, and a pixel of image 0 is 0\.5"):
        NETWORKS["clamp"]().check_images(grey)
    NETWORKS["dense"]().check_images(grey)
