"""Installs with less than everything: the samplers with numpy and dimod alone, and a plain install.

Each runs in a virtual environment of its own that has no more.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

import ising_ep
from ising_ep.extras import EXTRAS, PLAIN, MissingExtraError, missing, needing, require
from support.environments import Environment, needed

# A chip is another matter: its graph is dwave-graphs'.
SAMPLERS = [name for name in ising_ep.__all__ if name.endswith("Sampler") and name != "ChipSampler"]
PLAINLY = ("numpy", "dimod", *EXTRAS[PLAIN])

# A ring of 8 spins with one frustrated bond and a field: -6 - 0.5 at best.
SAMPLE = """
import json, sys
import dimod, numpy as np, ising_ep
J = {(k, (k + 1) % 8): 1.0 if k else -1.0 for k in range(8)}
found = {}
for vartype in ("SPIN", "BINARY"):
    bqm = dimod.BinaryQuadraticModel({0: 0.5}, J, 0.0, "SPIN").change_vartype(vartype, inplace=False)
    for name in sys.argv[1:]:
        sampler = getattr(ising_ep, name)()
        assert isinstance(sampler, dimod.Sampler)
        reads = sampler.sample(bqm, num_reads=20, seed=1)
        assert reads.info.get("problem_digest", ising_ep.problem_digest(bqm)) == ising_ep.problem_digest(bqm)
        found[f"{name} {vartype}"] = [reads.first.energy, reads.record.sample.tolist()]
rows, cols, values = np.arange(7), np.arange(1, 8), -np.ones(7)
batch = ising_ep.SimulatedAnnealingSampler().sample_batch(
    (rows, cols, values), np.zeros((2, 8)), beta_schedule=np.linspace(0.1, 3, 50), num_reads=3, seed=1
)
found["batch"] = batch.states.tolist()
found["range"] = ising_ep.default_beta_range(bqm)
print(json.dumps(found))
print(sorted({"scipy", "pydantic", "click", "sklearn"} & sys.modules.keys()), file=sys.stderr)
"""
NAMES = """
import ising_ep
from ising_ep.extras import MissingExtraError
for name in ising_ep.__all__:
    try:
        getattr(ising_ep, name)
        print(name)
    except MissingExtraError as error:
        assert str(error).endswith(": pip install ising-ep"), error
"""
WITHOUT = (
    *("BatchResult", "__version__", "chip", "correlations", "datasets", "default_beta_range", "embedding"),
    *("errors", "network", "problem_digest", "unembed", *SAMPLERS),
)
REFUSED = (
    "import ising_ep.training",
    "import ising_ep.config",
    "import ising_ep.machines.deterministic",
    "import ising_ep.learning",
    "import ising_ep.settings",
    "import ising_ep.estimator",
    "import ising_ep.plots",
    "import ising_ep.emulator",
    "import ising_ep; ising_ep.ChipSampler",
    "from ising_ep.network.settings import NetworkSettings",
    "import ising_ep.qpu.journal",
    "import ising_ep.cli",
    "from ising_ep.qpu.calibration import calibrate",
    "from ising_ep.qpu.inspector import inspector_data",
    "from ising_ep.problems.read import read_problem",
    "import ising_ep; ising_ep.minimize",
    "import ising_ep; ising_ep.effective_beta",
    "import ising_ep; ising_ep.datasets.load_digits()",
)
NEEDS_PLAIN = f" needs {', '.join(EXTRAS[PLAIN])}: pip install ising-ep"
# Prints the line of each statement that is refused.
REFUSE = """
import sys
from ising_ep.extras import MissingExtraError
for code in sys.argv[1:]:
    try:
        exec(code)
        print(f"runs: {code}")
    except MissingExtraError as error:
        print(error)
"""
# Imports each module of the package; prints those that miss something else than a line says.
MODULES = """
import importlib, pkgutil
import ising_ep
from ising_ep.extras import MissingExtraError
found = 0
for module in pkgutil.walk_packages(ising_ep.__path__, "ising_ep.", onerror=lambda name: None):
    if module.name == "ising_ep.__main__":
        continue
    found += 1
    try:
        importlib.import_module(module.name)
    except MissingExtraError as error:
        assert ": pip install " in str(error)
    except ImportError as error:
        print(f"{module.name}: {error}")
print(found)
"""


def refusals(environment, folder, *statements):
    done = environment.python("-c", REFUSE, *statements, cwd=folder)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert len(lines) == len(statements)
    return lines


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("alone"), {"numpy", "dimod"})


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("plain"), needed(*PLAINLY))


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    packages = {package for extra, of in EXTRAS.items() if extra != "torch" for package in of}
    return Environment(tmp_path_factory.mktemp("everything"), needed("numpy", "dimod", *packages))


# --- numpy and dimod alone --------------------------------------------------------------------------------


def test_there_is_nothing_else(alone, tmp_path):
    code = "import importlib.metadata as m; print(sorted(d.name for d in m.distributions()))"
    done = alone.python("-c", code, cwd=tmp_path)
    assert set(json.loads(done.stdout.replace("'", '"'))) <= {"dimod", "ising-ep", "numpy"}


@pytest.mark.slow
def test_every_sampler_samples_as_ever(alone, everything, tmp_path):
    """In the bits of an environment that has everything."""
    assert len(SAMPLERS) == 4
    done, usual = (each.python("-c", SAMPLE, *SAMPLERS, cwd=tmp_path) for each in (alone, everything))
    assert done.stderr == "[]\n"
    found = json.loads(done.stdout)
    assert found == json.loads(usual.stdout)
    assert {energy for name, (energy, _) in found.items() if "Sampler" in name} == {-6.5}


def test_each_name_of_the_package_is_there_or_says_what_to_install(alone, tmp_path):
    done = alone.python("-c", NAMES, cwd=tmp_path)
    assert done.stderr == ""
    assert set(done.stdout.split()) == set(WITHOUT)


@pytest.mark.slow
@pytest.mark.parametrize("environment", ["alone", "plain"])
def test_each_module_is_there_or_says_what_to_install(request, environment, tmp_path):
    done = request.getfixturevalue(environment).python("-c", MODULES, cwd=tmp_path)
    assert done.stderr == ""
    *wrong, found = done.stdout.splitlines()
    assert wrong == []
    assert int(found) > 100


def test_what_needs_more_says_so_in_a_line(alone, tmp_path):
    lines = refusals(alone, tmp_path, *REFUSED)
    assert [line for line in lines if not line.endswith(NEEDS_PLAIN)] == []


@pytest.mark.parametrize("command", ["train", "sample problem.coo", "--help", "doctor"])
def test_the_command_says_so_in_a_line(alone, tmp_path, command):
    done = alone.python("-m", "ising_ep", *command.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: the command ising-ep{NEEDS_PLAIN}\n"


# --- a plain install --------------------------------------------------------------------------------------

DIGITS = "--layers 20,10 --train-per-class 5 --test-per-class 3 --num-reads 2 --num-sweeps 10"


@pytest.fixture(scope="module")
def trained(plain, tmp_path_factory):
    """The folder in which the paper's command has run on digits, and what it said."""
    folder = tmp_path_factory.mktemp("trained")
    command = f"train {DIGITS} --epochs 1 --out run"
    (folder / "problem.coo").write_text("# vartype=SPIN\n0 1 1\n1 2 1\n0 2 1\n")
    return folder, plain.python("-m", "ising_ep", *command.split(), cwd=folder)


@pytest.mark.slow
def test_a_plain_install_trains_and_says_how_pictures_are_had(trained):
    folder, done = trained
    assert done.returncode == 0, done.stderr
    assert (folder / "run" / "checkpoint.safetensors").exists()
    *_, last = done.stdout.splitlines()
    how = "pip install 'ising-ep[plot]', then ising-ep plot run"
    assert last == f"Pictures: none, as matplotlib is missing: {how}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "evaluate run",
        "train --resume run --epochs 2",
        "train --machine deterministic --layers 20,10 --train-per-class 5 --epochs 1 --out two",
        "sample problem.coo --num-reads 100 --num-sweeps 0",
        "minimize problem.coo --no-presolve",
        "doctor",
        "completion zsh",
        "train --help",
    ],
)
def test_a_plain_install_does(plain, trained, command):
    done = plain.python("-m", "ising_ep", *command.split(), cwd=trained[0])
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("train --machine chip --out new", "chip"),
        ("train --machine qpu --out new", "chip"),
        ("embed", "chip"),
        ("embed --picture new.png", "chip"),
        ("estimate", "chip"),
        ("emulate", "chip"),
        ("calibrate run", "chip"),
        ("inspect run --out new", "chip"),
        ("plot run --out new", "plot"),
        ("minimize problem.coo --output new.csv", "minimize"),
        ("train --scheduler tcp://127.0.0.1:1 --out new", "dask"),
    ],
)
def test_a_missing_extra_is_named_in_a_line_before_any_work(plain, trained, command, extra):
    folder = trained[0]
    before = sorted(folder.rglob("*"))
    done = plain.python("-m", "ising_ep", *command.split(), cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: ")
    lacking = set(EXTRAS[extra]) - needed(*PLAINLY)
    assert f" needs {', '.join(each for each in EXTRAS[extra] if each in lacking)}: " in line
    assert f"pip install 'ising-ep[{extra}]'" in line
    assert sorted(folder.rglob("*")) == before


PYTHON = {
    "from ising_ep.chip import Chip; Chip.perfect('pegasus', 2)": "chip",
    "from ising_ep.chip import Chip; Chip.of_solver({})": "chip",
    "import ising_ep.emulator": "chip",
    "import ising_ep.qpu.calibration": "chip",
    "import ising_ep.qpu.inspector": "chip",
    "import ising_ep.plots": "plot",
    "import dimod, ising_ep; ising_ep.minimize(dimod.BQM('SPIN'))": "minimize",
}


@pytest.mark.slow
def test_python_names_the_extra_too(plain, tmp_path):
    lines = refusals(plain, tmp_path, *PYTHON)
    for line, extra in zip(lines, PYTHON.values(), strict=True):
        assert f": pip install 'ising-ep[{extra}]'" in line


@pytest.mark.slow
def test_a_plain_install_minimises_without_presolve(plain, tmp_path):
    code = (
        "import dimod, ising_ep; bqm = dimod.BQM({}, {'ab': 1, 'bc': 1, 'ca': 1}, 0, 'SPIN');"
        "print(ising_ep.minimize(bqm, presolve=False, seed=1).first.energy)"
    )
    assert plain.python("-c", code, cwd=tmp_path).stdout == "-1.0\n"


@pytest.mark.slow
def test_doctor_tells_what_a_plain_install_lacks(plain, tmp_path):
    text = plain.python("-m", "ising_ep", "doctor", cwd=tmp_path).stdout
    assert "plot      lacks matplotlib: pip install 'ising-ep[plot]'" in text
    found = json.loads(plain.python("-m", "ising_ep", "doctor", "--json", cwd=tmp_path).stdout)
    assert found["extras"]["plot"] == {"matplotlib": None}
    assert all(found["packages"].values())


# --- the helper -------------------------------------------------------------------------------------------


def test_nothing_is_missing_here():
    assert [missing(extra) for extra in EXTRAS if extra != "torch"] == [[], [], [], [], []]


@pytest.mark.parametrize("extra", ["all", "plots", None, ["plot"]])
@pytest.mark.parametrize("ask", [missing, lambda extra: require(extra, "a picture")])
def test_an_extra_that_there_is_not_is_named(extra, ask):
    with pytest.raises(ValueError, match="extra is ") as caught:
        ask(extra)
    expected = "'', 'chip', 'dask', 'minimize', 'plot', 'torch'"
    assert str(caught.value) == f"extra is {extra!r}, expected one of {expected}"


def test_the_line(monkeypatch):
    monkeypatch.setitem(EXTRAS, "sea", {"numpy": "numpy", "salt": "no_salt", "fish": "dwave.no_fish"})
    monkeypatch.setitem(EXTRAS["sea"], "reef", "no_reef.no_coral")
    assert missing("sea") == ["salt", "fish", "reef"]
    with pytest.raises(MissingExtraError) as caught:
        require("sea", "a whale", "; or walk")
    assert str(caught.value) == "a whale needs salt, fish, reef: pip install 'ising-ep[sea]'; or walk"


def test_another_import_that_fails_stays_what_it_is():
    """One of a package that is no part of the extra."""
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), needing("plot", "a picture"):
        import no_such_module  # noqa: F401


@pytest.mark.slow
def test_the_page_shows_what_is_printed(plain, tmp_path):
    page = (Path(__file__).resolve().parents[1] / "docs" / "install.md").read_text("utf-8")
    done = plain.python("-m", "ising_ep", "train", "--machine", "chip", cwd=tmp_path)
    assert f"```text\n{done.stderr}```" in page


def test_the_page_has_the_commands():
    page = (Path(__file__).resolve().parents[1] / "docs" / "install.md").read_text("utf-8")
    assert "\n$ pip install --no-deps ising-ep numpy dimod " in page
    for extra in EXTRAS.keys() - {PLAIN} | {"all"}:
        assert f"| `{extra}` |" in page
    assert all(shlex.split(line, comments=True) for line in page.splitlines() if line.startswith("$ "))
