"""PyTorch's face: a sampler for Boltzmann machines of dwave-pytorch-plugin, and an Ising machine as a module.

Needs ``pip install 'ising-ep[torch]'``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .boltzmann import BoltzmannSampler as BoltzmannSampler
    from .layer import IsingLayer as IsingLayer

# Loaded when first asked for: a layer needs no dwave-pytorch-plugin.
_HOME = {"BoltzmannSampler": ".boltzmann", "IsingLayer": ".layer"}
__all__ = ["BoltzmannSampler", "IsingLayer"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
