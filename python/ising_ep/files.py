"""Problems from files, as `dimod.BinaryQuadraticModel`.

    coo    dimod's text: lines `i j bias`, linear biases as `i i bias`; `# vartype=SPIN` above them
    bqm    what `bqm.to_file()` writes
    json   what `bqm.to_serializable()` gives, as JSON
    gset   a graph for max-cut: `nodes edges`, then lines `i j weight`, nodes from 1
    qubo   qbsolv's: `p qubo 0 maxNodes nNodes nCouplers`, then `i i bias` and `i j bias`; `c` comments

Files are not trusted: what a header promises is checked against the data really there before memory is
taken for it, and nothing is unpickled. dimod's own readers are not used for that (as of 0.12.23): with a
negative index `BQM.from_file` and `from_serializable` write outside their memory, which ends the process,
and `coo.load` passes over lines that it does not understand, `0 1 1e-5` among them.
"""

import io
import json
import os
import struct
from typing import Any, Literal, NamedTuple, get_args

import dimod
import numpy as np
from dimod.serialization import fileview
from dimod.variables import iter_deserialize_variables
from numpy.typing import NDArray

from .checks import floats, integers, one_of
from .text_files import Parts, parse_coo, parse_gset, parse_qubo

Format = Literal["coo", "bqm", "json", "gset", "qubo"]
VartypeName = Literal["SPIN", "BINARY"]
StrPath = str | os.PathLike[str]

FORMATS: tuple[Format, ...] = get_args(Format)
VARTYPES: tuple[VartypeName, ...] = get_args(VartypeName)
_MAX_BYTES = 2**28  # 15 million lines or more
_MAX_TOTAL = 1e300  # no sum or difference of energies overflows
_MAGIC = b"DIMODBQM"
_BIASES = ("float32", "float64")
_INDICES = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
# What parsing what is not there comes to.
_DAMAGED = (ValueError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError, struct.error)


class Problem(NamedTuple):
    """A problem, and the format of the file that it was in."""

    bqm: dimod.BinaryQuadraticModel
    file_format: Format


def read_problem(
    path: StrPath, *, file_format: Format | None = None, vartype: VartypeName | None = None
) -> dimod.BinaryQuadraticModel:
    """Read a binary quadratic model.

    A graph for max-cut becomes `E = sum_ij w_ij s_i s_j` with spins, labelled from 0, so that a state cuts
    edges of weight `(sum w - E) / 2`, which `cut_weight` gives; an edge that stands there twice counts twice.

    Args:
        path: The file, of 256 MiB at most.
        file_format: One of `FORMATS`; by default from the content and, where that does not tell, the ending.
        vartype: "SPIN" or "BINARY": needed for COO without a header, elsewhere what the file has to be.

    Raises:
        ValueError: A file that is not of its format: one line, with the number of the line that is wrong.
        OSError: A file that cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp(), "triangle.gset")
        >>> _ = file.write_text("3 3\\n1 2 1\\n2 3 1\\n3 1 1\\n")
        >>> print(read_problem(file).energy({0: 1, 1: 1, 2: -1}))
        -1.0
    """
    return read_with_format(path, file_format=file_format, vartype=vartype).bqm


def read_with_format(
    path: StrPath, *, file_format: Format | None = None, vartype: VartypeName | None = None
) -> Problem:
    """As `read_problem`, and say which format it was."""
    if file_format is not None:
        one_of("file_format", file_format, FORMATS)
    if vartype is not None:
        one_of("vartype", vartype, VARTYPES)
    with open(path, "rb") as file:
        content = file.read(_MAX_BYTES + 1)
    try:
        if len(content) > _MAX_BYTES:
            raise ValueError(f"the file is larger than {_MAX_BYTES >> 20} MiB")
        if not content.strip():
            raise ValueError("the file is empty, expected a problem")
        kind = file_format or _guess(content, os.path.splitext(path)[1])
        parts = _parse(kind, content, vartype)
        if vartype is not None and parts.vartype != vartype:
            raise ValueError(f"the problem is {parts.vartype}, expected {vartype} as asked for")
        return Problem(_model(parts), kind)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {' '.join(str(error).split())}") from None


def cut_weight(bqm: dimod.BinaryQuadraticModel, energy: float) -> float:
    """Weight of the edges that a state of this energy cuts, for a graph read by `read_problem`."""
    return (float(bqm.to_numpy_vectors().quadratic.biases.sum()) - energy) / 2


def _guess(content: bytes, ending: str) -> Format:
    """By how it begins, then by the ending, then by the first line."""
    if content.startswith(_MAGIC):
        return "bqm"
    if content.lstrip().startswith(b"{"):
        return "json"
    for file_format in FORMATS:
        if ending.lower() == f".{file_format}":
            return file_format
    first = content.lstrip().splitlines()[0].split()
    if first[0] in (b"c", b"p"):
        return "qubo"
    return "gset" if len(first) == 2 and first[0].isdigit() else "coo"


def _parse(kind: Format, content: bytes, vartype: VartypeName | None) -> Parts:
    if kind in ("bqm", "json"):
        try:
            return _parse_bqm(content) if kind == "bqm" else _parse_json(content)
        except KeyError as error:
            raise ValueError(f"not a whole problem in format {kind}: it lacks {error}") from None
        except _DAMAGED as error:
            raise ValueError(f"not a whole problem in format {kind}: {error}") from None
    text = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if kind == "coo":
        return parse_coo(text, vartype)
    return parse_gset(text) if kind == "gset" else parse_qubo(text)


def _parse_bqm(content: bytes) -> Parts:
    file = io.BytesIO(content)
    header, version = fileview.read_header(file, _MAGIC)
    if not (1, 0) <= version < (3, 0):
        raise ValueError(f"version is {version}, expected 1 or 2")
    n, m = header["shape"]
    if type(n) is not int or type(m) is not int or min(n, m) < 0:
        raise ValueError(f"shape is {header['shape']}, expected two integers >= 0")
    for name, kinds in (("dtype", _BIASES), ("itype", _INDICES), ("ntype", _INDICES)):
        one_of(name, header[name], kinds)
    bias = np.dtype(header["dtype"])
    linear_type = np.dtype([("start", header["ntype"]), ("bias", bias)])
    quadratic_type = np.dtype([("to", header["itype"]), ("bias", bias)])
    sizes = bias.itemsize, n * linear_type.itemsize, 2 * m * quadratic_type.itemsize
    there = len(content) - file.tell()
    if there < sum(sizes):
        raise ValueError(f"{there} bytes follow the header, expected {sum(sizes)} for shape {[n, m]}")
    offset, linear, quadratic = (
        np.frombuffer(file.read(size), kind)
        for size, kind in zip(sizes, (bias, linear_type, quadratic_type), strict=True)
    )
    starts: NDArray[np.int64] = np.append(linear["start"].astype(np.int64), 2 * m)
    degrees = starts[1:] - starts[:-1]
    if (n and starts[0] != 0) or (degrees < 0).any():
        raise ValueError("neighbourhoods do not follow each other")
    # Each coupling stands at both its ends; the one with the larger number is enough.
    rows, cols = np.repeat(np.arange(n), degrees), quadratic["to"].astype(np.int64)
    lower = cols < rows
    if lower.sum() != m:
        raise ValueError(f"{lower.sum()} couplings, expected {m}")
    labels = header["variables"] or None
    if labels and version >= (2, 0):
        labels = fileview.VariablesSection.load(file)  # type: ignore[no-untyped-call]
    elif labels:
        labels = iter_deserialize_variables(labels)  # type: ignore[no-untyped-call]
    return Parts(
        linear=linear["bias"],
        rows=rows[lower],
        cols=cols[lower],
        values=quadratic["bias"][lower],
        vartype=header["vartype"],
        offset=float(offset[0]),
        labels=None if labels is None else list(labels),
    )


def _parse_json(content: bytes) -> Parts:
    obj = json.loads(content)
    if "bqm_schema" not in obj["version"] or obj["use_bytes"] is not False:
        raise ValueError("expected a bqm_schema as version, and use_bytes false")
    return Parts(
        linear=floats("linear_biases", obj["linear_biases"], "(variables,)"),
        rows=integers("quadratic_head", obj["quadratic_head"], "(couplings,)"),
        cols=integers("quadratic_tail", obj["quadratic_tail"], "(couplings,)"),
        values=floats("quadratic_biases", obj["quadratic_biases"], "(couplings,)"),
        vartype=obj["variable_type"],
        offset=float(obj["offset"]),
        labels=list(iter_deserialize_variables(obj["variable_labels"])),  # type: ignore[no-untyped-call]
    )


def _model(parts: Parts) -> dimod.BinaryQuadraticModel:
    """The model in float64, once its parts are checked: dimod checks no index."""
    linear, rows, cols, values, vartype, offset, labels = parts
    n = len(linear)
    if not n:
        raise ValueError("no variables, expected at least one")
    if not len(rows) == len(cols) == len(values):
        raise ValueError(f"couplings have {len(rows)} heads, {len(cols)} tails and {len(values)} biases")
    for ends in (rows, cols):
        if not 0 <= ends.min(initial=0) <= ends.max(initial=0) < n:
            raise ValueError(
                f"a coupling joins variables {ends.min()} to {ends.max()}, expected 0 to {n - 1}"
            )
    if (rows == cols).any():
        raise ValueError(f"variable {rows[rows == cols][0]} is coupled to itself")
    one_of("vartype", vartype, VARTYPES)
    linear, values = linear.astype(np.float64), values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        total = abs(offset) + np.abs(linear).sum() + np.abs(values).sum()
    if not total < _MAX_TOTAL:
        raise ValueError(f"|biases| add up to {total}, expected finite ones of less than {_MAX_TOTAL:g}")
    if labels is not None:
        if len(labels) != n:
            raise ValueError(f"{len(labels)} labels for {n} variables")
        _check_labels(labels)
    if labels == list(range(n)):
        labels = None  # relabelling would take longer than all the rest
    return dimod.BinaryQuadraticModel.from_numpy_vectors(
        linear,
        (rows, cols, values),
        offset,
        vartype,  # type: ignore[arg-type]
        variable_order=labels,  # type: ignore[arg-type]
    )


def _check_labels(labels: list[Any]) -> None:
    """Texts, numbers and tuples of them: what dimod and every output can hold."""
    waiting = list(labels)
    while waiting:
        label = waiting.pop()
        if isinstance(label, tuple):
            waiting.extend(label)
        elif isinstance(label, str):
            label.encode()  # half of a surrogate pair could not be written
        elif type(label) not in (int, float) or not abs(label) < 2**63:
            raise ValueError(f"label {label!r} is not a text, a number below 2**63 or a list of them")
