"""LP files: the objective as dimod's reader has it where both read it, and nothing guessed."""

from __future__ import annotations

import itertools

import dimod
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ising_ep.problems.read import parse_problem

BINARY = "\nBinary\n x y z\nEnd\n"


def parse(text, **options):
    return parse_problem(text.encode(), "problem.lp", **options)


def states(bqm):
    for state in itertools.product((0, 1), repeat=bqm.num_variables):
        yield dict(zip(bqm.variables, state, strict=True))


biases = st.integers(-40, 40).map(lambda k: k / 8)


@given(
    st.dictionaries(st.sampled_from("abcd"), biases, min_size=1),
    st.dictionaries(st.tuples(st.sampled_from("abcd"), st.sampled_from("abcd")), biases),
    biases,
)
def test_what_dimod_writes_is_what_dimod_and_we_read(linear, quadratic, offset):
    cqm = dimod.CQM()
    x = {name: dimod.Binary(name) for name in "abcd"}
    objective = sum((bias * x[name] for name, bias in linear.items()), dimod.Binary("a") * 0)
    cqm.set_objective(objective + sum(bias * x[u] * x[v] for (u, v), bias in quadratic.items()) + offset)
    text = dimod.lp.dumps(cqm)
    if "obj" not in text:  # dimod writes no objective of zeros
        return
    theirs, ours = dimod.lp.loads(text), parse(text).bqm
    assert set(ours.variables) == set(theirs.variables) == set(cqm.variables)
    for state in states(ours):
        all_of = dict.fromkeys("abcd", 0) | state
        value = sum(bias * all_of[name] for name, bias in linear.items()) + offset
        value += sum(bias * all_of[u] * all_of[v] for (u, v), bias in quadratic.items())
        assert ours.energy(state) == value
        if theirs.objective.variables:  # else dimod leaves out the constant
            assert theirs.objective.energy(state) == value


def test_a_text_as_solvers_write_it():
    text = r"""\ Model knapsack
\ a comment, then a blank line

Maximize
  value: 2.5 x[0,1] - x_2 + 1e1 x(3) + 4 Constant
   + [ 6 x[0,1] * x_2 - 3 x(3) ^ 2
   + x_2*x(3) ] / 2 - [ x_2 * Constant ]/2
Subject To
Bounds
 0 <= x_2 <= 1
 Constant = 1
 -inf <= count <= 1
 count >= 0
Binaries
 x[0,1] x_2 \ two
 x(3)
Generals
 count
End
"""
    problem = parse(text)
    assert list(problem.bqm.variables) == ["x[0,1]", "x_2", "x(3)", "count"]
    for a, b, c, n in itertools.product((0, 1), repeat=4):
        value = 2.5 * a - b + 10 * c + 4 + (6 * a * b - 3 * c + b * c) / 2 - b / 2
        energy = problem.bqm.energy({"x[0,1]": a, "x_2": b, "x(3)": c, "count": n})
        assert energy == -value
        assert problem.objective.value(energy) == value
    assert problem.objective.name == "objective"


@pytest.mark.parametrize(
    ("objective", "value"),
    [
        ("x + 2 y - 3", lambda x, y, z: x + 2 * y - 3),
        ("obj: - x - -y + - 2z", lambda x, y, z: -x + y - 2 * z),
        ("x + x + 2", lambda x, y, z: 2 * x + 2),
        ("[ x*y + 3 y*x ] /2 + z", lambda x, y, z: 2 * x * y + z),
        ("z - [ 2 x^2 - 4 y * z ] / 2", lambda x, y, z: z - x + 2 * y * z),
        ("obj:\n 3\n x\n + [ x * y ]\n / 2", lambda x, y, z: 3 * x + x * y / 2),
    ],
)
@pytest.mark.parametrize(("word", "sign"), [("Minimize", 1), ("MAXIMISE", -1), ("min", 1), ("maximum", -1)])
def test_objectives(objective, value, word, sign):
    bqm = parse(f"{word}\n {objective}{BINARY}").bqm
    assert set(bqm.variables) == set("xyz")
    for state in states(bqm):
        assert bqm.energy(state) == sign * value(**state)


@pytest.mark.parametrize(
    ("bounds", "fixed"),
    [
        ("x = 1\n y <= 0", {"x": 1, "y": 0}),
        ("1 <= x <= 1", {"x": 1}),
        ("x >= 1\n z = 1", {"x": 1, "z": 1}),
        ("x <= 7\n y free\n z >= -3", {}),
    ],
)
def test_variables_that_bounds_fix_are_counted_in(bounds, fixed):
    objective = " x + 2 y + 4 z + [ 16 x*y + 32 y*z + 64 x*z + 2 x^2 ]/2 - 1"
    free = parse(f"min\n{objective}{BINARY}").bqm
    for text in (
        f"min\n{objective}\nBounds\n {bounds}{BINARY}",
        f"min\n{objective}{BINARY.replace('End', 'Bounds')} {bounds}\nEnd\n",
    ):
        bqm = parse(text).bqm
        assert set(bqm.variables) == set("xyz") - set(fixed)
        for state in states(bqm):
            assert bqm.energy(state) == free.energy(state | fixed)


def written(objective="x", after=BINARY):
    return f"Minimize\n obj: {objective}{after}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            written(after="\nSubject To\n c1: x + y <= 1\n c2: x = 1" + BINARY),
            "line 4 is 'c1: x . y <= 1', expected no constr",
        ),
        (
            written(after="\nst\n x + y >= 1\nbin\n x y\nend"),
            "line 4 is 'x . y >= 1', expected no constraints",
        ),
        (written(after="\nGeneral\n x\nEnd"), "'x' is an integer from 0 to inf, expected binary"),
        (written(after="\nBounds\n x <= 3\nGeneral\n x\nEnd"), "'x' is an integer from 0 to 3"),
        (written(after="\nBounds\n x <= 1\nEnd"), "'x' is continuous from 0 to 1, expected binary"),
        (written(after="\nBounds\n x >= 2" + BINARY), "'x' has bounds 2 to 1, between which there is none"),
        (written(after="\nBounds\n x = 0.5" + BINARY), "'x' is an integer from 0.5 to 0.5"),
        (written("2 x y"), "line 2 is 'obj: 2 x y', expected terms with a sign between them"),
        (written("2 3 x"), "line 2 .* a sign between them"),
        (written("x 2"), "line 2 .* a sign between them"),
        (written("x + 2 -"), "line 2 .* a sign between them"),
        (written("2 x * y"), "line 2 .* a sign between them"),
        (written("2 (x + y)"), "line 2 .* a sign between them"),
        (written("x\0"), "line 2 .* a sign between them"),
        (written("nan x"), "line 2 .* a sign between them"),
        (written("1_0 x"), "line 2 .* a sign between them"),
        (written("\N{ARABIC-INDIC DIGIT THREE} x"), "line 2 .* a sign between them"),
        (written("3 [ x * y ]/2"), "line 2 .* a sign between them"),
        (written("2 e1"), "line 2 .* a sign between them"),
        (written("1e999 x"), "add up to inf"),
        (written("x\n + [ 2 x * y ]"), r"line 4 is 'Binary', expected '\] / 2' at the end"),
        (written("[ 2 x * y ] / 20"), r"line 2 .*, expected '\] / 2'"),
        (written("[ 2 x * y * z ] / 2"), "line 2 .* in brackets"),
        (written("[ 2 x ^ 3 ] / 2"), "line 2 .* in brackets"),
        (written("[ 2 x ] / 2"), "line 2 .* in brackets"),
        (written("[ x * y z * x ] / 2"), "line 2 .* a sign between them"),
        (written(after="\nBinary\n x\n"), "no line 'End': it is cut short"),
        (written(after=BINARY + "x"), "line 6 is 'x', expected nothing after End"),
        (
            written(after="\nBinary\n x\nBinary\n y\nEnd"),
            "line 5 is 'Binary', expected one section of a kind",
        ),
        (written(after="\nBinary\n x\nSOS\n s: S1:: x:1\nEnd"), "line 5 is 'SOS', expected another section"),
        (written(after="\nSemi-Continuous\n x\nEnd"), "line 3 is 'Semi-Continuous'"),
        (written(after="\nst\n c: x = 1 -> y <= 0" + BINARY), "line 4 is 'c: x = 1 -> y <= 0'"),
        (written(after="\nBounds\n x\nEnd"), "expected a bound such as"),
        (written(after="\nBinary\n x, 2\nEnd"), "line 4 is 'x, 2', expected names of variables"),
        ("Minimize multi-objectives\n OBJ0: Priority=2\n x" + BINARY, "line 2 is 'OBJ0: Priority=2'"),
        ("max: 3x + 2y;\nint x;\n", "line 1 is 'max: 3x \\+ 2y;'"),  # lp_solve's format
        ("Minimize\nEnd\n", "no variables"),
        (written().encode().decode() + "\N{NO-BREAK SPACE}x", "expected nothing after End"),
    ],
)
def test_what_is_not_understood_is_one_line(text, said):
    with pytest.raises(ValueError, match=rf"\Aproblem\.lp: [^\n]*{said}[^\n]*\Z"):
        parse(text)


@given(st.text(alphabet="xyz 0123.eE+-*/^[]()<>=:\n\\", max_size=40), st.integers(0, 60), st.integers(0, 9))
def test_damaged_texts_are_refused_or_read_as_by_dimod(piece, at, length):
    """Whatever we read, dimod reads as the same, where it reads it: the rest is refused in one line."""
    text = written("x + 2 y - [ 4 x * y + 2 z ^ 2 ] / 2 + 5")
    damaged = text[:at] + piece + text[at + length :]
    try:
        ours, theirs = parse(damaged, file_format="lp").bqm, dimod.lp.loads(damaged)
    except ValueError:
        return
    if any(theirs.vartype(v) is not dimod.BINARY for v in theirs.variables):
        return
    for state in states(ours):
        assert ours.energy(state) == pytest.approx(theirs.objective.energy(state))
