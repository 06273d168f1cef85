import numpy as np
import pytest
from helpers.random_candidates import candidates_of_sizes, random_candidates, shuffled, turned
from scipy.spatial.transform import Rotation

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.learn.particle_sets.learned_moments import MOMENTS_CANDIDATE, MOMENTS_SET
from hepsets.represent.particle_sets.features import (
    ALL_PARTICLES,
    FEATURES,
    FIVE_SETS,
    FIVE_SETS_PUBLISHED,
    CandidateEvents,
    SetSpec,
    set_tables,
)

EVENTS = random_candidates(60, seed=2)


def column(events: ParticleSets, feature: str, *members: str, cap: int | None = None) -> np.ndarray:
    return set_tables(events, [SetSpec("one", (feature,), members, cap)])[0].features[:, 0]


@pytest.mark.parametrize(
    ("specs", "sizes"), [(FIVE_SETS, [11, 3, 12, 4, 9]), (FIVE_SETS_PUBLISHED, [11, 3, 12, 4, 6])]
)
def test_the_five_sets_hold_what_the_issue_asks_for(specs, sizes) -> None:
    by_name = {spec.name: spec for spec in specs}
    assert {name: spec.cap for name, spec in by_name.items()} == {
        "rest_tracks": 10,
        "rest_photons": 20,
        "signal_tracks": 10,
        "signal_photons": 20,
        "candidate": None,
    }
    assert [len(spec.features) for spec in specs] == sizes
    for name in ("signal_tracks", "signal_photons", "candidate"):
        assert not {"px", "py", "pz", "energy", "momentum"} & set(by_name[name].features)


def test_recommended_sets_see_nothing_of_particles_in_the_frame_of_the_collision() -> None:
    of_collision = {
        "px",
        "py",
        "pz",
        "energy",
        "momentum",
        "p_scale",
        "direction_x",
        "direction_y",
        "direction_z",
    }
    for spec in (*FIVE_SETS, *ALL_PARTICLES, MOMENTS_SET):
        assert spec.of_candidate or not of_collision & set(spec.features)
    for spec in (FIVE_SETS[4], MOMENTS_CANDIDATE):  # of the candidate the direction, but no thrust axis
        assert not {"thrust_x", "thrust_y", "thrust_z"} & set(spec.features)


def test_every_particle_is_in_one_set_unless_a_cap_leaves_it_out() -> None:
    tables = set_tables(EVENTS, FIVE_SETS)
    charged, own = EVENTS.particles["charge"] != 0, EVENTS.particles["from_candidate"]
    for table, chosen, cap in zip(
        tables[:4],
        (~own & charged, ~own & ~charged, own & charged, own & ~charged),
        (10, 20, 10, 20),
        strict=True,
    ):
        expected = np.minimum(np.bincount(EVENTS.event_of_particle[chosen], minlength=len(EVENTS)), cap)
        np.testing.assert_array_equal(np.diff(table.offsets), expected)
    np.testing.assert_array_equal(np.diff(tables[4].offsets), 1)


def test_a_cap_keeps_the_largest_momenta_and_the_candidates_daughters() -> None:
    events = candidates_of_sizes([30, 4, 0, 50], seed=5)
    table = set_tables(events, [SetSpec("few", ("momentum",), ("rest",), cap=3)])[0]
    momentum = np.linalg.norm([events.particles[name] for name in ("px", "py", "pz")], axis=0)
    for i in range(len(events)):
        here = slice(*events.offsets[i : i + 2])
        expected = np.sort(momentum[here][~events.particles["from_candidate"][here]])[::-1][:3]
        np.testing.assert_allclose(
            table.features[table.offsets[i] : table.offsets[i + 1], 0], expected, rtol=1e-6
        )
    own = set_tables(events, [SetSpec("own first", ("from_candidate",), cap=12)])[0].features[:, 0]
    assert own.sum() == np.minimum(np.add.reduceat(events.particles["from_candidate"], [0, 30, 34]), 12).sum()


def test_relative_momenta_are_those_of_the_candidates_daughters() -> None:
    momentum = np.linalg.norm([EVENTS.particles[name] for name in ("px", "py", "pz")], axis=0)
    own = EVENTS.particles["from_candidate"]
    p_scale = CandidateEvents(EVENTS).p_scale
    for i in range(len(EVENTS)):
        here = np.arange(*EVENTS.offsets[i : i + 2])
        mine = here[own[here]]
        if len(mine):
            np.testing.assert_allclose(p_scale[mine], momentum[mine] / momentum[mine].max(), rtol=1e-6)
    assert not p_scale[~own].any()


def test_daughters_balance_in_the_candidates_rest_frame() -> None:
    events, own = CandidateEvents(EVENTS), EVENTS.particles["from_candidate"]
    momenta = events.own_momentum[:, None] * events.axis_directions
    total = np.array([np.bincount(EVENTS.event_of_particle[own], column[own]) for column in momenta.T])
    np.testing.assert_allclose(total, 0, atol=1e-9)
    largest = np.zeros(len(EVENTS))
    np.maximum.at(largest, EVENTS.event_of_particle[own], events.own_momentum[own])
    np.testing.assert_allclose(largest[np.bincount(EVENTS.event_of_particle[own]) > 1], 1.0)


def test_the_own_thrust_axis_is_that_of_the_balanced_daughters_and_the_third_axis() -> None:
    events = CandidateEvents(EVENTS)
    own = EVENTS.particles["from_candidate"]
    along = np.abs(events.own_momentum * events.axis_directions[:, 2])[own]
    event = EVENTS.event_of_particle[own]
    for axis in np.eye(3)[:2] + 0.3:  # no other axis has more momentum along it
        other = events.own_momentum * np.abs(events.axis_directions @ (axis / np.linalg.norm(axis)))
        assert (np.bincount(event, other[own]) <= np.bincount(event, along) + 1e-9).all()
    np.testing.assert_allclose(events.axes[:, 2], events.own_thrust_axis)


def test_the_candidate_has_its_direction_and_the_thrust_axis_of_its_daughters() -> None:
    px = np.array([1.0, 2.0, 0.0, 5.0])
    pz = np.array([0.0, 0.0, 0.3, -5.0])
    own = np.array([True, True, True, False])
    events = ParticleSets(
        {"px": px, "py": 0 * px, "pz": pz, "charge": np.ones(4, np.int8), "from_candidate": own},
        np.array([0, 4]),
        {f"candidate_p{axis}": np.array([value]) for axis, value in zip("xyz", (3.0, 0.0, 4.0), strict=True)},
    )
    table = set_tables(events, FIVE_SETS_PUBLISHED[4:])[0]
    np.testing.assert_allclose(table.features[0, :3], [0.6, 0.0, 0.8], rtol=1e-6)
    assert table.features[0, 5] >= 0
    np.testing.assert_allclose(
        np.abs(table.features[0, 3:]), np.array([3.0, 0, 0.3]) / np.hypot(3, 0.3), rtol=1e-6
    )


def test_the_candidates_frame_is_right_handed_and_holds_thrust_and_beam() -> None:
    frame = CandidateEvents(EVENTS).axes
    np.testing.assert_allclose(
        frame @ frame.transpose(0, 2, 1), np.broadcast_to(np.eye(3), frame.shape), atol=1e-12
    )
    np.testing.assert_allclose(np.linalg.det(frame), 1.0)
    np.testing.assert_allclose(
        frame[:, 1, 2], 0, atol=1e-12
    )  # the second axis is at right angles to the beam
    assert (frame[:, 0, 2] >= 0).all()


def test_a_turn_around_the_beam_leaves_the_frames_directions_as_they_are() -> None:
    angle = Rotation.from_euler("z", 1.234).as_matrix()
    np.testing.assert_allclose(
        CandidateEvents(turned(EVENTS, angle)).axis_directions,
        CandidateEvents(EVENTS).axis_directions,
        atol=1e-6,
    )


@pytest.mark.parametrize("sizes", [[0], [1], [0, 1, 0]])
def test_events_without_thrust_have_finite_features(sizes) -> None:
    events = candidates_of_sizes(sizes, seed=8)
    none = ParticleSets(
        {**events.particles, "from_candidate": np.zeros(events.n_particles, bool)},
        events.offsets,
        events.columns,
    )
    for part in (events, none):
        for table in set_tables(part, [*FIVE_SETS, *ALL_PARTICLES, SetSpec("every", tuple(FEATURES))]):
            assert np.isfinite(table.features).all()


def test_the_order_of_particles_does_not_matter() -> None:
    every = [*FIVE_SETS, SetSpec("every", tuple(FEATURES))]
    for one, other in zip(set_tables(EVENTS, every), set_tables(shuffled(EVENTS, 3), every), strict=True):
        np.testing.assert_array_equal(one.offsets, other.offsets)
        np.testing.assert_allclose(one.features, other.features, atol=1e-6)


def test_flavour_is_charge_or_kaons_or_the_fastest_daughter() -> None:
    def flavour(candidate_charge, charge, kaon, px) -> float:
        n, px = len(charge), np.array(px)
        events = ParticleSets(
            {
                "px": px,
                "py": np.zeros(n),
                "pz": np.zeros(n),
                "energy": np.hypot(px, 0.14),
                "charge": np.array(charge, dtype=np.int8),
                "kaon": np.array(kaon),
                "from_candidate": np.ones(n, bool),
            },
            np.array([0, n]),
            {"candidate_charge": np.array([candidate_charge])},
        )
        return float(CandidateEvents(events).flavour[0])

    at_rest = [1.0, -3.0, 2.0]
    assert flavour(-1, [1, 1], [0.9, 0.9], [1.0, 2.0]) == -1
    assert flavour(0, [1, -1], [0.9, 0.1], [1.0, 2.0]) == 1
    assert flavour(0, [1, -1, 0], [0.0, 0.0, 0.0], at_rest) == -1
    assert flavour(0, [-1, 0, 1], [0.0, 0.0, 0.0], at_rest) == 1
    assert flavour(0, [0], [0.0], [1.0]) == 0
    # two daughters have equal momenta in the rest frame, whichever is faster in the collision's
    assert flavour(0, [1, -1], [0.0, 0.0], [1.0, 2.0]) == 0
    assert flavour(0, [1, -1], [0.0, 0.0], [2.3, -1.0]) == 0


def test_any_column_is_a_feature_and_any_boolean_column_a_condition() -> None:
    extra = np.arange(EVENTS.n_particles, dtype=np.float32)
    odd = np.arange(EVENTS.n_particles) % 2 == 1
    events = ParticleSets({**EVENTS.particles, "extra": extra, "odd": odd}, EVENTS.offsets, EVENTS.columns)
    found = column(events, "extra", "odd", "track")
    np.testing.assert_array_equal(np.sort(found), extra[odd & (EVENTS.particles["charge"] != 0)])


@pytest.mark.parametrize(
    ("features", "members"),
    [(("unheard_of",), ()), (("px",), ("unheard_of",)), (("unheard_of",), ("candidate",))],
)
def test_unknown_features_and_conditions_are_refused(features, members) -> None:
    with pytest.raises(InputError, match="unheard_of"):
        set_tables(EVENTS, [SetSpec("one", features, members)])


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"features": ()}, "features"),
        ({"features": ("px", "px")}, "features"),
        ({"features": ("px",), "cap": 0}, "cap 0"),
        ({"features": ("px",), "members": ("candidate", "track")}, "candidate"),
    ],
)
def test_a_set_that_makes_no_sense_is_refused(options, what) -> None:
    with pytest.raises(InputError, match=what):
        SetSpec("one", **options)
