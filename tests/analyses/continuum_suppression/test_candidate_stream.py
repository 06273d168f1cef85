"""Streams of candidates: what samples of several kinds share, and what each kind makes of it."""

import dataclasses

import numpy as np
import pytest

from hepsets.analyses.continuum_suppression.candidate_stream import (
    BACKGROUND,
    StreamConfig,
    make_stream,
    make_streams,
)
from hepsets.analyses.continuum_suppression.sample import (
    ContinuumSampleConfig,
    make_continuum_sample,
    put_together,
)
from hepsets.core.config import from_mapping
from hepsets.core.errors import InputError
from hepsets.generate.cross_sections import CROSS_SECTION
from hepsets.generate.pythia import event_type

pytest.importorskip("pythia8mc")

pytestmark = pytest.mark.validate  # slow: thousands of generated candidates

BOTH = ("tag", "rho_rho")
CONFIGS = {
    "tag": StreamConfig("tag", 60, keep="correct", round_events=1000),
    "rho_rho": StreamConfig("rho_rho", 150, modes=("rho_rho",), keep="correct", round_events=800),
    "generic": StreamConfig("generic", 100, modes=BOTH, round_events=1500),
    "continuum": StreamConfig("continuum", 150, modes=BOTH, round_events=3000),
}


@pytest.fixture(scope="module")
def streams():
    return make_streams(CONFIGS)


def identical(one, other):
    return np.array_equal(one.offsets, other.offsets) and all(
        np.array_equal(one.columns[name], other.columns[name]) for name in one.columns
    )


def test_wrong_candidates_are_wrong_in_signal_and_background(streams):
    columns = put_together("wrong", streams).columns
    assert not columns["is_correct"].any()
    signal = columns["label"]
    assert set(columns["sample"][signal]) == {event_type("mixed"), event_type("charged")}
    assert set(columns["sample"][~signal]) == {event_type(name) for name in BACKGROUND}
    generic = streams["generic"].events["tag"].columns["is_correct"]
    assert signal.sum() == (~generic).sum()
    assert 0 < generic.sum() < 0.2 * len(generic)


def test_kinds_share_their_continuum(streams):
    shape, tagged = (put_together(kind, streams) for kind in ("wrong", "correct"))
    assert identical(shape[~shape.columns["label"]], tagged[~tagged.columns["label"]])
    assert tagged.columns["is_correct"][tagged.columns["label"]].all()


def test_a_kind_on_its_own_is_what_streams_make_of_it(streams):
    config = ContinuumSampleConfig(
        signal_events=100, background_events=0, candidates="wrong", round_events=1500
    )
    alone = make_continuum_sample(config).events
    shared = put_together("wrong", streams)
    shared = shared[shared.columns["label"]]
    assert identical(alone[: len(shared)], shared)


def test_background_of_a_mode_is_continuum_and_b_pairs_by_cross_section(streams):
    columns = put_together("rho_rho", streams).columns
    signal = columns["label"]
    assert columns["is_correct"][signal].all()
    assert not columns["is_correct"][~signal].any()
    for source in ("generic", "continuum"):
        for name, counts in streams[source].counts.items():
            own = ~signal & (columns["sample"] == event_type(name))
            np.testing.assert_allclose(columns["weight"][own], CROSS_SECTION[name] * 1e6 / counts.generated)
    # forced B+ that are both a background sample and the signal keep weights of their own
    forced = streams["rho_rho"].counts["charged"]
    both = 2 * 2.403e-5 * CROSS_SECTION["charged"] * 1e6 / forced.generated
    np.testing.assert_allclose(columns["weight"][signal], both, rtol=0.01)


def test_rightly_reconstructed_rho_pairs_peak_at_the_b(streams):
    columns = put_together("rho_rho", streams).columns
    signal = columns["label"]
    assert signal.sum() >= 150
    assert np.median(columns["mbc"][signal]) == pytest.approx(5.279, abs=0.002)
    assert np.median(columns["delta_e"][signal]) == pytest.approx(0, abs=0.02)
    for name, centre, width in (("mbc", 5.279, 0.01), ("delta_e", 0, 0.06)):
        near = np.abs(columns[name] - centre) < width
        assert near[signal].mean() > 2 * near[~signal].mean()


def test_a_rho_pair_is_three_pions_and_two_photons(streams):
    events = streams["rho_rho"].events["rho_rho"]
    own = events.select_particles(events.particles["from_candidate"])
    charged = own.particles["charge"] != 0
    event = own.event_of_particle
    assert (np.bincount(event[charged], minlength=len(events)) == 3).all()
    assert (np.bincount(event[~charged], minlength=len(events)) == 2).all()
    charge = np.bincount(event, own.particles["charge"], minlength=len(events))
    np.testing.assert_array_equal(charge, events.columns["candidate_charge"])
    assert ((events.columns["signal_probability"] > 0) & (events.columns["signal_probability"] <= 1)).all()
    assert (np.abs(events.columns["delta_e"]) < 0.3).all()
    assert (events.columns["mbc"] > 5.2).all()


def test_streams_made_together_are_those_made_alone(streams):
    alone = make_stream(CONFIGS["rho_rho"])
    assert identical(alone.events["rho_rho"], streams["rho_rho"].events["rho_rho"])
    assert alone.counts == streams["rho_rho"].counts


def test_rounds_are_whole_however_many_are_under_way():
    small = {
        name: dataclasses.replace(CONFIGS[name], events=20, round_events=300) for name in ("tag", "generic")
    }
    one, two = make_streams(small), make_streams(small, workers=2)
    for name in small:
        assert one[name].counts == two[name].counts
        assert identical(one[name].events["tag"], two[name].events["tag"])


def test_no_two_sources_share_event_numbers(streams):
    numbers = [
        set(stream.events[mode].columns["event_number"].tolist())
        for source, stream in streams.items()
        for mode in ("rho_rho" if source == "rho_rho" else "tag",)
    ]
    assert sum(map(len, numbers)) == len(set.union(*numbers))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source": "tag", "modes": []}, "no modes"),
        ({"source": "ttbar"}, "source"),
        ({"source": "tag", "keep": "some"}, "keep"),
        ({"source": "tag", "drop_modes": [40]}, r"\[40\] to drop"),
    ],
)
def test_impossible_streams_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        from_mapping(StreamConfig, change)


def test_what_one_call_cannot_make_is_said():
    with pytest.raises(InputError, match="put_together"):
        make_continuum_sample(ContinuumSampleConfig(candidates="rho_rho"))
    with pytest.raises(InputError, match="enriched"):
        from_mapping(ContinuumSampleConfig, {"candidates": "wrong", "enriched": False})
