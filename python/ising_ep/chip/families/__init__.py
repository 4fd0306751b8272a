"""The topologies of D-Wave's chips, by name: every module of this folder is one, its `FAMILY`.

A file added here is all that a new topology takes.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from ...checks import one_of
from ..family import Family

_MODULES = sorted(module.name for module in iter_modules(__path__))
FAMILIES: dict[str, Family] = {
    family.name: family for family in (import_module(f".{name}", __name__).FAMILY for name in _MODULES)
}


def family_of(name: Any) -> Family:
    """The family of that name.

    Raises:
        ValueError: If there is none.

    Example:
        >>> family_of("zephyr").whole_shape((12,))
        (12, 4)
    """
    one_of("the family of the chip", name, tuple(FAMILIES))
    return FAMILIES[name]
