import contextlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from helpers.random_events import random_events

from hepsets.core import parquet
from hepsets.core.block_checksums import BLOCK_BYTES, MAGIC, DamageError, checksums
from hepsets.core.errors import InputError
from hepsets.core.events import Events, read_parquet, write_parquet
from hepsets.core.parquet import open_parquet

EVENTS = random_events(600, 4).with_columns(label=np.arange(600) % 3 == 0, weight=np.linspace(1, 2, 600))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file of three row groups and about ten blocks."""
    path = tmp_path_factory.mktemp("checksums") / "events.parquet"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parquet, "ROW_GROUP_EVENTS", 250)
        write_parquet(EVENTS, path)
    return path


def same(events: Events) -> bool:
    tables = ((events.particles, EVENTS.particles), (events.columns, EVENTS.columns))
    return np.array_equal(events.offsets, EVENTS.offsets) and all(
        here.keys() == there.keys() and all(np.array_equal(here[name], there[name]) for name in there)
        for here, there in tables
    )


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def read_or_refused(path, content: bytes) -> bool:
    """Whether damaged content is refused; if it is not, all events must be as they were written."""
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert same(read_parquet(path))
        return False
    return True


def test_what_was_written_comes_back_and_every_block_has_its_checksum(written):
    assert same(read_parquet(written))
    crcs, covered = checksums(written)
    assert len(crcs) == -(-covered // BLOCK_BYTES) > 5
    assert open_parquet(written).num_row_groups == 3


def test_any_flipped_bit_is_refused_or_harmless(written, tmp_path):
    content = written.read_bytes()
    bits = np.random.default_rng(20).integers(0, 8 * len(content), 100)
    refused = [read_or_refused(tmp_path / "flip.parquet", flipped(content, int(bit))) for bit in bits]
    assert np.mean(refused) > 0.99  # at the first magic bytes nobody looks


def test_a_flipped_bit_between_the_data_and_the_end_is_refused_or_harmless(written, tmp_path):
    content = written.read_bytes()
    begin = content.index(MAGIC) - 40
    bits = np.random.default_rng(21).integers(8 * begin, 8 * len(content), 80)
    bits = [*range(8 * (content.index(MAGIC) - 20), 8 * (content.index(MAGIC) + 8), 3), *bits]
    bits += range(8 * (len(content) - 8), 8 * len(content), 2)
    for bit in bits:
        read_or_refused(tmp_path / "flip.parquet", flipped(content, int(bit)))


@pytest.mark.parametrize("change", ["cut", "zeroed", "swapped", "appended"])
def test_larger_damage_is_refused_too(written, tmp_path, change):
    content = written.read_bytes()
    block = slice(BLOCK_BYTES, 2 * BLOCK_BYTES)
    changed = {
        "cut": content[:BLOCK_BYTES] + content[BLOCK_BYTES + 512 :],
        "zeroed": content[:BLOCK_BYTES] + bytes(512) + content[BLOCK_BYTES + 512 :],
        "swapped": content[block] + content[:BLOCK_BYTES] + content[2 * BLOCK_BYTES :],
        "appended": content + b"\0" * 512,
    }[change]
    assert read_or_refused(tmp_path / "damaged.parquet", changed)


def test_only_what_is_read_is_verified(written, tmp_path):
    path = tmp_path / "half.parquet"
    path.write_bytes(flipped(written.read_bytes(), 8 * 1000))
    whole = read_parquet(path, row_groups=[2])
    assert np.array_equal(whole.particles["px"], EVENTS[500:].particles["px"])
    with pytest.raises(InputError, match=r"bytes 0 to 65536 are not those that were written"):
        read_parquet(path, row_groups=[0])


def test_other_tools_read_our_files_and_what_they_write_of_them_is_read_without_checks(written, tmp_path):
    table = pq.read_table(written)
    assert table.equals(pq.ParquetFile(written, page_checksum_verification=True).read())
    path = tmp_path / "theirs.parquet"
    pq.write_table(table.slice(0, 300), path)
    assert checksums(path) is None
    assert len(read_parquet(path)) == 300


def test_page_checksums_of_foreign_files_are_verified(tmp_path):
    path = tmp_path / "theirs.parquet"
    table = pa.table({"chi": np.random.default_rng(0).random(5000)})
    pq.write_table(table, path, write_page_checksum=True, use_dictionary=False, compression="none")
    content = path.read_bytes()
    path.write_bytes(flipped(content, 8 * 20_000))
    with open_parquet(path) as file, pytest.raises(OSError, match="CRC"):
        file.read()


def test_a_damaged_table_of_checksums_says_so(written, tmp_path):
    content = written.read_bytes()
    path = tmp_path / "table.parquet"
    path.write_bytes(flipped(content, 8 * (content.index(MAGIC) - 16)))
    with pytest.raises(DamageError, match="table of checksums"):
        checksums(path)
