"""Versions and dates say the same everywhere, and what is published names what it is made of."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import ising_ep

ROOT = Path(__file__).resolve().parents[1]
VERSION = tomllib.loads((ROOT / "rust/Cargo.toml").read_text("utf-8"))["package"]["version"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# As Keep a Changelog has it: a version, and the day of the release but for what is not released.
HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), flags=re.MULTILINE)
WORKFLOWS = {path.name: path.read_text("utf-8") for path in (ROOT / ".github/workflows").glob("*.yml")}


def newest() -> tuple[str, str]:
    """Version and day of the newest release in the changelog."""
    found = re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", HEADINGS[1])
    assert found is not None, HEADINGS[1]
    return found[1], found[2]


def test_the_version_stands_in_one_place():
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    assert ising_ep.__version__ == version("ising-ep") == VERSION


def test_the_changelog_begins_with_what_is_not_released_then_this_version():
    assert HEADINGS[0] == "[Unreleased]"
    assert newest()[0] == VERSION


def test_the_citation_is_of_this_version():
    text = (ROOT / "CITATION.cff").read_text("utf-8")
    said = dict(re.findall(r'^(version|date-released): "?([^"\n]+)"?$', text, re.MULTILINE))
    assert said == {"version": VERSION, "date-released": newest()[1]}


@pytest.mark.parametrize(
    ("tag", "code"), [(f"v{VERSION}", 0), (VERSION, 1), ("v0.0.9", 1), (f"v{VERSION}rc1", 1)]
)
def test_only_the_tag_of_this_version_is_released(tag, code):
    command = [sys.executable, ROOT / ".ci/release_notes.py", tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.count("\n") == 1
        assert tag in done.stderr
    else:
        assert "### Added" in done.stdout
        assert "\n## " not in done.stdout


def test_links_of_the_published_readme_need_no_file_beside_it(tmp_path):
    repository, commit = "https://example.org/o/n", "0123abc"
    text = (ROOT / "README.md").read_text("utf-8")
    (tmp_path / "README.md").write_text(text, "utf-8")
    command = [sys.executable, ROOT / ".ci/absolute_links.py", repository, commit]
    subprocess.run(command, cwd=tmp_path, check=True)
    found = (tmp_path / "README.md").read_text("utf-8")
    links = re.findall(r"(!?)\[[^\]]*\]\((\S+?)\)", found)
    assert all(target.startswith("https://") for _, target in links)
    for kind in ("blob", "raw"):
        found = found.replace(f"{repository}/{kind}/{commit}/", "")
    assert found == text
    assert {target.split("/")[5] for mark, target in links if mark} == {"raw"}
    (tmp_path / "README.md").write_text("[a](docs/none.md)", "utf-8")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "README.md links to docs/none.md, which is not there\n")


def test_the_core_anneals_where_numpy_alone_is_installed():
    """What the wheels for musl are tried with."""
    command = [sys.executable, ROOT / ".ci/try_core.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("lowest energy of 200 spins: -")


def test_every_python_that_is_promised_is_tested():
    promised = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert PROJECT["requires-python"] == f">={promised[0]}"
    for name in ("ci.yml", "wheels.yml"):
        assert set(promised) <= set(re.findall(r'"(3\.\d+)"', WORKFLOWS[name])), name


def test_actions_are_pinned_to_commits():
    uses = [line for text in WORKFLOWS.values() for line in re.findall(r"uses: (.*)", text)]
    assert len(uses) > 10
    for line in uses:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_only_a_tag_is_published():
    """Rights to publish are those of jobs that come after `attest`, which runs for a tag alone."""
    text = WORKFLOWS["wheels.yml"].split("\njobs:\n")[1]
    jobs = dict(re.findall(r"^  ([\w-]+):\n((?:    .*\n|\n)+)", text, re.MULTILINE))
    strong = {name for name, text in jobs.items() if re.search(r"^      [\w-]+: write", text, re.MULTILINE)}
    assert strong == {"attest", "publish", "release"}
    assert "if: github.event_name == 'push' && github.ref_type == 'tag'" in jobs["attest"]
    assert "needs: attest\n" in jobs["publish"]
    assert "needs: publish\n" in jobs["release"]
    assert not [name for name, text in WORKFLOWS.items() if "secrets." in text]
