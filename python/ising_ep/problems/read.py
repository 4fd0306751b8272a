"""Problems from files, as `dimod.BinaryQuadraticModel`. The formats are in `ising_ep.problems.formats`.

Files are not trusted: what a header promises is checked against the data really there before memory is taken
for it, and nothing is unpickled. No file takes more than 2 GiB or some seconds.
"""

import os
import re
import warnings
from typing import Any, NamedTuple

import dimod
import numpy as np

from ..checks import LARGEST_INTEGER, integer, one_of, short
from ..files.unpack import unpack
from ..printable import one_line
from .choose import choose_format
from .formats import BY_NAME, TABLE
from .formats.bqm_file import MAGIC
from .formats.matrix import NPY, read_npy
from .parsing.foreign import name_foreign
from .parsing.parts import MOST_BYTES, VARTYPES, Asked, Objective, model
from .parsing.table import plain_lines

StrPath = str | os.PathLike[str]

FORMATS: tuple[str, ...] = tuple(known.name for known in TABLE)
# Integers in a text that double precision may not hold. Longer ones are no finite numbers.
_LONG_INTEGER = re.compile(rb"(?<![\d.])\d{16,300}+(?![\d.eE])")


class Problem(NamedTuple):
    """A problem, the format of the file that it was in, and what the file asks to maximise, if anything."""

    bqm: dimod.BinaryQuadraticModel
    file_format: str
    objective: Objective | None = None


def read_problem(
    path: StrPath,
    *,
    file_format: str | None = None,
    vartype: str | None = None,
    instance: int | None = None,
) -> dimod.BinaryQuadraticModel:
    """Read a binary quadratic model.

    Variables have the numbers or names that they have in the file. A graph for max-cut becomes
    `E = sum_ij w_ij s_i s_j` with spins, so that a state cuts edges of weight `(sum w - E) / 2`, which
    `cut_weight` gives; what is to be maximised becomes `E = -x'Qx`.

    Args:
        path: The file, of 256 MiB at most, as it is or compressed by gzip, bzip2 or xz.
        file_format: One of `FORMATS`; by default from the content and, where that does not tell, the name.
            What could be several things is refused.
        vartype: "SPIN" or "BINARY": needed for COO without a header, elsewhere what the file has to be.
        instance: Which problem of a file with several (OR-Library), from 1.

    Raises:
        ValueError: A file that is not of its format, or of none that is read: one line, with the number of
            the line that is wrong or what the file looks like.
        OSError: A file that cannot be read.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp(), "triangle.gset")
        >>> _ = file.write_text("3 3\\n1 2 1\\n2 3 1\\n3 1 1\\n")
        >>> print(read_problem(file).energy({1: 1, 2: 1, 3: -1}))
        -1.0
    """
    return read_with_format(path, file_format=file_format, vartype=vartype, instance=instance).bqm


def read_with_format(
    path: StrPath,
    *,
    file_format: str | None = None,
    vartype: str | None = None,
    instance: int | None = None,
) -> Problem:
    """Reads a file as `read_problem` does, and says which format it was and what is to be maximised."""
    with open(path, "rb") as file:
        content = file.read(MOST_BYTES + 1)
    return parse_problem(content, path, file_format=file_format, vartype=vartype, instance=instance)


def parse_problem(
    content: bytes,
    path: StrPath,
    *,
    file_format: str | None = None,
    vartype: str | None = None,
    instance: int | None = None,
) -> Problem:
    """Parses the bytes of a file of this name, as `read_with_format` does."""
    if file_format is not None:
        one_of("file_format", file_format, FORMATS)
    if vartype is not None:
        one_of("vartype", vartype, VARTYPES)
    if instance is not None:
        integer("instance", instance, 1)
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"the file is larger than {MOST_BYTES >> 20} MiB")
        return _parse(unpack(content, MOST_BYTES), os.fspath(path), file_format, Asked(vartype, instance))
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}: {one_line(error)}") from None


def cut_weight(bqm: dimod.BinaryQuadraticModel, energy: float) -> float:
    """Weight of the edges that a state of this energy cuts, for a graph read by `read_problem`."""
    return (float(bqm.to_numpy_vectors().quadratic.biases.sum()) - energy) / 2


def _parse(content: bytes, path: str, file_format: str | None, asked: Asked) -> Problem:
    if not content.strip():
        raise ValueError("the file is empty, expected a problem")
    if not content.startswith((MAGIC, NPY)):
        content = plain_lines(content)
    known = BY_NAME[file_format] if file_format else choose_format(content, path, asked.vartype)
    if asked.instance is not None and not known.has_several:
        raise ValueError(f"instance is {asked.instance}, but a file of format {known.name} has one problem")
    with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at in the end
        try:
            parts = known.parse(content, asked)
            bqm = model(parts)
        except ValueError as error:
            what = name_foreign(content) if file_format else None
            hint = f"; it looks like {what}" if what else f" (read as {known.name})"
            raise ValueError(f"{error}{hint}") from None
    largest = max(np.abs(each).max(initial=0) for each in (parts.linear, parts.values, parts.offset))
    if largest >= LARGEST_INTEGER / 4:  # some formats have biases in halves and quarters
        _warn_of_rounding(path, content, set(parts.labels or ()))
    if asked.vartype is not None and parts.vartype != asked.vartype:
        raise ValueError(f"the problem is {parts.vartype}, expected {asked.vartype} as asked for")
    return Problem(bqm, known.name, parts.objective)


def _warn_of_rounding(path: str, content: bytes, labels: set[Any]) -> None:
    """Warns of integers in a text or in a .npy, other than labels, that double precision does not hold."""
    if content.startswith(NPY):
        array = read_npy(content)
        written = array.ravel().tolist() if array.dtype.kind in "iu" else []
    elif content.startswith(MAGIC):
        written = []  # they are doubles
    else:
        written = [int(digits) for digits in _LONG_INTEGER.findall(content)]
    lost = [number for number in written if int(float(number)) != number and number not in labels]
    if lost:
        warnings.warn(
            f"{path}: integers are rounded to double precision, {len(lost)} of them, as {short(lost[0])} to"
            f" {short(int(float(lost[0])))}",
            stacklevel=6,
        )
