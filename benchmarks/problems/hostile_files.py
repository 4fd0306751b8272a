"""Files made to take all memory or time: each reader's peak memory and processor time, in a process each.

python -m benchmarks.problems.hostile_files [--only NAME] [--out DIR]
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import dimod
import numpy as np

from benchmarks.support import report
from ising_ep.problems.parsing.parts import MOST_BYTES, MOST_COUPLINGS, MOST_VARIABLES
from ising_ep.problems.parsing.table import MOST_LINES
from studies.markdown import number, table

MOST_MIB, MOST_SECONDS = 2048, 20
READ = """
import resource, sys
from ising_ep.problems.read import read_problem
given = [text or None for text in sys.argv[2:]]
try:
    bqm = read_problem(sys.argv[1], file_format=given[0], vartype=given[1])
    said = f"read: {bqm.num_variables} variables, {bqm.num_interactions} couplings"
except ValueError as error:
    said = "refused: " + str(error).partition(": ")[2]
used = resource.getrusage(resource.RUSAGE_SELF)
print(said[:160])
# Not ru_maxrss, which is the parent's where that is larger.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024, used.ru_utime + used.ru_stime)
"""


def repeated(piece: bytes, size: int = MOST_BYTES) -> bytes:
    return piece * (size // len(piece))


def rows(count: int, first: bytes, line: Callable[[int], str]) -> bytes:
    return first + "".join(map(line, range(count))).encode()


def bqm_file(shape: tuple[Any, ...], body: bytes = b"", **changes: Any) -> bytes:
    header: dict[str, Any] = {"dtype": "float64", "itype": "int32", "ntype": "int32", "shape": shape}
    header |= {"type": "BinaryQuadraticModel", "variables": False, "vartype": "SPIN"} | changes
    text = json.dumps(header).encode()
    return b"DIMODBQM\x02\x00" + struct.pack("<I", len(text)) + text + body


def dimod_json(**changes: Any) -> bytes:
    return json.dumps(dimod.BQM({0: 1, 1: 2}, {(0, 1): 3}, 0, "SPIN").to_serializable() | changes).encode()


def bqpjson(**changes: Any) -> bytes:
    empty = {"version": "1.0.0", "id": 0, "metadata": {}, "variable_ids": [0, 1], "variable_domain": "spin"}
    empty |= {"scale": 1, "offset": 0, "linear_terms": [], "quadratic_terms": []}
    return json.dumps(empty | changes).encode()


def npy(shape: str, body: bytes = b"", kind: str = "<f8") -> bytes:
    header = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


def array(content: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, content)
    return file.getvalue()


def inserted(text: bytes, old: bytes, new: bytes) -> bytes:
    assert text.count(old) == 1
    return text.replace(old, new)


def star(n: int) -> bytes:
    """Neighbours of the hub in falling order: to insert them into sorted lists takes quadratic time."""
    return rows(n, b"# vartype=SPIN\n", lambda k: f"0 {n - k} 1\n")


HUGE = 10**17
MARKET = b"%%MatrixMarket matrix coordinate real general\n"
# Name (its ending is the file's), then what makes the content, then --format and --vartype where given.
FILES: dict[str, tuple[Callable[[], bytes], str, str]] = {
    # headers that promise
    "nodes.gset": (lambda: b"%d 1\n1 2 1\n" % HUGE, "", ""),
    "edges.gset": (lambda: b"2 %d\n1 2 1\n" % HUGE, "", ""),
    "billion-nodes.gset": (lambda: b"1000000000 0\n", "", ""),
    "isolated.gset": (lambda: b"%d 0\n" % 10**6, "", ""),
    "variables.sparse": (lambda: b"1000000000 1\n1 1 1\n", "", ""),
    "variables.bq": (lambda: b"1000000000 1\n1 1 1\n", "", ""),
    "variables.mqlib": (lambda: b"1000000000 1\n1 1 1\n", "mqlib", ""),
    "sites.qh": (lambda: b"1000000000 1\n1 1 1\n", "", ""),
    "problems.txt": (lambda: b"%d\n1 1\n1 1 1\n" % HUGE, "orlib", ""),
    "entries.txt": (lambda: b"1\n1 %d\n1 1 1\n" % HUGE, "orlib", ""),
    "nodes.qubo": (lambda: b"p qubo 0 %d 1 1\n0 0 1\n0 %d 1\n" % (HUGE, HUGE - 1), "", ""),
    "digits.gset": (lambda: b"9" * 10**7 + b" 1\n1 2 1\n", "", ""),
    "ids.coo": (lambda: b"# vartype=SPIN\n0 %d 1\n" % 10**30, "", ""),
    "far.coo": (lambda: b"# vartype=SPIN\n0 %d 1\n" % HUGE, "", ""),
    "shape.bqm": (lambda: bqm_file((HUGE, 0), bytes(100)), "", ""),
    "couplings.bqm": (lambda: bqm_file((1, HUGE), bytes(100)), "", ""),
    "huge-shape.bqm": (lambda: bqm_file((10**4000, 2), bytes(100)), "", ""),
    "header.bqm": (lambda: b"DIMODBQM\x02\x00\xff\xff\xff\xff{}", "", ""),
    "variables.bqm": (lambda: bqm_file((20_000_000, 0), bytes(8 + 20_000_000 * 12)), "", ""),
    "neighbours.bqm": (lambda: bqm_file((1, 10_000_000), bytes(8 + 12 + 20_000_000 * 12)), "", ""),
    "small-indices.bqm": (
        lambda: bqm_file(
            (100, 20_000_000), bytes(8 + 12 * 100 + 20_000_000 * 10), itype="int8", dtype="float32"
        ),
        "",
        "",
    ),
    "market.mtx": (lambda: MARKET + b"1000000000 1000000000 1\n1 1 1\n", "qubo-matrix", ""),
    "market-entries.mtx": (lambda: MARKET + b"2 2 1000000000\n1 1 1\n", "qubo-matrix", ""),
    "market-array.mtx": (
        lambda: b"%%MatrixMarket matrix array real general\n100000 100000\n1\n",
        "qubo-matrix",
        "",
    ),
    "market-array-fits.mtx": (
        lambda: b"%%MatrixMarket matrix array real general\n4000 4000\n1\n",
        "qubo-matrix",
        "",
    ),
    "shape.npy": (lambda: npy("(1000000000, 1000000000)"), "qubo-matrix", ""),
    "negative.npy": (lambda: npy("(-1, -1)"), "qubo-matrix", ""),
    "objects.npy": (lambda: npy("(2, 2)", bytes(32), "|O"), "qubo-matrix", ""),
    "nothing.npy": (lambda: npy("(1000000000, 0)"), "qubo-matrix", ""),
    "nested.npy": (lambda: npy("(" * 60 + ")" * 60), "qubo-matrix", ""),
    # as much as is allowed, or more
    "most-edges.gset": (
        lambda: rows(
            MOST_COUPLINGS,
            b"20000 %d\n" % MOST_COUPLINGS,
            lambda k: f"{1 + k % 4000} {4001 + k // 4000} 1\n",
        ),
        "",
        "",
    ),
    "most-edges-backwards.coo": (
        lambda: rows(
            MOST_COUPLINGS,
            b"# vartype=SPIN\n",
            lambda k: f"{9000 - k // 4000} {5000 - 1 - k % 4000} 1\n",
        ),
        "",
        "",
    ),
    "most-variables.coo": (
        lambda: rows(MOST_VARIABLES, b"# vartype=SPIN\n", lambda k: f"{7 * k} {7 * k} 1\n"),
        "",
        "",
    ),
    "more-variables.coo": (
        lambda: rows(8_000_000, b"# vartype=SPIN\n", lambda k: f"{2 * k} {2 * k + 1} 1\n"),
        "",
        "",
    ),
    "same-line.gset": (lambda: b"2 44739242\n" + repeated(b"1 2 1\n"), "", ""),
    "same-line-fits.gset": (lambda: b"2 9000000\n" + b"1 2 1\n" * 9_000_000, "", ""),
    "same-line-fits.coo": (lambda: b"# vartype=SPIN\n" + b"0 1 1\n" * 9_000_000, "", ""),
    "same-edge.coo": (lambda: b"# vartype=SPIN\n" + b"0 1 1\n" * 7_900_000, "", ""),
    "unweighted.gset": (lambda: b"2 60000000\n" + repeated(b"1 2\n"), "", ""),
    "unweighted-fits.gset": (lambda: b"2 9000000\n" + b"1 2\n" * 9_000_000, "", ""),
    "last-line-bad.coo": (lambda: b"# vartype=SPIN\n" + b"0 1 1\n" * 7_900_000 + b"0 1 x\n", "", ""),
    "last-node-bad.gset": (lambda: b"2 7900001\n" + b"1 2 1\n" * 7_900_000 + b"1 3 1\n", "", ""),
    "star.coo": (lambda: star(1_500_000), "", ""),
    "star.gset": (
        lambda: rows(1_900_000, b"1900001 1900000\n", lambda k: f"1900001 {1_900_000 - k} 1\n"),
        "",
        "",
    ),
    "long-numbers.coo": (
        lambda: (
            b"# vartype=SPIN\n"
            + repeated(b"100000000000000000 100000000000000001 1.2345678901234567890123456789\n")
        ),
        "",
        "",
    ),
    "dense.npy": (lambda: array(np.ones((4000, 4000))), "qubo-matrix", ""),
    "dense-float32.npy": (lambda: array(np.ones((8000, 8000), dtype=np.float32)), "qubo-matrix", ""),
    "dense-int8.npy": (lambda: array(np.ones((16_000, 16_000), dtype=np.int8)), "qubo-matrix", ""),
    "dense-graph.npy": (lambda: array(np.ones((4000, 4000)) - np.eye(4000)), "graph-matrix", ""),
    "dense.csv": (lambda: b"\n".join([b",".join([b"1"] * 3000)] * 3000), "qubo-matrix", ""),
    "dense-long.csv": (lambda: repeated(b"1,"), "qubo-matrix", ""),
    "dense-column.csv": (lambda: repeated(b"1\n", 2 * MOST_LINES), "qubo-matrix", ""),
    "dense-wide.csv": (lambda: repeated(b"1," * 250_000 + b"\n"), "qubo-matrix", ""),
    "market-most.mtx": (
        lambda: (
            MARKET.replace(b"general", b"symmetric")
            + rows(
                MOST_COUPLINGS,
                b"8000 8000 %d\n" % MOST_COUPLINGS,
                lambda k: f"{4001 + k % 4000} {1 + k // 4000} 1\n",
            )
        ),
        "graph-matrix",
        "",
    ),
    "market-same.mtx": (lambda: MARKET + b"9 9 7900000\n" + b"1 2 1\n" * 7_900_000, "qubo-matrix", ""),
    "one-problem.txt": (lambda: b"1\n9 9000000\n" + b"1 2 1\n" * 9_000_000, "", ""),
    "problems-most.txt": (lambda: b"3000000\n" + b"1 1\n1 1 1\n" * 3_000_000, "orlib", ""),
    # lines, blanks, comments
    "one-line.gset": (lambda: repeated(b"1 "), "", ""),
    "one-line.coo": (lambda: b"# vartype=SPIN\n" + b"1" * (MOST_BYTES - 20), "", ""),
    "one-line.qubo": (lambda: b"p qubo 0 9 1 1\n" + repeated(b"7", MOST_BYTES - 20), "", ""),
    "one-line.txt": (lambda: repeated(b"x"), "", ""),
    "one-comment.coo": (lambda: b"#" + repeated(b" vartype", MOST_BYTES - 20) + b"\n0 1 1\n", "", ""),
    "offsets.coo": (lambda: b"#" + repeated(b" offset ", MOST_BYTES - 20) + b"\n0 1 1\n", "", "SPIN"),
    "blank-comment.qubo": (
        lambda: b"c offset :" + b" " * (MOST_BYTES - 99) + b"x\np qubo 0 1 1 0\n0 0 1\n",
        "",
        "",
    ),
    "comments.coo": (lambda: repeated(b"# offset=1\n", 11 * (MOST_LINES - 9)), "", "SPIN"),
    "comments.gset": (lambda: repeated(b"# a comment of many\n"), "", ""),
    "many-comments.qubo": (lambda: repeated(b"c\n"), "", ""),
    "blank-lines.gset": (lambda: b"1 0" + repeated(b"\n"), "", ""),
    "blanks.gset": (lambda: b"1 0" + repeated(b" "), "", ""),
    "only-blanks.coo": (lambda: repeated(b" \t"), "", ""),
    "carriage-returns.gset": (lambda: b"1 0" + repeated(b"\r"), "", ""),
    "form-feeds.coo": (lambda: b"# vartype=SPIN\n" + repeated(b"\f\n", 2 * (MOST_LINES - 9)), "", ""),
    "zeros.bin": (lambda: bytes(MOST_BYTES), "", ""),
    "zeros.coo": (lambda: b"# vartype=SPIN\n" + bytes(MOST_BYTES - 99), "", ""),
    "too-large.coo": (lambda: bytes(MOST_BYTES + 1), "", ""),
    "spaces.lp": (lambda: repeated(b"\\ comment\n"), "", ""),
    "not-an-lp.txt": (lambda: repeated(b"\\\n", 2 * (MOST_LINES - 9)), "", ""),
    "zip.npz": (lambda: b"PK\x03\x04" + bytes(MOST_BYTES - 99), "", ""),
    # programs and formulas
    "terms.lp": (lambda: b"min\n" + repeated(b"+x", 2**25 - 40) + b"\nbin\nx\nend\n", "", ""),
    "products.lp": (lambda: b"min\n[" + repeated(b"+x*y", 2**25 - 40) + b"]/2\nbin\nx y\nend\n", "", ""),
    "fitting-terms.lp": (lambda: b"min\n" + b"+x" * 4_000_000 + b"\nbin\nx\nend\n", "", ""),
    "declared.lp": (lambda: b"min\nx\nbin\n" + repeated(b"x ", 2**25 - 40) + b"\nend\n", "", ""),
    "names.lp": (lambda: rows(2_000_000, b"min\n", lambda k: f"+{k % 9} x{k}\n") + b"bin\nx1\nend\n", "", ""),
    "constraints.lp": (lambda: b"min\nx\nst\n" + repeated(b"x<1\n", 2**25 - 40) + b"end\n", "", ""),
    "one-name.lp": (lambda: b"min\n" + repeated(b"x", 2**25 - 40) + b"\nend\n", "", ""),
    "one-number.lp": (lambda: b"min\n" + repeated(b"9", 2**25 - 40) + b"\nend\n", "", ""),
    "blanks.lp": (lambda: b"min\nx" + repeated(b" \n", 2**24) + b"y\nend\n", "", ""),
    "signs.lp": (lambda: b"min\n" + repeated(b"-", 2**25 - 40) + b"\nend\n", "", ""),
    "indices.lp": (lambda: b"min\nx" + repeated(b"[1]", 2**25 - 40) + b"[\nend\n", "", ""),
    "sections.lp": (lambda: b"min\nx\n" + repeated(b"bin\n", 2**25 - 40), "", ""),
    "backslashes.lp": (lambda: b"min\n" + repeated(b"\\\n", 2**24) + b"x\nend\n", "", ""),
    "clauses.cnf": (lambda: b"p cnf 9 2000000\n" + b"1 0\n" * 2_000_000, "", ""),
    "literals.cnf": (lambda: b"p cnf 9 1\n" + repeated(b"1 ", 2**23 - 40) + b"0\n", "", ""),
    "tail.cnf": (lambda: b"p cnf 9 1\n1 0" + repeated(b"\n%", 2**23 - 40), "", ""),
    "variables.wcnf": (lambda: b"h 999999999 0\n", "", ""),
    "entries.qplib": (
        lambda: b"QPLIB_1\nQBN\nminimize\n9\n7900000\n" + b"2 1 1\n" * 7_900_000 + b"0\n0\n0\n1\n",
        "",
        "",
    ),
    "most-entries.qplib": (
        lambda: (
            rows(
                7_900_000,
                b"QPLIB_1\nQBN\nminimize\n8000\n7900000\n",
                lambda k: f"{4001 + k % 4000} {1 + k // 4000} 1\n",
            )
            + b"0\n0\n0\n1\n"
        ),
        "",
        "",
    ),
    "linear.qplib": (
        lambda: (
            rows(2_000_000, b"QPLIB_1\nLBN\nminimize\n2000000\n0\n2000000\n", lambda k: f"{k + 1} 1\n")
            + b"0\n1\n"
        ),
        "",
        "",
    ),
    "one-line.qplib": (lambda: b"QPLIB_1\nQBN\nminimize\n" + repeated(b"1 ", 2**27), "", ""),
    "edges.col": (lambda: b"p edge 2 7900000\n" + b"e 1 2\n" * 7_900_000, "dimacs", ""),
    "most-edges.col": (lambda: b"p edge 2 20000000\n" + repeated(b"e 1 2\n"), "dimacs", ""),
    "other-lines.col": (
        lambda: b"p edge 2 1\ne 1 2\n" + repeated(b" \n", 2 * (MOST_LINES - 9)) + b"f",
        "dimacs",
        "",
    ),
    # compressed
    "bomb.coo.gz": (lambda: gzip.compress(bytes(2**30), 9), "", ""),
    "bomb.coo.bz2": (lambda: bz2.compress(bytes(2**30)), "", ""),
    "bomb.coo.xz": (lambda: lzma.compress(bytes(2**30)), "", ""),
    "members.gz": (lambda: gzip.compress(b"") * 2_000_000, "", ""),
    "members.bz2": (lambda: bz2.compress(b"") * 2_000_000, "", ""),
    "members.xz": (lambda: lzma.compress(b"") * 500_000, "", ""),
    "twice.gz": (lambda: gzip.compress(gzip.compress(bytes(2**30), 9), 9), "", ""),
    "fits.coo.gz": (
        lambda: gzip.compress(b"# vartype=SPIN\n" + b"0 1 1\n" * 7_900_000, 1),
        "",
        "",
    ),
    "cut.gz": (lambda: gzip.compress(bytes(10**7))[:-9], "", ""),
    "memory.xz": (
        lambda: lzma.compress(b"0 1 1\n", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 2**30}]),
        "",
        "",
    ),
    "utf-16.gset": (lambda: b"\xff\xfe" + repeated(b"1 ", MOST_BYTES - 2), "", ""),
    "half.utf-16": (lambda: b"\xff\xfe" + repeated(b"\x00\xd8", MOST_BYTES - 2), "", ""),
    # JSON
    "deep.json": (lambda: b'{"version": ' + repeated(b"[", 2**25), "", ""),
    "deep-enough.json": (lambda: b'{"version": ' + repeated(b"[", 10**6), "", ""),
    "deep-objects.json": (lambda: repeated(b'{"a":', 5 * 10**6), "", ""),
    "lists.json": (lambda: b'{"version": [' + repeated(b"[],", 2**26 - 99) + b"0]}", "", ""),
    "objects.json": (lambda: b'{"version": [' + repeated(b'{"":0},', 2**26 - 99) + b"0]}", "", ""),
    "most-objects.json": (lambda: b'{"version": [' + b'{"":0},' * 2_900_000 + b"0]}", "", ""),
    "texts.json": (lambda: b'{"version": [' + repeated(b'"ab",', 2**26 - 99) + b"0]}", "", ""),
    "numbers.json": (lambda: b'{"version": [' + repeated(b"1.5,", 2**26 - 99) + b"0]}", "", ""),
    "integers.json": (lambda: b'{"version": [' + repeated(b"1,", 2**26 - 99) + b"0]}", "", ""),
    "keys.json": (lambda: rows(5_000_000, b'{"a": 0', lambda k: f',"{k}":0')[: 2**26 - 99] + b"}", "", ""),
    "digits.json": (lambda: b'{"offset": ' + repeated(b"9", 2**25) + b"}", "", ""),
    "larger.json": (lambda: b'{"version": "' + repeated(b"x", 2**26) + b'"}', "", ""),
    "head.json": (lambda: dimod_json(quadratic_head=[2**31 - 2]), "", ""),
    "biases.json": (
        lambda: inserted(dimod_json(), b"[1.0, 2.0]", b"[" + repeated(b"1.0,", 2**26 - 999) + b"0]"),
        "",
        "",
    ),
    "couplings.json": (
        lambda: inserted(
            dimod_json(quadratic_head=[]), b'head": []', b'head": [' + b"0," * 31_000_000 + b"0]"
        ),
        "",
        "",
    ),
    "labels.json": (
        lambda: dimod_json(
            variable_labels=[f"v{k}" for k in range(2_000_000)], linear_biases=[0] * 2_000_000
        ),
        "",
        "",
    ),
    "deep-label.json": (
        lambda: inserted(
            dimod_json(), b'"variable_labels": [0', b'"variable_labels": [' + b"[" * 500 + b"0" + b"]" * 500
        ),
        "",
        "",
    ),
    "ids.json": (lambda: bqpjson(variable_ids=[0, 10**4000]), "", ""),
    "terms.json": (
        lambda: bqpjson(
            variable_ids=list(range(1_500_000)),
            linear_terms=[{"id": k, "coeff": 1} for k in range(1_500_000)],
        ),
        "",
        "",
    ),
    "star.json": (
        lambda: bqpjson(
            variable_ids=list(range(1_000_000)),
            quadratic_terms=[{"id_tail": 0, "id_head": k, "coeff": 1} for k in range(999_999, 0, -1)],
        ),
        "",
        "",
    ),
    "labels.bqm": (
        lambda: bqm_file((1, 0), bytes(20) + b"VARS\xff\xff\xff\xff" + repeated(b"[", 10**7), variables=True),
        "",
        "",
    ),
}


def measure(name: str, scratch: Path) -> dict[str, Any]:
    """The reader's answer, its peak memory in MiB and its processor time in seconds."""
    make, file_format, vartype = FILES[name]
    path = scratch / name
    path.write_bytes(make())
    command = [sys.executable, "-c", READ, str(path), file_format, vartype]
    done = subprocess.run(command, capture_output=True, text=True)
    size = path.stat().st_size
    path.unlink()
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["nothing"]
        return {
            "name": name,
            "bytes": size,
            "said": f"UNCAUGHT: {lines[-1][:120]}",
            "mib": 0.0,
            "seconds": 0.0,
        }
    said, numbers = done.stdout.splitlines()
    mib, seconds = map(float, numbers.split())
    return {"name": name, "bytes": size, "said": said, "mib": mib, "seconds": seconds}


def is_beyond(result: dict[str, Any]) -> bool:
    return bool(
        result["said"].startswith("UNCAUGHT") or result["mib"] > MOST_MIB or result["seconds"] > MOST_SECONDS
    )


@click.command()
@click.option("--only", multiple=True, help="Only files whose names hold this text; may be repeated.")
@report.out_option
def main(only: tuple[str, ...], out: Path | None) -> None:
    """Reads each file in a process of its own; ends with 1 if one is beyond the bounds."""
    names = [name for name in FILES if not only or any(text in name for text in only)]
    out = report.folder(out, full=not only)
    results = []
    with tempfile.TemporaryDirectory() as scratch, report.progress() as bar:
        for name in bar.track(names, description="reading"):
            results.append(measure(name, Path(scratch)))
            if is_beyond(results[-1]):
                report.console.print(results[-1])
    lines = [
        [
            row["name"],
            f"{row['bytes'] / 2**20:,.2f}",
            row["said"].replace("|", "\\|"),
            number(row["mib"]),
            number(row["seconds"], 2),
        ]
        for row in sorted(results, key=lambda row: -row["mib"])
    ]
    beyond = sum(map(is_beyond, results))
    text = (
        "# Hostile files\n\n"
        f"{len(results)} files; beyond {MOST_MIB} MiB or {MOST_SECONDS} s of processor time: {beyond}.\n"
        "Memory and time are those of the whole process, imports and all.\n\n"
        + table(["file", "MiB", "what the reader says", "peak MiB", "s"], lines)
    )
    if out is None:
        click.echo(text)
    else:
        report.write_page(out, "hostile_files", f"{text}\n{report.where(report.machine())}\n")
    sys.exit(beyond > 0)


if __name__ == "__main__":
    main()
