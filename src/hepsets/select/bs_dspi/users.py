"""Candidates of users' ntuples as ours: what their columns imply is computed, what they lack is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.units import SPEED_OF_LIGHT
from hepsets.formats.lhcb_ntuple import CandidateTable
from hepsets.select.bs_dspi.candidates import AROUND, DAUGHTERS
from hepsets.select.bs_dspi.hypotheses import NON_RESONANT, masses_by_hypothesis
from hepsets.select.bs_dspi.truth import Category

Columns = dict[str, NDArray[Any]]

_CM_PER_PS = SPEED_OF_LIGHT / 1e3


@dataclass(frozen=True, eq=False)
class UsersCandidates:
    """Candidates that a user gave.

    Parameters
    ----------
    candidates
        As :func:`~hepsets.select.bs_dspi.candidates.find_candidates` gives them, without particles around,
        with such columns as the file had or let compute.
    notes
        What was left out, and what there is not, in words.
    """

    candidates: ParticleSets
    notes: tuple[str, ...]


def users_candidates(table: CandidateTable, *, signal: bool) -> UsersCandidates:
    """Complete a user's columns.

    Momenta of all tracks give masses by hypothesis and the mode of the D_s; impact parameters of all tracks
    the least of them; flight and momentum the decay time; run and event number ``underlying_event``, which
    folds keep together.

    Parameters
    ----------
    table
        Of :func:`~hepsets.formats.lhcb_ntuple.read_candidates`.
    signal
        Whether it is simulated signal: it alone has a ``category``.

    Raises
    ------
    InputError
        For weights that differ or are not positive: candidates are counted, not weighted.
    """
    columns: Columns = dict(table.columns)
    n, notes = len(table), list(table.notes())
    for name in ("bs", "ds"):
        columns |= _sizes(name, columns)
    columns |= _decay_time(columns)
    momenta = _momenta(columns)
    if momenta is None:
        columns["ds_mode"] = np.full(n, NON_RESONANT, dtype=np.int8)
        notes.append("no momenta of all tracks: no vetoes, and D_s modes are not told apart")
    else:
        columns |= masses_by_hypothesis(momenta[:, :3], momenta[:, 3:])
    ip_chi2 = [f"{name}_ip_chi2" for name in DAUGHTERS]
    if set(ip_chi2) <= set(columns):
        columns["min_ip_chi2"] = np.min([columns[name] for name in ip_chi2], axis=0)
    columns["underlying_event"], told = _families(columns, n)
    columns["event_number"] = _whole(columns.get("event_number", np.arange(n)), columns["underlying_event"])
    _refuse_weights(table)
    columns["weight"] = np.ones(n)
    if signal:
        columns["category"] = np.full(n, Category.SIGNAL, dtype=np.int8)
    nothing = {name: np.zeros(0, dtype=np.float32) for name in AROUND}
    sets = ParticleSets(nothing, np.zeros(n + 1, dtype=np.int64), columns)
    return UsersCandidates(sets, (*notes, *told))


def _refuse_weights(table: CandidateTable) -> None:
    weight = table.columns.get("weight")
    if weight is None or (not np.ptp(weight) and weight[0] > 0):
        return
    name = table.found["weight"]
    raise InputError(
        f"weights from {weight.min():.4g} to {weight.max():.4g} in {name}",
        "candidates of weight one: likelihoods, folds and toys count them",
        f"leave the column {name} out of the file",
    )


def _sizes(name: str, c: Mapping[str, NDArray[Any]]) -> Columns:
    """Momentum, transverse momentum and pseudorapidity, where components are known and these are not."""
    if not {f"{name}_px", f"{name}_py", f"{name}_pz"} <= set(c):
        return {}
    pt = np.hypot(c[f"{name}_px"], c[f"{name}_py"])
    made = {
        f"{name}_pt": pt,
        f"{name}_p": np.hypot(pt, c[f"{name}_pz"]),
        f"{name}_eta": np.arcsinh(c[f"{name}_pz"] / np.maximum(pt, 1e-9)),
    }
    return {key: value for key, value in made.items() if key not in c}


def _decay_time(c: Mapping[str, NDArray[Any]]) -> Columns:
    if "decay_time" in c or not {"bs_flight_distance", "bs_p", "bs_mass"} <= set(c):
        return {}
    return {"decay_time": c["bs_flight_distance"] * c["bs_mass"] / c["bs_p"] / _CM_PER_PS}


def _momenta(c: Mapping[str, NDArray[Any]]) -> NDArray[np.float64] | None:
    """Of the four tracks, shape ``(n, 4, 3)``."""
    names = [[f"{track}_p{axis}" for axis in "xyz"] for track in DAUGHTERS]
    if not {name for track in names for name in track} <= set(c):
        return None
    return np.stack([np.column_stack([c[name] for name in track]) for track in names], axis=1)


def _whole(numbers: NDArray[Any], family: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of events, or of families where these are too large to be whole as they were read."""
    return numbers.astype(np.int64) if np.abs(numbers).max() < 2.0**53 else family


def _families(c: Mapping[str, NDArray[Any]], n: int) -> tuple[NDArray[np.int64], list[str]]:
    """A number for each collision, as far as they can be told apart."""
    numbers = [c[name] for name in ("run_number", "event_number") if name in c]
    if "event_number" not in c:
        return np.arange(n), ["no event numbers: candidates of one collision may be in several folds"]
    _, family = np.unique(np.column_stack(numbers), axis=0, return_inverse=True)
    return np.asarray(family).reshape(-1).astype(np.int64), []
