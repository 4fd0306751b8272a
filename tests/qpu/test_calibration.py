"""Reads that the journal keeps, what they tell of a chip, and the chip model that is fitted to them."""

import json
import os
import re
import shlex
import shutil
import sqlite3

import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.config import TrainConfig
from ising_ep.emulator import Emulator
from ising_ep.machines.chip import ChipSettings
from ising_ep.machines.chip_errors import ChipErrors
from ising_ep.machines.chip_model import ChipModel
from ising_ep.qpu.calibration import MOST_MISFIT, calibrate
from ising_ep.qpu.chip_fit import Matching
from ising_ep.qpu.chip_statistics import ChipStatistics, Problems, Statistic
from ising_ep.qpu.entries import Entry
from ising_ep.qpu.journal import Journal
from ising_ep.qpu.kept import KEPT, KeptLayout, KeptProblems
from ising_ep.training.run_folder import RunFolder
from support.services import log_in

CHIP = Chip.perfect("chimera", 4)
QUBITS = CHIP.qubits[:12]
COUPLERS = CHIP.couplers[np.isin(CHIP.couplers, QUBITS).all(axis=1)]
LAYOUT = KeptLayout("one", QUBITS, COUPLERS, [(0.0, 0.0), (20.0, 1.0)], 3)


def bits(reads):
    return np.packbits(reads > 0, axis=-1)


def drawn(rng, layout=LAYOUT):
    h, j = rng.normal(size=len(layout.qubits)), rng.normal(size=len(layout.couplers))
    reads = np.where(rng.random((layout.num_reads, len(layout.qubits))) < 0.5, -1, 1).astype(np.int8)
    return h.astype(np.float32).astype(float), j.astype(np.float32).astype(float), reads


def fill(journal, count, rng, layout=LAYOUT):
    problems = [drawn(rng, layout) for _ in range(count)]
    entry = Entry(0, 0, "free", 0, 0, "d", "l", layout.anneal)
    for h, j, reads in problems:
        journal.keep(layout, h, j, bits(reads), entry, {})
    return problems


def test_the_last_problems_are_kept_as_they_were(tmp_path):
    rng = np.random.default_rng(0)
    with Journal(tmp_path / "j.sqlite") as journal:
        assert journal.kept() == (None, 0)
        problems = fill(journal, KEPT + 5, rng)
    with Journal(tmp_path / "j.sqlite") as journal:
        kept, damaged = journal.kept()
    assert damaged == 0
    assert kept.layout.row() == LAYOUT.row()
    for found, k in ((kept.fields, 0), (kept.couplings, 1), (kept.reads, 2)):
        np.testing.assert_array_equal(found, np.array([each[k] for each in problems[5:]]))
    np.testing.assert_array_equal(kept.last(7).reads, kept.reads[-7:])


def test_problems_of_two_layouts_are_not_mixed():
    rng = np.random.default_rng(1)
    other = KeptLayout("other", QUBITS[:5], COUPLERS[:0], LAYOUT.schedule, 2)
    with Journal(None) as journal:
        fill(journal, 4, rng)
        fill(journal, 3, rng, other)
        assert journal.kept()[0].layout.anneal == "one"
        fill(journal, 1, rng, other)
        assert journal.kept()[0].layout.anneal == "other"  # of as many, that of the last problem
        fill(journal, 1, rng, other)
        kept, damaged = journal.kept()
        assert (kept.reads.shape, damaged) == ((5, 2, 5), 0)
        fill(journal, KEPT, rng)
        assert len(journal.kept()[0].fields) == KEPT


@pytest.mark.parametrize("column", ["fields", "couplings", "reads", "digest"])
def test_a_damaged_row_is_left_out(tmp_path, column):
    path = tmp_path / "j.sqlite"
    with Journal(path) as journal:
        fill(journal, 4, np.random.default_rng(2))
    with sqlite3.connect(path) as file:
        file.execute(f"UPDATE kept SET {column} = x'0102' WHERE place = 2")
    file.close()
    with Journal(path) as journal:
        kept, damaged = journal.kept()
    assert (len(kept.fields), damaged) == (3, 1)


@pytest.mark.parametrize(
    ("statement", "whole", "damaged"),
    [
        ("UPDATE kept_layouts SET num_reads = 4 WHERE anneal = 'one'", 2, 5),
        ("DELETE FROM kept_layouts WHERE anneal = 'one'", 2, 5),
        ("DELETE FROM kept_layouts", 0, 7),
        ("UPDATE kept SET anneal = 'x' WHERE place = 2", 4, 1),
        ("UPDATE kept SET fields = x'01' WHERE place IN (1, 3, 7)", 3, 2),  # the last one is of the other
        ("UPDATE kept SET digest = 'x'", 0, 5),
    ],
)
def test_what_is_damaged_is_counted(tmp_path, statement, whole, damaged):
    """Five problems of a layout and two of another."""
    path, rng = tmp_path / "j.sqlite", np.random.default_rng(8)
    with Journal(path) as journal:
        fill(journal, 5, rng)
        fill(journal, 2, rng, KeptLayout("other", QUBITS[:5], COUPLERS[:0], LAYOUT.schedule, 2))
    with sqlite3.connect(path) as file:
        file.execute(statement)
    file.close()
    with Journal(path) as journal:
        kept, found = journal.kept()
    assert (0 if kept is None else len(kept.fields), found) == (whole, damaged)


def test_a_journal_without_the_tables_is_opened(tmp_path):
    path = tmp_path / "j.sqlite"
    Journal(path).close()
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE kept")
        file.execute("DROP TABLE kept_layouts")
        file.execute("DROP TABLE kept_answers")
    file.close()
    with Journal(path) as journal:
        fill(journal, 1, np.random.default_rng(3))
        assert len(journal.kept()[0].fields) == 1


def of_free_spins(beta, offsets, noise, rng, problems=150, num_reads=40):
    """Exact reads of qubits without couplings, in fields of either sign with errors."""
    h = rng.choice([-0.4, 0.4], size=(problems, len(QUBITS)))
    asked = h + offsets + noise * rng.standard_normal(h.shape)
    up = rng.random((problems, num_reads, len(QUBITS))) < 1 / (1 + np.exp(2 * beta * asked))[:, None]
    layout = KeptLayout("free", QUBITS, COUPLERS[:0], LAYOUT.schedule, num_reads)
    return KeptProblems(layout, h, np.zeros((problems, 0)), np.where(up, 1, -1).astype(np.int8))


def test_statistics_of_exact_reads():
    rng = np.random.default_rng(4)
    offsets = np.resize([0.1, -0.1], len(QUBITS))
    kept = of_free_spins(2.0, offsets, 0.0, rng)
    found = Problems(CHIP, kept).statistics(kept.reads)
    assert found.breaks is None
    assert abs(found.qubits.value - found.chains.value) < 1e-9
    assert abs(found.qubits.value - 2.0) < 0.1  # offsets cost a little of it
    assert abs(found.field_offset.value - 0.01) < 0.002
    kept = of_free_spins(2.0, 0 * offsets, 0.05, rng)
    found = Problems(CHIP, kept).statistics(kept.reads)
    assert abs(found.field_offset.value) < 0.0005
    assert abs(found.shared.value - 0.0025) < 3 * found.shared.error
    assert found.shared.error < 0.0006


def test_standard_errors_are_those_of_repeated_draws():
    rng = np.random.default_rng(5)
    found = []
    for _ in range(40):
        kept = of_free_spins(2.0, np.zeros(len(QUBITS)), 0.05, rng, problems=40, num_reads=10)
        found.append(Problems(CHIP, kept).statistics(kept.reads))
    for name in ("qubits", "shared"):
        each = [getattr(statistics, name) for statistics in found]
        ratio = np.std([s.value for s in each]) / np.mean([s.error for s in each])
        assert 0.7 < ratio < 1.4, name


def test_broken_chains_are_counted_by_length():
    chip = CHIP
    edge = chip.couplers[:1]
    layout = KeptLayout("chain", edge[0], edge, LAYOUT.schedule, 4)
    reads = np.array([[[1, 1], [1, -1], [-1, -1], [-1, -1]]] * 2, dtype=np.int8)
    kept = KeptProblems(layout, np.full((2, 2), 0.3), np.full((2, 1), -1.0), reads)
    problems = Problems(chip, kept)
    assert problems.num_chains == 1
    found = problems.statistics(reads)
    assert found.breaks_of == {2: 0.25}
    assert found.breaks.value == 0.25


# --- the fit --------------------------------------------------------------------------------------------


def tells(settings, coldest=np.inf):
    """Statistics as short chains have them: of a chip that is colder, those of qubits are none."""

    def statistic(value, error):
        return Statistic(value, np.resize([error, -error], 16) / 4)

    heat, speed = settings["chip_temperature"] / 18.5, settings["chip_rate"] / 10_000
    noise = settings["chip_noise"][0] / 0.013
    qubits, chains = 8.0 / heat * speed**0.03, 4.95 / heat**0.8 * speed**0.07
    of_qubits = statistic(qubits, 0.5) if qubits < coldest else None
    shared = statistic(0.01 + 0.001 * noise**2, 4e-4)
    return ChipStatistics(of_qubits, statistic(chains, 0.03), None, {}, shared, None, None)


@pytest.mark.parametrize("coldest", [3.0, 5.0, 5.5, 7.0, np.inf])
def test_what_a_model_does_not_tell_has_no_derivative(coldest):
    """Short chains tell temperature and rate in one, wherever the model's qubits fall silent."""
    chip = {"chip_temperature": 26.0, "chip_rate": 4000.0, "chip_noise": (0.026, 0.02)}
    fit = Matching(tells(chip), lambda at: tells(at, coldest), np.random.default_rng(0)).fit()
    temperature, rate = fit.fitted["temperature"], fit.fitted["rate"]
    assert temperature.low < 26 < temperature.high
    assert rate.low < 4000 < rate.high
    assert not rate.is_told
    assert fit.misfit < MOST_MISFIT


# --- the command ----------------------------------------------------------------------------------------


def ising_ep(*words):
    return CliRunner().invoke(cli.main, list(words))


def run_on(model, folder, *options):
    """A run on a QPU that is this model."""
    with pytest.MonkeyPatch.context() as patch, Emulator(model) as service:
        log_in(patch, service)
        result = ising_ep(
            *("train", "--machine", "qpu", "--dataset", "digits", "--out", str(folder), *options)
        )
        assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on a QPU at 30 mK whose errors stay."""
    errors = ChipErrors(field_offset=0.05)
    model = ChipModel(Chip.perfect("chimera", 6), temperature=30.0, sweeps_per_us=10.0, errors=errors)
    folder = tmp_path_factory.mktemp("runs") / "qpu"
    sizes = ("--layers", "10,10", "--train-per-class", "5", "--test-per-class", "5", "--epochs", "1")
    return run_on(model, folder, *sizes)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:training accuracy")
def test_the_settings_of_the_chip_are_found(run):
    found = calibrate(run, num_threads=2)
    temperature, offset = found.numbers["temperature"], found.numbers["field_offset"]
    assert abs(temperature.value / 30 - 1) < 0.1 or temperature.low < 30 < temperature.high
    assert offset.low < 0.05 < offset.high
    assert offset.low > 0.01
    assert abs(found.fitted.qubits.value / found.reads.qubits.value - 1) < 0.1
    # Colder: where all reads are local minima there is no inverse temperature.
    colder = found.default.qubits
    assert colder is None or colder.value > 1.3 * found.reads.qubits.value
    assert str(found).startswith(f"{len(found.problems.fields)} problems of 10 reads")
    assert not found.has_gauges
    assert "The run had no gauges" in str(found)
    config = TrainConfig.checked({"dataset": "digits", **found.settings})
    assert isinstance(config.machine_settings, ChipSettings)
    assert config.machine_settings.chip_temperature == pytest.approx(temperature.value, rel=0.01)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:training accuracy")
def test_it_is_said_that_the_reads_are_those_of_another_kind_of_chip(tmp_path):
    """One that reads every tenth qubit wrong, of which the fit knows nothing."""
    model = ChipModel(Chip.perfect("chimera", 6), sweeps_per_us=10.0, errors=ChipErrors(readout_error=0.1))
    sizes = ("--layers", "10,10", "--train-per-class", "5", "--test-per-class", "5", "--epochs", "1")
    found = calibrate(run_on(model, tmp_path / "qpu", *sizes), num_threads=2)
    assert found.misfit > MOST_MISFIT
    assert "take its numbers for a guess" in str(found)


@pytest.mark.slow
def test_the_command_writes_settings_once(run, tmp_path):
    out = tmp_path / "chip.json"
    out.write_text("{}")
    result = ising_ep("calibrate", str(run), "--out", str(out))
    assert result.exit_code == 2
    assert "--force" in result.output
    assert out.read_text() == "{}"
    result = ising_ep("calibrate", str(run), "--out", str(out), "--force")
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text())["machine"] == "chip"
    assert str(out) in result.output
    assert not (run / "calibration.json").exists()


@pytest.mark.slow
def test_refusals(run, tmp_path):
    def refused(folder, text):
        before = sorted(tmp_path.rglob("*"))
        result = ising_ep("calibrate", str(folder))
        assert result.exit_code == 2
        assert text in result.output
        assert len(result.output.splitlines()) == 1
        assert sorted(tmp_path.rglob("*")) == before

    refused(tmp_path / "none", "is not a run folder")
    held = RunFolder.open(run)
    held.hold()
    refused(run, f"is in use by process {os.getpid()} on ")
    held.close()
    on_model = tmp_path / "chip"
    on_model.mkdir()
    content = json.loads((run / "config.json").read_text())
    content["config"]["machine"] = "chip"
    (on_model / "config.json").write_text(json.dumps(content))
    refused(on_model, "is a run on machine chip, expected one on a qpu")
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in ("config.json", "solver.json"):
        (empty / name).write_bytes((run / name).read_bytes())
    refused(empty, "has kept the reads of 0 problems; expected 10 or more")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "text"),
    [
        (
            "",
            "has kept the reads of 0 problems that are whole, and 50 more are damaged; expected 10 or more: ",
        ),
        ("WHERE place > 9", "has kept the reads of 9 problems that are whole, and 41 more are damaged; "),
    ],
)
def test_it_is_said_that_too_few_are_whole(run, tmp_path, where, text):
    """Before more is paid for."""
    copy = tmp_path / "a run ü"
    shutil.copytree(run, copy)
    with sqlite3.connect(copy / "qpu.sqlite") as file:
        [(count,)] = file.execute("SELECT count(*) FROM kept")
        file.execute("UPDATE kept SET place = place - (SELECT min(place) FROM kept) + 1")
        file.execute(f"UPDATE kept SET reads = x'00' {where}")
    file.close()
    result = ising_ep("calibrate", str(copy), "--out", str(tmp_path / "c.json"))
    assert result.exit_code == 2
    assert text.replace("50", str(count)).replace("41", str(count - 9)) in result.output
    assert (
        f"a copy of the file may have more; else going on with the run, or `ising-ep evaluate '{copy}'"
        in (result.output)
    )
    assert len(result.output.splitlines()) == 1


@pytest.mark.slow
def test_damaged_problems_are_told_beside_the_others(run, tmp_path):
    """And the command that takes the settings can be pasted, whatever the folder is called."""
    copy = tmp_path / "a run ü"
    shutil.copytree(run, copy)
    with sqlite3.connect(copy / "qpu.sqlite") as file:
        [(count,)] = file.execute("SELECT count(*) FROM kept")
        file.execute("UPDATE kept SET reads = x'00' WHERE place = (SELECT max(place) FROM kept)")
    file.close()
    result = ising_ep("calibrate", str(copy), "--out", str(copy / "c $1.json"))
    assert result.exit_code == 0, result.output
    first, second, *_ = result.stdout.splitlines()
    assert first.startswith(f"{count - 1} problems of 10 reads on ")
    assert second == "1 more is damaged, and not used"
    command = re.search("`(.*)`", result.stdout)[1]
    assert shlex.split(command) == ["ising-ep", "train", "--settings", str(copy / "c $1.json")]
