import numpy as np
import pytest
from helpers import naive_event_shapes
from helpers.candidate_events import SQRT_S, candidate_events
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.select.variables.continuum import (
    CONTINUUM_VARIABLES,
    VARIABLES,
    continuum_variables,
    cosine_between,
)

BEAM_DEPENDENT = {"cosTBz", "et"}
IN_GEV = {"et", *(f"cleoCone{i}" for i in range(1, 10))}
N_EVENTS = 12

seeds = st.integers(0, 2**32 - 1)


def momenta(sets):
    return np.stack([sets.particles[name] for name in ("px", "py", "pz")], axis=1)


def with_momenta(sets, p, **particles):
    new = {"px": p[:, 0], "py": p[:, 1], "pz": p[:, 2], **particles}
    return ParticleSets({**sets.particles, **new}, sets.offsets, sets.columns)


def of_rows(*events, candidate_energy=5.0):
    """Events of rows px, py, pz, energy, charge, from_candidate."""
    table = np.array([row for event in events for row in event], dtype=float).reshape(-1, 6)
    names = ("px", "py", "pz", "energy", "charge", "from_candidate")
    return ParticleSets(
        dict(zip(names, table.T, strict=True)),
        np.concatenate([[0], np.cumsum([len(event) for event in events])]),
        {"candidate_energy": np.full(len(events), candidate_energy)},
    )


def assert_same(one, two, *, skip=(), factors=None):
    for name in VARIABLES:
        if name not in skip:
            factor = (factors or {}).get(name, 1.0)
            assert two[name] == pytest.approx(factor * one[name], rel=1e-7, abs=1e-9 * max(factor, 1)), name


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_all_thirty_agree_with_plain_loops_over_the_formulas(seed):
    sets = candidate_events(N_EVENTS, seed)
    fast = continuum_variables(sets, SQRT_S)
    columns = (sets.particles[name].tolist() for name in ("energy", "charge", "from_candidate"))
    rows = list(zip(momenta(sets).tolist(), *columns, strict=True))
    for event in range(N_EVENTS):
        own = rows[sets.offsets[event] : sets.offsets[event + 1]]
        plain = naive_event_shapes.continuum_variables(own, sets.columns["candidate_energy"][event], SQRT_S)
        for name in VARIABLES:
            assert fast[name][event] == pytest.approx(plain[name], rel=1e-8, abs=1e-9), name


def test_names_order_and_limits():
    assert len(VARIABLES) == len(set(VARIABLES)) == 30
    assert VARIABLES[:7] == ("R2", "thrustBm", "thrustOm", "cosTBTO", "cosTBz", "et", "mm2")
    assert VARIABLES[7:16] == tuple(f"hso{j}{k}" for j in range(3) for k in (0, 2, 4))
    assert VARIABLES[16:21] == tuple(f"hoo{k}" for k in range(5))
    assert VARIABLES[21:] == tuple(f"cleoCone{i}" for i in range(1, 10))
    sets = candidate_events(300, mean_signal=2.0, mean_rest=2.0)
    values = continuum_variables(sets, SQRT_S)
    assert tuple(values) == VARIABLES
    for variable in CONTINUUM_VARIABLES:
        column = values[variable.name]
        assert column.shape == (300,)
        assert column.dtype == np.float64
        assert np.isfinite(column).all()
        assert (column >= variable.low).all()
        assert (column <= variable.high).all()


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_no_moment_exceeds_that_of_order_zero_and_cones_hold_all_momentum(seed):
    sets = candidate_events(N_EVENTS, seed)
    values = continuum_variables(sets, SQRT_S)
    for j in range(3):
        for k in (2, 4):
            assert (np.abs(values[f"hso{j}{k}"]) <= values[f"hso{j}0"] + 1e-12).all()
    for k in range(1, 5):
        assert (np.abs(values[f"hoo{k}"]) <= values["hoo0"] + 1e-12).all()
    size = np.linalg.norm(momenta(sets), axis=1)
    total = np.bincount(sets.event_of_particle, size, minlength=N_EVENTS)
    total[values["thrustBm"] == 0] = 0
    assert sum(values[f"cleoCone{i}"] for i in range(1, 10)) == pytest.approx(total)


@settings(max_examples=20, deadline=None)
@given(seed=seeds, angle=st.floats(0, 6.28))
def test_rotation_changes_only_what_knows_the_beam_and_around_the_beam_nothing(seed, angle):
    sets = candidate_events(N_EVENTS, seed)
    values = continuum_variables(sets, SQRT_S)
    any_turn = with_momenta(sets, Rotation.random(rng=np.random.default_rng(seed)).apply(momenta(sets)))
    assert_same(values, continuum_variables(any_turn, SQRT_S), skip=BEAM_DEPENDENT)
    around = with_momenta(sets, Rotation.from_euler("z", angle).apply(momenta(sets)))
    assert_same(values, continuum_variables(around, SQRT_S))


@settings(max_examples=20, deadline=None)
@given(seed=seeds)
def test_reflection_charge_conjugation_and_order_change_nothing(seed):
    sets = candidate_events(N_EVENTS, seed)
    values = continuum_variables(sets, SQRT_S)
    mirrored = with_momenta(sets, -momenta(sets), charge=-sets.particles["charge"])
    assert_same(values, continuum_variables(mirrored, SQRT_S))
    rng = np.random.default_rng(seed)
    order = np.lexsort([rng.random(sets.n_particles), sets.event_of_particle])
    shuffled = ParticleSets(
        {name: column[order] for name, column in sets.particles.items()}, sets.offsets, sets.columns
    )
    assert_same(values, continuum_variables(shuffled, SQRT_S))


@settings(max_examples=20, deadline=None)
@given(seed=seeds, scale=st.floats(0.01, 100))
def test_units_of_energy_change_only_what_has_a_unit(seed, scale):
    sets = candidate_events(N_EVENTS, seed)
    scaled = with_momenta(sets, scale * momenta(sets), energy=scale * sets.particles["energy"])
    scaled = scaled.with_columns(candidate_energy=scale * sets.columns["candidate_energy"])
    factors = {**dict.fromkeys(IN_GEV, scale), "mm2": scale**2}
    one, two = continuum_variables(sets, SQRT_S), continuum_variables(scaled, scale * SQRT_S)
    assert_same(one, two, factors=factors)


def test_every_event_sees_only_its_own_particles():
    sets = candidate_events(40)
    together = continuum_variables(sets, SQRT_S)
    for i in range(40):
        alone = continuum_variables(sets[i : i + 1], SQRT_S)
        assert [alone[name][0] for name in VARIABLES] == [together[name][i] for name in VARIABLES]


def test_back_to_back_jets_look_like_jets():
    jets = [
        (0, 0, 3, 3, 1, 1),
        (0, 0, -2, 2, 0, 1),
        (0, 0, 2, 2, -1, 0),
        (0, 0, -3, 3, 0, 0),
    ]
    values = continuum_variables(of_rows(jets), 10.0)
    assert {name: values[name][0] for name in VARIABLES[:6]} == pytest.approx(
        {"R2": 1, "thrustBm": 1, "thrustOm": 1, "cosTBTO": 1, "cosTBz": 1, "et": 0}
    )
    assert values["mm2"] == pytest.approx([0])
    # two signal particles, all cosines ±1: even moments of one kind are all the same
    for k in (0, 2, 4):
        assert values[f"hso0{k}"] == pytest.approx([2 * 2 / 10])
        assert values[f"hso1{k}"] == pytest.approx([2 * 3 / 10])
        assert values[f"hso2{k}"] == pytest.approx([0])
        assert values[f"hoo{k}"] == pytest.approx([2 * 3 / 100])
    assert values["cleoCone1"] == pytest.approx([10])
    assert [values[f"cleoCone{i}"][0] for i in range(2, 10)] == [0] * 8


def test_a_rest_across_the_candidate_has_cosine_zero_and_the_last_cone():
    cross = [(0, 0, 2, 2, 1, 1), (0, 0, -2, 2, -1, 1), (2, 0, 0, 2, 1, 0), (-2, 0, 0, 2, -1, 0)]
    values = continuum_variables(of_rows(cross), 10.0)
    assert values["cosTBTO"] == pytest.approx([0])
    assert values["cosTBz"] == pytest.approx([1])
    assert (values["cleoCone1"][0], values["cleoCone9"][0]) == pytest.approx((4, 4))
    assert values["R2"] == pytest.approx([0.25])  # (8 · 1 + 8 · (-1/2)) / 16
    assert values["hso02"] == pytest.approx([2 * 2 * 2 * -0.5 / 10])
    assert values["hoo1"] == pytest.approx([-1 * 4 * -1 / 100])


def test_a_candidate_alone_a_rest_alone_and_nothing_have_the_documented_answers():
    alone = [(0, 3, 4, 5, 1, 1)]
    rest = [(0, 3, 4, 5, 1, 0)]
    values = continuum_variables(of_rows(alone, rest, []), 10.0)
    assert values["R2"].tolist() == pytest.approx([1, 1, 0])
    assert values["thrustBm"].tolist() == pytest.approx([1, 0, 0])
    assert values["thrustOm"].tolist() == pytest.approx([0, 1, 0])
    assert values["cosTBTO"].tolist() == [0, 0, 0]
    assert values["cosTBz"].tolist() == pytest.approx([0.8, 0, 0])
    assert values["et"].tolist() == pytest.approx([3, 3, 0])
    assert values["mm2"].tolist() == pytest.approx([0, 0, 100])
    assert values["hso20"].tolist() == pytest.approx([5 / 10, 0, 0])
    assert values["hoo0"].tolist() == pytest.approx([0, 25 / 100, 0])  # the rest against what is missing
    for name in ("hso00", "hso02", "hso04", "hso10", "hso12", "hso14"):
        assert values[name].tolist() == [0, 0, 0]
    assert values["cleoCone1"].tolist() == pytest.approx([5, 0, 0])


def test_no_events_make_empty_columns():
    values = continuum_variables(candidate_events(3)[:0], SQRT_S)
    assert all(column.shape == (0,) for column in values.values())


def test_missing_columns_are_all_named():
    sets = candidate_events(2)
    bare = ParticleSets({"px": sets.particles["px"], "pz": sets.particles["pz"]}, sets.offsets)
    with pytest.raises(InputError, match="py, energy, charge, from_candidate, candidate_energy"):
        continuum_variables(bare, SQRT_S)


@settings(max_examples=30, deadline=None)
@given(seed=seeds)
def test_cosine_between_axes_ignores_their_length_and_sign(seed):
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    cosine = cosine_between(one, two)
    assert ((cosine >= 0) & (cosine <= 1)).all()
    assert cosine_between(-3 * two, one) == pytest.approx(cosine)
    assert cosine_between(one, one) == pytest.approx(np.ones(5))
