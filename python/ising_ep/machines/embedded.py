"""A network on a chip: placed on chains of qubits, annealed there, and read back as logical spins.

This is the way of a batch to any chip and back, be it a model or a real one:

    couplings, fields -> copies, chains -> h, J of qubits -> reads of qubits -> majority -> states
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .. import _core
from ..checks import boolean, integer, real, same
from ..chip import Chip
from ..chip.anneals import check_anneal, check_annealing_time
from ..embedding import Embedding, Placed, embed
from ..network import Couplings, Network
from ..samplers.batch import BatchResult
from ..settings import AtLeastOne, NotNegative, Positive, Shown
from .annealer import Annealer, schedules
from .machine import Machine
from .settings import ReadsSettings, Work
from .usage import Usage

log = logging.getLogger(__name__)

# File of a run folder with the chains of its network.
EMBEDDING = "embedding.json"
# Seconds between two lines about a search that is under way.
PROGRESS = 2.0
# Microseconds of a forward anneal; what solvers take by default.
ANNEALING_TIME = 20.0
# Within the range of every chip, and the paper's for its fully connected network.
CHAIN_STRENGTH = 1.0
NO_QUBITS = np.zeros(0, dtype=np.int64)


class EmbeddedMachine(Machine):
    """A `Machine` for one network: a chip, and an embedding of the network on it.

    Each problem of the chip carries an image on each copy of the embedding. Fields beyond the chip's range
    are clipped to it.

    With gauges (spin-reversal transforms) a random half of the spins, another one in each call, is turned
    over before the anneal and back after it, so that errors of a chip that stay average out over calls.
    Learning wants them as they are: it makes up for errors that are the same in each call, but not for those
    that a gauge draws anew for the free phase and for its nudge.

    Args:
        annealer: The chip.
        embedding: Where the network is on it; a `Placed` of this network and chip is not verified again.
        network: The network.
        num_reads: Anneals of each problem.
        chain_strength: Size of the ferromagnetic coupling within chains, >= 0.
        annealing_time: Microseconds of a forward anneal; a reverse anneal goes as fast.
        reverse_fraction: The s that a reverse anneal goes back to.
        gauges: Whether each call has a gauge of its own.

    Attributes:
        embedding: The verified embedding, a `Placed`.
        usage: Problems sent to the chip so far, and how it did.

    Raises:
        ValueError: If a number is out of range, or the embedding is none of the network on the chip.
    """

    def __init__(
        self,
        annealer: Annealer,
        embedding: Embedding,
        network: Network,
        *,
        num_reads: int = 10,
        chain_strength: float = CHAIN_STRENGTH,
        annealing_time: float = ANNEALING_TIME,
        reverse_fraction: float = 0.25,
        gauges: bool = False,
    ) -> None:
        chip = annealer.chip
        placed = embedding.verify(network, chip)
        _check_chain_strength(chip, chain_strength)
        if not 0 <= real("reverse_fraction", reverse_fraction) <= 1:
            raise ValueError(f"reverse_fraction is {reverse_fraction}, expected 0 to 1")
        self.annealer = annealer
        self.embedding = placed
        self.num_reads = integer("num_reads", num_reads, 1)
        self.chain_strength = chain_strength
        self.gauges = boolean("gauges", gauges)
        self._rows, self._cols = network.rows, network.cols
        self._forward, self._reverse = schedules(real("annealing_time", annealing_time), reverse_fraction)

        self.qubits = np.sort(placed.qubits())
        inside = np.isin(chip.couplers, self.qubits).all(axis=1)
        self.couplers = chip.couplers[inside]
        # A chip then knows them by looking at no number of them.
        for array in (self.qubits, self.couplers):
            array.setflags(write=False)
        lengths = placed.chain_lengths()
        self._num_chains = len(lengths)
        ends = np.searchsorted(self.qubits, self.couplers)
        self._layout = (
            len(self.qubits),
            np.concatenate([[0], np.cumsum(lengths)]),
            np.searchsorted(self.qubits, placed.qubits()),
            np.ascontiguousarray(ends[:, 0]),
            np.ascontiguousarray(ends[:, 1]),
            network.num_spins,
            network.rows,
            network.cols,
        )
        self._placement = _core.Placement(*self._layout)

    def __getstate__(self) -> dict[str, Any]:
        # Copies go to other processes; the core's placement does not, and is made anew.
        return {name: value for name, value in vars(self).items() if name != "_placement"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._placement = _core.Placement(*self._layout)

    @property
    def shared(self) -> bool:  # type: ignore[override]  # others have it fixed
        """See `Machine`."""
        return self.annealer.shared

    @property
    def images_together(self) -> int:
        """The copies of the network: a problem of the chip is an image on each."""
        return self.embedding.num_copies

    @property
    def busy(self) -> bool:
        """See `Machine`."""
        return self.annealer.busy

    @cached_property
    def usage(self) -> Usage:
        """Counts of the chip's use."""
        return self.annealer.usage

    def cost(self) -> str:
        """See `Machine.cost`."""
        return (
            f"{self.usage.problems:,} problems on the chip, {self.usage.chain_break_fraction:.2%} of chains"
            f" broken, QPU access time {self.usage.access_time:.3f} s"
        )

    def keep(self, folder: Path) -> None:
        """Writes the chains of the network, and what the chip has to keep."""
        self.annealer.keep(folder)
        if not (folder / EMBEDDING).exists():
            self.embedding.save(folder / EMBEDDING)

    def saved(self, usage: Usage) -> None:
        """See `Machine.saved`."""
        self.annealer.saved(usage)

    def close(self) -> None:
        """See `Machine.close`."""
        self.annealer.close()

    def sample(
        self,
        couplings: Couplings,
        fields: NDArray[np.float32],
        *,
        initial_states: NDArray[np.int8] | None = None,
        seed: int,
        problem_ids: NDArray[np.uint32],
    ) -> BatchResult:
        """See `Machine.sample`. A chip begins all reads of a problem with one state, the first given.

        A chip that does not anneal in reverse anneals the problem forward, from no state: a nudge then pulls,
        but does not begin where the free phase was.
        """
        rows, cols, values = couplings
        if not (same(self._rows, rows) and same(self._cols, cols)):
            raise ValueError("these are not the couplings of the network that is embedded")
        h = fields.astype(np.float64)
        ids = problem_ids[:: self.images_together].copy()  # a problem is named by its first image
        chip = self.annealer.chip
        gauges = np.ones((len(ids), len(self.qubits)), dtype=np.int8)
        if self.gauges:
            gauges = self._placement.gauges(seed, np.ascontiguousarray(problem_ids))
        starts = None
        if initial_states is not None and self.annealer.reverses:
            starts = self._placement.expand(np.ascontiguousarray(initial_states[:, 0]), gauges)
        physical_h, physical_j, _ = self._placement.place(
            values,
            h,
            self.chain_strength,
            gauges,
            h_range=chip.h_range,
            j_range=chip.j_range,
            chain_range=chip.chain_range,
            excess="clip",
        )
        reads = self.annealer.sample(
            self.qubits,
            self.couplers,
            physical_h,
            physical_j,
            schedule=self._forward if starts is None else self._reverse,
            num_reads=self.num_reads,
            initial_states=starts,
            seed=seed,
            problem_ids=ids,
        )
        states, energies, broken = self._placement.read(reads, gauges, values, h, seed, ids)
        self.usage.read(energies, broken, len(ids) * states.shape[1] * self._num_chains)
        return BatchResult(states, energies)


class EmbeddedSettings(ReadsSettings):
    """Settings of an `EmbeddedMachine`, of whatever chip.

    Attributes:
        machine: Class of the machine.
    """

    machine: ClassVar[type[EmbeddedMachine]] = EmbeddedMachine
    extra: ClassVar[str] = "chip"

    copies: Annotated[
        AtLeastOne | None,
        Field(description="Copies of the network on the chip."),
        Shown("Chip", "as a batch can use, and fit"),
    ] = None
    embedding: Annotated[
        str | None,
        Field(description="JSON file of an embedding, as `ising-ep embed` writes it."),
        Shown("Chip", "found", file=True),
    ] = None
    chain_strength: Annotated[NotNegative, Field(description="Coupling within chains."), Shown("Chip")] = (
        CHAIN_STRENGTH
    )
    annealing_time: Annotated[
        Positive, Field(description="Microseconds of a forward anneal."), Shown("Chip")
    ] = ANNEALING_TIME
    gauges: Annotated[
        bool,
        Field(description="Turn a random half of the spins over in each call, and back in its reads."),
        Shown("Chip"),
    ] = False

    def unused(self) -> Mapping[str, str]:
        """The number of copies, if a file says it."""
        why = f"the file {self.embedding} says how many there are"
        return {**super().unused(), **({"copies": why} if self.embedding else {})}

    def check_on(self, chip: Chip, qubits: NDArray[np.int64] = NO_QUBITS) -> None:
        """Refuses, by a ValueError, what this chip would not do on these qubits.

        Without qubits it refuses what the chip would do on none, however the network were laid.
        """
        _check_chain_strength(chip, self.chain_strength)
        check_annealing_time(chip, self.annealing_time)
        forward, reverse = schedules(self.annealing_time, self.reverse_fraction)
        for schedule, states in ((forward, None), (reverse, np.ones(len(qubits), dtype=np.int8))):
            check_anneal(chip, schedule, self.num_reads, qubits, states)

    def placed(self, network: Network, chip: Chip, work: Work) -> Placed:
        """Embedding of the network on the chip: as kept, from the file of the settings, or found anew.

        The search is for as many copies as a batch can use, and fit, unless the settings say how many.

        Raises:
            ValueError: If the network does not fit, not in so many copies, or the file is no embedding of it;
                before any search, if the chip would not do the anneals.
        """
        self.check_on(chip)
        if work.folder is not None:
            return Embedding.load(work.folder / EMBEDDING, chip).verify(network, chip)
        if self.embedding is not None:
            embedding = Embedding.load(Path(self.embedding), chip).verify(network, chip)
            log.info("On %s: %s", chip, described(embedding))
        else:
            embedding = found_on(chip, network, self.copies or work.batch_size)
            check_copies(self.copies, embedding, chip)
        return embedding

    def embedded(
        self, network: Network, work: Work, annealer: Annealer, embedding: Embedding | None
    ) -> EmbeddedMachine:
        """The network on a chip; None looks for its place."""
        return self.machine(
            annealer,
            self.placed(network, annealer.chip, work) if embedding is None else embedding,
            network,
            num_reads=self.num_reads,
            chain_strength=self.chain_strength,
            annealing_time=self.annealing_time,
            reverse_fraction=self.reverse_fraction,
            gauges=self.gauges,
        )


def _check_chain_strength(chip: Chip, strength: float) -> None:
    low, high = chip.chain_range
    if not (real("chain_strength", strength) >= 0 and low <= -strength <= high):
        raise ValueError(f"chain_strength is {strength}, expected 0 to {-low}, the range of {chip}")


def found_on(chip: Chip, network: Network, copies: int) -> Placed:
    """So many copies of a network on a chip, or as many as are found to fit; says in the log how many."""
    embedding = embed(network, chip, copies=copies, progress=search_progress())
    log.info("On %s: %s", chip, described(embedding))
    return embedding


def check_copies(asked: int | None, found: Placed, chip: Chip) -> None:
    """Refuses, by a ValueError, a number of copies of which fewer were found to fit."""
    count = found.num_copies
    if asked is not None and asked > count:
        fit = "fits" if count == 1 else "fit"
        raise ValueError(f"copies is {asked}, but {count} {fit} on {chip}; take {count}, or fewer")


def described(embedding: Embedding) -> str:
    """Copies, qubits and chains in words."""
    copies, lengths = embedding.num_copies, embedding.chain_lengths()
    text = f"{copies} {'copy' if copies == 1 else 'copies'}, {embedding.num_qubits} qubits"
    return f"{text}, chains of {lengths.mean():.1f} on average, longest {lengths.max()}"


def search_progress() -> Callable[[int], None]:
    """A function that logs how many copies a search has found, at most every `PROGRESS` seconds."""
    started = said = time.perf_counter()

    def show(copies: int) -> None:
        nonlocal said
        now = time.perf_counter()
        if now - said > PROGRESS:
            said = now
            log.info("%d found after %.0f s", copies, now - started)

    return show
