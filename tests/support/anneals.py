"""A look at the anneals that the core is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ising_ep import _core
from ising_ep.samplers.couplings import PreparedCouplings


class _Heard:
    """A model on the core that tells of each anneal before it begins."""

    def __init__(self, model: _core.Model, hear: Callable[[dict[str, Any]], object]) -> None:
        self.model = model
        self.hear = hear

    def anneal(self, *arguments: Any, **keywords: Any) -> Any:
        self.hear(keywords)
        return self.model.anneal(*arguments, **keywords)

    def mean_field(self, *arguments: Any, **keywords: Any) -> Any:
        self.hear(keywords)
        return self.model.mean_field(*arguments, **keywords)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def count_anneals(patch: pytest.MonkeyPatch, hear: Callable[[dict[str, Any]], object]) -> None:
    """Tells `hear` the keywords of each anneal."""
    model = PreparedCouplings.model
    patch.setattr(PreparedCouplings, "model", lambda self, num_spins: _Heard(model(self, num_spins), hear))
    for name in ("recombine", "search", "temper"):
        patch.setattr(_core, name, _of_model(getattr(_core, name)))


def _of_model(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of the core, which takes models only, for one that is heard."""
    return lambda model, *arguments, **keywords: function(
        getattr(model, "model", model), *arguments, **keywords
    )
