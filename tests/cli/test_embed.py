"""`ising-ep embed`, and training on a chip from the command line."""

from __future__ import annotations

import json
import re
import resource
import signal

import pytest
from click.testing import CliRunner
from matplotlib.image import imread

from ising_ep import cli
from ising_ep.chip import Chip
from ising_ep.embedding import Embedding
from ising_ep.embedding import embed as find
from ising_ep.embedding.search import DoesNotFitError
from ising_ep.network import Convolutional, FullyConnected


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def run(*arguments):
    return CliRunner().invoke(cli.main, [str(a) for a in arguments])


SMALL = ("--layers", "6,4", "--chip", "chimera:4", "--chip-missing", "0.02")


@pytest.mark.slow
def test_embed_prints_writes_and_draws(tmp_path):
    result = run("embed", *SMALL, "--out", "e.json", "--picture", "e.png")
    assert result.exit_code == 0, result.output
    chip = Chip.named("chimera:4").without(0.02, seed=0)
    embedding = Embedding.load(tmp_path / "e.json", chip)
    embedding.verify(FullyConnected(1, (6, 4), 2), chip)
    assert f"{embedding.num_copies} copies, {embedding.num_qubits} qubits" in result.stdout
    lengths = embedding.chain_lengths().tolist()
    for length in set(lengths):
        assert re.search(f"^chains of +{length}: +{lengths.count(length)} #+$", result.stdout, re.MULTILINE)
    picture = imread(tmp_path / "e.png")
    assert len({tuple(pixel) for pixel in picture.reshape(-1, picture.shape[2])}) > 10
    again = run("embed", *SMALL, "--copies", "1", "--no-cache")
    assert "1 copy" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--chip", "octagon:3"), "chip is 'octagon:3'"),
        (("--chip", "chimera:2", "--layers", "9,8"), "was not found to fit on chimera 2x2x4"),
        (("--chip-missing", "1.5"), "chip_missing is 1.5"),
        (("--out", "nowhere/e.json"), "there is no folder nowhere"),
        (("--copies", "0"), "--copies"),
        (("--chip", "missing.json"), "missing.json: No such file"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(arguments, text, tmp_path):
    result = run("embed", *SMALL, "--method", "structured", *arguments)
    assert result.exit_code == 2
    assert text in result.output.splitlines()[-1]
    assert list(tmp_path.rglob("*.*")) == []


@pytest.mark.parametrize("chip", ["zephyr:4:8", "zephyr:6:1", "chimera:4:4:2", "chimera:4:4:8"])
def test_a_pattern_of_cells_is_looked_for_where_there_are_such_cells_alone(chip):
    """Cells of another size hold no part of the pattern, whatever else lays the network there."""
    whole, network = Chip.named(chip), Convolutional((3, 3), 2)
    with pytest.raises(DoesNotFitError, match=f"was not found to fit on {re.escape(whole.title)}"):
        find(network, whole, method="structured", cache=False)


@pytest.mark.slow
def test_a_chip_without_such_cells_is_searched():
    options = ("--network", "convolutional", "--chip", "zephyr:4:8", "--chip-missing", "0", "--no-cache")
    result = run("embed", *options, "--copies", "1")
    assert result.exit_code == 0, result.output
    assert "40 spins, 96 couplings: 1 copy" in result.output


CHIP_RUN = ("--dataset", "patterns", "--machine", "chip", "--chip", "chimera:4", "--layers", "8,4")


@pytest.mark.slow
def test_a_run_on_a_chip_keeps_its_embedding_and_goes_on_with_it(tmp_path):
    result = run("train", *CHIP_RUN, "--epochs", "2", "--out", "run")
    assert result.exit_code == 0, result.output
    assert "problems on the chip" in result.output
    assert "chains broken" in result.output
    kept = json.loads((tmp_path / "run/embedding.json").read_text())
    assert len(kept["chains"]) == 1
    assert run("train", "--resume", "run", "--epochs", "4").exit_code == 0
    assert "accuracy" in run("evaluate", "run").output
    straight = run("train", *CHIP_RUN, "--epochs", "4", "--out", "straight")
    assert straight.exit_code == 0
    names = ("metrics.csv", "embedding.json")
    first, second = (
        [(tmp_path / folder / name).read_text() for name in names] for folder in ("run", "straight")
    )
    without_seconds = [[line.rpartition(",")[0] for line in text[0].splitlines()] for text in (first, second)]
    assert without_seconds[0] == without_seconds[1]
    assert first[1] == second[1]


@pytest.mark.slow
def test_a_users_embedding_is_taken_or_refused(tmp_path):
    assert (
        run("embed", "--layers", "8,4", "--chip", "chimera:4", "--copies", "3", "--out", "e.json").exit_code
        == 0
    )
    result = run(
        "train", *CHIP_RUN, "--epochs", "1", "--embedding", "e.json", "--batch-size", "2", "--out", "run"
    )
    assert result.exit_code == 0, result.output
    assert "3 copies" in result.output
    other = run("train", *CHIP_RUN, "--chip-seed", "9", "--embedding", "e.json", "--out", "other")
    assert other.exit_code == 2
    assert "was made for working graph" in other.output
    assert not (tmp_path / "other").exists()


def test_chip_options_without_a_chip_are_refused(tmp_path):
    result = run("train", "--dataset", "patterns", "--chain-strength", "2", "--out", "run")
    assert result.exit_code == 2
    assert (
        "chain_strength is 2.0, but machine annealing has no such setting; take machine chip or qpu"
        in result.output
    )
    assert not (tmp_path / "run").exists()


def test_a_solvers_chip_is_taken_as_it_is(tmp_path):
    chip = Chip.perfect("chimera", 4).without(0.03, 0.01, seed=4)
    properties = {
        "topology": {"type": "chimera", "shape": [4, 4, 4]},
        "qubits": chip.qubits.tolist(),
        "couplers": chip.couplers.tolist(),
        "graph_id": "01abcdef",
    }
    (tmp_path / "solver.json").write_text(json.dumps(properties))
    result = run("embed", "--layers", "6,4", "--chip", "solver.json", "--copies", "1")
    assert result.exit_code == 0, result.output
    assert (
        f"{len(chip.qubits)} qubits, {len(chip.couplers)} couplers, working graph 01abcdef" in result.stdout
    )


@pytest.mark.slow
def test_a_named_solver_is_a_chip_that_lacks_its_own_qubits(tmp_path):
    chip = Chip.named("advantage2_system4")
    for missing, there in [((), chip), (("--chip-missing", "0.1"), chip.without(0.1, seed=0))]:
        result = run("embed", "--layers", "6,4", "--chip", "Advantage2_system4.1", "--copies", "1", *missing)
        assert result.exit_code == 0, result.output
        assert f"{len(there.qubits)} qubits, {len(there.couplers)} couplers" in result.stdout
        assert there.graph_id in result.stdout


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--picture", "e.xyz"), "e.xyz: expected a name that ends in .png, .svg or .pdf"),
        (("--picture", "e"), "e: expected a name that ends in .png, .svg or .pdf"),
        (("--picture", "link.png"), "link.png is a symbolic link, expected a file or nothing"),
        (("--out", "link.png"), "link.png is a symbolic link, expected a file or nothing"),
        (("--out", "folder.png"), "folder.png is a folder, expected a file or nothing"),
        (("--picture", "e.png", "--out", "e.png"), "--out and --picture are both e.png"),
        (("--network", "convolutional", "--layers", "5,5"), r"layers is (5, 5), but network convolutional"),
        (("--chip", "zephyr:100"), "321600 qubits, expected at most 50000"),
        (("--layers", "2,1"), "the last of --layers is 1, expected 2 output spins or more"),
        (("--layers", "120,40", "--chip", "chimera:4"), "has 160 spins, but chimera 4x4x4 has 125 qubits"),
    ],
)
def test_what_cannot_be_written_or_fit_is_refused_before_any_search(arguments, text, tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "link.png").symlink_to("precious")
    (tmp_path / "folder.png").mkdir()
    result = run("embed", *SMALL, *arguments)
    assert result.exit_code == 2
    assert text in result.output.splitlines()[-1]
    assert result.stdout == ""
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.png", "link.png", "precious"]
    assert (tmp_path / "precious").read_text() == "mine"


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_pictures_are_of_the_kind_that_their_name_says(ending, begins, tmp_path):
    assert run("embed", *SMALL, "--copies", "1", "--picture", f"e.{ending}").exit_code == 0
    assert (tmp_path / f"e.{ending}").read_bytes().startswith(begins)


def test_a_picture_that_does_not_fit_leaves_no_file(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, before[1]))
    try:
        result = run("embed", *SMALL, "--copies", "1", "--no-cache", "--picture", "e.png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == "Error: e.png: File too large"
    assert list(tmp_path.iterdir()) == []
