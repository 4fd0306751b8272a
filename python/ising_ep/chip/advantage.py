"""Properties of an Advantage solver, the defaults for what another solver does not state."""

from __future__ import annotations

from typing import Any

# Readout time of Advantage_system4.1, piecewise linear in log10: of the number of qubits, of microseconds.
LOG_QUBITS = (
    0.0,
    0.7699665876947938,
    1.7242758696010096,
    2.711975459489206,
    3.1639057672764026,
    3.750276915153992,
)
LOG_MICROSECONDS = (
    1.539131714800995,
    1.8726623164229292,
    2.125631787097315,
    2.332672340068556,
    2.371606651233025,
    2.3716219271760215,
)
# Microseconds of what a chip does besides annealing, as the client's estimate of QPU time takes them: those
# of Advantage_system4.1 in dwave.cloud.testing.mocks.
TIMING: dict[str, Any] = {
    "version": "1.0.0",
    "typical_programming_time": 14072.88,
    "reverse_annealing_with_reinit_prog_time_delta": 0.0,
    "reverse_annealing_without_reinit_prog_time_delta": 5.55,
    "default_programming_thermalization": 1000.0,
    "default_annealing_time": 20.0,
    "readout_time_model": "pwl_log_log",
    "readout_time_model_parameters": [*LOG_QUBITS, *LOG_MICROSECONDS],
    "qpu_delay_time_per_sample": 20.54,
    "reverse_annealing_with_reinit_delay_time_delta": -4.5,
    "reverse_annealing_without_reinit_delay_time_delta": -1.5,
    "default_readout_thermalization": 0.0,
    "decorrelation_max_nominal_anneal_time": 2000.0,
    "decorrelation_time_range": [500.0, 10000.0],
}
# Ranges and times, as in dwave-system's mock sampler; of gains those of Advantage_system4.1. The limits on
# the couplings of a qubit are not here: they differ by family.
PROPERTIES: dict[str, Any] = {
    "h_range": [-4.0, 4.0],
    "j_range": [-1.0, 1.0],
    "extended_j_range": [-2.0, 1.0],
    "num_reads_range": [1, 10000],
    "annealing_time_range": [0.5, 2000.0],
    "default_annealing_time": 20.0,
    "default_programming_thermalization": 1000.0,
    "default_readout_thermalization": 0.0,
    "h_gain_schedule_range": [-3.0, 3.0],
    "max_anneal_schedule_points": 12,
    "max_h_gain_schedule_points": 20,
    "problem_run_duration_range": [0.0, 1e6],
    "problem_timing_data": TIMING,
}
