"""DIMACS graphs, formulas and QPLIB's files: values by hand from the definitions, the rest refused."""

from __future__ import annotations

import itertools
import random

import dimod
import pytest

from ising_ep.problems.read import parse_problem


def parse(text, **options):
    return parse_problem(text.encode(), options.pop("name", "problem"), **options)


def states(n, low=0):
    for state in itertools.product((low, 1), repeat=n):
        yield dict(enumerate(state, 1))


GRAPH = "c FILE: house.col\np edge 5 6\ne 1 2\ne 2 3\ne 3 4\ne 4 1\ne 3 5\ne 5 4\n"
EDGES = [(1, 2), (2, 3), (3, 4), (4, 1), (3, 5), (5, 4)]
TWICE = "".join(f"e {j} {i}\n" for i, j in EDGES)


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        (GRAPH, 1),
        (GRAPH.replace("edge", "col"), 1),
        (GRAPH + TWICE, 1),
        ((GRAPH + TWICE).replace("5 6", "5 12"), 1),
        (GRAPH.replace("\ne ", "\ne  ").replace("\nc ", "\n\nc "), 1),
        ("".join(f"{line} 2.5\n" if line[0] == "e" else f"{line}\n" for line in GRAPH.splitlines()), 2.5),
    ],
)
def test_graphs(text, weight):
    problem = parse(text, file_format="dimacs")
    assert list(problem.bqm.variables) == [1, 2, 3, 4, 5]
    for side in states(5, -1):
        cut = weight * sum(side[i] != side[j] for i, j in EDGES)
        assert problem.objective.value(problem.bqm.energy(side)) == cut


@pytest.mark.parametrize("name", ["house.col", "house.txt", "house.gset", "house.clq.gz"])
def test_graphs_are_not_taken_for_max_cut(name):
    with pytest.raises(
        ValueError, match=r"a DIMACS graph is read for max-cut only, expected --format dimacs"
    ):
        parse(GRAPH, name=name)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("5 6", "5 7", "line 2 says 7 edges, but 6 follow, 6 different"),
        ("e 1 2", "e 1 6", "line 3 is '1 6', expected 'e i j' of two different nodes from 1 to 5"),
        ("e 1 2", "e 0 2", "line 3 is '0 2', expected"),
        ("e 1 2", "e 2 2", "line 3 is '2 2', expected"),
        ("e 1 2", "1 2", "line 3 is '1 2', expected 'e i j' or 'e i j weight'"),
        ("e 1 2", "n 1 2", "line 3 is 'n 1 2', expected"),
        ("e 1 2", "e 1", "line 3 is '1', expected"),
        ("e 2 3", "e 2 3 1", "line 4 is '2 3 1', expected"),
        ("p edge", "p sat", "line 2 is 'p sat 5 6', expected 'p edge nodes edges'"),
        ("5 6", "999999999 6", "line 2 says 999999999 nodes, expected at most"),
    ],
)
def test_graphs_that_are_refused(old, new, said):
    with pytest.raises(ValueError, match=rf"\Aproblem: {said}[^\n]*\Z"):
        parse(GRAPH.replace(old, new), file_format="dimacs")
    weighted = "p edge 3 2\ne 1 2 3\ne 2 1 3\n"
    with pytest.raises(ValueError, match="line 3 is '2 1 3', expected each edge once"):
        parse(weighted, file_format="dimacs")


def unsatisfied(clauses, state):
    """The weight of the clauses, (weight, literals), none of whose literals is true."""
    return sum(w for w, clause in clauses if not any((a > 0) == bool(state[abs(a)]) for a in clause))


def test_formulas():
    """Random ones: repeated literals, clauses that are always or never true, variables in none."""
    rng = random.Random(3)
    for weighted in (False, True) * 15:
        n = rng.randint(2, 5)
        literals = [a for v in range(1, n + 1) for a in (v, -v)]
        clauses = [
            (rng.randint(0, 9) if weighted else 1, rng.choices(rng.sample(literals, 2), k=rng.randint(0, 3)))
            for _ in range(rng.randint(1, 9))
        ]
        lines = [f"{f'{w} ' * weighted}{' '.join(map(str, [*c, 0]))}" for w, c in clauses]
        text = f"c a formula\np {'w' * weighted}cnf {n} {len(clauses)}\n" + rng.choice(("\n", " ")).join(
            lines
        )
        problem = parse(text + "\n%\n0\n" * (not weighted))
        assert problem.file_format == "cnf"
        assert list(problem.bqm.variables) == list(range(1, n + 1))
        for state in states(n):
            energy = problem.bqm.energy(state)
            assert energy == unsatisfied(clauses, state)
            assert problem.objective.value(energy) == sum(w for w, _ in clauses) - energy


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("p wcnf 3 5 10\n10 1 2 0\n10 -1 -2 0\n4 1 0\n2 2 0\n3 -3 1 0\n", "problem"),
        ("c since 2022\nh 1 2 0\nh -1 -2 0\nc 7\n4 1 0\n2 2 0\n3 -3 1 0\n", "problem.wcnf"),
    ],
)
def test_hard_clauses_are_kept(text, name):
    """x1 or x2 but not both, and of the two x1 weighs more."""
    problem = parse(text, name=name)
    best = dimod.ExactSolver().sample(problem.bqm)
    assert problem.objective is None
    assert best.first.energy == 2
    assert best.first.sample[1] == 1
    assert best.first.sample[2] == 0
    for state in states(3):
        kept = state[1] != state[2]
        soft = 4 * (1 - state[1]) + 2 * (1 - state[2]) + 3 * state[3] * (1 - state[1])
        assert problem.bqm.energy(state) == soft + 10 * (not kept)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("p cnf 3 1\n1 2 3 0\n", "clause 1 has 3 literals, expected 2 at most"),
        ("p cnf 3 2\n1 2 0\n", "the first line says 2 clauses, but 1 follow"),
        ("p cnf 3 1\n1 2\n", "clause 1 is cut short, expected 0 at its end"),
        ("p cnf 3 1\n1 4 0\n", "a clause has variable 4, expected 1 to 3"),
        ("p cnf 3 1\n1 x 0\n", "clause 1 has 'x', expected integers"),
        ("p cnf 3 1\n1.0 0\n", "clause 1 has '1.0', expected integers"),
        ("p cnf 3\n1 0\n", "the first line is 'p cnf 3', expected 'p cnf variables clauses'"),
        ("p cnf 3 1 9\n1 0\n", "the first line is 'p cnf 3 1 9'"),
        ("p wcnf 3 1\n-2 1 0\n", "clause 1 begins with '-2', expected its weight"),
        ("p wcnf 3 2 3\n3 1 0\n2 2 0\n2 3 0\n", "the first line says 2 clauses, but 3 follow"),
        ("p wcnf 3 3 3\n3 1 0\n2 2 0\n2 3 0\n", "hard clauses weigh 3, expected more than all others"),
        ("p wcnf 3 1\n99999999999999999 1 0\n", r"weights add up to 99999999999999999, expected at most"),
        ("p cnf 999999999 1\n1 0\n", "999999999 variables, expected at most"),
        ("p cnf 0 0\n", "no variables"),
    ],
)
def test_formulas_that_are_refused(text, said):
    with pytest.raises(ValueError, match=rf"\Aproblem: {said}[^\n]*\Z"):
        parse(text)
    with pytest.raises(ValueError, match=r"the first line is '1 -2 0', expected 'p cnf variables clauses'"):
        parse("1 -2 0\n", file_format="cnf")  # without "h" it can be both cnf and wcnf


QPLIB = """! of the kind that the library has
QPLIB_0001
QBN        # problem type
{sense}
3          # variables
4          # quadratic terms in objective
1 1 3.0
2 1 -4

3 2 1e1
3 3 -1
0.5        # default of the linear terms
1
2 7
-1         # constant
1.79769313486232E+308
0          # starting point
0
0
0
1          # names
1 first
0
"""


@pytest.mark.parametrize(("sense", "sign"), [("minimize", 1), ("Maximize", -1)])
def test_qplib(sense, sign):
    """1/2 x'Qx of the triangle: 3/2 x1 x1 - 4/2 x2 x1 + 10/2 x3 x2 - 1/2 x3 x3."""
    problem = parse(QPLIB.format(sense=sense))
    assert problem.file_format == "qplib"
    for x in states(3):
        value = 1.5 * x[1] - 2 * x[1] * x[2] + 5 * x[2] * x[3] - 0.5 * x[3]
        value += 0.5 * x[1] + 7 * x[2] + 0.5 * x[3] - 1
        assert problem.bqm.energy(x) == sign * value
        if sign < 0:
            assert problem.objective.value(problem.bqm.energy(x)) == value
    linear = QPLIB.format(sense=sense).replace("QBN", "LBN").replace("4          # quadratic", "#")
    linear = "\n".join(
        line for line in linear.split("\n") if line not in ("1 1 3.0", "2 1 -4", "3 2 1e1", "3 3 -1")
    )
    for x in states(3):
        assert parse(linear).bqm.energy(x) == sign * (0.5 * x[1] + 7 * x[2] + 0.5 * x[3] - 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("QPLIB_0001", "mine", "the problem's name is 'mine', expected one of QPLIB's, .* once or twice"),
        ("QBN", "QBL", r"the problem is of kind QBL, expected \?BN: binary, without constraints"),
        ("QBN", "QIB", "the problem is of kind QIB"),
        ("2 1 -4", "1 2 -4", "line 8 is '1 2 -4', expected 'i j value' of two integers from 1 to 3, j no"),
        ("2 1 -4", "1 1 -4", "line 8 is '1 1 -4', expected each pair once"),
        ("3 2 1e1", "4 2 1", "line 10 is '4 2 1', expected"),
        ("3 2 1e1", "3 2 1e1 9", "line 10 is '3 2 1e1 9', expected"),
        ("4          #", "5 #", "line 12 is '0.5', expected"),
        ("2 7", "4 7", "a linear term is of variable 4, expected each from 1 to 3 once"),
        ("1\n2 7", "2\n2 7\n2 8", "a linear term is of variable 2"),
        ("-1         # constant", "none", "line 15 is 'none', expected the constant of the objective"),
        ("3          # var", "9999999999 # var", "9999999999 variables, expected at most"),
        ("4          # quad", "9999999999 # quad", "9999999996 couplings, expected at most"),
    ],
)
def test_qplib_files_that_are_refused(old, new, said):
    text = QPLIB.format(sense="minimize")
    assert text.count(old) == 1
    with pytest.raises(ValueError, match=rf"\Aproblem: {said}[^\n]*\Z"):
        parse(text.replace(old, new))


def test_qplib_files_that_are_cut_short():
    lines = QPLIB.format(sense="minimize").splitlines(keepends=True)
    whole = lines.index("1.79769313486232E+308\n") + 1
    for k in range(4, whole):
        with pytest.raises(ValueError, match=r"line \d+ is missing: the text is cut short"):
            parse("".join(lines[:k]))
    parse("".join(lines[:whole]))
