"""Tagged decays refuse what a fit would quietly take for something else."""

import numpy as np
import pytest
from helpers.lhcb_decays import candidates
from helpers.tagged_decays import blueprint

from hepsets.core.errors import InputError
from hepsets.evaluate.decay_time.decays import TaggedDecays, of_candidates, signal_given_time
from hepsets.evaluate.decay_time.fit import fit_delta_m
from hepsets.simulate.flavour_tagging import FlavourTags, TaggingConfig, draw_tags

GOOD = {
    "time": np.array([1.0, 2.0]),
    "resolution": np.array([0.05, 0.05]),
    "mixing": np.array([1, 0]),
    "mistag": np.array([0.3, 0.5]),
    "signal": np.array([0.9, 1.0]),
}


def test_the_dilution_is_that_of_tag_and_signal_and_none_without_a_tag():
    made = TaggedDecays(**GOOD)
    assert made.dilution.tolist() == pytest.approx([0.4 * 0.9, 0])
    assert made.tagged.tolist() == [True, False]
    assert len(made[made.tagged]) == 1


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("time", np.array([1.0, np.nan]), "1 values of time that are not finite"),
        ("time", np.array([1000.0, 2000.0]), "times in ps"),
        ("time", np.array([1e-3, 2e-3]), "times in ps"),
        ("resolution", np.array([0.05, 0.0]), "positive errors"),
        ("mixing", np.array([1, 2]), "mixing states"),
        ("mistag", np.array([0.3, 1.5]), "probabilities"),
        ("signal", np.array([-0.1, 1.0]), "probabilities"),
        ("signal", np.ones(3), "as the times"),
    ],
)
def test_other_values_are_refused(name, value, told):
    with pytest.raises(InputError, match=told):
        TaggedDecays(**{**GOOD, name: value})


def test_a_choice_of_decays_keeps_their_columns_together():
    some = blueprint(100)
    chosen = some[np.array([3, 5])]
    assert np.array_equal(chosen.mistag, some.mistag[[3, 5]])
    assert np.array_equal(chosen.time, some.time[[3, 5]])


def test_the_charge_beside_the_ds_says_whether_a_candidate_mixed():
    columns = {
        "decay_time": np.ones(4),
        "decay_time_err": np.full(4, 0.05),
        "bachelor_charge": np.array([1, -1, 1, 1]),  # B_s⁰ → D_s⁻π⁺
    }
    tags = FlavourTags(np.array([1, 1, -1, 0], dtype=np.int8), np.array([0.3, 0.3, 0.3, 0.5]))
    made = of_candidates(columns, tags, np.ones(4), resolution_scale=1.2)
    assert made.mixing.tolist() == [1, -1, -1, 0]
    assert made.resolution == pytest.approx(0.06)
    del columns["decay_time_err"]
    with pytest.raises(InputError, match="without decay_time_err"):
        of_candidates(columns, tags, np.ones(4))


def test_late_decays_are_signal_rather_than_combinations():
    rng = np.random.default_rng(1)
    signal, background = rng.exponential(1.5, 20_000), rng.exponential(0.5, 20_000)
    time = np.concatenate([signal, background])
    share = signal_given_time(np.full(40_000, 0.5), time, signal, background)
    is_signal = np.arange(40_000) < 20_000
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 0.9), (0.9, 0.99)):
        inside = (share > low) & (share < high)
        if inside.sum() > 200:
            assert is_signal[inside].mean() == pytest.approx(share[inside].mean(), abs=0.02)
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share[time > 3].min() > 0.9
    assert signal_given_time(np.array([0.0, 1.0]), np.ones(2), signal, background).tolist() == [0, 1]


def test_too_few_decays_to_know_their_times_by_are_refused():
    with pytest.raises(InputError, match="20 decays in 8 bins"):
        signal_given_time(np.ones(5), np.ones(5), np.ones(20), np.ones(200))


def test_simulated_candidates_with_perfect_tags_oscillate_at_the_frequency_they_were_made_with():
    _, found = candidates("bs_dspi", 2000, seed=8)
    signal = found[found.columns["category"] == 0].columns
    tags = draw_tags(
        signal["flavour_produced"], TaggingConfig(efficiency=1, dilution=1, dilution_spread=0), seed=1
    )
    made = of_candidates(signal, tags, np.ones(len(signal["decay_time"])))
    fit = fit_delta_m(made)
    assert fit.significance > 4
    assert abs(fit.delta_m.value - 17.7683) < 4 * fit.delta_m.se
    assert fit.dilution_scale.value == pytest.approx(1, abs=0.3)
