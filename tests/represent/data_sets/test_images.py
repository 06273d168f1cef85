from __future__ import annotations

import numpy as np
import pytest
from helpers.toy_decays import toy_decays, toy_sample

from hepsets.core.errors import InputError
from hepsets.represent.data_sets.images import ImageScale
from hepsets.represent.data_sets.pools import EventSets, bootstrapped_sets, variable_matrix

BINS = 6


def images_of(sets: EventSets, scale: ImageScale) -> np.ndarray:
    return scale.images(scale.pixels(variable_matrix(sets.frame)), sets.members, sets.offsets)


@pytest.fixture(scope="module")
def sets() -> EventSets:
    return bootstrapped_sets(toy_sample(500, (-1.0, 1.0), seed=1), 300, 2, seed=2)


def test_a_bin_holds_the_mean_of_its_events(sets: EventSets) -> None:
    matrix = variable_matrix(sets.frame)
    scale = ImageScale.fit(matrix, BINS)
    images = images_of(sets, scale)
    assert images.shape == (4, BINS, BINS, BINS)
    edges = [np.linspace(low, -low, BINS + 1) for low in (-1.0, -1.0, -np.pi)]
    for one in range(4):
        events = matrix[sets.members[sets.offsets[one] : sets.offsets[one + 1]]].astype(float)
        standard = (events[:, 0] - scale.mean) / scale.spread
        total, _ = np.histogramdd(events[:, 1:], edges, weights=standard)
        count, _ = np.histogramdd(events[:, 1:], edges)
        assert (count == 0).any()
        np.testing.assert_allclose(images[one], total / np.maximum(count, 1), atol=1e-6)


def test_q_squared_is_standardised_by_training_events() -> None:
    matrix = variable_matrix(toy_decays(1000, 0.0, seed=3))
    brightness = ImageScale.fit(matrix, BINS).pixels(matrix).brightness
    assert abs(brightness.mean()) < 1e-5
    assert brightness.std() == pytest.approx(1.0, abs=1e-5)


def test_edges_belong_to_bins() -> None:
    corners = np.array([[5, -1, -1, -np.pi], [7, 1, 1, np.pi]], dtype=np.float32)
    scale = ImageScale(BINS, 0.0, 1.0)
    image = scale.images(scale.pixels(corners), np.arange(2), np.array([0, 2]))[0]
    assert image[0, 0, 0] == 5
    assert image[-1, -1, -1] == 7
    assert np.count_nonzero(image) == 2


def test_an_empty_set_is_black_and_order_does_not_show(sets: EventSets) -> None:
    scale = ImageScale.fit(variable_matrix(sets.frame), BINS)
    pixels = scale.pixels(variable_matrix(sets.frame))
    members = sets.members[:300]
    images = scale.images(pixels, np.r_[members, members[::-1]], np.array([0, 300, 300, 600]))
    assert not images[1].any()
    np.testing.assert_allclose(images[0], images[2], atol=1e-6)


def test_one_q_squared_makes_no_scale() -> None:
    with pytest.raises(InputError, match="one q²"):
        ImageScale.fit(np.ones((5, 4), dtype=np.float32), BINS)
