"""Samples of candidates: reproducible, errors that count parton events, splits that share none."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.select.bs_dspi.sample import (
    CandidateConfig,
    CandidateSample,
    make_block,
    make_candidates,
    table,
)

pytest.importorskip("pythia8mc")


@pytest.fixture(scope="module")
def signal():
    return make_candidates("bs_dspi", seed=5, events=600)


def test_a_sample_does_not_depend_on_how_it_is_cut_into_processes(signal, monkeypatch):
    monkeypatch.setattr("hepsets.select.bs_dspi.sample.BLOCK_EVENTS", 400)
    again = make_candidates("bs_dspi", seed=5, events=400)
    n = int((signal.candidates.columns["event_number"] < 400).sum())
    assert n == len(again.candidates)
    assert np.array_equal(again.candidates.columns["bs_mass"], signal.candidates.columns["bs_mass"][:n])


def test_blocks_that_are_shared_out_are_the_sample(signal):
    block = make_block("bs_dspi", seed=5, block=0, events=600)
    assert np.array_equal(block.candidates.columns["bs_mass"], signal.candidates.columns["bs_mass"])
    twice = CandidateSample.joined([block, block])
    assert (twice.events, twice.beauty) == (1200, 2 * signal.beauty)
    assert twice.efficiency.value == pytest.approx(signal.efficiency.value)


def test_candidates_of_forced_decays_are_the_decay_and_some_tenth_is_found(signal):
    assert (signal.candidates.columns["category"] == 0).all()
    assert signal.events == 600
    found = signal.efficiency
    assert found.value == pytest.approx(len(signal.candidates) / 600)
    assert 0.05 < found.value < 0.25
    independent = np.sqrt(len(signal.candidates)) / 600
    assert found.se > 1.2 * independent  # several of one parton event are found together, or none


def test_two_halves_by_parton_event_share_no_collision(signal):
    c = signal.candidates.columns
    first = c["underlying_event"] % 2 == 0
    places = [
        {tuple(row) for row in np.column_stack([c["true_primary_x"], c["true_primary_z"]])[h]}
        for h in (first, ~first)
    ]
    assert all(places)
    assert not places[0] & places[1]


def test_a_table_is_a_file_of_one_row_per_candidate(signal, tmp_path):
    EventFrame(table(signal.candidates)).write_parquet(tmp_path / "candidates.parquet")
    assert len(EventFrame(table(signal.candidates))) == len(signal.candidates)


def test_as_many_candidates_as_asked_for_are_made():
    made = make_candidates("bs_dspi", seed=6, candidates=20)
    assert len(made.candidates) >= 20
    assert isinstance(made, CandidateSample)


def test_mixed_events_make_combinatorial_candidates():
    made = make_candidates("lhcb_bbbar", seed=2, events=1000)
    assert len(made.candidates) > 5
    c = made.candidates.columns
    assert (c["category"] == 1).all()
    assert made.efficiency.value == pytest.approx(c["weight"].sum() / made.beauty)
    unmixed = make_candidates("lhcb_bbbar", seed=2, events=100, config=CandidateConfig(mixed=False))
    assert (unmixed.candidates.columns["weight"] == 1).all()


@pytest.mark.parametrize("numbers", [{}, {"events": 5, "candidates": 5}, {"events": 0}])
def test_one_number_is_asked_for(numbers):
    with pytest.raises(InputError, match="one of the two"):
        make_candidates("bs_dspi", seed=1, **numbers)
    with pytest.raises(InputError, match="'zbb'"):
        make_candidates("zbb", seed=1, events=3)
