"""The package's own models: small, sound, and right on events they never saw."""

import json

import numpy as np
import pytest
from helpers.tiny_delta_c9 import decays

from hepsets.deploy.delta_c9 import models_of
from hepsets.deploy.delta_c9_range import narrowed
from hepsets.deploy.delta_c9_shipped import FOLDER, SHIPPED, run_folder
from hepsets.generate.kstmumu.density import WINDOWS, Window
from hepsets.generate.kstmumu.likelihood import fit_exact
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.sample import make_sample

TRUE = -0.8


@pytest.fixture(scope="module")
def models():
    return models_of(run_folder(SHIPPED))


def test_both_windows_with_and_without_resonances_at_two_levels_in_three_megabytes(models):
    assert set(models) == {(level, window) for level in ("generator", "detector") for window in WINDOWS}
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    assert all("/" not in json.loads(path.read_text()).get("file", "") for path in FOLDER.rglob("*.json"))


@pytest.mark.parametrize("window", sorted(WINDOWS))
def test_true_decays_give_what_the_exact_likelihood_gives(models, window):
    frame = decays(8000, TRUE, 77, window)
    found, exact = models["generator", window].infer(frame), fit_exact(frame, WINDOWS[window])
    assert found.delta_c9 == pytest.approx(exact.value, abs=0.3 * exact.se)
    assert found.verdict.answer == "yes"
    assert found.goodness_of_fit.p_value > 1e-3


def test_measured_decays_give_the_truth_within_their_error(models):
    frame = make_sample("detector", "1-19", TRUE, 8000, seed=78)
    found = models["detector", "1-19"].infer(frame)
    low, high = found.interval68
    assert abs(found.delta_c9 - TRUE) < 1.5 * (high - low)
    assert found.verdict.answer == "yes"


def test_a_range_of_q_squared_gives_what_its_exact_likelihood_gives(models):
    window = Window(1.1, 6.0, WINDOWS["0-20"].vetoes)
    frame = decays(30_000, TRUE, 79)
    exact = fit_exact(frame[window.contains(frame["q_squared"])], window)
    found = narrowed(models["generator", "0-20"], 1.1, 6.0).infer(frame)
    assert found.delta_c9 == pytest.approx(exact.value, abs=0.4 * exact.se)
    assert np.diff(found.interval68)[0] == pytest.approx(2 * exact.se, rel=0.2)


def test_good_sets_are_not_suspected_though_few_simulated_events_are_kept(models):
    model, window = narrowed(models["generator", "0-20"], 1.1, 6.0), Window(1.1, 6.0, WINDOWS["0-20"].vetoes)
    for seed in (500, *range(900, 910)):  # the first was, while simulation was taken to be exact
        events = sample_decays(4000, TRUE, seed, window=window)
        assert model.infer(events).verdict.answer != "no"


def test_other_folders_are_what_they_are_called():
    assert str(run_folder("runs/mine")) == "runs/mine"
