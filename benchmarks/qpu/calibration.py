"""How near `ising-ep calibrate` comes to a chip of known settings, and whether its intervals hold these.

    python -m benchmarks.qpu.calibration --data-dir DIR [--chips 20]

Chips are models of a P16 with 2 % of its qubits missing, with temperatures, rates and errors drawn at random
around the defaults. On each 784-120-40 is trained for two epochs, with gauges, on 100 images of MNIST, behind
the stand-in for D-Wave's service, and the run that this leaves is calibrated: nothing of the chip is known to
it but its working graph. The network has some 990 qubits in chains of up to 12.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.support import report
from studies.markdown import table
from studies.summary import mean

from . import runs

# Factors of the defaults between which the settings of a chip are drawn, evenly in their logarithm.
WITHIN = {
    "temperature": (0.7, 1.5),
    "rate": (1 / 3, 3.0),
    "noise": (0.5, 2.0),
    "field_offset": (0.5, 2.0),
    "coupling_offset": (0.5, 2.0),
}
TITLES = {
    "temperature": "temperature",
    "rate": "rate",
    "noise": "new errors, a factor of the default's",
    "field_offset": "errors of h that stay",
    "coupling_offset": "errors of J that stay",
}


def run(number: int, data_dir: Path) -> dict[str, Any]:
    """Makes a chip, trains on it, and calibrates the run."""
    from ising_ep.chip import Chip
    from ising_ep.emulator import Emulator
    from ising_ep.machines.chip_errors import ChipErrors
    from ising_ep.machines.chip_model import RATE, TEMPERATURE, ChipModel
    from ising_ep.qpu.calibration import calibrate

    rng = np.random.default_rng([number, 19])
    factors = {name: float(np.exp(rng.uniform(*np.log(ends)))) for name, ends in WITHIN.items()}
    usual = ChipErrors()
    errors = ChipErrors(
        field_noise=factors["noise"] * usual.field_noise,
        coupling_noise=factors["noise"] * usual.coupling_noise,
        field_offset=factors["field_offset"] * usual.field_offset,
        coupling_offset=factors["coupling_offset"] * usual.coupling_offset,
        seed=number,
    )
    truth = {
        "temperature": factors["temperature"] * TEMPERATURE,
        "rate": factors["rate"] * RATE,
        "noise": factors["noise"],
        "field_offset": errors.field_offset,
        "coupling_offset": errors.coupling_offset,
    }
    model = ChipModel(
        Chip.perfect("pegasus", 16).without(0.02, seed=number),
        temperature=truth["temperature"],
        rate=truth["rate"],
        sweeps_per_us=10.0,
        errors=errors,
        num_threads=1,
    )
    with tempfile.TemporaryDirectory() as place, Emulator(model, seed=number) as service:
        os.environ.update(runs.settings_for(service))
        folder = Path(place) / "run"
        data = ("--dataset=mnist", f"--data-dir={data_dir}", "--train-per-class=10", "--test-per-class=1")
        code = runs.command(
            *data, "--machine=qpu", "--gauges", "--epochs=2", f"--seed={number}", f"--out={folder}"
        )
        assert code == 0, f"training on chip {number} ended with {code}"
        started = time.perf_counter()
        found = calibrate(folder, num_threads=1)
        seconds = time.perf_counter() - started
    return {
        "chip": number,
        "truth": truth,
        "found": {name: vars(fitted) for name, fitted in found.numbers.items()},
        "problems": len(found.problems.fields),
        "qubits": len(found.problems.layout.qubits),
        "broken": None if found.reads.breaks is None else found.reads.breaks.value,
        "seconds": seconds,
    }


def of_numbers(results: list[dict[str, Any]]) -> str:
    """A row for each number that is fitted."""
    rows = []
    for name, title in TITLES.items():
        truths = np.array([result["truth"][name] for result in results])
        found = [result["found"][name] for result in results]
        values, low, high = (np.array([each[key] for each in found]) for key in ("value", "low", "high"))
        held = (low <= truths) & (truths <= high)
        told = sum(each["is_told"] for each in found)
        off = float(np.median(np.abs(values / truths - 1)))
        wide = float(np.median((high - low) / truths))
        rows.append([title, f"{off:.0%}", f"{wide:.0%}", f"{held.sum()} of {len(held)}", f"{told}"])
    header = [
        "",
        "median error",
        "median width of the interval",
        "true value in the 95 % interval",
        "told by reads",
    ]
    return table(header, rows)


@click.command()
@report.data_dir_option
@click.option("--chips", default=20, show_default=True, type=click.IntRange(1), help="How many.")
@report.processes_option
@report.out_option
def main(data_dir: Path, chips: int, processes: int, out: Path | None) -> None:
    """Calibrate chips whose settings are known.

    \b
    Example: python -m benchmarks.qpu.calibration --data-dir ~/mnist --chips 2
    """
    folder = report.folder(out, full=chips >= 20)
    facts = report.machine()
    jobs = {number: (run, (number, data_dir)) for number in range(chips)}
    results = [result for _, result in sorted(report.in_processes(jobs, processes, "chips"))]
    text = of_numbers(results)
    qubits, seconds = (mean([result[name] for result in results]) for name in ("qubits", "seconds"))
    text += (
        f"\n{chips} chips, {qubits:.0f} qubits in the mean, {seconds:.0f} s a calibration on one thread.\n"
    )
    report.console.print(text)
    if folder is not None:
        report.write(
            folder, "calibration", {"machine": facts, "chips": results}, f"{text}\n{report.where(facts)}\n"
        )


if __name__ == "__main__":
    main()
