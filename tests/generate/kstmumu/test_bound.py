import math

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.bound import cramer_rao_bound, fisher_information, information_matrix
from hepsets.generate.kstmumu.density import (
    WINDOWS,
    Window,
    density_coefficients,
    n_directions,
    rate_coefficients,
    rate_terms,
)
from hepsets.generate.kstmumu.sampler import sample_decays

DESIGN = {
    (0.0, "0-20"): (0.092, 0.065, 0.046),
    (0.0, "1-19"): (0.103, 0.073, 0.051),
    (-0.8, "0-20"): (0.068, 0.048, 0.034),
    (-0.8, "1-19"): (0.070, 0.049, 0.035),
    (-1.5, "0-20"): (0.056, 0.040, 0.028),
    (-1.5, "1-19"): (0.054, 0.039, 0.027),
    (1.0, "0-20"): (0.131, 0.093, 0.066),
    (1.0, "1-19"): (0.172, 0.122, 0.086),
}
"""Measured independently of this code, rounded to three decimals; at 8 000, 16 000 and 32 000 decays."""


@pytest.mark.parametrize(("delta_c9", "window"), DESIGN)
def test_the_bound_is_the_one_measured_independently(delta_c9: float, window: str) -> None:
    bounds = [cramer_rao_bound(delta_c9, WINDOWS[window], events) for events in (8000, 16000, 32000)]
    assert bounds == pytest.approx(DESIGN[delta_c9, window], abs=6e-4)


@pytest.mark.parametrize("delta_c9", [-1.5, 0.0])
def test_information_is_the_variance_of_the_score_of_decays(delta_c9: float) -> None:
    window, n = WINDOWS["1-19"], 200_000
    beta, gamma, _ = density_coefficients(sample_decays(n, delta_c9, 6, window=window), window).T
    b, c = rate_coefficients(window)
    score = (beta + 2 * gamma * delta_c9) / (1 + beta * delta_c9 + gamma * delta_c9**2)
    score -= (b + 2 * c * delta_c9) / (1 + b * delta_c9 + c * delta_c9**2)
    assert abs(score.mean()) < 4.5 * score.std() / math.sqrt(n)
    squared = score**2
    assert abs(squared.mean() - fisher_information(delta_c9, window)) < 4.5 * squared.std() / math.sqrt(n)


def test_information_of_the_whole_is_that_of_its_parts_and_of_their_shares() -> None:
    delta_c9, whole = -0.8, Window(1.0, 9.0, ())
    parts = [Window(1.0, 5.0, ()), Window(5.0, 9.0, ())]
    total = rate_terms(whole)
    joined = 0.0
    for part in parts:
        terms = rate_terms(part)
        share = terms @ [1, delta_c9, delta_c9**2] / (total @ [1, delta_c9, delta_c9**2])
        slope = terms @ [0, 1, 2 * delta_c9] / (terms @ [1, delta_c9, delta_c9**2])
        slope -= total @ [0, 1, 2 * delta_c9] / (total @ [1, delta_c9, delta_c9**2])
        joined += share * (fisher_information(delta_c9, part) + slope**2)
    assert joined == pytest.approx(fisher_information(delta_c9, whole), rel=1e-9)


def test_the_matrix_with_nuisances_holds_the_information_on_the_shift() -> None:
    window = WINDOWS["0-20"]
    matrix = information_matrix(-0.8, window, nuisances=True)
    assert matrix.shape == (1 + n_directions(),) * 2
    assert matrix[0, 0] == pytest.approx(fisher_information(-0.8, window), rel=1e-12)
    assert matrix == pytest.approx(matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-9


def test_no_events_have_no_bound() -> None:
    with pytest.raises(InputError, match="at least one"):
        cramer_rao_bound(0.0, WINDOWS["0-20"], 0)
