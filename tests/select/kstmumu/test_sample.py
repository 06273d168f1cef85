"""Samples of B → K*μμ: sizes, independence, and what each level of realism holds."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS
from hepsets.select.kstmumu.cuts import is_selected
from hepsets.select.kstmumu.sample import LEVELS, make_sample


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_sample_has_the_signal_asked_for_within_its_window(level, window):
    sample = make_sample(level, window, -0.8, 700, 1)
    assert len(sample) == (700 if level != "background" else 700 + 770)
    assert WINDOWS[window].contains(sample["q_squared"]).all()
    assert (sample["delta_c9"] == -0.8).all()
    if level != "generator":
        assert sample["is_signal"].sum() == 700
        assert is_selected(sample, WINDOWS[window]).all()


@pytest.mark.parametrize("level", LEVELS)
def test_samples_repeat_with_their_seed_and_differ_without(level):
    first, again, other = (make_sample(level, "0-20", 0.0, 300, seed) for seed in (1, 1, 2))
    for name in first.columns:
        np.testing.assert_array_equal(first[name], again[name])
    assert not np.isin(first["q_squared"], other["q_squared"]).any()


@pytest.mark.parametrize("level", ["generator", "detector"])
def test_fewer_events_are_the_first_of_more(level):
    few, many = (make_sample(level, "0-20", 0.0, n, 1) for n in (50, 400))
    np.testing.assert_array_equal(few["chi"], many["chi"][:50])


def test_samples_from_other_first_events_share_nothing():
    first, second = (make_sample("detector", "0-20", 0.0, 300, 1, first_event=n) for n in (0, 10_000))
    assert not np.isin(first["q_squared"], second["q_squared"]).any()


def test_a_vetoed_truth_may_be_measured_outside_of_the_veto():
    sample = make_sample("detector", "0-20", 0.0, 20_000, 1)
    leaked = ~WINDOWS["0-20"].contains(sample["truth_q_squared"])
    assert 0 < leaked.mean() < 0.02


def test_only_background_has_no_truth():
    sample = make_sample("background", "0-20", 0.0, 500, 1)
    for name in VARIABLES:
        np.testing.assert_array_equal(np.isfinite(sample[f"truth_{name}"]), sample["is_signal"])


def test_background_is_mixed_into_the_signal():
    sample = make_sample("background", "0-20", 0.0, 2000, 1)
    share = 2000 / len(sample)
    for part in (sample[:1000], sample[-1000:]):
        assert abs(part["is_signal"].mean() - share) < 5 * np.sqrt(share * (1 - share) / 1000)


def test_background_is_as_much_as_asked_for():
    assert len(make_sample("background", "0-20", 0.0, 200, 1, background_over_signal=0.0)) == 200
    assert len(make_sample("background", "0-20", 0.0, 200, 1, background_over_signal=2.5)) == 700
    counts = {len(make_sample("background", "0-20", 0.0, 100, seed, poisson=True)) - 100 for seed in range(8)}
    assert len(counts) > 3
    assert all(60 < count < 170 for count in counts)


def test_background_of_the_sideband_lies_there():
    sample = make_sample("background", "0-20", 0.0, 300, 1, sideband=True)
    mbc = sample["mbc"][~sample["is_signal"]]
    assert ((mbc > 4.8) & (mbc < 5.26)).all()
    assert (sample["mbc"][sample["is_signal"]] > 5.27).all()


@pytest.mark.parametrize(
    ("arguments", "options", "match"),
    [
        (("truth", "0-20", 0.0, 10, 1), {}, "'truth'"),
        (("detector", "2-18", 0.0, 10, 1), {}, "'2-18'"),
        (("detector", "0-20", 0.0, 0, 1), {}, "0 events"),
        (("background", "0-20", 0.0, 10, 1), {"background_over_signal": -1.0}, "-1.0"),
    ],
)
def test_bad_requests_are_refused(arguments, options, match):
    with pytest.raises(InputError, match=match):
        make_sample(*arguments, **options)
