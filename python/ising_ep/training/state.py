"""The state of training: all that is needed to go on, bit for bit."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from operator import sub
from typing import Any

import numpy as np

from ..checks import instance, short
from ..learning import Memory
from ..machines.usage import Usage
from ..network import Parameters

COLUMNS = ("epoch", "train_accuracy", "train_loss", "test_accuracy", "test_loss", "seconds")
CHIP_COLUMNS = ("epoch", "calls", "qpu_access_time", "chain_break_fraction")


@dataclass
class TrainState:
    """State of training, from which a run goes on bit for bit.

    Attributes:
        parameters: float32 arrays of the network, such as ``W0, W1, ..., b0, b1, ...``.
        epoch: Finished epochs.
        batch: Batches done of the epoch under way.
        images: Images of these batches.
        correct: How many of them were classified right.
        squared_error: Sum of their squared output errors.
        seconds: Wall time of these batches.
        history: One row for each finished epoch, by the names of ``metrics.csv``.
        predictions: Classes found for the test images after the last finished epoch.
        labels: Classes of the test images, there.
        usage: What the machine was used for until now.
        usages: The same at the end of each finished epoch.
        updates: Updates of the parameters.
        memory: float32 arrays that the optimizer keeps, for each name of its own one for each parameter.
    """

    parameters: Parameters
    epoch: int = 0
    batch: int = 0
    images: int = 0
    correct: int = 0
    squared_error: float = 0.0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    predictions: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    usages: list[Usage] = field(default_factory=list)
    updates: int = 0
    memory: Memory = field(default_factory=dict)

    def arrays(self) -> Parameters:
        """All arrays by their names in a checkpoint: parameters by their own, the optimizer's behind its."""
        kept = {f"{kind}.{name}": value for kind, of in self.memory.items() for name, value in of.items()}
        return self.parameters | kept

    def chip_history(self) -> list[dict[str, float]]:
        """Use of the chip in each finished epoch, by the names of ``chip.csv``."""
        return [
            {
                "epoch": epoch,
                "calls": used.problems,
                "qpu_access_time": round(used.access_time, 6),  # seconds, to the microsecond
                "chain_break_fraction": round(used.chain_break_fraction, 6),
            }
            for epoch, used in enumerate(map(sub, self.usages, [Usage(), *self.usages]), start=1)
        ]


def check_state(state: TrainState, batch_size: int, num_images: int | None = None) -> None:
    """Refuses a state that training could not have left.

    Args:
        state: The state.
        batch_size: Images of an update.
        num_images: Images of an epoch; None where they are not known.

    Raises:
        TypeError: If it is no `TrainState`.
        ValueError: Names what is wrong.
    """
    instance("state", state, TrainState)
    for kind, of in {"parameters": state.parameters, **state.memory}.items():
        if not (isinstance(of, dict) and all(isinstance(value, np.ndarray) for value in of.values())):
            raise ValueError(f"{kind} of the state is {short(of)}, expected arrays by their names")
    for name, value in state.arrays().items():
        if value.dtype != np.float32 or not np.isfinite(value).all():
            raise ValueError(f"parameter {name} is not of finite float32 numbers")
    shapes = {name: value.shape for name, value in state.parameters.items()}
    for kind, of in state.memory.items():
        found = {name: value.shape for name, value in of.items()}
        if found != shapes:
            raise ValueError(f"memory {kind} has shapes {found}, expected {shapes}")
    for name in ("epoch", "batch", "images", "correct", "updates"):
        if type(getattr(state, name)) is not int or getattr(state, name) < 0:
            raise ValueError(f"{name} is {getattr(state, name)!r}, expected a number >= 0")
    for name in ("squared_error", "seconds"):
        if not is_finite(getattr(state, name)):
            raise ValueError(f"{name} is {getattr(state, name)!r}, expected a finite number")
    if not (state.batch - 1) * batch_size < state.images <= state.batch * batch_size:
        raise ValueError(f"images is {state.images}, expected those of {state.batch} batches of {batch_size}")
    if num_images is not None and state.images > num_images:
        raise ValueError(f"images is {state.images}, but there are {num_images} in an epoch")
    if state.correct > state.images:
        raise ValueError(f"correct is {state.correct}, expected at most images, {state.images}")
    if len(state.history) != state.epoch or not all(
        isinstance(row, dict)
        and row.keys() == set(COLUMNS)
        and row["epoch"] == epoch
        and all(map(is_finite, row.values()))
        for epoch, row in enumerate(state.history, start=1)
    ):
        raise ValueError(f"its history is not that of {state.epoch} epochs")
    for name in ("predictions", "labels"):
        if not all(type(label) is int and label >= 0 for label in getattr(state, name)):
            raise ValueError(f"its {name} are not classes")


def is_finite(value: Any) -> bool:
    """Tells whether a value of JSON is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def table(columns: tuple[str, ...], rows: list[dict[str, float]]) -> bytes:
    """Rows by the names of their columns, as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
