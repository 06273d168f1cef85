"""IDX files: every type of numbers comes back, and what is broken is told in one line."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.formats.idx_images import TYPES, read_idx


def idx(array, code):
    """The bytes of an IDX file."""
    head = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    return head + array.astype(TYPES[code]).tobytes()


@pytest.mark.parametrize("code", TYPES)
def test_every_type_of_numbers_comes_back(code, tmp_path):
    array = np.arange(24).reshape(2, 3, 4)
    path = tmp_path / "numbers"
    path.write_bytes(idx(array, code))
    found = read_idx(path)
    assert found.dtype == np.dtype(TYPES[code]).newbyteorder("=")
    np.testing.assert_array_equal(found, array)


def test_a_compressed_file_is_read_as_it_is(tmp_path):
    path = tmp_path / "numbers.gz"
    path.write_bytes(gzip.compress(idx(np.arange(6).reshape(2, 3), 0x08)))
    assert read_idx(path).tolist() == [[0, 1, 2], [3, 4, 5]]


WHOLE = idx(np.arange(6).reshape(2, 3), 0x08)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "begins with nothing"),
        (b"PK\x03\x04 and more", "the magic number of an IDX file"),
        (WHOLE[:9], "ends within its header"),
        (WHOLE[:-1], "5 bytes of numbers where the header says 6"),
        (WHOLE + b"x", "more bytes of numbers"),
        (struct.pack(">HBB3I", 0, 8, 3, *[2**31] * 3), "3 dimensions, the first of"),
        (struct.pack(">HBB4I", 0, 8, 4, 0, *[2**32 - 1] * 3), "4 dimensions, the first of"),
        (struct.pack(">HBB255I", 0, 8, 255, *[0] * 255), "255 dimensions, the first of"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "cannot be decompressed"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(content, said, tmp_path):
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as refused:
        read_idx(path)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="nothing_here cannot be read"):
        read_idx(tmp_path / "nothing_here")
