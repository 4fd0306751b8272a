"""What `variants.py` tries: settings of the package, and rules that the package does not offer.

The rules are small subclasses of `EquilibriumPropagation` or of its network, kept here so that what was tried
and dropped can be tried again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ising_ep.config import TrainConfig
from ising_ep.learning import SGD, Centred, EquilibriumPropagation, Memory
from ising_ep.network import (
    Bias,
    Comparison,
    Convolution,
    Dense,
    FullyConnected,
    Input,
    Network,
    Parameters,
    Reads,
    count_places,
    stack,
)

# Free phases that start from chains draw other numbers than nudge phases do: their seed differs in this bit.
CHAIN_SEED = 1 << 61

BASE: dict[str, Any] = {
    "dataset": "mnist",
    "layers": (120, 40),
    "batch_size": 50,
    "num_reads": 4,
    "num_sweeps": 30,
    "beta_range": (0.3, 4.0),
    "statistic": "average",
    "optimizer": "adam",
    "learning_rate": 0.003,
    "bias_learning_rate": 0.003,
    "decay": "cosine",
    "centre": True,
    "nudge": 4.0,
    "reverse_fraction": 0.5,
    "shift": 0,
    "test_reads": 20,
}


@dataclass(frozen=True)
class Nudge(EquilibriumPropagation):
    """Other nudges than -beta t on the outputs of images that are wrong, compared with the free state.

    Args:
        towards: ``"error"`` nudges by -beta (t - <o>)/2, with <o> the mean free output over the reads: by
            -beta t where all are wrong, not at all where all are right.
        random_sign: Whether beta is -beta for half the images, by chance.
        skip: Whether images that are right in all reads are left alone.
    """

    towards: Literal["target", "error"] = "target"
    random_sign: bool = False
    skip: bool = True

    def phases(
        self,
        parameters: Parameters,
        x: NDArray[np.float32],
        target: NDArray[np.float32],
        ids: NDArray[np.uint32],
    ) -> tuple[Reads, Reads, Reads]:
        outputs = self.network.outputs
        fields = self.network.fields(parameters, x)
        free = self.free_phase(parameters, fields, ids)
        chosen = np.ones(len(x), dtype=np.bool_)
        if self.skip:
            chosen = (free.states[:, :, outputs] != target[:, None]).any(axis=(1, 2))
        wanted = target if self.towards == "target" else (target - self.outputs(free)) / 2
        signs = np.ones(len(x), np.float32)
        if self.random_sign:
            signs[np.random.default_rng([self.seed, 3, int(ids[0])]).random(len(x)) < 0.5] = -1
        second = free
        if chosen.any():
            pulled = fields[chosen]
            pulled[:, outputs] -= self.nudge * (signs[:, None] * wanted)[chosen]
            second = free.replaced(chosen, self._anneal(parameters, pulled, free[chosen], ids[chosen]))
        # (free - nudged) / beta is (nudged - free) / -beta.
        away = signs < 0
        return free, free.replaced(away, second[away]), second.replaced(away, free[away])


@dataclass(frozen=True)
class Momentum(SGD):
    """Plain steps that go on: v <- momentum v + g, p <- clip(p - rate v)."""

    momentum: float = 0.9

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
        velocities = ({} if memory is None else memory).setdefault("velocity", {})
        for name, parameter in parameters.items():
            velocity = velocities.setdefault(name, np.zeros_like(parameter))
            velocity *= np.float32(self.momentum)
            if name in gradient:
                velocity += gradient[name]
        steps = {name: velocity.copy() for name, velocity in velocities.items()}
        super().step(network, parameters, steps, decay=decay)


@dataclass(frozen=True)
class Persistent(EquilibriumPropagation):
    """Free phases that go on, by a reverse anneal, from where the same image ended in the last epoch.

    Args:
        num_images: Images of an epoch.
        chains: Their states ``(num_images, reads, spins)`` by number of the image, filled as they come.
    """

    num_images: int = 0
    chains: dict[int, NDArray[np.int8]] = field(default_factory=dict)

    def free_phase(
        self, parameters: Parameters, fields: NDArray[np.float32], ids: NDArray[np.uint32]
    ) -> Reads:
        epoch = int(ids[0]) // self.num_images
        images = order(self.seed, epoch, self.num_images)[ids - epoch * self.num_images].tolist()
        if epoch == 0:
            free = super().free_phase(parameters, fields, ids)
        else:
            last = Reads(np.stack([self.chains[image] for image in images]))
            free = replace(self, seed=self.seed ^ CHAIN_SEED)._anneal(parameters, fields, last, ids)
        self.chains.update(zip(images, free.states, strict=True))
        return free


@lru_cache(maxsize=1)
def order(seed: int, epoch: int, num_images: int) -> NDArray[np.int64]:
    """The order of the images in an epoch, as `ising_ep.training` has it."""
    return np.random.default_rng([seed, 1, epoch]).permutation(num_images)


class CentredOutputs(FullyConnected):
    """The network with o + 1 - 2/classes in place of the outputs o in the energy: what is 0 in the mean.

    E = ... + s_h W (o + c), with c = 0.8 of ten classes. It is the plain network with c W 1 added to the
    fields of the last hidden layer, but W has another gradient, dE/dW = s_h (o + c)^T.
    """

    @property
    def offset(self) -> float:
        return 1 - 2 / self.num_classes

    def fields(self, parameters: Parameters, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return super().fields(self.plain(parameters), x)

    def contrast(
        self,
        x: NDArray[np.float32],
        first: Reads,
        second: Reads,
        weights: float | NDArray[np.float32] = 1.0,
    ) -> Parameters:
        found = super().contrast(x, first, second, weights)
        hidden = Comparison(x, first, second, weights).sum_spins(self.layers[-2])
        found[self._last] += np.float32(self.offset) * hidden[:, None]
        return found

    def plain(self, parameters: Parameters) -> Parameters:
        """The parameters of the plain network of the same energies."""
        bias = f"b{len(self.layers) - 2}"
        drive = np.float32(self.offset) * parameters[self._last].sum(axis=1)
        return parameters | {bias: parameters[bias] + drive}

    @property
    def _last(self) -> str:
        return f"W{len(self.layers) - 1}"


class Filters(Network):
    """Hidden spins that share their weights: every window of an image has one for each filter, all coupled
    to the outputs; `Filters.HIDDEN` of them.

    Pixels make fields, as in the package's layers; its convolutional network has spins for them.
    """

    WINDOW: ClassVar[tuple[int, int]] = (5, 5)
    STRIDE: ClassVar[tuple[int, int]] = (2, 2)
    SHAPE: ClassVar[tuple[int, ...]] = (*count_places((28, 28, 1), WINDOW, STRIDE), 16)
    HIDDEN: ClassVar[int] = math.prod(SHAPE)

    def __init__(self, num_outputs: int, num_classes: int) -> None:
        filters, output = stack(filters=self.SHAPE, output=(num_outputs,))
        interactions = [
            Convolution("W0", Input((28, 28, 1)), filters, self.WINDOW, self.STRIDE),
            Bias("b0", filters, shared=True),
            Dense("W1", filters, output),
            Bias("b1", output),
        ]
        super().__init__((filters, output), interactions, num_classes)


@dataclass(frozen=True)
class Variant:
    """One thing changed of the base setting.

    Attributes:
        group: Heading in the table.
        title: What is changed.
        settings: Of `TrainConfig`, in place of those of `BASE`.
        rule: The learning rule, made of that of the package and the number of images of an epoch.
        gain: What the first weights are multiplied by.
        most_epochs: Epochs, where it is to take no more.
    """

    group: str
    title: str
    settings: dict[str, Any] = field(default_factory=dict)
    rule: Callable[[EquilibriumPropagation, int], EquilibriumPropagation] = lambda rule, _: rule
    gain: float = 1.0
    most_epochs: int | None = None

    def config(self, epochs: int, seed: int) -> TrainConfig:
        epochs = min(epochs, self.most_epochs or epochs)
        return TrainConfig(**(BASE | self.settings), epochs=epochs, seed=seed)


def _other(kind: type[EquilibriumPropagation], **options: Any) -> Callable[..., EquilibriumPropagation]:
    return lambda rule, _: kind(**vars(rule), **options)


def _with_momentum(rule: EquilibriumPropagation, _: int) -> EquilibriumPropagation:
    centred = rule.optimizer
    assert isinstance(centred, Centred)
    return replace(rule, optimizer=Centred(Momentum(**vars(centred.optimizer)), centred.centre))


def _persistent(rule: EquilibriumPropagation, num_images: int) -> EquilibriumPropagation:
    return Persistent(**vars(rule), num_images=num_images)


def _centred_outputs(rule: EquilibriumPropagation, _: int) -> EquilibriumPropagation:
    network = rule.network
    sizes = tuple(layer.size for layer in network.layers)
    return replace(rule, network=CentredOutputs(network.num_inputs, sizes, network.num_classes))


def _filters(rule: EquilibriumPropagation, _: int) -> EquilibriumPropagation:
    network = rule.network
    return replace(rule, network=Filters(network.layers[-1].size, network.num_classes))


PAPER_SETTINGS: dict[str, Any] = {
    "batch_size": 1,
    "num_reads": 10,
    "num_sweeps": 100,
    "beta_range": (0.5, 20.0),
    "statistic": "lowest",
    "optimizer": "sgd",
    "learning_rate": 0.005,
    "bias_learning_rate": 0.0005,
    "decay": "constant",
    "centre": False,
    "nudge": 5.0,
    "reverse_fraction": 0.25,
}


def _variants() -> dict[str, Variant]:
    paper = partial(Variant, "From the paper's side")
    anneal = partial(Variant, "Anneal")
    nudge = partial(Variant, "Nudge")
    steps = partial(Variant, "Steps and data")
    network = partial(Variant, "Network")
    sgd = {"optimizer": "sgd"}
    return {
        "base": Variant("", "base"),
        "paper": paper("all of the paper's settings, batch 1, one epoch", PAPER_SETTINGS, most_epochs=1),
        "lowest": paper("lowest read for the average", {"statistic": "lowest"}),
        "sgd": paper("SGD, rate 0.2", sgd | {"learning_rate": 0.2, "bias_learning_rate": 0.2}),
        "momentum": paper(
            "SGD with momentum 0.9, rate 0.02",
            sgd | {"learning_rate": 0.02, "bias_learning_rate": 0.02},
            _with_momentum,
        ),
        "no-centre": paper("images not centred", {"centre": False}),
        "constant": paper("constant rate", {"decay": "constant"}),
        **{f"batch-{n}": paper(f"batch {n}", {"batch_size": n}) for n in (20, 100, 200)},
        **{f"reads-{n}": anneal(f"{n} reads", {"num_reads": n}) for n in (1, 2, 8, 10)},
        **{
            f"conditional-{n}": anneal(
                f"conditional means of {n} reads", {"num_reads": n, "statistic": "conditional"}
            )
            for n in (1, 2, 4, 10)
        },
        **{f"sweeps-{n}": anneal(f"{n} sweeps", {"num_sweeps": n}) for n in (15, 60)},
        **{f"cold-{b}": anneal(f"cold end {b}", {"beta_range": (0.3, float(b))}) for b in (2, 8, 20)},
        **{f"hot-{b:g}": anneal(f"hot end {b:g}", {"beta_range": (b, 4.0)}) for b in (0.1, 1.0)},
        **{
            f"reverse-{f:g}": anneal(f"reverse anneal to {f:g} of the schedule", {"reverse_fraction": f})
            for f in (0.25, 0.75)
        },
        "reverse-0": anneal("reverse anneal to 0: forward again", {"reverse_fraction": 0.0}),
        **{f"nudge-{b}": nudge(f"nudge beta {b}", {"nudge": float(b)}) for b in (1, 2, 8)},
        "error": nudge("nudge of the error, beta (t - <o>)/2", rule=_other(Nudge, towards="error")),
        "symmetric": nudge("nudge of the error, + and - compared", {"symmetric": True}),
        "random-sign": nudge(
            "nudge of the error, + or - by chance", rule=_other(Nudge, towards="error", random_sign=True)
        ),
        "no-skip": nudge("nudge also images that are right", rule=_other(Nudge, skip=False)),
        **{f"decay-{d}": steps(f"weight decay {d}", {"weight_decay": d}) for d in (0.1, 0.2)},
        "persistent": steps("persistent chains", rule=_persistent),
        "centred-outputs": steps("output spins centred", rule=_centred_outputs),
        **{f"shift-{n}": steps(f"shifts of up to {n}", {"shift": n}) for n in (1, 2)},
        "outputs-1": network("1 output spin a class", {"layers": (120, 10)}),
        "outputs-10": network("10 output spins a class", {"layers": (120, 100)}),
        "two-hidden": network("two hidden layers of 120", {"layers": (120, 120, 40)}),
        "hidden-480": network("480 hidden spins", {"layers": (480, 40)}),
        "hidden-480-rate": network(
            "480 hidden spins, couplings' rate a quarter",
            {"layers": (480, 40), "coupling_learning_rate": 0.00075},
        ),
        "coupling-rate": network("couplings' rate half", {"coupling_learning_rate": 0.0015}),
        # No mean image: a window has none of its own. Many spins add up in an output: a small rate there.
        "filters": network(
            "16 filters of 5 x 5, 2 pixels apart, not centred, couplings' rate 0.0002",
            {"layers": (Filters.HIDDEN, 40), "centre": False, "coupling_learning_rate": 0.0002},
            _filters,
        ),
        "gains": network("initial weights twice as large", gain=2.0),
    }


VARIANTS = _variants()
