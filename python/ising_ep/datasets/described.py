"""Words for the folders of data sets, in the help of commands."""

from __future__ import annotations

from .named import LOADERS


def describe_folders() -> str:
    """Name the data sets that are read from a folder, and what it holds."""
    names: dict[str, list[str]] = {}
    for loader in LOADERS.values():
        if loader.folder is not None:
            names.setdefault(loader.folder, []).append(loader.name)
    return "; ".join(f"{', '.join(those)}: {folder}" for folder, those in names.items())


def describe_sources() -> str:
    """Say where data sets come from that are given no folder, and which of them need one."""
    needed = [each.name for each in LOADERS.values() if each.folder is not None and each.fetched is None]
    return "; ".join(["from OpenML", *(f"{name} needs one" for name in needed)])
