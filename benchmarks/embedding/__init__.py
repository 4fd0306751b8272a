"""Layouts of networks on chips, and the way of problems and reads between spins and qubits."""
