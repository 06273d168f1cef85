"""From Pythia's record to the tree of particles."""

import numpy as np
import pytest

from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.generate.decay_table import belle2_decay_table
from hepsets.generate.record import Record, to_events


def record(rows):
    """One event from rows of (pdg, status, mother, px, energy)."""
    pdg, status, mother = (np.array([row[k] for row in rows], dtype=np.int64) for k in range(3))
    momentum = np.zeros((4, len(rows)))
    momentum[0], momentum[3] = ([row[k] for row in rows] for k in (3, 4))
    return Record(np.array([0, len(rows)]), pdg, status, mother, momentum, np.zeros((4, len(rows))))


BEAMS = [(90, -11, 0, 0, 10), (11, -12, 0, 5, 5), (-11, -12, 0, -5, 5)]


def test_b_events_hang_from_the_upsilon_without_partons_and_aliases():
    own, _ = belle2_decay_table().inclusive[511]
    kstar = next(alias for alias, pdg in belle2_decay_table().aliases.items() if pdg == 313)
    events = to_events(
        record(
            [*BEAMS, (11, -21, 1, 5, 5), (-11, -21, 2, -5, 5),
             (own, -23, 3, 2, 5.5), (-511, -23, 3, -2, 5.5),
             (-3, -71, 5, 1, 3), (1, -71, 5, 1, 2.5),  # a string between two quarks
             (321, 83, 7, 1.5, 3), (-211, 84, 7, 0.5, 2.5),
             (-kstar, -91, 6, -1, 3), (22, 91, 6, -1, 2.5),
             (-321, 91, 11, 0, 1.5), (211, 91, 11, -1, 1.5)]
        ),
        np.array([[0.1, 0.2, 0.3]]),
        300553,
        np.array([[[1.0, 0, 0, 0.5], [0, 2.0, 0, 0.25]]]),
    ).validate()  # fmt: skip
    p = events.particles
    assert p["pdg"].tolist() == [300553, 511, -511, 321, -211, -313, 22, -321, 211]
    assert p["mother_index"].tolist() == [0, 0, 0, 1, 1, 2, 2, 5, 5]
    assert p["energy"][0] == pytest.approx(11)
    # what the B decay to begins where the B end
    assert p["x"] == pytest.approx([0.1, 0.1, 0.1, 1.1, 1.1, 0.1, 0.1, 0.1, 0.1])
    assert p["y"] == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.2, 2.2, 2.2, 2.2, 2.2])
    assert p["prod_time"] == pytest.approx([0, 0, 0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25])


def test_continuum_events_hang_from_the_last_virtual_photon():
    events = to_events(
        record(
            [*BEAMS, (23, -22, 1, 0, 10), (11, -41, 1, 5, 5),
             (23, -44, 3, -1, 9), (22, -43, 4, 0.9, 0.9),  # radiates, then recoils
             (22, 44, 6, 1, 1), (22, 63, 2, 0, 0),
             (2, -23, 5, 3, 4.5), (-2, -23, 5, -4, 4.5), (21, -51, 9, 1, 1),
             (22, 51, 9, 0.5, 0.5), (211, 83, 9, 1, 4.5), (-211, 84, 11, -2.5, 4)]
        ),
        np.zeros((1, 3)),
    ).validate()  # fmt: skip
    p = events.particles
    assert p["pdg"].tolist() == [23, 22, 22, 211, -211]
    assert p["mother_index"].tolist() == [0, 1, 0, 0, 0]  # the first photon is the beams' own
    assert p["energy"].tolist() == pytest.approx([9, 1, 0.5, 4.5, 4])


def test_an_electron_that_radiates_in_a_decay_is_no_beam():
    events = to_events(
        record(
            [*BEAMS, (11, -21, 1, 5, 5), (-11, -21, 2, -5, 5),
             (511, -23, 3, 2, 5.5), (-511, -23, 3, -2, 5.5),
             (11, -91, 5, 1, 3), (-11, 91, 5, 1, 2.5), (22, 91, 6, -2, 5.5),
             (11, 51, 7, 0.2, 1), (22, -51, 7, 0.8, 2),  # it radiates a photon, which becomes a pair
             (13, 51, 11, 0.4, 1), (-13, 51, 11, 0.4, 1)]
        ),
        np.zeros((1, 3)),
        300553,
        np.zeros((1, 2, 4)),
    ).validate()  # fmt: skip
    p = events.particles
    assert p["pdg"].tolist() == [300553, 511, -511, -11, 22, 11, 13, -13]
    assert p["mother_index"].tolist() == [0, 0, 0, 1, 2, 1, 1, 1]


def test_a_transformed_record_has_its_momenta_and_vertices_boosted():
    one = record([*BEAMS, (23, -22, 1, 0, 10)])
    one.vertex[3] = 2.0  # ns, at rest
    boost = np.eye(4)[None]
    boost[0, [0, 3], [3, 0]] = 0.75
    boost[0, [0, 3], [0, 3]] = 1.25
    moved = one.transformed(boost)
    assert moved.momentum[:, 3] == pytest.approx([7.5, 0, 0, 12.5])
    assert moved.vertex[:, 3] == pytest.approx([1.5 * SPEED_OF_LIGHT, 0, 0, 2.5])
    assert one.momentum[3, 3] == 10
