"""The schedules and ranges of temperature are those of dwave-samplers; bad parameters are named."""

from collections.abc import Callable
from typing import Any

import dimod
import numpy as np
import pytest
from dwave.samplers import SimulatedAnnealingSampler as DWaveSampler
from dwave.samplers.sa.sampler import default_beta_range

from ising_ep import SimulatedAnnealingSampler
from support.problems import random_bqm

SAMPLER = SimulatedAnnealingSampler()


MODELS: dict[str, Callable[[int], Any]] = {
    "float64": lambda seed: random_bqm(seed, 12),
    "float32": lambda seed: random_bqm(seed, 12, dtype=np.float32),
    "dict": lambda seed: random_bqm(seed, 12, dtype=object),
    "binary": lambda seed: random_bqm(seed, 12, "BINARY"),
    "binary dict": lambda seed: random_bqm(seed, 12, "BINARY", dtype=object),
    "integers": lambda seed: dimod.generators.ran_r(3, 10, seed=seed),
    "integers dict": lambda seed: dimod.DictBQM({0: 2, 1: 0}, {(0, 1): -3, (1, 2): 0}, seed, "SPIN"),
    "zero field and coupling": lambda seed: dimod.BQM({0: 0.0, 1: 0.3}, {(0, 1): 0.0}, seed, "SPIN"),
    "huge": lambda seed: dimod.BQM({0: 1e300}, {(0, 1): -2e300}, seed, "SPIN"),
    "tiny": lambda seed: dimod.BQM({0: 1e-300}, {(0, 1): -2e-300}, seed, "SPIN"),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("seed", range(5))
def test_default_beta_range_is_that_of_dwave_samplers_to_the_last_bit(
    make: Callable[[int], Any], seed: int
) -> None:
    bqm = make(seed)
    ours = SAMPLER.sample(bqm, num_sweeps=1).info["beta_range"]
    theirs = default_beta_range(bqm.change_vartype("SPIN", inplace=False))
    assert ours == [float(beta) for beta in theirs]


def test_default_beta_range_of_a_model_without_biases_warns() -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 0.0}, {}, 0.0, "SPIN")
    with pytest.warns(UserWarning, match="all biases are zero") as caught:
        assert SAMPLER.sample(bqm).info["beta_range"] == [0.1, 1]
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("kwargs", "betas"),
    [
        ({"beta_schedule_type": "linear", "num_sweeps": 5}, np.linspace(0.5, 3, 5)),
        ({"beta_schedule_type": "geometric", "num_sweeps": 5}, np.geomspace(0.5, 3, 5)),
        ({"num_sweeps": 6, "num_sweeps_per_beta": 3}, [0.5, 0.5, 0.5, 3, 3, 3]),
        ({"num_sweeps": 1}, [3.0]),
        ({"num_sweeps": 2, "num_sweeps_per_beta": 2}, [3.0, 3.0]),
    ],
)
def test_schedules_mean_what_they_mean_in_dwave_samplers(kwargs: dict[str, Any], betas: Any) -> None:
    bqm = random_bqm(5, 20)
    custom = {"beta_schedule_type": "custom", "beta_schedule": betas}
    reads = [
        SAMPLER.sample(bqm, seed=1, num_reads=20, **schedule).record.sample
        for schedule in ({"beta_range": [0.5, 3]} | kwargs, custom)
    ]
    assert np.array_equal(*reads)


def test_default_is_a_thousand_geometric_sweeps_of_the_default_range() -> None:
    bqm = random_bqm(5, 20)
    betas = np.geomspace(*default_beta_range(bqm), 1000)
    default = SAMPLER.sample(bqm, seed=1)
    custom = SAMPLER.sample(bqm, seed=1, beta_schedule_type="custom", beta_schedule=betas)
    assert np.array_equal(default.record, custom.record)
    assert custom.info["beta_range"] is None


def test_a_schedule_may_heat() -> None:
    """The last beta is the target, also where it is the smaller one (reverse annealing)."""
    bqm = dimod.BinaryQuadraticModel({v: -1.0 for v in range(200)}, {}, 0.0, "SPIN")
    sampleset = SAMPLER.sample(bqm, beta_range=[5, 1e-3], num_sweeps=3, seed=0)
    assert abs(sampleset.record.sample.mean()) < 0.9


@pytest.mark.parametrize(
    ("kwargs", "error", "text"),
    [
        ({"num_reads": 0}, ValueError, "num_reads is 0"),
        ({"num_reads": -1}, ValueError, "num_reads is -1"),
        ({"num_reads": 1.5}, TypeError, "num_reads is 1.5"),
        ({"num_sweeps": -1}, ValueError, "num_sweeps is -1"),
        ({"num_sweeps": 10.0}, TypeError, "num_sweeps is 10.0"),
        ({"num_sweeps": 10**15}, MemoryError, "1000000000000000 sweeps do not fit into memory"),
        ({"num_sweeps_per_beta": 0}, ValueError, "num_sweeps_per_beta is 0"),
        ({"num_sweeps_per_beta": 1.0}, TypeError, "num_sweeps_per_beta is 1.0"),
        ({"num_sweeps": 5, "num_sweeps_per_beta": 2}, ValueError, "num_sweeps is 5"),
        ({"num_sweeps_per_beta": 3}, ValueError, "num_sweeps is 1000"),
        ({"seed": -1}, ValueError, "seed is -1"),
        ({"seed": 2**64}, ValueError, f"seed is {2**64}"),
        ({"seed": "x"}, TypeError, "seed is 'x'"),
        ({"num_threads": 0}, ValueError, "num_threads is 0"),
        ({"num_threads": 10**6}, ValueError, "num_threads is 1000000"),
        ({"beta_schedule_type": "quadratic"}, ValueError, "beta_schedule_type is 'quadratic'"),
        ({"beta_schedule": [1, 2]}, ValueError, "beta_schedule is given"),
        ({"beta_range": [1]}, ValueError, r"beta_range is \[1\]"),
        ({"beta_range": [-1, 1]}, ValueError, r"beta_range is \[-1, 1\]"),
        ({"beta_range": [0.1, np.nan]}, ValueError, "beta_range is .*nan"),
        ({"beta_range": [-np.inf, 1]}, ValueError, "beta_range is .*inf"),
        ({"beta_range": "hot"}, ValueError, "beta_range"),
        ({"beta_range": 3}, TypeError, "beta_range is 3, expected two numbers >= 0"),
        ({"beta_range": [0, np.inf]}, ValueError, r"beta_range is \[0, inf\]"),
        ({"randomize_order": "no"}, TypeError, "randomize_order is 'no', expected True or False"),
        ({"beta_range": [0, 1]}, ValueError, r"beta_range is \[0, 1\]"),
        ({"beta_schedule_type": "custom"}, ValueError, "beta_schedule is None"),
        ({"beta_schedule_type": "custom", "beta_schedule": []}, ValueError, "beta_schedule is empty"),
        ({"beta_schedule_type": "custom", "beta_schedule": [1, -2.5]}, ValueError, "-2.5"),
        ({"beta_schedule_type": "custom", "beta_schedule": [np.nan]}, ValueError, "beta_schedule holds nan"),
        ({"beta_schedule_type": "custom", "beta_schedule": ["x"]}, ValueError, "dtype <U1"),
        ({"beta_schedule_type": "custom", "beta_schedule": [[1.0]]}, ValueError, r"shape \(1, 1\)"),
        (
            {"beta_schedule_type": "custom", "beta_schedule": [1, 2], "num_sweeps": 3},
            ValueError,
            "num_sweeps is 3, but beta_schedule has 2",
        ),
        (
            {"beta_schedule_type": "custom", "beta_schedule": [1, 2], "beta_range": [1, 3]},
            ValueError,
            r"beta_range is \[1, 3\], but beta_schedule goes from 1.0 to 2.0",
        ),
        ({"initial_states_generator": "magic"}, ValueError, "initial_states_generator is 'magic'"),
        ({"initial_states_generator": "none"}, ValueError, "insufficient number of initial states"),
        ({"initial_states_generator": "tile"}, ValueError, "cannot tile"),
        ({"proposal_acceptance_criteria": "heat"}, ValueError, "proposal_acceptance_criteria is 'heat'"),
        ({"proposal_acceptance_criteria": None}, ValueError, "proposal_acceptance_criteria is None"),
        ({"interrupt_function": 1}, TypeError, "interrupt_function is 1, expected a function"),
        ({"progress": "bar"}, TypeError, "progress is 'bar', expected a function"),
        ({"time_limit": -0.5}, ValueError, "time_limit is -0.5"),
        ({"time_limit": np.nan}, ValueError, "time_limit is nan"),
        ({"time_limit": "1 s"}, TypeError, "time_limit is '1 s'"),
        ({"initial_states": {"other": 1}}, ValueError, "mismatch between variables"),
    ],
)
def test_bad_parameters_are_named(kwargs: dict[str, Any], error: type[Exception], text: str) -> None:
    bqm = dimod.BinaryQuadraticModel({"a": 1.0}, {("a", "b"): 1.0}, 0.0, "SPIN")
    with pytest.raises(error, match=text):
        SAMPLER.sample(bqm, **kwargs)


@pytest.mark.parametrize("bias", [np.nan, np.inf, -np.inf])
def test_bad_biases_are_named(bias: float) -> None:
    name = "nan" if np.isnan(bias) else "inf"
    for bqm in (dimod.BQM({0: bias}, {}, 0, "SPIN"), dimod.BQM({}, {(0, 1): bias}, 0, "SPIN")):
        with pytest.raises(ValueError, match=name):
            SAMPLER.sample(bqm)
        with pytest.raises(ValueError, match=f"(?i){name}"):
            SAMPLER.sample(bqm, beta_range=[0.1, 1])


# --- infinite inverse temperatures ----------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("criteria", ["Metropolis", "Gibbs"])
@pytest.mark.parametrize("betas", [[np.inf], [np.inf] * 5])
def test_a_descent_in_order_is_that_of_dwave_samplers(criteria: str, betas: list[float]) -> None:
    """No random numbers decide, so the reads are the same: flips of no cost are refused by both."""
    bqm = dimod.generators.ran_r(2, 60, seed=3)
    start = np.random.default_rng(0).choice([-1, 1], (20, 60)).astype(np.int8)
    call: dict[str, Any] = {
        "initial_states": (start, list(bqm.variables)),
        "beta_schedule_type": "custom",
        "beta_schedule": betas,
        "proposal_acceptance_criteria": criteria,
    }
    ours, theirs = (sampler.sample(bqm, **call).record for sampler in (SAMPLER, DWaveSampler()))
    assert np.array_equal(ours.sample, theirs.sample)
    assert np.array_equal(ours.energy, theirs.energy)


@pytest.mark.parametrize("order", [False, True])
@pytest.mark.parametrize("criteria", ["Metropolis", "Gibbs"])
@pytest.mark.parametrize("num_reads", [1, 40, 600])
def test_only_flips_that_lower_the_energy_are_accepted_at_infinity(
    order: bool, criteria: str, num_reads: int
) -> None:
    fields = {"free": 0.0, "up": -1.0, "down": 1.0}
    sampleset = SAMPLER.sample_ising(
        fields,
        {},
        num_reads=num_reads,
        initial_states=dict.fromkeys(fields, 1),
        initial_states_generator="tile",
        beta_schedule_type="custom",
        beta_schedule=[np.inf] * 40,
        randomize_order=order,
        proposal_acceptance_criteria=criteria,
    )
    states = sampleset.record.sample[:, [sampleset.variables.index(v) for v in fields]]
    assert np.array_equal(states, np.tile([1, 1, -1], (num_reads, 1)))


@pytest.mark.parametrize(
    ("kwargs", "betas"),
    [
        ({"beta_range": [0.1, np.inf]}, [0.1, np.inf, np.inf, np.inf]),
        ({"beta_range": [0.1, np.inf], "beta_schedule_type": "linear"}, [0.1, np.inf, np.inf, np.inf]),
        ({"beta_range": [0, np.inf], "beta_schedule_type": "linear"}, [0, np.inf, np.inf, np.inf]),
        ({"beta_range": [np.inf, 0.1]}, [np.inf, np.inf, np.inf, 0.1]),
        ({"beta_range": [np.inf, np.inf]}, [np.inf] * 4),
    ],
)
def test_between_infinite_ends_all_is_infinite(kwargs: dict[str, Any], betas: list[float]) -> None:
    """The limit of the schedules to large numbers; dwave-samplers has it where they are geometric."""
    bqm = random_bqm(5, 20)
    custom = {"beta_schedule_type": "custom", "beta_schedule": betas}
    reads = [
        SAMPLER.sample(bqm, seed=1, num_reads=20, num_sweeps=4, **schedule).record.sample
        for schedule in (kwargs, custom)
    ]
    assert np.array_equal(*reads)


def test_dwave_samplers_test_of_greedy_descent() -> None:
    """test_greedy_limit_independent_spins of its own suite: after heat, all spins follow their fields."""
    fields = dict.fromkeys(range(100), 0.5)
    schedule = {"beta_schedule_type": "custom", "beta_schedule": [0.0, np.inf]}
    assert SAMPLER.sample_ising(fields, {}, **schedule).first.energy == -50
