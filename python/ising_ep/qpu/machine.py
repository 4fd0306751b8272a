"""The machine "qpu": a network on a D-Wave QPU."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from ..embedding import Embedding
from ..extras import require
from ..machines.annealer import Annealer
from ..machines.embedded import EmbeddedMachine, EmbeddedSettings
from ..machines.settings import Work
from ..network import Network

if TYPE_CHECKING:
    from .dispatch import QPU

log = logging.getLogger(__name__)


class QPUMachine(EmbeddedMachine):
    """A network on a QPU; all that is asked of it is written down in the journal of the run."""

    annealer: QPU


class QPUSettings(EmbeddedSettings):
    """Settings of a `QPUMachine`."""

    about: ClassVar[str] = "the solver that dwave-cloud-client's configuration chooses"
    machine: ClassVar[type[EmbeddedMachine]] = QPUMachine
    shared: ClassVar[bool] = False
    options: ClassVar[tuple[str, ...]] = ("max_qpu_time", "when_offline", "answer_timeout", "copies")

    def build(
        self,
        network: Network,
        work: Work,
        annealer: Annealer | None = None,
        embedding: Embedding | None = None,
    ) -> EmbeddedMachine:
        """See `MachineSettings.build`.

        Args:
            network: The network.
            work: What it is built for. A command connects to the solver that its ``options`` name, and keeps
                a journal before anything is asked of it.
            annealer: The QPU, with the journal of the run.
            embedding: Where the network is on it; None looks for it.

        Raises:
            ValueError: If there is no annealer outside of a command, or the network does not fit.
        """
        if annealer is None:
            if work.options is None:
                raise ValueError(
                    "machine qpu is paid for, and asked by commands alone, such as `ising-ep predict`, which"
                    " keep to its budget; in Python give machine=, such as"
                    " ising_ep.machines.AnnealingMachine(num_reads=10)"
                )
            annealer = connected(work.options)
        return self.embedded(network, work, annealer, embedding)


def connected(options: Mapping[str, Any]) -> QPU:
    """The QPU that the client's configuration chooses, or the ``solver`` of that name; without a journal.

    Args:
        options: ``solver``, ``max_qpu_time``, ``when_offline`` and ``answer_timeout``, or some of them.
    """
    require("chip", "a QPU")
    from .connection import Connection
    from .dispatch import ANSWER_TIMEOUT, QPU

    connection = Connection.open(options.get("solver"))
    qpu = QPU(
        connection,
        max_access_time=options.get("max_qpu_time"),
        when_offline=options.get("when_offline") or "wait",
        answer_timeout=options.get("answer_timeout") or ANSWER_TIMEOUT,
    )
    log.info("Solver %s, %s, working graph %s", connection.name, qpu.chip, qpu.chip.graph_id)
    if not qpu.reverses:
        log.info("The solver does not anneal in reverse: nudged problems are annealed forward, from no state")
    return qpu
