"""Examples in docstrings, as mkdocstrings shows them: as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

# Lines of a session that stand by themselves: what is typed, and what follows it up to an empty line.
SESSION = re.compile(r"^>>> .*\n(?:.+\n?)*", re.MULTILINE)


class Examples(griffe.Extension):  # type: ignore[misc]
    """Names the section of one example as the one of several, and fences those that are in no section."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Is called for each object that has been read."""
        if obj.docstring is not None:
            text = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
            obj.docstring.value = SESSION.sub(lambda found: f"```pycon\n{found[0].rstrip()}\n```\n", text)
