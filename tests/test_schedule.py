"""Forward and reverse schedules."""

import numpy as np
import pytest

from ising_ep import schedule


def test_forward_goes_from_hot_to_cold_in_equal_ratios():
    betas = schedule.forward(100, (0.2, 20.0))
    assert len(betas) == 100
    assert betas[0] == pytest.approx(0.2)
    assert betas[-1] == pytest.approx(20.0)
    np.testing.assert_allclose(betas[1:] / betas[:-1], 100 ** (1 / 99))


@pytest.mark.parametrize("num_sweeps", [1, 2, 7, 100])
@pytest.mark.parametrize("fraction", [0.0, 0.25, 0.5, 1.0])
def test_reverse_goes_back_to_the_fraction_and_forth(num_sweeps, fraction):
    forward = schedule.forward(num_sweeps, (0.2, 20.0))
    betas = schedule.reverse(num_sweeps, (0.2, 20.0), fraction)
    turn = min(int(fraction * num_sweeps), num_sweeps - 1)
    assert betas[0] == betas[-1] == forward[-1]
    assert betas.min() == forward[turn]
    np.testing.assert_array_equal(betas, betas[::-1])
    assert len(betas) == 2 * (num_sweeps - turn) - 1


def test_the_papers_reverse_anneal_has_149_sweeps():
    assert len(schedule.reverse(100, (0.2, 20.0), 0.25)) == 149


@pytest.mark.parametrize("beta_range", [(0.0, 1.0), (2.0, 1.0), (-1.0, 1.0), (1.0, np.inf), (np.nan, 1.0)])
def test_bad_ranges_are_named(beta_range):
    with pytest.raises(ValueError, match="beta_range is"):
        schedule.forward(10, beta_range)


def test_bad_numbers_are_named():
    with pytest.raises(ValueError, match="num_sweeps is 0"):
        schedule.forward(0, (0.1, 1.0))
    with pytest.raises(ValueError, match=r"fraction is 1\.5"):
        schedule.reverse(10, (0.1, 1.0), 1.5)
