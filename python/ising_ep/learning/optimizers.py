"""Optimizers: how parameters follow a gradient, by plain steps or by Adam's.

Rates are of the kind of a parameter. All steps end in the same bounds, those of the hardware: a step that
would leave them ends there.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, Protocol

import numpy as np

from .. import _core
from ..checks import check_step, real
from ..network import Kind, Network, Parameters

# Arrays that an optimizer keeps between updates: for each name of its own, one for each parameter.
Memory = dict[str, Parameters]

# A chip's couplings lie in [-1, 1]; the paper holds every other parameter to the same bound.
PARAMETER_LIMIT = 1.0


class Optimizer(Protocol):
    """Interface of an optimizer: `SGD`, `Adam`, or one of your own."""

    def check(self, network: Network, nudge: float) -> None:
        """Refuses a network or a nudge that it cannot step with, by a ValueError."""
        ...

    def step(
        self,
        network: Network,
        parameters: Parameters,
        gradient: Parameters,
        memory: Memory | None = None,
        *,
        update: int = 1,
        decay: float = 1.0,
    ) -> None:
        """Changes the parameters, in place, by a gradient.

        Args:
            network: The network, which knows the kind of each parameter.
            parameters: What to change.
            gradient: The gradient; a parameter that it lacks has one of 0. It may be used up.
            memory: What is kept between updates, changed in place; empty before the first one, and saved
                with the run.
            update: Number of the update, from 1 on.
            decay: Factor of all learning rates.
        """
        ...


@dataclass(frozen=True)
class Rates:
    """Learning rates by kind of parameter, weight decay, and bounds.

    Kingma and Ba, "Adam: a method for stochastic optimization" (2015), https://arxiv.org/abs/1412.6980.

    Args:
        learning_rate: Step of the weights.
        bias_learning_rate: Step of the biases.
        coupling_learning_rate: Step of the weights between spins; None for that of all weights. Many spins
            of a layer add up in the next: the more there are, the smaller it should be, or the layers hold
            each other and no longer see the input.
        weight_decay: In each update weights lose this, times their learning rate, of themselves (Loshchilov
            and Hutter, https://arxiv.org/abs/1711.05101). Weights set the energies beside the temperature:
            without bound they grow until the machine freezes before it has found a low state.
        limit: Bound of the size of all parameters.

    Attributes:
        keeps: Its names for the arrays that it keeps between updates.
    """

    keeps: ClassVar[tuple[str, ...]] = ()

    learning_rate: float = 0.01
    bias_learning_rate: float = 0.001
    coupling_learning_rate: float | None = None
    weight_decay: float = 0.0
    limit: float = PARAMETER_LIMIT

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None or each.name != "coupling_learning_rate":
                real(each.name, value)

    def check(self, network: Network, nudge: float) -> None:
        """See `Optimizer.check`."""
        coupling_rate = self.coupling_learning_rate
        check_step(nudge, self.learning_rate, self.bias_learning_rate, coupling_rate or 0.0)
        kinds = {spec.kind for spec in network.parameters.values()}
        if coupling_rate is not None and Kind.COUPLING not in kinds:
            raise ValueError(
                f"coupling_learning_rate is {coupling_rate}, but the network has no weights between spins"
            )

    def rates(self, network: Network, decay: float = 1.0) -> dict[str, float]:
        """The learning rate of each parameter."""
        coupling_rate = self.coupling_learning_rate
        of_kind = {
            Kind.INPUT: self.learning_rate,
            Kind.COUPLING: self.learning_rate if coupling_rate is None else coupling_rate,
            Kind.BIAS: self.bias_learning_rate,
        }
        return {name: decay * of_kind[spec.kind] for name, spec in network.parameters.items()}

    def decay_weights(self, network: Network, parameters: Parameters, rates: dict[str, float]) -> None:
        """Shrinks all weights by the weight decay, in place."""
        if self.weight_decay:
            for name, spec in network.parameters.items():
                if spec.kind is not Kind.BIAS:
                    parameters[name] *= np.float32(1 - rates[name] * self.weight_decay)


@dataclass(frozen=True)
class SGD(Rates):
    """Plain steps: p <- clip(p - rate g, ±limit) for the gradient g."""

    def step(
        self,
        network: Network,
        parameters: Parameters,
        gradient: Parameters,
        memory: Memory | None = None,
        *,
        update: int = 1,
        decay: float = 1.0,
    ) -> None:
        """See `Optimizer.step`."""
        rates = self.rates(network, decay)
        self.decay_weights(network, parameters, rates)
        for name, value in gradient.items():
            value *= np.float32(-rates[name])
            _core.add(parameters[name], value, self.limit)


@dataclass(frozen=True)
class Adam(Rates):
    """Steps of the same size for all parameters whose gradients have one sign:

        m <- 0.9 m - 0.1 g,   v <- 0.999 v + 0.001 g^2,
        p <- clip(p + rate m / (1 - 0.9^t) / sqrt(v / (1 - 0.999^t)), ±limit)

    for the gradient g of update t. It remembers m and v.

    After Kingma and Ba, "Adam: a method for stochastic optimization" (2015),
    https://arxiv.org/abs/1412.6980.
    """

    keeps: ClassVar[tuple[str, ...]] = ("m", "v")

    learning_rate: float = 0.003
    bias_learning_rate: float = 0.003

    def step(
        self,
        network: Network,
        parameters: Parameters,
        gradient: Parameters,
        memory: Memory | None = None,
        *,
        update: int = 1,
        decay: float = 1.0,
    ) -> None:
        """See `Optimizer.step`."""
        rates = self.rates(network, decay)
        self.decay_weights(network, parameters, rates)
        memory = {} if memory is None else memory
        means, squares = (memory.setdefault(name, {}) for name in self.keeps)
        for name, parameter in parameters.items():
            mean = means.setdefault(name, np.zeros_like(parameter))
            square = squares.setdefault(name, np.zeros_like(parameter))
            change = gradient.get(name)
            if change is not None:
                np.negative(change, out=change)
            _core.adam(parameter, change, mean, square, update=update, rate=rates[name], limit=self.limit)


# The optimizers that a configuration names.
BY_NAME: dict[str, type[SGD] | type[Adam]] = {"sgd": SGD, "adam": Adam}
