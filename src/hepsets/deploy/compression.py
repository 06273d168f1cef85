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
        lzma.LZMAFile,
        lambda file: lzma.LZMAFile(file, "wb", preset=1),  # noqa: SIM115 (who asks for it closes it)
    ),
    ".bz2": Compression("bzip2", b"BZh", bz2.BZ2File, lambda file: bz2.BZ2File(file, "wb")),
    ".zst": Compression(
        "zstd",
        b"\x28\xb5\x2f\xfd",
        zstd.ZstdFile,
        lambda file: zstd.ZstdFile(file, "wb", options={zstd.CompressionParameter.checksum_flag: 1}),
    ),
}
"""What can be read and written, by the suffix of a file."""

_BUFFER = 1 << 20


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
