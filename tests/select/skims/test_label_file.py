"""Labels and candidates of several skims in one file."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from helpers.decay_chains import upsilon_events

from hepsets.core.events import read_parquet, write_parquet
from hepsets.select.skims.label_file import label_file
from hepsets.select.skims.registry import run_skims

HADRONIC = (511, [(-411, [321, -211, -211]), 211])
JPSI = (511, [(443, [-13, 13]), (310, [211, -211])])
SKIMS = ["jpsi", "hadronic_b0"]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labels")
    write_parquet(upsilon_events([HADRONIC, (-511, JPSI[1])], 150, seed=1), folder / "in.parquet")
    retention = label_file(
        folder / "in.parquet",
        folder / "out.parquet",
        skims=SKIMS,
        candidates=folder / "candidates.parquet",
        seed=4,
    )
    return retention, read_parquet(folder / "out.parquet"), pq.read_table(folder / "candidates.parquet")


def test_every_skim_has_its_label_and_the_first_is_the_label(labelled):
    retention, events, _ = labelled
    passes = run_skims(events, SKIMS, seed=4, event_numbers=np.arange(150))
    for skim in SKIMS:
        assert np.array_equal(events.columns[f"label_{skim}"], passes[skim])
        assert retention[skim].value == pytest.approx(passes[skim].mean())
    assert np.array_equal(events.columns["label"], passes["jpsi"])


def test_candidates_of_all_skims_stand_in_one_table_with_nulls_for_what_a_skim_does_not_measure(labelled):
    _, events, table = labelled
    skim = np.array(table["skim"].to_pylist())
    for name in SKIMS:
        numbers = table["event_number"].to_numpy()[skim == name]
        assert set(numbers) == set(np.flatnonzero(events.columns[f"label_{name}"]))
    for column, owner in (("mbc", "hadronic_b0"), ("delta_e", "hadronic_b0"), ("mass", "jpsi")):
        assert np.array_equal(table[column].is_valid().to_numpy(), skim == owner)
    assert table["signal_probability"].null_count == 0
