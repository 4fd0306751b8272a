"""Small problem files of every format, as their programs write them, with the energies that the formats say.

Nothing here knows the readers: a problem is drawn as terms, a file of a format is written from them, and the
energy of a state is added up from the terms in plain Python, as the format's definition has it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import dimod
import numpy as np

State = Mapping[Any, int]


class Sample(NamedTuple):
    """A file with its name, the options that it needs, its variables with their values, and its energy."""

    name: str
    content: bytes
    options: dict[str, Any]
    variables: list[Any]
    values: tuple[int, int]
    energy: Callable[[State], float]


Terms = list[tuple[Any, Any, float]]


def draw_bias(rng: random.Random) -> float:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randint(-9, 9)
    if kind == 1:
        return rng.randint(-(10**15), 10**15)
    if kind == 2:
        return rng.randint(-999, 999) / 8
    return rng.uniform(-1, 1) * 10 ** rng.randint(-12, 12)


def draw_terms(rng: random.Random, names: list[Any], *, diagonal: bool) -> Terms:
    """Terms of unordered pairs, each at most once, one at least, in any order and either way around."""
    pairs = [(a, b) for k, a in enumerate(names) for b in names[k + (not diagonal) :]]
    chosen = rng.sample(pairs, rng.randint(min(1, len(pairs)), len(pairs)))
    return [(*(pair if rng.random() < 0.5 else pair[::-1]), draw_bias(rng)) for pair in chosen]


def written(rng: random.Random, value: float) -> str:
    """A number as some program would write it."""
    texts = [repr(value)]
    if value == int(value):
        texts += [str(int(value)), f"{int(value)}.0", f"{int(value):+d}", f"{value:.17e}"]
    return rng.choice(texts)


def lines_of(rng: random.Random, lines: list[str], comments: tuple[str, ...] = ()) -> bytes:
    """The lines with blanks, ends, and comments as files have them."""
    result = []
    for line in lines:
        if comments and rng.random() < 0.1:
            result.append(rng.choice(comments))
        if rng.random() < 0.05:
            result.append("")
        gap = rng.choice((" ", " ", "\t", "  "))
        result.append(rng.choice(("", "", "", " ")) + gap.join(line.split(" ")) + rng.choice(("", "", " ")))
    end = rng.choice(("\n", "\n", "\r\n", "\r"))
    return (end.join(result) + rng.choice((end, ""))).encode()


def quadratic(
    terms: Terms, *, scale: float = 1, off: float = 1, offset: float = 0
) -> Callable[[State], float]:
    """`scale * (sum of q_ii x_i + off * sum of q_ij x_i x_j + offset)`, term by term."""

    def energy(state: State) -> float:
        total = offset
        for i, j, value in terms:
            total += value * state[i] if i == j else off * value * state[i] * state[j]
        return scale * total

    return energy


def named(terms: Terms) -> list[Any]:
    return sorted({name for i, j, _ in terms for name in (i, j)})


def entry_lines(rng: random.Random, terms: Terms) -> list[str]:
    return [f"{i} {j} {written(rng, value)}" for i, j, value in terms]


def coo(rng: random.Random) -> Sample:
    names = rng.sample(range(rng.choice((9, 10**15))), rng.randint(1, 5))
    terms = draw_terms(rng, names, diagonal=True)
    terms += [rng.choice(terms) for _ in range(rng.randrange(2))]  # which adds up
    vartype, offset = rng.choice(("SPIN", "BINARY")), draw_bias(rng) * (rng.random() < 0.3)
    lines = [f"#{rng.choice(('', ' '))}vartype={vartype}", *entry_lines(rng, terms)]
    if offset:
        lines.insert(1, f"# offset={offset!r}")
    content = lines_of(rng, lines, ("# a comment", "#"))
    energy = quadratic(terms, offset=offset)
    return Sample("problem.coo", content, {}, named(terms), values_of(vartype), energy)


def values_of(vartype: str) -> tuple[int, int]:
    return (-1, 1) if vartype == "SPIN" else (0, 1)


def graph(rng: random.Random) -> Sample:
    n = rng.randint(2, 6)
    terms = draw_terms(rng, list(range(1, n + 1)), diagonal=False)
    bare = rng.random() < 0.3
    if bare:
        terms = [(i, j, 1) for i, j, _ in terms]
        lines = [f"{i} {j}" for i, j, _ in terms]
    else:
        lines = entry_lines(rng, terms)
    content = lines_of(rng, [f"{n} {len(terms)}", *lines], ("# a graph", "% a graph", "c a graph"))
    endings = (".gset", ".mc", ".rud", *(("", ".txt") if bare else ()))
    name = rng.choice((*(f"graph{ending}" for ending in endings), "G12", "g05_60.0"))
    return Sample(name, content, {}, list(range(1, n + 1)), (-1, 1), quadratic(terms))


def from_one(rng: random.Random, name: str, **how: Any) -> Sample:
    n = rng.randint(1, 5)
    terms = draw_terms(rng, list(range(1, n + 1)), diagonal=True)
    content = lines_of(rng, [f"{n} {len(terms)}", *entry_lines(rng, terms)], ("# a matrix",))
    options = {"file_format": "mqlib"} if name == "problem.txt" else {}
    return Sample(name, content, options, list(range(1, n + 1)), (0, 1), quadratic(terms, **how))


def biqmac(rng: random.Random) -> Sample:
    return from_one(rng, "problem.sparse", off=2)


def bq(rng: random.Random) -> Sample:
    return from_one(rng, "problem.bq")


def mqlib(rng: random.Random) -> Sample:
    return from_one(rng, "problem.txt", off=2, scale=-1)


def orlib(rng: random.Random) -> Sample:
    count = rng.randint(1, 3)
    chosen = rng.randint(1, count)
    lines = [str(count)]
    found: tuple[int, Terms] = (0, [])
    for k in range(1, count + 1):
        n = rng.randint(1, 4)
        terms = draw_terms(rng, list(range(1, n + 1)), diagonal=True)
        lines += [f"{n} {len(terms)}", *entry_lines(rng, terms)]
        if k == chosen:
            found = (n, terms)
    n, terms = found
    options = {"instance": chosen} if count > 1 else {}
    energy = quadratic(terms, off=2, scale=-1)
    return Sample("bqp", lines_of(rng, lines), options, list(range(1, n + 1)), (0, 1), energy)


def qh(rng: random.Random) -> Sample:
    n = rng.randint(1, 6)
    terms = draw_terms(rng, list(range(n)), diagonal=True)
    content = lines_of(rng, [f"{n} {len(terms)}", *entry_lines(rng, terms)])
    return Sample("problem.qh", content, {}, named(terms), (-1, 1), quadratic(terms))


def qubo(rng: random.Random) -> Sample:
    names = rng.sample(range(rng.choice((8, 10**9))), rng.randint(1, 5))
    terms = sorted(draw_terms(rng, names, diagonal=True), key=lambda term: term[0] != term[1])
    nodes = sum(i == j for i, j, _ in terms)
    lines, scale, offset = ["c a comment : 3"], 1.0, 0.0
    if rng.random() < 0.4:
        scale, offset = rng.choice((1.0, 2.7, 0.5)), draw_bias(rng)
        lines += [f"c scale : {scale}", f"c offset : {offset}", "c "]
    lines += [f"p qubo 0 {max(names) + 1} {nodes} {len(terms) - nodes}", *entry_lines(rng, terms)]
    content = "\n".join(lines).encode() if scale != 1 or offset else lines_of(rng, lines, ("c nodes",))
    name = rng.choice(("problem.qubo", "problem", "problem.txt"))
    return Sample(name, content, {}, named(terms), (0, 1), quadratic(terms, scale=scale, offset=offset))


def bqpjson(rng: random.Random) -> Sample:
    names = rng.sample(range(rng.choice((8, 2**60))), rng.randint(1, 5))
    terms = draw_terms(rng, names, diagonal=True)
    domain, scale, offset = rng.choice(("spin", "boolean")), rng.choice((1.0, 2.7, 0)), draw_bias(rng)
    content = {
        "version": "1.0.0",
        "id": 0,
        "metadata": {},
        "variable_ids": names,
        "variable_domain": domain,
        "scale": scale,
        "offset": offset,
        "linear_terms": [{"id": i, "coeff": value} for i, j, value in terms if i == j],
        "quadratic_terms": [{"id_tail": i, "id_head": j, "coeff": value} for i, j, value in terms if i != j],
    }
    values = values_of("SPIN" if domain == "spin" else "BINARY")
    text = json.dumps(content, indent=rng.choice((None, 1)), sort_keys=rng.random() < 0.5).encode()
    energy = quadratic(terms, scale=scale, offset=offset)
    return Sample("problem.json", text, {}, sorted(names), values, energy)


def draw_model(rng: random.Random) -> tuple[dimod.BinaryQuadraticModel, Terms, float]:
    pool = [0, 1, 2, 3, 7, -5, 2.5, "a", "b c", "", "ü", ("a", 1), ("b", ("c", 2))]
    names = rng.sample(pool, rng.randint(1, 5)) if rng.random() < 0.7 else list(range(rng.randint(1, 5)))
    terms, offset = draw_terms(rng, names, diagonal=True), draw_bias(rng)
    bqm = dimod.BinaryQuadraticModel(rng.choice(("SPIN", "BINARY")))
    for name in names:
        bqm.add_variable(name)
    for i, j, value in terms:
        if i == j:
            bqm.add_linear(i, value)
        else:
            bqm.add_quadratic(i, j, value)
    bqm.offset = offset
    return bqm, terms, offset


def dimod_json(rng: random.Random) -> Sample:
    bqm, terms, offset = draw_model(rng)
    text = json.dumps(bqm.to_serializable()).encode()
    name = rng.choice(("problem.json", "problem"))
    values = values_of(bqm.vartype.name)
    return Sample(name, text, {}, list(bqm.variables), values, quadratic(terms, offset=offset))


def bqm_file(rng: random.Random) -> Sample:
    bqm, terms, offset = draw_model(rng)
    content = bqm.to_file(version=rng.choice((1, 2))).read()
    values = values_of(bqm.vartype.name)
    return Sample("problem", content, {}, list(bqm.variables), values, quadratic(terms, offset=offset))


def matrix(rng: random.Random) -> Sample:
    """x'Qx of any square matrix, or the edges of a symmetric one, in one of four containers."""
    n, is_graph = rng.randint(2, 5), rng.random() < 0.5
    dense = [[draw_bias(rng) * (rng.random() < 0.7) for _ in range(n)] for _ in range(n)]
    if is_graph:
        dense = [[0 if i == j else dense[min(i, j)][max(i, j)] for j in range(n)] for i in range(n)]
    kind, first = rng.choice(("npy", "csv", "txt", "mtx", "mtx")), 0
    if kind == "npy":
        file = io.BytesIO()
        np.save(file, np.asarray(dense, order=rng.choice(("C", "F"))))
        content = file.getvalue()
    elif kind == "mtx":
        first, half = 1, is_graph and rng.random() < 0.5
        entries = [
            f"{i + 1} {j + 1} {written(rng, dense[i][j])}"
            for i in range(n)
            for j in range(i + 1 if half else n)
            if dense[i][j]
        ]
        lines = [f"{n} {n} {len(entries)}", *rng.sample(entries, len(entries))]
        head = f"%%MatrixMarket matrix coordinate real {'symmetric' if half else 'general'}\n"
        content = head.encode() + lines_of(rng, lines, ("% a comment",))
    else:
        gap = ("," if kind == "csv" else " ").join
        rows = [gap(written(rng, value) for value in row) for row in dense]
        content = ("\n".join([str(n)] * (kind == "txt" and rng.random() < 0.5) + rows)).encode()
    terms = [(i + first, j + first, dense[i][j]) for i in range(n) for j in range(n) if not is_graph or i < j]
    options = {"file_format": "graph-matrix" if is_graph else "qubo-matrix"}
    names = list(range(first, n + first))
    return Sample(f"m.{kind}", content, options, names, (-1, 1) if is_graph else (0, 1), quadratic(terms))


def lp(rng: random.Random) -> Sample:
    names = rng.sample(["x", "y_1", "z(2)", "x[0,1]", "Q#", "free"], rng.randint(1, 5))
    terms, offset = draw_terms(rng, names, diagonal=True), draw_bias(rng)
    sign = rng.choice((1, -1))
    linear = [f"{signed(rng, value)} {i}" for i, j, value in terms if i == j]
    products = [f"{signed(rng, 2 * value)} {i} * {j}" for i, j, value in terms if i != j]
    parts = [*linear, *([f"+ [ {' '.join(products)} ] / 2"] if products else []), signed(rng, offset)]
    lines = ["\\ a comment", rng.choice(("Minimize", "min") if sign > 0 else ("Maximize", "MAX"))]
    lines += [rng.choice((" obj:", "")), *parts, "Binaries", *names, "End"]
    energy = quadratic(terms, scale=sign, offset=offset)
    return Sample("problem.lp", "\n".join(lines).encode(), {}, names, (0, 1), energy)


def signed(rng: random.Random, value: float) -> str:
    return ("- " if value < 0 else "+ ") + written(rng, abs(value)).lstrip("+")


def qplib(rng: random.Random) -> Sample:
    n = rng.randint(1, 5)
    terms = [
        (max(i, j), min(i, j), value) for i, j, value in draw_terms(rng, list(range(1, n + 1)), diagonal=True)
    ]
    usual, offset, sign = draw_bias(rng), draw_bias(rng), rng.choice((1, -1))
    other = {i: draw_bias(rng) for i in range(1, n + 1) if rng.random() < 0.4}
    lines = ["QPLIB_0001", "QBN # kind", "minimize" if sign > 0 else "maximize", f"{n} # variables"]
    lines += [str(len(terms)), *entry_lines(rng, terms), written(rng, usual), f"{len(other)} # other"]
    lines += [f"{i} {written(rng, value)}" for i, value in other.items()] + [repr(offset), "1e30"] + ["0"] * 6
    terms = [(i, j, value / 2) for i, j, value in terms]
    terms += [(i, i, other.get(i, usual)) for i in range(1, n + 1)]
    energy = quadratic(terms, scale=sign, offset=offset)
    return Sample(
        "problem", lines_of(rng, lines, ("! a comment",)), {}, list(range(1, n + 1)), (0, 1), energy
    )


def dimacs(rng: random.Random) -> Sample:
    n = rng.randint(2, 6)
    terms = [(i, j, 1.0) for i, j, _ in draw_terms(rng, list(range(1, n + 1)), diagonal=False)]
    lines = [f"p {rng.choice(('edge', 'col'))} {n} {len(terms)}", *(f"e {i} {j}" for i, j, _ in terms)]
    lines += [f"e {j} {i}" for i, j, _ in terms if rng.random() < 0.2]
    content = "\n".join(["c a comment", *lines]).encode()
    options = {"file_format": "dimacs"}
    return Sample("graph.col", content, options, list(range(1, n + 1)), (-1, 1), quadratic(terms))


def cnf(rng: random.Random) -> Sample:
    n, weighted = rng.randint(2, 5), rng.random() < 0.5
    clauses = [
        (rng.randint(1, 99) if weighted else 1, [rng.choice((v, -v)) for v in rng.sample(range(1, n + 1), k)])
        for k in rng.choices((0, 1, 2), k=rng.randint(1, 8))
    ]

    def unsatisfied(state: State) -> float:
        return sum(
            weight
            for weight, literals in clauses
            if not any((literal > 0) == bool(state[abs(literal)]) for literal in literals)
        )

    lines = [" ".join(map(str, [*[weight] * weighted, *literals, 0])) for weight, literals in clauses]
    content = "\n".join([f"p {'w' * weighted}cnf {n} {len(clauses)}", *lines]).encode()
    return Sample("problem", content, {}, list(range(1, n + 1)), (0, 1), unsatisfied)


# One a format; the last reads both of the matrix formats.
WRITERS: dict[str, Callable[[random.Random], Sample]] = {
    "coo": coo,
    "bqm": bqm_file,
    "bqpjson": bqpjson,
    "json": dimod_json,
    "gset": graph,
    "qubo": qubo,
    "qh": qh,
    "biqmac": biqmac,
    "bq": bq,
    "mqlib": mqlib,
    "orlib": orlib,
    "lp": lp,
    "qplib": qplib,
    "dimacs": dimacs,
    "cnf": cnf,
    "matrix": matrix,
}


def packed(rng: random.Random, sample: Sample) -> Sample:
    """The file as it is, or compressed, or marked, or in UTF-16."""
    kind = rng.randrange(20)
    content, name = sample.content, sample.name
    is_text = b"\0" not in content and not content.startswith(b"\x93")
    if kind == 0:
        content, name = gzip.compress(content, 1), name + ".gz"
    elif kind == 1:
        content, name = bz2.compress(content, 1), name + ".bz2"
    elif kind == 2:
        content, name = lzma.compress(content, preset=0), name + ".xz"
    elif kind == 3 and is_text:
        content = b"\xef\xbb\xbf" + content
    elif kind == 4 and is_text:
        content = content.decode().encode("utf-16")
    return sample._replace(content=content, name=name)


PIECES = [
    *(b"-1 0 1 2 9 1e999 nan -inf 1e-400 0x10 1_000 1.5 +.5 1d3".split()),
    b"9" * 19,
    b"9" * 30,
    b"9" * 400,
    b"\n",
    b"\r",
    b" ",
    b"\0",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\x1c",
    b"\xe2\x80\xa8",
    b"#",
    b"c ",
    b"%",
    b",",
    b"[]",
    b"{}",
    b"null",
    b"true",
    b'"',
    b'"a"',
    b"[[[[[[[[[[[[[[[[[[[[0]]]]]]]]]]]]]]]]]]]]",
    b"# vartype=SPIN\n",
    b"# offset=2\n",
    b"c offset : 2\n",
    b"p qubo 0 9 1 1\n",
    b"\\ud800",
]


def mutated(rng: random.Random, content: bytes) -> bytes:
    """A few bytes, words or lines changed, moved, left out or put in."""
    result = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        start = rng.randint(0, len(result))
        end = min(len(result), start + rng.choice((0, 0, 1, 1, 2, 4, 8, 30)))
        kind = rng.randrange(6)
        if kind == 0 and start < len(result):
            result[start] ^= 1 << rng.randrange(8)
        elif kind == 1:
            result[start:end] = rng.choice(PIECES)
        elif kind == 2:
            result[start:end] = rng.randbytes(rng.randint(0, 4))
        elif kind == 3:
            result[start:start] = result[start:end]
        elif kind == 4:
            lines = bytes(result).split(b"\n")
            k = rng.randrange(len(lines))
            lines[k : k + 1] = rng.choice(([], [lines[k]] * 2, [rng.choice(lines)], [rng.choice(PIECES)]))
            result[:] = b"\n".join(lines)
        else:
            words = bytes(result).split(b" ")
            words[rng.randrange(len(words))] = rng.choice(PIECES)
            result[:] = b" ".join(words)
    if rng.random() < 0.15:
        del result[rng.randint(0, len(result)) :]
    return bytes(result)
