import math

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu.bound import cramer_rao_bound
from hepsets.generate.kstmumu.density import WINDOWS, n_directions, shifted_table
from hepsets.generate.kstmumu.likelihood import fit_exact
from hepsets.generate.kstmumu.nuisances import (
    directions,
    fit_profiled,
    profiled_bound,
    theory_shifts,
    theory_uncertainty,
)
from hepsets.generate.kstmumu.observables import dbr_dq2
from hepsets.generate.kstmumu.sampler import sample_decays

WINDOW = WINDOWS["0-20"]


def test_directions_are_those_of_the_table_in_order_of_size() -> None:
    assert len(directions()) == n_directions()
    for group in ("form factors", "subleading"):
        shares = [entry.share_of_variance for entry in directions() if entry.group == group]
        assert shares == sorted(shares, reverse=True)
        assert 0.97 < sum(shares) <= 1.0001


def test_the_rate_is_uncertain_as_form_factors_are() -> None:
    """Form factors are known to about 7 to 10 per cent, so the rate to about 10 to 30."""
    q_squared, spread = np.array([3.0, 16.0]), 0.0
    for place, direction in enumerate(directions()):
        if direction.group == "form factors":
            shifted = dbr_dq2(0.0, q_squared, shifted_table([0.0] * place + [1.0]))
            spread += (shifted / dbr_dq2(0.0, q_squared) - 1) ** 2
    assert (np.sqrt(spread) > 0.05).all()
    assert (np.sqrt(spread) < 0.35).all()


@pytest.mark.parametrize(("place", "delta_c9"), [(0, -0.8), (1, -0.8), (7, 0.0)])
def test_a_fit_that_ignores_a_shift_of_the_theory_is_moved_as_expected(place: int, delta_c9: float) -> None:
    n, size = 200_000, 0.5
    shifts = [0.0] * place + [size]
    fit = fit_exact(sample_decays(n, delta_c9, 8, window=WINDOW, nuisances=shifts), WINDOW)
    expected = size * theory_shifts(delta_c9, WINDOW)[place]
    assert abs(expected) > 3 * fit.se
    assert fit.value - delta_c9 == pytest.approx(expected, abs=4 * fit.se + 0.15 * abs(expected))


def test_theory_is_several_times_as_uncertain_as_many_events() -> None:
    uncertainty = theory_uncertainty(0.0, WINDOW)
    assert 0.3 < uncertainty["total"] < 0.5
    assert uncertainty["total"] > 5 * cramer_rao_bound(0.0, WINDOW, 32_000)


def test_profiling_costs_precision_but_less_than_ignorance() -> None:
    for events in (1000, 8000, 10**9):
        statistical, profiled = cramer_rao_bound(-0.8, WINDOW, events), profiled_bound(-0.8, WINDOW, events)
        ignorant = math.hypot(statistical, theory_uncertainty(-0.8, WINDOW)["total"])
        assert statistical < profiled < ignorant
    with pytest.raises(InputError):
        profiled_bound(0.0, WINDOW, 0)


def test_profiled_fits_cover_the_truth_when_the_theory_is_off() -> None:
    random, toys, events, delta_c9 = np.random.default_rng(3), 40, 4000, -0.8
    pulls, errors = [], []
    for toy in range(toys):
        truth = np.clip(random.normal(size=n_directions()), -2, 2)
        frame = sample_decays(
            events, delta_c9, 9, window=WINDOW, first_event=toy * events, nuisances=truth.tolist()
        )
        fit = fit_profiled(frame, WINDOW).delta_c9
        pulls.append((fit.value - delta_c9) / fit.se)
        errors.append(fit.se)
    assert np.mean(errors) == pytest.approx(profiled_bound(delta_c9, WINDOW, events), rel=0.15)
    assert abs(np.mean(pulls)) < 4 / math.sqrt(toys)
    assert np.std(pulls) == pytest.approx(1, abs=4 / math.sqrt(2 * toys))
