"""Kept units resume, quick and full are apart, and a page holds what ran and nothing else."""

from __future__ import annotations

import doctest
import json
import os
import re
import signal

import numpy as np
import pytest
from matplotlib.figure import Figure

from ising_ep.config import TrainConfig
from studies import markdown, page, summary
from studies.markdown import Sentences
from studies.page import Page
from studies.processes import complete
from studies.study import Study
from studies.units import FORMAT, Store, Units, config_settings
from support.settings import DEFAULTS_OF_ALL

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


class Recorder:
    """What is told of the progress."""

    def __init__(self):
        self.keys, self.names = [], []

    def done(self, name, seconds):
        self.keys.append(name.split()[1])

    def running(self, names):
        self.names.append(list(names))


def go(store, *chosen, data_dir, quick=False):
    shown = Recorder()
    works = [study.units(quick) for study in chosen]
    missing = [f"{units.name} {key}" for units in works for key in store.missing(units).settings]
    complete(store, works, data_dir, 1, shown=shown)
    # One after the other, in their order, and none in the end.
    assert shown.names == [[name] for name in missing] + [[]] * bool(missing)
    return shown.keys


def write(store, *studies, quick=False):
    return Page("# Numbers\n", "numbers", studies).write(store, quick)


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
    assert sorted(store.missing(squares().units(False)).settings) == ["deadly"]
    write(store, squares())
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
    assert list(store.missing(changed.units(False)).settings) == ["b"]
    assert go(store, changed, data_dir=data) == ["b"]
    records = store.records(changed.units(False))
    assert {key: record["result"]["square"] for key, record in records.items()} == {"a": 4, "b": 16}


@pytest.mark.slow
def test_quick_and_full_are_apart(folders):
    full, data = folders
    quick = Store.of(full.folder, quick=True)
    assert go(quick, squares(), data_dir=data, quick=True) == ["n2", "n3"]
    assert full.records(squares().units(False)) == {}
    before = {path: path.read_bytes() for path in quick.folder.rglob("*.json")}
    assert len(before) == 2
    go(full, squares(), data_dir=data)
    write(full, squares())
    assert before == {path: path.read_bytes() for path in quick.folder.rglob("*.json")}
    assert not (quick.folder / "README.md").exists()


@pytest.mark.slow
def test_the_page_holds_what_ran(folders):
    store, data = folders
    ran, not_run = squares("evens", lambda quick: {"n6": {"number": 6, "seed": 6}}), squares()
    go(store, ran, data_dir=data)
    assert write(store, not_run, ran) == [ran]
    text = (store.folder / "README.md").read_text()
    assert "| n6 | 36 |" in text
    assert "They sum up to 36." in text
    assert "`numbers evens`: 1 runs" in text
    record = store.records(ran.units(False))["n6"]
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
        store.records(squares().units(False))


@pytest.mark.slow
def test_a_result_of_a_later_format_is_one_line(folders):
    store, data = folders
    go(store, squares(), data_dir=data)
    file = store.folder / "results/squares/n3.json"
    record = json.loads(file.read_text())
    assert record["format"] == FORMAT
    file.write_text(json.dumps(record | {"format": FORMAT + 1}))
    with pytest.raises(ValueError, match=rf"n3\.json is not a result .* of format 1 to {FORMAT}"):
        store.records(squares().units(False))


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_record_of_the_first_format_is_good(symmetric, tmp_path):
    """It has no number, every setting of all machines, and of `symmetric` only that it is so."""
    config = TrainConfig(dataset="digits", symmetric=symmetric, seed=3)
    units = {
        kind: Units("u", {"a": {"config": config_settings(c)}}, square)
        for kind, c in {
            "same": config,
            "other": config.model_copy(update={"symmetric": not symmetric}),
        }.items()
    }
    store = Store(tmp_path)
    store.save(units["same"], "a", {"square": 4}, 1.0)
    file = tmp_path / "results/u/a.json"
    record = json.loads(file.read_text())
    del record["format"]
    everything = json.loads(json.dumps(DEFAULTS_OF_ALL)) | config.model_dump(mode="json")
    if not symmetric:
        del everything["symmetric"]
    record["settings"]["config"] = everything
    file.write_text(json.dumps(record))
    assert store.records(units["same"])["a"]["result"] == {"square": 4}
    assert store.records(units["other"]) == {}


@pytest.mark.slow
def test_units_of_their_own_processes(folders):
    store, data = folders
    units = Units("processes", {f"p{k}": {"number": k} for k in range(3)}, process_of)
    complete(store, [units], data, 1, fresh=True, shown=Recorder())
    assert len({record["result"]["process"] for record in store.records(units).values()}) == 3


def process_of(settings, folder):
    return {"process": os.getpid()}


def test_sentences_have_their_numbers_and_no_gaps(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(
        "<!-- one -->\nOf {all:,} there\nare {some:.1%}. {more} The {kind[a]}.\n\n{none}\n\n- last\n"
        "\n<!-- two -->\nOther\n"
    )
    text = Sentences(file)
    filled = text.filled("one", all=1000, some=0.25, more="", kind={"a": "end"}, none="")
    assert filled == "Of 1,000 there are 25.0%. The end.\n\n- last"
    assert text.filled("two") == "Other"
    with pytest.raises(KeyError):
        text.filled("one", all=1)


@pytest.mark.parametrize("module", [markdown, page, summary], ids=lambda module: module.__name__)
def test_examples(module):
    results = doctest.testmod(module)
    assert results.attempted > 0
    assert results.failed == 0
