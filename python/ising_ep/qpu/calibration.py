"""Calibration of the chip model by the reads that the journal of a run on a QPU has kept."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import integer, threads
from ..chip import Chip
from ..extras import needing
from ..files.atomic import replace
from ..machines.chip import ChipSettings
from ..machines.embedded import EmbeddedSettings
from ..training.run_folder import JOURNAL, SOLVER, RunFolder

with needing("chip", "a calibration"):
    from .chip_fit import GAINS, NAMES, Fitted, Matching
    from .chip_statistics import ChipStatistics, Problems, Statistic
    from .kept import KeptProblems
    from .run_journal import journal_of

_NO_GAUGES = (
    "The run had no gauges, so that errors which stay, and with them the temperature, are told badly; a short"
    " run with --gauges tells them"
)
# Standard errors of the worst of six statistics beyond which the model is another chip's than the reads: by
# chance one fit in 2,600.
MOST_MISFIT = 4.0
_MISFIT = (
    "The model as fitted is {:.1f} standard errors from what the reads tell, so it is not that of this chip:"
    " take its numbers for a guess"
)
# Problems from which a spread between problems can be told.
FEWEST = 10
# Reads of qubits that are used at most, those of the last problems: of these there are enough then.
MOST = 1_000_000
# Anneals of all problems at most: of the model at its defaults, and of the fit.
ANNEALS = 2 + sum(len(NAMES) + len(gains) for gains in GAINS)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A chip model that was fitted to the reads of a run.

    Attributes:
        run: The run's folder.
        solver: Name of its solver.
        problems: What was kept of it, and is whole.
        num_damaged: Problems that were kept and are damaged.
        has_gauges: Whether its calls had gauges, without which errors that stay are told badly.
        num_chains: Chains of two qubits or more.
        reads: Statistics of its reads.
        default: The same of the model at its defaults, on the same problems.
        fitted: The same of the model as fitted.
        settings: Of `TrainConfig`, for the model as fitted.
        numbers: What was fitted, with 95 % intervals: "temperature" (mK), "rate", "noise" (a factor of the
            default errors), "field_offset" and "coupling_offset".
        misfit: How far the statistic that fits worst is from that of the reads, in standard errors.
    """

    run: Path
    solver: str
    problems: KeptProblems
    num_damaged: int
    has_gauges: bool
    num_chains: int
    reads: ChipStatistics
    default: ChipStatistics
    fitted: ChipStatistics
    settings: dict[str, Any]
    numbers: dict[str, Fitted]
    misfit: float

    def save(self, path: str | Path) -> None:
        """Writes the settings as JSON, for ``ising-ep train --settings``."""
        replace(Path(path), json.dumps(self.settings, indent=2).encode() + b"\n")

    def __str__(self) -> str:
        """Tables of the statistics and of the settings."""
        kept = self.problems
        return "\n".join(
            [
                f"{len(kept.fields)} problems of {kept.layout.num_reads} reads on {len(kept.layout.qubits)}"
                f" qubits of {self.solver}, {self.num_chains} chains",
                *([f"{_damaged(self.num_damaged)}, and not used"] if self.num_damaged else []),
                *([] if self.has_gauges else [_NO_GAUGES]),
                *([_MISFIT.format(self.misfit)] if self.misfit > MOST_MISFIT else []),
                "",
                *self._statistics(),
                "",
                *self._settings(),
            ]
        )

    def _statistics(self) -> Iterator[str]:
        every = self.reads, self.default, self.fitted
        yield _row("", "reads", "default model", "fitted model")
        for name, shown in _SHOWN.items():
            yield _row(name, *map(shown, every))
        for length in self.reads.breaks_of:
            yield _row(f"  of {length} qubits", *(f"{each.breaks_of[length]:.2%}" for each in every))

    def _settings(self) -> Iterator[str]:
        usual = ChipSettings()
        yield _row("setting", "fitted", "95 % interval", "default")
        for name, number in self.numbers.items():
            title, default = _TITLES[name], _DEFAULTS[name](usual)
            # Of the noise a factor of the default is fitted.
            units = default if name == "noise" else (1.0,)
            value, low, high = (_several(each * unit for unit in units) for each in number.interval)
            between = (
                f"{low} to {high}" if len(units) == 1 else f"{number.low:.2g} to {number.high:.2g} times"
            )
            line = _row(title, value, between, _several(default))
            yield line if number.is_told else f"{line}  (the reads do not tell)"


def calibrate(
    run: str | Path, *, seed: int = 0, num_threads: int | None = None, progress: Progress | None = None
) -> Calibration:
    """Fits the chip model to the reads that the journal of a run on a QPU has kept.

    The last problems of forward anneals, up to 200, are annealed again on the model, under other settings,
    until its reads have the same inverse temperatures of qubits and of chains, the same broken chains, and
    errors of the same size (`ising_ep.qpu.chip_statistics`). Nothing is asked of the QPU.

    Args:
        run: The folder of the run. Nothing in it is changed.
        seed: Of the model's anneals and of the intervals, 0 to 2**63 - 1.
        num_threads: 1 to 4096; all cores by default. Never changes the result.
        progress: Is called with the number of anneals of all problems that are done, and the most there are.

    Returns:
        The settings, their intervals, and what reads and models tell. Text of it is two tables.

    Raises:
        FileNotFoundError: If the folder is no run.
        ValueError: One line, if it is a run on no QPU, is in use, has kept no reads, or too few to tell.
        KeyboardInterrupt: On Ctrl-C.
    """
    seed, num_threads = integer("seed", seed, 0, 2**63 - 1), threads(num_threads)
    folder = RunFolder.open(Path(run))
    kept, num_damaged = _kept(folder)
    of_run = folder.config.machine_settings
    assert isinstance(of_run, EmbeddedSettings)  # as it has a journal
    file = folder.path / SOLVER
    problems = Problems(Chip.named(str(file)), kept)
    reads = problems.statistics(kept.reads)
    if reads.qubits is None:
        raise ValueError(
            f"all {kept.reads[..., 0].size:,} reads that {folder.path / JOURNAL} has kept are local minima,"
            " too few or too cold to tell a temperature by; more reads, or smaller weights, tell it"
        )
    fixed = {"chip": os.path.abspath(file), "annealing_time": kept.layout.schedule[-1][0]}
    done = 0

    def anneal(settings: dict[str, Any]) -> ChipStatistics:
        nonlocal done
        model = ChipSettings.checked(fixed | settings).annealer(num_threads)
        found = model.sample(
            kept.layout.qubits,
            kept.layout.couplers,
            kept.fields,
            kept.couplings,
            schedule=kept.layout.schedule,
            num_reads=kept.layout.num_reads,
            seed=seed + done,
        )
        done += 1
        if progress is not None:
            progress(done, ANNEALS)
        return problems.statistics(found)

    default = anneal({})
    fit = Matching(reads, anneal, np.random.default_rng(seed)).fit()
    return Calibration(
        folder.path,
        str(folder.solver()),
        kept,
        num_damaged,
        of_run.gauges,
        problems.num_chains,
        reads,
        default,
        fit.statistics,
        {"machine": "chip", "chip": fixed["chip"], **fit.settings},
        fit.fitted,
        fit.misfit,
    )


def _kept(run: RunFolder) -> tuple[KeptProblems, int]:
    """The whole problems that the journal of a run has kept, and how many are damaged."""
    file = run.path / JOURNAL
    with journal_of(run) as journal:
        kept, num_damaged = (None, 0) if journal is None else journal.kept()
    count = 0 if kept is None else len(kept.fields)
    if kept is None or count < FEWEST:
        lost = f" that are whole, and {_damaged(num_damaged)}" if num_damaged else ""
        first = "a copy of the file may have more; else " if num_damaged else ""
        raise ValueError(
            f"{file} has kept the reads of {count} problems{lost}; expected {FEWEST} or more: {first}going on"
            f" with the run, or `ising-ep evaluate {shlex.quote(str(run.path))} --copies 1`, gives some, for"
            " QPU time"
        )
    return kept.last(max(FEWEST, MOST // kept.reads[0].size)), num_damaged


def _damaged(number: int) -> str:
    """So many problems, as a text says that they are damaged."""
    return "1 more is damaged" if number == 1 else f"{number} more are damaged"


_TITLES = {
    "temperature": "chip_temperature (mK)",
    "rate": "chip_rate (per us)",
    "noise": "chip_noise (h, J)",
    "field_offset": "chip_offsets (h)",
    "coupling_offset": "chip_offsets (J)",
}
_DEFAULTS: dict[str, Callable[[ChipSettings], tuple[float, ...]]] = {
    "temperature": lambda usual: (usual.chip_temperature,),
    "rate": lambda usual: (usual.chip_rate,),
    "noise": lambda usual: usual.chip_noise,
    "field_offset": lambda usual: usual.chip_offsets[:1],
    "coupling_offset": lambda usual: usual.chip_offsets[1:],
}


def _row(*cells: str) -> str:
    first, *others = cells
    return f"{first:<32}" + "".join(f"{cell:>22}" for cell in others)


def _several(values: Iterable[float]) -> str:
    return " ".join(f"{float(f'{value:.3g}'):g}" for value in values)


def _number(found: Statistic | None) -> str:
    return "not told" if found is None else f"{found.value:.3g} +- {found.error:.2g}"


def _fraction(found: Statistic | None) -> str:
    return "none there" if found is None else f"{found.value:.2%} +- {found.error:.2%}"


def _root(found: Statistic | None) -> str:
    """A standard deviation, of a variance."""
    if found is None:
        return "not told"
    value = sqrt(max(found.value, 0.0))
    error = sqrt(found.error) if value**2 <= found.error else found.error / (2 * value)
    return f"{value:.2g} +- {error:.1g}"


_SHOWN: dict[str, Callable[[ChipStatistics], str]] = {
    "inverse temperature of qubits": lambda found: _number(found.qubits),
    "inverse temperature of chains": lambda found: _number(found.chains),
    "errors of chains, in a problem": lambda found: _root(found.shared),
    "errors of h that stay": lambda found: _root(found.field_offset),
    "errors of J that stay": lambda found: _root(found.coupling_offset),
    "chains broken": lambda found: _fraction(found.breaks),
}
