import math

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.event_frame import EventFrame
from hepsets.generate.kstmumu.density import (
    VARIABLES,
    WINDOWS,
    Window,
    angular_table,
    density_coefficients,
    density_terms,
    knot_weights,
    rate_coefficients,
    rate_terms,
    shifted_table,
)
from hepsets.generate.kstmumu.sampler import sample_decays

N = 200_000


def test_decays_depend_on_seed_and_number_only() -> None:
    whole = sample_decays(100, -0.8, 7)
    parts = EventFrame.concatenate([sample_decays(40, -0.8, 7), sample_decays(60, -0.8, 7, first_event=40)])
    for name in whole.columns:
        assert np.array_equal(whole[name], parts[name])
    assert not np.array_equal(whole["chi"], sample_decays(100, -0.8, 8)["chi"])


def test_decays_lie_in_the_window_and_in_the_phase_space() -> None:
    window = Window(0.0, 20.0, ((0.5, 1.5), (9.0, 10.0), (13.0, 14.0)))
    frame = sample_decays(N, -2.0, 1, window=window)
    assert window.contains(frame["q_squared"]).all()
    for name in ("costheta_mu", "costheta_K"):
        assert np.abs(frame[name]).max() <= 1
    assert (frame["chi"] > -math.pi).all()
    assert (frame["chi"] <= math.pi).all()
    assert frame["flavour"].dtype == np.int8
    assert abs(frame["flavour"].mean(dtype=float)) < 5 / math.sqrt(N)
    assert (frame["delta_c9"] == -2.0).all()


@pytest.mark.parametrize("delta_c9", [-1.5, 0.0, 1.1])
@pytest.mark.parametrize("name", WINDOWS)
def test_mean_density_ratios_are_those_of_the_density(delta_c9: float, name: str) -> None:
    """E[p(x|δ′)/p(x|δ)] = 1 for every δ′: it fails for any flaw of sampler, density or rate."""
    window = WINDOWS[name]
    frame = sample_decays(N, delta_c9, 3, window=window)
    beta, gamma, _ = density_coefficients(frame, window).T
    b, c = rate_coefficients(window)

    def density(at: float) -> np.ndarray:
        return (1 + beta * at + gamma * at**2) / (1 + b * at + c * at**2)

    for other in (-2.0, -0.8, 0.5, 1.5):
        ratio = density(other) / density(delta_c9)
        assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / math.sqrt(N)


@pytest.mark.parametrize("delta_c9", [-1.5, 0.8])
def test_angular_moments_agree_with_the_coefficients(delta_c9: float) -> None:
    window = WINDOWS["0-20"]
    frame = sample_decays(N, delta_c9, 5, window=window)
    j = dict(zip(range(12), knot_weights(window) @ angular_table().at(delta_c9), strict=True))
    total = rate_terms(window) @ [1, delta_c9, delta_c9**2]
    cos_mu, cos_k, chi = (frame[name] for name in VARIABLES[1:])
    sin_mu, sin_k = np.sqrt(1 - cos_mu**2), np.sqrt(1 - cos_k**2)
    # integrals of the squares of the angular functions, by hand
    pi = math.pi
    expected = {
        "cos θ_μ": (cos_mu, 2 * pi * (4 / 3 * j[7] + 2 / 3 * j[8]) * 2 / 3),
        "cos² θ_K": (cos_k**2, 2 * pi * (4 / 15 * 2 * (j[0] - j[2] / 3) + 2 / 5 * 2 * (j[1] - j[3] / 3))),
        "J3": (sin_k**2 * sin_mu**2 * np.cos(2 * chi), pi * (16 / 15) ** 2 * j[4]),
        "J4": (4 * sin_k * cos_k * sin_mu * cos_mu * np.cos(chi), pi * (16 / 15) ** 2 * j[5]),
        "J5": (2 * sin_k * cos_k * sin_mu * np.cos(chi), pi * 16 / 15 * 4 / 3 * j[6]),
        "J7": (2 * sin_k * cos_k * sin_mu * np.sin(chi), pi * 16 / 15 * 4 / 3 * j[9]),
        "J8": (4 * sin_k * cos_k * sin_mu * cos_mu * np.sin(chi), pi * (16 / 15) ** 2 * j[10]),
        "J9": (sin_k**2 * sin_mu**2 * np.sin(2 * chi), pi * (16 / 15) ** 2 * j[11]),
    }
    for name, (moment, integral) in expected.items():
        error = moment.std() / math.sqrt(N)
        assert abs(moment.mean() - integral / total) < 4.5 * error, name


def test_q_squared_follows_the_rate_even_where_it_is_steep() -> None:
    window, delta_c9 = WINDOWS["0-20"], -0.8
    q_squared = np.sort(sample_decays(N, delta_c9, 9, window=window)["q_squared"])
    total = rate_terms(window) @ [1, delta_c9, delta_c9**2]
    for edge in (0.05, 0.07, 0.2, 1.0, 5.0, 8.95, 12.0, 15.0, 19.0, 19.21):
        below = rate_terms(Window(0.0, edge)) @ [1, delta_c9, delta_c9**2] / total
        share = np.searchsorted(q_squared, edge) / N
        assert abs(share - below) < 4.5 * math.sqrt(below * (1 - below) / N) + 1e-12


def test_a_shifted_theory_is_sampled_as_it_is() -> None:
    window, shifts = WINDOWS["1-19"], (1.0, -1.5)
    frame = sample_decays(N, -0.5, 2, window=window, nuisances=shifts)
    table = shifted_table(shifts)
    powers = [1, -0.5, 0.25]
    shifted = density_terms(frame, table) @ powers / (rate_terms(window, table) @ powers)
    central = density_terms(frame) @ powers / (rate_terms(window) @ powers)
    ratio = central / shifted
    assert ratio.std() > 0.01
    assert abs(ratio.mean() - 1) < 4.5 * ratio.std() / math.sqrt(N)


@pytest.mark.parametrize(
    ("n", "delta_c9", "seed"), [(0, 0.0, 1), (5, math.nan, 1), (5, 30.0, 1), (5, 0.0, -1)]
)
def test_bad_requests_are_refused(n: int, delta_c9: float, seed: int) -> None:
    with pytest.raises(InputError):
        sample_decays(n, delta_c9, seed)
