"""Formulas in DIMACS cnf and wcnf whose clauses have two literals at most: MaxSAT as a QUBO.

    p cnf VARIABLES CLAUSES             each clause weighs 1
    p wcnf VARIABLES CLAUSES [TOP]      a weight before each clause; those from TOP on are hard
    h 1 -2 0                            MaxSAT Evaluation's since 2022: no first line, h for hard clauses

E is the weight of the clauses that are not satisfied. Hard ones weigh TOP, or more than all others together,
so that they are kept where they can be. A clause of three literals would need a variable that is not in the
file, and is refused. https://maxsat-evaluations.github.io/2022/rules.html#input
"""

import math
import re
from typing import NamedTuple

import numpy as np

from ..parsing.foreign import SKIPPED
from ..parsing.format import Format
from ..parsing.parts import Asked, Objective, Parts, check_size
from ..parsing.table import blank_comments, short

_FIRST = re.compile(rb"p[ \t]+(w?)cnf[ \t]+(\d{1,9})[ \t]+(\d{1,9})(?:[ \t]+(\d{1,18}))?[ \t]*(?=\n|\Z)")
_LITERAL = re.compile(rb"-?\d{1,9}")
_WEIGHT = re.compile(rb"\d{1,18}")
# A percent sign and a 0 end some files of SATLIB.
_TAIL = re.compile(rb"\n[ \t]*+%[ \t]*+\n[ \t]*+0\s*+\Z")
# Upper bound on the text, of which each clause takes Python some microseconds.
_MOST_BYTES = 2**23
# Largest sum of weights: up to it integers are exact as numbers.
_MOST_WEIGHT = 2**53


class _Clause(NamedTuple):
    """A clause of different literals, such as -3 for "not variable 3"; hard ones have no weight."""

    weight: int | None
    literals: tuple[int, ...]


class _Formula(NamedTuple):
    """Clauses over variables from 1 to `size`, and the weight of hard ones, where it is said."""

    size: int
    clauses: list[_Clause]
    top: int | None = None


def parse(text: bytes, asked: Asked) -> Parts:
    """The weight of what is not satisfied: `w (1 - a)` for a clause `a`, `w (1 - a)(1 - b)` for `a or b`."""
    del asked
    if len(text) > _MOST_BYTES:
        raise ValueError(f"the formula is larger than {_MOST_BYTES >> 20} MiB")
    formula = _read_formula(_TAIL.sub(b"\n", blank_comments(text, rb"c(?=[ \t]|$)")))
    check_size(formula.size, len(formula.clauses))
    hard, soft = _weights(formula)
    linear, offset = np.zeros(formula.size), 0
    pairs: list[tuple[int, int, int]] = []
    for given, literals in formula.clauses:
        if any(-literal in literals for literal in literals):
            continue  # always true
        weight = hard if given is None else given
        # A literal is false by 1 - x, or by x where it is negated: by start + slope x.
        false = [(abs(literal) - 1, int(literal > 0), -1 if literal > 0 else 1) for literal in literals]
        offset += weight * math.prod(start for _, start, _ in false)
        if len(false) == 1:
            linear[false[0][0]] += weight * false[0][2]
        elif false:
            (i, start_of_i, slope_of_i), (j, start_of_j, slope_of_j) = false
            linear[i] += weight * slope_of_i * start_of_j
            linear[j] += weight * slope_of_j * start_of_i
            pairs.append((i, j, weight * slope_of_i * slope_of_j))
    rows, cols, values = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    all_soft = all(clause.weight is not None for clause in formula.clauses)
    return Parts(
        linear,
        rows,
        cols,
        values,
        "BINARY",
        float(offset),
        labels=range(1, formula.size + 1),
        objective=Objective("satisfied weight", float(soft), -1.0) if all_soft else None,
    )


def _weights(formula: _Formula) -> tuple[int, int]:
    """The weight of a hard clause and that of all soft ones."""
    weights = [clause.weight for clause in formula.clauses if clause.weight is not None]
    soft, number_of_hard = sum(weights), len(formula.clauses) - len(weights)
    hard = soft + 1 if formula.top is None else formula.top
    if number_of_hard and hard <= soft:
        raise ValueError(f"hard clauses weigh {hard}, expected more than all others together, {soft}")
    if (total := soft + number_of_hard * hard) > _MOST_WEIGHT:
        raise ValueError(f"weights add up to {total}, expected at most 2**53")
    return hard, soft


def _read_formula(text: bytes) -> _Formula:
    text = text.lstrip()
    first = _FIRST.match(text)
    if first is None:
        if not re.search(rb"(?m)^[ \t]*+h\b", text):
            line = short(text.split(b"\n", 1)[0])
            raise ValueError(f"the first line is {line}, expected 'p cnf variables clauses'")
        clauses = _read_clauses(text, weighted=True, top=None)
        return _Formula(max(abs(a) for clause in clauses for a in (*clause.literals, 0)), clauses)
    weighted, size, number = bool(first[1]), int(first[2]), int(first[3])
    top = int(first[4]) if first[4] else None
    if top is not None and not weighted:
        raise ValueError(f"the first line is {short(first[0])}, expected 'p cnf variables clauses'")
    clauses = _read_clauses(text[first.end() :], weighted=weighted, top=top)
    if len(clauses) != number:
        raise ValueError(f"the first line says {number} clauses, but {len(clauses)} follow")
    for clause in clauses:
        for literal in clause.literals:
            if abs(literal) > size:
                raise ValueError(f"a clause has variable {abs(literal)}, expected 1 to {size}")
    return _Formula(size, clauses, top)


def _read_clauses(text: bytes, *, weighted: bool, top: int | None) -> list[_Clause]:
    """Clauses, each of which ends with 0 and, where they are weighted, begins with its weight or h."""
    clauses: list[_Clause] = []
    weight: int | None = 1
    literals: list[int] | None = None
    for word in text.split():
        name = f"clause {len(clauses) + 1}"
        if literals is None:
            literals = []
            if weighted:
                if word != b"h" and not _WEIGHT.fullmatch(word):
                    raise ValueError(f"{name} begins with {short(word)}, expected its weight")
                weight = None if word == b"h" or (top is not None and int(word) >= top) else int(word)
                continue
        if not _LITERAL.fullmatch(word):
            raise ValueError(f"{name} has {short(word)}, expected integers, and 0 at its end")
        if literal := int(word):
            literals.append(literal)
            continue
        distinct = tuple(dict.fromkeys(literals))
        if len(distinct) > 2:
            raise ValueError(f"{name} has {len(distinct)} literals, expected 2 at most: more make no QUBO")
        clauses.append(_Clause(weight, distinct))
        literals = None
    if literals is not None:
        raise ValueError(f"clause {len(clauses) + 1} is cut short, expected 0 at its end")
    return clauses


FORMATS = (
    Format(
        "cnf",
        "DIMACS cnf or wcnf for MaxSAT, of up to 2 literals a clause",
        parse,
        endings=(".cnf", ".wcnf"),
        begins=SKIPPED + rb"[ \t]*+p[ \t]++w?cnf\b",
    ),
)
