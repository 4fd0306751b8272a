"""The machine "chip": a network on a model of a D-Wave chip."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from ..chip import Chip
from ..chip.energy_scales import EnergyScales
from ..chip.graph import FILES
from ..chip.solvers import is_solver
from ..embedding import Embedding
from ..network import Network
from ..settings import NotNegative, PartSettings, Positive, Seed, Shown
from .annealer import Annealer
from .annealing import NumSweeps
from .chip_errors import ChipErrors
from .chip_model import RATE, SCALES, SOLVER, TEMPERATURE, ChipModel
from .embedded import EmbeddedMachine, EmbeddedSettings
from .settings import THREADS, Work

# Fraction of missing qubits of a chip that no solver describes, unless the run says so.
MISSING = 0.02
# Millikelvin below which path integrals of qubits in chains learn little: by papers/laydevant2024, "chip",
# training is at 0.19 after four epochs at 18.5, and at 0.79 at 100.
COLD = 100.0
# Millikelvin that some chip may have: what is beyond was given in another unit.
LOWEST, HIGHEST = 1.0, 10_000.0

ERRORS = ChipErrors()


class GraphSettings(PartSettings):
    """Settings of a chip's working graph."""

    chip: Annotated[
        str,
        Field(
            description="As pegasus:16, zephyr:12, chimera:16, advantage_system4, or a .json of a solver's."
        ),
        Shown("Chip", metavar="CHIP", ending=FILES),
    ] = "pegasus:16"
    chip_missing: Annotated[
        Annotated[float, Field(ge=0, lt=1)] | None,
        Field(description="Fraction of its qubits missing."),
        Shown("Chip", f"{MISSING:g}; a solver's 0"),
    ] = None
    chip_seed: Annotated[
        Seed, Field(description="Which qubits are missing, and which errors stay."), Shown("Chip")
    ] = 0

    @property
    def missing(self) -> float:
        """Fraction of the qubits that are missing by chance; a solver's own are missing already."""
        if self.chip_missing is None:
            return 0.0 if self.chip.endswith(FILES) or is_solver(self.chip) else MISSING
        return self.chip_missing

    def unused(self) -> Mapping[str, str]:
        """The seed of the missing qubits, if none are missing."""
        why = "no qubits of this chip are missing by chance; take a chip_missing"
        return {} if self.missing else {"chip_seed": why}

    def graph(self) -> Chip:
        """The working graph of the chip, less its missing qubits."""
        chip = Chip.named(self.chip)
        return chip.without(self.missing, seed=self.chip_seed) if self.missing else chip


class ModelSettings(GraphSettings):
    """Settings of a `ChipModel`."""

    chip_model: Annotated[
        Literal["thermal", "quantum"],
        Field(description="What anneals on its model: thermal sweeps, or quantum path integrals."),
        Shown("Chip"),
    ] = "thermal"
    chip_schedule: Annotated[
        str | None,
        Field(description="Energies A(s), B(s): a solver's, as advantage_system4-fast, or a .csv of them."),
        Shown("Chip", "of the chip's solver or family", metavar="NAME", ending=".csv"),
    ] = None
    chip_temperature: Annotated[Positive, Field(description="Of its model, in mK."), Shown("Chip")] = (
        TEMPERATURE
    )
    chip_rate: Annotated[
        Positive,
        Field(description="Tries to turn a qubit of its model in a microsecond, at A(s) of 1 GHz."),
        Shown("Chip"),
    ] = RATE
    chip_noise: Annotated[
        tuple[NotNegative, NotNegative],
        Field(description="Standard errors of its model's h and J, anew for each problem."),
        Shown("Chip", metavar="H J"),
    ] = (ERRORS.field_noise, ERRORS.coupling_noise)
    chip_offsets: Annotated[
        tuple[NotNegative, NotNegative],
        Field(description="Standard errors of its model's h and J that stay."),
        Shown("Chip", metavar="H J"),
    ] = (ERRORS.field_offset, ERRORS.coupling_offset)
    chip_slope: Annotated[
        NotNegative,
        Field(description="Relative standard error of its model's h and J that stays."),
        Shown("Chip"),
    ] = ERRORS.slope
    chip_susceptibility: Annotated[
        float,
        Field(ge=-1, le=1, description="What leaks of J h onto h and of J J onto J, in its model."),
        Shown("Chip"),
    ] = ERRORS.susceptibility
    chip_readout_error: Annotated[
        float,
        Field(ge=0, le=1, description="Probability that a qubit of its model is read wrong."),
        Shown("Chip"),
    ] = ERRORS.readout_error

    @property
    def lasts(self) -> bool:
        """Whether errors of the chip stay."""
        return any(self.chip_offsets) or self.chip_slope > 0

    def unused(self) -> Mapping[str, str]:
        """The chip's seed, if nothing is drawn with it; the rate, if nothing tunnels."""
        unused = dict(super().unused())
        if self.lasts:
            unused.pop("chip_seed", None)
        if self.chip_model == "quantum":
            unused["chip_rate"] = "the quantum model has no rate; take chip_model thermal"
        return unused

    def model(self, sweeps_per_us: float, num_threads: int | None = None) -> ChipModel:
        """The model of the chip, ready to anneal."""
        schedule = self.chip_schedule
        return ChipModel(
            self.graph(),
            self.chip_model,
            scales=None if schedule is None else EnergyScales.load(schedule),
            temperature=self.chip_temperature,
            rate=None if self.chip_model == "quantum" else self.chip_rate,
            sweeps_per_us=sweeps_per_us,
            errors=ChipErrors(
                *self.chip_noise,
                *self.chip_offsets,
                self.chip_slope,
                self.chip_susceptibility,
                self.chip_readout_error,
                seed=self.chip_seed,
            ),
            num_threads=num_threads,
        )


class ChipSettings(EmbeddedSettings, ModelSettings):
    """Settings of a network on a `ChipModel`."""

    about: ClassVar[str] = "a model of a D-Wave chip"
    options: ClassVar[tuple[str, ...]] = (THREADS,)

    # A network of 160 spins learns as well as with twice as many: docs/chip.md.
    num_sweeps: NumSweeps = 200

    def annealer(self, num_threads: int | None = None) -> ChipModel:
        """The model of the chip, with the sweeps of an anneal."""
        return self.model(self.num_sweeps / self.annealing_time, num_threads)

    def build(
        self,
        network: Network,
        work: Work,
        annealer: Annealer | None = None,
        embedding: Embedding | None = None,
    ) -> EmbeddedMachine:
        """See `MachineSettings.build`.

        Args:
            network: The network.
            work: What it is built for.
            annealer: The chip; None makes its model.
            embedding: Where the network is on it; None looks for it.
        """
        if annealer is not None:
            return self.embedded(network, work, annealer, embedding)
        settings = self if work.folder is None else self._as_kept(work.folder)
        model = settings.annealer(work.num_threads)
        machine = self.embedded(network, work, model, embedding)
        self.check_on(model.chip, machine.qubits)
        return machine

    def _as_kept(self, folder: Path) -> Self:
        """The settings with what `ChipModel.keep` has written in the place of a user's files."""
        kept: dict[str, Any] = {}
        if (folder / SCALES).exists():
            kept["chip_schedule"] = str(folder / SCALES)
        if (folder / SOLVER).exists():
            kept |= {"chip": str(folder / SOLVER), "chip_missing": 0.0}  # they are missing there
        return self.model_copy(update=kept)

    def cautions(self) -> list[str]:
        """See `MachineSettings.cautions`."""
        if not LOWEST <= self.chip_temperature <= HIGHEST:
            return [
                f"chip_temperature is {self.chip_temperature:g} mK, which no chip has; it is in millikelvin"
            ]
        if self.chip_model != "quantum" or self.chip_temperature >= COLD:
            return []
        return [
            f"chip_temperature is {self.chip_temperature:g} mK: at that, path integrals were seen to learn"
            f" little; take {COLD:g}"
        ]
