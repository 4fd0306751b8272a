"""`ising-ep reproduce`: resumes, keeps quick and full apart, and its page holds what ran and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

from ising_ep import cli
from ising_ep.machines import AnnealingMachine
from ising_ep.network import FullyConnected
from ising_ep.reproduce import page, runner, studies, training_runs
from ising_ep.reproduce.results import Store
from ising_ep.reproduce.study import Study
from ising_ep.reproduce.variants import ClippedHidden, FirstRead, FittedRange, RandomStarts, Wrapper

# A study of squares. Units note that they ran, and one dies with its process while the folder says so.


def square_units(quick):
    units = {f"n{n}": {"seed": n, "number": n} for n in ((2, 3) if quick else (2, 3, 4))}
    return units if quick else {**units, "deadly": {"seed": 5, "number": 5, "dies": True}}


def square(settings, folder):
    if settings.get("dies") and (folder / "deadly").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    with (folder / "ran").open("a") as log:
        log.write(f"{settings['number']}\n")
    return {"square": settings["number"] ** 2}


def square_table(results):
    return ["key", "square"], [[key, str(result["square"])] for key, result in results.items()]


def square_figure(results):
    figure = Figure()
    figure.subplots().plot([result["square"] for result in results.values()])
    return {"parabola": figure}


def squares(name="squares", units=square_units):
    return Study(
        name=name,
        title=f"The {name}",
        paper="Says 16.",
        runs=units,
        run=square,
        table=square_table,
        figures=square_figure,
        remarks=lambda results: f"They sum up to {sum(r['square'] for r in results.values())}.",
    )


def go(store, *chosen, data_dir):
    done, running = [], []
    missing = [f"{study.name} {key}" for study in chosen for key in store.missing(study)]
    runner.run(store, chosen, data_dir, 1, lambda study, key, seconds: done.append(key), running.append)
    # One after the other, in their order, and none in the end.
    assert running == [[name] for name in missing] + [[]] * bool(missing)
    return done


@pytest.fixture
def folders(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    return Store.of(tmp_path / "out", quick=False), data


@pytest.mark.slow
def test_goes_on_after_a_unit_was_killed(folders):
    store, data = folders
    (data / "deadly").touch()
    with pytest.raises(RuntimeError):
        go(store, squares(), data_dir=data)
    assert sorted(store.missing(squares())) == ["deadly"]
    page.write(store, [squares()])
    assert "## The squares" not in (store.folder / "README.md").read_text()
    (data / "deadly").unlink()
    assert go(store, squares(), data_dir=data) == ["deadly"]
    assert go(store, squares(), data_dir=data) == []
    assert (data / "ran").read_text().split() == ["2", "3", "4", "5"]


@pytest.mark.slow
def test_a_unit_of_other_settings_runs_again(folders):
    store, data = folders
    go(store, squares(units=lambda quick: {"a": {"number": 2}, "b": {"number": 3}}), data_dir=data)
    changed = squares(units=lambda quick: {"a": {"number": 2}, "b": {"number": 4}})
    assert list(store.missing(changed)) == ["b"]
    assert go(store, changed, data_dir=data) == ["b"]
    assert {key: r["result"]["square"] for key, r in store.records(changed).items()} == {"a": 4, "b": 16}


@pytest.mark.slow
def test_quick_and_full_are_apart(folders):
    full, data = folders
    quick = Store.of(full.folder, quick=True)
    assert go(quick, squares(), data_dir=data) == ["n2", "n3"]
    assert full.records(squares()) == {}
    before = {path: path.read_bytes() for path in quick.folder.rglob("*.json")}
    assert len(before) == 2
    go(full, squares(), data_dir=data)
    page.write(full, [squares()])
    assert before == {path: path.read_bytes() for path in quick.folder.rglob("*.json")}
    assert not (quick.folder / "README.md").exists()


@pytest.mark.slow
def test_the_page_holds_what_ran(folders):
    store, data = folders
    ran, not_run = squares("evens", lambda quick: {"n6": {"number": 6, "seed": 6}}), squares()
    go(store, ran, data_dir=data)
    assert page.write(store, [not_run, ran]) == [ran]
    text = (store.folder / "README.md").read_text()
    assert "| n6 | 36 |" in text
    assert "They sum up to 36." in text
    assert "`ising-ep reproduce evens`: 1 runs" in text
    record = store.records(ran)["n6"]
    assert record["date"][:10] in text
    assert "seeds 6;" in text
    assert f"numpy {np.__version__}" in text
    assert [line for line in text.splitlines() if "squares" in line] == ["`squares` (The squares)."]
    links = re.findall(r"\]\((.*?)\)", text)
    assert links == ["figures/parabola.png"]
    assert (store.folder / links[0]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_result_that_is_none_is_one_line(folders):
    store, data = folders
    go(store, squares(), data_dir=data)
    file = store.folder / "results/squares/n3.json"
    assert json.loads(file.read_text())["seed"] == 3
    file.write_text("{")
    with pytest.raises(ValueError, match=r"n3\.json is not a result"):
        store.records(squares())


def ising_ep(*arguments):
    return CliRunner().invoke(cli.main, ["reproduce", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["squares"], "there is no study 'squares', expected all or some of fully-connected"),
        (["fully-connected", "--data-dir", "nowhere"], "nowhere is no folder, expected one with MNIST's"),
        (["all", "--processes", "0"], "--processes"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = ising_ep(*arguments)
    assert result.exit_code == 2
    assert text in result.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_real_study_from_the_command_line(tmp_path):
    result = ising_ep("convolutional", "--quick", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert "4/4: convolutional" in result.stderr
    assert f"studies in {tmp_path / 'quick/README.md'}" in result.stdout
    text = (tmp_path / "quick/README.md").read_text()
    assert "`ising-ep reproduce convolutional --quick`: 4 runs" in text
    assert "| chimera:16 | 2 |" in text
    again = ising_ep("convolutional", "--quick", "--out", tmp_path)
    assert "4/4" not in again.stderr
    assert (tmp_path / "quick/README.md").read_text() == text
    listed = ising_ep("--quick", "--out", tmp_path).stdout
    assert re.search(r"convolutional +4/4 +[\d.]+  done:", listed)
    assert re.search(r"fully-connected +0/\d+ +< 2  not run:", listed)
    count = len(studies.STUDIES)
    assert listed.splitlines()[-1] == f"At most 2 minutes for each study, {2 * count} for all {count}"


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_all_and_is_no_traceback(times, tmp_path):
    """Twice at once too, as `timeout -s INT` sends it: to the command, and to its group with it."""
    command = [sys.executable, "-m", "ising_ep", "reproduce", "digits", "--quick", "--out", str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
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
@pytest.mark.parametrize("study", studies.STUDIES, ids=lambda study: study.name)
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


@pytest.mark.parametrize("study", studies.STUDIES, ids=lambda study: study.name)
def test_units_of_each_real_study(study, tmp_path):
    full, quick = (Store.of(tmp_path, quick).units(study) for quick in (False, True))
    assert 0 < len(quick) <= len(full)
    for settings in (*full.values(), *quick.values()):
        assert isinstance(settings["seed"], int)


def test_names_of_studies_are_different():
    names = [study.name for study in studies.STUDIES]
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
