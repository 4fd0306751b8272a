"""`ising-ep sample` from file to file: what it finds is the optimum, what it writes can be read, bad input
is one line and leaves nothing behind."""

from __future__ import annotations

import contextlib
import csv
import fractions
import gzip
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import dimod
import numpy as np
import pytest
from click.testing import CliRunner
from dimod.serialization import coo

from ising_ep import SimulatedAnnealingSampler, cli, problem_digest
from ising_ep.cli import screen
from ising_ep.problems import formats, read
from ising_ep.problems.formats import TABLE
from ising_ep.problems.parsing.format import Format
from ising_ep.problems.parsing.parts import Parts
from ising_ep.problems.read import read_problem
from ising_ep.problems.write import OUTPUTS, Output

NODES = 14


def sample(*arguments):
    """Runs the command in the working directory."""
    return CliRunner().invoke(cli.main, ["sample", *map(str, arguments)])


def process(*arguments, **options):
    command = [sys.executable, "-m", "ising_ep", "sample", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


def json_output():
    return dimod.SampleSet.from_serializable(json.loads(Path("out.json").read_text()))


def reads(sampleset):
    """All of a sample set but its info, which has the time that it took."""
    record = sampleset.record
    return list(sampleset.variables), record.sample.tolist(), record.energy.tolist(), sampleset.vartype


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def random_graph(seed):
    """A file like those of the Gset, and the weight of its best cut by trying all of them."""
    rng = np.random.default_rng(seed)
    edges = [
        (i, j, int(rng.choice([-1, 1])))
        for i, j in itertools.combinations(range(1, NODES + 1), 2)
        if rng.random() < 0.4
    ]
    text = f"{NODES} {len(edges)}\n" + "".join(f"{i} {j} {w}\n" for i, j, w in edges)
    i, j, w = np.array(edges).T
    sides = np.array(list(itertools.product((0, 1), repeat=NODES)))
    return text, int(((sides[:, i - 1] != sides[:, j - 1]) @ w).max()), sum(w)


@pytest.mark.parametrize("seed", range(3))
def test_best_cut_of_a_graph(seed):
    text, best, total = random_graph(seed)
    Path("G1").write_text(text)
    result = sample("G1", "--seed", seed)
    assert result.exit_code == 0, result.output
    assert f"Best cut {best}\n" in result.stdout
    assert f"Best energy {total - 2 * best} in " in result.stdout


def as_printed(energy):
    """All digits, integers without a point, and numbers that no integer is exact for with their exponent."""
    return repr(float(energy)).removesuffix(".0")


def write_problem(kind, bqm):
    """The problem in a file of this kind, by dimod where it can."""
    path = Path(f"problem.{kind}")
    if kind == "coo":
        path.write_text(coo.dumps(bqm, vartype_header=True))
    elif kind == "bqm":
        path.write_bytes(bqm.to_file().read())
    elif kind == "json":
        path.write_text(json.dumps(bqm.to_serializable()))
    else:
        linear = [f"{i} {i} {bqm.linear[i]}\n" for i in bqm.variables]
        quadratic = [f"{min(i, j)} {max(i, j)} {b}\n" for (i, j), b in bqm.quadratic.items()]
        header = f"p qubo 0 {len(linear)} {len(linear)} {len(quadratic)}\n"
        path.write_text(header + "".join(linear + quadratic))
    return path


def problem(vartype):
    bqm = dimod.generators.ran_r(5, 9, seed=3)
    bqm.change_vartype(vartype)
    bqm.offset = 0  # which COO and qubo have no place for
    bqm.add_linear_from((v, v / 4 + 1) for v in bqm.variables)
    return bqm


@pytest.mark.parametrize(
    ("kind", "vartype"),
    [*itertools.product(("coo", "bqm", "json"), ("SPIN", "BINARY")), ("qubo", "BINARY")],
)
def test_optimum_of_every_format(kind, vartype):
    bqm = problem(vartype)
    best = dimod.ExactSolver().sample(bqm).first
    result = sample(write_problem(kind, bqm), "--output", "out.json", "--seed", 5)
    assert result.exit_code == 0, result.output
    found = json_output()
    assert f"Best energy {as_printed(found.first.energy)} in " in result.stdout
    assert f"9 variables, 36 couplings, {vartype} ({kind})" in result.stdout
    assert found.vartype.name == vartype
    assert found.first.energy == pytest.approx(best.energy, abs=1e-9)
    assert found.first.sample == best.sample


MIXED = dimod.BQM({"a": 1, "b,\n": -2, ("c", 1): 0.5, 4: 0}, {("a", 4): 3, ("b,\n", ("c", 1)): -1}, 7, "SPIN")


@pytest.mark.parametrize("bqm", [problem("BINARY"), MIXED], ids=["binary", "mixed labels"])
def test_outputs_hold_the_reads_in_their_order(bqm):
    path = write_problem("json", bqm)
    for ending in ("json", "csv", "npz"):
        result = sample(path, "--num-reads", 7, "--num-sweeps", 3, "--seed", 11, "--output", f"out.{ending}")
        assert result.exit_code == 0, result.output
        assert f"States: out.{ending}\n" in result.stdout
    problem = read_problem(path)
    expected = SimulatedAnnealingSampler().sample(problem, num_reads=7, num_sweeps=3, seed=11)
    states, energies = expected.record.sample, expected.record.energy
    variables = list(expected.variables)
    assert energies == pytest.approx(problem.energies((states, variables)))

    read = json_output()
    assert reads(read) == reads(expected)

    with Path("out.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [*map(str, variables), "energy", "num_occurrences"]
    assert [[int(x) for x in row[:-2]] for row in rows] == states.tolist()
    assert [(float(row[-2]), int(row[-1])) for row in rows] == [(energy, 1) for energy in energies]

    with np.load("out.npz") as arrays:  # which refuses pickles
        assert set(arrays) == {"states", "energies", "num_occurrences", "labels", "settings"}
        assert arrays["num_occurrences"].tolist() == [1] * 7
        assert arrays["states"].tolist() == states.tolist()
        assert arrays["energies"].tolist() == energies.tolist()
        texts = arrays["labels"].tolist()
        saved = json.loads(str(arrays["settings"]))
    if all(isinstance(v, int) for v in variables):
        assert texts == variables
    else:
        assert [json.loads(text) for text in texts] == json.loads(json.dumps(variables))

    settings = {"seed": 11, "num_reads": 7, "num_sweeps": 3, "file": "problem.json", "format": "json"}
    for found in (read.info, saved, json.loads(Path("out.csv.json").read_text())):
        assert settings.items() <= found.items()
        assert set(found["versions"]) == {"python", "ising-ep", "dimod", "numpy"}


@pytest.mark.parametrize("command", ["sample", "minimize"])
@pytest.mark.parametrize("labels", [("a", "energy"), ("num_occurrences", "b"), (1, "1")])
def test_two_columns_of_one_name_are_refused_before_any_work(labels, command):
    """What .csv has no names for, .json and .npz tell apart."""
    path = write_problem("json", dimod.BQM({}, {labels: 1.0}, 0.0, "SPIN"))
    name = next(str(label) for label in reversed(labels) if str(label) in ("energy", "num_occurrences", "1"))
    result = CliRunner().invoke(cli.main, [command, str(path), "--output", "out.csv"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1] == (
        f"Error: a variable is called '{name}', and so is another column of a .csv; expected .json or .npz"
    )
    assert [file.name for file in Path().iterdir()] == [path.name]
    for ending in ("json", "npz"):
        result = CliRunner().invoke(cli.main, [command, str(path), "--output", f"out.{ending}"])
        assert result.exit_code == 0, result.output
    assert set(json_output().variables) == set(labels)
    with np.load("out.npz") as arrays:
        assert len(set(arrays["labels"].tolist())) == 2


@pytest.mark.parametrize("ending", ["json", "csv", "npz"])
def test_what_is_infinite_is_written_in_json_that_all_can_read(ending):
    path = write_problem("json", problem("SPIN"))
    for words, expected in (
        ("sample --beta-range 1 inf", {"beta_range": [1.0, "Infinity"]}),
        (
            "minimize --no-presolve --target -inf --seed 1",
            {"target": "-Infinity", "lower_bound": "-Infinity"},
        ),
    ):
        command, *options = words.split()
        given = [command, str(path), *options, "--output", f"out.{ending}", "--force"]
        result = CliRunner().invoke(cli.main, given)
        assert result.exit_code == 0, result.output
        if ending == "npz":
            with np.load("out.npz") as arrays:
                text = str(arrays["settings"])
        else:
            text = Path({"json": "out.json", "csv": "out.csv.json"}[ending]).read_text()
        found = json.loads(text, parse_constant=pytest.fail)
        assert expected.items() <= found.get("info", found).items()


@pytest.mark.parametrize("ending", ["json", "csv", "npz"])
def test_distinct_states_are_written_with_their_counts(ending):
    """Of a glass with few states, hot enough that others than the best ones are among the reads."""
    path = write_problem("json", problem("BINARY"))
    options = ("--beta-range", 0.1, 0.2, "--num-sweeps", 9, "--num-reads", 300, "--seed", 4)
    result = sample(path, *options, "--output", f"out.{ending}", "--aggregate")
    expected = SimulatedAnnealingSampler().sample(
        read_problem(path), beta_range=(0.1, 0.2), num_sweeps=9, num_reads=300, seed=4
    )
    counts = Counter(map(tuple, expected.record.sample.tolist()))
    energy_of = dict(zip(map(tuple, expected.record.sample.tolist()), expected.record.energy, strict=True))
    if ending == "json":
        found = json_output()
        rows, energies, numbers = found.record.sample, found.record.energy, found.record.num_occurrences
        digest = found.info["problem_digest"]
    elif ending == "npz":
        with np.load("out.npz") as arrays:
            rows, energies, numbers = (arrays[name] for name in ("states", "energies", "num_occurrences"))
            digest = json.loads(str(arrays["settings"]))["problem_digest"]
    else:
        table = np.loadtxt("out.csv", delimiter=",", skiprows=1)
        rows, energies, numbers = table[:, :-2].astype(int), table[:, -2], table[:, -1]
        digest = json.loads(Path("out.csv.json").read_text())["problem_digest"]
    written = [tuple(row) for row in rows.tolist()]
    assert 1 < len(counts) < 300
    assert dict(zip(written, numbers.tolist(), strict=True)) == counts
    assert [energy_of[row] for row in written] == energies.tolist() == sorted(energies)
    assert digest == problem_digest(read_problem(path))
    best = sum(energy == energies[0] for energy in energies.tolist())
    assert f"Distinct states: {len(counts)}, of which {best} at the best energy\n" in result.stdout


def test_a_seed_that_is_printed_gives_the_same_reads():
    path = write_problem("coo", problem("SPIN"))
    first = sample(path, "--num-sweeps", 2, "--output", "first.csv")
    seed = re.search(r"seed (\d+):", first.stdout)[1]
    sample(path, "--num-sweeps", 2, "--seed", seed, "--num-threads", 3, "--output", "again.csv")
    sample(path, "--num-sweeps", 2, "--output", "other.csv")
    assert Path("first.csv").read_text() == Path("again.csv").read_text() != Path("other.csv").read_text()


def test_options_reach_the_annealer():
    path = write_problem("coo", problem("SPIN"))
    options = ("--beta-range", 0.25, 4, "--schedule", "linear", "--num-reads", 3, "--num-sweeps", 20)
    result = sample(path, *options, "--seed", 2, "--output", "out.json")
    assert "3 reads of 20 sweeps, beta 0.25 to 4 linear, seed 2: " in result.stdout
    expected = SimulatedAnnealingSampler().sample(
        read_problem(path),
        beta_range=(0.25, 4),
        beta_schedule_type="linear",
        num_reads=3,
        num_sweeps=20,
        seed=2,
    )
    assert reads(json_output()) == reads(expected)


def bars(stdout):
    """The rows (text, count, length of the bar) of the histogram."""
    rows = re.findall(r"^ *(-?\d\S*(?: to \S+)?) +(\d+)(?: (#+))?$", stdout, flags=re.MULTILINE)
    return [(text, int(count), len(bar)) for text, count, bar in rows]


@pytest.mark.parametrize("scale", [1, 1e-30, 1e200])
@pytest.mark.parametrize("sweeps", [0, 1000])
def test_histogram(sweeps, scale):
    """A row for each energy of a glass that is solved, ranges of energies of states at random."""
    bqm = problem("SPIN")
    bqm.scale(scale)
    path = write_problem("json", bqm)
    result = sample(path, "--num-sweeps", sweeps, "--seed", 3, "--output", "out.npz")
    energies = np.load("out.npz")["energies"]
    rows = bars(result.stdout)
    assert sum(count for _, count, _ in rows) == 100
    assert max(length for *_, length in rows) == 40
    most = max(count for _, count, _ in rows)
    assert all(40 * count / most <= length < 40 * count / most + 1 for _, count, length in rows)
    if sweeps:
        assert [text for text, *_ in rows] == list(dict.fromkeys(map(as_printed, np.sort(energies).tolist())))
    else:
        edges = np.array([[float(x) for x in text.split(" to ")] for text, _, _ in rows])
        assert 5 <= len(rows) <= 12
        assert (edges[1:, 0] == edges[:-1, 1]).all()
        inside = (energies[:, None] >= edges[:, 0]) & (energies[:, None] < edges[:, 1])
        assert inside.sum(axis=0).tolist() == [count for _, count, _ in rows]
        assert all(len(text) < 30 for text, *_ in rows)


@pytest.mark.parametrize("weight", [1, 0.3])
@pytest.mark.parametrize("penalty", [10, 10**12, 10**15])
def test_reads_with_the_best_energy_are_counted_beside_a_penalty(penalty, weight):
    """Independent sets of a ring: each node counts, whatever the penalty on two neighbours is."""
    lines = [f"{i} {i} {-weight * (1 + i % 3)}\n{i} {(i + 1) % 20} {penalty}\n" for i in range(20)]
    Path("ring.coo").write_text("# vartype=BINARY\n" + "".join(lines))
    result = sample(
        "ring.coo", "--num-sweeps", 30, "--beta-range", 0.1 / penalty, 3, "--seed", 1, "--output", "ring.npz"
    )
    energies = np.load("ring.npz")["energies"]
    found = Counter(np.rint(energies / weight).tolist())
    assert len(found) > 1
    assert np.abs(energies / weight - np.rint(energies / weight)).max() < 1e-6
    assert f" in {found[min(found)]} of 100 reads" in result.stdout
    if len(found) <= 12:
        assert [count for _, count, _ in bars(result.stdout)] == [found[k] for k in sorted(found)]


BAD = [
    (["missing.coo"], "missing.coo: No such file or directory"),
    ([".", "--format", "coo"], ".: Is a directory"),
    (
        ["problem.coo", "--format", "mps"],
        "Invalid value for '--format': 'mps' is not one of 'bqm', 'bqpjson', 'cnf', 'coo'",
    ),
    (["problem.coo", "--instance", "2"], "instance is 2, but a file of format coo has one problem"),
    (
        ["graph.txt"],
        "graph.txt: lines 'n m' and 'i j value' can be a graph for max-cut (--format gset) or a QUBO",
    ),
    (["matrix.npy"], "matrix.npy: a numpy array can be a QUBO (--format qubo-matrix) or a graph"),
    (
        ["model.lp"],
        "model.lp: line 4 is 'c1: x + y = 1', expected no constraints, but penalties for them",
    ),
    (["model.cqm"], "model.cqm: looks like a constrained quadratic model (CQM) of dimod, which is not read"),
    (["problem.coo", "--format", "gset"], "problem.coo: line 2 is '0 0 1.000000', expected 'nodes edges'"),
    (["problem.coo", "--vartype", "BINARY"], "problem.coo: "),
    (
        ["plain.txt"],
        "plain.txt: no line is '# vartype=SPIN' or '# vartype=BINARY', expected one, or --vartype",
    ),
    (["problem.coo", "--num-reads", "0"], "num_reads is 0, expected an integer from 1"),
    (["problem.coo", "--num-reads", "4000000000"], "4000000000 reads of 9 spins do not fit into memory"),
    (["problem.coo", "--num-sweeps", "-1"], "num_sweeps is -1, expected an integer >= 0"),
    (["problem.coo", "--beta-range", "1", "nan"], "beta_range is (1.0, nan), expected two numbers >= 0"),
    (["problem.coo", "--beta-range", "0", "1"], "expected numbers > 0 for a geometric schedule"),
    (["problem.coo", "--num-threads", "0"], "num_threads is 0, expected an integer from 1 to 4096"),
    (["problem.coo", "--seed", "-1"], "seed is -1, expected an integer from 0"),
    (["problem.coo", "--output", "out.txt"], "out.txt: expected a name that ends in .json, .csv or .npz"),
    (["problem.coo", "--output", "no/out.csv"], "no/out.csv cannot be written: there is no folder no"),
    (
        ["problem.coo", "--output", "old.csv"],
        "old.csv exists; give --force to overwrite it, or another --output",
    ),
    (["problem.coo", "--output", "new.csv"], "new.csv.json exists; give --force to overwrite it"),
    (
        ["problem.coo", "--output", "folder.csv", "--force"],
        "folder.csv is a folder, expected a file or nothing in its place",
    ),
    (["problem.json", "--output", "./problem.json", "--force"], "problem.json is the file with the problem"),
    (["long.json", "--output", "out.npz"], "characters, too long for .npz; expected .json or .csv"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "text"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_and_writes_nothing(arguments, text, folder):
    write_problem("coo", problem("SPIN"))
    write_problem("json", problem("SPIN"))
    Path("plain.txt").write_text("0 1 1\n")
    Path("graph.txt").write_text("3 2\n1 2 1\n2 3 1\n")
    np.save("matrix.npy", np.eye(3))
    Path("model.lp").write_text("Minimize\n obj: x\nSubject To\n c1: x + y = 1\nBinary\n x y\nEnd\n")
    Path("model.cqm").write_bytes(dimod.CQM().to_file().read())
    Path("old.csv").write_text("old")
    Path("new.csv.json").write_text("{}")
    Path("folder.csv").mkdir()
    long = dimod.BQM({"a" * 1000: 1, **dict.fromkeys(range(70_000), 0)}, {}, 0, "SPIN")
    Path("long.json").write_text(json.dumps(long.to_serializable()))
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    result = sample(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.fullmatch(r"(Usage:.*\n.*\n\n)?Error: [^\n]+\n", result.stderr)
    assert text in result.stderr
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_cuts_and_nodes_are_those_of_the_file():
    """The cut of each read, counted from the states by the file's own numbers of nodes."""
    edges = [(1, 2, 123456789012345), (2, 3, 987654321098765), (3, 1, 5), (5, 3, -1)]
    text = "# a comment\n\n5 4\n" + "".join(f"{i} {j} {w}\n" for i, j, w in edges)
    Path("long.mc.gz").write_bytes(gzip.compress(text.encode()))
    result = sample("long.mc.gz", "--seed", 1, "--output", "out.csv")
    assert result.exit_code == 0, result.output
    with Path("out.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["1", "2", "3", "4", "5", "energy", "num_occurrences"]
    cuts = [sum(w for i, j, w in edges if read[str(i)] != read[str(j)]) for read in found]
    assert max(cuts) == 123456789012345 + 987654321098765
    assert f"Best cut {max(cuts)}\n" in result.stdout
    total = sum(w for *_, w in edges)
    assert [float(read["energy"]) for read in found] == [total - 2 * cut for cut in cuts]
    mean = fractions.Fraction(sum(total - 2 * cut for cut in cuts), len(cuts))
    assert f"Best energy {total - 2 * max(cuts)} in " in result.stdout
    assert f"mean {as_printed(float(mean))}\n" in result.stdout


def test_what_is_maximised_is_printed():
    Path("bqp.txt").write_text("2\n1 1\n1 1 3\n3 5\n1 1 5\n2 2 3\n3 3 1\n1 2 -6\n2 3 -1\n")
    result = sample("bqp.txt", "--instance", 2, "--seed", 1, "--output", "out.json")
    assert "Best energy -6 in " in result.stdout
    assert "Best value of x'Qx 6\n" in result.stdout
    assert json_output().info["instance"] == 2
    assert json_output().first.sample == {1: 1, 2: 0, 3: 1}


def test_no_sweeps_are_said():
    path = write_problem("coo", problem("SPIN"))
    said = "Warning: --num-sweeps 0: nothing is annealed, the states are random\n"
    assert sample(path, "--num-sweeps", 0).stderr == said
    assert sample(path, "--num-sweeps", 1).stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "json", "npz"])
@pytest.mark.parametrize("force", [False, True])
def test_a_disk_that_fills_leaves_things_as_they_were(ending, force):
    """A limit on the size of files stands for the disk: the settings fit, the states do not."""
    path = write_problem("coo", problem("SPIN"))
    if force:
        sample(path, "--num-reads", 3, "--output", f"out.{ending}")
    before = {p.name: p.read_bytes() for p in Path().iterdir()}
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096));"
        "from ising_ep import cli; cli.main()"
    )
    arguments = ["sample", path, "--num-reads", 20000, "--num-sweeps", 1, "--output", f"out.{ending}"]
    command = [sys.executable, "-c", code, *map(str, arguments), *["--force"] * force]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: out.{ending}: File too large\n"
    assert {p.name: p.read_bytes() for p in Path().iterdir()} == before


def test_force_overwrites():
    path = write_problem("coo", problem("SPIN"))
    Path("out.csv").write_text("old")
    assert sample(path, "--output", "out.csv", "--force").exit_code == 0
    assert len(Path("out.csv").read_text().splitlines()) == 101
    assert {p.name for p in Path().iterdir()} == {"problem.coo", "out.csv", "out.csv.json"}


def test_a_warning_is_a_line():
    Path("zeros.coo").write_text("# vartype=SPIN\n0 1 0\n")
    result = sample("zeros.coo")
    assert result.exit_code == 0
    assert result.stderr == "Warning: all biases are zero: beta_range is set to [0.1, 1]\n"


@pytest.mark.slow
def test_in_a_pipe():
    """Results on stdout and nothing else anywhere, in ASCII; a reader that has seen enough is no error."""
    path = write_problem("coo", problem("SPIN"))
    done = process(path, "--seed", "1", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert len(bars(done.stdout)) >= 1
    closed, end = os.pipe()
    os.close(closed)
    command = [sys.executable, "-m", "ising_ep", "sample", path]
    done = subprocess.run(command, stdout=end, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(end)
    assert done.stderr == ""


def test_help_says_how():
    text = sample("--help").stdout
    for wanted in ("Examples:", "--output", "SPIN|BINARY", "Gset", "SampleSet.from_serializable"):
        assert wanted in text
    words = " ".join(text.split())
    for known in TABLE:
        assert " ".join(f"{known.name} {known.what}".split()) in words
    for output in OUTPUTS.values():
        assert f"{output.ending} {output.what}" in words


def test_a_new_format_is_a_row(monkeypatch):
    """The help, the choices and the errors are those of the tables."""
    stars = Format("stars", "spins that want to be alike", parse_stars, endings=(".stars",))
    monkeypatch.setattr(formats, "TABLE", (*TABLE, stars))
    monkeypatch.setattr(read, "FORMATS", (*read.FORMATS, "stars"))
    monkeypatch.setitem(formats.BY_NAME, "stars", stars)
    table = Output(
        ".txt", "energies, one a line", lambda path, reads, _: np.savetxt(path, reads.record.energy)
    )
    monkeypatch.setitem(OUTPUTS, ".txt", table)
    text = sample("--help").stdout
    assert "    stars        spins that want to be alike\n" in text
    assert "    .txt    energies, one a line\n" in text
    Path("three").write_text("***")
    assert "expected one of bqm, " in sample("three").stderr
    result = sample("three", "--format", "stars", "--seed", "1", "--num-reads", "5", "--output", "e.txt")
    assert "Best energy -3 in" in result.stdout
    assert np.loadtxt("e.txt").min() == -3
    assert "'moons' is not one of 'bqm'," in sample("three", "--format", "moons").stderr
    assert "ends in .json, .csv, .npz or .txt" in sample("three", "--output", "e.md").stderr


def parse_stars(text, asked):
    """Every two stars of the file as a coupling of -1."""
    rows, cols = np.triu_indices(text.count(b"*"), 1)
    return Parts(np.zeros(text.count(b"*")), rows, cols, -np.ones(len(rows)), "SPIN")


def test_long_work_says_how_far_it_is_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr(screen, "PLAIN_INTERVAL", 0.0)
    path = write_problem("coo", problem("SPIN"))
    said = sample(path, "--num-reads", "3000", "--num-sweeps", "100").stderr.splitlines()
    assert said
    assert all(re.fullmatch(r"Annealing: \d+ of 3000 reads after \d+ s", line) for line in said)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_on_a_terminal():
    """Long work shows that it goes on; Ctrl-C ends it and leaves nothing behind."""
    path = write_problem("coo", problem("SPIN"))
    here, there = os.openpty()
    options = ["--num-reads", "3000", "--num-sweeps", "10000000", "--output", "out.json"]
    command = [sys.executable, "-m", "ising_ep", "sample", path, *options]
    with subprocess.Popen(command, stdin=there, stdout=there, stderr=there) as running:
        os.close(there)
        shown = b""
        while b"Annealing" not in shown or b" of 3000 reads" not in shown:
            shown += os.read(here, 1000)
        running.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while more := os.read(here, 1000):
                shown += more
    os.close(here)
    assert running.returncode == 130
    assert b"Stopped" in shown
    assert b"Best energy" not in shown
    assert [p.name for p in Path().iterdir()] == ["problem.coo"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_ctrl_c_ends_minimize_with_the_best_so_far_also_when_it_comes_twice_at_once():
    """As `timeout -s INT` sends it: to the command, and to its group."""
    rng = np.random.default_rng(1)
    pairs = rng.permutation(4000).reshape(2, 2000)
    rows, cols = np.concatenate([pairs, (pairs + 1) % 4000, (pairs + 7) % 4000], axis=1)
    couplings = rows, cols, rng.normal(size=len(rows))
    bqm = dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(4000), couplings, 0.0, "SPIN")
    path = write_problem("bqm", bqm)
    here, there = os.openpty()
    command = [
        sys.executable,
        "-m",
        "ising_ep",
        "minimize",
        path,
        "--output",
        "out.json",
        "--time-limit",
        "900",
    ]
    with subprocess.Popen(command, stdin=there, stdout=there, stderr=there) as running:
        os.close(there)
        shown = b""
        while b"energy -" not in shown:
            shown += os.read(here, 1000)
        for _ in range(2):
            running.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while more := os.read(here, 1000):
                shown += more
    os.close(here)
    assert running.returncode == 0, shown.decode()
    assert b"Ended by: Ctrl-C" in shown
    assert json_output().info["ended_by"] == "Ctrl-C"
