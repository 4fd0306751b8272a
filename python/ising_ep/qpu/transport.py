"""HTTP to one service: no other host, no retries, and an answer that is complete in time."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from dwave.cloud import api
from requests.adapters import HTTPAdapter
from requests.sessions import SessionRedirectMixin

# Seconds in which an answer has to be complete, unless less is said.
ANSWER = 600.0
# Bytes of the longest answer that is read. That of a solver's definition is some millions.
LARGEST_ANSWER = 1 << 28
# Seconds of the shortest time limit of a request.
SHORTEST = 1.0


class Transport(HTTPAdapter):
    """Carries a session's requests to the endpoint's host, and to no other.

    The token is a header of the session. It goes along on redirects, and to whatever address a problem's id
    amounts to. So each request's address is looked at here, just before it is sent.
    A request is made once. Errors that a retry may mend are retried by the `Asker`, which says so in a line.

    Args:
        endpoint: The service's address.
        timeouts: Seconds to connect in, and between one piece of an answer and the next.

    Attributes:
        limit: Seconds in which an answer has to be complete.
        until: Moment of `time.monotonic` by which it has to be, whatever the limit.
    """

    def __init__(self, endpoint: str, timeouts: tuple[float, float]) -> None:
        super().__init__(max_retries=0)
        self.limit = ANSWER
        self.until = float("inf")
        self._endpoint = endpoint
        self._timeouts = timeouts
        self._rules = SessionRedirectMixin()
        self._sessions: list[Any] = []
        self._complete_by = self.until

    def carry(self, session: Any) -> None:
        """Takes over the requests of a session of dwave-cloud-client."""
        self._sessions.append(session)
        for prefix in list(session.adapters):
            session.mount(prefix, self)
        session.hooks["response"] = [self._read, _raise_for_status]
        # Whether a solver is online is not to be believed from the client's cache of answers.
        session.configure_cache({"enabled": False})
        # Python's warnings would bring the service's texts to the terminal as they are.
        session.set_on_deprecation(log=False, warn=False, store=True)
        # Proxies and certificates are taken from the environment now: with every request it would be slow.
        found = session.merge_environment_settings(self._endpoint, {}, None, None, None)
        session.proxies, session.verify, session.cert = found["proxies"], found["verify"], found["cert"]
        session.trust_env = False

    def deprecations(self) -> dict[str, str]:
        """Deprecations that the service's last answers announce, by names of the messages."""
        return {message.id: message.message for s in self._sessions for message in s.deprecations or ()}

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        """Sends a request, if it is to the endpoint's host.

        Raises:
            RequestError: If it is not.
        """
        url = str(request.url)
        if self._rules.should_strip_auth(self._endpoint, url):
            raise api.exceptions.RequestError(
                error_msg=f"it points at {_origin(url)}, and the token is for {_origin(self._endpoint)} only"
            )
        now = time.monotonic()
        left = max(SHORTEST, min(self.limit, self.until - now))
        self._complete_by = now + left
        settings["timeout"] = tuple(min(timeout, left) for timeout in self._timeouts)
        return super().send(request, *args, **settings)

    def get_connection_with_tls_context(self, *args: Any, **settings: Any) -> Any:
        """The pool of connections for a request, whose answers are read in bounded time."""
        pool: Any = super().get_connection_with_tls_context(*args, **settings)
        if "ConnectionCls" not in vars(pool):
            base = pool.ConnectionCls

            def connect(connection: Any) -> socket.socket:
                return _in_thread(base._new_conn, connection, complete_by=self._complete_by)

            def answer(sock: socket.socket, *args: Any, **settings: Any) -> HTTPResponse:
                return _TimedResponse(self._complete_by, sock, *args, **settings)

            timed = {"_new_conn": connect, "response_class": staticmethod(answer)}
            pool.ConnectionCls = type("TimedConnection", (base,), timed)
        return pool

    def _read(self, response: requests.Response, **_: Any) -> None:
        """Reads an answer, all of it."""
        if response.is_redirect and response.request.method != "GET":
            raise api.exceptions.RequestError(
                error_msg=f"it answers a {response.request.method} with a redirect", response=response
            )
        content = bytearray()
        for chunk in response.iter_content(1 << 16):
            content += chunk
            if len(content) > LARGEST_ANSWER:
                raise api.exceptions.RequestError(
                    error_msg=f"its answer is longer than {LARGEST_ANSWER >> 20} MiB", response=response
                )
        response._content = bytes(content)


class _TimedResponse(HTTPResponse):
    """An answer that is read until a given moment, its headers too."""

    def __init__(self, complete_by: float, sock: socket.socket, *args: Any, **settings: Any) -> None:
        super().__init__(sock, *args, **settings)
        raw: Any = self.fp.detach()
        self.fp = io.BufferedReader(_TimedBytes(raw, sock, complete_by))


class _TimedBytes(io.RawIOBase):
    """Bytes of a socket. Its own timeout begins anew with every byte; this one does not."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, complete_by: float) -> None:
        self._raw = raw
        self._sock = sock
        self._complete_by = complete_by

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._complete_by - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer is not complete in time")
        timeout = self._sock.gettimeout()
        if timeout is None or left < timeout:
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _in_thread(connect: Callable[[Any], socket.socket], connection: Any, complete_by: float) -> socket.socket:
    """Connects in a thread of its own: the look-up of a host's name heeds no Ctrl-C and no timeout."""
    outcome: Future[socket.socket] = Future()

    def run() -> None:
        try:
            outcome.set_result(connect(connection))
        except Exception as error:
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    try:
        return outcome.result(complete_by - time.monotonic())
    except TimeoutError:
        host = connection.host
        raise urllib3.exceptions.ConnectTimeoutError(connection, f"{host} is not found in time") from None


def _raise_for_status(response: requests.Response, **_: Any) -> None:
    """Raises the client's error for a status, also where the answer's own code of the error is no number."""
    try:
        api.client.DWaveAPIClient._raise_for_status(response)
    except TypeError:
        raise api.exceptions.RequestError(
            error_msg=response.reason, error_code=response.status_code, response=response
        ) from None


def _origin(url: str) -> str:
    """Scheme, host and port: an address without name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
