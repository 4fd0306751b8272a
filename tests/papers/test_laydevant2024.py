"""The command of the paper's studies, what each of them writes, and the machines of the published code."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep.machines import AnnealingMachine
from ising_ep.network import FullyConnected
from papers.laydevant2024 import training_runs
from papers.laydevant2024.__main__ import main
from papers.laydevant2024.contents import PAGE
from papers.laydevant2024.variants import ClippedHidden, FirstRead, FittedRange, RandomStarts, Wrapper

ROOT = Path(__file__).resolve().parents[2]
MODULE = "papers.laydevant2024"


def command(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["squares"], "there is no study 'squares', expected all or some of fully-connected"),
        (["fully-connected", "--data-dir", "nowhere"], "nowhere is no folder, expected one with MNIST's"),
        (["all", "--processes", "0"], "--processes"),
        (["--data-dir", "idx"], "--data-dir is idx, but no study that was named needs MNIST"),
        (["digits", "convolutional", "--data-dir", "idx"], "--data-dir is idx, but no study"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_real_study_from_the_command_line(tmp_path):
    result = command("convolutional", "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "4/4: convolutional" in result.stderr
    assert f"studies in {tmp_path / 'quick/README.md'}" in result.stdout
    text = (tmp_path / "quick/README.md").read_text()
    assert "`python -m papers.laydevant2024 convolutional --quick`: 4 runs" in text
    assert "| chimera:16 | 2 |" in text
    again = command("convolutional", "--quick", "--out", tmp_path)
    assert "4/4" not in again.stderr
    assert (tmp_path / "quick/README.md").read_text() == text
    listed = command("--quick", "--out", tmp_path).stdout
    assert re.search(r"convolutional +4/4 +[\d.]+  done:", listed)
    assert re.search(r"fully-connected +0/\d+ +< 2  not run:", listed)
    count = len(PAGE.studies)
    assert listed.splitlines()[-1] == f"At most 2 minutes for each study, {2 * count} for all {count}"


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_all_and_is_no_traceback(times, tmp_path):
    """Twice at once too, as `timeout -s INT` sends it: to the command, and to its group with it."""
    given = [sys.executable, "-m", MODULE, "digits", "--quick", "--out", str(tmp_path)]
    process = subprocess.Popen(given, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    first = process.stderr.readline()
    assert first == "0/6: digits published-seed0, digits published-seed1 under way\n"
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    _, errors = process.communicate()  # which is over when the last of its processes is
    # The second may come when Python has put the system's own way back.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert errors == "Stopped; what has finished is saved, and the same command goes on.\n"


@pytest.fixture(scope="module")
def ten_classes(tmp_path_factory):
    """MNIST's four files with images of bars, 10 of each class for training and for testing."""
    folder = tmp_path_factory.mktemp("mnist")
    rng = np.random.default_rng(0)
    for stem in ("train", "t10k"):
        labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), 10))
        images = rng.integers(0, 80, (len(labels), 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 3 : 2 * label + 6] += 150
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = np.array([0x0800 + array.ndim, *array.shape], dtype=">u4").tobytes()
            (folder / f"{stem}-{kind}-ubyte").write_bytes(header + array.tobytes())
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("study", PAGE.studies, ids=lambda study: study.name)
def test_a_section_of_each_real_study(study, ten_classes, monkeypatch):
    """Its first seed, one epoch, on other and fewer images than MNIST's: all that it writes is made."""
    monkeypatch.setitem(training_runs.MNIST100, "train_per_class", 10)
    results = {
        key: json.loads(json.dumps(study.run({**settings, "epochs": 1}, ten_classes)))
        for key, settings in study.runs(True).items()
        if settings["seed"] == 0
    }
    header, rows = study.table(results)
    assert rows
    assert all(len(row) == len(header) for row in rows)
    figures = study.figures(results)
    assert figures
    for figure in figures.values():
        for axes in figure.axes:
            assert axes.get_xlabel()
            assert axes.get_lines() or axes.patches or axes.collections
    remarks = study.remarks(results)
    assert len(remarks) > 50
    assert "nan" not in remarks + "".join(cell for row in rows for cell in row).replace("annealing", "")


@pytest.mark.slow
@pytest.mark.parametrize("study", PAGE.studies, ids=lambda study: study.name)
def test_units_of_each_real_study(study):
    full, quick = (study.units(quick).settings for quick in (False, True))
    assert 0 < len(quick) <= len(full)
    for settings in (*full.values(), *quick.values()):
        assert isinstance(settings["seed"], int)


def test_names_of_studies_are_different():
    names = [study.name for study in PAGE.studies]
    assert len(set(names)) == len(names)


NETWORK = FullyConnected(num_inputs=6, layers=(12, 4), num_classes=2)
BOTH = np.array([3, 8], dtype=np.uint32)


class Recorder(Wrapper):
    """Notes what the machine under it is asked for, and answers."""

    def sample(self, couplings, fields, **more):
        self.fields, self.initial_states = fields, more["initial_states"]
        self.answer = super().sample(couplings, fields, **more)
        return self.answer


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    parameters = {
        name: rng.uniform(-1, 1, shape).astype(np.float32) for name, shape in NETWORK.shapes().items()
    }
    x = rng.uniform(0, 1, (2, 6)).astype(np.float32)
    return NETWORK.couplings(parameters), NETWORK.fields(parameters, x)


@pytest.fixture
def recorder():
    # Few and hot sweeps, so that reads differ.
    return Recorder(AnnealingMachine(num_reads=20, num_sweeps=4, beta_range=(0.1, 0.5), num_threads=1))


def test_first_read_is_given_and_the_lowest_begun_from(problem, recorder):
    machine = FirstRead(recorder)
    free = machine.sample(*problem, seed=1, problem_ids=BOTH)
    answer = recorder.answer
    np.testing.assert_array_equal(free.lowest(), answer.states[:, 0])
    assert (answer.energies.argmin(axis=1) > 0).any()
    # The second image alone: its own lowest state is found.
    machine.sample(problem[0], problem[1][1:], initial_states=free.states[1:], seed=1, problem_ids=BOTH[1:])
    np.testing.assert_array_equal(recorder.initial_states[:, 0], answer.lowest()[1:])


def test_all_but_the_first_begin_at_random(problem, recorder):
    machine = RandomStarts(recorder, num_reads=20)
    free = machine.sample(*problem, seed=1, problem_ids=BOTH)
    assert recorder.initial_states is None
    state = free.lowest()[:, None]
    machine.sample(*problem, initial_states=state, seed=1, problem_ids=BOTH)
    begun = recorder.initial_states
    np.testing.assert_array_equal(begun[:, :1], state)
    assert set(np.unique(begun)) == {-1, 1}
    # 608 fair coins: |mean| > 0.2 once in a million seeds.
    assert abs(begun[:, 1:].mean()) < 0.2


def test_only_hidden_fields_are_clipped(problem, recorder):
    couplings, fields = problem
    fields[:, 0], fields[:, 12:] = 9, -5.5
    ClippedHidden(recorder, NETWORK.outputs, 4.0).sample(couplings, fields, seed=1, problem_ids=BOTH)
    assert (recorder.fields[:, 0] == 4).all()
    assert (recorder.fields[:, 12:] == -5.5).all()


def test_fitted_range_is_that_of_each_problem(problem):
    couplings, fields = problem
    rows, cols, values = couplings
    fields[1] *= 3
    fitted = FittedRange(num_reads=4, num_sweeps=10, reverse_fraction=0.25, num_threads=1)
    free = fitted.sample(couplings, fields, seed=1, problem_ids=BOTH)
    back = fitted.sample(couplings, fields, initial_states=free.states[:, :1], seed=1, problem_ids=BOTH)
    for k in range(2):
        dense = np.zeros((16, 16))
        dense[rows, cols] = np.abs(values)
        own = np.abs(fields[k].astype(np.float64))
        hot = np.log(2) / (own + dense.sum(axis=0) + dense.sum(axis=1)).max()
        cold = np.log(100) / min(own.min(), np.abs(values).min())
        machine = AnnealingMachine(num_reads=4, num_sweeps=10, beta_range=(hot, cold), num_threads=1)
        one = {"seed": 1, "problem_ids": BOTH[k : k + 1]}
        alone = machine.sample(couplings, fields[k : k + 1], **one)
        np.testing.assert_array_equal(alone.states[0], free.states[k])
        alone = machine.sample(couplings, fields[k : k + 1], initial_states=free.states[k : k + 1, :1], **one)
        np.testing.assert_array_equal(alone.states[0], back.states[k])
