"""Measurements, grouped as the packages of ising_ep are. They are run from the root of a checkout:

    python -m benchmarks.samplers.side_by_side --quick

Each says at its top what it measures and how long that takes. What they have in common is in `support`, and
in `studies`, which keeps the results of long runs. Results are in `results/`.
"""
