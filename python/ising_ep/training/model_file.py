"""Trained models in one file: arrays and JSON in a safetensors file. Nothing in it is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save

from ..checks import short
from ..files.atomic import kind_of, replace, require_replaceable
from ..files.untrusted import MOST_BYTES
from .checkpoint import array_digest, damage_named
from .run_folder import refuse_file_of_a_run

FORMAT = 1
# What a file of this kind is, in messages.
SAVED = "a model that was saved"
Arrays = dict[str, NDArray[np.float32]]


def write_model(
    path: Path, kind: str, arrays: Arrays, content: dict[str, Any], meanings: dict[str, str] | None = None
) -> None:
    """Writes a model in one step.

    Args:
        path: The file; one that is there is replaced, unless a run keeps it.
        kind: What the model is, such as ``"Trained"``.
        arrays: Its arrays, float32.
        content: All else of it, as JSON.
        meanings: What arrays are, in words, for viewers of the file.

    Raises:
        ValueError: If it has the name of a file of a run, and stands in the run's folder.
        OSError: If it cannot be written.
    """
    refuse_file_of_a_run(path)
    require_replaceable(path)
    text = json.dumps(content)
    metadata = {"kind": kind, "format": str(FORMAT), "content": text, "sha256": array_digest(arrays, text)}
    metadata |= {f"array {name}": meaning for name, meaning in (meanings or {}).items()}
    replace(path, save(arrays, metadata=metadata))


def read_model(path: Path, kind: str) -> tuple[Arrays, dict[str, Any]]:
    """Reads what `write_model` wrote.

    Args:
        path: The file.
        kind: What the model must be.

    Returns:
        Its arrays, and all else of it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged, of another kind, or of a later format.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or run folder")
    if not path.is_file():
        raise ValueError(f"{path} is {kind_of(path.stat().st_mode)}, expected a file or a run folder")
    with damage_named(path, SAVED):
        with safe_open(path, framework="numpy") as tensors:
            metadata = tensors.metadata() or {}
            _check(metadata, kind)
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            for name, found in slices.items():
                if found.get_dtype() != "F32":
                    raise ValueError(f"array {name!r} is of {found.get_dtype()}, expected F32")
            arrays = {name: np.array(tensors.get_tensor(name)) for name in slices}
        if metadata.get("sha256") != array_digest(arrays, metadata["content"]):
            raise ValueError("its numbers are not those that were saved")
        for name, value in arrays.items():
            if not np.isfinite(value).all():
                raise ValueError(f"array {name!r} holds numbers that are not finite")
        content = json.loads(metadata["content"])
        if not isinstance(content, dict):
            raise ValueError(f"its content is {short(content)}, expected an object")
    return arrays, content


def _check(metadata: dict[str, str], kind: str) -> None:
    """Refuses a file that says to be of another kind or format, or whose text is too long."""
    found = metadata.get("kind")
    if found != kind:
        raise ValueError(f"it holds {short(found)}, expected {kind!r}")
    if metadata.get("format") != str(FORMAT):
        raise ValueError(f"its format is {short(metadata.get('format'))}, expected {FORMAT}")
    if len(metadata.get("content", "")) > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES:,} characters of text")
