"""What a study is: independent units of work, and what is made of their results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Settings = dict[str, Any]
Results = dict[str, dict[str, Any]]
Table = tuple[Sequence[str], list[Sequence[str]]]


@dataclass(frozen=True)
class Study:
    """One result of the paper.

    Table, figures and remarks are made of the results of all units, never of some of them.

    Attributes:
        name: Its name on the command line.
        title: Heading of its section.
        paper: What the paper says, and where, in one or two sentences.
        runs: Whether it is to be quick -> the settings of each unit by its key. Settings can be written as
            JSON and hold the unit's ``seed``, if it has one, and ``"dataset": "mnist"`` if it needs MNIST;
            keys are of small letters, digits, dots and hyphens.
        run: Settings of a unit and the folder of MNIST's files -> its result, which can be written as JSON. A
            function at the top of a module, since it runs in another process; on one thread.
        table: Results by key -> header and rows.
        figures: Results by key -> figures by the names of their files, without ``.png``.
        remarks: Results by key -> what the numbers say, in sentences made of them.
    """

    name: str
    title: str
    paper: str
    runs: Callable[[bool], dict[str, Settings]]
    run: Callable[[Settings, Path], dict[str, Any]]
    table: Callable[[Results], Table]
    figures: Callable[[Results], dict[str, Figure]]
    remarks: Callable[[Results], str]
