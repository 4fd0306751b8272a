"""What a study is: kept units, and what a page says of their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .units import Results, Run, Settings, Units

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Table = tuple[Sequence[str], list[Sequence[str]]]


@dataclass(frozen=True)
class Study:
    """One result of the paper.

    Table, figures and remarks are made of the results of all units, never of some of them.

    Attributes:
        name: Its name on the command line.
        title: Heading of its section.
        paper: What the paper says, and where, in one or two sentences.
        runs: Whether it is to be quick -> the settings of each unit by its key; see `Units`.
        run: See `Units`; on one thread.
        table: Results by key -> header and rows.
        figures: Results by key -> figures by the names of their files, without ``.png``.
        remarks: Results by key -> what the numbers say, in sentences made of them.
    """

    name: str
    title: str
    paper: str
    runs: Callable[[bool], dict[str, Settings]]
    run: Run
    table: Callable[[Results], Table]
    figures: Callable[[Results], dict[str, Figure]]
    remarks: Callable[[Results], str]

    def units(self, quick: bool) -> Units:
        """Its units, full or quick."""
        return Units(self.name, self.runs(quick), self.run)
