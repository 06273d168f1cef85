"""Texts of events become the trees that they say."""

import numpy as np
import pytest
from helpers.hepmc_text import assert_same, hepmc_text, parsed, record
from helpers.random_events import event_tables, random_events
from hypothesis import given, settings

from hepsets.core.events import Events

EVENTS = random_events(12)


@pytest.mark.parametrize("beams", [True, False])
@pytest.mark.parametrize("units", [("GEV", "MM"), ("MEV", "CM"), ("GEV", "CM"), ("MEV", "MM")])
def test_trees_and_units_come_back_from_the_text(units, beams):
    # without beams there is no vertex that says where a root was made
    events = as_hepmc_can_say(EVENTS)
    if not beams:
        for name in ("x", "y", "z", "prod_time"):
            events.particles[name][events.offsets[:-1]] = 0
    found, numbers = parsed(hepmc_text(events, units=units, beams=beams))
    assert_same(found, events)
    assert numbers.tolist() == list(range(len(events)))


def as_hepmc_can_say(events: Events) -> Events:
    """The same trees, daughters of one mother produced together, and no particle of its mother's kind."""
    columns = {name: column.copy() for name, column in events.particles.items()}
    roots = events.mothers == np.arange(events.n_particles)
    origin = np.where(roots, -1 - events.event_of_particle, events.mothers)
    _, first, back = np.unique(origin, return_index=True, return_inverse=True)
    for name in ("x", "y", "z", "prod_time"):
        columns[name] = columns[name][first][back]
    columns["pdg"] = 100_211 + 10 * columns["index"]
    return Events(columns, events.offsets)


@settings(max_examples=40)
@given(event_tables())
def test_any_forest_comes_back_from_the_text(events):
    events = as_hepmc_can_say(events)
    found, _ = parsed(hepmc_text(events, names=()))
    assert_same(found, events)


def test_a_particle_without_a_position_is_made_where_its_mother_is():
    events = record(
        "P 1 0 511 0 0 1 6 0 2",
        "V -1 0 [1] @ 1 2 3 4",
        "P 2 -1 421 0 0 1 3 0 2",
        "P 3 2 321 0 0 1 2 0 1",
        particles=3,
        vertices=2,
    )
    assert np.allclose(events.particles["x"], [1.0, 0.1, 0.1])
    assert np.allclose(events.particles["prod_time"][1:], 0.4 / 29.9792458)
