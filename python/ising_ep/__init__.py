"""Train Ising machines with equilibrium propagation, and anneal on a Rust core.

E(s) = sum_{i<j} J_ij s_i s_j + sum_i h_i s_i with s_i in {-1, +1}; a machine looks for low E.

docs/api.md lists the names that are for users.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import chip as chip
    from . import config as config
    from . import datasets as datasets
    from . import embedding as embedding
    from . import errors as errors
    from . import learning as learning
    from . import machines as machines
    from . import network as network
    from . import training as training
    from .embedding.unembed import correlations as correlations
    from .embedding.unembed import unembed as unembed
    from .estimator import EPClassifier as EPClassifier
    from .machines.chip_sampler import ChipSampler as ChipSampler
    from .samplers.batch import BatchResult as BatchResult
    from .samplers.default_range import default_beta_range as default_beta_range
    from .samplers.digest import problem_digest as problem_digest
    from .samplers.minimizer import minimize as minimize
    from .samplers.path_integral import PathIntegralAnnealingSampler as PathIntegralAnnealingSampler
    from .samplers.simulated import SimulatedAnnealingSampler as SimulatedAnnealingSampler
    from .samplers.tabu import TabuSampler as TabuSampler
    from .samplers.temperature import effective_beta as effective_beta
    from .samplers.tempering import ParallelTemperingSampler as ParallelTemperingSampler
    from .training import load as load

    __version__: str
    """The version of the package."""

# Loaded when first asked for: dimod alone, or scikit-learn, takes longer to import than all the rest.
_HOME = {
    "BatchResult": ".samplers.batch",
    "ChipSampler": ".machines.chip_sampler",
    "EPClassifier": ".estimator",
    "ParallelTemperingSampler": ".samplers.tempering",
    "PathIntegralAnnealingSampler": ".samplers.path_integral",
    "SimulatedAnnealingSampler": ".samplers.simulated",
    "TabuSampler": ".samplers.tabu",
    "correlations": ".embedding.unembed",
    "default_beta_range": ".samplers.default_range",
    "effective_beta": ".samplers.temperature",
    "load": ".training",
    "minimize": ".samplers.minimizer",
    "problem_digest": ".samplers.digest",
    "unembed": ".embedding.unembed",
}
# Packages and modules for users, loaded likewise.
_ROOMS = {"chip", "config", "datasets", "embedding", "errors", "learning", "machines", "network", "training"}
__all__ = [
    "BatchResult",
    "ChipSampler",
    "EPClassifier",
    "ParallelTemperingSampler",
    "PathIntegralAnnealingSampler",
    "SimulatedAnnealingSampler",
    "TabuSampler",
    "__version__",
    "chip",
    "config",
    "correlations",
    "datasets",
    "default_beta_range",
    "effective_beta",
    "embedding",
    "errors",
    "learning",
    "load",
    "machines",
    "minimize",
    "network",
    "problem_digest",
    "training",
    "unembed",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("ising-ep")
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        return getattr(import_module(_HOME[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
