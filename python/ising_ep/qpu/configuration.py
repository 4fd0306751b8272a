"""The configuration of dwave-cloud-client (service, token, solver), checked before anything is sent."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from dwave.cloud.config import get_configfile_paths, load_config, load_config_from_files
from dwave.cloud.config.constants import DEFAULT_REGION
from dwave.cloud.config.exceptions import ConfigFileError
from dwave.cloud.regions import get_regions

from ..errors import QPUStoppedError
from .redaction import MASK, Redaction

log = logging.getLogger(__name__)

# Defaults that files, environment and arguments override. Compressing a problem takes longer than sending it.
DEFAULTS = {"compress_qpu_problem_data": False, "request_timeout": (10.0, 60.0)}
# The client's variable for the token.
TOKEN = "DWAVE_API_TOKEN"
# Settings of the client's that have no meaning here: retries and polls are made by `Connection`.
UNUSED = ("http_retry_", "poll_", "polling_timeout")


def read_configuration(settings: Mapping[str, Any]) -> tuple[dict[str, Any], Redaction]:
    """Reads what the client's configuration files and environment say, and checks it.

    Args:
        settings: Those of `dwave.cloud.Client.from_config`, which come before files and environment.

    Returns:
        The settings, with the token and the endpoint that were found, and what must not be shown.

    Raises:
        ValueError: One line without a secret, if the configuration is no good.
        QPUStoppedError: If the endpoint of a region is not to be had.
    """
    client_log = logging.getLogger("dwave.cloud")
    try:
        # The client's log would hold all that the client reads, and the token is not known yet.
        with _silenced(client_log):
            found = load_config(client="qpu", **settings)
    except (ConfigFileError, ValueError) as error:
        # The token that is used would be the environment's, and what is wrong may hold it.
        line = _redaction_of({"token": os.environ.get(TOKEN)}).line(error)
        raise ValueError(
            f"the configuration of dwave-cloud-client is no good ({line}); see `dwave config create`"
        ) from None
    redaction = _redaction_of(found)
    for handler in client_log.handlers:
        handler.addFilter(redaction)
    unused = [name for name, value in found.items() if name.startswith(UNUSED) and value is not None]
    if unused:
        log.warning(
            "the client's %s: not used, a run waits and tries again as docs/qpu.md says",
            redaction.line(", ".join(unused)),
        )
    token, endpoint = _checked_token(found.get("token")), _endpoint_of(found, redaction)
    return {**settings, "token": token, **({"endpoint": endpoint} if endpoint else {})}, redaction


def described() -> dict[str, Any]:
    """What the client's configuration files and environment say, without secrets; nobody is asked.

    Returns:
        ``files`` that are read, ``profile``, ``endpoint``, ``region`` and ``solver``, None for those that are
        not set; ``token``, whether there is one; ``problem``, a line, where the configuration is no good.
    """
    asked = os.environ.get("DWAVE_CONFIG_FILE")
    files = [asked] if asked else get_configfile_paths()
    found: dict[str, Any] = {}
    profile = problem = None
    try:
        with _silenced(logging.getLogger("dwave.cloud")):
            found = load_config(client="qpu")
            sections = load_config_from_files(files)
        first = next(iter(sections.sections()), None)
        profile = os.environ.get("DWAVE_PROFILE") or sections.defaults().get("profile", first)
    except (ConfigFileError, ValueError) as error:
        problem = error
    # The environment's token stands for one that could not be read.
    token = found.get("token") or os.environ.get(TOKEN)
    redaction = _redaction_of({**found, "token": token})
    if token and problem is None:
        try:
            _checked_token(token)
        except ValueError as error:
            problem = error

    def said(value: Any) -> str | None:
        return redaction.line(value) if value else None

    return {
        "files": [redaction.line(file) for file in files],
        "profile": said(profile),
        **{name: said(found.get(name)) for name in ("endpoint", "region", "solver")},
        "token": bool(str(token or "").strip()),
        "problem": said(problem),
    }


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    """No lines of a logger below warnings."""
    level = logger.level
    logger.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)


def _redaction_of(found: Mapping[str, Any]) -> Redaction:
    """Redaction of a configuration's secrets: the token, and credentials in addresses and headers."""
    headers = found.get("headers") or ""
    lines = [f"{k}:{v}" for k, v in headers.items()] if isinstance(headers, Mapping) else headers.split("\n")
    credentials = [
        line.partition(":")[2].strip()
        for line in lines
        if line.partition(":")[0].strip().lower() in ("authorization", "proxy-authorization", "cookie")
    ]
    addresses = [
        found.get(name) for name in ("endpoint", "proxy", "leap_api_endpoint", "metadata_api_endpoint")
    ]
    return Redaction(
        [str(found.get("token") or ""), *credentials], [str(address) for address in addresses if address]
    )


def _checked_token(token: Any) -> str:
    """The token without blanks around it: a file's last line break often comes along.

    Raises:
        ValueError: If there is none, or a character in it that no token has.
    """
    stripped = str(token or "").strip()
    if not stripped:
        raise ValueError("there is no API token, expected one in DWAVE_API_TOKEN or by `dwave config create`")
    for place, character in enumerate(stripped, 1):
        if not "!" <= character <= "~":
            raise ValueError(
                f"character {place} of the API token is U+{ord(character):04X}, expected visible ASCII"
                " characters only; see DWAVE_API_TOKEN or `dwave config inspect`"
            )
    return stripped


def _endpoint_of(found: Mapping[str, Any], redaction: Redaction) -> str | None:
    """The service's address; None where the client finds it without asking."""
    endpoint = str(found.get("endpoint") or "").strip()
    if not endpoint and not found.get("leap_api_endpoint") and found.get("region"):
        return _endpoint_of_region(found, redaction)
    return endpoint or None


def _endpoint_of_region(found: Mapping[str, Any], redaction: Redaction) -> str | None:
    """The address of a region's service.

    The client itself would take another region's where it gets no answer, and send the token there. The list
    of regions is public: it is asked for without the token.
    """
    region = str(found["region"])
    if region == DEFAULT_REGION and not found.get("metadata_api_endpoint"):
        return None
    public = {**found, "token": None, "headers": None, "http_retry_total": 0}
    try:
        regions = {r.code: r.solver_api_endpoint for r in get_regions(public)}
    except (requests.RequestException, ValueError) as error:
        raise QPUStoppedError(
            redaction.line(f"the endpoint of region {region} is not known: {error}")
        ) from None
    if region not in regions:
        raise ValueError(redaction.line(f"region is {region!r}, expected one of {', '.join(regions)}"))
    return str(regions[region])


def check_endpoint(endpoint: str, redaction: Redaction) -> None:
    """Checks that an address has a scheme and a host, and name and password, if any, before the host.

    Raises:
        ValueError: If it does not. What may be a password is not shown.
    """
    try:
        parts = urlsplit(endpoint)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        good = good and "@" not in f"{parts.path}{parts.query}{parts.fragment}"
    except ValueError:
        good = False
    if not good or any(c.isspace() or not c.isprintable() for c in endpoint):
        shown = f"{MASK}@{endpoint.rpartition('@')[2]}" if "@" in endpoint else endpoint
        raise ValueError(
            f"the endpoint is {redaction.line(shown)}, expected an address as https://host/sapi/v2/"
        )
