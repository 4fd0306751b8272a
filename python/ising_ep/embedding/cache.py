"""Embeddings that were found, kept in the user's cache folder by network, working graph and search."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from ..checks import digest
from ..chip.graph import Chip
from ..network import Network
from .placed import Embedding, Placed

# Number in the names of the files. It is raised whenever a search finds other embeddings than before, so that
# none of the old are taken.
VERSION = 3


def cache_file(network: Network, chip: Chip, *search: object) -> Path:
    """File in which the answer to a search is kept.

    Args:
        network: Network that is embedded.
        chip: Chip that it is embedded on.
        search: The other arguments that the answer depends on.
    """
    pairs = np.sort(np.stack([network.rows, network.cols], axis=1), axis=1)
    parts = (VERSION, chip.family, chip.shape, chip.graph_id, network.num_spins, *search)
    name = digest("".join(f"{part};" for part in parts), np.asarray(pairs, "<i8")).hex()
    return cache_folder() / f"{name[:32]}.json"


def cache_folder() -> Path:
    """Folder of the user in which embeddings are kept."""
    from platformdirs import user_cache_path

    return user_cache_path("ising-ep") / "embeddings"


def read_cached(file: Path, network: Network, chip: Chip) -> Placed | None:
    """Reads the file's embedding if it is valid; warns of one that is not and returns None."""
    if not file.is_file():
        return None
    try:
        return Embedding.load(file, chip).verify(network, chip)
    except (ValueError, OSError) as error:
        warnings.warn(f"cached embedding ignored: {file}: {error}", stacklevel=4)
        return None


def keep_cached(file: Path, embedding: Embedding) -> None:
    """Writes the file, or warns that it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        embedding.save(file)
    except OSError as error:
        warnings.warn(f"the embedding is not kept for the next time: {error}", stacklevel=3)
