"""Files that commands write where the user says: looked at before any work, and never those of a run."""

from __future__ import annotations

import os
from pathlib import Path

from ..files.atomic import require_replaceable
from .options import option

force_option = option("--force", is_flag=True, help="Overwrite what is there.", title="Output")


def require_output(file: Path, *, force: bool, named_by: str = "--out", own: Path | None = None) -> None:
    """Refuses, before any work is done, a file that could not or should not be written afterwards.

    Args:
        file: The file to write.
        force: Whether a file that is there may be overwritten. One that a run keeps never may.
        named_by: The option that names it.
        own: Where the command keeps its result in the folder of its run, if nothing else is asked for.

    Raises:
        ValueError: If it cannot be written, belongs to a run, or is there already.
        OSError: If something other than a file of one name stands in its place.
    """
    require_writable(file)
    # A folder without settings is no run's: to look further takes a second to load.
    if os.path.lexists(file.parent / "config.json") and (own is None or file.resolve() != own.resolve()):
        from ..training.run_folder import refuse_file_of_a_run

        refuse_file_of_a_run(file, f"another {named_by}")
    if file.exists() and not force:
        raise ValueError(f"{file} exists; give --force to overwrite it, or another {named_by}")


def require_named(*files: Path | None, force: bool, options: str = "--out") -> None:
    """Refuses, by a ValueError, --force without a file that it is for, as these options name one."""
    if force and not any(files):
        raise ValueError(f"--force is given, but there is nothing to overwrite without {options}")


def require_writable(file: Path) -> None:
    """Refuses a file that cannot be written, before what it is to hold is worked out or paid for.

    Raises:
        ValueError: If there is no folder for it, or no permission.
        OSError: If something other than a file of one name stands in its place.
    """
    if not file.parent.is_dir():
        raise ValueError(f"{file} cannot be written: there is no folder {file.parent}")
    require_replaceable(file)
    # It is written beside the old one, and put in its place.
    if not all(os.access(place, os.W_OK) for place in (file.parent, file) if place.exists()):
        raise ValueError(f"{file} cannot be written: no permission")
