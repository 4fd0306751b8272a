"""The budget of a run on a QPU stays with it; more is spent only where the user says so."""

import json
import math
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.cli import budget
from ising_ep.emulator import Emulator
from ising_ep.machines.chip_model import ChipModel
from ising_ep.training.run_folder import RunFolder
from support.services import log_in

PATTERNS = ("--dataset=patterns", "--network=convolutional", "--epochs=4", "--seed=3", "--machine=qpu")


@pytest.fixture(scope="module")
def service():
    with Emulator(ChipModel(Chip.perfect("chimera", 4), sweeps_per_us=10.0)) as service:
        yield service


@pytest.fixture(autouse=True)
def at_the_service(service, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_in(monkeypatch, service)


def ising_ep(*arguments):
    return CliRunner().invoke(cli.main, [*map(str, arguments)])


def train(folder, *options):
    return ising_ep("train", *PATTERNS, "--out", folder, *options)


def spent(service, before=0):
    """Seconds that the service has worked, by its own count, since it had so many problems."""
    return sum(problem.qpu_access_time for problem in service.problems[before:]) / 1e6


def kept(folder):
    return json.loads(Path(folder, "config.json").read_bytes())["max_qpu_time"]


def said_to_go_on(result):
    """The command that was said, as the arguments of this program."""
    program, *arguments = shlex.split(result.output.strip().rsplit("Go on with: ", 1)[1])
    assert program == "ising-ep"
    return arguments


@pytest.fixture(scope="module")
def whole(service, tmp_path_factory):
    """The run without a limit: its folder, and what it took."""
    folder, before = tmp_path_factory.mktemp("whole") / "run", len(service.problems)
    with pytest.MonkeyPatch.context() as patch:
        log_in(patch, service)
        result = train(folder)
    assert result.exit_code == 0, result.output
    assert kept(folder) is None
    return folder, spent(service, before)


@pytest.mark.slow
def test_a_budget_stays_and_the_command_that_is_said_goes_on_to_the_end(service, whole):
    folder, total = whole
    before, budget = len(service.problems), round(0.4 * total, 4)
    result = train("run", "--max-qpu-time", budget, "--checkpoint-every", 1, "--answer-timeout", 60)
    assert result.exit_code == 75, result.output
    assert kept("run") == budget
    assert spent(service, before) <= budget
    sent = len(service.problems)

    again = ising_ep("train", "--resume", "run")
    assert again.exit_code == 75, again.output
    assert f"of {budget:g} s" in again.output
    assert len(service.problems) == sent

    said = said_to_go_on(result)
    options = dict(zip(said[1::2], said[2::2], strict=True))
    assert options.keys() == {"--resume", "--checkpoint-every", "--answer-timeout", "--max-qpu-time"}
    assert (options["--checkpoint-every"], float(options["--answer-timeout"])) == ("1", 60)
    more = float(options["--max-qpu-time"])
    last = ising_ep(*said)
    assert last.exit_code == 0, last.output
    assert f"of {more:g} s, in place of {budget:g} s" in last.output
    assert kept("run") == more
    assert spent(service, before) == pytest.approx(total)
    assert total <= more
    expected, found = load_file(folder / "checkpoint.safetensors"), load_file("run/checkpoint.safetensors")
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.slow
def test_all_sessions_count(service, whole):
    """A budget that grows session by session is never passed, and the run ends as if there were none."""
    _, total = whole
    before, codes = len(service.problems), []
    budgets = [round(part * total, 4) for part in (0.2, 0.5, 0.51, 0.8)]
    for k, minutes in enumerate(budgets):
        start = ("--resume", "run") if k else (*PATTERNS, "--out", "run")
        codes.append(ising_ep("train", *start, "--max-qpu-time", minutes).exit_code)
        assert spent(service, before) <= minutes == kept("run")
    assert codes == [75] * 4
    lifted = ising_ep("train", "--resume", "run", "--max-qpu-time", "inf")
    assert lifted.exit_code == 0, lifted.output
    assert f"of no limit, in place of {budgets[-1]:g} s" in lifted.output
    assert kept("run") is None
    assert spent(service, before) == pytest.approx(total)


@pytest.mark.slow
def test_a_budget_that_is_spent_already_is_refused(service, whole):
    folder, total = whole
    before = (folder / "config.json").read_bytes()
    result = ising_ep("train", "--resume", folder, "--max-qpu-time", 0.01)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == (
        f"Error: --max-qpu-time is 0.01, but the run has spent {total:.3f} s of QPU access time already; it"
        " counts all sessions of the run"
    )
    assert (folder / "config.json").read_bytes() == before


@pytest.mark.slow
def test_an_evaluation_is_within_the_budget_or_has_a_limit_of_its_own(service, whole):
    _, total = whole
    budget = math.ceil(1000 * total + 1) / 1000  # enough for the run, not for a call more
    assert train("run", "--max-qpu-time", budget).exit_code == 0
    sent = len(service.problems)
    refused = ising_ep("evaluate", "run")
    assert refused.exit_code == 2
    assert f"{total:.3f} s of the {budget:g} s that the run may take are spent" in refused.output
    assert len(service.problems) == sent

    enough = re.search(r"--max-qpu-time (\S+) allows it", refused.output)[1]
    allowed = ising_ep("evaluate", "run", "--max-qpu-time", enough)
    assert allowed.exit_code == 0, allowed.output
    assert 0 < spent(service, sent) <= float(enough)
    assert kept("run") == budget

    # What it took is spent, also for the run.
    took, sent = spent(service, sent), len(service.problems)
    result = ising_ep("train", "--resume", "run", "--epochs", 5)
    assert result.exit_code == 75
    said = re.search(r"spent by the run: (\S+) s of (\S+) s", result.output)
    assert float(said[1]) == pytest.approx(total + took, abs=1e-3)
    assert float(said[2]) == budget
    assert len(service.problems) == sent


@pytest.mark.parametrize("budget", ["3", 0, -1.0, [], True, math.nan, math.inf])
def test_a_folder_whose_budget_is_none_is_refused(whole, budget):
    shutil.copytree(whole[0], "copy")
    content = json.loads((whole[0] / "config.json").read_bytes())
    Path("copy/config.json").write_text(json.dumps({**content, "max_qpu_time": budget}))
    result = ising_ep("train", "--resume", "copy")
    assert result.exit_code == 2
    assert "max_qpu_time is" in result.output.splitlines()[-1]


@given(seconds=st.floats(1e-6, 1e7))
def test_a_time_is_rounded_up_to_three_digits(seconds):
    rounded = float(budget.rounded_up(seconds))
    assert seconds * (1 - 1e-9) <= rounded <= seconds * 1.0101
    assert float(f"{rounded:.2e}") == rounded


@pytest.mark.parametrize("value", ["nan", "0", "-1", "much"])
def test_what_is_no_time_is_refused(service, tmp_path, value):
    sent = len(service.problems)
    result = train("run", "--max-qpu-time", value)
    assert result.exit_code == 2
    assert value in result.output.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
    assert len(service.problems) == sent


def test_what_a_lost_journal_said_still_counts(service, whole):
    """The checkpoint says it: to the line of what is spent, to evaluations, and to what comes after them."""
    _, total = whole
    budget = round(0.4 * total, 4)
    assert train("run", "--max-qpu-time", budget).exit_code == 75
    used = RunFolder.open(Path("run")).load().usage.access_time
    sent = len(service.problems)

    def lose_journal():
        for file in Path("run").glob("qpu.sqlite*"):
            file.unlink()

    lose_journal()
    refused = ising_ep("evaluate", "run")
    assert refused.exit_code == 2, refused.output
    assert f"but {used:.3f} s of the {budget:g} s" in refused.output
    again = ising_ep("train", "--resume", "run")
    assert f"spent by the run: {used:.3f} s of {budget:g} s" in again.output
    assert len(service.problems) == sent

    lose_journal()
    allowed = ising_ep("evaluate", "run", "--max-qpu-time", budget)
    assert allowed.exit_code == 0, allowed.output
    used += spent(service, sent)
    sent = len(service.problems)
    again = ising_ep("train", "--resume", "run")
    assert again.exit_code == 75, again.output
    assert f"spent by the run: {used:.3f} s of {budget:g} s" in again.output
    assert len(service.problems) == sent
