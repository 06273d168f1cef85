import math

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import WINDOWS, density_terms, rate_terms
from hepsets.generate.kstmumu.likelihood import fit_exact, log_likelihood
from hepsets.generate.kstmumu.sampler import sample_decays


@pytest.mark.parametrize("name", WINDOWS)
def test_log_likelihood_is_the_sum_of_log_densities(name: str) -> None:
    window = WINDOWS[name]
    frame = sample_decays(1003, -0.8, 1, window=window)
    shifts = np.array([-2.0, -0.3, 0.0, 1.1])
    powers = np.vander(shifts, 3, increasing=True).T
    expected = np.log(density_terms(frame) @ powers / (rate_terms(window) @ powers)).sum(axis=0)
    assert log_likelihood(frame, shifts, window) == pytest.approx(expected, abs=1e-7)


def test_order_of_events_does_not_matter() -> None:
    frame = sample_decays(5000, 0.5, 2)
    order = np.random.default_rng(1).permutation(len(frame))
    shifts = np.linspace(-1, 1, 5)
    window = WINDOWS["0-20"]
    there = log_likelihood(frame[order], shifts, window)
    assert there == pytest.approx(log_likelihood(frame, shifts, window), rel=1e-12)
    assert fit_exact(frame[order], window).value == pytest.approx(fit_exact(frame, window).value, abs=1e-7)


def test_likelihood_of_parts_adds() -> None:
    frame, window, shifts = sample_decays(3000, 0.0, 3), WINDOWS["0-20"], np.array([-1.0, 0.4])
    parts = sum(log_likelihood(part, shifts, window) for part in (frame[:1000], frame[1000:]))
    assert log_likelihood(frame, shifts, window) == pytest.approx(parts, rel=1e-12)


def test_the_fit_stands_at_the_top_of_the_likelihood() -> None:
    frame, window = sample_decays(4000, -1.1, 4), WINDOWS["0-20"]
    fit = fit_exact(frame, window)
    around = fit.value + fit.se * np.array([-1.0, -0.01, 0.0, 0.01, 1.0])
    heights = log_likelihood(frame, around, window)
    assert heights.argmax() == 2
    assert (heights[2] - heights[[0, 4]]).mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("delta_c9", "name"), [(-0.8, "0-20"), (0.0, "1-19"), (-1.5, "1-19")])
def test_fits_of_many_samples_reach_the_bound_without_bias(delta_c9: float, name: str) -> None:
    window, events, toys = WINDOWS[name], 4000, 150
    fits = [
        fit_exact(sample_decays(events, delta_c9, 5, window=window, first_event=toy * events), window)
        for toy in range(toys)
    ]
    values = np.array([fit.value for fit in fits])
    pulls = (values - delta_c9) / np.array([fit.se for fit in fits])
    bound = cramer_rao_bound(delta_c9, window, events)
    assert abs(values.mean() - delta_c9) < 4 * bound / math.sqrt(toys)
    assert values.std() / bound == pytest.approx(1, abs=4 / math.sqrt(2 * toys))
    assert pulls.std() == pytest.approx(1, abs=4 / math.sqrt(2 * toys))


def test_decays_outside_the_window_are_refused() -> None:
    frame = sample_decays(1000, 0.0, 1, window=WINDOWS["0-20"])
    with pytest.raises(InputError, match="outside of Window"):
        log_likelihood(frame, np.zeros(1), WINDOWS["1-19"])


def test_events_that_know_nothing_are_refused() -> None:
    one = EventFrame({"q_squared": [15.0], "costheta_mu": [-0.9], "costheta_K": [0.0], "chi": [1.0]})
    with pytest.raises(InputError, match="give more events"):
        fit_exact(one, WINDOWS["0-20"])
