"""The pages as they lie in the repository: three snippets that a new user finds, and llms.txt."""

from __future__ import annotations

import os
import re
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from support.pictures import draw_pictures

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
# What a new user wants to do with what is theirs, and the words that say that it was done.
WANTED = {
    "Your own pictures": r"(\d+)% of \d+ test pictures right",
    "Your own QUBO": r"energy -[\d.]+ known to be the lowest: True",
    "Your own machine": r"'test_accuracy': (?:1.0|0.\d+)",
}


def links(page: Path) -> list[Path]:
    """The pages of the repository that a page links to."""
    found = re.findall(r"\]\((?!\w+:)([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    return [Path(os.path.normpath(page.parent / target)) for target in found]


def clicks() -> dict[Path, int]:
    """How many links each page is from the first one, which the site opens with."""
    far, waiting = {DOCS / "index.md": 0}, deque([DOCS / "index.md"])
    while waiting:
        page = waiting.popleft()
        for target in links(page):
            if target not in far and target.suffix in (".md", ".ipynb") and target.is_file():
                far[target] = far[page] + 1
                waiting += [target] if target.suffix == ".md" else []
    return far


def snippet(heading: str) -> tuple[Path, str]:
    """The page with this heading, and the first Python below it."""
    [(page, text)] = [
        (page, text)
        for page in DOCS.rglob("*.md")
        if f"\n## {heading}\n" in (text := page.read_text("utf-8"))
    ]
    return page, re.search(r"```python\n(.*?)```", text.split(f"\n## {heading}\n")[1], re.DOTALL)[1]


@pytest.mark.parametrize("heading", WANTED)
def test_what_a_new_user_wants_is_short_and_near(heading):
    page, code = snippet(heading)
    assert len([line for line in code.splitlines() if line.strip()]) <= 15
    assert clicks()[page] <= 3


@pytest.mark.slow
@pytest.mark.parametrize(("heading", "done"), WANTED.items())
def test_what_a_new_user_wants_works(heading, done, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw_pictures(tmp_path / "pictures", ("disc", "bar"), 30)
    matrix = np.array([[-2.0, 3.0, 0.0], [0.0, -2.0, 3.0], [0.0, 0.0, -2.0]])
    np.savetxt("qubo.csv", matrix, delimiter=",")
    exec(compile(snippet(heading)[1], heading, "exec"), {"__name__": "page"})
    found = re.search(done, capsys.readouterr().out)
    assert found
    assert all(float(share) > 80 for share in found.groups())


def test_every_page_is_few_clicks_from_the_first():
    far = clicks()
    pages = {*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")}
    assert pages - far.keys() == set()
    assert max(far[page] for page in pages) <= 3


def test_llms_txt_has_its_form_and_every_page():
    text = (DOCS / "llms.txt").read_text("utf-8")
    assert re.match(r"# [^\n]+\n\n(> [^\n]+\n)+\n", text)
    rows = [line for line in text.splitlines() if line.startswith("- ")]
    assert all(re.fullmatch(r"- \[[^]]+\]\(\S+\)(: .+)?", row) for row in rows)
    assert set(links(DOCS / "llms.txt")) == {*DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")}
