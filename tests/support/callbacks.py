"""Functions as callbacks of the trainer."""

from collections.abc import Callable
from typing import Any

from ising_ep.training import Callback


def calling(**functions: Callable[..., Any] | None) -> list[Callback]:
    """A list of one callback, whose methods of these names are the functions; None stays without effect."""
    made = Callback()
    for name, function in functions.items():
        assert hasattr(made, name), name
        if function is not None:
            setattr(made, name, function)
    return [made]
