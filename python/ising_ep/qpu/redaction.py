"""Removes secrets from texts."""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from collections.abc import Iterable
from functools import reduce
from urllib.parse import unquote, unquote_plus

from ..printable import one_line

MASK = "***"
# Characters of the shortest secret that is blanked out wherever it stands: fewer are in many words.
SHORTEST = 4
# Characters of a text in a message.
LONGEST = 300


class Redaction(logging.Filter):
    """Blanks out secrets by their values, in every form in which an address, JSON or a header has them.

    As a filter of a logging handler it does so in all that the handler writes.

    Args:
        secrets: Tokens and passwords.
        addresses: URLs, or what was given as such, that may have a name and password in them.

    Example:
        >>> redaction = Redaction(["DEV-0123/89"], ["https://me:pass@example.com/sapi/"])
        >>> redaction.line("https://me:pass@example.com/sapi/?token=DEV-0123%2F89 is\\nrefused")
        'https://***@example.com/sapi/?token=*** is refused'
    """

    def __init__(self, secrets: Iterable[str] = (), addresses: Iterable[str] = ()) -> None:
        super().__init__()
        values = [secret for secret in secrets if secret]
        for address in addresses:
            values += _userinfo(address)
        plain = {form for value in values for form in _plain(value) if len(form) >= SHORTEST}
        forms = plain | {form for each in plain for form in _written(each)}
        # The longest first: one may be a part of another.
        self._forms = sorted(forms, key=len, reverse=True)
        self._in_addresses = [re.compile(_encoded(each)) for each in sorted(plain, key=len, reverse=True)]

    def blank(self, text: str) -> str:
        """The text without the secrets, and without names and passwords in addresses."""
        if "%" in text or "+" in text:  # else there are none, and patterns take longer
            text = reduce(lambda left, form: form.sub(MASK, left), self._in_addresses, text)
        text = reduce(lambda left, form: left.replace(form, MASK), self._forms, text)
        return re.sub(r"//[^/\s@]+@", f"//{MASK}@", text)

    def line(self, text: object) -> str:
        """The text without the secrets, in one line that is not too long, as a terminal can show it."""
        line = one_line(self.blank(str(text)))
        return line if len(line) < LONGEST else f"{line[:LONGEST]}..."

    def filter(self, record: logging.LogRecord) -> bool:
        """Blanks out the secrets in a record of a log."""
        record.msg, record.args = self.blank(record.getMessage()), None
        if record.exc_info:
            record.exc_text = self.blank("".join(traceback.format_exception(*record.exc_info)))
        return True


def _userinfo(address: str) -> list[str]:
    """Lists all texts in an address, valid or not, that may be a name or a password."""
    userinfo = address.partition("//")[2] or address
    userinfo, at, _ = userinfo.rpartition("@")
    if not at:
        return []
    return [userinfo, *userinfo.split(":", 1)]


def _plain(secret: str) -> set[str]:
    """The secret, and what it stands for in an address, however often it was encoded."""
    found = {secret, secret.strip()}
    while True:
        decoded = {
            decode(form, errors="surrogateescape") for form in found for decode in (unquote, unquote_plus)
        }
        if decoded <= found:
            return found
        found |= decoded


def _written(secret: str) -> set[str]:
    """Forms in which a service or a library may repeat a secret, besides those of addresses."""
    in_json = json.dumps(secret)[1:-1]
    encoded = base64.b64encode(secret.encode(errors="surrogateescape")).decode()
    return {repr(secret)[1:-1], in_json, in_json.replace("/", r"\/"), encoded}


def _encoded(secret: str) -> str:
    """Pattern of a secret of which an address may have any characters encoded, once or more often."""
    return "".join(map(_encoded_character, secret))


def _encoded_character(character: str) -> str:
    # The sign % is %25 once it is encoded again.
    percent = "%(?:25)*"
    if character in " +":  # which stand for each other
        return rf"(?:[ +]|{percent}2[0Bb])"
    numbers = character.encode(errors="surrogateescape")
    encoded = "".join(f"{percent}(?i:{number:02x})" for number in numbers)
    return f"(?:{encoded}|{re.escape(character)})"
