"""Colours and signs of all pictures, for readers who see colours and for those who do not.

The colours keep a distance for protanopes, deuteranopes and tritanopes, and on white. Series of one picture
have another marker and line as well, since in grey some colours are alike; copies on a chip have numbers.
"""

from __future__ import annotations

from typing import TypedDict

DPI = 150
BLUE, ORANGE, GREY, BLACK, SKY, PURPLE, BROWN = (
    *("#1b4f72", "#d95f02", "#7d8a97", "#111111", "#3d9be0", "#9126d9"),
    "#884433",
)


class Look(TypedDict):
    """Keywords of `Axes.plot` for one series."""

    color: str
    linestyle: str
    marker: str


SERIES: tuple[Look, ...] = (
    {"color": BLUE, "linestyle": "-", "marker": "o"},
    {"color": ORANGE, "linestyle": "--", "marker": "s"},
    {"color": GREY, "linestyle": "-.", "marker": "^"},
    {"color": BLACK, "linestyle": ":", "marker": "D"},
    {"color": SKY, "linestyle": "-", "marker": "v"},
    {"color": PURPLE, "linestyle": "--", "marker": "X"},
)
TRAIN, TEST = SERIES[:2]
# Copies of a network on a chip; more than these begin anew, and are told by their numbers.
COPIES = (BLUE, ORANGE, SKY, PURPLE, BROWN)
UNUSED = "#cccccc"
