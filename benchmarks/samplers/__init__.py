"""Annealers: speed, time to solution, memory, penalties, and random calls of the core."""
