"""Reads the files of dimod's `bqm.to_file()`.

A magic text, a version, a header in JSON; then the offset, for each variable the start of its neighbourhood
and its bias, for each neighbour its number and the coupling; then the labels in JSON.
https://docs.dwavequantum.com/en/latest/ocean/api_ref_dimod/generated/dimod.binary.BinaryQuadraticModel.to_file.html

dimod's `from_file` is not used for what comes from outside: with a negative index it writes outside its
memory, which ends the process (0.12.23).
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...checks import one_of
from ..parsing.format import Format
from ..parsing.json_text import field, labels_field, load_json
from ..parsing.parts import Asked, Parts, check_size

MAGIC = b"DIMODBQM"
_BIASES = ("float32", "float64")
_INDICES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
_LABELS = b"VARS"


def parse(content: bytes, asked: Asked) -> Parts:
    """All of the model."""
    del asked
    header, version, start = _read_header(content)
    n, m = _shape(header)
    for name, kinds in (("dtype", _BIASES), ("itype", _INDICES), ("ntype", _INDICES)):
        one_of(name, field(header, name, str, f"one of {', '.join(kinds)}"), kinds)
    bias = np.dtype(header["dtype"])
    linear_type = np.dtype([("start", header["ntype"]), ("bias", bias)])
    quadratic_type = np.dtype([("to", header["itype"]), ("bias", bias)])
    there = len(content) - start
    needed = bias.itemsize + n * linear_type.itemsize + 2 * m * quadratic_type.itemsize
    if there < needed:
        raise ValueError(f"{there} bytes follow the header, expected {needed} for shape {[n, m]}")
    check_size(n, m)
    offset = np.frombuffer(content, bias, 1, start)
    start += offset.nbytes
    linear = np.frombuffer(content, linear_type, n, start)
    start += linear.nbytes
    quadratic = np.frombuffer(content, quadratic_type, 2 * m, start)
    start += quadratic.nbytes
    rows, cols, values = _couplings(linear["start"], quadratic)
    if len(values) != m:
        raise ValueError(f"{len(values)} couplings, expected {m}")
    return Parts(
        linear=linear["bias"],
        rows=rows,
        cols=cols,
        values=values,
        vartype=field(header, "vartype", str, "SPIN or BINARY"),
        offset=float(offset[0]),
        labels=_labels(header.get("variables"), version, content[start:]),
    )


def _read_header(content: bytes) -> tuple[dict[str, Any], tuple[int, ...], int]:
    """The header, the version, and where the numbers begin."""
    start = len(MAGIC) + 6
    if not content.startswith(MAGIC) or len(content) < start:
        raise ValueError(f"does not begin as a BQM file of dimod, with {MAGIC.decode()}")
    major, minor, size = struct.unpack("<BBI", content[len(MAGIC) : start])
    if not (1, 0) <= (major, minor) < (3, 0):
        raise ValueError(f"version is {(major, minor)}, expected 1 or 2")
    if size > len(content) - start:
        raise ValueError(f"the header has {size} bytes, but {len(content) - start} follow")
    header = load_json(content[start : start + size])
    if not isinstance(header, dict):
        raise ValueError("the header is no JSON object")
    return header, (major, minor), start + size


def _shape(header: dict[str, Any]) -> tuple[int, int]:
    shape = field(header, "shape", list, "two integers >= 0")
    if len(shape) != 2 or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"shape is {str(shape)[:60]}, expected two integers >= 0")
    return shape[0], shape[1]


def _couplings(
    starts: NDArray[Any], quadratic: NDArray[np.void]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Each coupling stands at both its ends; the one with the larger number is enough."""
    bounds: NDArray[np.int64] = np.append(starts.astype(np.int64), len(quadratic))
    degrees = bounds[1:] - bounds[:-1]
    if (len(starts) and bounds[0] != 0) or (degrees < 0).any():
        raise ValueError("neighbourhoods do not follow each other")
    rows, cols = np.repeat(np.arange(len(starts)), degrees), quadratic["to"].astype(np.int64)
    lower = cols < rows
    return rows[lower], cols[lower], quadratic["bias"][lower]


def _labels(given: Any, version: tuple[int, ...], rest: bytes) -> list[Any] | None:
    """In the header of version 1, behind the numbers in version 2; None for 0, 1, 2..."""
    if not given:
        return None
    if version >= (2, 0):
        if not rest.startswith(_LABELS) or len(rest) < 8:
            raise ValueError(f"no labels follow the numbers, expected {_LABELS.decode()}")
        (size,) = struct.unpack("<I", rest[4:8])
        given = load_json(rest[8 : 8 + size])
    if not isinstance(given, list):
        raise ValueError("the labels are no list")
    return labels_field(given)


FORMATS = (Format("bqm", "what dimod's bqm.to_file() writes", parse, endings=(".bqm",), begins=MAGIC),)
