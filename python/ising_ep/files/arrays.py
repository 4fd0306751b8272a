"""Arrays in the files that data sets come in: IDX, .npy and .npz.

Files are not trusted. The headers of all arrays are looked at before any data are read, what they promise is
bounded, by the size of the file too, and compared with the data really there; pickles are never opened.
"""

import gzip
import math
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

# Keyed by their names.
Arrays = dict[str, NDArray[Any]]

# Upper bound on the bytes of all arrays of a file, decompressed.
_MAX_BYTES = 2**31
# Bytes of memory, in single precision too, that the arrays of any file may take; those of a larger file may
# take so many times its size. MNIST's take 24 times, a decompression bomb 5,000 times.
_FREE_BYTES, _MOST_TIMES = 2**29, 30


class Form(Protocol):
    """Shape and type of an array, known before the array is read."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its sizes."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its numbers."""
        ...


class Header(NamedTuple):
    """Header of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    order: Literal["C", "F"] = "C"

    @property
    def num_bytes(self) -> int:
        """Bytes of its data."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_idx(directory: Path, stem: str, title: str) -> NDArray[np.uint8]:
    """Read images or labels: a magic number and a size per dimension, all big-endian uint32, then bytes.

    Args:
        directory: Where the file is, gz or not.
        stem: How its name begins, such as "train-images".
        title: What the data set is called.

    Raises:
        ValueError: If the file is damaged, or out of proportion.
        FileNotFoundError: If there is none.
    """
    ndim = 3 if stem.endswith("images") else 1
    paths = [directory / f"{stem}{mark}idx{ndim}-ubyte{end}" for mark in "-." for end in ("", ".gz")]
    path = next(filter(Path.is_file, paths), None)
    if path is None:
        raise FileNotFoundError(f"{paths[0]}: no such file, expected {title}'s, with or without .gz")
    size, expected = 4 + 4 * ndim, 0x0800 + ndim  # 08 is the type, unsigned bytes
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            header = stream.read(size)
            require(len(header) == size, f"ends after {len(header)} bytes, expected a header of {size}")
            magic, *shape = np.frombuffer(header, ">u4").tolist()
            require(magic == expected, f"magic number is {magic:08x}, expected {expected:08x}")
            _require_room([Header(tuple(shape), np.dtype(np.uint8))], path)
            return np.frombuffer(_read_promised(stream.read, math.prod(shape)), np.uint8).reshape(shape)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: cannot be read: {first_line(error)}") from error


def read_npz(path: Path, names: Sequence[str], check: Callable[[str, Mapping[str, Form]], None]) -> Arrays:
    """Read arrays of an .npz file, after a look at the headers of all of them.

    Args:
        path: The file.
        names: Those of the arrays.
        check: Called with the name of the file and what the headers say, before any data are read.

    Raises:
        ValueError: If the file is damaged, holds something else, or is out of proportion.
    """
    with ExitStack() as stack:
        with _naming(path, names[0]):
            archive = stack.enter_context(zipfile.ZipFile(path))
        streams, headers = {}, {}
        for name in names:
            with _naming(path, name):
                streams[name] = stack.enter_context(_member(archive, name, names))
                headers[name] = _read_header(streams[name])
        check(str(path), headers)
        with _naming(path, ", ".join(names)):
            _require_room(headers.values(), path)
        raw: Arrays = {}
        for name in names:
            with _naming(path, name):
                raw[name] = _read_data(streams[name], headers[name])
    return raw


def read_npy(path: Path, check: Callable[[Form], None]) -> NDArray[Any]:
    """Read an .npy file; as `read_npz`, of one array."""
    with _naming(path, "the array"), path.open("rb") as stream:
        header = _read_header(stream)
    check(header)
    with _naming(path, "the array"), path.open("rb") as stream:
        _require_room([header], path)
        return _read_data(stream, _read_header(stream))


@contextmanager
def _naming(path: Path, what: str) -> Iterator[None]:
    """Says of what goes wrong in reading which file and what of it cannot be read."""
    try:
        yield
    # A damaged file makes zipfile, and numpy's evaluation of the header, raise almost anything.
    except Exception as error:
        raise ValueError(f"{path}: cannot read {what}: {first_line(error)}") from error


def _member(archive: zipfile.ZipFile, name: str, expected: Sequence[str]) -> IO[bytes]:
    member = f"{name}.npy"
    require(member in archive.namelist(), f"no such array, expected {', '.join(expected)}")
    # numpy writes no other kinds, and zipfile does not bound the memory it decompresses them in.
    kind = archive.getinfo(member).compress_type
    require(kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED), f"zip compression {kind}, expected 0 or 8")
    return archive.open(member)


def _read_header(stream: IO[bytes]) -> Header:
    # numpy.load would allocate whatever the header promises. Version 1.0 bounds the header itself.
    version = npy_format.read_magic(stream)
    require(version == (1, 0), f"npy version {version}, expected (1, 0)")
    shape, fortran_order, dtype = npy_format.read_array_header_1_0(stream)
    return Header(shape, dtype, "F" if fortran_order else "C")


def _read_data(stream: IO[bytes], header: Header) -> NDArray[Any]:
    data = np.frombuffer(_read_promised(stream.read, header.num_bytes), header.dtype)
    if header.dtype.kind == "b":
        data = data.view(np.uint8) != 0  # whatever the bytes are
    return data.reshape(header.shape, order=header.order)


def _require_room(headers: Iterable[Header], path: Path) -> None:
    """Refuse arrays that are out of proportion to the file that they come from."""
    promised = sum(header.num_bytes for header in headers)
    require(0 <= promised <= _MAX_BYTES, f"header promises {promised} bytes, expected 0..{_MAX_BYTES}")
    needed = sum(header.num_bytes + 4 * math.prod(header.shape) for header in headers)
    most = max(_FREE_BYTES, _MOST_TIMES * path.stat().st_size)
    takes = f"header promises {promised} bytes, which take {needed} in memory"
    require(needed <= most, f"{takes}, expected at most {most} for its size; uncompressed it is read")


def _read_promised(read: Callable[[int], bytes], promised: int) -> bytearray:
    """Read the rest of the stream in chunks: memory follows the data, not what the header promises."""
    data = bytearray()
    # One byte more shows data that should not be there, and makes gzip check its checksum.
    while chunk := read(min(2**20, promised + 1 - len(data))):
        data += chunk
    found = "more" if len(data) > promised else len(data)
    require(len(data) == promised, f"header promises {promised} bytes, found {found}")
    return data


def require(condition: bool | np.bool, message: str) -> None:
    """Refuse what is not so."""
    if not condition:
        raise ValueError(message)


def first_line(error: Exception) -> str:
    """First line of an error's message, or else the name of its type."""
    return (str(error).splitlines() or [type(error).__name__])[0]
