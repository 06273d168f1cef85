"""Toys whose losses are known: each step, fate and gain is what was put in."""

from types import SimpleNamespace

import numpy as np
import pytest
from helpers.random_whole_events import random_whole_events

from hepsets.analyses.flavour_tagging.comparison import tagged
from hepsets.analyses.flavour_tagging.lost_points import (
    known_votes,
    lost_points,
    stage_columns,
    with_true_species,
)
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.purpose import Purpose
from hepsets.select.whole_events.particles import TRUE_SPECIES
from hepsets.select.whole_events.tag_truth import STAGES
from hepsets.simulate.particle_id import MASSES, SPECIES_NAMES

N = 20_000
CAME = {"true": 0.5, "accepted": 0.4, "found": 0.2, "identified": 0.1}
"""Shares of all decays of which a lepton, always right, came so far."""


def decays(seed=1):
    """Decays in which leptons alone vote, and no tracks."""
    rng = np.random.default_rng(seed)
    q, place = rng.choice([1, -1], N), rng.random(N)
    columns = {
        name: np.where(place < share, q, 0) if name.endswith("_lepton") and "secondary" not in name else 0 * q
        for stage, share in CAME.items()
        for name in stage_columns(stage)
    }
    sets = ParticleSets(
        {"px": np.zeros(0)}, np.zeros(N + 1, dtype=np.int64), {"q": q, **columns}, Purpose.TEST
    )
    return sets, place, rng.uniform(-0.05, 0.05, N)


def test_a_tagger_that_knows_what_was_identified_loses_what_the_detector_lost():
    test, place, noise = decays()
    assert known_votes(test)
    sample = tagged(test, np.where(place < CAME["identified"], 0.9 * test.columns["q"], noise))
    found = lost_points(test, sample, SimpleNamespace(), 1)
    assert [one.name for one in found.steps] == [*CAME, "tagger"]
    for step, power, lost in zip(
        found.steps, [0.5, 0.4, 0.2, 0.1, 0.1], [None, 0.1, 0.2, 0.1, 0], strict=True
    ):
        assert step.power.value == pytest.approx(power, abs=4 * step.power.se)
        assert lost is None or step.lost.value == pytest.approx(lost, abs=4 * step.lost.se)
    apart = np.hypot(found.steps[0].power.se, found.steps[1].power.se)
    assert 0 < found.steps[1].lost.se < 0.5 * apart  # what both have in common drops out
    leptons = [one for one in found.fates if one.category == "lepton"]
    expected = {
        "true": (0.2, 0, 0.1),
        "accepted": (0.4, 0, 0.2),
        "found": (0.2, 0, 0.1),
        "identified": (0.2, 1, 0),
    }
    for one in leptons:
        share, reached, lost = expected[one.stage]
        assert one.share.value == pytest.approx(share, abs=4 * one.share.se)
        assert one.perfect.value == pytest.approx(1)
        assert one.reached.value == pytest.approx(reached, abs=4 * one.reached.se + 1e-9)
        assert one.lost.value == pytest.approx(lost, abs=4 * one.lost.se + 1e-9)
    assert sum(one.share.value for one in leptons) == pytest.approx(1)
    assert all(one.lost is None for one in found.fates if one.category == "kaon")
    assert found.identification is None


def test_a_tagger_that_knows_more_than_votes_gains_in_its_step():
    test, place, noise = decays()
    sample = tagged(test, np.where(place < 0.7, 0.9 * test.columns["q"], noise))
    found = lost_points(test, sample, SimpleNamespace(), 1)
    assert found.steps[-1].lost.value == pytest.approx(-0.6, abs=4 * found.steps[-1].lost.se)


def test_what_identification_would_give_is_what_the_tagger_gains_by_true_species():
    sets = random_whole_events(2000, seed=4)
    rng = np.random.default_rng(4)
    charged = sets.particles["charge"] != 0
    species = np.where(charged, rng.integers(0, 5, sets.n_particles), -1).astype(np.int8)
    columns = {name: np.zeros(2000, np.int8) for stage in ("true", *STAGES) for name in stage_columns(stage)}

    def electrons(particles):
        said = particles["charge"] * (particles["electron"] > 0.5)
        net = np.bincount(sets.event_of_particle, said, minlength=2000)
        return np.where(net == 0, 0.01, 0.9 * np.sign(net))

    truth = np.sign(electrons({**sets.particles, "electron": species == 0}))
    test = ParticleSets(
        {**sets.particles, TRUE_SPECIES: species},
        sets.offsets,
        {"q": truth.astype(int), **columns},
        Purpose.TEST,
    )
    tagger = SimpleNamespace(r=lambda given: electrons(given.particles))
    found = lost_points(test, tagged(test, tagger.r(test)), tagger, 1).identification
    assert found.power.value == pytest.approx(1, abs=0.01)
    assert found.gain.value > 10 * found.gain.se


def test_true_species_are_certain_and_nothing_else_changes():
    sets = random_whole_events(50, seed=2)
    species = np.where(sets.particles["charge"] != 0, 3, -1).astype(np.int8)
    given = ParticleSets({**sets.particles, TRUE_SPECIES: species}, sets.offsets, sets.columns)
    found, track = with_true_species(given).particles, species >= 0
    assert (found["kaon"][track] == 1).all()
    assert sum(found[name][track].sum() for name in SPECIES_NAMES) == track.sum()
    momentum2 = sum(found[name].astype(float) ** 2 for name in ("px", "py", "pz"))
    np.testing.assert_allclose(found["energy"][track] ** 2 - momentum2[track], MASSES[3] ** 2, atol=1e-4)
    for name, column in given.particles.items():
        assert np.array_equal(found[name][~track], column[~track])
        assert found[name].dtype == column.dtype
        if name not in (*SPECIES_NAMES, "energy"):
            assert np.array_equal(found[name], column)


def test_other_than_test_events_and_those_without_truth_are_not_judged():
    test, _, noise = decays()
    held = ParticleSets(test.particles, test.offsets, test.columns, Purpose.VALIDATION)
    with pytest.raises(InputError, match="judged"):
        lost_points(held, tagged(held, noise), SimpleNamespace(), 1)
    assert not known_votes(random_whole_events(5))
