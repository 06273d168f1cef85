"""Events along the beam: each kind as often, and each particle in images as in sets."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.random_events import random_events

from hepsets.analyses.c4_images import event_samples
from hepsets.analyses.c4_images.config import Config, ViewsConfig
from hepsets.analyses.c4_images.event_samples import TURNED, get_views, sets_of, some_events
from hepsets.analyses.c4_images.samples import TEST

CONFIG = Config(views=ViewsConfig(training=12, validation=10, test=11, pixels=8))


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    asked = []

    def generated(sample, events, *, seed, workers):
        asked.append(sample)
        yield random_events(events, seed=len(asked))

    patched = pytest.MonkeyPatch()
    patched.setattr(event_samples, "generate_sample", generated)
    found = get_views(CONFIG, tmp_path_factory.mktemp("views"))
    patched.undo()
    return found, asked


def test_all_samples_are_mixed_and_each_kind_is_as_frequent(views):
    found, asked = views
    assert set(asked) == {"uubar", "ddbar", "ssbar", "ccbar", "mixed", "charged", "zud", "zss", "zbb"}
    for sample in found.values():
        for part, number in (("training", 12), ("validation", 10), (TEST, 11), (TURNED, 11)):
            assert np.bincount(sample.load(part).labels).tolist() == [number, number]
    assert found["z_views"].classes == ("light", "b b̄")


def test_images_and_sets_hold_the_same_momenta(views):
    found, _ = views
    for sample in found.values():
        images, sets = sample.load(TEST), sets_of(sample, TEST)
        pt = np.bincount(
            sets.event_of_particle, weights=np.exp(sets.particles["log_pt"]), minlength=len(sets)
        )
        np.testing.assert_allclose(images.pixels.sum(axis=(1, 2, 3)), pt, rtol=1e-4, atol=1e-4)


def test_turned_events_are_the_same_sets_and_other_images(views):
    found, _ = views
    sample = found["upsilon4s_views"]
    before, after = sets_of(sample, TEST), sets_of(sample, TURNED)
    np.testing.assert_allclose(before.particles["cosine"], after.particles["cosine"], atol=1e-5)
    assert (sample.load(TEST).pixels != sample.load(TURNED).pixels).any()


def test_some_events_of_each_kind_are_shown(views):
    found, _ = views
    assert some_events(found["z_views"], 3).shape == (2, 3, 2, 8, 8)
