"""IDX, the files of MNIST: a magic number that tells type and dimensions, the sizes, the numbers."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.compression import decompressed
from hepsets.core.errors import InputError, reason

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""NumPy's name of each type of numbers, by the third byte of the file."""

_MOST = 1 << 33
"""Bytes that no file of images has; a header that promises more is damaged."""

_MOST_DIMENSIONS = 8
"""Nor so many sizes."""


def read_idx(path: str | Path) -> NDArray[Any]:
    """The numbers of an IDX file, plain or compressed.

    The format is the one of https://yann.lecun.com/exdb/mnist: two zero bytes, the type, the number of
    dimensions, their sizes as big-endian 32-bit integers, and the numbers, the last dimension fastest.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    ndarray
        Of the shape and the type that the file names, in the machine's own byte order.

    Raises
    ------
    InputError
        If there is no such file, it is no IDX file, or it is cut short or longer than it says.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw, decompressed(raw, str(path)) as file:
            dtype, shape = _header(file.read(4), file, path)
            wanted = math.prod(shape) * dtype.itemsize
            if len(shape) > _MOST_DIMENSIONS or math.prod(max(n, 1) for n in shape) * dtype.itemsize > _MOST:
                raise InputError(
                    f"{path}: {len(shape)} dimensions, the first of {shape[:4]}", "a file of images or labels"
                )
            content = file.read(wanted)
            rest = file.read(1)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({reason(error)})", "an IDX file") from error
    if len(content) != wanted or rest:
        came = "more" if rest else f"{len(content):,}"
        raise InputError(
            f"{path}: {came} bytes of numbers where the header says {wanted:,}",
            "a whole IDX file",
            "check that the copy was complete",
        )
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def _header(magic: bytes, file: Any, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or not magic[3]:
        raise InputError(
            f"{path} begins with {magic.hex(' ') or 'nothing'}",
            "the magic number of an IDX file, such as 00 00 08 03 for images of bytes",
        )
    sizes = file.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise InputError(f"{path} ends within its header", "a whole IDX file")
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)
