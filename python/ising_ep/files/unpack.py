"""Bytes as they were before they were compressed, marked or encoded: gzip, bzip2, xz, UTF-8 and UTF-16."""

import bz2
import codecs
import lzma
import re
import zlib
from collections.abc import Callable
from typing import Protocol

# xz files say how much memory they need; those made by `xz -9` need 65 MiB.
_XZ_MEMORY = 2**27
_GZIP, _BZIP2, _XZ = b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00"
ENDINGS = (".gz", ".bz2", ".xz")
# Streams in a file: of pbzip2 and bgzip each has 64 kB of text or more.
_MOST_STREAMS = 10_000
# Bytes that a stream gets first, then twice as many: what lies behind its end is copied.
_PIECE = 2**12
_ZEROS = re.compile(rb"\0*+")


class _Stream(Protocol):
    """What unpacks one stream."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def unpack(content: bytes, most: int) -> bytes:
    r"""Unpack what is compressed, once, and make UTF-16 and marked UTF-8 plain.

    Args:
        content: Of a file.
        most: Bytes that it may unpack to.

    Raises:
        ValueError: Damaged or cut data, or more than `most` of it.

    Example:
        >>> import gzip
        >>> unpack(gzip.compress("\ufeff2 1\n".encode()), most=1000)
        b'2 1\n'
    """
    for magic, name, start in _KINDS:
        if content.startswith(magic):
            try:
                content = _read_streams(magic, start, content, most)
            except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
                raise ValueError(f"not a whole {name} file: {error}") from None
            if len(content) > most:
                raise ValueError(f"the {name} file unpacks to more than {most >> 20} MiB")
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


def _read_streams(magic: bytes, start: Callable[[], _Stream], content: bytes, most: int) -> bytes:
    """Unpacks streams one after the other, as `cat a.xz b.xz` makes them; zeros may follow each.

    The standard library's files pass over what follows the last stream, and have no limits.
    """
    text, at, number = bytearray(), 0, 0
    while at < len(content):
        number += 1
        if number > _MOST_STREAMS:
            raise EOFError(f"more than {_MOST_STREAMS} streams follow each other")
        if not content.startswith(magic, at):
            raise EOFError("something follows its end")
        stream, size = start(), _PIECE
        while not stream.eof:
            piece = content[at : at + size]
            if not piece:
                raise EOFError("it ends too early")
            text += stream.decompress(piece, most + 1 - len(text))
            if len(text) > most:
                return bytes(text)
            at, size = at + len(piece), 2 * size
        zeros = _ZEROS.match(content, at - len(stream.unused_data))
        at = zeros.end() if zeros else at
    return bytes(text)


_KINDS: tuple[tuple[bytes, str, Callable[[], _Stream]], ...] = (
    (_GZIP, "gzip", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS)),
    (_BZIP2, "bzip2", bz2.BZ2Decompressor),
    (_XZ, "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
)
