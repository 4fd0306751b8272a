"""Digests of problems: equal models have the same one in any dtype, vartype and process, others another."""

from __future__ import annotations

import itertools
import subprocess
import sys

import dimod
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ising_ep
from ising_ep import PathIntegralAnnealingSampler, SimulatedAnnealingSampler, problem_digest

LINEAR = {"a": 0.5, "b": -1, ("c", 1): 0, 7: 2}
QUADRATIC = {("a", "b"): -0.25, (7, "a"): 3, (("c", 1), "b"): 1}


def bqm_of(linear=LINEAR, quadratic=QUADRATIC, offset=1.5, vartype="SPIN", **options):
    """The model with its variables in the order of `linear`."""
    bqm = dimod.BQM(linear, {}, offset, vartype, **options)
    bqm.add_quadratic_from(quadratic)
    return bqm


def test_equal_problems_have_equal_digests():
    bqm = bqm_of()
    other_way = {pair[::-1]: bias for pair, bias in reversed(QUADRATIC.items())}
    negative_zero = dict(LINEAR) | {("c", 1): -0.0}
    same = [
        bqm.copy(),
        bqm_of(quadratic=other_way),
        bqm_of(negative_zero),
        bqm_of(dtype=np.float32),
        bqm_of(dtype=object),
        bqm.change_vartype("BINARY", inplace=False),
        dimod.BQM.from_file(bqm.to_file()),
    ]
    assert {problem_digest(each) for each in same} == {problem_digest(bqm)}
    assert len(problem_digest(bqm)) == 32


@pytest.mark.parametrize("numbers", [[0.25, -3.0, 2.0**-30, 7.0], [1.0, -5.0, 2.0**40, 12.0]])
def test_a_change_of_vartype_that_rounds_nothing_keeps_the_digest(numbers):
    bqm = dimod.BQM({"a": numbers[0], "b": numbers[1]}, {"ab": numbers[2], "bc": numbers[3]}, 0.5, "SPIN")
    for _ in range(3):
        other = bqm.change_vartype("BINARY" if bqm.vartype is dimod.SPIN else "SPIN", inplace=False)
        assert problem_digest(other) == problem_digest(bqm)
        bqm = other


def test_a_change_of_vartype_that_rounds_does_not():
    """-0.2 becomes 2 (-0.2) - 2 (0.1) = -0.6000000000000001 there, and -0.20000000000000004 back."""
    bqm = dimod.BQM({"a": 0.1, "b": -0.2}, {("a", "b"): 0.1}, 0.0, "SPIN")
    other = bqm.change_vartype("BINARY", inplace=False)
    assert other.change_vartype("SPIN", inplace=False) != bqm
    assert problem_digest(other) != problem_digest(bqm)


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_single_precision_has_the_digest_of_its_doubles(vartype):
    single = bqm_of({"a": 0.1, "b": -0.2}, {("a", "b"): 1 / 3}, 0.7, vartype, dtype=np.float32)
    double = dimod.BQM(single, dtype=np.float64)
    assert problem_digest(single) == problem_digest(double) == problem_digest(dimod.BQM(double, dtype=object))


def test_each_part_of_a_problem_changes_its_digest():
    bqm = bqm_of()
    others = [bqm, bqm_of(offset=1), bqm_of(vartype="BINARY"), bqm_of(dict(reversed(LINEAR.items())))]
    for variable in bqm.variables:
        others.append(bqm.copy())
        others[-1].add_linear(variable, 2**-40)
        others.append(bqm.relabel_variables({variable: "new"}, inplace=False))
    for pair in itertools.combinations(bqm.variables, 2):
        others.append(bqm.copy())
        others[-1].add_quadratic(*pair, 0.125)
    others.append(bqm_of(LINEAR | {"more": 0}))
    assert len({problem_digest(other) for other in others}) == len(others)


def test_what_stands_where_is_part_of_it():
    """Numbers that are the same one after the other, with other borders between fields and couplings."""
    path = dimod.BQM({0: 1, 1: 1, 2: 1}, {(0, 1): 1, (1, 2): 1}, 0, "SPIN")
    star = dimod.BQM({0: 1, 1: 1, 2: 1}, {(0, 1): 1, (0, 2): 1}, 0, "SPIN")
    texts = path.relabel_variables({k: str(k) for k in range(3)}, inplace=False)
    assert len({problem_digest(bqm) for bqm in (path, star, texts)}) == 3


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_sample_sets_have_the_digest_of_their_problem(seed, n):
    bqm = dimod.generators.gnp_random_bqm(n, 0.5, "BINARY", random_state=seed)
    for sampler in (SimulatedAnnealingSampler(), PathIntegralAnnealingSampler()):
        info = sampler.sample(bqm, num_sweeps=2, seed=1).info
        assert info["problem_digest"] == problem_digest(bqm)
    unswept = SimulatedAnnealingSampler().sample(bqm, num_sweeps=0, beta_range=[1, 2], seed=1)
    assert unswept.info["problem_digest"] == problem_digest(bqm)


def test_another_process_finds_the_same():
    code = (
        "import dimod, ising_ep; print(ising_ep.problem_digest(dimod.BQM({'a': 0.5, ('b', 1): 2},"
        " {('a', ('b', 1)): -1}, 3, 'BINARY')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    bqm = dimod.BQM({"a": 0.5, ("b", 1): 2}, {("a", ("b", 1)): -1}, 3, "BINARY")
    assert done.stdout.strip() == problem_digest(bqm)


def test_other_things_are_refused():
    with pytest.raises(TypeError, match=r"bqm is a dict, expected a dimod\.BinaryQuadraticModel"):
        ising_ep.problem_digest({})
