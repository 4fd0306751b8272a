"""Elements of an HTML page. Texts are escaped where the page is written, so that none can be markup."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imsave
from numpy.typing import NDArray

from ..printable import printable

Child = Element | str


def element(tag: str, *children: Child, **attributes: str) -> Element:
    """Makes an element. Attributes are named as in HTML, with ``_`` for ``-`` and behind reserved words.

    Example:
        >>> from xml.etree.ElementTree import tostring
        >>> tostring(element("p", "a < b", class_="note"))
        b'<p class="note">a &lt; b</p>'
    """
    named = {name.rstrip("_").replace("_", "-"): printable(text) for name, text in attributes.items()}
    made = Element(tag, named)
    last: Element | None = None
    for child in children:
        if isinstance(child, Element):
            made.append(child)
            last = child
        elif last is None:
            made.text = (made.text or "") + printable(child)
        else:
            last.tail = (last.tail or "") + printable(child)
    return made


def section(title: str, *children: Child | None) -> Element:
    """A part of the page, with its title; children that are None are left out."""
    return element("section", element("h2", title), *(child for child in children if child is not None))


def table(header: Sequence[str], rows: Iterable[Sequence[str | Element]], **attributes: str) -> Element:
    """A table that scrolls by itself where it is wider than the page."""
    head = element("thead", element("tr", *(element("th", name, scope="col") for name in header)))
    body = element("tbody", *(element("tr", *(element("td", cell) for cell in row)) for row in rows))
    return element("div", element("table", head, body, **attributes), class_="wide")


def chart(figure: Figure, words: str, *, dots_per_inch: int | None = None) -> Element:
    """A figure as an image within the page: of lines, or of pixels where a number of them is given.

    Args:
        figure: The figure.
        words: What it shows, for who cannot see it.
        dots_per_inch: Of an image of pixels, for figures of many parts.
    """
    content = io.BytesIO()
    if dots_per_inch is None:
        # The date and the random names within the file would make each one differ.
        with mpl.rc_context({"svg.hashsalt": "ising-ep"}):
            figure.savefig(content, format="svg", transparent=True, metadata={"Date": None})
        kind = "svg+xml"
    else:
        figure.savefig(content, format="png", transparent=True, dpi=dots_per_inch)
        kind = "png"
    return element("img", src=_data(kind, content.getvalue()), alt=words, class_="chart")


def picture(image: NDArray[np.float32], words: str) -> Element:
    """An image of the data, ``(height, width, channels)``, dark where a grey one has high values."""
    low, high = float(image.min()), float(image.max())
    scaled = (image - low) / ((high - low) or 1.0)
    if scaled.shape[2] != 3:
        scaled = 1 - np.concatenate(np.moveaxis(scaled, 2, 0), axis=1)
    content = io.BytesIO()
    options: dict[str, Any] = {} if scaled.ndim == 3 else {"cmap": "gray", "vmin": 0, "vmax": 1}
    imsave(content, scaled, format="png", **options)
    return element("img", src=_data("png", content.getvalue()), alt=words, class_="example")


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
