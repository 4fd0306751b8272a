"""The figures of benchmarks and papers: a reader misses nothing, and they are drawn from the kept results."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks import redraw
from benchmarks.embedding import layouts
from ising_ep.chip import Chip
from ising_ep.embedding import embed
from ising_ep.network import FullyConnected
from papers.laydevant2024 import contents
from support import legible

pytestmark = pytest.mark.slow
STUDIES = {study.name: study for study in contents.PAGE.studies}


@pytest.mark.parametrize("name", redraw.FIGURES)
def test_a_reader_misses_nothing_in_the_figure_of_a_benchmark(name):
    assert legible.faults(redraw.FIGURES[name]()) == []


@pytest.mark.parametrize("name", STUDIES)
def test_a_reader_misses_nothing_in_the_figure_of_a_study(name):
    study = STUDIES[name]
    records = redraw.Store(redraw.PAPER).records(study.units(False))
    if len(records) < len(study.runs(False)):
        pytest.skip(f"{len(records)} of {len(study.runs(False))} runs of {name} are kept")
    for figure in study.figures({key: record["result"] for key, record in records.items()}).values():
        assert legible.faults(figure) == []


def test_a_reader_misses_nothing_in_the_figure_of_a_solver():
    chip = Chip.named("chimera:8").without(0.02, seed=0)
    points = []
    for copies in (2, 12):
        embedding = embed(FullyConnected(1, (6, 4), 2), chip, copies=copies, cache=False, method="structured")
        found = {"number": copies, "qubits": embedding.num_qubits, "longest": 2, "mean": 1.5}
        points.append({"graph": "a chip", "network": (6, 4), "copies": found, "chains": embedding.chains})
    figure = layouts.solver_figure(chip, points)
    assert legible.faults(figure) == []
    assert "copies 1 to 12, by their numbers" in [text.get_text() for text in figure.legends[0].get_texts()]


def test_figures_are_written_where_they_are_asked_for(tmp_path):
    done = CliRunner().invoke(redraw.main, ["scaling", "digits", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in tmp_path.iterdir()) == ["digits.png", "scaling.png"]
    refused = CliRunner().invoke(redraw.main, ["published"])
    assert refused.exit_code == 2
    assert "--lanl" in refused.output
