"""`MachineSettings`, the base class of the settings models of machines, and their registry."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field

from ..extras import PLAIN
from ..network import Network
from ..settings import AtLeastOne, PartSettings, Registry, Shown
from .machine import Machine

# Name of the option of commands for the number of threads.
THREADS = "threads"


@dataclass(frozen=True)
class Work:
    """The work that a machine is built for.

    Attributes:
        batch_size: Images of an update.
        num_threads: Threads, or None for all cores. The result does not depend on it.
        folder: Run folder of a run that goes on, in which `Machine.keep` has written; None for a new one.
        options: Options of the command among `MachineSettings.options`; None outside of a command.
    """

    batch_size: int = 1
    num_threads: int | None = None
    folder: Path | None = None
    options: Mapping[str, Any] | None = None


class MachineSettings(PartSettings):
    """Base class of the settings of a machine: fields with types, ranges, defaults and help.

    A machine of your own is trained by name, ``ising-ep train --machine NAME``, when the settings model is
    registered (`ising_ep.settings.Registry`, group ``ising_ep.machines``). Its fields become keywords of
    `TrainConfig` and options of the command. A name that another machine has too, such as ``num_reads``, must
    mean the same. Import what takes long in `build`, not with the module.

    Attributes:
        levels: As `Machine.levels`; the network is made for them, before the machine is.
        shared: As `Machine.shared`.
        options: Names of the command's options of how it works, such as "threads", that it takes.
        extra: Extra of the install that it needs, a name of `ising_ep.extras.EXTRAS`.
    """

    title: ClassVar[str] = "Machine"
    levels: ClassVar[tuple[int, int]] = Machine.levels
    shared: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = PLAIN

    @abstractmethod
    def build(self, network: Network, work: Work) -> Machine:
        """The machine that these settings describe, for a network.

        Raises:
            ValueError: If they do not fit together.
        """

    def of_tests(self) -> Self:
        """The settings of the free phases of tests."""
        return self

    def cautions(self) -> list[str]:
        """Why a run with these settings will probably learn nothing; a line each."""
        return []


NumReads = Annotated[AtLeastOne, Field(description="Anneals of a phase.")]
ReverseFraction = Annotated[float, Field(ge=0, le=1, description="Where the reverse anneal turns.")]
TestReads = Annotated[
    AtLeastOne | None,
    Field(description="Reads of an image in tests; not on a chip."),
    Shown(unset="as --num-reads"),
]


class ReadsSettings(MachineSettings):
    """Settings of the machines that anneal each problem several times."""

    num_reads: NumReads = 10
    reverse_fraction: ReverseFraction = 0.25


class ComputedSettings(ReadsSettings):
    """Settings of the machines whose anneals are computed here, in threads, and may be more in tests."""

    options: ClassVar[tuple[str, ...]] = (THREADS,)

    test_reads: TestReads = None

    def of_tests(self) -> Self:
        """Returns the settings for evaluation: ``test_reads``, if set, in place of ``num_reads``."""
        reads = self.test_reads or self.num_reads
        return self.model_copy(update={"num_reads": reads, "test_reads": None})


MACHINES: Registry[MachineSettings] = Registry(
    "machine",
    MachineSettings,
    {
        "annealing": "ising_ep.machines.annealing:AnnealingSettings",
        "deterministic": "ising_ep.machines.deterministic:DeterministicSettings",
        "mean-field": "ising_ep.machines.mean_field:MeanFieldSettings",
        "analog": "ising_ep.machines.analog:AnalogSettings",
        "coherent": "ising_ep.machines.coherent:CoherentSettings",
        "oscillator": "ising_ep.machines.oscillator:OscillatorSettings",
        "chip": "ising_ep.machines.chip:ChipSettings",
        "qpu": "ising_ep.qpu.machine:QPUSettings",
    },
)
