"""Augmentation: each image of a batch turned in its own way, as whole data sets are."""

from __future__ import annotations

import numpy as np
import torch

from hepsets.core.images import Images
from hepsets.represent.images.augmentation import RandomTurns, turned_between
from hepsets.represent.images.turns import four_turns, turned

PIXELS = np.random.default_rng(1).random((40, 1, 9, 9)).astype(np.float32)


def test_quarter_turns_are_drawn_for_each_image_and_change_no_pixel():
    torch.manual_seed(1)
    found = RandomTurns("quarter")(torch.from_numpy(PIXELS)).numpy()
    quarter = [
        next(k for k, one in enumerate(four_turns(before)) if np.array_equal(one, after))
        for before, after in zip(PIXELS, found, strict=True)
    ]
    assert set(quarter) == {0, 1, 2, 3}


def test_turns_between_pixels_are_those_of_whole_data_sets():
    angles = np.linspace(3, 357, len(PIXELS))
    found = turned_between(torch.from_numpy(PIXELS), torch.from_numpy(np.radians(angles)).float())
    images = Images(PIXELS, np.zeros(len(PIXELS), dtype=int), np.arange(len(PIXELS)))
    np.testing.assert_allclose(found, turned(images, angles).pixels, atol=1e-5)


def test_a_second_turn_blurs_a_fine_pattern_less_if_it_is_bicubic():
    waves = torch.cos(torch.arange(17.0) * 2 * torch.pi / 4).expand(1, 1, 17, 17)
    angle = torch.tensor([torch.pi / 5])
    linear, cubic = (
        turned_between(waves, angle, how)[..., 5:12, 5:12].std() for how in ("bilinear", "bicubic")
    )
    assert linear < 0.85 * waves.std()
    assert cubic > 1.1 * linear


def test_a_training_repeats_with_pytorchs_seed_and_may_do_without_turns():
    batch = torch.from_numpy(PIXELS)
    torch.manual_seed(5)
    first = RandomTurns("any")(batch)
    torch.manual_seed(5)
    assert torch.equal(first, RandomTurns("any")(batch))
    assert torch.equal(batch, RandomTurns("none")(batch))
