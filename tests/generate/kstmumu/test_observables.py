import json
from pathlib import Path

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.generate.kstmumu import observables
from hepsets.generate.kstmumu.density import WINDOWS
from hepsets.generate.kstmumu.sampler import sample_decays

REFERENCE = json.loads(Path(__file__).with_name("reference.json").read_text())
NAMES = ("afb", "fl", "s5", "p5_prime", "dbr_dq2")


@pytest.mark.parametrize("name", NAMES)
def test_observables_agree_with_those_of_flavio_at_the_knots(name: str) -> None:
    q_squared = np.array(REFERENCE["q_squared_knots"])
    for delta_c9, expected in zip(REFERENCE["delta_c9"], REFERENCE[f"{name}_knots"], strict=True):
        scale = np.abs(expected).max()
        ours = getattr(observables, name)(delta_c9, q_squared)
        assert ours == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_observables_agree_with_those_of_flavio_between_the_knots(name: str) -> None:
    q_squared = np.array(REFERENCE["q_squared_between"])
    for delta_c9, expected in zip(REFERENCE["delta_c9"], REFERENCE[f"{name}_between"], strict=True):
        scale = np.abs(expected).max()
        ours = getattr(observables, name)(delta_c9, q_squared)
        assert ours == pytest.approx(expected, abs=1e-4 * scale)


def test_flavio_itself_sees_a_shift_of_the_zero_of_afb() -> None:
    """The reference is no table of constants: C9 moves the zero of A_FB, the best known effect."""
    q_squared = np.array(REFERENCE["q_squared_knots"])
    zeros = []
    for row in REFERENCE["afb_knots"]:
        below = np.flatnonzero(np.diff(np.sign(row)) > 0)[0]
        zeros.append(q_squared[below])
    assert zeros[0] > zeros[-1]


@pytest.mark.parametrize("delta_c9", [-1.5, 0.0])
def test_asymmetries_counted_in_decays_are_those_expected(delta_c9: float) -> None:
    edges = np.array([0.05, 1.0, 2.5, 4.0, 6.0, 9.0, 10.0, 12.0, 15.0, 17.0, 19.0, 25.0])
    window = WINDOWS["0-20"]
    counted = observables.count_asymmetries(sample_decays(200_000, delta_c9, 4, window=window), edges)
    expected = observables.expected_asymmetries(delta_c9, edges, vetoes=window.vetoes)
    filled = ~np.isnan(expected.afb)
    assert filled.tolist() == [True] * 5 + [False] + [True] * 5
    assert np.isnan(counted.afb[~filled]).all()
    for name in ("afb", "s5"):
        pull = (getattr(counted, name) - getattr(expected, name)) / getattr(counted, f"{name}_se")
        assert (np.abs(pull[filled]) < 4.5).all()
        assert (pull[filled] ** 2).sum() < 35  # ten bins


def test_bins_far_beyond_the_decay_are_empty() -> None:
    assert np.isnan(observables.expected_asymmetries(0.0, np.array([20.0, 25.0])).afb).all()


def test_bad_requests_are_refused() -> None:
    with pytest.raises(InputError, match=r"19\.220 GeV²"):
        observables.afb(0.0, np.array([20.0]))
    with pytest.raises(InputError, match="rise"):
        observables.expected_asymmetries(0.0, np.array([3.0, 1.0]))
