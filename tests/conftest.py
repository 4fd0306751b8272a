"""Hypothesis tries the same examples in every run, so that a failure is a change of the code."""

from hypothesis import settings

# No deadline: the machine may be busy.
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")
