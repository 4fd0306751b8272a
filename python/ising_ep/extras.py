"""Extras of the install: what each brings, and the line that says so where something is missing.

A plain install trains on digits. The samplers need numpy and dimod alone: `docs/install.md`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

# Packages of each extra, with a module of each; those of a plain install have no name. numpy and dimod, which
# nothing does without, are left out.
PLAIN = ""
EXTRAS: dict[str, dict[str, str]] = {
    PLAIN: {
        "click": "click",
        "dwave-cloud-client": "dwave.cloud",
        "joblib": "joblib",
        "pydantic": "pydantic",
        "requests": "requests",
        "rich": "rich",
        "safetensors": "safetensors",
        "scikit-learn": "sklearn",
        "scipy": "scipy",
    },
    "chip": {
        "dwave-graphs": "dwave.graphs",
        "minorminer": "minorminer",
        "networkx": "networkx",
        "platformdirs": "platformdirs",
        "pybase64": "pybase64",
        "tenacity": "tenacity",
        "urllib3": "urllib3",
        "werkzeug": "werkzeug",
        "xxhash": "xxhash",
    },
    "dask": {"dask": "dask", "distributed": "distributed"},
    "minimize": {
        "dwave-graphs": "dwave.graphs",
        "dwave-preprocessing": "dwave.preprocessing",
        "dwave-samplers": "dwave.samplers",
        "networkx": "networkx",
    },
    "plot": {"matplotlib": "matplotlib"},
    "torch": {"dwave-pytorch-plugin": "dwave.plugins.torch", "torch": "torch"},
}


class MissingExtraError(ImportError):
    """Something is asked for that needs packages which are not installed; says in a line what to install."""


def missing(extra: str) -> list[str]:
    """The packages of an extra that are not installed; nothing of them is imported.

    Raises:
        ValueError: If there is no such extra.

    Example:
        >>> missing("plot")
        []
    """
    if extra not in tuple(EXTRAS):
        known = ", ".join(repr(name) for name in EXTRAS)
        raise ValueError(f"extra is {extra!r}, expected one of {known}")
    return [package for package, module in EXTRAS[extra].items() if not _is_there(module)]


def require(extra: str, what: str, otherwise: str = "") -> None:
    """Refuses something that needs an extra, where it is not installed.

    Args:
        extra: A name of `EXTRAS`.
        what: What needs it.
        otherwise: What else than to install it helps.

    Raises:
        MissingExtraError: If a package of the extra is missing.
        ValueError: If there is no such extra.

    Example:
        >>> require("plot", "a picture")
    """
    lacking = missing(extra)
    if lacking:
        name = f"'ising-ep[{extra}]'" if extra else "ising-ep"
        raise MissingExtraError(f"{what} needs {', '.join(lacking)}: pip install {name}{otherwise}")


@contextmanager
def needing(extra: str, what: str) -> Iterator[None]:
    """Turns an import that fails into the line of `require`, where a package of the extra is missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        try:
            require(extra, what)
        except MissingExtraError as line:
            raise line from None
        raise error


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that it is a part of
        return False
