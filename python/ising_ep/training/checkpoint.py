"""Checkpoints: the state of training in one safetensors file. All but the arrays is JSON in its header."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..checks import digest, short
from ..files.untrusted import MOST_BYTES
from ..learning import Memory
from ..machines.usage import Usage
from ..network import Parameters
from ..printable import one_line
from .state import TrainState, check_state

FORMAT = 1
# Bytes of a checkpoint besides its arrays: the state, in which quotes are written twice, names and shapes.
_MOST_HEADER = 4 * MOST_BYTES
# Arrays for each parameter that an optimizer may keep.
_MOST_KINDS = 4
# Errors of a file that is not what it should be. Numbers of a kind that numpy lacks are an AttributeError,
# sizes past any float an ArithmeticError.
_DAMAGE = (
    SafetensorError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def write_checkpoint(state: TrainState, run: str | None = None) -> bytes:
    """The content of a checkpoint.

    Args:
        state: Where the run is.
        run: The run's name, if it has one.

    Raises:
        ValueError: If it could not be read back.
    """
    arrays = state.arrays()
    progress = {k: v for k, v in asdict(state).items() if k != "parameters"}
    text = json.dumps(progress | {"memory": list(state.memory)})
    if len(text) > MOST_BYTES:
        raise ValueError(f"the history of the run has {len(text):,} characters, expected {MOST_BYTES:,}")
    if len(state.memory) > _MOST_KINDS:
        raise ValueError(f"memory has {len(state.memory)} kinds of arrays, expected {_MOST_KINDS} at most")
    metadata = {"format": str(FORMAT), "state": text, "sha256": array_digest(arrays, text)}
    return save(arrays, metadata=metadata if run is None else metadata | {"run": run})


def read_checkpoint(
    file: Path, shapes: Mapping[str, tuple[int, ...]] | None, batch_size: int, run: str | None = None
) -> TrainState:
    """Reads a checkpoint.

    Args:
        file: Its file.
        shapes: Those of the network's parameters, compared before any of them are read; None takes any.
        batch_size: Images of an update.
        run: The run's name. A checkpoint without one, as earlier versions wrote it, is taken for any run's.

    Raises:
        ValueError: In one line, if it is damaged or of another run.
        OSError: If it may not be read.
    """
    # safetensors says of a file that may not be read that there is none.
    with damage_named(file, "a checkpoint of this run"), open(file, "rb") as readable:
        _check_size(os.fstat(readable.fileno()).st_size, shapes)
        with safe_open(file, framework="numpy") as tensors:
            metadata = tensors.metadata() or {}
            if metadata.get("format") != str(FORMAT):
                raise ValueError(f"its format is {metadata.get('format')!r}, expected {FORMAT}")
            if metadata.get("run", run) != run:
                own = "one without a name" if run is None else short(run)
                raise ValueError(f"it is that of run {short(metadata['run'])}, expected {own}")
            if len(metadata["state"]) > MOST_BYTES:
                raise ValueError(f"its history is longer than {MOST_BYTES:,} characters")
            progress = json.loads(metadata["state"])
            kinds = _memory_kinds(progress)
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            found = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
            _check_arrays(found, shapes, kinds)
            arrays = {name: np.array(tensors.get_tensor(name)) for name in slices}
        if metadata["sha256"] != array_digest(arrays, metadata["state"]):
            raise ValueError("its numbers are not those that were saved")
        progress["usage"] = Usage.checked(progress.get("usage", {}))
        progress["usages"] = [Usage.checked(usage) for usage in progress.get("usages", [])]
        parameters, memory = _apart(arrays, kinds)
        state = TrainState(parameters=parameters, memory=memory, **progress)
        check_state(state, batch_size)
    return state


@contextmanager
def damage_named(file: Path, what: str) -> Iterator[None]:
    """Refuses a file, by a ValueError of one line, for any error of what is read from it.

    Args:
        file: The file.
        what: What it should be, such as ``"a checkpoint of this run"``.
    """
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{file} is not {what}: {what_is_wrong(error)}") from None


def what_is_wrong(error: Any) -> str:
    """Describes an error of a file in a short line that can be printed, whatever the file holds."""
    line = one_line(f"it lacks {error}" if isinstance(error, KeyError) else str(error)[:1000])
    return line if len(line) <= 300 else f"{line[:297]}..."


def array_digest(parameters: Parameters, progress: str) -> str:
    """Checksum of all arrays and a text: a flipped bit would otherwise go unnoticed."""
    parts: list[NDArray[Any] | str] = [progress]
    for name, value in sorted(parameters.items()):
        parts += [f"{name}{value.dtype.str}{value.shape}", value]
    return digest(*parts).hex()


def _memory_kinds(progress: dict[str, Any]) -> list[str]:
    """Takes from a state what the optimizer calls its arrays. Earlier versions had Adam's and did not say."""
    kinds = progress.pop("memory", ["m", "v"])
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise ValueError(f"its memory is {short(kinds)}, expected the names of an optimizer's arrays")
    return kinds


def _apart(arrays: Parameters, kinds: Sequence[str]) -> tuple[Parameters, Memory]:
    """The parameters, and the optimizer's arrays; the other way of `TrainState.arrays`."""
    kept = {f"{kind}.{name}" for kind in kinds for name in arrays}
    parameters = {name: value for name, value in arrays.items() if name not in kept}
    memory = {
        kind: {name: arrays[f"{kind}.{name}"] for name in parameters if f"{kind}.{name}" in arrays}
        for kind in kinds
    }
    return parameters, {kind: values for kind, values in memory.items() if values}


def _check_size(size: int, shapes: Mapping[str, tuple[int, ...]] | None) -> None:
    """Refuses a file with more bytes than parameters of these shapes, an optimizer's arrays, and a header."""
    if shapes is None:
        return
    most = _MOST_HEADER + (1 + _MOST_KINDS) * 4 * sum(map(math.prod, shapes.values()))
    if size > most:
        raise ValueError(f"it has {size:,} bytes, expected at most {most:,}")


def _check_arrays(
    found: Mapping[str, tuple[str, tuple[int, ...]]],
    shapes: Mapping[str, tuple[int, ...]] | None,
    kinds: Sequence[str],
) -> None:
    """Refuses arrays whose types or shapes are not those of parameters and of an optimizer's arrays."""
    if shapes is None:
        kept = {f"{kind}.{name}" for kind in kinds for name in found}
        shapes = {name: shape for name, (_, shape) in found.items() if name not in kept}
    wanted = dict(shapes) | {f"{kind}.{name}": shape for kind in kinds for name, shape in shapes.items()}
    for name in sorted(shapes.keys() | found.keys()):
        kind, shape = found.get(name, ("F32", None))
        if kind != "F32":
            raise ValueError(f"array {name!r} is of {kind}, expected F32")
        if shape != wanted.get(name):
            raise ValueError(f"array {name!r} has shape {shape}, expected {wanted.get(name)}")
