"""The page: its parts in their order."""

from __future__ import annotations

import shlex
from xml.etree.ElementTree import Element, tostring

from ..datasets import Dataset
from ..training.run_folder import RunFolder
from ..training.state import TrainState
from . import parts
from .elements import element, section
from .style import STYLE

# Nothing may be fetched, and no script may run, whatever the page holds.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(
    run: RunFolder,
    state: TrainState | None,
    images: Dataset | str,
    *,
    writer: str | None = None,
    refresh: int | None = None,
) -> str:
    """Writes a run as one HTML page, which needs no other file and no network.

    Args:
        run: The run.
        state: Its last checkpoint; None where there is none yet.
        images: Its data set; or why there is none, in words.
        writer: Who writes to the run, in words; None if nobody does.
        refresh: Seconds after which a browser loads the page again; None for a page that stays as it is.

    Returns:
        The page.

    Raises:
        ValueError: If the folder does not tell the shape of its data.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from ising_ep import datasets, training
        >>> from ising_ep.config import TrainConfig
        >>> patterns = datasets.load_patterns()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     state = training.train(TrainConfig(dataset="patterns", epochs=1), patterns, folder=folder)
        ...     text = page(RunFolder.open(Path(folder)), state, patterns)
        >>> text[:15], "Learning curves" in text
        ('<!DOCTYPE html>', True)
    """
    name = run.path.resolve().name
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="generator", content="ising-ep report"),
        *([] if refresh is None else [element("meta", http_equiv="refresh", content=str(refresh))]),
        element("title", f"{name} – ising-ep"),
        _verbatim("style", STYLE),
    )
    body = element("body", *_body(run, state, images, writer, name))
    html = element("html", head, body, lang="en")
    return f"<!DOCTYPE html>\n{tostring(html, encoding='unicode', method='html')}\n"


def _body(
    run: RunFolder, state: TrainState | None, images: Dataset | str, writer: str | None, name: str
) -> list[Element]:
    found: list[Element | None] = [
        element("h1", name),
        element("p", parts.status(run, state, writer), class_="status"),
    ]
    if state is not None:
        found += [
            parts.numbers(state),
            parts.curves(state),
            parts.tests(run, state),
            parts.mistakes(run, state, images),
            parts.weights(run, state),
            parts.on_chip(run, state),
        ]
    command, versions = parts.origin(run)
    found += [
        section(
            "How it was made",
            element("pre", element("code", shlex.join(command))) if command else None,
            element("p", f"Folder: {run.path.resolve()}", class_="note"),
            versions,
        ),
        parts.settings(run),
    ]
    return [each for each in found if each is not None]


def _verbatim(tag: str, text: str) -> Element:
    """An element of our own text, which HTML does not escape."""
    made = Element(tag)
    made.text = text
    return made
