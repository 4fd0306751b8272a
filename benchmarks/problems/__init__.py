"""Readers of problem files: fuzzed, and given files made to take all memory or time."""
