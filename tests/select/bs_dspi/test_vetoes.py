"""Vetoes: what looks like a D⁺ or a Λ_c must prove that its kaon is one; little of the signal is lost."""

import numpy as np
import pytest
from helpers.lhcb_decays import candidates
from pydantic import ValidationError

from hepsets.core.errors import InputError
from hepsets.core.masses import M_DPLUS, M_LC
from hepsets.select.bs_dspi.truth import Category
from hepsets.select.bs_dspi.vetoes import (
    READS,
    VetoCuts,
    keeps_dplus,
    keeps_lc,
    passes_vetoes,
    veto_efficiencies,
)

AWAY = 2.1  # GeV, neither D⁺ nor Λ_c


def columns(dplus, lc, kaon, proton):
    return dict(zip(READS, (np.atleast_1d(c) for c in (dplus, lc, kaon, proton)), strict=True))


def test_a_candidate_that_looks_like_neither_is_kept_whatever_its_kaon_is():
    assert passes_vetoes(columns(AWAY, AWAY, 0.0, 1.0)).all()


def test_what_looks_like_a_dplus_needs_a_sure_kaon():
    masses = M_DPLUS + np.array([0.0, 0.029, -0.029, 0.031, -0.031])
    unsure = columns(masses, np.full(5, AWAY), np.full(5, 0.3), np.zeros(5))
    assert keeps_dplus(unsure).tolist() == [False, False, False, True, True]
    sure = columns(masses, np.full(5, AWAY), np.full(5, 0.9), np.zeros(5))
    assert keeps_dplus(sure).all()


def test_what_looks_like_a_lc_needs_a_kaon_rather_than_a_proton():
    kaon, proton = np.array([0.9, 0.9, 0.3, 0.2]), np.array([0.1, 0.85, 0.1, 0.9])
    masses = np.full(4, M_LC + 0.02)
    assert keeps_lc(columns(np.full(4, AWAY), masses, kaon, proton)).tolist() == [True, False, True, False]
    assert keeps_lc(columns(np.full(4, AWAY), masses + 0.02, kaon, proton)).all()


def test_a_window_of_zero_is_no_veto():
    cuts = VetoCuts(dplus_window=0, lc_window=0)
    assert passes_vetoes(columns(M_DPLUS, M_LC, 0.0, 1.0), cuts).all()


def test_simulated_dplus_and_lc_are_thrown_away_and_the_signal_stays():
    parts = [
        candidates(name, n, seed=3)[1] for name, n in (("bs_dspi", 1500), ("b0_dpi", 3000), ("lb_lcpi", 3000))
    ]
    together = {name: np.concatenate([part.columns[name] for part in parts]) for name in (*READS, "category")}
    kept = veto_efficiencies(together)
    assert kept[Category.SIGNAL].both.value > 0.90
    assert kept[Category.B0_DPI].dplus.value < 0.3
    assert kept[Category.LB_LCPI].lc.value < 0.3
    for one in kept.values():
        assert one.both.value <= min(one.dplus.value, one.lc.value)
    assert kept[Category.SIGNAL].candidates == (together["category"] == 0).sum()


def test_categories_without_candidates_are_left_out():
    kept = veto_efficiencies(columns([AWAY], [AWAY], [1.0], [0.0]) | {"category": np.array([1])})
    assert list(kept) == [Category.COMBINATORIAL]


def test_missing_columns_and_unknown_cuts_are_refused():
    with pytest.raises(InputError, match="candidates without dplus_mass"):
        passes_vetoes({"lc_mass": np.zeros(1), "kaon_ss_prob_nn_k": np.zeros(1)})
    with pytest.raises(InputError, match="category"):
        veto_efficiencies(columns(AWAY, AWAY, 1.0, 0.0))
    with pytest.raises(ValidationError, match="window"):
        VetoCuts(window=0.1)
