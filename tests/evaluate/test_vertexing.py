"""The measure of a vertex finder, on toy events with a known answer."""

import numpy as np
import pytest
from helpers.toy_vertices import b_event, primary_group, seen_from_groups
from scipy import optimize, stats

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.reconstructed import FROM_B, FROM_C, FROM_C_OF_B, FROM_PRIMARY
from hepsets.core.vertexed_events import VertexedEvents
from hepsets.evaluate.vertexing import (
    b_efficiency,
    chi2_flatness,
    chi2_probabilities,
    core_width,
    fake_rate,
    flights,
    has_vertex,
    match,
    narrow_width,
    vertexing_quality,
)
from hepsets.select.vertices.event import vertexed


def by_hand(kinds, origins, flavour, z):
    """One event whose vertices lie on the thrust axis, the primary one at 0."""
    n = len(kinds)
    vertices = {"x": np.zeros(n), "y": np.zeros(n), "z": np.array(z, dtype=float)}
    vertices |= {"kind": np.array(kinds, dtype=np.int8), "origin": np.array(origins, dtype=np.int8)}
    columns = {"thrust_x": [0.0], "thrust_y": [0.0], "thrust_z": [1.0], "flavour": [flavour]}
    return VertexedEvents(
        ParticleSets(
            {"vertex": np.zeros(1, dtype=np.int16)}, [0, 1], {k: np.array(v) for k, v in columns.items()}
        ),
        ParticleSets(vertices, [0, n]),
    )


def test_one_hemisphere_of_two_with_a_vertex_of_the_chain_is_one_half():
    assert b_efficiency(by_hand([0, 1, 1], [0, 1, 2], 5, [0, 0.3, 0.5])).value == 0.5
    assert b_efficiency(by_hand([0, 1, 1], [0, 1, 2], 5, [0, 0.3, -0.5])).value == 1.0
    assert b_efficiency(by_hand([0, 1, 2], [0, -1, 1], 5, [0, 0.3, -0.5])).value == 0.0


def test_fakes_are_displaced_vertices_of_tracks_from_elsewhere():
    assert fake_rate(by_hand([0, 1], [0, -1], 3, [0, 0.3])).value == 1.0
    assert fake_rate(by_hand([0, 1, 1], [0, 4, 5], 3, [0, 0.3, 2.0])).value == 0.0
    assert fake_rate(by_hand([0, 2], [0, -1], 3, [0, 0.3])).value == 0.0


def test_what_is_measured_needs_events_of_its_flavour():
    with pytest.raises(InputError, match="no events of flavour 5"):
        b_efficiency(by_hand([0], [0], 3, [0]))


def test_the_core_is_the_standard_deviation_of_a_normal_distribution_whatever_its_tails():
    rng = np.random.default_rng(1)
    values = rng.normal(scale=3.0, size=20_000)
    width = core_width(values)
    assert width.value == pytest.approx(3.0, abs=4 * width.se)
    values[:200] = 1e6
    assert core_width(values).value == pytest.approx(3.0, rel=0.05)
    repeated = [core_width(rng.normal(size=400)).value for _ in range(400)]
    assert np.std(repeated) == pytest.approx(core_width(rng.normal(size=400)).se, rel=0.2)
    with pytest.raises(InputError, match="3 values"):
        core_width(values[:3])


def test_the_narrow_one_of_two_normal_distributions_does_not_see_the_other():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(scale=2.0, size=8000), rng.normal(scale=20.0, size=2000)])
    width = narrow_width(values)
    assert width.value == pytest.approx(2.0, rel=0.06)
    assert core_width(values).value > 2.2
    one = rng.normal(scale=2.0, size=8000)
    assert narrow_width(one).value == pytest.approx(2.0, rel=0.12)


def test_hemispheres_are_those_of_each_event_as_seen_from_its_own_primary_vertex():
    """Three events; in the second the axis lies along x, and both vertices are before the origin."""
    first = by_hand([0, 1, 1], [0, 1, 1], 5, [1.0, 0.7, 1.4])
    second = by_hand([0, 1, 1], [0, 1, 2], 5, [0, 0, 0])
    second = second.with_columns(thrust_x=np.array([1.0]), thrust_z=np.array([0.0]))
    second.vertices.particles["x"][:] = [-5.0, -4.0, -3.0]
    third = by_hand([0, 1], [0, -1], 5, [0, -1.0])
    events = VertexedEvents.concatenate([first, second, third])
    np.testing.assert_allclose(flights(events)[:3, 2], [0, -0.3, 0.4])
    np.testing.assert_allclose(flights(events)[3:6, 0], [0, 1, 2])
    chain = events.vertices.particles["kind"] == 1
    assert has_vertex(events, chain).tolist() == [[True, True], [False, True], [True, False]]
    assert b_efficiency(events) == Measured.proportion(3, 6)
    assert b_efficiency(VertexedEvents.concatenate([first, by_hand([0], [0], 3, [0])])).value == 1


def test_an_event_with_two_fakes_is_one_event_with_fakes():
    events = [([0, 1, 1], [0, -1, -1], 3), ([0, 1], [0, 4], 3), ([0], [0], 3), ([0, 1], [0, -1], 5)]
    made = [by_hand(kinds, origins, flavour, [0.1] * len(kinds)) for kinds, origins, flavour in events]
    assert fake_rate(VertexedEvents.concatenate(made)) == Measured.proportion(1, 3)


def test_chi2_probabilities_of_a_line_of_quantiles_are_flat_and_small_ones_are_not():
    """With two degrees of freedom the probability of a larger χ² is exp(-χ² / 2)."""
    chance = (np.arange(200) + 0.5) / 200
    events = by_hand([1] * 201, [1] * 201, 5, [0] * 201)
    ndf = np.append(np.full(200, 2), 0)
    for power, p_value in ((1, 1.0), (2, 0.0)):
        columns = {"chi2": np.append(-2 * power * np.log(chance), 7.0), "ndf": ndf}
        made = VertexedEvents(events.particles, ParticleSets(columns, [0, 201]))
        np.testing.assert_allclose(chi2_probabilities(made), chance**power)
        assert chi2_flatness(made) == pytest.approx(p_value, abs=1e-6)
    single = ParticleSets({"chi2": np.ones(1), "ndf": np.ones(1)}, [0, 1])
    (probability,) = chi2_probabilities(VertexedEvents(by_hand([1], [1], 5, [0]).particles, single))
    assert probability == pytest.approx(2 * stats.norm.sf(1))


def one_flight(truth, row, n_tracks=3, origin=FROM_B, kind=1, prompt=True):
    """A primary vertex at (0.1, 0, 0), in truth at (0.1, 0, 0.01), and one displaced by (0.3, 0.4, 0).

    ``truth`` are the production points of displaced tracks and ``row`` their vertices.
    """
    n = len(truth) + 2
    particles = {
        "vertex": np.array([0, -1, *row], dtype=np.int16),
        "origin": np.array([FROM_PRIMARY if prompt else FROM_B, FROM_PRIMARY, *[FROM_B] * len(truth)]),
        "is_track": np.array([True, False] + [True] * len(truth)),
    }
    points = np.array([(0.1, 0, 0.01), (7, 7, 7), *truth], dtype=float)
    particles |= {f"true_{name}": points[:, k] for k, name in enumerate("xyz")}
    vertices = {"x": [0.1, 0.4], "y": [0.0, 0.4], "z": [0.0, 0.0], "origin": [FROM_PRIMARY, origin]}
    vertices |= {"kind": [0, kind], "n_tracks": [1, n_tracks]}
    vertices |= {
        f"cov_{name}_{name}": [1.0, value**2] for name, value in zip("xyz", (0.1, 0.2, 0.5), strict=True)
    }
    seen = ParticleSets(particles, [0, n])
    return VertexedEvents(seen, ParticleSets({k: np.array(v) for k, v in vertices.items()}, [0, 2])), seen


def matched(*flights_made):
    """The match of several events at once."""
    events, seen = zip(*flights_made, strict=True)
    return match(VertexedEvents.concatenate(events), ParticleSets.concatenate(seen))


B, OTHER = (0.41, 0.4, 0.02), (-9.0, 9.0, 9.0)


def test_the_truth_of_a_vertex_is_where_most_of_its_tracks_come_from():
    mixed = one_flight([OTHER, B, OTHER, B], [1, 1, -1, 1])
    pure = one_flight([B, B], [1, 1], n_tracks=2)
    found = matched(mixed, pure)
    # from (0.1, 0, 0.01) to B is (0.31, 0.4, 0.01), of which (0.093 + 0.16) / 0.5 lies along (0.3, 0.4, 0)
    np.testing.assert_allclose(found.flight_residual, 0.5 - 0.253 / 0.5)
    np.testing.assert_allclose(found.pulls, [[-0.1, 0, -0.04]] * 2, atol=1e-12)
    assert found.is_pure.tolist() == [False, True]


def test_only_displaced_vertices_of_heavy_hadrons_with_tracks_and_a_known_begin_are_matched():
    def truths(**what):
        return len(matched(one_flight([B, B], [1, 1], **what), one_flight([B], [1])).is_pure)

    assert [truths(origin=origin) for origin in (FROM_B, FROM_C_OF_B, FROM_C)] == [2, 2, 2]
    assert [truths(origin=-1), truths(origin=FROM_PRIMARY), truths(kind=2)] == [1, 1, 1]
    assert [truths(n_tracks=2), truths(n_tracks=1), truths(prompt=False)] == [2, 1, 1]


def test_the_quality_is_made_of_its_parts_in_micrometres():
    """Sixty flights at random places beside their truth, a third of them with a track from elsewhere."""
    rng = np.random.default_rng(5)
    made = []
    for number in range(60):
        true = np.array(B) + rng.normal(scale=[0.1, 0.2, 0.5])
        made.append(one_flight([true, true, *[OTHER] * (number % 3 == 0)], [1] * (2 + (number % 3 == 0))))
    events, seen = zip(*made, strict=True)
    flavour = np.repeat([5, 3], [40, 20])
    columns = {
        "thrust_x": np.ones(60),
        "thrust_y": np.zeros(60),
        "thrust_z": np.zeros(60),
        "flavour": flavour,
    }
    joined = ParticleSets.concatenate(seen)
    found = VertexedEvents.concatenate(events).with_columns(**columns)
    free = {"chi2": rng.chisquare(3, 120), "ndf": np.full(120, 3)}
    vertices = ParticleSets({**found.vertices.particles, **free}, found.vertices.offsets)
    found = VertexedEvents(found.particles, vertices)
    seeded = found[10:]
    quality = vertexing_quality(found, seeded, joined)
    matched = match(found, joined)
    pure, pulls = matched.flight_residual[matched.is_pure], matched.pulls[matched.is_pure]
    assert (len(pure), len(matched.is_pure)) == (40, 60)
    for stated, width in (
        (quality.flight_resolution_um, narrow_width(pure)),
        (quality.flight_width_um, core_width(pure)),
        (quality.mixed_flight_width_um, core_width(matched.flight_residual)),
    ):
        assert (stated.value, stated.se) == pytest.approx((1e4 * width.value, 1e4 * width.se))
    assert quality.pull_width == tuple(core_width(pulls[:, axis]) for axis in range(3))
    assert quality.chi2_probability_ks_p == chi2_flatness(seeded)
    assert (quality.b_efficiency, quality.fake_rate) == (b_efficiency(found), fake_rate(found))


def test_the_core_of_even_values_is_as_wide_as_they_lie():
    width = core_width(np.arange(1001.0) - 300)
    assert (width.value, width.se) == pytest.approx((341.5, 0.95 * 341.5 / np.sqrt(1001)))
    assert core_width(np.arange(10.0)).value == pytest.approx(0.683 * 4.5)


def test_the_narrow_width_is_that_of_the_greatest_likelihood():
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(scale=2.0, size=3000), rng.normal(scale=15.0, size=1500)])

    def minus_log_likelihood(logs):
        share, narrow, wide = 1 / (1 + np.exp(-logs[0])), np.exp(logs[1]), np.exp(logs[2])
        density = share * stats.norm.pdf(values, scale=narrow) + (1 - share) * stats.norm.pdf(
            values, scale=wide
        )
        return -np.log(density).sum()

    best = optimize.minimize(minus_log_likelihood, [0.7, 0.7, 2.7], method="Nelder-Mead", tol=1e-8).x
    width = narrow_width(values)
    assert width.value == pytest.approx(np.exp(best[1]), rel=1e-3)
    share = 1 / (1 + np.exp(-best[0]))
    # share and the other width are free: the error is more than that of a width of as many values
    assert width.se > 1.2 * width.value / np.sqrt(2 * share * len(values))
    # what is farther out than any distribution reaches changes nothing but the core it is measured by
    far = np.append(values, [1e5, -1e5])
    assert narrow_width(far).value == pytest.approx(width.value, rel=1e-5)


@pytest.mark.parametrize("third", [0, 150])
def test_narrow_widths_of_toys_scatter_as_their_errors_say(third):
    """Flights as those of b hadrons; also with a third distribution that the fit does not know."""
    rng = np.random.default_rng(6)
    sizes = {35.0: 900, 100.0: 450, 300.0: third}
    toys = [
        narrow_width(np.concatenate([rng.normal(scale=scale, size=n) for scale, n in sizes.items()]))
        for _ in range(60)
    ]
    spread = np.std([toy.value for toy in toys], ddof=1)
    assert 0.8 < np.median([toy.se for toy in toys]) / spread < 1.4
    assert spread > 1.4 * 35.0 / np.sqrt(2 * 900)


@pytest.fixture(scope="module")
def seen():
    rng = np.random.default_rng(2)
    made = seen_from_groups(
        [b_event(rng) for _ in range(150)] + [[primary_group(rng, 15)] for _ in range(50)]
    )
    return made.with_columns(flavour=np.repeat([5, 3], [150, 50]).astype(np.int8))


@pytest.mark.validate
def test_toys_are_measured_as_they_were_made(seen):
    found, seeded = vertexed(seen, vertices="found"), vertexed(seen, vertices="seeded")
    quality = vertexing_quality(found, seeded, seen)
    assert quality.b_efficiency.value > 0.9
    assert quality.fake_rate.value < 0.1
    assert quality.chi2_probability_ks_p > 0.01
    for width in quality.pull_width:
        assert width.value == pytest.approx(1, abs=0.2)
    assert 0 < quality.flight_resolution_um.value < 100


def test_seeded_vertices_are_pure_and_without_bias(seen):
    matched = match(vertexed(seen, vertices="seeded"), seen)
    assert matched.is_pure.all()
    assert len(matched.pulls) == 600
    error = core_width(matched.flight_residual).value / np.sqrt(600)
    assert abs(np.median(matched.flight_residual)) < 5 * error


def test_probabilities_are_those_of_vertices_with_degrees_of_freedom(seen):
    events = vertexed(seen[:5], vertices="seeded")
    assert len(chi2_probabilities(events)) == (events.vertices.particles["ndf"] > 0).sum()
