"""Covariances of layered trackers: IDEA's published resolutions, and what moves them."""

import math

import numpy as np
import pytest

from hepsets.simulate.idea import IDEA, IdeaConfig
from hepsets.simulate.layers import (
    Layer,
    LayeredTrackerConfig,
    covariance_grid,
    covariance_of,
    cross,
    find_factor,
    fit_inwards,
    scattering_angle,
    smear,
    start_limits,
    surfaces,
)
from hepsets.simulate.vertexing import CURVATURE

PARAMETERS = ("d0", "phi", "omega", "z0", "tan_lambda")


def covariance(momentum, theta=90.0, *, start=0.0, charge=1, tracker=IDEA.tracker):
    """The 5 × 5 covariance of a track, interpolated; None if there is no track."""
    angle = math.radians(theta)
    factor, lower = np.zeros(15), np.zeros(15)
    eta = -math.log(math.tan(0.5 * angle))
    grid = covariance_grid(tracker)
    if not find_factor(grid, momentum * math.sin(angle), eta, charge, start, factor):
        return None
    covariance_of(factor, lower)
    full = np.zeros((5, 5))
    full[np.tril_indices(5)] = lower
    return np.tril(full) + np.tril(full, -1).T


def sigma(name, momentum, theta=90.0, **settings):
    place = PARAMETERS.index(name)
    return math.sqrt(covariance(momentum, theta, **settings)[place, place])


def relative_pt(momentum, theta=90.0, *, tracker=IDEA.tracker):
    """σ(pT)/pT."""
    omega = CURVATURE * tracker.field / (momentum * math.sin(math.radians(theta)))
    return sigma("omega", momentum, theta, tracker=tracker) / omega


@pytest.mark.parametrize(
    ("momentum", "micrometres"), [(0.5, 26.8), (1, 14.2), (2, 8.3), (5, 4.5), (10, 3.0), (45, 2.0)]
)
def test_impact_parameters_are_as_good_as_those_of_the_idea_geometry_elsewhere(momentum, micrometres):
    assert 1e4 * sigma("d0", momentum) == pytest.approx(micrometres, rel=0.10)
    assert sigma("z0", momentum) == pytest.approx(sigma("d0", momentum), rel=0.10)


@pytest.mark.parametrize("momentum", [0.5, 1, 2, 45])
@pytest.mark.parametrize("theta", [90, 60, 45])
def test_impact_parameters_follow_the_usual_formula(momentum, theta):
    # two terms describe low and high momenta; between them (5 to 10 GeV) they are up to a fifth too low
    sine = math.sin(math.radians(theta))
    expected = math.hypot(2.2, 14.6 / (momentum * sine**1.5))
    assert 1e4 * sigma("d0", momentum, theta) == pytest.approx(expected, rel=0.16)


@pytest.mark.parametrize(("momentum", "per_cent"), [(1, 0.048), (5, 0.056), (10, 0.071), (45, 0.16)])
def test_momenta_are_as_good_as_those_of_the_idea_geometry_elsewhere(momentum, per_cent):
    assert 100 * relative_pt(momentum) == pytest.approx(per_cent, rel=0.10)


def test_resolutions_fall_with_momentum_and_rise_towards_the_beams():
    momenta = [0.3, 0.5, 1, 2, 5, 10, 20, 45]
    assert (np.diff([sigma("d0", p) for p in momenta]) < 0).all()
    assert (np.diff([sigma("d0", 2, theta) for theta in (90, 70, 50, 30, 15)]) > 0).all()
    assert (np.diff([sigma("z0", 2, theta) for theta in (90, 70, 50, 30, 15)]) > 0).all()


def test_a_nearer_first_layer_gives_better_impact_parameters():
    near, far = (IdeaConfig(first_layer_radius=r).detector().tracker for r in (1.2, 1.7))
    for momentum in (1, 10):
        sigmas = [sigma("d0", momentum, tracker=tracker) for tracker in (near, IDEA.tracker, far)]
        assert sigmas == sorted(sigmas)
    worse = IdeaConfig(first_layer_resolution=1e-3).detector().tracker
    assert sigma("d0", 45, tracker=worse) > 1.1 * sigma("d0", 45)


@pytest.mark.parametrize("momentum", [1.0, 20.0])
def test_momentum_resolution_goes_with_the_inverse_of_the_field(momentum):
    aleph = IdeaConfig(field=1.5).detector().tracker
    assert relative_pt(momentum, tracker=aleph) / relative_pt(momentum) == pytest.approx(2 / 1.5, rel=0.04)


def test_a_track_that_begins_outside_misses_the_inner_layers():
    near, second, chamber = (sigma("d0", 20, start=start) for start in (0, 1.5, 40))
    assert near < second < chamber
    assert covariance(20, start=199.9) is None  # nothing is left to measure it
    assert sigma("d0", 0.5, start=1.1) < sigma("d0", 0.5)  # the beam pipe did not scatter it


def test_every_point_of_the_grid_has_a_positive_definite_covariance():
    grid = covariance_grid(IDEA.tracker)
    there = grid.factors[grid.hits > 0]
    assert np.isfinite(there).all()
    assert (there[:, [0, 2, 5, 9, 14]] > 0).all()
    assert (grid.hits[:, :, 0] >= 6).all()


def test_interpolated_covariances_are_positive_definite_everywhere():
    rng = np.random.default_rng(5)
    found = 0
    for _ in range(3000):
        matrix = covariance(
            math.exp(rng.uniform(math.log(0.11), math.log(60))), rng.uniform(9, 171),
            start=rng.choice([0, rng.uniform(0, 4), rng.uniform(0, 200)]), charge=rng.choice([-1, 1]),
        )  # fmt: skip
        if matrix is not None:
            scale = np.sqrt(np.diag(matrix))
            assert np.linalg.eigvalsh(matrix / np.outer(scale, scale)).min() > 1e-10
            found += 1
    assert found > 1500


def test_between_points_of_the_grid_the_covariance_is_that_of_the_fit():
    layers = surfaces(IDEA.tracker.layers)
    for momentum, eta in ((0.7, 0.31), (3.3, 1.23), (27.0, 0.77)):
        factor, hits = np.zeros((1, 15), np.float32), np.zeros(1, np.int16)
        pt = momentum / math.cosh(eta)
        fit_inwards(layers, IDEA.tracker.field, 6, pt, math.sinh(eta), np.zeros(1), factor, hits)
        theta = math.degrees(2 * math.atan(math.exp(-eta)))
        for place, name in zip((0, 9), ("d0", "z0"), strict=True):
            row = [0, 1, 3, 6, 10][PARAMETERS.index(name)]
            exact = np.linalg.norm(factor[0, row : place + 1])
            assert sigma(name, momentum, theta) == pytest.approx(exact, rel=0.01)


def test_mirrored_tracks_have_mirrored_covariances():
    plus, minus = covariance(2, 60), covariance(2, 60, charge=-1)
    back = covariance(2, 120)
    flip = np.outer([1, 1, 1, -1, -1], [1, 1, 1, -1, -1])
    assert np.allclose(minus, plus * flip, rtol=1e-6)
    assert np.allclose(back, plus * flip, rtol=1e-6)
    assert np.allclose(covariance(2, 120, charge=-1), plus, rtol=1e-6)


def test_without_material_two_layers_measure_a_straight_line():
    # r₁ = 10, r₂ = 20 cm, σ = 10 µm in z: z0 = 2 z₁ − z₂
    layers = tuple(Layer("barrel", r, 0, 1e3, 0.0, 1e-3, 1e-3) for r in (10.0, 20.0, 30.0, 40.0))
    tracker = LayeredTrackerConfig(
        field=1e-3, layers=layers, min_pt=1.0, max_eta=1.0, min_hits=6, radius=40.0, half_length=100.0
    )
    weights = np.array([[1, r] for r in (10, 20, 30, 40)])
    expected = 1e-3 * math.sqrt(np.linalg.inv(weights.T @ weights)[0, 0])
    assert sigma("z0", 10, tracker=tracker) == pytest.approx(expected, rel=1e-4)
    parabola = np.array([[1, r, r * r] for r in (10, 20, 30, 40)])
    expected = 1e-3 * math.sqrt(np.linalg.inv(parabola.T @ parabola)[0, 0])
    assert sigma("d0", 10, tracker=tracker) == pytest.approx(expected, rel=1e-4)


def test_scattering_alone_gives_the_lever_arm_times_the_angle():
    # a perfect tracker behind one scatterer at 2 cm
    scatterer = Layer("barrel", 2.0, 0, 1e3, 0.01)
    layers = (scatterer, *(Layer("barrel", r, 0, 1e3, 0.0, 1e-7, 1e-7) for r in (2.01, 5.0, 10.0)))
    tracker = LayeredTrackerConfig(
        field=1e-3, layers=layers, min_pt=1.0, max_eta=1.0, min_hits=6, radius=10.0, half_length=100.0
    )
    angle = scattering_angle(5.0, 0.01)
    assert angle == pytest.approx(0.0136 / 5 * 0.1 * (1 + 0.038 * math.log(0.01)))
    assert sigma("d0", 5, tracker=tracker) == pytest.approx(2.0 * angle, rel=0.01)
    assert sigma("z0", 5, tracker=tracker) == pytest.approx(2.0 * angle, rel=0.01)
    assert sigma("phi", 5, tracker=tracker) == pytest.approx(angle, rel=0.01)


def test_a_helix_crosses_cylinders_and_discs_where_it_should():
    cylinder, disc = surfaces((Layer("barrel", 10, 0, 5, 0.0), Layer("disc", 20, 5, 30, 0.0)))
    omega = 1 / 30
    way, radius = cross(cylinder, omega, 0.2)
    assert (way, radius) == (pytest.approx(60 * math.asin(1 / 6)), 10)
    assert cross(cylinder, omega, 1.0)[0] == -1  # beyond its end
    assert cross(cylinder, 1 / 4.9, 0.2)[0] == -1  # curls up before
    way, radius = cross(disc, omega, 1.0)
    assert (way, radius) == (pytest.approx(20), pytest.approx(60 * math.sin(1 / 3)))
    assert cross(disc, omega, 0.1)[0] == -1  # half a turn is over


def test_starts_are_told_apart_where_silicon_layers_are():
    limits = start_limits(IDEA.tracker)
    assert {0.0, 1.0, 1.37, 2.37, 3.4, 14.1, 31.5} <= set(limits)
    assert (np.diff(limits) > 0).all()
    assert np.diff(limits).max() < 8.01


def test_errors_are_drawn_with_the_covariance():
    stream = np.array([7], dtype=np.uint64)
    factor = np.zeros(15)
    assert find_factor(covariance_grid(IDEA.tracker), 2.0, 0.5, 1, 0.0, factor)
    draws = np.zeros((20_000, 5))
    for row in draws:
        smear(stream, factor, row)
    lower = np.zeros(15)
    covariance_of(factor, lower)
    expected = np.zeros((5, 5))
    expected[np.tril_indices(5)] = lower
    scale = np.sqrt(np.diag(expected))
    expected = (expected / np.outer(scale, scale))[np.tril_indices(5)]
    assert np.cov(draws.T / scale[:, None])[np.tril_indices(5)] == pytest.approx(expected, abs=0.03)
