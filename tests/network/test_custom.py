"""A network of one's own: a skip and a lateral layer, in a few lines, that learns."""

from __future__ import annotations

import numpy as np

from ising_ep import datasets, training
from ising_ep.learning import Adam, Centred, EquilibriumPropagation
from ising_ep.machines import AnnealingMachine
from ising_ep.network import Bias, Dense, Input, Lateral, Network, Skip, stack
from ising_ep.training.run_folder import TrainState


def test_a_network_with_a_skip_and_a_lateral_layer_learns_digits():
    digits = datasets.load_digits(train_per_class=60, test_per_class=15)
    first, second, output = stack(first=(40,), second=(40,), output=(40,))
    network = Network(
        layers=(first, second, output),
        interactions=(
            *(Dense("W0", Input((64,)), first), Bias("b0", first)),
            *(Dense("W1", first, second), Bias("b1", second), Lateral("L1", second)),
            *(Dense("W2", second, output), Bias("b2", output), Skip(first, output)),
        ),
        num_classes=10,
    )
    rule = EquilibriumPropagation(
        network,
        AnnealingMachine(num_reads=4, num_sweeps=20, beta_range=(0.3, 4.0)),
        nudge=4.0,
        statistic="average",
        optimizer=Centred(Adam(0.01, 0.01, 0.003), digits.x_train.mean(axis=0)),
    )
    begin = network.initial_parameters(np.random.default_rng(0))
    state = TrainState({name: value.copy() for name, value in begin.items()})
    x, y = digits.x_train, digits.y_train
    for epoch in range(8):
        training.train_epoch(rule, state, x, y, batch_size=20, first_id=epoch * len(y))
        training.end_epoch(rule, state)
    ids = np.arange(len(digits.x_test), dtype=np.uint32)
    found = training.free_outputs(rule, state.parameters, digits.x_test, ids)
    assert (training.classes(network, found) == digits.y_test).mean() > 0.8
    assert all((state.parameters[name] != value).any() for name, value in begin.items())
