"""Problem files: what dimod writes comes back, energies are the text's, bad files are one clear line.

The readers are Python, so hypothesis fuzzes them here (bytes, text and damaged files), not cargo-fuzz.
"""

from __future__ import annotations

import itertools
import json
import pickle
import re
import struct
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import dimod
import numpy as np
import pytest
from dimod.serialization import coo
from hypothesis import given, settings
from hypothesis import strategies as st

from ising_ep.files import FORMATS, cut_weight, read_problem, read_with_format


def parse(content, name="problem", **options):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_problem(path, **options)


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


labels = st.one_of(st.integers(1 - 2**63, 2**63 - 1), st.text(max_size=3), st.tuples(st.text(max_size=2)))
biases = st.floats(-1e100, 1e100)


@st.composite
def models(draw, names=labels, biases=biases):
    variables = draw(st.lists(names, min_size=1, max_size=6, unique=True))
    pairs = [pair for pair in itertools.combinations(variables, 2) if draw(st.booleans())]
    linear = {v: draw(biases) for v in variables}
    quadratic = {pair: draw(biases) for pair in pairs}
    return dimod.BQM(linear, quadratic, draw(biases), draw(st.sampled_from(["SPIN", "BINARY"])))


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
    edges = [(1, 2, 1), (2, 3, -2), (3, 4, 1.5), (4, 1, 1), (3, 1, 3), (1, 2, 0.5)]
    bqm = parse("6 6\n" + "".join(f"{i} {j} {w}\n" for i, j, w in edges))
    assert list(bqm.variables) == [0, 1, 2, 3, 4, 5]
    assert bqm.vartype is dimod.SPIN
    cuts = []
    for state in itertools.product((-1, 1), repeat=6):
        cuts.append(sum(w for i, j, w in edges if state[i - 1] != state[j - 1]))
        assert cut_weight(bqm, bqm.energy(list(state))) == cuts[-1]
    best = dimod.ExactSolver().sample(bqm).first.energy
    assert cut_weight(bqm, best) == max(cuts)


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
}
assert set(VALID) == set(FORMATS)


@pytest.mark.parametrize("name", ["problem", "problem.txt", "problem.{}", "G.{}.dat", "P.{}"])
@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_recognised(kind, name, tmp_path):
    content = VALID[kind]
    path = tmp_path / name.format(kind.upper())
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert read_with_format(path).file_format == kind
    assert read_with_format(path) == read_with_format(path, file_format=kind)


def test_format_is_forced_or_from_the_ending():
    text = "2 2\n1 1 1\n1 2 1\n"
    with pytest.raises(ValueError, match="line 2 is '2 2', expected 'i j bias'"):
        parse("# vartype=SPIN\n" + text, file_format="coo")
    with pytest.raises(ValueError, match="expected 'p qubo 0"):
        parse("0 1 2\n", "problem.qubo")
    assert parse("0 1 2\n", "problem.qubo", file_format="coo", vartype="SPIN").num_variables == 2
    with pytest.raises(ValueError, match="file_format is 'lp', expected one of"):
        parse(text, file_format="lp")
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
    (b"\x00\xff\xfe", {}, ["vartype"]),
    (b"\x80\x04\xff", {"vartype": "SPIN"}, ["line 1 is", "expected 'i j bias'"]),
    (VALID["gset"], {"vartype": "BINARY"}, ["SPIN", "BINARY"]),
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
    ("# vartype=SPIN\n0 1 1\n\n# c\n-1 1 1\n", {}, ["line 5 is '-1 1 1'", "integers >= 0"]),
    ("# vartype=SPIN\n0 1 nan\n", {}, ["line 2 is '0 1 nan'", "finite"]),
    ("# vartype=SPIN\n0 1 1\n0 1 -inf\n", {}, ["line 3 is '0 1 -inf'", "finite"]),
    ("# vartype=SPIN\n0 1 1e999\n", {}, ["line 2 is '0 1 1e999'", "finite"]),
    ("# vartype=SPIN\n0 1 9e299\n1 2 9e299\n", {}, ["1.8e+300", "1e+300"]),
    ("# vartype=SPIN\n0 99999999999999999999 1\n", {}, ["line 2 is '0 99999999999999999999 1'"]),
    ("# vartype=SPIN\n" + "7" * 10**6, {}, ["line 2 is '777", "..."]),
    ("# vartype=SPIN\n0,1,1\n", {}, ["line 2 is '0,1,1'"]),
    # Gset
    ("3 1\n1 2 1\n2 3 1\n", {}, ["line 1 says 1 edges, but 2 follow"]),
    ("\n3 3\n1 2 1\n2 3 1\n", {}, ["line 2 says 3 edges, but 2 follow"]),
    ("3 2\n1 2 1\n2 4 1\n", {}, ["line 3 is '2 4 1'", "from 1 to 3"]),
    ("3 2\n0 2 1\n2 3 1\n", {}, ["line 2 is '0 2 1'", "from 1 to 3"]),
    ("3 2\n1 2 1\n2 -1 1\n", {}, ["line 3 is '2 -1 1'"]),
    ("3 2\n1 2 1\n2 2 1\n", {}, ["line 3 is '2 2 1'", "different"]),
    ("3 2\n1 2 1\n2 3\n", {}, ["line 3 is '2 3'"]),
    ("3 2\n1 2 1\n2 3 inf\n", {}, ["line 3 is '2 3 inf'"]),
    ("999999999999 1\n1 2 1\n", {}, ["line 1 says 999999999999 nodes", "1000002"]),
    ("0 0\n", {}, ["no variables"]),
    ("3 2 1\n1 2 1\n", {"file_format": "gset"}, ["line 1 is '3 2 1'", "'nodes edges'"]),
    ("3 -2\n1 2 1\n", {"file_format": "gset"}, ["line 1 is '3 -2'"]),
    # qubo
    ("c x\n", {}, ["expected 'p qubo 0"]),
    ("p cnf 3 2\n1 2 0\n", {}, ["line 1 is 'p cnf 3 2'", "'p qubo 0 maxNodes nNodes nCouplers'"]),
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
    ("{}", {}, ["json", "'version'"]),
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
    (edited_json(linear_biases=[[1.0], [2.0], [3.0]]), {}, ["linear_biases", "(3, 1)"]),
    (edited_json(linear_biases=[1.0, float("nan"), 0.0]), {}, ["nan"]),
    (edited_json(offset=float("inf")), {}, ["inf"]),
    (edited_json(offset=None), {}, ["json"]),
    (edited_json(offset=10**400), {}, ["json", "too large"]),
    (edited_json(variable_type="INTEGER"), {}, ["'INTEGER'", "SPIN"]),
    (edited_json(variable_labels=["a", "b"]), {}, ["2 labels for 3 variables"]),
    (edited_json(variable_labels=["a", "b", "a"]), {}, ["'a'"]),
    (edited_json(variable_labels=["a", None, "b"]), {}, ["label None"]),
    (edited_json(variable_labels=["a", 2**63, "b"]), {}, ["label 9223372036854775808"]),
    (edited_json(variable_labels=["a", float("nan"), "b"]), {}, ["label nan"]),
    (edited_json(variable_labels=["a", "\ud800", "b"]), {}, ["surrogates"]),
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
    (pickle.dumps({"a": 1}), {}, ["vartype"]),
]


@pytest.mark.parametrize(("content", "options", "texts"), BAD)
def test_bad_files_are_one_line(content, options, texts):
    with pytest.raises(ValueError, match=r"\A[^\n]{1,400}\Z") as caught:
        parse(content, "bad file", **options)
    message = str(caught.value)
    assert "/bad file: " in message
    for text in texts:
        assert text in message


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        read_problem(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        read_problem(tmp_path)


HOSTILE = """
import resource, sys
from ising_ep.files import read_problem
import numpy, dimod
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + 900 * 2**20,) * 2)
for path in sys.argv[1:]:
    try:
        print(read_problem(path, vartype="SPIN").num_variables)
    except ValueError as error:
        print("refused", error)
"""


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


def test_long_files():
    rng = np.random.default_rng(0)
    n, m = 20_000, 200_000
    low, high = np.unique(np.sort(rng.integers(1, n + 1, (m, 2)), axis=1), axis=0).T
    low, high = low[low < high], high[low < high]
    values = rng.integers(-(10**9), 10**9, len(low)) / 1000
    body = "".join(
        f"{i} {j} {w}\n" for i, j, w in zip(*map(np.ndarray.tolist, (low, high, values)), strict=True)
    )
    assert len(low) > 0.99 * m
    for header, first in ((f"{n} {len(low)}\n", 1), (f"p qubo 0 {n + 1} 0 {len(low)}\n", 0)):
        bqm = parse(header + body)
        assert bqm.num_interactions == len(low)
        for k in (0, len(low) // 2, len(low) - 1):
            assert bqm.quadratic[low[k] - first, high[k] - first] == values[k]


def is_refused_or_whole(content, **options):
    """Any bytes are a problem of finite numbers, or one line; never a warning."""
    try:
        with warnings.catch_warnings(action="error"):
            bqm = parse(content, **options)
    except ValueError as error:
        bqm, message = None, str(error)
    if bqm is None:
        assert re.fullmatch(r"[^\n]{1,600}", message), message
        assert "/problem: " in message
        return
    linear, (rows, cols, values), offset = bqm.to_numpy_vectors(variable_order=list(bqm.variables))
    assert np.isfinite(linear).all()
    assert np.isfinite(values).all()
    assert np.isfinite(float(offset))
    assert len(rows) == 0 or max(rows.max(), cols.max()) < len(linear)


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
