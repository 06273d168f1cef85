"""Weights of combinations, and maps."""

from __future__ import annotations

import numpy as np
import pytest

from hepsets.analyses.pretraining.trunks import latent_map, weighted


def test_the_first_objective_weighs_one_and_the_second_what_is_tried():
    found = weighted("supervised+masked", (0.3, 3.0))
    assert [one.supervised for one in found.values()] == [1.0, 1.0]
    assert [one.masked for one in found.values()] == [0.3, 3.0]
    assert list(weighted("masked", (0.3, 3.0))) == [1.0]


def test_a_map_shows_the_plane_of_greatest_spread():
    rng = np.random.default_rng(0)
    events = np.zeros((400, 6), dtype=np.float32)
    events[:, 2], events[:, 4] = 5 * rng.normal(size=400), rng.normal(size=400)
    found = latent_map(events, np.array([0, 1] * 200), ("mixed", "other"))
    assert found.explained == pytest.approx(1.0)
    assert found.points.std(0) == pytest.approx([1.0, 0.2], abs=0.03)
    assert set(found.kind.tolist()) == {0, -1}
