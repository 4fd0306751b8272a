"""The parts of a run that may be given in place of what its settings describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks import function, instance
from ..config import TrainConfig
from ..learning import EquilibriumPropagation
from ..machines import Machine, check_machine
from ..network import Network
from ..printable import one_line

# Called by keywords, as the class `EquilibriumPropagation` is.
RuleMaker = Callable[..., EquilibriumPropagation]
# Characters of the words that a run folder keeps for a part.
_MOST_WORDS = 300


@dataclass(frozen=True)
class Parts:
    """A network, a machine and a learning rule, each None where the settings of the run describe it.

    Args:
        network: The architecture.
        machine: What anneals.
        rule: What makes the learning rule of them and the settings.

    Raises:
        TypeError: If one is not what it should be.
        ValueError: If the machine says of itself what none can be.
    """

    network: Network | None = None
    machine: Machine | None = None
    rule: RuleMaker | None = None

    def __post_init__(self) -> None:
        if self.network is not None:
            instance("network", self.network, Network)
        if self.machine is not None:
            check_machine(self.machine)
        function("rule", self.rule)

    def check(self, config: TrainConfig, num_threads: int | None) -> None:
        """Refuses settings that a given part would leave without effect.

        Raises:
            ValueError: If there is such a setting.
        """
        if self.machine is None:
            return
        if config.test_reads is not None:
            raise ValueError(
                f"test_reads is {config.test_reads}, but the machine that is given has reads of its own; set"
                " them there, and test_reads to None"
            )
        own = getattr(self.machine, "num_threads", num_threads)
        if num_threads is not None and own != num_threads:
            raise ValueError(
                f"num_threads is {num_threads}, but the machine that is given has {own or 'all cores'}"
            )

    def described(self) -> dict[str, str]:
        """Words for each part that is given, by its name.

        Example:
            >>> from ising_ep.network import FullyConnected
            >>> Parts(FullyConnected(4, (2,), 2)).described()["network"][:28]
            'FullyConnected(num_inputs=4,'
        """
        return {name: _words(part) for name, part in vars(self).items() if part is not None}

    def complete(self, recorded: Mapping[str, str], where: Path, loader: str = "ising_ep.load") -> None:
        """Refuses to stand for a run some of whose recorded parts are missing here.

        Args:
            recorded: Words for each part that the run was given.
            where: The run, or the file of its model.
            loader: The function that takes the parts.

        Raises:
            ValueError: If one is.
        """
        for name, words in recorded.items():
            if getattr(self, name) is None:
                raise ValueError(
                    f"{where} was trained with a {name} of its own, {words}: give it to {loader} as"
                    f" {name}=..., or to ising_ep.training.resume"
                )


NONE_GIVEN = Parts()


def _words(part: Any) -> str:
    """The representation of an object that has one, or the name of its class or of the function."""
    named = part if isinstance(part, type) or hasattr(part, "__qualname__") else type(part)
    text = f"{named.__module__}.{named.__qualname__}"
    if named is not part and not repr(part).startswith("<"):  # it has one of its own
        text = repr(part)
    return words_for_print(text)


def words_for_print(text: str) -> str:
    """The words in one line that a terminal can show, and not too long for it."""
    return one_line(text)[:_MOST_WORDS]
