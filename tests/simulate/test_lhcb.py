"""LHCb's numbers: what the engine draws with them is what the tables say."""

import numpy as np
import pytest
from helpers.lhcb_tracks import fired

from hepsets.simulate.lhcb import LHCB

N = 40_000


@pytest.mark.parametrize(
    ("momentum", "percent"),
    [
        (5, 0.50),
        (10, 0.48),
        (20, 0.52),
        (40, 0.60),
        (60, 0.70),
        (80, 0.80),
        (100, 0.86),
        (150, 0.96),
        (235, 1.12),
    ],
)
def test_momenta_are_as_well_measured_as_in_the_table(momentum, percent):
    seen = fired(211, momentum, N // 4, detector=LHCB).particles
    p = np.sqrt(sum(seen[name].astype(float) ** 2 for name in ("px", "py", "pz")))
    assert 100 * (p / momentum - 1).std() == pytest.approx(percent, rel=0.03)
    assert (p / momentum - 1).mean() == pytest.approx(0, abs=4 * percent / 100 / np.sqrt(len(p)))


@pytest.mark.parametrize(("momentum", "pt"), [(5.0, 0.5), (20.0, 1.0), (40.0, 4.0)])
def test_impact_parameters_have_their_resolution_in_both_projections(momentum, pt):
    seen = fired(211, momentum, N // 4, detector=LHCB, pt=pt).particles
    expected = 12.6e-4 + 24.0e-4 / pt
    assert seen["d0"].std() == pytest.approx(expected, rel=0.03)
    sine = 1 / np.sqrt(1 + seen["tan_lambda"] ** 2)
    assert (seen["z0"] * sine).std() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("pdg", "efficiencies"), [(321, (0.97, 0.92, 0.81, 0.81)), (211, (0.03, 0.12, 0.40, 0.68))]
)
def test_the_kaon_output_keeps_what_the_table_says_by_momentum(pdg, efficiencies):
    for momentum, expected in zip((20, 60, 100, 140), efficiencies, strict=True):
        seen = fired(pdg, momentum, N // 2, detector=LHCB).particles
        assert (seen["prob_nn_k"] > 0.2).mean() == pytest.approx(expected, abs=0.012)


def test_a_harder_cut_on_the_kaon_output_keeps_what_the_table_says_on_average():
    # the spectrum behind the table is not told: at 30 GeV efficiencies lie on its better side
    kaon, pion, proton = (fired(pdg, 30, N // 2, detector=LHCB).particles for pdg in (321, 211, 2212))
    assert (kaon["prob_nn_k"] > 0.5).mean() == pytest.approx(0.86, abs=0.05)
    assert (pion["prob_nn_k"] > 0.5).mean() == pytest.approx(0.015, abs=0.01)
    assert (proton["prob_nn_k"] > 0.2).mean() == pytest.approx(0.31, abs=0.02)
    assert (proton["prob_nn_k"] > 0.5).mean() == pytest.approx(0.13, abs=0.02)


@pytest.mark.parametrize(("pdg", "expected"), [(211, 0.945), (321, 0.14), (2212, 0.12)])
def test_the_pion_output_keeps_what_the_table_says(pdg, expected):
    seen = fired(pdg, 30, N // 2, detector=LHCB).particles
    assert (seen["prob_nn_pi"] > 0.5).mean() == pytest.approx(expected, abs=0.012)


def test_what_looks_like_a_kaon_looks_less_like_a_pion():
    seen = fired(211, 90, N // 4, detector=LHCB).particles
    assert np.corrcoef(seen["prob_nn_k"], seen["prob_nn_pi"])[0, 1] < -0.3
