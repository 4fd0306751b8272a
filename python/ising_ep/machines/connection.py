"""A D-Wave solver, as the client's own configuration chooses it, and requests made until they succeed.

Which service, token and solver: see `dwave config` and the documentation of dwave-cloud-client; nothing of it
is ours. The requests are those of `dwave.cloud.api`, one at a time and each with its answer, not the futures
of `dwave.cloud.Client`, which lose a problem whose submission is not answered, and wait for ever for a status
that does not come.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any, Self, TypeVar

import pydantic
import requests
import tenacity
from dwave.cloud import Client, api
from dwave.cloud.config.exceptions import ConfigFileError
from dwave.cloud.exceptions import SolverNotFoundError

from ..chip import Chip
from ..stopped import QPUStoppedError
from .qpu_properties import usable

T = TypeVar("T")

log = logging.getLogger(__name__)

# Seconds between one try and the next: doubled each time, up to the longest.
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
# Seconds in which a request has to succeed: networks and services come back.
PATIENCE = 3600.0

# What another try may mend: the service's own troubles, its limits, answers that break off...
TRANSIENT = (
    api.exceptions.RequestTimeout,
    api.exceptions.InternalServerError,
    api.exceptions.ResourceLimitsExceededError,
    api.exceptions.ResourceBadResponseError,
    json.JSONDecodeError,
    pydantic.ValidationError,
)


def is_transient(error: BaseException) -> bool:
    """Whether another try may mend it."""
    # ... and the network; the client's errors for what the service refuses are of the same family.
    network = isinstance(error, requests.RequestException) and not isinstance(
        error, api.exceptions.RequestError
    )
    return network or isinstance(error, TRANSIENT)


class Connection:
    """A solver and the way to it.

    Args:
        config: The client's configuration, with endpoint and token.
        name: The solver's.
        version: What the service gives as its version, "graph_id" among it.
        properties: The solver's.
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
        first_wait: float = FIRST_WAIT,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self.version = version
        self.properties = properties = usable(name, properties)
        self.chip = Chip.of_solver(properties, version.get("graph_id"))
        self.problems = api.Problems.from_config(config)
        self._solvers = api.Solvers.from_config(config)
        for resource in (self.problems, self._solvers):
            _read_environment_once(resource.session)
        self.first_wait = first_wait
        self._patience = patience
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_transient),
            wait=self._wait,
            stop=tenacity.stop_after_delay(patience),
            before_sleep=_say,
            reraise=True,
        )

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
        try:
            # Compressing a problem takes longer than sending it.
            client = Client.from_config(
                client="qpu", defaults={"compress_qpu_problem_data": False}, **settings
            )
        except (ConfigFileError, ValueError) as error:
            raise ValueError(
                f"the configuration of dwave-cloud-client is no good ({error}); see `dwave config create`"
            ) from None
        try:
            found = (
                client.get_solver(refresh=True) if solver is None else client.get_solver(solver, refresh=True)
            )
            config = client.config
        except SolverNotFoundError:
            wanted = solver or client.config.solver or "any QPU"
            text = f"{client.config.endpoint} has no solver online that is {wanted}"
            raise (ValueError if solver is None else QPUStoppedError)(text) from None
        except (requests.RequestException, *TRANSIENT) as error:
            raise QPUStoppedError(f"{client.config.endpoint}: {_text(error)}") from None
        finally:
            client.close(wait=False)
        if (found.properties.get("topology") or {}).get("type") not in ("chimera", "pegasus", "zephyr"):
            raise ValueError(f"solver {found.name} is no QPU with a Chimera, Pegasus or Zephyr graph")
        return cls(
            config,
            found.name,
            dict(found.version or {}),
            dict(found.properties),
            first_wait=first_wait,
            patience=patience,
        )

    @property
    def reverses(self) -> bool:
        """Whether the solver anneals in reverse."""
        return "initial_state" in self.properties["parameters"]

    def ask(self, request: Callable[..., T], *args: Any, patience: float | None = None, **settings: Any) -> T:
        """Makes a request until it succeeds.

        Args:
            request: What is called; safe to be called again after it failed.
            args: Its arguments.
            patience: Seconds in which it has to succeed, if fewer than the connection's own.
            settings: Its named arguments.

        Raises:
            QPUStoppedError: If it is refused for good, or does not succeed in time.
            ResourceNotFoundError: If what was asked for is not there.
        """
        retrying = self._retrying
        if patience is not None:
            retrying = retrying.copy(stop=tenacity.stop_after_delay(min(self._patience, patience)))
        try:
            return retrying(request, *args, **settings)
        except api.exceptions.ResourceNotFoundError:
            raise
        except (requests.RequestException, *TRANSIENT) as error:
            what = "cannot be reached" if is_transient(error) else "refuses"
            raise QPUStoppedError(f"the service {what}: {_text(error)}") from None

    def online(self) -> bool:
        """Whether the solver is there and works.

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

    def close(self) -> None:
        """Closes the connections to the service."""
        self.problems.close()
        self._solvers.close()

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next try: what the service asks for, if it does."""
        wait = tenacity.wait_exponential_jitter(
            multiplier=self.first_wait, max=LONGEST_WAIT, jitter=self.first_wait
        )(state)
        response = getattr(state.outcome and state.outcome.exception(), "response", None)
        asked = "" if response is None else response.headers.get("Retry-After", "")
        return max(wait, float(asked)) if asked.isdecimal() else wait


def _read_environment_once(session: requests.Session) -> None:
    """Takes proxies and certificates from the environment now, and not with every request: that is slow."""
    found = session.merge_environment_settings(str(getattr(session, "base_url", "")), {}, None, None, None)
    session.proxies, session.verify, session.cert = found["proxies"], found["verify"], found["cert"]
    session.trust_env = False


def _say(state: tenacity.RetryCallState) -> None:
    assert state.outcome is not None
    log.warning("%s; trying again in %.1f s", _text(state.outcome.exception()), state.upcoming_sleep)


def _text(error: BaseException | None) -> str:
    """What is wrong, in one line: requests' texts carry addresses, never a token."""
    text = " ".join(str(error).split())
    return (
        f"{type(error).__name__}: {text}" if len(text) < 300 else f"{type(error).__name__}: {text[:300]}..."
    )
