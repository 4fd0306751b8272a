"""What the README and docs/ say works: Python runs, commands and options exist, links lead somewhere.

The cells of the notebooks run in test_notebook.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from ising_ep import cli
from support.pictures import draw_pictures

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
DOCS = ROOT / "docs"
PAGES = {page: page.read_text() for page in (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))}
for notebook in sorted(DOCS.rglob("*.ipynb")):
    cells = json.loads(notebook.read_text())["cells"]
    PAGES[notebook] = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
# A line of a command that ends with a backslash goes on.
EVERYTHING = re.sub(r"\\\n\s*", "", "\n".join(PAGES.values()))
# With what it prints, where the page says that.
SNIPPETS = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", EVERYTHING, flags=re.DOTALL)
COMMANDS = re.findall(r"^\$ ising-ep (.*)$", EVERYTHING, flags=re.MULTILINE)
LINKS = [
    (page, target)
    for page, text in PAGES.items()
    for target in re.findall(r"\]\((?!http)([^)#\s]+)(?:#[^)]*)?\)", text)
]


def test_there_is_something_to_test():
    assert len(SNIPPETS) >= 2
    assert len(COMMANDS) >= 6


@pytest.mark.slow
@pytest.mark.parametrize(("snippet", "said"), SNIPPETS)
def test_python_runs_and_prints(snippet, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    # What a page takes for the reader's own.
    draw_pictures(tmp_path / "pictures", ("disc", "bar"), 10)
    np.savetxt("qubo.csv", np.array([[-1.0, 2.0], [0.0, -1.0]]), delimiter=",")
    if "ising_ep.pytorch" in snippet:
        pytest.importorskip("torch", reason="needs PyTorch: pip install 'ising-ep[torch]'")
        pytest.importorskip("dwave.plugins.torch", reason="needs dwave-pytorch-plugin")
    exec(compile(snippet, "README.md", "exec"), {"__name__": "readme"})
    printed = capsys.readouterr().out
    assert printed.strip()
    if said:
        assert printed == said


def test_the_first_snippet_learns():
    """In what the page says that it prints, which the test above holds it to."""
    accuracy = float(re.match(r"([\d.]+)% of \d+ test images right", SNIPPETS[0][1])[1])
    assert accuracy > 90


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_understood(line):
    name, *arguments = shlex.split(line.replace("&", ""), comments=True)
    command = cli.main.commands[name]
    # Parses and checks everything, and runs nothing.
    context = command.make_context(name, arguments, parent=click.Context(cli.main, info_name="ising-ep"))
    assert context.params


@pytest.mark.parametrize(("page", "target"), LINKS, ids=lambda value: str(value).rsplit("/", 1)[-1])
def test_links_lead_somewhere(page, target):
    assert (page.parent / target).exists()


@pytest.mark.parametrize("target", re.findall(r"^\$ make (\w+)", README, flags=re.MULTILINE))
def test_make_targets_exist(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_example_of_sample_prints_what_it_says(tmp_path, monkeypatch):
    """Except the numbers of reads, which another kernel may change, and times and versions."""
    monkeypatch.chdir(tmp_path)
    page = PAGES[DOCS / "command-line.md"]
    example = re.search(r"\$ cat (\S+)\n(.*?)\$ ising-ep (sample .*?)\n(.*?)```", page, flags=re.DOTALL)
    name, content, arguments, printed = example.groups()
    Path(name).write_text(content)
    result = CliRunner().invoke(cli.main, shlex.split(arguments))
    assert result.exit_code == 0, result.output

    def lasting(text):
        lines = re.sub(r"\d+ of|mean \S+|\S+ s$", "", text, flags=re.MULTILINE).splitlines()
        return [re.sub(r" +\d+ #+$", "", line) for line in lines if "dimod" not in line]

    assert lasting(printed) == lasting(result.stdout)
    assert len(lasting(printed)) == 9
