"""Z → q q̄: reproducible blocks, what an event holds, and Pythia's known multiplicities and hadrons."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.z_pole import FLAVOUR, SAMPLES, generate_z, generate_z_block

BOTTOM = (511, 521, 531, 5122, 5132, 5232, 5332)
"""Weakly decaying b hadrons."""


def identical(left, right):
    return np.array_equal(left.offsets, right.offsets) and all(
        np.array_equal(left.particles[name], right.particles[name]) for name in PARTICLE_COLUMNS
    )


@pytest.fixture(scope="module")
def blocks():
    return {sample: generate_z_block(sample, 3, 0, 3000) for sample in SAMPLES}


def final(events):
    decayed = np.zeros(events.n_particles, dtype=bool)
    moves = events.mothers != np.arange(events.n_particles)
    decayed[events.mothers[moves]] = True
    return ~decayed


def charged(events):
    stable = np.isin(np.abs(events.particles["pdg"]), [11, 13, 211, 321, 2212])
    return np.bincount(events.event_of_particle[stable & final(events)], minlength=len(events))


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_block_does_not_depend_on_what_was_generated_before(sample):
    first = generate_z_block(sample, 7, 3, 60)
    generate_z_block(sample, 7, 4, 20)
    again = generate_z_block(sample, 7, 3, 60)
    assert identical(first, again)
    assert np.array_equal(first.columns["quark_x"], again.columns["quark_x"])
    assert identical(first[:20], generate_z_block(sample, 7, 3, 20))


def test_events_do_not_depend_on_the_number_of_workers(monkeypatch):
    monkeypatch.setattr("hepsets.generate.blocks.BLOCK_EVENTS", 200)
    one = Events.concatenate(list(generate_z("zss", 500, seed=3)))
    two = Events.concatenate(list(generate_z("zss", 500, seed=3, workers=2)))
    assert len(one) == 500
    assert identical(one, two)


def test_seeds_samples_and_blocks_give_different_events():
    made = [
        generate_z_block(*which, 5) for which in (("zbb", 1, 0), ("zbb", 2, 0), ("zbb", 1, 1), ("zcc", 1, 0))
    ]
    assert len({float(block.particles["energy"][1]) for block in made}) == len(made)


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_z_is_the_root_and_keeps_its_energy(blocks, sample):
    events = blocks[sample]
    events.validate()
    assert (events.columns["flavour"] == FLAVOUR[sample]).all()
    roots = events.offsets[:-1]
    assert (events.particles["pdg"][roots] == 23).all()
    left = final(events)
    for name in ("px", "py", "pz", "energy"):
        total = np.bincount(events.event_of_particle[left], events.particles[name][left])
        assert np.abs(total - (91.19 if name == "energy" else 0)).max() < 0.01
    assert np.abs(events.particles["energy"][roots] - 91.19).mean() < 0.3  # little is radiated at the peak


def test_the_quark_points_where_its_hadrons_go(blocks):
    events = blocks["zbb"]
    quark = np.column_stack([events.columns[f"quark_{axis}"] for axis in "xyz"])
    assert np.allclose(np.linalg.norm(quark, axis=1), 1, atol=1e-6)
    # a B⁺ holds a b̄: it flies away from the quark
    which = np.flatnonzero(events.particles["pdg"] == 521)
    p = np.column_stack([events.particles[name][which] for name in ("px", "py", "pz")])
    cosine = (p * quark[events.event_of_particle[which]]).sum(axis=1) / np.linalg.norm(p, axis=1)
    assert np.median(cosine) < -0.98


def test_collisions_spread_over_the_luminous_region(blocks):
    events = blocks["zud"]
    z = events.offsets[:-1] + 1
    spread = [events.particles[name][z].std() for name in "xyz"]
    assert spread == pytest.approx([4.5e-4, 2e-6, 3e-2], rel=0.05)


@pytest.mark.parametrize(("sample", "expected"), [("zbb", 22.6), ("zcc", 20.9), ("zss", 19.8)])
def test_the_charged_multiplicity_is_that_of_pythia_at_the_z(blocks, sample, expected):
    assert charged(blocks[sample]).mean() == pytest.approx(expected, rel=0.02)


def test_b_hadrons_come_in_the_known_proportions_and_live_as_long_as_known(blocks):
    events = blocks["zbb"]
    p = events.particles
    size = np.abs(p["pdg"])
    hadrons = np.flatnonzero(np.isin(size, BOTTOM))
    assert len(hadrons) == pytest.approx(2 * len(events), abs=0.01 * len(events))  # few from gluons
    share = {pdg: (size[hadrons] == pdg).mean() for pdg in (511, 521, 531)}
    # HFLAV at the Z: 0.408, 0.408, 0.100, and 0.084 baryons
    assert share[511] == pytest.approx(0.41, abs=0.03)
    assert share[521] == pytest.approx(0.41, abs=0.03)
    assert share[531] == pytest.approx(0.10, abs=0.03)

    moves = np.flatnonzero(events.mothers != np.arange(events.n_particles))
    daughter = np.full(events.n_particles, -1)
    daughter[events.mothers[moves]] = moves
    plus = hadrons[size[hadrons] == 521]
    child = daughter[plus]
    flight = p["prod_time"][child].astype(float) - p["prod_time"][plus]
    proper = flight * 5.279 / p["energy"][plus] * SPEED_OF_LIGHT  # cm
    assert proper.mean() == pytest.approx(0.0491, rel=0.06)
    assert p["energy"][hadrons].mean() / 45.6 == pytest.approx(0.70, abs=0.03)


@pytest.mark.parametrize("sample", ["mixed", "z"])
def test_an_unknown_sample_is_answered_with_the_known_ones(sample):
    with pytest.raises(InputError, match=rf"'{sample}'.*zbb, zcc, zss, zud"):
        generate_z(sample, 1, seed=1)
    with pytest.raises(InputError, match=f"{BLOCK_EVENTS + 1} events in a block"):
        generate_z_block("zbb", 1, 0, BLOCK_EVENTS + 1)
