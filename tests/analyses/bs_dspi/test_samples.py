"""Candidates of a run: in the numbers that were asked for, data unrelated to simulation, kept between
tries."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import candidates

from hepsets.analyses.bs_dspi import Config
from hepsets.analyses.bs_dspi import samples as module
from hepsets.analyses.bs_dspi.config import DataConfig
from hepsets.analyses.bs_dspi.samples import SAMPLES, SIGNAL, get_samples
from hepsets.select.bs_dspi.sample import CandidateSample

CONFIG = Config(
    data=DataConfig(candidates=600, signal_events=2500, background_events=1000, generic_events=1000)
)


@pytest.fixture
def asked(monkeypatch):
    """Blocks out of a hat, a tenth of whose events are candidates; and what was asked for."""
    calls = []

    def block(name, *, seed, block, events, config):
        calls.append((name, seed, block, events, config))
        return CandidateSample(
            name, candidates(name, events // 10, 1000 * block + seed % 1000), events, 100 * events
        )

    monkeypatch.setattr(module, "make_block", block)
    monkeypatch.setattr(module, "import_pythia", lambda: None)
    return calls


def test_simulation_has_the_events_that_were_asked_for(asked, tmp_path):
    samples = get_samples(CONFIG, tmp_path / "c")
    assert {name: one.events for name, one in samples.simulated.items()} == {
        name: 2500 if name == SIGNAL else 1000 for name in SAMPLES
    }
    assert len(samples.signal) == 250


def test_data_hold_what_is_expected_and_nothing_that_is_related_to_simulation(asked, tmp_path):
    samples = get_samples(CONFIG, tmp_path / "c")
    expected = sum(one.value for one in samples.yields.values())
    assert expected == pytest.approx(600)
    assert len(samples.data) == pytest.approx(600, abs=120)
    families = [one.candidates.columns["underlying_event"] for one in samples.simulated.values()]
    assert not np.isin(samples.data.columns["underlying_event"], np.concatenate(families)).any()
    seeds = {seed for _, seed, *_ in asked}
    assert len(seeds) == 2
    assert {config.lhc.redecays for name, seed, _, _, config in asked if name == SIGNAL and seed > 1} == {1}
    assert {config.lhc.redecays for _, seed, _, _, config in asked if seed == 1} == {10}


def test_what_was_made_is_read_by_a_run_that_goes_on(asked, tmp_path):
    first = get_samples(CONFIG, tmp_path / "c")
    made = len(asked)
    again = get_samples(CONFIG, tmp_path / "c")
    assert len(asked) == made
    assert np.array_equal(first.data.columns["bs_mass"], again.data.columns["bs_mass"])
    assert {name: one.efficiency for name, one in first.simulated.items()} == {
        name: one.efficiency for name, one in again.simulated.items()
    }
    assert first.truth_known


def test_another_seed_makes_other_candidates(asked, tmp_path):
    first = get_samples(CONFIG, tmp_path / "a")
    other = get_samples(dataclasses.replace(CONFIG, seed=2), tmp_path / "b")
    assert not np.isin(other.data.columns["bs_mass"], first.data.columns["bs_mass"]).any()
