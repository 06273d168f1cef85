"""Compressed streams: several in one file, padding, and what is none."""

import io

import pytest

from hepsets.core.compression import COMPRESSIONS, compressed, decompressed
from hepsets.core.errors import InputError

PARTS = [bytes(range(256)) * 2000, b"second"]


def packed(suffix, content):
    raw = io.BytesIO()
    with compressed(raw, suffix) as file:
        file.write(content)
    return raw.getvalue()


def plain(content):
    with decompressed(io.BufferedReader(io.BytesIO(content)), "here") as file:
        return b"".join(iter(lambda: file.read(1000), b""))


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_streams_in_one_file_follow_one_another(suffix):
    assert plain(b"".join(packed(suffix, part) for part in PARTS)) == b"".join(PARTS)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".bz2"])
@pytest.mark.parametrize("zeros", [4, 200_000])
def test_zeros_between_and_behind_streams_are_padding(suffix, zeros):
    padding = bytes(zeros)
    assert plain(packed(suffix, PARTS[0]) + padding + packed(suffix, PARTS[1]) + padding) == b"".join(PARTS)


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("at", [0, 1])
def test_a_stream_behind_a_damaged_header_is_not_lost_in_silence(suffix, at):
    second = bytearray(packed(suffix, PARTS[1]))
    second[at] ^= 4
    with pytest.raises(InputError, match="here cannot be decompressed"):
        plain(packed(suffix, PARTS[0]) + second)


@pytest.mark.parametrize("suffix", COMPRESSIONS)
def test_junk_and_an_early_end_are_refused(suffix):
    whole = packed(suffix, PARTS[0])
    for content in (whole + b"junk", whole[:-5], whole + whole[:12]):
        with pytest.raises(InputError, match="here cannot be decompressed"):
            plain(content)
