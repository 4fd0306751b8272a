"""Free phases of images from which nothing is learned: outputs, classes, probabilities, accuracy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..checks import integer
from ..learning import Rule
from ..network import Network, Parameters

# Images annealed in one call where nothing is learned from them; any number gives the same answer.
EVALUATION_BATCH = 250
# Seed bit of evaluations: they draw other random numbers than training.
EVALUATION_SEED = 1 << 62
# Share added to that of each class's spins that are high: a class without any is unlikely, not impossible.
UNSEEN = 0.01


@dataclass(frozen=True)
class Evaluation:
    """Free phase of a set of images: accuracy in 0..1, mean squared error, and the classes found."""

    accuracy: float
    loss: float
    predictions: NDArray[np.int64]

    @classmethod
    def of(cls, network: Network, outputs: NDArray[np.float32], y: NDArray[np.int64]) -> Self:
        """Compares output spins ``(n, outputs)`` with the classes ``y (n,)``."""
        predictions = classes(network, outputs)
        loss = np.mean((outputs - network.targets(y)) ** 2, dtype=np.float64)
        return cls(float(np.mean(predictions == y)), float(loss), predictions)


def evaluation(
    rule: Rule,
    parameters: Parameters,
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    on_batch: Callable[[int], None] | None = None,
) -> Evaluation:
    """Evaluates images ``x (n, num_inputs)`` of classes ``y (n,)``.

    Args:
        rule: What finds the free phase.
        parameters: The network's.
        x: Images.
        y: Classes.
        on_batch: Called with the number of images done after each batch.
    """
    outputs = free_outputs(rule, parameters, x, np.arange(len(x), dtype=np.uint32), on_batch)
    return Evaluation.of(rule.network, outputs, y)


def evaluation_batch(copies: int) -> int:
    """Images of a call of a machine with so many copies of the network, where nothing is learned: about
    `EVALUATION_BATCH`, with no copy idle.

    Example:
        >>> evaluation_batch(copies=4)
        248
    """
    return max(1, EVALUATION_BATCH // copies) * copies


def free_outputs(
    rule: Rule,
    parameters: Parameters,
    x: NDArray[np.float32],
    ids: NDArray[np.uint32],
    on_batch: Callable[[int], None] | None = None,
    batch_size: int = EVALUATION_BATCH,
) -> NDArray[np.float32]:
    """Output spins ``(n, outputs)`` of the free phase of ``x``, with the random numbers that ``ids`` name."""
    batch_size = integer("batch_size", batch_size, 1)
    rule = rule.with_seed(rule.seed ^ EVALUATION_SEED)
    outputs, done = [], 0
    starts = range(0, len(x), batch_size)
    batches = ((x[k : k + batch_size], ids[k : k + batch_size]) for k in starts)
    for found in rule.predict(parameters, batches):
        outputs.append(found)
        done += len(found)
        if on_batch:
            on_batch(done)
    return np.concatenate(outputs)


def classes(network: Network, outputs: NDArray[np.float32]) -> NDArray[np.int64]:
    """The class ``(n,)`` that each row of output spins stands for."""
    found: NDArray[np.int64] = network.scores(outputs).argmax(axis=1)
    return found


def shares(network: Network, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """The share f of each class's output spins that are high, ``(n, num_classes)`` in 0..1, plus `UNSEEN`."""
    low, high = network.levels
    found: NDArray[np.float64] = (network.scores(outputs).astype(np.float64) - low) / (high - low) + UNSEEN
    return found


def probabilities(network: Network, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probability of each class ``(n, num_classes)``, from its share f of output spins that are high.

        p_c = (f_c + 0.01) / sum_k (f_k + 0.01)

    The largest is that of the class in `classes`. Each row sums to 1.
    """
    found = shares(network, outputs)
    found /= found.sum(axis=1, keepdims=True)
    return found
