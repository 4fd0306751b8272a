"""A network of one's own: a skip past a hidden layer, and couplings within it. It learns 8x8 digits.

    python examples/skip_and_lateral.py

A network is a list of layers and a list of interactions, whose sum is its energy. docs/learning.md has a
table of the interactions. The machine, the rule and the trainer are the same for every network.
"""

from ising_ep import datasets, training
from ising_ep.config import TrainConfig, preset
from ising_ep.network import Bias, Dense, Input, Lateral, Network, Skip, stack


def main():
    """Builds, trains, tests."""
    digits = datasets.load_digits(train_per_class=60, test_per_class=15)
    first, second, output = stack(first=(40,), second=(40,), output=(40,))
    network = Network(
        layers=[first, second, output],
        interactions=[
            Dense("W0", Input((64,)), first),
            Bias("b0", first),
            Dense("W1", first, second),
            Bias("b1", second),
            Lateral("L1", second),
            Dense("W2", second, output),
            Bias("b2", output),
            Skip(first, output),
        ],
        num_classes=10,
    )
    changes = {"dataset": "digits", "shift": 0, "epochs": 8, "batch_size": 20, "learning_rate": 0.01}
    config = TrainConfig.checked(preset("mnist-100") | changes)
    state = training.train(config, digits, network=network)
    print(f"{state.history[-1]['test_accuracy']:.1%} of {len(digits.y_test)} test images right")


if __name__ == "__main__":
    main()
