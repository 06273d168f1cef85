"""Tracks that change to a displaced vertex, and vertices of a single track along a flight."""

import numpy as np
import pytest
from helpers.toy_helices import isotropic, vertex_rows

from hepsets.core.kernel import as_record
from hepsets.select.vertices.config import DisplacedConfig
from hepsets.select.vertices.displaced import Primary, find_displaced
from hepsets.select.vertices.found import VERTEX
from hepsets.select.vertices.leftovers import claim_shared, find_singles, fit_on_line

CONFIG = as_record(DisplacedConfig(max_mass=30.0))  # momenta of toys are far apart
PRIMARY = Primary(np.zeros(3), np.array([1e-8, 0, 1e-10, 0, 0, 1e-8]))
WAY = np.array([2.0, 1.0, 1.0]) / np.sqrt(6.0)


def with_vertex(rng, *others):
    """Three tracks from 3 mm away, fitted, and others beside them that are in no vertex."""
    rows = np.concatenate([vertex_rows(rng, 0.3 * WAY, isotropic(rng, 3, 2, 6, WAY, 0.5)), *others])
    vertex, vertices = np.full(len(rows), -1, dtype=np.int16), np.zeros(len(rows) + 1, dtype=VERTEX)
    free = np.arange(len(rows)) < 3
    n = find_displaced(rows, free, PRIMARY, CONFIG, vertex, vertices, 0)
    return rows, vertex, vertices, n


def claimed(rows, vertex, vertices, n, missed):
    inside = np.arange(len(rows)) >= 3
    missed = np.full(len(rows), missed)
    changed = claim_shared(rows, missed, inside, PRIMARY, CONFIG, vertex, vertices, (0, n))
    return changed, inside


def test_a_track_of_the_displaced_vertex_changes_to_it_if_the_primary_one_fits_worse():
    n_changed, n_kept = 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        missing = vertex_rows(rng, 0.3 * WAY, isotropic(rng, 1, 2, 6, WAY, 0.5))
        event = with_vertex(rng, missing)
        if event[3] != 1:
            continue
        n_kept += not claimed(*event, missed=1.0)[0]
        changed, inside = claimed(*event, missed=8.0)
        n_changed += changed
        assert inside[3] != changed
        assert event[2][0]["n_tracks"] == (event[1] == 0).sum()
        assert event[2][0]["ndf"] == 2 * event[2][0]["n_tracks"] - 3
    assert n_kept > 120
    assert 0.72 * n_kept < n_changed < 0.95 * n_kept  # χ² < 4 with two degrees of freedom: 0.86


def test_a_track_that_passes_elsewhere_stays():
    rng = np.random.default_rng(1)
    event = with_vertex(rng, vertex_rows(rng, (0, 0, 0), isotropic(rng, 4, 2, 6, -WAY, 0.5)))
    changed, inside = claimed(*event, missed=8.0)
    assert not changed
    assert inside[3:].all()


def test_a_single_track_beyond_the_vertex_has_a_vertex_where_it_began():
    n, pulls = 0, []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        at = 0.6 * WAY
        rows, vertex, vertices, n_before = with_vertex(
            rng, vertex_rows(rng, at, isotropic(rng, 1, 2, 6, WAY, 0.5))
        )
        if n_before != 1:
            continue
        free = vertex == -1
        free[:3] = False
        made = find_singles(rows, free, PRIMARY, CONFIG, vertex, vertices, (0, 1))
        n += 1
        if made:
            single = vertices[1]
            assert vertex[3] == 1
            assert (single["n_tracks"], single["ndf"]) == (1, 1)
            place = np.array([single[name] for name in "xyz"])
            pulls.append(((place - at) @ WAY) / np.sqrt(single["cov_x_x"] + single["cov_z_z"]))
    assert len(pulls) > 0.7 * n
    assert np.std(pulls) < 2


def test_a_track_from_the_primary_vertex_and_one_that_flies_back_have_none():
    for towards, at in ((1, 0.0), (-1, 0.6)):
        made = 0
        for seed in range(20):
            rng = np.random.default_rng(seed)
            own = vertex_rows(rng, at * WAY, isotropic(rng, 1, 2, 6, towards * WAY, 0.5))
            rows, vertex, vertices, n = with_vertex(rng, own)
            free = np.arange(len(rows)) == 3
            made += find_singles(rows, free, PRIMARY, CONFIG, vertex, vertices, (0, n))
        assert made < 4


def test_the_crossing_with_the_line_is_exact_for_a_track_without_errors():
    rng = np.random.default_rng(2)
    row = vertex_rows(rng, 0.5 * WAY, isotropic(rng, 1, 2, 6, WAY, 0.5), smear=False)[0]
    point, covariance = 0.3 * WAY, np.empty(6)
    assert fit_on_line(row, PRIMARY, CONFIG, point, covariance) == pytest.approx(0, abs=1e-6)
    assert point == pytest.approx(0.5 * WAY, abs=1e-5)
