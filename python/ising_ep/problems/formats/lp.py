"""Programs in the LP format whose variables are binary and which have no constraints: QUBOs.

So writers of LP (CPLEX, Gurobi, SCIP, HiGHS, docplex, dimod) can hand one over. What is to be maximised
becomes `E = -objective`. Variables that their bounds fix are left out, their terms counted in; integers from
0 to 1 are binary. dimod's own reader is not used: it never returns from a NUL byte, passes over SOS sections,
reads `2 x y` as `2 x + y`, and refuses names such as `x[0]` (0.12.23).
"""

import math

import numpy as np
from numpy.typing import NDArray

from ..parsing.format import Format
from ..parsing.lp_text import Program, Sum, read_lp
from ..parsing.parts import Asked, Objective, Parts, check_size


def parse(content: bytes, asked: Asked) -> Parts:
    """The objective."""
    del asked
    program = read_lp(content)
    check_size(len(program.numbers), 0)
    fixed = _fixed(program)
    free = np.isnan(fixed)
    linear, rows, cols, values, offset = _reduced(program.objective, fixed)
    place = np.cumsum(free) - 1
    sign = -1 if program.maximised else 1
    return Parts(
        sign * linear[free],
        place[rows],
        place[cols],
        sign * values,
        "BINARY",
        sign * offset,
        labels=[name for name, number in program.numbers.items() if free[number]],
        objective=Objective("objective", 0.0, -1.0) if program.maximised else None,
    )


def _fixed(program: Program) -> NDArray[np.float64]:
    """The value of each variable that its bounds leave only one, and nan for the binary ones."""
    fixed = np.full(len(program.numbers), math.nan)
    for name, number in program.numbers.items():
        declared = number in program.binary or number in program.integer
        low, high = program.bounds.get(number, (0.0, math.inf))
        if number in program.binary:
            low, high = max(low, 0.0), min(high, 1.0)
        if low > high:
            raise ValueError(f"variable {name!r} has bounds {low:g} to {high:g}, between which there is none")
        if low == high and math.isfinite(low) and not (declared and low % 1):
            fixed[number] = low
        elif not declared or (math.ceil(low), high // 1) != (0, 1):
            kind = "an integer" if declared else "continuous"
            raise ValueError(
                f"variable {name!r} is {kind} from {low:g} to {high:g}, expected binary ones only, declared"
                " under 'Binary'"
            )
    return fixed


def _reduced(
    total: Sum, fixed: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], float]:
    """Linear biases of all variables, couplings of those that are not fixed, and the constant."""
    variables, rows, cols = (
        np.array(index, dtype=np.int64) for index in (total.variables, total.rows, total.cols)
    )
    biases, products = np.array(total.linear), np.array(total.quadratic)
    linear = np.zeros(len(fixed))
    np.add.at(linear, variables, biases)
    square = (rows == cols) & np.isnan(fixed[rows])  # x x = x
    np.add.at(linear, rows[square], products[square])
    left, right = fixed[rows], fixed[cols]
    for ends, others in ((rows, right), (cols, left)):
        single = np.isnan(fixed[ends]) & ~np.isnan(others)
        np.add.at(linear, ends[single], products[single] * others[single])
    known = ~np.isnan(fixed)
    both = ~np.isnan(left) & ~np.isnan(right)
    offset = total.constant + float(linear[known] @ fixed[known])
    offset += float((products[both] * left[both] * right[both]).sum())
    free = np.isnan(left) & np.isnan(right) & ~square
    return linear, rows[free], cols[free], products[free], offset


FORMATS = (
    Format(
        "lp",
        "an LP file of binary variables without constraints",
        parse,
        endings=(".lp",),
        begins=rb"(?i)(?:[ \t]*+(?:\\.*+)?+\n)*+[ \t]*+m(?:in|ax)(?:imi[sz]e|imum)?+(?![\w.])",
    ),
)
