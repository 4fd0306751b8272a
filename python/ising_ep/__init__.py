"""Train Ising machines with equilibrium propagation, and anneal on a Rust core."""
