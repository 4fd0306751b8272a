"""The documentation site: it builds without a warning, has every public name, and is found by searching.

`make docs` names the site that it has built in the variable ISING_EP_SITE; otherwise it is built here.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("mkdocs", reason="the extra `docs` is not installed")
inventories = pytest.importorskip("mkdocstrings", reason="the extra `docs` is not installed")

ROOT = Path(__file__).resolve().parents[2]
NAMES = re.findall(r"^\| `(ising_ep[\w.]*)` \|", (ROOT / "docs" / "api.md").read_text("utf-8"), re.MULTILINE)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PACKAGES = ("chip", "config", "datasets", "embedding", "learning", "machines", "network", "training")


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    if built := os.environ.get("ISING_EP_SITE"):
        return Path(built)
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def anchors(site) -> dict[str, str]:
    """Where the site documents each name."""
    inventory = inventories.Inventory.parse_sphinx((site / "objects.inv").open("rb"))
    return {name: item.uri.replace("$", name) for name, item in inventory.items()}


@pytest.fixture(scope="module")
def pages(site) -> dict[Path, str]:
    return {page: page.read_text("utf-8") for page in site.rglob("*.html")}


def public_names() -> set[str]:
    """All that the package and its packages say is public, and all that the page of names lists."""
    names = set(NAMES)
    for package in ("ising_ep", *(f"ising_ep.{name}" for name in PACKAGES)):
        names |= {f"{package}.{name}" for name in importlib.import_module(package).__all__}
    return names


def test_every_public_name_is_documented(site, anchors):
    assert len(public_names()) > 150
    assert public_names() - anchors.keys() == set()
    for name in public_names():
        page, fragment = urldefrag(anchors[name])
        assert f'id="{fragment}"' in (site / page).read_text("utf-8"), name


def test_a_documented_name_says_what_it_is(site, anchors):
    """A class or function has a text of its own below its heading."""
    for name in (
        "ising_ep.minimize",
        "ising_ep.EPClassifier",
        "ising_ep.training.train",
        "ising_ep.machines.Machine",
    ):
        page, fragment = urldefrag(anchors[name])
        after = (site / page).read_text("utf-8").split(f'id="{fragment}"', 1)[1]
        assert len(re.sub(r"<[^>]+>", "", after[:20_000])) > 400


def test_a_search_for_a_public_name_finds_it(site, anchors):
    """The index holds the section of the reference that explains it, with the name as its title."""
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    titles = {entry["location"]: re.sub(r"<[^>]+>", "", entry["title"]) for entry in index["docs"]}
    for name in public_names():
        assert name.rsplit(".", 1)[1] in titles.get(anchors[name], ""), name
    # The same, for pages that are opened from disk.
    assert (site / "search" / "search_index.js").read_text("utf-8").startswith("var __index = {")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.parametrize(
    "name", ["ising_ep.minimize", "ising_ep.EPClassifier", "ising_ep.config.TrainConfig"]
)
def test_a_browser_that_has_the_page_from_disk_finds_a_name_first(site, anchors, name):
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    address = f"{(site / 'index.html').as_uri()}?q={name.rsplit('.', 1)[1]}"
    shown = subprocess.run([CHROMIUM, *options, address], capture_output=True, text=True, timeout=120).stdout
    found = re.findall(r'<a href="([^"]+)" class="md-search-result__link"', shown)
    page, fragment = urldefrag(anchors[name])
    assert any(f"/{page}?" in link and link.endswith(f"#{fragment}") for link in found[:3])


def test_nothing_is_asked_of_the_network_when_a_page_is_read(pages):
    for page, text in pages.items():
        asked = re.findall(r"<(?:script|img|iframe|source)[^>]* src=\"([^\"]+)\"", text)
        asked += re.findall(r"<link[^>]* rel=\"(?:stylesheet|icon|preconnect)\"[^>]* href=\"([^\"]+)\"", text)
        asked += re.findall(r"<link[^>]* href=\"([^\"]+)\"[^>]* rel=\"(?:stylesheet|icon|preconnect)\"", text)
        assert asked
        assert [address for address in asked if re.match(r"(https?:)?//", address)] == [], page


def test_links_within_the_site_lead_to_a_file_and_an_anchor(site, pages):
    """MkDocs looks at links of Markdown; this looks at all that stand in the pages, those of raw HTML too."""
    ids = {page: set(re.findall(r" (?:id|name)=\"([^\"]+)\"", text)) for page, text in pages.items()}
    lost = []
    for page, text in pages.items():
        if page.name == "404.html":  # at any depth: its links begin at the root
            continue
        for link in re.findall(r"<(?:a|img)[^>]* (?:href|src)=\"([^\"]+)\"", text):
            address, fragment = urldefrag(unquote(link))
            if re.match(r"\w+:|//", address):
                continue
            target = (page.parent / address).resolve() if address else page
            there = target.is_file() and (not fragment or target.suffix != ".html" or fragment in ids[target])
            lost += [] if there else [(page.relative_to(site), link)]
    assert lost == []


def test_a_page_has_its_markdown_beside_it(site):
    assert (site / "llms.txt").is_file()
    for page in (
        "index.md",
        "qpu.md",
        "start/engineer.md",
        "first-minute.md",
        "papers/laydevant2024/README.md",
    ):
        assert (site / page).read_text("utf-8").lstrip().startswith("#")


def test_notebooks_are_pages_with_their_pictures(site, pages):
    for notebook in (ROOT / "docs").rglob("*.ipynb"):
        page = site / notebook.relative_to(ROOT / "docs").with_suffix(".html")
        assert f"{notebook.name}" in pages[page]
        assert (page.parent / notebook.name).is_file()
        assert re.search(rf'src="{notebook.stem}_pictures/[^"]+\.png"', pages[page])
