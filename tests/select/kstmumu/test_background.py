"""The background model: closure of its fit, its regions, its file, and the model that is shipped."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import ks_2samp, kstest

from hepsets.core.errors import InputError
from hepsets.generate.blocks import BLOCK_EVENTS
from hepsets.generate.kstmumu.density import VARIABLES, WINDOWS, Window
from hepsets.select.kstmumu.background import (
    COLUMNS,
    MODEL_FILE,
    VETOES,
    BackgroundModel,
    default_background,
    fit_background,
    sample_background,
)
from hepsets.select.kstmumu.candidates import CandidateCuts, generic_candidates
from hepsets.select.kstmumu.cuts import SelectionConfig, is_selected

WIDE = SelectionConfig(max_delta_e=0.4, kstar_window=0.2, min_signal_mbc=4.8)


def wide_candidates(n, seed=1):
    """Draws from the shipped model with the wide cuts, as if they were candidates of generic events."""
    sample = sample_background(n, seed, window=Window(0.0, 25.0, VETOES), config=WIDE)
    kinds = np.where(np.arange(n) % 2, 1, 2).astype(np.int8)
    return sample.with_columns(event_type=kinds)


@pytest.fixture(scope="module")
def refitted():
    return fit_background(wide_candidates(4000), {"mixed": 1000, "charged": 1100}, components=3)


@pytest.mark.parametrize("region", ["signal", "sideband"])
@pytest.mark.parametrize("window", WINDOWS)
def test_samples_are_selected_candidates_without_truth(region, window):
    sample = sample_background(1500, 1, region=region, window=WINDOWS[window])
    assert len(sample) == 1500
    assert is_selected(sample, WINDOWS[window], region=region).all()
    assert not sample["is_signal"].any()
    assert np.isnan([sample[f"truth_{name}"] for name in VARIABLES]).all()
    assert np.isfinite([sample[name] for name in COLUMNS]).all()
    assert set(np.unique(sample["flavour"])) == {-1, 1}


def test_fewer_candidates_are_the_first_of_more():
    few, many = sample_background(100, 4), sample_background(3000, 4)
    np.testing.assert_array_equal(few["mbc"], many["mbc"][:100])
    assert not np.isin(few["chi"], sample_background(3000, 5)["chi"]).any()


def test_a_wider_veto_leaves_more_out():
    sample = sample_background(1000, 1, window=WINDOWS["0-20"].without_resonances())
    assert not ((sample["q_squared"] > 8.9) & (sample["q_squared"] < 14)).any()


def test_the_vetoes_are_left_out_of_any_window():
    q_squared = sample_background(5000, 1, window=Window(0.0, 20.0, ()))["q_squared"]
    for low, high in VETOES:
        assert not ((q_squared > low) & (q_squared < high)).any()


def test_cuts_on_mbc_are_those_of_a_plain_sample():
    """Conditioning on Mbc inside the sampler gives what selecting afterwards gives."""
    config = SelectionConfig(max_delta_e=0.4, kstar_window=0.2)
    everywhere = wide_candidates(20_000)
    for region in ("signal", "sideband"):
        low, high = config.mbc_range(region)
        after = everywhere[(everywhere["mbc"] > low) & (everywhere["mbc"] < high)]
        inside = sample_background(3000, 2, region=region, window=Window(0.0, 25.0, VETOES), config=config)
        for name in ("mbc", "delta_e", "q_squared", "costheta_K", "vertex_chi2"):
            assert ks_2samp(after[name], inside[name]).pvalue > 1e-3


def test_the_share_of_a_cut_is_what_passes_it():
    model, everywhere = default_background(), wide_candidates(30_000)
    passed = is_selected(everywhere, WINDOWS["0-20"], region="sideband").mean()
    expected = model.cut_share("sideband") / model.cut_share("signal", WIDE)
    assert abs(passed - expected) < 5 * np.sqrt(expected / 30_000)


def test_a_fit_finds_again_what_it_is_given(refitted):
    """Closure: every column, and what binds columns together."""
    given = wide_candidates(4000)
    again = sample_background(4000, 9, window=Window(0.0, 25.0, VETOES), config=WIDE, model=refitted)
    for name in COLUMNS:
        assert ks_2samp(given[name], again[name]).statistic < 0.04
    correlations = [np.corrcoef(refitted.scores(frame).T) for frame in (given, again)]
    assert np.abs(correlations[0] - correlations[1]).max() < 0.1


def test_normal_scores_are_normal(refitted):
    scores = refitted.scores(wide_candidates(4000))
    for name, column in zip(COLUMNS, scores.T, strict=True):
        if not name.startswith("identification"):  # many are as near to one as they can be
            assert kstest(column, "norm").statistic < 0.04


def test_signal_and_vetoed_candidates_are_left_out_of_the_fit():
    good = wide_candidates(1000)
    bad = wide_candidates(500, seed=2)
    tainted = [
        bad.with_columns(is_signal=np.ones(500, dtype=bool)),
        bad.with_columns(q_squared=np.full(500, 9.6)),
    ]
    clean = fit_background(good, {"mixed": 1}, components=1)
    for spoilt in tainted:
        found = fit_background(type(good).concatenate([good, spoilt]), {"mixed": 1}, components=1)
        np.testing.assert_allclose(found.means, clean.means, atol=1e-9)
        assert found.found == clean.found == {"mixed": 500}


def test_a_saved_model_gives_the_same_candidates(refitted, tmp_path):
    refitted.save(tmp_path / "model.npz")
    loaded = BackgroundModel.load(tmp_path / "model.npz")
    first, second = (sample_background(200, 1, model=model) for model in (refitted, loaded))
    for name in COLUMNS:
        np.testing.assert_array_equal(first[name], second[name])
    assert loaded.generated == refitted.generated
    assert loaded.found == refitted.found


def test_what_is_no_model_is_refused(tmp_path):
    (tmp_path / "text.npz").write_text("text")
    np.savez(tmp_path / "other.npz", ends=np.zeros((2, 2)))
    for name in ("missing.npz", "text.npz", "other.npz"):
        with pytest.raises(InputError, match=name):
            BackgroundModel.load(tmp_path / name)


def test_a_model_of_other_columns_is_refused(refitted, tmp_path):
    short = replace(refitted, values=refitted.values[1:], levels=refitted.levels[1:])
    short.save(tmp_path / "short.npz")
    with pytest.raises(InputError, match="other columns"):
        BackgroundModel.load(tmp_path / "short.npz")


@pytest.mark.parametrize("name", ["levels", "means", "weights"])
def test_numbers_that_are_not_finite_are_refused(refitted, tmp_path, name):
    odd = getattr(refitted, name).copy()
    odd.flat[0] = np.nan
    replace(refitted, **{name: odd}).save(tmp_path / "odd.npz")
    with pytest.raises(InputError, match="not finite"):
        BackgroundModel.load(tmp_path / "odd.npz")


@pytest.mark.parametrize(("n", "seed"), [(0, 1), (1, -1)])
def test_bad_requests_are_refused(n, seed):
    with pytest.raises(InputError):
        sample_background(n, seed)


@pytest.mark.parametrize(
    "config",
    [
        SelectionConfig(max_delta_e=0.5),
        SelectionConfig(min_muon=0.1),
        SelectionConfig(min_muon_momentum=0.3),
        SelectionConfig(kstar_window=0.3),
        SelectionConfig(sideband=(4.5, 5.0)),
    ],
)
def test_a_selection_beyond_the_wide_cuts_is_refused(config):
    with pytest.raises(InputError, match="within"):
        sample_background(10, 1, config=config)


def test_too_few_candidates_are_refused():
    with pytest.raises(InputError, match="generate more"):
        fit_background(wide_candidates(60), {"mixed": 1}, components=2)


def test_the_shipped_model_says_where_it_comes_from():
    record, model = json.loads(MODEL_FILE.with_suffix(".json").read_text()), default_background()
    assert record["generated_events"] == dict(model.generated)
    assert sum(model.found.values()) <= record["candidates"]
    assert {"command", "date", "versions"} <= set(record)
    for name, found in model.found.items():
        assert 3e-4 < found / model.generated[name] < 3e-3


def test_background_piles_up_where_generic_candidates_do():
    """Mbc rises towards its end, and so does −ΔE: a particle was left out more often than one too many."""
    cuts, wide = CandidateCuts(), wide_candidates(10_000)
    half = (cuts.min_mbc + 5.29) / 2
    assert (wide["mbc"] > half).mean() > 0.5
    assert (wide["delta_e"] < 0).mean() > 0.7


@pytest.mark.validate
def test_the_shipped_model_describes_generic_events_that_its_fit_has_not_seen():
    """Each column by Kolmogorov's distance, the rate by counting; 600 000 events of another seed.

    Candidates of one event resemble each other, so some 700 of them are worth fewer, and the distance that
    chance allows is wider than the textbook's.
    """
    pytest.importorskip("pythia8mc")
    blocks = 60
    found = type(wide_candidates(1)).concatenate(
        [generic_candidates(sample, range(blocks), 77) for sample in ("mixed", "charged")]
    )
    outside = Window(0.0, 25.0, VETOES).contains(found["q_squared"])
    found = found[outside & ~found["is_signal"]]
    model, drawn = default_background(), wide_candidates(40_000)
    for name in COLUMNS:
        assert ks_2samp(found[name], drawn[name]).statistic < 0.11, name
    rate = sum(model.found[name] / model.generated[name] for name in ("mixed", "charged"))
    expected = rate * blocks * BLOCK_EVENTS
    assert abs(len(found) - expected) < 5 * np.sqrt(1.5 * expected)  # some events have several candidates
