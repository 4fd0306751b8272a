"""What several benchmarks use: options and reports, kept runs, timing, the peers, and their problems."""
