"""Requests that are made until they succeed: what is tried again, when and for how long."""

from __future__ import annotations

import json
import logging
import re
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pydantic
import requests
from dwave.cloud import api

from ..errors import QPUStoppedError
from ..extras import needing
from .redaction import Redaction
from .transport import ANSWER, Transport

with needing("chip", "a QPU"):
    import tenacity
    import urllib3

T = TypeVar("T")

log = logging.getLogger(__name__)

# Seconds between one try and the next: doubled each time, up to the longest, whatever the service asks for.
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
# Seconds in which a request has to succeed: networks and services come back.
PATIENCE = 3600.0

# Errors without an HTTP status that a retry may mend: the answer broke off, or is not what was asked for.
TRANSIENT = (
    api.exceptions.RequestTimeout,
    api.exceptions.InternalServerError,
    api.exceptions.ResourceLimitsExceededError,
    api.exceptions.ResourceBadResponseError,
    json.JSONDecodeError,
    pydantic.ValidationError,
)
# HTTP statuses that a retry may mend, besides all from 500 on: Request Timeout, Misdirected Request (the
# next try takes another connection), Too Early, Too Many Requests.
PASSING = (408, 421, 425, 429)
# Meanings of urllib3's errors. The first match counts, as some are subclasses of others.
NETWORK = {
    urllib3.exceptions.NameResolutionError: "the host's name is not known",
    urllib3.exceptions.NewConnectionError: "no connection",
    urllib3.exceptions.ConnectTimeoutError: "no connection in time",
    urllib3.exceptions.ReadTimeoutError: "no complete answer in time",
}


def is_transient(error: BaseException) -> bool:
    """Tells whether a retry may mend an error."""
    response = getattr(error, "response", None)
    if response is not None:
        status = response.status_code
        # Content Too Large passes if the service says when to try again.
        return status in PASSING or status >= 500 or (status == 413 and "Retry-After" in response.headers)
    if isinstance(error, TRANSIENT):
        return True
    # Network errors are RequestExceptions. So are the client's errors for requests that the service refuses
    # and the errors for malformed addresses and headers, which no retry mends.
    is_network = isinstance(error, requests.RequestException) and not isinstance(
        error, (api.exceptions.RequestError, requests.TooManyRedirects, ValueError)
    )
    return is_network and not any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _chain(error))


class Asker:
    """Makes requests until they succeed, says each failure in a line, and gives up in time.

    Args:
        transport: What carries the requests.
        redaction: What is not said.
        first_wait: Seconds after the first failure of a request.
        patience: Seconds in which a request has to succeed.
    """

    def __init__(
        self, transport: Transport, redaction: Redaction, *, first_wait: float, patience: float
    ) -> None:
        self._transport = transport
        self._redaction = redaction
        self._patience = patience
        self._said: set[str] = set()
        self._backoff = tenacity.wait_exponential_jitter(
            multiplier=first_wait, max=LONGEST_WAIT, jitter=first_wait
        )
        self._retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(is_transient),
            wait=self._wait,
            stop=tenacity.stop_before_delay(patience),
            before_sleep=self._before_sleep,
            reraise=True,
        )

    def ask(
        self,
        request: Callable[..., T],
        *args: Any,
        patience: float | None = None,
        limit: float = ANSWER,
        **settings: Any,
    ) -> T:
        """Makes a request until it succeeds.

        Args:
            request: What is called; safe to be called again after it failed.
            args: Its arguments.
            patience: Seconds in which it has to succeed, if fewer than usual.
            limit: Seconds in which one answer has to be complete.
            settings: Its named arguments.

        Raises:
            QPUStoppedError: If it is refused for good, or does not succeed in time.
            ResourceNotFoundError: If what was asked for is not there.
        """
        patience = min(self._patience, patience or self._patience)
        self._transport.limit, self._transport.until = limit, time.monotonic() + patience
        # No other error stands behind the one that is raised: that would hold the request, and it the token.
        failure: Exception
        try:
            answer = self._persist(lambda: request(*args, **settings), patience)
            self._say_deprecations()
            return answer
        except api.exceptions.ResourceNotFoundError as error:
            failure = type(error)(error_msg=self.line(error), error_code=404)
        except (requests.RequestException, *TRANSIENT) as error:
            what = "cannot be reached" if is_transient(error) else "refuses"
            failure = QPUStoppedError(f"the service {what}: {self.line(error)}")
        raise failure

    def _persist(self, request: Callable[[], T], patience: float) -> T:
        """Makes a request until it succeeds or nothing is left to try.

        Mostly the first try succeeds. It is made without tenacity, which takes a twentieth of a call's time.
        """
        try:
            return request()
        except Exception as error:
            if not is_transient(error):
                raise
            failed = [error]

        def again() -> T:
            if failed:
                raise failed.pop()
            return request()

        retrying = self._retrying
        if patience < self._patience:
            retrying = retrying.copy(stop=tenacity.stop_before_delay(patience))
        return retrying(again)

    def line(self, error: BaseException | None) -> str:
        """Describes an error in one line without secrets; a network error by its cause, as "no such host"."""
        causes = [cause for cause in _chain(error) if isinstance(cause, urllib3.exceptions.HTTPError)]
        cause = causes[-1] if causes else error
        what = next((what for kind, what in NETWORK.items() if isinstance(cause, kind)), type(cause).__name__)
        # urllib3 begins with its own objects: HTTPSConnection(host='...', port=443): ...
        text = re.sub(r"^[A-Z]\w+\(.*?\): ", "", str(cause))
        return self._redaction.line(f"{what}: {text}")

    def _say_deprecations(self) -> None:
        """Says once what the service is about to give up."""
        for name, message in self._transport.deprecations().items():
            if name not in self._said:
                self._said.add(name)
                log.warning("the service says: %s", self._redaction.line(message))

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next try: what the service asks for, if it does and it is not too long."""
        response = getattr(state.outcome and state.outcome.exception(), "response", None)
        asked = None if response is None else response.headers.get("Retry-After")
        return max(self._backoff(state), min(_seconds(asked), LONGEST_WAIT))

    def _before_sleep(self, state: tenacity.RetryCallState) -> None:
        assert state.outcome is not None
        log.warning("%s; trying again in %.1f s", self.line(state.outcome.exception()), state.upcoming_sleep)
        # The next try is made over another connection.
        self._transport.close()


def _seconds(retry_after: str | None) -> float:
    """Seconds that a Retry-After asks for, in digits or as a date; 0 if it is neither."""
    if retry_after is None:
        return 0.0
    try:
        return urllib3.Retry().parse_retry_after(retry_after)
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return 0.0


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
