"""The command `ising-ep embed`: a network on a chip."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..extras import require
from ..printable import printable
from .errors import one_line_errors
from .help import Command
from .options import Numbers, option, settings, settings_of
from .output import force_option, require_named, require_output
from .screen import print_bars

if TYPE_CHECKING:
    from ..config import TrainConfig
    from ..training import DataRecord

chip_options = settings("chip", "chip_missing", "chip_seed")


@click.command(cls=Command)
# First weights do not matter to where a network lies.
@settings_of("network", without="gains", with_data=False)
@option(
    "--image",
    type=Numbers(int),
    metavar="H,W,C",
    help="Height, width and channels of the images, where layers depend on them.  [default: 3,3,1]",
    title="Network",
)
@chip_options
@option("--copies", type=click.IntRange(1), help="Copies at most.  [default: as many as fit]", title="Search")
@option(
    "--method",
    type=click.Choice(["auto", "structured", "minorminer"]),
    default="auto",
    help="Layout along the chip's lines or cells, search, or one after the other.  [default: auto]",
    title="Search",
)
@option("--seed", type=click.IntRange(0), default=0, help="Seed of the search.  [default: 0]", title="Search")
@option(
    "--cache/--no-cache",
    default=True,
    help="Look in the user's cache first, and keep what is found.  [default: yes]",
    title="Search",
)
@option("--out", type=click.Path(path_type=Path), help="JSON file for the chains.", title="Output")
@option(
    "--picture", type=click.Path(path_type=Path), help="PNG, SVG or PDF file for a drawing.", title="Output"
)
@force_option
@one_line_errors
def embed(
    image: tuple[int, ...] | None,
    chip: str | None,
    chip_missing: float | None,
    chip_seed: int | None,
    copies: int | None,
    method: str,
    seed: int,
    cache: bool,
    out: Path | None,
    picture: Path | None,
    force: bool,
    **network: Any,
) -> None:
    """Lay a network on a D-Wave chip, in as many copies as fit.

    Prints qubits, chains and copies.

    \b
    Examples:
      ising-ep embed --layers 120,40 --chip pegasus:16 --chip-missing 0.005
      ising-ep embed --copies 1 --out embedding.json --picture embedding.png
      ising-ep embed --network convolutional --chip chimera:16 --chip-missing 0
    """
    require("chip", "an embedding")
    import numpy as np

    from ..config import TrainConfig
    from ..embedding import embed as find
    from ..machines.embedded import described, search_progress
    from ..training.build import chip_of, network_of

    _check_outputs(out, picture, force)
    given = {"chip": chip, "chip_missing": chip_missing, "chip_seed": chip_seed}
    # Nothing is annealed, so errors of the chip are of no matter, and its seed of the missing qubits alone.
    config = TrainConfig.checked({"machine": "chip", "chip_offsets": (0.0, 0.0), **network, **given})
    graph = chip_of(config)
    spins = network_of(config, _form(config, image))
    embedding = find(
        spins, graph, copies=copies, method=method, seed=seed, cache=cache, progress=search_progress()
    )
    click.echo(f"{graph}, {len(graph.couplers)} couplers, working graph {printable(graph.graph_id)}")
    click.echo(f"{spins.num_spins} spins, {len(spins.rows)} couplings: {described(embedding)}")
    lengths = enumerate(np.bincount(embedding.chain_lengths()).tolist())
    print_bars([(f"chains of {length}:", count) for length, count in lengths if count])
    if out is not None:
        embedding.save(out)
        click.echo(f"Chains: {out}")
    if picture is not None:
        from .. import plots

        plots.save(plots.embedding_on_chip(graph, embedding), picture)
        click.echo(f"Picture: {picture}")


def _form(config: TrainConfig, image: tuple[int, ...] | None) -> DataRecord:
    """The form of the images that a network is laid for, with a class for each of its outputs.

    Raises:
        ValueError: If an image is given that is none, or that the network has no use for.
    """
    from ..training import DataRecord

    if image is not None and not config.network_settings.of_images:
        raise ValueError(f"--image is {image}, but network {config.network} is the same for all images")
    shape = (*(image or (3, 3)), 1)[:3]
    if len(image or shape) not in (2, 3) or min(shape) < 1:
        raise ValueError(f"--image is {image}, expected height and width, and channels if there are several")
    height, width, channels = shape
    classes = config.layers[-1] if config.layers else 2
    if classes < 2:
        raise ValueError(f"the last of --layers is {classes}, expected 2 output spins or more")
    return DataRecord("", math.prod(shape), classes, (height, width, channels))


def _check_outputs(out: Path | None, picture: Path | None, force: bool) -> None:
    """Refuses, before any work is done, files that could not or should not be written afterwards."""
    require_named(out, picture, force=force, options="--out or --picture")
    for file, named_by in ((out, "--out"), (picture, "--picture")):
        if file is not None:
            require_output(file, force=force, named_by=named_by)
    if out is not None and picture is not None and out.resolve() == picture.resolve():
        raise ValueError(f"--out and --picture are both {out}, expected two files")
    if picture is not None:
        from ..plots import require_picture

        require_picture(picture)
