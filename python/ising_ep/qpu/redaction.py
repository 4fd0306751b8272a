"""Removes secrets from texts."""

from __future__ import annotations

import base64
import json
import logging
import re
import traceback
from collections.abc import Iterable
from urllib.parse import quote, quote_plus, unquote

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
        forms = {form for value in values for form in _forms(value) if len(form) >= SHORTEST}
        # The longest first: one may be a part of another.
        self._forms = sorted(forms, key=len, reverse=True)

    def blank(self, text: str) -> str:
        """The text without the secrets, and without names and passwords in addresses."""
        for form in self._forms:
            text = text.replace(form, MASK)
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


def _forms(secret: str) -> set[str]:
    """The forms in which a service or a library may repeat a secret."""
    plain = {secret, secret.strip(), unquote(secret)}
    forms = set(plain)
    for form in plain:
        in_json = json.dumps(form)[1:-1]
        encoded = base64.b64encode(form.encode(errors="surrogateescape")).decode()
        forms |= {quote(form, safe=""), quote(form), quote_plus(form), repr(form)[1:-1]}
        forms |= {in_json, in_json.replace("/", r"\/"), encoded}
    return forms
