"""Vetoes of D⁺ and Λ_c whose pion or proton is taken for a kaon: by mass hypothesis and identification."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass as checked_dataclass

from hepsets.core.errors import InputError
from hepsets.core.masses import M_DPLUS, M_LC
from hepsets.core.measured import Measured
from hepsets.select.bs_dspi.truth import Category

READS = ("dplus_mass", "lc_mass", "kaon_ss_prob_nn_k", "kaon_ss_prob_nn_p")
"""Columns of candidates that the vetoes look at."""


@checked_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class VetoCuts:
    """What the kaon of like charge to the pion of the D_s must prove where its mass could be another's.

    As LHCb does for B_s → D_sπ, with ``prob_nn`` in place of its log-likelihoods. Windows are five
    resolutions wide to either side. What is kept: docs/lhcb_events.md.

    Parameters
    ----------
    dplus_window, lc_window
        Half widths [GeV] around the masses of the D⁺ and the Λ_c; 0 for no veto.
    min_kaon_id
        Of ``prob_nn_k`` for a candidate that is a D⁺ with the kaon taken for a pion.
    min_kaon_over_proton
        Of ``prob_nn_k - prob_nn_p`` for one that is a Λ_c with the kaon taken for a proton.
    """

    dplus_window: float = Field(default=0.030, ge=0)
    lc_window: float = Field(default=0.030, ge=0)
    min_kaon_id: float = 0.6
    min_kaon_over_proton: float = 0.1


@dataclass(frozen=True)
class VetoEfficiency:
    """Shares of candidates that vetoes keep.

    Parameters
    ----------
    candidates
        How many there were.
    dplus, lc, both
        What the veto of the D⁺ keeps, that of the Λ_c, and the two together.
    """

    candidates: int
    dplus: Measured
    lc: Measured
    both: Measured


def keeps_dplus(columns: Mapping[str, NDArray[Any]], cuts: VetoCuts | None = None) -> NDArray[np.bool_]:
    """Which candidates the veto of D⁺ → K⁻π⁺π⁺ keeps, shape ``(n_candidates,)``.

    Parameters
    ----------
    columns
        Of candidates, :data:`READS` among them; ``dplus_mass`` in GeV.
    cuts
        The usual ones by default.

    Raises
    ------
    InputError
        For a column that is not there.
    """
    cuts = cuts or VetoCuts()
    _demand(columns, ("dplus_mass", "kaon_ss_prob_nn_k"))
    like_dplus = np.abs(columns["dplus_mass"] - M_DPLUS) < cuts.dplus_window
    return np.asarray(~like_dplus | (columns["kaon_ss_prob_nn_k"] > cuts.min_kaon_id))


def keeps_lc(columns: Mapping[str, NDArray[Any]], cuts: VetoCuts | None = None) -> NDArray[np.bool_]:
    """Which candidates the veto of Λ_c⁺ → p K⁻π⁺ keeps, as :func:`keeps_dplus`."""
    cuts = cuts or VetoCuts()
    _demand(columns, ("lc_mass", "kaon_ss_prob_nn_k", "kaon_ss_prob_nn_p"))
    like_lc = np.abs(columns["lc_mass"] - M_LC) < cuts.lc_window
    over_proton = columns["kaon_ss_prob_nn_k"] - columns["kaon_ss_prob_nn_p"]
    return np.asarray(~like_lc | (over_proton > cuts.min_kaon_over_proton))


def passes_vetoes(columns: Mapping[str, NDArray[Any]], cuts: VetoCuts | None = None) -> NDArray[np.bool_]:
    """Which candidates both vetoes keep, as :func:`keeps_dplus`."""
    return keeps_dplus(columns, cuts) & keeps_lc(columns, cuts)


def veto_efficiencies(
    columns: Mapping[str, NDArray[Any]], cuts: VetoCuts | None = None
) -> dict[Category, VetoEfficiency]:
    """What the vetoes keep of each category that there are candidates of; each candidate counts once.

    Parameters
    ----------
    columns
        Of candidates: :data:`READS` and the truth ``category``, each of shape ``(n_candidates,)``.
    cuts
        The usual ones by default.

    Raises
    ------
    InputError
        For a column that is not there.
    """
    _demand(columns, ("category",))
    dplus, lc = keeps_dplus(columns, cuts), keeps_lc(columns, cuts)
    found = {}
    for category in Category:
        of_it = columns["category"] == category
        total = int(of_it.sum())
        if total:
            shares = (Measured.proportion(int(kept[of_it].sum()), total) for kept in (dplus, lc, dplus & lc))
            found[category] = VetoEfficiency(total, *shares)
    return found


def _demand(columns: Mapping[str, NDArray[Any]], names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in columns]
    if missing:
        raise InputError(
            f"candidates without {', '.join(missing)}",
            "masses with other hypotheses and the kaon's identification",
            "leave the vetoes out, or give these columns",
        )
