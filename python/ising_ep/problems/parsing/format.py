"""Description of a format: `Format`, of which the modules of `problems.formats` hold the rows."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from .parts import Asked, Parts

# Two integers, as the first line of lists has them.
PAIR_LINE = rb"[ \t]*+\d++[ \t]++\d++[ \t]*+(?:\n|\Z)"


@dataclass(frozen=True)
class Format:
    """A format: how a file of it is read and known.

    Attributes:
        name: For `--format`.
        what: What it is, for the help.
        parse: Its reader: the bytes of a file, with line feeds as line ends, and what is asked of them.
        endings: Of the names of its files, in lower case.
        names: Regular expression for whole names of its files.
        begins: Regular expression for what no other format's files begin with.
        contains: Regular expression for what no other format's files hold.
        has_several: Whether a file may hold several problems.
    """

    name: str
    what: str
    parse: Callable[[bytes, Asked], Parts]
    endings: tuple[str, ...] = ()
    names: str | None = None
    begins: bytes | None = None
    contains: bytes | None = None
    has_several: bool = False

    def is_certain(self, text: bytes) -> bool:
        """Tells whether the text can be of no other format."""
        if self.begins is not None:
            return re.match(self.begins, text) is not None
        return self.contains is not None and re.search(self.contains, text) is not None

    def is_named(self, file_name: str) -> bool:
        """Tells whether a file of this name, without the ending of a compression, is of this format."""
        lower = file_name.lower()
        return lower.endswith(self.endings) or (
            self.names is not None and re.fullmatch(self.names, file_name) is not None
        )
