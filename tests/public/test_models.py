"""The public names about models give what the stages below give."""

from __future__ import annotations

import numpy as np

import hepsets as hs
from hepsets.evaluate.scores.classification import classify


def test_the_area_is_that_of_the_reports():
    random = np.random.default_rng(1)
    labels = random.random(200) < 0.3
    scores = np.clip(random.random(200) * 0.6 + 0.3 * labels, 0, 1)
    weights = random.random(200)
    found = hs.auc(labels, scores, weights)
    expected = classify(labels, scores, weights)
    assert (found.value, found.se) == (expected.auc, expected.auc_se)


def test_a_filter_is_loaded_by_its_name():
    assert hs.load_filter("hadronic_b0").skims == ("hadronic_b0",)
