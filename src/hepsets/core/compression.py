"""Compressed streams of bytes: known by their first bytes when read, by the file's suffix when written."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import IO, Any, NamedTuple

from hepsets.core.errors import InputError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


class _Streams(io.RawIOBase):
    """The plain bytes of one compressed stream after another.

    Python's own files of bzip2 and xz take whatever follows the first stream and is none for padding, so
    what stands behind a damaged header would be lost in silence. Here only zeros are padding.

    Parameters
    ----------
    file
        Compressed bytes.
    new
        A decompressor of one stream.
    """

    def __init__(self, file: Any, new: Callable[[], Any]) -> None:
        self._file, self._new, self._one = file, new, new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            data = b""
            if self._one.eof:
                data = self._one.unused_data.lstrip(b"\0")
                while not data:
                    block = self._file.read(_BLOCK)
                    if not block:
                        return 0
                    data = block.lstrip(b"\0")
                self._one = self._new()
            elif self._one.needs_input:
                data = self._file.read(_BLOCK)
                if not data:
                    raise EOFError("it ends before its end-of-stream marker")
            plain = self._one.decompress(data, len(buffer))
            if plain:
                buffer[: len(plain)] = plain
                return len(plain)


class Compression(NamedTuple):
    """One way to compress.

    Parameters
    ----------
    name
        Of the format.
    magic
        How such files begin.
    reader, writer
        A file of plain bytes around one of compressed bytes.
    """

    name: str
    magic: bytes
    reader: Callable[[Any], Any]
    writer: Callable[[Any], Any]


# fast levels: text of numbers hardly shrinks further; no time stamp, so that the same events give the same
# file; checksums of the content, so that damage is seen
COMPRESSIONS: Mapping[str, Compression] = {
    ".gz": Compression(
        "gzip",
        b"\x1f\x8b",
        lambda file: gzip.GzipFile(fileobj=file),
        lambda file: gzip.GzipFile("", "wb", 1, file, mtime=0),
    ),
    ".xz": Compression(
        "xz",
        b"\xfd7zXZ\x00",
        lambda file: io.BufferedReader(_Streams(file, lzma.LZMADecompressor), _BUFFER),
        lambda file: lzma.LZMAFile(file, "wb", preset=1),  # noqa: SIM115 (who asks for it closes it)
    ),
    ".bz2": Compression(
        "bzip2",
        b"BZh",
        lambda file: io.BufferedReader(_Streams(file, bz2.BZ2Decompressor), _BUFFER),
        lambda file: bz2.BZ2File(file, "wb"),
    ),
    ".zst": Compression(
        "zstd",
        b"\x28\xb5\x2f\xfd",
        zstd.ZstdFile,
        lambda file: zstd.ZstdFile(file, "wb", options={zstd.CompressionParameter.checksum_flag: 1}),
    ),
}
"""What can be read and written, by the suffix of a file."""

_BUFFER = 1 << 20
_BLOCK = 1 << 16


@contextmanager
def decompressed(raw: IO[bytes], source: str) -> Iterator[IO[bytes]]:
    """The plain bytes of a stream that may be compressed.

    Parameters
    ----------
    raw
        A buffered stream, at its beginning.
    source
        Its name, for errors.

    Raises
    ------
    InputError
        From the body, if what is read there cannot be decompressed.
    """
    peek = getattr(raw, "peek", None)
    head: bytes = peek(8) if peek else b""
    known = next((entry for entry in COMPRESSIONS.values() if head.startswith(entry.magic)), None)
    if known is None:
        yield raw
        return
    try:
        with known.reader(raw) as file:
            yield file
    except InputError:
        raise
    except (EOFError, zlib.error, lzma.LZMAError, zstd.ZstdError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # of the disk or the pipe
            raise
        raise InputError(
            f"{source} cannot be decompressed ({error})",
            f"a whole {known.name} file",
            "check that the copy was complete",
        ) from error


@contextmanager
def compressed(raw: IO[bytes], suffix: str) -> Iterator[IO[bytes]]:
    """A stream whose bytes are compressed into ``raw``, as the suffix of its file says; or ``raw`` itself."""
    if suffix not in COMPRESSIONS:
        yield raw
        return
    with ExitStack() as stack:
        file = stack.enter_context(COMPRESSIONS[suffix].writer(raw))
        yield stack.enter_context(io.BufferedWriter(file, _BUFFER))
