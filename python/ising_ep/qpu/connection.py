"""A D-Wave solver, as the client's own configuration chooses it, and the way to it.

Which service, token and solver: see `dwave config` and the documentation of dwave-cloud-client; nothing of it
is ours. The requests are those of `dwave.cloud.api`, one at a time and each with its answer, not the futures
of `dwave.cloud.Client`, which lose a problem whose submission is not answered, and wait for ever for a status
that does not come.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, Self, TypeVar

from dwave.cloud import Client, api
from dwave.cloud.exceptions import SolverNotFoundError

from ..chip.families import FAMILIES
from ..errors import QPUStoppedError
from .asking import FIRST_WAIT, LONGEST_WAIT, PATIENCE, Asker
from .configuration import DEFAULTS, check_endpoint, read_configuration
from .properties import usable
from .redaction import Redaction
from .requests import Problems
from .transport import Transport

T = TypeVar("T")

log = logging.getLogger(__name__)

# Seconds in which a service has to answer when a run begins: then somebody may be there to mend it.
OPENING = 20.0
# Seconds that the service may hold a request until there is an answer: the longest that it takes.
LONG_POLL = 30
# Seconds between one look at a problem and the next, where the service does not hold requests, and by what
# they grow each time: the client's own schedule.
FIRST_PAUSE, PAUSE_GROWTH = 0.05, 1.3


@dataclass
class _Watch:
    """A problem that is waited for."""

    id: str | None
    since: float
    early: int = 0  # answers in a row that came before there was anything to say
    said: float = 0.0  # seconds of waiting when it was last said


class Connection:
    """A solver and the way to it. It cannot be pickled or copied: it holds the token.

    Args:
        config: The client's configuration, with endpoint and token.
        name: The solver's.
        version: What the service gives as its version, "graph_id" among it.
        properties: The solver's.
        redaction: What must not be shown.
        first_wait: Seconds after the first failure of a request.
        patience: Seconds in which a request has to succeed.

    Attributes:
        chip: Its working graph.
        problems: The service's problems, by `dwave.cloud.api`.
    """

    def __init__(
        self,
        config: Any,
        name: str,
        version: dict[str, Any],
        properties: dict[str, Any],
        *,
        redaction: Redaction,
        first_wait: float = FIRST_WAIT,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self.version = version
        self.properties, self.chip = usable(name, properties, version.get("graph_id"))
        self.problems = Problems.from_config(config)
        self._solvers = api.Solvers.from_config(config)
        transport = Transport(config.endpoint, _timeouts(config))
        for resource in (self.problems, self._solvers):
            transport.carry(resource.session)
        self.first_wait = first_wait
        self._asker = Asker(transport, redaction, first_wait=first_wait, patience=patience)
        # A poll has to be over when the time for an answer is.
        self._longest_poll = min(LONG_POLL, _timeouts(config)[1] / 2, patience / 2)
        self._redaction = redaction
        self._watch: _Watch | None = None

    @classmethod
    def open(
        cls,
        solver: str | None = None,
        *,
        first_wait: float = FIRST_WAIT,
        patience: float = PATIENCE,
        **settings: Any,
    ) -> Self:
        """The solver that the client's configuration files and environment choose, or the one of that name.

        Args:
            solver: Name of a solver, for a run that goes on with its own.
            first_wait: Seconds after the first failure of a request.
            patience: Seconds in which a request has to succeed.
            settings: Those of `dwave.cloud.Client.from_config`, for what files and environment do not say.

        Raises:
            ValueError: One line, if the configuration is no good, or chooses no solver that is online.
            QPUStoppedError: If the service refuses, or cannot be reached, or the solver of that name is away.
        """
        settings, redaction = read_configuration(settings)
        try:
            client = Client.from_config(client="qpu", defaults=DEFAULTS, **settings)
        except (ValueError, SyntaxError) as error:  # the client evaluates some texts
            text = redaction.line(error)
            raise ValueError(
                f"the configuration of dwave-cloud-client is no good ({text}); see `dwave config create`"
            ) from None
        config = client.config
        try:
            check_endpoint(config.endpoint, redaction)
            endpoint = redaction.line(config.endpoint)
            log.info("Asking %s for its solvers", endpoint)
            transport = Transport(config.endpoint, _timeouts(config))
            transport.carry(client.solvers_session.session)
            asker = Asker(transport, redaction, first_wait=first_wait, patience=min(OPENING, patience))
            named = () if solver is None else (solver,)
            found = asker.ask(client.get_solver, *named, refresh=True)
            if (found.properties.get("topology") or {}).get("type") not in tuple(FAMILIES):
                raise ValueError(f"solver {found.name} is no QPU with a graph of {', '.join(FAMILIES)}")
            version, properties = dict(found.version or {}), dict(found.properties)
            waits = {"first_wait": first_wait, "patience": patience}
            return cls(config, found.name, version, properties, redaction=redaction, **waits)
        except SolverNotFoundError:
            wanted = redaction.line(solver or config.solver or "any QPU")
            text = f"{endpoint} has no solver online that is {wanted}"
            raise (ValueError if solver is None else QPUStoppedError)(text) from None
        except api.exceptions.ResourceNotFoundError as error:
            raise QPUStoppedError(f"{endpoint}: {redaction.line(error)}") from None
        except QPUStoppedError as error:
            raise QPUStoppedError(f"{endpoint}: {error}") from None
        except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            text = redaction.line(f"{type(error).__name__}: {error}")
            raise ValueError(f"{endpoint} gives a definition of a solver that is none: {text}") from None
        finally:
            client.close(wait=False)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Connection holds a token: it cannot be pickled or copied, open another")

    @property
    def reverses(self) -> bool:
        """True if the solver anneals in reverse."""
        return "initial_state" in self.properties["parameters"]

    def ask(self, request: Callable[..., T], *args: Any, **settings: Any) -> T:
        """Makes a request until it succeeds, see `Asker.ask`."""
        return self._asker.ask(request, *args, **settings)

    def poll(self, id: str | None, answer_timeout: float) -> Any:
        """Asks how a problem is, and lets the service hold the request until there is something to say.

        Where the service does not hold it, it is asked again after a pause that grows. A wait of a minute is
        said, and then each one that is twice as long.

        Args:
            id: The problem's.
            answer_timeout: Seconds in which what the service has to say has to be read.

        Raises:
            QPUStoppedError: See `Asker.ask`.
            ResourceNotFoundError: If the service does not know it.
        """
        now = time.monotonic()
        watch = self._watch
        if watch is None or watch.id != id:
            watch = self._watch = _Watch(id, now)
        if watch.early:
            pause = FIRST_PAUSE * PAUSE_GROWTH ** min(watch.early, 100)
            time.sleep(min(pause, self._longest_poll, answer_timeout))
        hold = int(min(self._longest_poll, max(1.0, answer_timeout)))
        asked = time.monotonic()
        status = self.ask(self.problems.get_problem, id, timeout=hold, limit=hold + answer_timeout)
        now = time.monotonic()
        watch.early = 0 if hold and now - asked > hold / 2 else watch.early + 1
        if status.status in ("PENDING", "IN_PROGRESS"):
            waited = now - watch.since
            if waited > max(LONGEST_WAIT, 2 * watch.said):
                watch.said = waited
                state = self._redaction.line(status.status.value)
                log.warning("problem %s is %s, for %.0f s so far", self._redaction.line(id), state, waited)
        if getattr(status, "error_message", None):
            status.error_message = self._redaction.line(status.error_message)
        return status

    def online(self) -> bool:
        """Asks whether the solver is there and works.

        Raises:
            QPUStoppedError: If its working graph is another by now.
        """
        try:
            found = self.ask(self._solvers.get_solver, self.name, filter="none,+identity,+status")
        except api.exceptions.ResourceNotFoundError:
            return False
        graph = found.identity.version.graph_id if found.identity.version else None
        if graph != self.version.get("graph_id"):
            raise QPUStoppedError(
                f"the working graph of {self.name} is {graph} now, but the embedding is of"
                f" {self.version.get('graph_id')}"
            )
        return str(found.get("status", "")).upper() == "ONLINE"

    def wait_for_solver(self, *, stop: bool) -> None:
        """Waits until the solver works again.

        Args:
            stop: Do not wait: it may have come back by now, or is said to be offline.

        Raises:
            QPUStoppedError: If it is offline and nobody is to wait, or its working graph is another by now.
        """
        wait = self.first_wait
        time.sleep(wait)
        while not self.online():
            if stop:
                raise QPUStoppedError(f"solver {self.name} is offline")
            log.warning("solver %s is offline; looking again in %.1f s", self.name, wait)
            time.sleep(wait)
            wait = min(2 * wait, LONG_POLL)

    def close(self) -> None:
        """Closes the connections to the service."""
        self.problems.close()
        self._solvers.close()


def _timeouts(config: Any) -> tuple[float, float]:
    """Seconds to connect in, and between one piece of an answer and the next."""
    both = config.request_timeout or DEFAULTS["request_timeout"]
    connect, read = both if isinstance(both, tuple) else (both, both)
    return float(connect), float(read)
