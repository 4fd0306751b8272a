"""The way to a service: what is never said or sent elsewhere, what is waited for, and for how long."""

import copy
import email.utils
import itertools
import json
import logging
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from urllib.parse import quote, quote_plus, unquote

import pytest
from click.testing import CliRunner
from dwave.cloud import api
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from ising_ep.chip import Chip
from ising_ep.cli import main
from ising_ep.emulator import Emulator
from ising_ep.errors import QPUStoppedError
from ising_ep.machines.chip_model import ChipModel
from ising_ep.qpu.connection import FIRST_PAUSE, PAUSE_GROWTH, Connection
from ising_ep.qpu.redaction import Redaction

TOKEN = "DEV-not/a+hex=token"
BASE = "/sapi/v2/"


class Front:
    """A service before the stand-in: `answer` deals with a request, or gives None and leaves it to that."""

    def __init__(self, emulator):
        self.answer = lambda request: None
        self.seen = []
        self._behind = emulator._application

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.seen.append((request.method, request.path, request.headers.get("X-Auth-Token")))
        response = self.answer(request) or self._behind
        return response(environ, start_response)


@contextmanager
def served(application):
    server = make_server("127.0.0.1", 0, application, threaded=True)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def emulator():
    with Emulator(ChipModel(Chip.perfect("chimera", 4)), token=TOKEN) as emulator:
        yield emulator


@pytest.fixture
def front(emulator):
    front = Front(emulator)
    with served(front) as front.origin:
        front.endpoint = front.origin + BASE
        yield front


@pytest.fixture
def elsewhere():
    """Another host, which must not be asked for anything."""
    requests = []

    @Request.application
    def application(request):
        requests.append(request.url)
        return Response("[]", content_type="application/json")

    with served(application) as origin:
        yield origin, requests


def connect(endpoint, token=TOKEN, patience=10.0, **settings):
    given = {"config_file": False, "cache_enabled": False, "first_wait": 0.01, **settings}
    return Connection.open(endpoint=endpoint, token=token, patience=patience, **given)


def get(connection, **settings):
    """A request that changes nothing."""
    return connection.ask(connection.problems.list_problems, label="none", **settings)


@contextmanager
def silent_server(drip=b"", first=b""):
    """Takes connections, and sends some bytes over and over instead of an answer; yields the connections."""
    stop, connections = threading.Event(), []

    def deal_with(connection):
        with connection, suppress(OSError):
            connection.sendall(first)
            while not stop.wait(0.05):
                connection.sendall(drip)

    def accept():
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=deal_with, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}{BASE}", connections
        finally:
            stop.set()
            server.shutdown(socket.SHUT_RDWR)


def error(status, text, **headers):
    return Response(
        json.dumps({"error_code": status, "error_msg": text}),
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        content_type="application/json",
    )


# --- the token -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [f"{TOKEN}\r", f"  {TOKEN}", f"\t{TOKEN}\r\n", f"{TOKEN}\u00a0"])
def test_blanks_around_the_token_are_no_part_of_it(front, token, monkeypatch):
    monkeypatch.setenv("DWAVE_API_TOKEN", token)
    Connection.open(endpoint=front.endpoint, config_file=False).close()
    assert {token for *_, token in front.seen} == {TOKEN}


@pytest.mark.parametrize(
    ("character", "name"), [(" ", "U+0020"), ("\r\n", "U+000D"), ("\x1b", "U+001B"), ("’", "U+2019")]
)
def test_other_characters_in_the_token_are_refused(front, monkeypatch, character, name):
    monkeypatch.setenv("DWAVE_API_TOKEN", f"SECRET{character}WORD")
    monkeypatch.setenv("DWAVE_API_ENDPOINT", front.endpoint)
    monkeypatch.setenv("DWAVE_CONFIG_FILE", os.devnull)
    result = CliRunner().invoke(main, ["train", "--machine", "qpu", "--dataset", "patterns"])
    assert result.exit_code == 2
    assert f"character 7 of the API token is {name}" in result.output
    assert "SECRET" not in result.output
    assert "WORD" not in result.output
    assert front.seen == []


@pytest.mark.parametrize("token", ["", " \r\n", None])
def test_no_token_is_said(front, monkeypatch, token):
    monkeypatch.delenv("DWAVE_API_TOKEN", raising=False)
    with pytest.raises(ValueError, match="there is no API token"):
        connect(front.endpoint, token)


@pytest.mark.slow
@pytest.mark.parametrize(
    "echo", [TOKEN, quote(TOKEN), quote(TOKEN, safe=""), json.dumps(TOKEN), f"[{TOKEN}]"]
)
@pytest.mark.parametrize("status", [403, 503])
def test_a_token_that_the_service_repeats_is_blanked_out(front, caplog, echo, status):
    front.answer = lambda request: error(status, f"no access with {echo}\x1b]0;title\x07")
    with pytest.raises(QPUStoppedError, match=r"no access with .*\*\*\*") as stopped:
        connect(front.endpoint, patience=0.5)
    for text in (str(stopped.value), caplog.text):
        assert TOKEN not in text
        assert quote(TOKEN, safe="") not in text
        assert not any(c in text for c in "\x1b\x07")


def test_of_a_problem_too(front, caplog):
    status = {"id": "a", "type": "ising", "solver": {"name": "QPU"}, "label": "", "status": "FAILED"}
    status |= {"submitted_on": "2026-01-01T00:00:00Z", "error_message": f"{TOKEN} has\x1b[2J\nno time"}
    front_answer = Response(
        json.dumps(status), content_type="application/vnd.dwave.sapi.problem+json; version=3.0.0"
    )
    connection = connect(front.endpoint)
    front.answer = lambda request: front_answer
    found = connection.poll("a", 600.0)
    if not hasattr(found, "error_message"):
        pytest.skip("this version of dwave-cloud-client drops the text of a status")
    assert found.error_message == r"*** has\x1b[2J no time"


def test_errors_and_connections_do_not_hold_the_token(front):
    connection = connect(front.endpoint)
    assert TOKEN not in repr(connection)
    assert TOKEN not in repr(vars(connection))
    for hold in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds a token"):
            hold(connection)
    for status, kind in ((403, QPUStoppedError), (404, api.exceptions.ResourceNotFoundError)):
        front.answer = lambda request, status=status: error(status, "no")
        with pytest.raises(kind) as caught:
            get(connection)
        assert caught.value.__context__ is None
        assert TOKEN.encode() not in pickle.dumps(caught.value)


@pytest.mark.slow
def test_the_clients_own_log_is_without_the_token(front):
    code = "from ising_ep.qpu.connection import Connection; Connection.open(config_file=False).close()"
    settings = {"DWAVE_API_TOKEN": TOKEN, "DWAVE_LOG_LEVEL": "trace"}
    settings["DWAVE_API_ENDPOINT"] = front.endpoint.replace("//", "//me:PASSWORD@")
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Validated client config" in ended.stderr
    assert TOKEN not in ended.stderr
    assert "PASSWORD" not in ended.stderr


# --- the endpoint ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [None, error(403, "me:PASSWORD@host"), error(503, "http://me:PASSWORD@host")]
)
def test_a_password_in_the_endpoint_is_used_and_not_shown(front, answer, caplog):
    caplog.set_level(logging.INFO)
    endpoint = front.endpoint.replace("//", "//me:PASSWORD@")
    if answer is None:
        connect(endpoint).close()
    else:
        front.answer = lambda request: answer
        with pytest.raises(QPUStoppedError) as stopped:
            connect(endpoint, patience=0.5)
        assert "PASSWORD" not in str(stopped.value)
    assert "PASSWORD" not in caplog.text
    assert "//***@127.0.0.1" in caplog.text


@pytest.mark.parametrize(
    "endpoint",
    [
        "me:PASSWORD@host/sapi/",
        "PASSWORD@host",
        "ftp://me:PASSWORD@host/",
        "http://me:PASS/WORD@host/",
        "http://me:PASS#WORD@host/",
        "http://PASS?WORD@host/",
        "http://me:PASSWORD@/",
        "http://me:PASSWORD@host:99999/",
        "http://me:PASSWORD@[host/",
        "http://me:PASSWORD@ho\x1b[2Jst/",
        "https//host",
        "host",
    ],
)
def test_what_is_no_address_is_refused(endpoint):
    with pytest.raises(ValueError, match=r"no good|the endpoint is") as refused:
        connect(endpoint)
    assert "PASS" not in str(refused.value)
    assert "WORD" not in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_to_another_host_is_followed(front, elsewhere, status):
    connection = connect(front.endpoint)
    origin, requests = elsewhere
    front.answer = lambda request: Response("", status, {"Location": f"{origin}/sapi/v2/problems/"})
    problems, why = connection.problems, r"the token is for http://127\.0\.0\.1:\d+ only|with a redirect"
    for send, argument in (
        (problems.get_problem, "a"),
        (problems.submit_problems, []),
        (problems.cancel_problems, ["a"]),
    ):
        with pytest.raises(QPUStoppedError, match=why):
            connection.ask(send, argument)
    assert requests == []


@pytest.mark.slow
@pytest.mark.parametrize("location", ["//{}/x", "http://127.0.0.1:1\\@{}/x", "http://{}", "/\\{}"])
def test_nor_one_that_is_written_in_another_way(front, elsewhere, location):
    connection = connect(front.endpoint)
    origin, requests = elsewhere
    location = location.format(origin.removeprefix("http://"))
    front.answer = lambda request: Response(
        "", 302, {"Location": location}, autocorrect_location_header=False
    )
    with pytest.raises((QPUStoppedError, api.exceptions.ResourceNotFoundError)):
        get(connection, patience=0.5)
    assert requests == []


def test_nor_one_while_a_solver_is_looked_for(front, elsewhere):
    origin, requests = elsewhere
    front.answer = lambda request: Response("", 302, {"Location": f"{origin}{request.path}"})
    with pytest.raises(QPUStoppedError, match="the token is for"):
        connect(front.endpoint)
    assert requests == []


def test_a_redirect_within_the_service_is_followed(front):
    connection = connect(front.endpoint)

    def answer(request):
        moved = "moved" in request.args
        return None if moved else Response("", 307, {"Location": f"{request.path}?moved=1&label=none"})

    front.answer = answer
    assert get(connection) == []


@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_a_submission_is_not_turned_into_another_request(front, status):
    connection = connect(front.endpoint)
    front.answer = lambda request: Response("", status, {"Location": f"{BASE}problems/?label=none"})
    front.seen.clear()
    with pytest.raises(QPUStoppedError, match="it answers a POST with a redirect"):
        connection.ask(connection.problems.submit_problems, [])
    assert [method for method, *_ in front.seen] == ["POST"]


def test_an_id_that_is_an_address_is_not_asked_for(front, elsewhere):
    origin, requests = elsewhere
    connection = connect(front.endpoint)
    for id in (f"{origin}/x", origin.removeprefix("http:"), f"{origin.replace('//', '//me@')}/x"):
        with pytest.raises(QPUStoppedError, match="the token is for"):
            connection.poll(id, 600.0)
    assert requests == []


def test_a_region_is_looked_up_without_the_token_and_never_guessed(front, emulator, caplog):
    regions = [{"code": "here", "name": "Here", "endpoint": front.endpoint}]
    front.answer = lambda request: (
        Response(
            json.dumps(regions),
            content_type="application/vnd.dwave.metadata.regions+json; version=1.0.0",
            headers={"Cache-Control": "no-store"},
        )
        if request.path.startswith("/metadata")
        else None
    )
    settings = {"token": TOKEN, "config_file": False, "metadata_api_endpoint": f"{front.origin}/metadata/"}
    Connection.open(region="here", **settings).close()
    assert {token for _, path, token in front.seen if path.startswith("/metadata")} == {None}
    assert {token for _, path, token in front.seen if path.startswith(BASE)} == {TOKEN}
    with pytest.raises(ValueError, match="region is 'there', expected one of here"):
        Connection.open(region="there", **settings)
    front.answer = lambda request: error(404, "no regions")
    with pytest.raises(QPUStoppedError, match="the endpoint of region here is not known"):
        Connection.open(region="here", **settings)


def test_redaction_of_every_form():
    redaction = Redaction([TOKEN, 'quo"te\\d'], ["https://me:p%40ss@host/", "a:bcde@host"])
    basic = "bWU6cEBzcw=="  # base64 of me:p@ss, as in an Authorization header
    for secret in (TOKEN, quote(TOKEN, safe=""), r"DEV-not\/a+hex=token", 'quo"te\\d', r"quo\"te\\d"):
        assert redaction.line(f"<{secret}>") == "<***>"
    for secret in ("me:p%40ss", "p@ss", "p%40ss", basic, "a:bcde", "bcde"):
        assert redaction.line(f"<{secret}>") == "<***>"
    assert redaction.line("see http://other:word@host/") == "see http://***@host/"


@pytest.mark.parametrize("secret", ["a b+c/d", "é–password", "100%25", "p%2540ss", "%61ab%2f", "a%20b+c"])
def test_redaction_of_secrets_that_are_encoded_otherwise(secret):
    redaction = Redaction([secret])
    for text in (
        secret,
        quote(secret, ""),
        quote(quote(secret, ""), ""),
        quote_plus(secret),
        unquote(secret),
    ):
        assert redaction.line(f"<{text}>") == "<***>"
    lower = re.sub("%..", lambda found: found[0].lower(), quote_plus(secret))
    assert redaction.line(f"<{lower}>") == "<***>"
    assert redaction.line("a 90% + 20 other+words") == "a 90% + 20 other+words"


# --- waits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 421, 425, 429, 500, 503, 599])
def test_passing_faults_pass(front, caplog, status):
    connection, odd = connect(front.endpoint), error(status, "later")
    odd.set_data(json.dumps({"error_code": "odd", "error_msg": "later"}))
    answers = [error(status, "later"), odd, None]
    front.answer = lambda request: answers.pop(0)
    assert get(connection) == []
    assert len([r for r in caplog.records if "trying again in" in r.getMessage()]) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 409, 410, 413, 418])
def test_others_are_asked_for_once(front, status):
    connection = connect(front.endpoint)
    front.answer = lambda request: error(status, "not so")
    front.seen.clear()
    with pytest.raises(QPUStoppedError, match=r"the service refuses: .*not so"):
        get(connection)
    assert len(front.seen) == 1


@pytest.mark.slow
@pytest.mark.parametrize("status", [413, 429, 503])
def test_a_retry_after_is_heeded_and_said(front, caplog, status):
    connection, answers = connect(front.endpoint), [error(status, "later", Retry_After="1"), None]
    moments = []

    def answer(request):
        moments.append(time.monotonic())
        return answers.pop(0)

    front.answer = answer
    assert get(connection) == []
    assert moments[1] - moments[0] >= 1
    assert "later; trying again in 1.0 s" in caplog.text


@pytest.mark.parametrize(
    "asked", ["-5", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT", "1e400", "\u00b2", "9" * 5000]
)
def test_a_retry_after_that_is_none_is_not_heeded(front, asked):
    connection, answers = connect(front.endpoint), [error(503, "later", Retry_After=asked), None]
    front.answer = lambda request: answers.pop(0)
    assert get(connection) == []


@pytest.mark.slow
@pytest.mark.parametrize(("status", "asked"), [(429, "9" * 401), (503, "100000"), (503, "date")])
def test_a_long_wait_is_cut_and_said_and_ended_by_ctrl_c(front, status, asked):
    if asked == "date":
        asked = email.utils.formatdate(time.time() + 1e6, usegmt=True)
    code = (
        "import logging; logging.basicConfig();"
        "from ising_ep.qpu.connection import Connection as C;"
        f"c = C.open(config_file=False, endpoint={front.endpoint!r}, token={TOKEN!r});"
        "print('ready', flush=True); input(); c.ask(c.problems.list_problems)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    front.answer = lambda request: error(status, "later", Retry_After=asked)
    process.stdin.write("\n")
    process.stdin.flush()
    assert "later; trying again in 60.0 s" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]


def test_a_wait_is_not_begun_that_patience_would_not_see_the_end_of(front):
    connection = connect(front.endpoint)
    front.answer = lambda request: error(503, "later", Retry_After="50")
    front.seen.clear()
    with pytest.raises(QPUStoppedError, match="cannot be reached"):
        get(connection)
    assert len(front.seen) == 1


def test_a_dead_network_is_said_at_the_first_timeout(caplog):
    with silent_server() as (endpoint, connections):
        with pytest.raises(QPUStoppedError, match="no complete answer in time"):
            connect(endpoint, request_timeout=0.1, patience=1.0)
        said = [r for r in caplog.records if "no complete answer in time" in r.getMessage()]
        assert len(connections) == len(said) + 1 > 1


def test_a_name_that_is_not_known_is_said():
    with pytest.raises(QPUStoppedError, match=r"the host's name is not known: .*nowhere\.invalid"):
        connect("http://nowhere.invalid/sapi/v2/", patience=0.1)


@pytest.mark.slow
def test_ctrl_c_gets_through_while_a_name_is_looked_up():
    # As the system's look-up does, this takes minutes and heeds no signal; a timer says that it is under way.
    code = (
        "import hashlib, socket, threading; from ising_ep.qpu.connection import Connection as C\n"
        "def look_up(*_, **__):\n"
        "    threading.Timer(0.5, print, ['begun'], {'flush': True}).start()\n"
        "    hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)\n"
        "socket.getaddrinfo = look_up\n"
        "C.open(config_file=False, endpoint='http://host/', token='none')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    try:
        assert "KeyboardInterrupt" in process.communicate(timeout=60)[1]
    finally:
        process.kill()


def test_a_refused_connection_is_said():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(QPUStoppedError, match=r"no connection: .*refused"):
        connect(f"http://127.0.0.1:{port}/", patience=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "drip"), [(b"", b"x"), (b"HTTP/1.1 200 OK\r\nX: ", b"y")])
def test_headers_that_drip_are_not_read_for_ever(first, drip):
    with (
        silent_server(drip, first) as (endpoint, _),
        pytest.raises(QPUStoppedError, match="no complete answer in time"),
    ):
        connect(endpoint, patience=0.5)


@pytest.mark.slow
def test_a_body_that_drips_is_not_read_for_ever(front, caplog):
    connection = connect(front.endpoint)
    stop = threading.Event()

    def drip():
        while not stop.wait(0.05):
            yield b" "

    front.answer = lambda request: Response(drip(), content_type="application/json")
    try:
        with pytest.raises(QPUStoppedError, match="no complete answer in time"):
            get(connection, limit=1.0, patience=0.5)
    finally:
        stop.set()


def test_an_answer_without_end_is_refused(front):
    connection = connect(front.endpoint)
    front.answer = lambda request: Response(
        iter(lambda: b" " * (1 << 22), b""), content_type="application/json"
    )
    with pytest.raises(QPUStoppedError, match="its answer is longer than 256 MiB"):
        get(connection)


@pytest.mark.slow
def test_a_service_that_ignores_long_polls_is_asked_ever_less_often(front):
    connection = connect(front.endpoint)
    status = {"id": "a", "type": "ising", "solver": {"name": "QPU"}, "label": "", "status": "PENDING"}
    body = json.dumps({**status, "submitted_on": "2026-01-01T00:00:00Z"})
    moments = []

    def answer(request):
        moments.append(time.monotonic())
        return Response(body, content_type="application/vnd.dwave.sapi.problem+json; version=3.0.0")

    front.answer = answer
    for _ in range(8):
        assert connection.poll("a", 600.0).status == "PENDING"
    pauses = [later - sooner for sooner, later in itertools.pairwise(moments)]
    assert all(pause >= FIRST_PAUSE * PAUSE_GROWTH**k for k, pause in enumerate(pauses, 1))
    # Another problem is asked for at once.
    connection.poll("b", 600.0)
    assert connection._watch.early == 1


def test_polls_are_shorter_than_the_time_for_an_answer(front):
    holds = []

    def answer(request):
        holds.extend(request.args.getlist("timeout"))
        return error(404, "none")

    for settings, expected in (({}, "30"), ({"request_timeout": 5}, "2"), ({"request_timeout": 0.5}, "0")):
        front.answer = lambda request: None
        connection = connect(front.endpoint, patience=3600.0, **settings)
        front.answer = answer
        with pytest.raises(api.exceptions.ResourceNotFoundError):
            connection.poll("a", 600.0)
        assert holds.pop() == expected


def test_whether_it_is_online_is_not_believed_from_the_cache(front, tmp_path):
    state = {"status": "ONLINE"}

    def answer(request):
        if "solvers" not in request.path:
            return None
        response = Response.from_app(front._behind, request.environ)
        found = json.loads(response.get_data())
        for definition in found if isinstance(found, list) else [found]:
            if "status" in definition:
                definition |= state
        response.set_data(json.dumps(found))
        response.headers["Cache-Control"] = "max-age=1000"
        return response

    front.answer = answer
    connection = connect(front.endpoint, cache_enabled=True, cache_home=str(tmp_path))
    for status in ("ONLINE", "OFFLINE", "ONLINE", "OFFLINE"):
        state["status"] = status
        assert connection.online() == (status == "ONLINE")


def test_what_an_answer_lacks_is_no_traceback(front, caplog):
    connection = connect(front.endpoint)
    media = "application/vnd.dwave.sapi.problem-answer+json; version=3.0.0"
    bodies = ["{}", "[]", "null", "{", "[1]"]
    answers = [Response(body, content_type=media) for body in bodies]
    front.answer = lambda request: answers.pop(0) if answers else error(404, "none")
    with pytest.raises(api.exceptions.ResourceNotFoundError):
        connection.ask(connection.problems.get_problem_answer, "a")
    assert len([r for r in caplog.records if "trying again" in r.getMessage()]) == len(bodies)


@pytest.mark.parametrize(
    "change",
    [
        {"topology": None},
        {"topology": {"type": "zephyr", "shape": None}},
        {"qubits": 3},
    ],
)
def test_a_definition_that_is_none_is_one_line(front, change):
    def answer(request):
        response = Response.from_app(front._behind, request.environ)
        found = json.loads(response.get_data())
        for definition in found:
            if "properties" in definition:
                definition["properties"] |= change
        response.set_data(json.dumps(found))
        return response

    front.answer = answer
    with pytest.raises((ValueError, QPUStoppedError)) as refused:
        connect(front.endpoint)
    assert "\n" not in str(refused.value)


# --- the terminal ----------------------------------------------------------------------------------------


def test_what_is_about_to_end_is_said_once(front, caplog, recwarn):
    connection = connect(front.endpoint)

    def answer(request):
        response = Response.from_app(front._behind, request.environ)
        response.headers["X-Deprecation"] = (
            '"old";context=feature;deprecated=@1700000000;sunset=@1900000000;'
            'link="https://host";message="go on"'
        )
        return response

    front.answer = answer
    get(connection), get(connection)
    assert caplog.text.count("the service says: go on") == 1
    assert len(recwarn) == 0


def test_settings_of_the_client_that_are_not_used_are_said(front, caplog):
    connect(front.endpoint, http_retry_total=5, poll_wait_time=3).close()
    assert "the client's http_retry_total, poll_wait_time: not used" in caplog.text


def test_no_escape_code_of_the_service_reaches_the_terminal(front, monkeypatch, tmp_path):
    monkeypatch.setenv("DWAVE_API_TOKEN", TOKEN)
    monkeypatch.setenv("DWAVE_API_ENDPOINT", front.endpoint)
    monkeypatch.setenv("DWAVE_CONFIG_FILE", os.devnull)
    evil = "\x1b]0;pwn\x07\x9b2J\u202e"

    def answer(request):
        if request.method == "POST":
            return error(403, f"no {evil} access")
        response = Response.from_app(front._behind, request.environ)
        response.set_data(
            response.get_data().replace(b'"graph_id": "', b'"graph_id": ' + json.dumps(evil).encode()[:-1])
        )
        return response

    front.answer = answer
    arguments = ["train", "--machine", "qpu", "--dataset", "patterns", "--network", "convolutional"]
    result = CliRunner().invoke(main, [*arguments, "--epochs", "1", "--out", str(tmp_path / "run")])
    assert result.exit_code == 75, result.output
    assert r"working graph \x1b]0;pwn\x07\x9b2J\u202e" in result.output
    assert r"no \x1b]0;pwn\x07\x9b2J\u202e access" in result.output
    assert all(c.isprintable() or c == "\n" for c in result.output)


def test_nor_of_a_file(tmp_path):
    file = tmp_path / "chip.json"
    graph = Chip.perfect("chimera", 4)
    properties = {"topology": {"type": "chimera", "shape": [4, 4, 4]}, "qubits": graph.qubits.tolist()}
    properties |= {"couplers": graph.couplers.tolist(), "graph_id": "\x1b[2J"}
    file.write_text(json.dumps(properties))
    embed = ["embed", "--chip", str(file), "--network", "convolutional"]
    result = CliRunner().invoke(main, embed)
    assert result.exit_code == 0, result.output
    assert r"working graph \x1b[2J" in result.output
    assert "\x1b" not in result.output
    properties["topology"]["type"] = "\x1b[2J"
    file.write_text(json.dumps(properties))
    result = CliRunner().invoke(main, embed)
    assert result.exit_code == 2
    assert "\x1b" not in result.output
    (tmp_path / "\x1b[2J.json").write_text("{")
    result = CliRunner().invoke(main, ["embed", "--chip", str(tmp_path / "\x1b[2J.json")])
    assert result.exit_code == 2
    assert r"\x1b[2J.json" in result.output
    assert "\x1b" not in result.output
