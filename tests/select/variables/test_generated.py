"""Two events built by hand, with masses, boost and missing momentum that can be checked on paper."""

import numpy as np
import pytest

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.select.variables.generated import (
    TRUTH_OBSERVABLES,
    b_daughter_multiplicity,
    b_momentum,
    charged_multiplicity,
    lepton_momentum,
    missing_energy,
    r2,
)

BETA_GAMMA = 0.28
M_B, ROOT_S = 5.2795, 10.58


def boosted(p, mass):
    """Lab four-momenta (px, py, pz, E) of momenta given in the centre-of-mass frame."""
    p = np.asarray(p, dtype=float)
    energy = np.sqrt(mass**2 + p @ p)
    gamma = np.hypot(1, BETA_GAMMA)
    return [p[0], p[1], gamma * p[2] + BETA_GAMMA * energy, gamma * energy + BETA_GAMMA * p[2]]


def table(*lists):
    """Events from lists of (pdg, mother position, centre-of-mass momentum, mass)."""
    rows = [(pdg, i, mother, *boosted(p, m)) for one in lists for i, (pdg, mother, p, m) in enumerate(one)]
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    for name, column in zip(
        ("pdg", "index", "mother_index", "px", "py", "pz", "energy"), zip(*rows, strict=True), strict=True
    ):
        columns[name] = np.array(column, PARTICLE_COLUMNS[name])
    return Events(columns, np.concatenate([[0], np.cumsum([len(one) for one in lists])]))


P_B = np.sqrt(ROOT_S**2 / 4 - M_B**2)
SIGNAL = [
    (300553, 0, [0, 0, 0], ROOT_S),
    (511, 0, [0, 0, P_B], M_B),
    (-511, 0, [0, 0, -P_B], M_B),
    (-13, 1, [0, 1.2, 0], 0.1057),
    (14, 1, [0, 0, 2.0], 0.0),
    (-211, 1, [0.3, 0, 0], 0.1396),
    (511, 2, [0, 0, -P_B], M_B),  # mixing written as a step of its own
    (11, 6, [0, 0, -0.5], 0.0005),
    (211, 6, [-0.3, 0, 0], 0.1396),
    (310, 6, [0, -0.4, 0], 0.4976),
    (111, 9, [0, -0.2, 0], 0.135),
    (111, 9, [0, -0.2, 0], 0.135),
]
CONTINUUM = [
    (10022, 0, [0, 0, 0], ROOT_S),
    (321, 0, [0, 0, 3.0], 0.4937),
    (-321, 0, [0, 0, -3.0], 0.4937),
    (22, 0, [0, 0, 1.0], 0.0),
    (99999999, 0, [0, 0, -1.0], 0.0),
]
EVENTS = table(SIGNAL, CONTINUUM)


def test_charged_particles_are_counted_at_the_leaves_only():
    assert charged_multiplicity(EVENTS).values.tolist() == [4, 2]


def test_the_b_momentum_is_that_of_the_two_body_decay():
    result = b_momentum(EVENTS)
    assert result.values[0] == pytest.approx(P_B, rel=2e-3)
    assert result.valid.tolist() == [True, False]


def test_missing_energy_is_what_visible_particles_lack():
    visible = [row for row in SIGNAL if row[0] in (-13, -211, 11, 211, 111)]
    seen = sum(np.sqrt(np.sum(np.square(p)) + m**2) for _, _, p, m in visible)
    result = missing_energy(EVENTS)
    assert result.values[0] == pytest.approx(ROOT_S - seen, abs=1e-4)
    assert result.values[1] == pytest.approx(ROOT_S - 2 * np.hypot(3, 0.4937) - 2, abs=1e-4)


def test_the_lepton_momentum_is_the_largest_and_none_is_said_so():
    result = lepton_momentum(EVENTS)
    assert result.values[0] == pytest.approx(1.2, abs=1e-4)
    assert result.valid.tolist() == [True, False]


def test_b_daughters_are_counted_behind_mixing():
    result = b_daughter_multiplicity(EVENTS)
    assert result.values.tolist() == [6, 0]
    assert result.valid.tolist() == [True, False]


def test_r2_is_one_for_a_pencil_and_less_for_a_spread_event():
    result = r2(EVENTS)
    assert result.values[1] == pytest.approx(1, abs=1e-5)
    assert 0 < result.values[0] < 0.7


@pytest.mark.parametrize("observable", TRUTH_OBSERVABLES)
def test_observables_do_not_depend_on_batch_order_of_particles_or_their_numbers(observable):
    one = observable(EVENTS)
    assert np.isfinite(one.values).all()
    alone = observable(EVENTS[1:2])
    assert alone.values == pytest.approx(one.values[1:])
    order = np.random.default_rng(1).permutation(len(SIGNAL))
    shuffled = {name: EVENTS.particles[name][: len(SIGNAL)][order] for name in PARTICLE_COLUMNS}
    shuffled["index"], shuffled["mother_index"] = 3 * shuffled["index"] + 7, 3 * shuffled["mother_index"] + 7
    other = observable(Events(shuffled, np.array([0, len(SIGNAL)])))
    assert other.values == pytest.approx(one.values[:1], rel=1e-5)
    assert other.valid.tolist() == one.valid.tolist()[:1]


@pytest.mark.parametrize("observable", TRUTH_OBSERVABLES)
def test_an_event_without_a_rest_frame_has_no_observable_of_that_frame(observable):
    photon = [(22, 0, [0, 0, 1.0], 0.0)]
    with_photon, without = observable(table(photon, SIGNAL)), observable(table(SIGNAL))
    assert np.isfinite(with_photon.values).all()
    assert with_photon.values[1] == pytest.approx(without.values[0])
    of_frame = ("r2", "b_momentum", "missing_energy", "lepton_momentum", "b_daughter_multiplicity")
    assert with_photon.valid.tolist() == [with_photon.name not in of_frame, True]


def test_names_are_those_of_the_functions():
    assert [observable(EVENTS).name for observable in TRUTH_OBSERVABLES] == [
        observable.__name__ for observable in TRUTH_OBSERVABLES
    ]
