"""Problem files: what dimod writes comes back, energies are the text's, bad files are one clear line.

The readers are Python, so hypothesis fuzzes them here (bytes, text and damaged files), not cargo-fuzz.
"""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import pickle
import re
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import dimod
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from dimod.serialization import coo
from hypothesis import given, settings
from hypothesis import strategies as st

from ising_ep.problems.formats import TABLE
from ising_ep.problems.read import FORMATS, cut_weight, parse_problem, read_problem, read_with_format


def parse(content, name="problem", **options):
    content = content.encode() if isinstance(content, str) else content
    return parse_problem(content, name, **options).bqm


def to_coo(bqm):
    return coo.dumps(bqm, vartype_header=True)


def to_json(bqm):
    return json.dumps(bqm.to_serializable())


def to_file(bqm, version=2):
    return bqm.to_file(version=version).read()


MODELS = {
    "ints": dimod.BQM({0: 1.5, 1: -2, 2: 0.25}, {(0, 1): 0.5, (1, 2): -3}, 0.75, "SPIN"),
    "texts": dimod.BQM({"a": 1, "b c": 2, "": 0}, {("a", "b c"): 3, ("", "a"): -1e-9}, -7, "BINARY"),
    "mixed": dimod.BQM({"a": 1, ("b", (1, "c")): 2, 1.5: 3, 7: 4}, {("a", 7): 1e10}, 0, "SPIN"),
    "permuted": dimod.BQM({2: 1, 0: 2, 1: 3}, {(2, 0): 5, (1, 2): 4}, 0, "SPIN"),
    "far apart": dimod.BQM({2**62: 1, -5: 2}, {(2**62, -5): 3}, 0, "BINARY"),
    "one": dimod.BQM({"x": 1}, {}, 0, "SPIN"),
    "float32": dimod.BQM({0: 0.1, 1: 0.2}, {(0, 1): 0.3}, 0.4, "SPIN", dtype=np.float32),
    "objects": dimod.DictBQM({0: 1, "y": 2}, {(0, "y"): 3}, 0, "BINARY"),
    "random": dimod.generators.gnp_random_bqm(40, 0.3, "SPIN", random_state=1),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("write", [to_json, to_file, lambda bqm: to_file(bqm, 1)])
def test_what_dimod_writes_comes_back(name, write):
    bqm = MODELS[name]
    read = parse(write(bqm))
    assert read == bqm
    assert list(read.variables) == list(bqm.variables) or write is to_json  # which sorts them
    assert read.vartype is bqm.vartype


BQPJSON = {
    "version": "1.0.0",
    "id": 0,
    "metadata": {"a": [None]},
    "variable_ids": [4, 2, 6],
    "variable_domain": "spin",
    "scale": 2.7,
    "offset": 1.23,
    "linear_terms": [{"id": 2, "coeff": 1.3}, {"id": 6, "coeff": -0.7}],
    "quadratic_terms": [
        {"id_tail": 2, "id_head": 4, "coeff": -0.2},
        {"id_tail": 2, "id_head": 6, "coeff": 1},
        {"id_tail": 6, "id_head": 2, "coeff": 0.5},
    ],
}
labels = st.one_of(st.integers(1 - 2**63, 2**63 - 1), st.text(max_size=3), st.tuples(st.text(max_size=2)))
biases = st.floats(-1e100, 1e100)


@st.composite
def models(draw, names=labels, biases=biases):
    variables = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    pairs = [pair for pair in itertools.combinations(variables, 2) if draw(st.booleans())]
    linear = {v: draw(biases) for v in variables}
    quadratic = {pair: draw(biases) for pair in pairs}
    return dimod.BQM(linear, quadratic, draw(biases), draw(st.sampled_from(["SPIN", "BINARY"])))


@pytest.mark.slow
@given(models())
@settings(max_examples=60)
def test_any_model_comes_back(bqm):
    assert parse(to_json(bqm)) == parse(to_file(bqm)) == bqm


@given(models(st.integers(0, 10**15), st.integers(-999, 999).map(lambda k: k / 8)))
@settings(max_examples=60)
def test_any_coo_text_is_read_as_by_dimod(bqm):
    text = to_coo(bqm)
    expected = coo.loads(text)
    if expected.num_variables:  # dimod writes no zeros
        read = parse(text)
        assert read == expected
        assert list(read.variables) == sorted(expected.variables)


def test_coo_keeps_lines_that_dimod_drops():
    text = "# a comment\n# vartype=SPIN\n\n0 0 1e-5\r\n  1 0 -2E3 \n0 1 +.5\n"
    assert coo.loads(text) == dimod.BQM({}, {(0, 1): 0.5}, 0, "SPIN")
    assert parse(text) == dimod.BQM({0: 1e-5, 1: 0}, {(0, 1): -1999.5}, 0, "SPIN")


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_vartype_is_the_header_or_the_option(vartype):
    expected = dimod.BQM({3: 2, 9: 0}, {(3, 9): 1}, 0, vartype)
    assert parse("3 3 2\n3 9 1\n", vartype=vartype) == expected
    assert parse(f"# vartype={vartype}\n3 3 2\n3 9 1\n") == expected
    assert parse(f"# vartype={vartype}\n3 3 2\n3 9 1\n", vartype=vartype) == expected


def test_max_cut():
    edges = [(1, 2, 1.5), (2, 3, -2), (3, 4, 1.5), (4, 1, 1), (3, 1, 3)]
    text = "6 5\n" + "".join(f"{i} {j} {w}\n" for i, j, w in edges)
    bqm = parse(text, "six.mc")
    assert list(bqm.variables) == [1, 2, 3, 4, 5, 6]
    assert bqm.vartype is dimod.SPIN
    cuts = []
    for state in itertools.product((-1, 1), repeat=6):
        cuts.append(sum(w for i, j, w in edges if state[i - 1] != state[j - 1]))
        assert cut_weight(bqm, bqm.energy(dict(enumerate(state, 1)))) == cuts[-1]
    best = dimod.ExactSolver().sample(bqm).first.energy
    assert cut_weight(bqm, best) == max(cuts)
    objective = parse_problem(text.encode(), "six.mc").objective
    assert (objective.name, objective.value(best)) == ("cut", max(cuts))


def test_qubo():
    text = """c a comment with p qubo in it
p qubo 0 12 3 3
c nodes
0 0 -1.5
7 7 2
3 3 0
c couplers, of which one is the wrong way around
0 3 1e1
7 3 -4
3 9 .5
"""
    bqm = parse(text)
    assert list(bqm.variables) == [0, 3, 7, 9]
    for state in itertools.product((0, 1), repeat=4):
        x = dict(zip((0, 3, 7, 9), state, strict=True))
        energy = -1.5 * x[0] + 2 * x[7] + 10 * x[0] * x[3] - 4 * x[7] * x[3] + 0.5 * x[3] * x[9]
        assert bqm.energy(x) == energy


VALID = {
    "coo": "# vartype=BINARY\n0 0 1.5\n0 1 -2\n1 5 3e-1\n",
    "gset": "4 3\n1 2 1\n2 3 -1\n4 1 2\n",
    "qubo": "c hello\np qubo 0 5 2 2\n0 0 1\n4 4 -1\n0 4 2.5\n1 0 1\n",
    "json": to_json(MODELS["mixed"]),
    "bqm": to_file(MODELS["mixed"]),
    "bqpjson": json.dumps(BQPJSON),
    "qh": "7 3\n2 2 1.3\n2 4 -0.2\n6 2 1.5\n",
    "biqmac": "3 4\n1 1 5\n2 2 3\n1 2 -6\n3 2 -1\n",
    "bq": "3 4\n1 1 5\n2 2 3\n1 2 -6\n3 2 -1\n",
    "mqlib": "3 5\n1 1 5\n2 2 3\n3 3 1\n1 2 -6\n2 3 -1\n",
    "orlib": "2\n2 2\n1 1 3\n1 2 4\n1 1\n1 1 9\n",
    "lp": "Maximize\n obj: 2 x + [ 6 x * y[1] ] / 2\nBinary\n x y[1]\nEnd\n",
    "dimacs": "c a graph\np edge 4 3\ne 1 2\ne 3 2\ne 4 1\n",
    "cnf": "c a formula\np wcnf 3 4\n2 1 -2 0\n3 -1 0\n1 2 3 0 4 -3 0\n",
    "qplib": "! a comment\nQPLIB_0001\nQBN # kind\nmaximize\n2 # variables\n2 # terms\n1 1 3\n2 1 -4\n"
    "0.5 # b\n1\n2 7\n-1 # constant\n1e30 # infinity\n0\n0\n0\n0\n0\n0\n",
    "qubo-matrix": "1,2\n0,-3\n",
    "graph-matrix": "0 2\n2 0\n",
}
assert set(VALID) == set(FORMATS)
ENDINGS = {known.name: known.endings for known in TABLE}
# Formats that the bytes alone tell.
CERTAIN = ("coo", "qubo", "json", "bqm", "bqpjson", "orlib", "lp", "cnf", "qplib")


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


def options_for(kind):
    return {"instance": 2} if kind == "orlib" else {}


@pytest.mark.parametrize("name", ["problem", "problem.txt", "G.{}.dat"])
@pytest.mark.parametrize("kind", CERTAIN)
def test_formats_are_recognised_by_their_content(kind, name, tmp_path):
    path = tmp_path / name.format(kind.upper())
    path.write_bytes(as_bytes(VALID[kind]))
    options = options_for(kind)
    assert read_with_format(path, **options).file_format == kind
    assert read_with_format(path, **options) == read_with_format(path, file_format=kind, **options)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, f"P{ending}") for kind in FORMATS for ending in ENDINGS[kind]]
    + [(kind, f"P{ending.upper()}.gz") for kind in FORMATS for ending in ENDINGS[kind]]
    + [("gset", name) for name in ("G1", "G81.txt", "G1.gz", "g05_60.0", "pm1s_100.3", "toruspm3-8-50")],
)
def test_formats_are_recognised_by_their_names(kind, name):
    content = as_bytes(VALID[kind])
    read = parse_problem(gzip.compress(content) if name.endswith(".gz") else content, f"folder/{name}")
    assert read.file_format == kind
    assert read == parse_problem(content, "x", file_format=kind)


@pytest.mark.parametrize("name", ["problem", "graph.txt", "P.dat", "gset", "Gset.txt", "G.GSET.dat", "mc.gz"])
def test_lists_that_could_be_a_graph_or_a_qubo_are_not_guessed(name):
    with pytest.raises(ValueError, match=r"max-cut \(--format gset\) or a QUBO \(biqmac: .*--format to say"):
        parse(VALID["gset"], name)
    for diagonal in (VALID["mqlib"], "# a comment\n\n" + VALID["qh"]):
        line = "'1 1 5'" if diagonal == VALID["mqlib"] else "'2 2 1.3'"
        with pytest.raises(ValueError, match=rf"{line} is an entry on the diagonal, so the file is no graph"):
            parse(diagonal, name)
    with pytest.raises(
        ValueError, match=r"line 2 is '1 1 5', expected two different nodes; .* a QUBO: --form"
    ):
        parse(VALID["mqlib"], "problem.mc")


def states(bqm):
    values = (-1, 1) if bqm.vartype is dimod.SPIN else (0, 1)
    for state in itertools.product(values, repeat=bqm.num_variables):
        yield dict(zip(bqm.variables, state, strict=True))


def test_what_the_same_list_means():
    """Values of Q by hand: x'Qx of Q = [[5, -6, 0], [-6, 3, -1], [0, -1, 1]], MQLib's example."""
    q = np.array([[5, -6, 0], [-6, 3, -1], [0, -1, 1]])
    text = VALID["mqlib"]
    for state in itertools.product((0, 1), repeat=3):
        x = np.array(state)
        names = dict(enumerate(state, 1))
        assert parse(text, file_format="biqmac").energy(names) == x @ q @ x
        assert parse(text, file_format="bq").energy(names) == x @ np.triu(q) @ x
        assert parse(text, file_format="mqlib").energy(names) == -(x @ q @ x)
        assert parse("1\n" + text, file_format="orlib").energy(names) == -(x @ q @ x)
    best = parse_problem(text.encode(), "x", file_format="mqlib")
    assert (
        best.objective.value(dimod.ExactSolver().sample(best.bqm).first.energy) == 6
    )  # as MQLib's README says
    assert best.objective.name == "value of x'Qx"


def test_qubist_has_spins_from_zero():
    bqm = parse(VALID["qh"], "chimera.qh")
    assert bqm == dimod.BQM({2: 1.3, 4: 0, 6: 0}, {(2, 4): -0.2, (6, 2): 1.5}, 0, "SPIN")


@pytest.mark.parametrize("domain", ["spin", "boolean"])
def test_bqpjson_keeps_scale_and_offset(domain):
    """The energy of bqpjson's definition, `scale * (sum + offset)`, with sparse ids."""
    content = BQPJSON | {"variable_domain": domain}
    bqm = parse(json.dumps(content), "x.json")
    assert list(bqm.variables) == [2, 4, 6]
    for s in states(bqm):
        expected = 2.7 * (1.23 + 1.3 * s[2] - 0.7 * s[6] - 0.2 * s[4] * s[2] + 1.5 * s[6] * s[2])
        assert bqm.energy(s) == pytest.approx(expected, rel=1e-14)


def test_offsets_in_comments_are_kept_or_refused():
    qubo = "c id : 0\nc scale : 2.7\nc offset : 1.93\np qubo 0 3 1 1\n0 0 1.5\n0 2 -1\n"
    bqm = parse(qubo)
    for x in states(bqm):
        assert bqm.energy(x) == pytest.approx(2.7 * (1.93 + 1.5 * x[0] - x[0] * x[2]), rel=1e-14)
    assert parse("# vartype=SPIN\n# offset=-1.5\n0 1 1\n").offset == -1.5
    assert parse("# vartype=SPIN\n# the offset: of a comment\n0 1 1\n").offset == 0
    for text, said in (
        ("# vartype=SPIN\n# offset=1\n# offset=2\n0 1 1\n", "offsets 1.0 and 2.0"),
        ("# vartype=SPIN\n# offset=nan\n0 1 1\n", "offset is 'nan'"),
        ("# vartype=SPIN\n# offset=1_0\n0 1 1\n", "offset is '1_0', expected a finite number"),
        (qubo.replace("1.93", "1_9"), "offset is '1_9', expected a finite number"),
        (qubo.replace("1.93", "much"), "offset is 'much', expected a finite number"),
        (qubo.replace("c id : 0", "c scale : 1"), "2 comments say scale"),
    ):
        with pytest.raises(ValueError, match=said):
            parse(text)
    for kind in ("gset", "biqmac", "bq", "mqlib", "orlib", "qh"):
        with pytest.raises(ValueError, match=r"says offset 2\.5, of which this format does not say"):
            parse("# offset = 2.5\n" + VALID[kind], file_format=kind)


def test_comments_and_unweighted_edges():
    plain = parse("4 3\n1 2 1\n2 3 1\n4 1 1\n", "x.gset")
    text = "# a\n% b\nc d\n\n 4 3\n#e\n1 2\n c f\n2 3\n%\n4 1\n#"
    assert parse(text) == parse(text, "x.mc") == plain  # no weights: no QUBO
    with pytest.raises(ValueError, match=r"line 11 is '4 1 1', expected 'i j' of two integers from 1 to 4"):
        parse(text.replace("4 1", "4 1 1"))
    for ending in ("sparse", "bq", "qh"):  # named as a QUBO, which has values
        with pytest.raises(ValueError, match=r"line 3 is '1 2', expected 'i j value'.* \(read as"):
            parse("# a\n4 3\n1 2\n2 3\n3 1\n", f"x.{ending}")
    with pytest.raises(ValueError, match="line 3 is 'cat', expected 'nodes edges'"):
        parse("# a\n\ncat\n4 1\n1 2\n", "x.gset")


@pytest.mark.parametrize("kind", ["gset", "biqmac", "bq", "mqlib", "orlib", "qh"])
@pytest.mark.parametrize("again", ["1 2 3", "2 1 3"])
def test_a_pair_that_stands_there_twice_is_refused(kind, again):
    text = "1\n" * (kind == "orlib") + f"3 3\n1 2 1\n\n2 0 1\n{again}\n".replace(
        "2 0", "2 2" if kind != "gset" else "2 3"
    )
    line = 6 if kind == "orlib" else 5
    with pytest.raises(ValueError, match=f"line {line} is '{again}', expected each pair once"):
        parse(text, file_format=kind)


def test_one_of_several_problems():
    text = "\n 3\n\n2 2\n1 1 3\n\n1 2 4\n 1 1\n1 1 9\n3 1\n3 2 -1\n\n"
    assert parse(text, instance=1) == dimod.BQM({1: -3, 2: 0}, {(1, 2): -8}, 0, "BINARY")
    assert parse(text, instance=2) == dimod.BQM({1: -9}, {}, 0, "BINARY")
    assert parse(text, instance=3) == dimod.BQM({1: 0, 2: 0, 3: 0}, {(3, 2): 2}, 0, "BINARY")
    for wrong, options, said in (
        (text, {}, "holds 3 problems, expected --instance with one from 1 to 3"),
        (text, {"instance": 4}, "instance is 4, expected one from 1 to 3"),
        (text.replace(" 3\n", " 4\n", 1), {"instance": 1}, "line 2 says 4 problems, but problem 4 is cut"),
        (text.replace(" 3\n", " 2\n", 1), {"instance": 1}, "line 2 says 2 problems, but more follows"),
        (text.replace("1 1 9", "1 2 9"), {"instance": 2}, "line 9 is '1 2 9', expected .* from 1 to 1"),
        (text.replace(" 1 1\n", " 1\n"), {"instance": 3}, "line 8 is '1', expected 'variables entries'"),
        (VALID["coo"], {"instance": 1}, "instance is 1, but a file of format coo has one problem"),
    ):
        with pytest.raises(ValueError, match=said):
            parse(wrong, **options)


RNG = np.random.default_rng(5)
SQUARE = RNG.integers(-9, 9, (5, 5)) / 4
SYMMETRIC = np.triu(SQUARE, 1) + np.triu(SQUARE, 1).T


def saved(matrix, kind):
    file = io.BytesIO()
    if kind == "npy":
        np.save(file, matrix)
    elif kind == "npy, columns first":
        np.save(file, np.asfortranarray(matrix, dtype=np.float32))
    elif kind == "csv":
        np.savetxt(file, matrix, delimiter=",", header="a comment")
    elif kind == "Biq Mac's .mat":
        file.write(b"5\n")
        np.savetxt(file, matrix)
    elif kind == "market":
        scipy.io.mmwrite(file, scipy.sparse.coo_array(matrix), comment="a comment")
    else:
        scipy.io.mmwrite(file, matrix)
    return file.getvalue()


CONTAINERS = ["npy", "npy, columns first", "csv", "Biq Mac's .mat", "market", "market array"]


@pytest.mark.parametrize("kind", CONTAINERS)
def test_matrices(kind):
    first = 1 if kind.startswith("market") else 0
    bqm = parse(saved(SQUARE, kind), file_format="qubo-matrix")
    assert list(bqm.variables) == list(range(first, 5 + first))
    for x in states(bqm):
        vector = np.array(list(x.values()))
        assert bqm.energy(x) == vector @ SQUARE @ vector
    graph = parse_problem(saved(SYMMETRIC, kind), "x", file_format="graph-matrix")
    for s in states(graph.bqm):
        side = np.array(list(s.values()))
        cut = sum(SYMMETRIC[i, j] for i in range(5) for j in range(i) if side[i] != side[j])
        assert graph.objective.value(graph.bqm.energy(s)) == cut
    twice = saved(SYMMETRIC, kind)
    assert parse(twice, file_format="qubo-matrix").energy(dict.fromkeys(bqm.variables, 1)) == SYMMETRIC.sum()


@pytest.mark.parametrize("kind", CONTAINERS)
def test_matrices_are_not_guessed_and_not_bent(kind):
    said = r"can be a QUBO \(--format qubo-matrix\) or a graph for max-cut \(--format graph-matrix\)"
    if kind != "Biq Mac's .mat":  # which begins as an OR-Library file could
        with pytest.raises(ValueError, match=said):
            parse(saved(SQUARE, kind), "problem.csv")
    with pytest.raises(ValueError, match=r"entries \d, \d and \d, \d differ, expected a symmetric matrix"):
        parse(saved(SQUARE, kind), file_format="graph-matrix")
    with pytest.raises(ValueError, match="an entry on the diagonal is not 0"):
        parse(saved(SYMMETRIC + np.eye(5), kind), file_format="graph-matrix")
    with pytest.raises(ValueError, match=r"4 rows and 5 columns|a row of 5 numbers|5 rows and 4"):
        parse(
            saved(SQUARE[:4], kind).replace(b"5\n", b"5\n5\n", kind.startswith("Biq")),
            file_format="qubo-matrix",
        )
    holed = SQUARE.copy()
    holed[1, 2] = np.nan
    with pytest.raises(ValueError, match=r"nan|NaN"):
        parse(saved(holed, kind), file_format="qubo-matrix")


FOREIGN = [
    (lambda: pickle.dumps({"a": 1}), "a Python pickle (never loaded"),
    (lambda: pickle.dumps({"a": 1}, protocol=0), "a Python pickle (never loaded"),
    (lambda: dimod.CQM().to_file().read(), "a constrained quadratic model (CQM)"),
    (lambda: dimod.DQM().to_file().read(), "a discrete quadratic model (DQM)"),
    (lambda: dimod.QM().to_file().read(), "a quadratic model of dimod"),
    (lambda: npz(), "a numpy archive (.npz)"),
    (lambda: b"* a comment\nNAME  test\nROWS\n N  obj\n", "a linear program in MPS"),
    (lambda: b"OBJSENSE\n    MAX\nname\nrows\n n  obj\n", "a linear program in MPS"),
    (lambda: b"name test\nrows\n n  obj\n", "a linear program in MPS"),
    (
        lambda: b"\x28\xb5\x2f\xfd\x20\x03\x19\x00\x00\x30\x20\x31",
        "a file compressed with zstandard (zstd -d",
    ),
    (lambda: b"c a\np max 3 2\nn 1 s\nn 3 t\na 1 2 5\na 2 3 4\n", "a DIMACS network"),
    (lambda: b"NAME : berlin52\nTYPE : TSP\n", "a TSPLIB file"),
    (lambda: b"<?xml version='1.0'?><graphml/>", "XML or HTML"),
    (lambda: b"<!DOCTYPE html>\n<html>404</html>", "XML or HTML"),
    (lambda: b"graph [\n node [ id 0 ]\n]\n", "a GML graph"),
    (lambda: b"graph {\n 0 -- 1\n}\n", "a Graphviz graph"),
    (lambda: b"MINIMIZE\n2.0\n0 0 1.0\n", "a .qubo file of Quantagonia"),
    (lambda: b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    (lambda: b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (lambda: gzip.compress(gzip.compress(b"0 1 1")), "a file compressed twice"),
    (lambda: b"2 2\n0 0 0 2 0 0 0 2 100\n", "a problem on a Chimera graph (HFS)"),
    (lambda: b"% id : 0\n% \n\nset of int: Domain = {0,1};\n", "a MiniZinc model"),
    (lambda: b"c a\nMAX-CUT 4 5\n1 2 1\n", "a max-cut graph that begins with 'MAX-CUT'"),
]


def npz():
    file = io.BytesIO()
    np.savez(file, a=np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize(("make", "what"), FOREIGN, ids=[what for _, what in FOREIGN])
@pytest.mark.parametrize("name", ["problem", "problem.txt", "problem.coo", "problem.gset"])
def test_files_that_are_not_read_are_named(make, what, name):
    with pytest.raises(ValueError, match=rf"\A{name}: looks like {re.escape(what)}[^\n]*, which is not read"):
        parse(make(), name)
    with pytest.raises(ValueError, match=rf"; it looks like {re.escape(what)}"):
        parse(make(), name, file_format="gset")


def test_json_that_says_a_thing_twice_is_refused():
    """json itself takes the last of the two."""
    text = json.dumps(BQPJSON)
    assert parse(text, "x.json").num_variables > 0
    with pytest.raises(ValueError, match="not whole JSON: an object has the name 'scale' twice"):
        parse(text.replace('"scale"', '"scale": 1, "scale"'), "x.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            b"root:x:0:0:root:/root:/bin/bash\n",
            "by its first line 'root:x:0:0:root:/root:/bin/bash'; expected",
        ),
        (b"\x00\x01\x02\x03", "binary data of no format that is known; expected one of bqm, bqpjson"),
        (b"0 1\n1 2\n2 0\n", r"line 2 is '1 2', expected 'i j' of two integers from 1 to 0 \(read as gset\)"),
        (b"[1, 2]", "first line '\\[1, 2\\]'"),
    ],
)
def test_files_of_no_known_format(content, said):
    with pytest.raises(ValueError, match=said):
        parse(content)


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "two members of gzip": lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]),
    "three streams of bzip2": lambda content: b"".join(map(bz2.compress, (content[:9], b"", content[9:]))),
    "two streams of xz, zeros": lambda content: (
        lzma.compress(content[:9]) + bytes(4) + lzma.compress(content[9:]) + bytes(8)
    ),
    "zeros": lambda content: gzip.compress(content) + bytes(512),
    "utf-8 mark": lambda content: b"\xef\xbb\xbf" + content,
    "utf-16": lambda content: content.decode().encode("utf-16"),
    "utf-16, big end first": lambda content: b"\xfe\xff" + content.decode().encode("utf-16-be"),
    "both": lambda content: bz2.compress(content.decode().encode("utf-16")),
}


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("kind", ["coo", "gset", "qubo", "bqpjson", "json", "lp"])
def test_compressed_and_marked_files(pack, kind):
    content = VALID[kind].encode()
    assert parse(PACKERS[pack](content), file_format=kind) == parse(content, file_format=kind)


def test_damaged_compressed_files():
    whole = gzip.compress(VALID["coo"].encode() * 999)
    for content, said in (
        (whole[:-9], "not a whole gzip file"),
        (whole[:50] + bytes([whole[50] ^ 255]) + whole[51:], "not a whole gzip file"),
        (bz2.compress(b"0 1 1")[:-5], "not a whole bzip2 file"),
        (lzma.compress(b"0 1 1")[:-5], "not a whole xz file"),
        *(
            (pack(b"0 1 1") + rest, f"not a whole {name} file: something follows its end")
            for pack, name in ((gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz"))
            for rest in (b"more", pack(b"0 1 1")[1:])
        ),
        (bz2.compress(b"") * 10_001, "not a whole bzip2 file: more than 10000 streams follow each other"),
        (gzip.compress(b"") * 10**6, "not a whole gzip file: more than 10000 streams follow each other"),
        (b"\xff\xfe\x00\x00" + b"1\0\0\0", "looks like text in UTF-32"),
        (b"\xff\xfe\x00\xd8\x00\xd8", "begins as text in UTF-16 and does not go on so"),
    ):
        with pytest.raises(ValueError, match=said):
            parse(content)


def test_format_is_forced_or_from_the_ending():
    text = "2 2\n1 1 1\n1 2 1\n"
    with pytest.raises(ValueError, match="line 2 is '2 2', expected 'i j bias'"):
        parse("# vartype=SPIN\n" + text, file_format="coo")
    with pytest.raises(ValueError, match="expected 'p qubo 0"):
        parse("0 1 2\n", "problem.qubo")
    assert parse("0 1 2\n", "problem.qubo", file_format="coo", vartype="SPIN").num_variables == 2
    with pytest.raises(ValueError, match="file_format is 'mps', expected one of"):
        parse(text, file_format="mps")
    with pytest.raises(ValueError, match="vartype is 'REAL', expected one of"):
        parse(text, vartype="REAL")


def edited_json(**changes):
    return json.dumps(MODELS["ints"].to_serializable() | changes)


def edited_bqm(old, new):
    content = to_file(MODELS["texts"])
    assert content.count(old) == 1
    return content.replace(old, new)


def bqm_of_shape(*shape):
    """A file that says in its header that it has this shape; its bytes are those of one variable."""
    content = to_file(MODELS["one"])
    size = struct.unpack("<I", content[10:14])[0]
    header = json.loads(content[14 : 14 + size]) | {"shape": shape}
    new = json.dumps(header).encode()
    return content[:10] + struct.pack("<I", len(new)) + new + content[14 + size :]


def index_bqm(index):
    """The model of three variables in a row with another neighbour of the last variable."""
    content = to_file(MODELS["ints"])
    return content[:-12] + struct.pack("<i", index) + content[-8:]


BAD = [
    # text in general
    ("", {}, ["empty"]),
    (" \n\t\n", {}, ["empty"]),
    (b"\x00\xff\xfe", {}, ["binary data of no format that is known"]),
    (b"\x80\x06\xff", {"vartype": "SPIN"}, ["line 1 is", "expected 'i j bias'"]),
    (VALID["gset"], {"vartype": "BINARY", "file_format": "gset"}, ["SPIN", "BINARY"]),
    (VALID["qubo"], {"vartype": "SPIN"}, ["SPIN", "BINARY"]),
    (VALID["json"], {"vartype": "BINARY"}, ["SPIN", "BINARY"]),
    # COO
    ("0 1 1\n", {}, ["--vartype"]),
    ("# vartype=SPIN\n", {}, ["no variables"]),
    ("# vartype=SPIN\n\x1c\n", {}, ["no variables"]),
    ("# vartype=REAL\n0 1 1\n", {}, ["'REAL'", "SPIN or BINARY"]),
    ("# vartype=SPIN\n0 1 1\n# vartype=BINARY\n", {}, ["'BINARY' and 'SPIN'"]),
    ("# vartype=SPIN\n0 1 1\n", {"vartype": "BINARY"}, ["SPIN", "BINARY"]),
    ("# vartype=SPIN\n\n0 1 x\n", {}, ["line 3 is '0 1 x'", "a finite number"]),
    ("# vartype=SPIN\n0 1 1\n0 1\n", {}, ["line 3 is '0 1'"]),
    ("# vartype=SPIN\n0 1 1 1\n", {}, ["line 2 is '0 1 1 1'"]),
    ("# vartype=SPIN\n0 1.0 1\n", {}, ["line 2 is '0 1.0 1'"]),
    ("# vartype=SPIN\n0 1.5 1\n", {}, ["line 2 is '0 1.5 1'"]),
    ("# vartype=SPIN\n0 1 1\n\n# c\n-1 1 1\n", {}, ["line 5 is '-1 1 1'", "integers >= 0"]),
    ("# vartype=SPIN\n0 1 nan\n", {}, ["line 2 is '0 1 nan'", "finite"]),
    ("# vartype=SPIN\n0 1 1\n0 1 -inf\n", {}, ["line 3 is '0 1 -inf'", "finite"]),
    ("# vartype=SPIN\n0 1 1e999\n", {}, ["line 2 is '0 1 1e999'", "finite"]),
    ("# vartype=SPIN\n0 1 9e302\n1 2 9e302\n", {}, ["1.8e+303", "1e+303"]),
    ("# vartype=SPIN\n0 99999999999999999999 1\n", {}, ["line 2 is '0 99999999999999999999 1'"]),
    ("# vartype=SPIN\n" + "7" * 10**6, {}, ["line 2 is '777", "..."]),
    ("# vartype=SPIN\n0,1,1\n", {}, ["line 2 is '0,1,1'"]),
    # Gset
    ("3 1\n1 2 1\n2 3 1\n", {"file_format": "gset"}, ["line 1 says 1 edges, but 2 follow"]),
    ("\n3 3\n1 2 1\n2 3 1\n", {"file_format": "gset"}, ["line 2 says 3 edges, but 2 follow"]),
    ("3 2\n1 2 1\n2 4 1\n", {"file_format": "gset"}, ["line 3 is '2 4 1'", "from 1 to 3"]),
    ("3 2\n0 2 1\n2 3 1\n", {"file_format": "gset"}, ["line 2 is '0 2 1'", "from 1 to 3"]),
    ("3 2\n1 2 1\n2 -1 1\n", {"file_format": "gset"}, ["line 3 is '2 -1 1'"]),
    ("3 2\n1 2 1\n2 2 1\n", {"file_format": "gset"}, ["line 3 is '2 2 1'", "different"]),
    ("3 2\n1 2 1\n2 3\n", {"file_format": "gset"}, ["line 3 is '2 3'"]),
    ("3 2\n1 2 1\n2 3 inf\n", {"file_format": "gset"}, ["line 3 is '2 3 inf'"]),
    ("999999999999 1\n1 2 1\n", {"file_format": "gset"}, ["line 1 says 999999999999 nodes", "1000002"]),
    ("0 0\n", {"file_format": "gset"}, ["no variables"]),
    ("3 2 1\n1 2 1\n", {"file_format": "gset"}, ["line 1 is '3 2 1'", "'nodes edges'"]),
    ("3 -2\n1 2 1\n", {"file_format": "gset"}, ["line 1 is '3 -2'"]),
    # qubo
    ("c x\n", {"file_format": "qubo"}, ["expected 'p qubo 0"]),
    (
        "p cnf 3 2\n1 2 0\n",
        {"file_format": "qubo"},
        ["line 1 is 'p cnf 3 2'", "'p qubo 0 maxNodes nNodes nCouplers'"],
    ),
    ("c\np qubo 0 3 2\n0 0 1\n", {}, ["line 2 is 'p qubo 0 3 2'"]),
    ("p qubo 0 3 2 1\n0 0 1\n0 1 1\n", {}, ["line 1 says 2 nodes, but 1 follow"]),
    ("p qubo 0 3 1 2\n0 0 1\n0 1 1\n", {}, ["line 1 says 2 couplers, but 1 follow"]),
    ("p qubo 0 3 1 1\nc\n0 0 1\n0 3 1\n", {}, ["line 4 is '0 3 1'", "from 0 to 2"]),
    ("p qubo 0 3 1 2\n0 0 1\n0 1 1\n1 0 2\n", {}, ["line 4 is '1 0 2'", "once"]),
    ("p qubo 0 3 2 0\n1 1 1\n1 1 1\n", {}, ["line 3 is '1 1 1'", "once"]),
    ("p qubo 0 3 1 1\n0 0 1\n0 -1 1\n", {}, ["line 3 is '0 -1 1'"]),
    ("p qubo 0 3 1 1\n0 0 nan\n0 1 1\n", {}, ["line 2 is '0 0 nan'"]),
    ("p qubo 0 999999999999999999 0 0\n", {}, ["no variables"]),
    ("p qubo 0 9 1 999999999999\n0 0 1\n", {}, ["999999999999 couplers, but 0 follow"]),
    # JSON
    ("{", {}, ["json"]),
    ("{}", {}, ["json", "neither dimod's"]),
    ('{"version": 3}', {}, ["json"]),
    (VALID["json"][:-20], {}, ["json", "line 1"]),
    (edited_json(use_bytes=True), {}, ["use_bytes"]),
    (edited_json(quadratic_head=[0, -1]), {}, ["-1", "0 to 2"]),
    (edited_json(quadratic_tail=[0, 3]), {}, ["3", "0 to 2"]),
    (edited_json(quadratic_tail=[0, 2**40]), {}, [str(2**40)]),
    (edited_json(quadratic_head=[1, 1], quadratic_tail=[0, 1]), {}, ["variable 1 is coupled to itself"]),
    (edited_json(quadratic_head=[0.5, 1]), {}, ["quadratic_head", "integers"]),
    (edited_json(quadratic_head=[1]), {}, ["1 heads, 2 tails and 2 biases"]),
    (edited_json(linear_biases=["a", "b", "c"]), {}, ["linear_biases", "real numbers"]),
    (edited_json(linear_biases=[[1.0], [2.0], [3.0]]), {}, ["linear_biases", "real numbers"]),
    (edited_json(linear_biases=[1.0, float("nan"), 0.0]), {}, ["nan"]),
    (edited_json(offset=float("inf")), {}, ["inf"]),
    (edited_json(offset=None), {}, ["json"]),
    (edited_json(offset=10**400), {}, ["json", "too large"]),
    (edited_json(variable_type="INTEGER"), {}, ["'INTEGER'", "SPIN"]),
    (edited_json(variable_labels=["a", "b"]), {}, ["2 labels for 3 variables"]),
    (edited_json(variable_labels=["a", "b", "a"]), {}, ["'a'"]),
    (edited_json(variable_labels=["a", None, "b"]), {}, ["label null"]),
    (edited_json(variable_labels=["a", 2**63, "b"]), {}, ["label 9223372036854775808"]),
    (edited_json(variable_labels=["a", float("nan"), "b"]), {}, ["label NaN"]),
    (edited_json(variable_labels=["a", "\ud800", "b"]), {}, ["surrogate"]),
    ('{"version": ' + "[" * 10**6, {}, ["json"]),
    # BQM files
    (VALID["bqm"][:9], {}, ["bqm"]),
    (VALID["bqm"][:100], {}, ["bqm"]),
    (VALID["bqm"][:260], {}, ["bqm", "bytes follow the header"]),
    (VALID["bqm"][:-60], {}, ["bqm"]),
    (bqm_of_shape(10**30, 2), {}, ["bytes follow the header"]),
    (bqm_of_shape(1, 2, 3), {}, ["bqm"]),
    (bqm_of_shape(True, 0), {}, ["[True, 0]"]),
    (bqm_of_shape(0, 0), {}, ["bqm"]),
    (to_file(dimod.BQM("SPIN")), {}, ["no variables"]),
    (to_json(dimod.BQM("SPIN")), {}, ["no variables"]),
    (edited_bqm(b"[3, 2]", b"[3,99]"), {}, ["bytes follow the header", "[3, 99]"]),
    (edited_bqm(b"[3, 2]", b"[3, 1]"), {}, ["bqm"]),
    (edited_bqm(b"[3, 2]", b"[3,-2]"), {}, ["[3, -2]"]),
    (edited_bqm(b'"float64"', b'"object_"'), {}, ["object_", "float32"]),
    (edited_bqm(b'"BINARY"', b'"BANANA"'), {}, ["BANANA"]),
    (edited_bqm(b"DIMODBQM\x02", b"DIMODBQM\x03"), {}, ["(3, 0)"]),
    (index_bqm(-1), {}, ["-1", "0 to 2"]),
    (index_bqm(-(2**31)), {}, ["0 to 2"]),
    (index_bqm(2**31 - 1), {}, ["1 couplings, expected 2"]),
    (index_bqm(2), {}, ["1 couplings, expected 2"]),
    (pickle.dumps({"a": 1}), {}, ["pickle", "never loaded"]),
]


@pytest.mark.parametrize(("content", "options", "texts"), BAD)
def test_bad_files_are_one_line(content, options, texts):
    with pytest.raises(ValueError, match=r"\A[^\n]{1,400}\Z") as caught:
        parse(content, "bad file", **options)
    message = str(caught.value)
    assert message.startswith("bad file: ")
    for text in texts:
        assert text in message


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        read_problem(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read_problem(tmp_path)


HOSTILE = """
import resource, sys
from ising_ep.problems.read import read_problem
import numpy, dimod
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 900 * 2**20,) * 2)
for path in sys.argv[1:]:
    try:
        print(read_problem(path, vartype="SPIN").num_variables)
    except ValueError as error:
        print("refused", error)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="measures memory through /proc")
def test_headers_take_no_memory(tmp_path):
    """Each would need far more than the 900 MiB allowed, if what it promises were believed."""
    hostile = {
        "nodes": f"{10**17} 1\n1 2 1\n",
        "edges": f"2 {10**17}\n1 2 1\n",
        "far.qubo": f"p qubo 0 {10**17} 1 1\n0 0 1\n0 {10**17 - 1} 1\n",
        "far.coo": f"# vartype=SPIN\n0 {10**17} 1\n",
        "head.json": edited_json(quadratic_head=[1, 2**31 - 2]),
        "variables.bqm": bqm_of_shape(10**17, 0),
        "couplings.bqm": bqm_of_shape(1, 10**17),
        "index.bqm": index_bqm(2**31 - 1),
        "length.bqm": to_file(MODELS["texts"]).replace(b"VARS", b"VARS\xff\xff\xff\xff"),
        "header.bqm": b"DIMODBQM\x02\x00\xff\xff\xff\xff{}",
    }
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    command = [sys.executable, "-c", HOSTILE, *(tmp_path / name for name in hostile)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    results = dict(zip(hostile, done.stdout.splitlines(), strict=True))
    assert results.pop("far.coo") == "2"
    assert all(result.startswith("refused") for result in results.values()), results


def test_what_never_ends_is_refused():
    with pytest.raises(ValueError, match="/dev/zero: the file is larger than 256 MiB"):
        read_problem("/dev/zero")


@pytest.mark.slow
def test_lines_that_are_too_long():
    text = "# vartype=SPIN\n0 1 1\n\n" + "1" * 2**25 + "\n0 1 1\n"
    for long in (text, text.removesuffix("\n0 1 1\n")):
        with pytest.raises(ValueError, match="line 4 has more than 65536 characters"):
            parse(long)
    with pytest.raises(ValueError, match="line 2 has more than 1048576 characters"):
        parse("1 2\n" + "1 " * 2**20, file_format="qubo-matrix")


@pytest.mark.slow
def test_many_lines_are_read_in_pieces():
    """Over more than one piece: numbers of lines, comments and rows go on."""
    comment = "#" * 180
    body = "".join(f"{comment}\n{k} {k + 1} {k % 7}\n" for k in range(90_000))
    assert len(body) > 2**24
    text = "# vartype=SPIN\n" + body
    bqm = parse(text)
    assert bqm.num_variables == 90_001
    assert [bqm.quadratic[k, k + 1] for k in range(90_000)] == [k % 7 for k in range(90_000)]
    with pytest.raises(ValueError, match="line 180002 is '3 x 1'"):
        parse(text + "3 x 1\n")
    with pytest.raises(ValueError, match="line 180002 is '-3 1 1'"):
        parse(text + "-3 1 1\n")


@pytest.mark.slow
def test_long_files():
    rng = np.random.default_rng(0)
    n, m = 20_000, 60_000
    low, high = np.unique(np.sort(rng.integers(1, n + 1, (m, 2)), axis=1), axis=0).T
    low, high = low[low < high], high[low < high]
    values = rng.integers(-(10**9), 10**9, len(low)) / 1000
    body = "".join(
        f"{i} {j} {w}\n" for i, j, w in zip(*map(np.ndarray.tolist, (low, high, values)), strict=True)
    )
    assert len(low) > 0.99 * m
    backwards = "".join(f"{line}\n" for line in reversed(body.splitlines()))
    for header, name in ((f"{n} {len(low)}\n", "long.mc"), (f"p qubo 0 {n + 1} 0 {len(low)}\n", "long.qubo")):
        bqm = parse(header + body, name)
        assert bqm.num_interactions == len(low)
        for k in (0, len(low) // 2, len(low) - 1):
            assert bqm.quadratic[low[k], high[k]] == values[k]
        assert parse(header + backwards, name) == bqm


def is_refused_or_whole(content, **options):
    """Any bytes are a problem of finite numbers, or one line; never a warning."""
    try:
        with warnings.catch_warnings(action="error"):
            bqm = parse(content, **options)
    except ValueError as error:
        bqm, message = None, str(error)
    if bqm is None:
        assert re.fullmatch(r"[^\n]{1,600}", message), message
        assert message.startswith("problem: ")
        return
    linear, (rows, cols, values), offset = bqm.to_numpy_vectors(variable_order=list(bqm.variables))
    assert np.isfinite(linear).all()
    assert np.isfinite(values).all()
    assert np.isfinite(float(offset))
    assert len(rows) == 0 or max(rows.max(), cols.max()) < len(linear)


@pytest.mark.slow
@given(st.binary(max_size=300), st.sampled_from([None, *FORMATS]), st.sampled_from([None, "SPIN"]))
@settings(max_examples=400)
def test_any_bytes(content, file_format, vartype):
    is_refused_or_whole(content, file_format=file_format, vartype=vartype)


@given(
    st.text(alphabet="0123456789 +-.eEpcqubo#\n\r\t\x0b\x00,anif=vrtySPINBIARY", max_size=200),
    st.sampled_from([None, "coo", "gset", "qubo"]),
)
@settings(max_examples=400)
def test_any_text_of_such_characters(text, file_format):
    is_refused_or_whole(text.encode(), file_format=file_format, vartype="SPIN")


VALID_BYTES = [content if isinstance(content, bytes) else content.encode() for content in VALID.values()]
VALID_BYTES += [to_file(MODELS["texts"], 1), to_file(MODELS["float32"]), to_file(MODELS["ints"])]


@st.composite
def mutated(draw):
    """A valid file with a few pieces replaced, left out or put in."""
    content = bytearray(draw(st.sampled_from(VALID_BYTES)))
    pieces = st.one_of(
        st.binary(max_size=4),
        st.sampled_from(
            [b"-1", b"1e999", b"nan", b"9" * 19, b"\n", b"[]", b"{}", b"null", b'"', b"\xff" * 4]
        ),
    )
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 8)))
        content[start:end] = draw(pieces)
    return bytes(content[: draw(st.integers(0, 2 * len(content)))])


@pytest.mark.slow
@given(mutated())
@settings(max_examples=800)
def test_damaged_files(content):
    is_refused_or_whole(content)


def test_nothing_is_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "trapped",))

    np.savez(tmp_path / "trap.npz", x=np.array([Trap()], dtype=object))
    (tmp_path / "trap.pickle").write_bytes(pickle.dumps(Trap()))
    for path in list(tmp_path.iterdir()):
        for file_format in (None, *FORMATS):
            with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
                read_problem(path, file_format=file_format, vartype="SPIN")
    assert not (tmp_path / "trapped").exists()
    pickle.loads((tmp_path / "trap.pickle").read_bytes())
    assert (tmp_path / "trapped").exists()


def test_the_docs_have_every_format_and_ending():
    text = (Path(__file__).parents[2] / "docs" / "files.md").read_text()
    rows = dict(re.findall(r"^\| `(\S+)` \|(.*)$", text, flags=re.MULTILINE))
    assert set(rows) - {"--format"} == set(FORMATS)
    for kind, endings in ENDINGS.items():
        assert all(ending in rows[kind] for ending in endings)


def _npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gset", b"3 2\n1 2 9007199254740993\n2 3 2\n"),
        ("a.json", json.dumps(BQPJSON | {"offset": 2**53 + 1}).encode()),
        ("a.npy", _npy(np.array([[2, 2**53 + 1], [0, 3]]))),
        ("a.npy", _npy(np.array([[2, 2**63 + 1], [0, 3]], dtype=np.uint64))),
        ("a.csv", b"1, 9007199254740993\n0, 2\n"),
    ],
)
def test_integers_beyond_double_precision_are_warned_of(tmp_path, name, content):
    file = tmp_path / name
    file.write_bytes(content)
    asked = {"file_format": "qubo-matrix"} if name.endswith(("npy", "csv")) else {}
    with pytest.warns(
        UserWarning, match=r"rounded to double precision, 1 of them, as \d{15,}[39] to \d{15,}[28]$"
    ):
        read_problem(file, **asked)


@pytest.mark.parametrize(
    "weight", ["9007199254740992", "9007199254740994", "9.5e200", "-0.12345678901234567"]
)
def test_numbers_that_are_doubles_are_not_warned_of(tmp_path, weight):
    file = tmp_path / "a.gset"
    file.write_text(f"3 2\n1 2 {weight}\n2 3 2\n")
    with warnings.catch_warnings(action="error"):
        assert read_problem(file).quadratic[1, 2] == float(weight)


def test_labels_beyond_double_precision_are_whole(tmp_path):
    file = tmp_path / "a.json"
    terms = [{"id": 2**53 + 1, "coeff": 2**52}]
    content = {"variable_ids": [2**53 + 1], "linear_terms": terms, "quadratic_terms": []}
    file.write_text(json.dumps(BQPJSON | content))
    with warnings.catch_warnings(action="error"):
        assert list(read_problem(file).variables) == [2**53 + 1]
