"""The families of graphs that D-Wave's chips are of: Chimera, Pegasus and Zephyr.

Graphs of up to `MOST_QUBITS` and `MOST_COUPLERS` are made, six times the largest chips there are; larger ones
are refused before any memory is taken.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

from ..checks import one_of, short

if TYPE_CHECKING:
    import networkx as nx

FAMILIES = ("chimera", "pegasus", "zephyr")
# Such as chimera:79, pegasus:46 and zephyr:39; 400 MB and some seconds to make.
MOST_QUBITS, MOST_COUPLERS = 50_000, 500_000
# Sides of the shape, with what is taken where they are left out.
SHAPES = {"chimera": (16, None, 4), "pegasus": (16,), "zephyr": (12, 4)}


def shape_of(family: str, given: Any) -> tuple[int, ...]:
    """All sizes of a graph of which some are given, if they are those of one that can be made."""
    one_of("the family of the chip", family, FAMILIES)
    default = SHAPES[family]
    least = 2 if family == "pegasus" else 1
    if (
        not isinstance(given, list | tuple)
        or len(given) > len(default)
        or not all(_is_integer(size) and least <= size <= MOST_QUBITS for size in given)
    ):
        raise ValueError(
            f"the shape of a {family} chip is {short(given)},"
            f" expected up to {len(default)} sizes from {least} to {MOST_QUBITS}"
        )
    whole = (*map(int, given), *default[len(given) :])
    shape = tuple(whole[0] or 0 if size is None else size for size in whole)
    for what, number, most in zip(
        ("qubits", "couplers"), size_of(family, shape), (MOST_QUBITS, MOST_COUPLERS), strict=True
    ):
        if number > most:
            raise ValueError(
                f"a {family} graph of shape {list(shape)} has up to {number} {what}, expected at most {most}"
            )
    return shape


def size_of(family: str, shape: tuple[int, ...]) -> tuple[int, int]:
    """Qubits and couplers of a graph, no fewer than there are."""
    if family == "chimera":
        rows, columns, tile = shape
        qubits = 2 * rows * columns * tile
        return qubits, rows * columns * tile * tile + qubits
    if family == "pegasus":
        (m,) = shape
        return 24 * m * (m - 1), 180 * m * m
    m, tile = shape
    qubits = 4 * tile * m * (2 * m + 1)
    return qubits, (4 * m * tile) ** 2 + 2 * qubits


def graph_of(family: str, shape: tuple[int, ...], **lists: Any) -> nx.Graph:
    """The whole graph, or that of the qubits `node_list` and the couplers `edge_list`."""
    # Half a second with networkx: only who needs a chip pays for it.
    import dwave.graphs

    make = {
        "chimera": dwave.graphs.chimera_graph,
        "pegasus": dwave.graphs.pegasus_graph,
        "zephyr": dwave.graphs.zephyr_graph,
    }[family]
    return make(*shape, **lists)


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)
