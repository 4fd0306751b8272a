"""The QPU: faults, kills, and what a call costs besides the service."""
