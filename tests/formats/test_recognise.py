"""Files are known by what they hold, whatever they are called."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import uproot
from helpers.edm4hep_files import branches, write_flat
from helpers.fcc_files import plain_columns, write_columns
from helpers.hepmc_text import hepmc_text
from helpers.jet_events import jet_events
from helpers.random_events import random_events

from hepsets.core.compression import COMPRESSIONS, compressed
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.events import write_parquet
from hepsets.core.vertexed_events import write_vertexed_events
from hepsets.formats.jets import write_jets
from hepsets.formats.recognise import Format, recognise
from tests.core.test_vertexed_events import make_events

CASES = Path(__file__).parents[1] / "cases"
GOLDEN = {
    "13-csv-doubled-column/e.csv": Format.CSV_FRAME,
    "17-tntuple/tntuple.root": Format.ROOT_NTUPLE,
    "19-xz-bz2-zst/in.hepmc.xz": Format.HEPMC3,
    "25-flat-columns-message/in.parquet": Format.PARQUET_FRAME,
}


@pytest.mark.parametrize(("name", "expected"), GOLDEN.items())
def test_golden_files_are_recognised_under_a_name_that_tells_nothing(tmp_path, name, expected):
    unnamed = tmp_path / "file"
    unnamed.write_bytes((CASES / name).read_bytes())
    assert recognise(unnamed) is expected


def test_what_we_write_is_recognised(tmp_path):
    path = tmp_path / "file"
    write_parquet(random_events(3), path)
    assert recognise(path) is Format.EVENT_TABLE
    EventFrame({"q_squared": np.ones(3)}).write_parquet(path)
    assert recognise(path) is Format.PARQUET_FRAME
    with uproot.recreate(path) as file:
        file["variables"] = {"R2": np.ones(3)}
    assert recognise(path) is Format.ROOT_NTUPLE
    write_vertexed_events(make_events([(2, 1)]), path)
    assert recognise(path) is Format.VERTEXED_EVENTS


@pytest.mark.parametrize("suffix", [".root", ".parquet"])
def test_trees_of_courses_are_recognised(tmp_path, suffix):
    path = write_columns(tmp_path / f"a{suffix}", plain_columns()).rename(tmp_path / "file")
    assert recognise(path) is Format.FCC_TREE


def test_trees_of_jets_and_of_edm4hep_are_recognised(tmp_path):
    write_jets(jet_events(2), tmp_path / "file")
    assert recognise(tmp_path / "file") is Format.JETS
    write_flat(tmp_path / "file", branches(jet_events(2), "named"))
    assert recognise(tmp_path / "file") is Format.EDM4HEP


@pytest.mark.parametrize("suffix", ["", *COMPRESSIONS])
def test_hepmc_is_recognised_however_it_is_compressed(tmp_path, suffix):
    path = tmp_path / "file"
    with path.open("wb") as raw, compressed(raw, suffix) as file:
        file.write(hepmc_text(random_events(2)))
    assert recognise(path) is Format.HEPMC3


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"1,2\n3,4\n", "begins with"),
        (b"a,b\n", "begins with"),
        (b"a,b\n1\n", "begins with"),
        (b"\x00\xff\xfe", "begins with"),
        (b"HepMC::Version"[:7] + b"IO_GenEvent-START\n", "HepMC2"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "begins with"),
        (b"PAR1 and no more", "PAR1|parquet|read"),
        (gzip.compress(b"HepMC::Version 3.02", mtime=0)[:-4], "cannot be decompressed"),
    ],
)
def test_anything_else_is_refused_with_a_reason(tmp_path, content, reason):
    path = tmp_path / "file.parquet"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        recognise(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(InputError, match="no file"):
            recognise(path)
