"""The stand-in's HTTP: requests in, vendor media types out, faults on the way. On the loopback only."""

from __future__ import annotations

import hmac
import json
import math
import socket
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import ClientDisconnected, HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from .faults import AFTER, BEFORE, DAMAGES, ROWS, Fault, Faults, changed
from .service import Service
from .solver import RefusedError

HOST = "127.0.0.1"
BASE = "/sapi/v2/"
# Seconds that a status is waited for unless the request says, and at most, both by D-Wave's documentation.
PATIENCE, MOST_PATIENCE = 1, 30
MOST_RESULTS = 1000

# Addresses of the service; each endpoint is the name of the method that handles it.
URLS = Map(
    [
        Rule(BASE + "solvers/remote/", endpoint="solvers", methods=["GET"]),
        Rule(BASE + "solvers/remote/<name>/", endpoint="solver", methods=["GET"]),
        Rule(BASE + "problems/", endpoint="submit", methods=["POST"]),
        Rule(BASE + "problems/", endpoint="statuses", methods=["GET"]),
        Rule(BASE + "problems/", endpoint="cancel_all", methods=["DELETE"]),
        Rule(BASE + "problems/<name>/", endpoint="problem", methods=["GET"]),
        Rule(BASE + "problems/<name>/", endpoint="cancel", methods=["DELETE"]),
        Rule(BASE + "problems/<name>/answer/", endpoint="answer", methods=["GET"]),
        Rule(BASE + "problems/<name>/info/", endpoint="info", methods=["GET"]),
        Rule(BASE + "problems/<name>/messages/", endpoint="messages", methods=["GET"]),
    ],
    strict_slashes=False,
)
# The kinds of request that faults and counts know.
KIND_OF = {
    "solvers": "solvers",
    "solver": "solvers",
    "submit": "submit",
    "cancel_all": "cancel",
    "cancel": "cancel",
    "problem": "answer",
    "answer": "answer",
    "info": "answer",
    "messages": "answer",
}

WSGI = Callable[..., Iterable[bytes]]


class Application:
    """The service's interface, for a server of WSGI.

    Args:
        service: What is behind it.
        faults: What goes wrong.
        token: The one that it lets in.

    Attributes:
        requests: How many came, by method and kind.
    """

    def __init__(self, service: Service, faults: Faults, token: str) -> None:
        self.requests: Counter[tuple[str, str]] = Counter()
        self._service = service
        self._faults = faults
        self._token = token
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Deals with a request."""
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> WSGI:
        try:
            endpoint, values = URLS.bind_to_environ(request.environ).match()
        except HTTPException as error:
            return _error(error.code or 404, error.name)
        kind = KIND_OF.get(endpoint) or ("poll" if "id" in request.args else "list")
        with self._lock:
            self.requests[request.method, kind] += 1
        if not hmac.compare_digest(request.headers.get("X-Auth-Token", "").encode(), self._token.encode()):
            return _error(401, "Invalid token or access denied")
        fault = self._faults.take(kind, BEFORE)
        if fault is not None:
            if fault.kind == "reset-before":
                _reset(request)
            if fault.kind != "offline":
                return _status(fault)
            self._service.go_offline(fault.seconds)
        try:
            response = getattr(self, "_" + endpoint)(request, **values)
        except RefusedError as refused:
            response = _error(refused.code, str(refused))
        fault = self._faults.take(kind, AFTER)
        return response if fault is None else self._struck(request, response, fault)

    def _struck(self, request: Request, response: Response, fault: Fault) -> WSGI:
        if fault.kind == "reset-after":
            _reset(request)
        if fault.kind == "slow":
            self._service.stopped.wait(fault.seconds)
        elif fault.kind == "500-after":
            return _error(500, HTTPStatus(500).phrase)
        elif fault.kind in ROWS and response.status_code == 200:
            rows = changed(fault.kind, json.loads(response.get_data()), request.args.get("label", ""))
            return _json(rows, "problems")
        elif fault.kind == "half":
            return _Half(response)
        return response

    # --- one method for each endpoint -------------------------------------------------------------------

    def _solvers(self, request: Request) -> Response:
        try:
            found = [self._service.definition(request.args.get("filter", "all"))]
        except RefusedError as refused:
            if refused.code != 404:
                raise
            found = []
        return _json(found, "solver-definition-list")

    def _solver(self, request: Request, name: str) -> Response:
        definition = self._service.definition(request.args.get("filter", "all"), name)
        return _json(definition, "solver-definition")

    def _submit(self, request: Request) -> Response:
        items = _body(request)
        if isinstance(items, list):
            return _json([_or_error(self._service.submit, item) for item in items], "problems")
        # A problem by itself is waited for.
        accepted = self._service.submit(items)
        return _json(self._service.answer(accepted["id"], PATIENCE), "problems")

    def _statuses(self, request: Request) -> Response:
        timeout, given = _timeout(request), request.args
        limit = given.get("max_results", MOST_RESULTS, type=int)
        if "id" in given:
            rows = self._service.statuses(given["id"].split(","), timeout)
        else:
            rows = self._service.search(
                given.get("label", ""), given.get("status", ""), given.get("solver", ""), max(limit, 0)
            )
        return _json(rows, "problems")

    def _problem(self, request: Request, name: str) -> Response:
        return self._with_answer(self._service.answer(name, _timeout(request)), "problem")

    def _answer(self, request: Request, name: str) -> Response:
        found = self._service.answer(name, _timeout(request))
        if "answer" not in found:
            raise RefusedError(404, f"Problem is {found['status']} and has no answer")
        return self._with_answer({"answer": found["answer"]}, "problem-answer")

    def _info(self, request: Request, name: str) -> Response:
        return self._with_answer(self._service.info(name), "problem-data")

    def _messages(self, request: Request, name: str) -> Response:
        self._service.statuses([name], 0)  # is it there?
        return _json([], "problem-message")

    def _cancel(self, request: Request, name: str) -> Response:
        return _json(self._service.cancel(name), "problem")

    def _cancel_all(self, request: Request) -> Response:
        names = _body(request) if request.get_data() else []
        if not isinstance(names, list):
            raise RefusedError(400, "the body is no JSON list of problems' ids")
        return _json([_or_error(self._service.cancel, str(name)) for name in names], "problems")

    def _with_answer(self, body: dict[str, Any], media: str) -> Response:
        """A body that holds an answer, if the problem has one, which may be damaged."""
        fault = self._faults.take("answer", DAMAGES) if "answer" in body else None
        if fault is not None:
            body = body | {"answer": self._faults.damaged(fault.kind, body["answer"])}
        return _json(body, media)


class _Handler(WSGIRequestHandler):
    # A header and its body go out at once.
    disable_nagle_algorithm = True

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        # An open connection would make the server wait for another request after one that got no answer.
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def serve(application: Application, port: int) -> BaseWSGIServer:
    """A server of the loopback alone, bound to a port, 0 for any that is free.

    Raises:
        OSError: If the port is taken.
    """
    with socket.create_server((HOST, port)) as bound:
        return make_server(
            HOST, port, application, threaded=True, request_handler=_Handler, fd=bound.fileno()
        )


class _Half:
    """The first half of a response, under the Content-Length of the whole."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = self._response.get_data()
        start_response(self._response.status, self._response.headers.to_wsgi_list())
        return [body[: len(body) // 2]]


def _reset(request: Request) -> None:
    # Unsent and unread data is thrown away, and the other side is told so, once the socket is closed.
    request.environ["werkzeug.socket"].setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    raise ConnectionResetError("a fault that was asked for")


def _status(fault: Fault) -> Response:
    code, _, forever = fault.kind.partition("-")
    response = _error(int(code), HTTPStatus(int(code)).phrase)
    if code == "429":
        response.headers["Retry-After"] = "9" * 401 if forever else str(math.ceil(fault.seconds))
    return response


def _or_error(call: Callable[[Any], dict[str, Any]], item: Any) -> dict[str, Any]:
    """Calls for one item of many and returns the result, or the reason of a refusal."""
    try:
        return call(item)
    except RefusedError as refused:
        return {"error_code": refused.code, "error_msg": str(refused)}


def _body(request: Request) -> Any:
    """The JSON of a request, which may be deflated."""
    try:
        data = request.get_data()
        if request.headers.get("Content-Encoding") == "deflate":
            data = zlib.decompress(data)
        return json.loads(data)
    except ClientDisconnected:
        raise RefusedError(400, "the request broke off") from None
    except (ValueError, zlib.error, RecursionError) as error:
        raise RefusedError(400, f"the body is no JSON: {error}") from None


def _timeout(request: Request) -> int:
    text = request.args.get("timeout", str(PATIENCE))
    if not text.isdecimal() or int(text) > MOST_PATIENCE:
        raise RefusedError(400, f"timeout is {text!r}, expected whole seconds from 0 to {MOST_PATIENCE}")
    return int(text)


def _json(body: Any, media: str) -> Response:
    content = f"application/vnd.dwave.sapi.{media}+json; version=3.0.0; charset=utf-8"
    # The client caches definitions of solvers by their address, and the next stand-in may have another chip.
    return Response(json.dumps(body), content_type=content, headers={"Cache-Control": "no-store"})


def _error(code: int, text: str) -> Response:
    body = json.dumps({"error_code": code, "error_msg": text})
    return Response(body, status=code, content_type="application/json")
