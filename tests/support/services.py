"""The stand-in for D-Wave's service, as the command line finds it."""

import os

import pytest

from ising_ep.emulator import Emulator


def log_in(patch: pytest.MonkeyPatch, service: Emulator) -> None:
    """Names the service and its token in the environment, and no other configuration."""
    patch.setenv("DWAVE_API_ENDPOINT", service.endpoint)
    patch.setenv("DWAVE_API_TOKEN", service.token)
    patch.setenv("DWAVE_CONFIG_FILE", os.devnull)
