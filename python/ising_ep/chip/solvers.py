"""Solvers by name."""

from __future__ import annotations

import re


def plain_name(name: str) -> str:
    """A solver's name in small letters, without the number of its working graph.

    Example:
        >>> plain_name("Advantage_system4.1")
        'advantage_system4'
    """
    return re.sub(r"\.[0-9]+$", "", name.strip().lower())
