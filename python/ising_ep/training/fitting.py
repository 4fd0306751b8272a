"""Checks that the parts of a run fit together, its data and the memory, before any work is done."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..checks import instance, require_memory
from ..datasets import Dataset
from ..learning import Rule
from ..machines import Machine
from ..network import DataForm, Kind, Network
from .evaluation import EVALUATION_BATCH

# Bytes of a parameter and of its gradient, and of a coupling: two indices and a value.
_PARAMETER, _COUPLING = 8, 24
_OF_A_RULE = ("network", "machine", "optimizer", "seed", "with_seed", "compare", "predict")


def check_network(network: Network, form: DataForm, name: str = "the network") -> None:
    """Refuses a network that is none, is for other data, or whose parameters cannot fit into memory.

    Args:
        network: The network.
        form: Of the data.
        name: What it is called in a refusal.

    Raises:
        TypeError: If it is no `Network`.
        ValueError: If it takes other inputs or tells other classes apart.
        MemoryError: If it is too large.
    """
    instance(name, network, Network)
    for what, found, wanted in (
        ("inputs", network.num_inputs, form.num_inputs),
        ("classes", network.num_classes, form.num_classes),
    ):
        if found != wanted:
            raise ValueError(f"{name} has {found} {what}, but the data have {wanted}")
    num_bytes = sum(
        math.prod(spec.shape) * (_PARAMETER + _COUPLING * (spec.kind == Kind.COUPLING))
        for spec in network.parameters.values()
    )
    require_memory(f"parameters of {network.num_spins} spins and {network.num_inputs} inputs", num_bytes)


def check_images(network: Network, images: NDArray[np.float32], name: str) -> None:
    """Refuses images that the network cannot take, in a line that names them.

    Raises:
        ValueError: If one is such.
    """
    try:
        network.check_images(images)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def check_images_of(network: Network, dataset: Dataset) -> None:
    """Refuses a data set of images that the network cannot take; see `check_images`."""
    for name, images in (("x_train", dataset.x_train), ("x_test", dataset.x_test)):
        check_images(network, images, f"{dataset.name}: {name}")


def check_levels(network: Network, machine: Machine) -> None:
    """Refuses a network whose spins have other values than those of the machine.

    Raises:
        ValueError: If it is such.
    """
    if network.levels != machine.levels:
        (low, high), (machines, own) = network.levels, machine.levels
        raise ValueError(
            f"the network has spins of {low} and {high}, but the machine has {machines} and {own}"
        )


def check_rule(rule: object) -> None:
    """Refuses a learning rule that lacks what a `learning.Rule` has.

    Raises:
        TypeError: If it does.
    """
    lacking = [name for name in _OF_A_RULE if not hasattr(rule, name)]
    if lacking:
        raise TypeError(
            f"the rule that was made is a {type(rule).__name__}, which lacks {', '.join(lacking)}; expected"
            " one such as learning.EquilibriumPropagation"
        )


def check_reads(rule: Rule, num_images: int) -> None:
    """Refuses reads of so many images in a call that cannot fit into memory.

    Of a machine that does not say its ``num_reads``, one read is counted.

    Raises:
        MemoryError: If they cannot.
    """
    own = getattr(rule.machine, "num_reads", 1)
    reads = num_images * (own if isinstance(own, int) else 1)
    spins = rule.network.num_spins
    # States of two phases, or states and a mask of them; and an energy.
    require_memory(f"{reads} reads of {spins} spins", reads * (2 * spins + 8))


def check_memory(learner: Rule, tester: Rule, dataset: Dataset, batch_size: int) -> None:
    """Refuses what the calls of a run's machines answer with, if it cannot fit into memory.

    Raises:
        MemoryError: If it cannot.
    """
    check_reads(learner, min(batch_size, len(dataset.x_train)))
    check_reads(tester, min(EVALUATION_BATCH, len(dataset.x_test)))
