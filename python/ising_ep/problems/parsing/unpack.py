"""Bytes as they were before they were compressed, marked or encoded: gzip, bzip2, xz, UTF-8 and UTF-16."""

import bz2
import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable

from .parts import MOST_BYTES

# xz files say how much memory they need; those made by `xz -9` need 65 MiB.
_XZ_MEMORY = 2**27
_GZIP, _BZIP2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
ENDINGS = (".gz", ".bz2", ".xz")


def unpack(content: bytes) -> bytes:
    """Unpack what is compressed, once, and make UTF-16 and marked UTF-8 plain.

    Raises:
        ValueError: Damaged or cut data, or more than `MOST_BYTES` of it.

    Example:
        >>> unpack(gzip.compress("\\ufeff2 1\\n".encode()))
        b'2 1\\n'
    """
    for magic, name, read in _KINDS:
        if content.startswith(magic):
            try:
                content = read(content)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise ValueError(f"not a whole {name} file: {error}") from None
            if len(content) > MOST_BYTES:
                raise ValueError(f"the {name} file unpacks to more than {MOST_BYTES >> 20} MiB")
            break
    return _plain_text(content)


def _plain_text(content: bytes) -> bytes:
    if content.startswith(codecs.BOM_UTF8):
        return content[len(codecs.BOM_UTF8) :]
    if content.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise ValueError("looks like text in UTF-32, which is not read; expected UTF-8 or UTF-16")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            return content.decode("utf-16").encode()
        except UnicodeError:
            raise ValueError("begins as text in UTF-16 and does not go on so") from None
    return content


def _read_gzip(content: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        return file.read(MOST_BYTES + 1)


def _read_bzip2(content: bytes) -> bytes:
    with bz2.BZ2File(io.BytesIO(content)) as file:
        return file.read(MOST_BYTES + 1)


def _read_xz(content: bytes) -> bytes:
    # lzma.LZMAFile has no limit on memory.
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    text = unpacker.decompress(content, MOST_BYTES + 1)
    if len(text) <= MOST_BYTES and not unpacker.eof:
        raise EOFError("it ends too early")
    if unpacker.unused_data.strip(b"\0"):
        raise EOFError("something follows its end")
    return text


_KINDS: tuple[tuple[bytes, str, Callable[[bytes], bytes]], ...] = (
    (_GZIP, "gzip", _read_gzip),
    (_BZIP2, "bzip2", _read_bzip2),
    (_XZ, "xz", _read_xz),
)
