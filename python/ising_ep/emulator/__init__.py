"""A stand-in for D-Wave's service, on this computer alone: rehearse a run before paying for it.

It speaks the Solver API ("SAPI") as dwave-cloud-client does, unmodified: solvers, submission of problems,
long polls, answers, cancelling. A chip model anneals in place of a QPU, and the server listens on 127.0.0.1
only.

    with Emulator(ChipModel(Chip.perfect("pegasus", 16))) as service:
        client = dwave.cloud.Client(endpoint=service.endpoint, token=service.token)

The same seeds give the same reads as the model called directly: where a label has "seed=S problem=P" in it,
these are the seed and the problem's id of `ChipModel.sample`; else the seed is the stand-in's own and the id
the number of the problem, counted from 0.

Modelled are: one QPU that takes problems in the order in which they came; "ising" and "qubo" problems in the
qp format; num_reads, annealing_time, anneal_schedule, initial_state (by qubit, 3 where it is not used),
answer_mode (histogram unless raw is asked for, as on the real service), label, and auto_scale, which is on
unless it is switched off and divides h and J by

    max(max h / h_high, min h / h_low, max J / J_high, min J / J_low)

with the ends of h_range and extended_j_range; what solvers refuse (`chip.rules`, `chip.anneals`), of one
problem in a list by itself; the QPU time of each problem, by the client's own estimate. With realtime a
problem takes as long.

Not modelled are: reinitialize_state False and x_ parameters, which are refused; other users, queues, loads,
quotas and rate limits; calibration and its drift; uploads in parts, which the client does not use for QPU
problems; the account's and region's interfaces, which it does not ask when it is given an endpoint. Problems
are forgotten when the stand-in ends; h and J of all but the last 100 before that, so that `info` is then 410.

Sources: D-Wave's documentation, "SAPI REST Developer Guide" (resources, response codes, how long a poll
waits, texts of errors) and "QPU Solver Parameters"; the source of dwave-cloud-client 0.14.8 (media types,
formats, what it makes of errors). Not documented, and assumed: that a solver that is offline refuses a
problem with 503 and "Solver is offline"; the texts of other refusals; that a search by label does not wait.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Container, Mapping
from types import MappingProxyType
from typing import Any, Self

from ..checks import integer, seed_or_new
from ..extras import needing
from ..machines.chip_model import ChipModel

with needing("chip", "the stand-in for D-Wave's service"):
    from werkzeug.serving import BaseWSGIServer

    from .faults import KINDS, Fault, Faults
    from .http import BASE, HOST, Application, serve
    from .service import Problem, Service
    from .solver import Solver, default_name

__all__ = ["KINDS", "Emulator", "Fault", "Problem"]


class Emulator:
    """The stand-in, which serves between `with` and its end.

    Args:
        model: What anneals.
        port: 0 to 65535; 0 for any that is free.
        token: The one that it lets in; a new one by default.
        realtime: Whether a problem takes its QPU access time.
        solver_name: Name of its solver; one of the chip by default.
        reverses: Whether the solver offers reverse annealing.
        properties: What the solver says of itself in place of what is so, by the service's names. It keeps to
            its own word only on the order of its qubits and on its parameters.
        left_out: Names of the properties that it does not say.
        seed: Of problems whose label names none, and of what is random about faults; a new one by default.

    Raises:
        ValueError: If a number is out of range.
        OSError: On entering, if the port is taken.

    Example:
        >>> from ising_ep.chip import Chip
        >>> from dwave.cloud import Client
        >>> model = ChipModel(Chip.perfect("pegasus", 2))
        >>> with Emulator(model) as service:
        ...     login = {"endpoint": service.endpoint, "token": service.token}
        ...     with Client(**login, cache_enabled=False) as client:
        ...         solver = client.get_solver(qpu=True)
        ...         future = solver.sample_ising({2: 1.0, 3: 1.0}, {(2, 3): -1.0}, num_reads=5)
        ...         solver.name, future.sampleset.record.sample.tolist(), future.num_occurrences
        ('Emulated_pegasus_2', [[-1, -1]], [5])
    """

    def __init__(
        self,
        model: ChipModel,
        port: int = 0,
        token: str | None = None,
        *,
        realtime: bool = False,
        solver_name: str | None = None,
        reverses: bool = True,
        properties: Mapping[str, Any] = MappingProxyType({}),
        left_out: Container[str] = (),
        seed: int | None = None,
    ) -> None:
        self.token = token or secrets.token_hex(20)
        self._port = integer("port", port, 0, 65535)
        seed = seed_or_new(seed)
        self._faults = Faults(seed)
        solver = Solver(
            model,
            solver_name or default_name(model.chip),
            reverses=reverses,
            properties=properties,
            left_out=left_out,
        )
        self._service = Service(solver, self._faults, seed=seed, realtime=realtime)
        self._application = Application(self._service, self._faults, self.token)
        self._server: BaseWSGIServer | None = None

    def __enter__(self) -> Self:
        self._server = serve(self._application, self._port)
        self._service.start()
        # The server looks twenty times a second whether it should stop.
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._service.stop()
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        """The address for the client."""
        if self._server is None:
            raise RuntimeError("the stand-in has no address before it serves: use it in a with statement")
        return f"http://{HOST}:{self._server.port}{BASE}"

    @property
    def problems(self) -> list[Problem]:
        """Every problem that was accepted, in that order."""
        return self._service.problems

    @property
    def requests(self) -> Counter[tuple[str, str]]:
        """Numbers of requests by method and kind: ("POST", "submit"), ("GET", "poll")..."""
        return self._application.requests.copy()

    def add_fault(self, fault: Fault) -> None:
        """Something that is to go wrong from now on."""
        self._faults.add(fault)
