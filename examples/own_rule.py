"""A learning rule of one's own: contrastive Hebbian learning, which learns 8x8 digits.

    python examples/own_rule.py

Equilibrium propagation nudges the outputs towards the target, from the state in which the free phase ended.
Contrastive Hebbian learning (Movellan 1991) holds the outputs at the target and anneals anew. Both compare
the two phases in the same way. A rule that differs in one phase is a subclass that overrides this phase.
"""

from ising_ep import datasets, training
from ising_ep.config import TrainConfig, preset
from ising_ep.learning import EquilibriumPropagation


class ContrastiveHebbian(EquilibriumPropagation):
    """Contrastive Hebbian learning. `nudge` only divides the gradient: set it to 1."""

    def nudge_phase(self, parameters, fields, target, free, ids):
        """Anneals with the outputs held at the target by the strongest fields there are."""
        held = fields.copy()
        held[:, self.network.outputs] = -self.field_limit * target
        return self.free_phase(parameters, held, ids)


def main():
    """Trains and tests."""
    digits = datasets.load_digits(train_per_class=60, test_per_class=15)
    changes = {"dataset": "digits", "shift": 0, "epochs": 8, "nudge": 1.0, "symmetric": False}
    config = TrainConfig.checked(preset("mnist-100") | changes)
    state = training.train(config, digits, rule=ContrastiveHebbian)
    print(f"{state.history[-1]['test_accuracy']:.1%} of {len(digits.y_test)} test images right")


if __name__ == "__main__":
    main()
