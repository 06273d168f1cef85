"""Tags are there and wrong as often as their settings say, and the mistag that they claim is true."""

import numpy as np
import pytest
from pydantic import ValidationError

from hepsets.simulate.flavour_tagging import TaggingConfig, draw_tags

N = 100_000


def flavours(seed=1):
    return np.random.default_rng(seed).choice([-1, 1], N)


def test_tags_have_the_efficiency_and_the_power_of_the_settings():
    config = TaggingConfig()
    tags = draw_tags(flavours(), config, seed=1)
    assert (tags.decision != 0).mean() == pytest.approx(config.efficiency, abs=0.005)
    assert tags.power == pytest.approx(config.power, rel=0.03)
    assert 0.05 < config.power < 0.07


def test_a_tag_is_wrong_as_often_as_it_claims():
    true = flavours()
    tags = draw_tags(true, TaggingConfig(dilution=0.5, dilution_spread=0.25), seed=2)
    tagged = tags.decision != 0
    wrong = (tags.decision != true)[tagged]
    for low, high in ((0, 0.15), (0.15, 0.3), (0.3, 0.5)):
        inside = (tags.mistag[tagged] > low) & (tags.mistag[tagged] < high)
        assert wrong[inside].mean() == pytest.approx(tags.mistag[tagged][inside].mean(), abs=0.01)
    assert (tags.mistag[~tagged] == 0.5).all()


def test_without_spread_all_tags_have_one_mistag_and_perfect_ones_are_never_wrong():
    true = flavours()
    perfect = draw_tags(true, TaggingConfig(efficiency=1, dilution=1, dilution_spread=0), seed=1)
    assert np.array_equal(perfect.decision, true)
    assert perfect.power == 1


def test_what_has_no_flavour_is_tagged_as_either():
    tags = draw_tags(np.zeros(N, dtype=int), seed=1)
    assert abs(tags.decision.mean()) < 0.015


def test_the_seed_alone_says_which_tags_they_are():
    one, same, other = (draw_tags(flavours(), seed=seed).decision for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert draw_tags(np.zeros(0, dtype=int), seed=1).power == 0


def test_impossible_spreads_and_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="too wide"):
        TaggingConfig(dilution=0.9, dilution_spread=0.4)
    with pytest.raises(ValidationError, match="mistag"):
        TaggingConfig(mistag=0.3)
