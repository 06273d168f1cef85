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
from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.core.particle_sets import ParticleSets
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


def test_combinations_of_a_block_fluctuate_together_and_decays_that_were_drawn_do_not(asked, tmp_path):
    """Two decays of one parton event are two draws; in a user's files what is of one event is one family."""
    samples = get_samples(CONFIG, tmp_path / "c")
    event = np.arange(len(samples.data)) // 7
    samples = dataclasses.replace(samples, data=samples.data.with_columns(underlying_event=event))
    mixed = samples.data.columns["category"] == 1
    family = samples.families
    assert np.array_equal(family[mixed], event[mixed])
    assert len(np.unique(family[~mixed])) == (~mixed).sum()
    assert not np.isin(family[~mixed], family[mixed]).any()
    columns = {name: column for name, column in samples.data.columns.items() if name != "category"}
    users = ParticleSets(samples.data.particles, samples.data.offsets, columns)
    assert np.array_equal(dataclasses.replace(samples, data=users).families, event)


def users_files(folder, *, shift=0.0, **more):
    """Ntuples in DaVinci's names; masses of the signal moved by ``shift`` [GeV]."""
    for role, name, moved in (("signal", SIGNAL, shift), ("data", "lhcb_bbbar", 0.0)):
        columns = candidates(name, 400, 3).columns
        table = {"Bs_M": columns["bs_mass"] + moved, "Bs_PT": columns["bs_pt"], **more.get(role, {})}
        EventFrame(table).write_parquet(folder / f"{role}.parquet")
    return dataclasses.replace(
        CONFIG, data=DataConfig(train=tuple(f"{one}={folder / one}.parquet" for one in ("signal", "data")))
    )


def test_simulated_signal_that_is_not_at_the_b_s_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"\d+ of 400 candidates of signal from 5\.3 to 5\.43.*right way round"
    ):
        get_samples(users_files(tmp_path, shift=0.3), tmp_path / "c")


def test_columns_that_one_of_the_files_lacks_are_told(tmp_path):
    config = users_files(tmp_path, signal={"Bs_IPCHI2_OWNPV": np.ones(400)})
    assert "not in both of signal and data, and not used: bs_ip_chi2" in get_samples(config, tmp_path).notes
