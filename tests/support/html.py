"""What a page of HTML says, as a browser would read it."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    """A page, read.

    Attributes:
        tags: Names of all elements, in order.
        attributes: (element, name, value) of all attributes.
        rows: Texts of the cells of each row of all tables.
        text: All text but that of styles and scripts.
        open: Elements that were not closed, or not in their order.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.open: list[str] = []
        self._cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._cell = True

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self._cell = False

    def handle_data(self, data):
        if self.open and self.open[-1] in ("style", "script"):
            return
        self.text += data
        if self._cell:
            self.rows[-1][-1] += data

    def values(self, tag: str, name: str) -> list[str]:
        """Values of an attribute of all elements of a kind."""
        return [value for of, found, value in self.attributes if (of, found) == (tag, name)]

    def images(self) -> list[bytes]:
        """The images within the page."""
        found = []
        for source in self.values("img", "src"):
            kind, content = re.fullmatch(
                r"data:image/(svg\+xml|png);base64,([A-Za-z0-9+/=]+)", source
            ).groups()
            found.append(base64.b64decode(content, validate=True))
            assert found[-1].startswith(b"<?xml" if kind == "svg+xml" else b"\x89PNG")
        return found
