"""Checksums of a parquet file's bytes, block by block, verified as they are read.

Parquet's own page checksums say nothing about page headers and the footer, where a single bit moves a
column, changes its type or hides rows. So the writer puts a table between the last row group and the footer,
where readers of parquet look at nothing::

    row groups | CRC-32 of each block of 64 KiB, of the footer and of this table's sizes | magic | footer | …

It lies outside the file's metadata on purpose: whoever reads the file and writes it anew with another tool
copies metadata, but not this table, and what came of it is read without checks, as any foreign file.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 16
MAGIC = b"hepsetsC"

_SIZES = struct.Struct("<QIII8s")
"""Bytes before the table, block size, CRC-32 of the footer, CRC-32 of all before this field; magic."""
_FOOTER_END = struct.Struct("<I4s")


class DamageError(OSError):
    """Bytes are not those that were written."""


class ChecksumWriter(io.RawIOBase):
    """A binary sink that adds up checksums on the way, and puts them before the footer.

    Parameters
    ----------
    file
        Where everything goes, at its beginning.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._tail: bytearray | None = None
        self._covered = 0
        self._crcs: list[int] = []
        self._crc = 0

    def writable(self) -> bool:
        """As any sink."""
        return True

    def tell(self) -> int:
        """Bytes taken so far."""
        return self._covered + len(self._tail or b"")

    def write(self, data: Any) -> int:
        """Pass bytes on; those of the footer wait."""
        view = memoryview(data).cast("B")
        if self._tail is None:
            self._pass_on(view)
        else:
            self._tail += view
        return len(view)

    def begin_footer(self) -> None:
        """What is written from here on ends the file."""
        self._tail = bytearray()

    def end(self) -> None:
        """Write the table and the footer."""
        tail = bytes(self._tail or b"")
        length, _ = _FOOTER_END.unpack(tail[-_FOOTER_END.size :])
        begin = len(tail) - _FOOTER_END.size - length
        self._pass_on(memoryview(tail)[:begin])
        if self._covered % BLOCK_BYTES:
            self._crcs.append(self._crc)
        table = np.array(self._crcs, dtype="<u4").tobytes()
        footer = tail[begin:]
        sizes = self._covered, BLOCK_BYTES, zlib.crc32(footer)
        check = zlib.crc32(table + _SIZES.pack(*sizes, 0, MAGIC))
        self._file.write(table + _SIZES.pack(*sizes, check, MAGIC) + footer)

    def _pass_on(self, view: memoryview) -> None:
        self._file.write(view)
        while len(view):
            part = view[: BLOCK_BYTES - self._covered % BLOCK_BYTES]
            self._crc = zlib.crc32(part, self._crc)
            self._covered += len(part)
            view = view[len(part) :]
            if self._covered % BLOCK_BYTES == 0:
                self._crcs.append(self._crc)
                self._crc = 0


class ChecksumReader(io.RawIOBase):
    """A file whose blocks are verified when they are first read.

    Parameters
    ----------
    path
        The file.
    crcs
        Of its blocks; see :func:`checksums`.
    covered
        Bytes that they cover; what follows was verified already.
    """

    def __init__(self, path: Path, crcs: NDArray[np.uint32], covered: int) -> None:
        self._file = path.open("rb")
        self._size = self._file.seek(0, io.SEEK_END)
        self._crcs, self._covered = crcs, covered
        self._good = np.zeros(len(crcs), dtype=bool)
        self._position = 0

    def readable(self) -> bool:
        """As any source."""
        return True

    def seekable(self) -> bool:
        """As any file."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set where the next read begins."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Bytes from the current position.

        Raises
        ------
        DamageError
            If a block among them is not what was written.
        """
        begin = self._position
        end = self._size if size is None or size < 0 else min(begin + size, self._size)
        self._position = max(end, begin)
        if end <= begin:
            return b""
        first, last = begin // BLOCK_BYTES, -(-min(end, self._covered) // BLOCK_BYTES)
        if begin >= self._covered or self._good[first:last].all():
            return self._bytes(begin, end)
        low, high = first * BLOCK_BYTES, max(end, min(last * BLOCK_BYTES, self._covered))
        content = self._bytes(low, high)
        view = memoryview(content)
        for block in range(first, last):
            at = block * BLOCK_BYTES
            part = view[at - low : min(at + BLOCK_BYTES, self._covered) - low]
            if zlib.crc32(part) != self._crcs[block]:
                raise DamageError(f"bytes {at} to {at + len(part)} are not those that were written")
            self._good[block] = True
        return content[begin - low : end - low]

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _bytes(self, begin: int, end: int) -> bytes:
        self._file.seek(begin)
        content = self._file.read(end - begin)
        if len(content) != end - begin:
            raise DamageError(f"the file ends at byte {begin + len(content)}")
        return content


def checksums(path: Path) -> tuple[NDArray[np.uint32], int] | None:
    """The checksums of a file's blocks, shape ``(n_blocks,)``, and how many bytes they cover.

    None for a file without a table of them.

    Raises
    ------
    DamageError
        If the footer or the table is not what was written.
    """
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        if size < _FOOTER_END.size + _SIZES.size:
            return None
        file.seek(size - _FOOTER_END.size)
        length, _ = _FOOTER_END.unpack(file.read(_FOOTER_END.size))
        at = size - _FOOTER_END.size - length - _SIZES.size
        if at < 0:
            return None
        file.seek(at)
        covered, block, footer_crc, check, magic = _SIZES.unpack(file.read(_SIZES.size))
        if magic != MAGIC:
            return None
        footer = file.read()
        count = -(-covered // BLOCK_BYTES)
        if block != BLOCK_BYTES or covered + 4 * count != at:
            raise DamageError("the table of checksums is not what was written")
        file.seek(covered)
        crcs = file.read(4 * count)
    if zlib.crc32(crcs + _SIZES.pack(covered, block, footer_crc, 0, magic)) != check:
        raise DamageError("the table of checksums is not what was written")
    if zlib.crc32(footer) != footer_crc:
        raise DamageError("its footer is not what was written")
    return np.frombuffer(crcs, dtype="<u4"), covered
