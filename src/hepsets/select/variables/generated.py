"""Observables of generated events, one function each, from the decay tree alone.

A *final-state* particle has no daughters in the table; a *visible* one is a final-state particle
other than a neutrino. The centre-of-mass frame is the rest frame of the sum of the roots. Events
that lack what an observable is about (no B meson, no lepton, roots whose sum has no rest frame) are
marked in ``valid``. Only numpy is loaded, and for charges ``particle``: the filter in production uses
these functions, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.core.lorentz import boost_to_rest
from hepsets.select.variables.fox_wolfram import fox_wolfram_r2

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

PHOTON = 22
KAON = 321
NEUTRINOS = (12, 14, 16)
LEPTONS = (11, 13)
B_MESONS = (511, 521, 531)


@dataclass(frozen=True)
class Observable:
    """One number per event.

    Parameters
    ----------
    name
        Short name, as in ``result.json``.
    label
        Axis label without unit, in matplotlib's math text.
    unit
        Unit, empty for counts and ratios.
    values
        Shape ``(n_events,)``, finite everywhere; without meaning (zero) where not ``valid``.
    valid
        Shape ``(n_events,)``, bool.
    """

    name: str
    label: str
    unit: str
    values: Array
    valid: Mask


def charged_multiplicity(events: Events) -> Observable:
    """Number of charged final-state particles."""
    from particle import pdgid

    ids, which = np.unique(events.particles["pdg"], return_inverse=True)
    charged = np.array([bool(pdgid.charge(int(i))) for i in ids], dtype=bool)[which]
    count = _per_event(events, charged & _final(events))
    return Observable("charged_multiplicity", "charged particles", "", count, _always(events))


def photon_multiplicity(events: Events) -> Observable:
    """Number of final-state photons above 50 MeV in the laboratory, as a calorimeter could count."""
    energetic = (events.particles["pdg"] == PHOTON) & (events.particles["energy"] > 0.05) & _final(events)
    return Observable(
        "photon_multiplicity", "photons above 50 MeV", "", _per_event(events, energetic), _always(events)
    )


def kaon_multiplicity(events: Events) -> Observable:
    """Number of charged kaons."""
    kaon = (np.abs(events.particles["pdg"]) == KAON) & _final(events)
    return Observable("kaon_multiplicity", "charged kaons", "", _per_event(events, kaon), _always(events))


def r2(events: Events) -> Observable:
    """Fox–Wolfram ratio R2 of the visible particles in the centre-of-mass frame."""
    momenta, _ = _centre_of_mass(events)
    visible = _visible(events)
    offsets = np.concatenate([[0], np.cumsum(_per_event(events, visible))]).astype(np.int64)
    return Observable("r2", "$R_2$", "", fox_wolfram_r2(momenta[visible], offsets), _has_rest_frame(events))


def b_momentum(events: Events) -> Observable:
    """Mean momentum of the B mesons in the centre-of-mass frame [GeV]; valid if there is one."""
    momenta, _ = _centre_of_mass(events)
    b = _primary_b(events)
    count = _per_event(events, b)
    total = _per_event(events, b * np.linalg.norm(momenta, axis=1))
    return Observable(
        "b_momentum", "$p^*_B$", "GeV", total / np.maximum(count, 1), (count > 0) & _has_rest_frame(events)
    )


def missing_energy(events: Events) -> Observable:
    """Centre-of-mass energy less that of the visible particles in this frame [GeV]."""
    total, seen, valid = _total(events), _summed(events, _visible(events)), _has_rest_frame(events)
    root_s = np.sqrt(np.where(valid, total[:, 3] ** 2 - np.sum(total[:, :3] ** 2, axis=1), 1.0))
    # the energy of the sum in the rest frame of the roots: no particle needs a boost of its own
    energy = (seen[:, 3] * total[:, 3] - np.sum(seen[:, :3] * total[:, :3], axis=1)) / root_s
    return Observable("missing_energy", "$E^*_{miss}$", "GeV", np.where(valid, root_s - energy, 0.0), valid)


def lepton_momentum(events: Events) -> Observable:
    """Largest momentum of an electron or muon in the centre-of-mass frame [GeV]; valid if there is one."""
    momenta, _ = _centre_of_mass(events)
    lepton = np.isin(np.abs(events.particles["pdg"]), LEPTONS) & _final(events)
    largest = np.zeros(len(events))
    np.maximum.at(largest, events.event_of_particle[lepton], np.linalg.norm(momenta[lepton], axis=1))
    has_one = _per_event(events, lepton) > 0
    return Observable("lepton_momentum", r"$p^*_\ell$", "GeV", largest, has_one & _has_rest_frame(events))


def b_daughter_multiplicity(events: Events) -> Observable:
    """Number of direct daughters of the B mesons, summed over the event; valid if there is a B.

    A B that only turns into another one (mixing) counts through the daughters of the latter.
    """
    b = np.isin(np.abs(events.particles["pdg"]), B_MESONS)
    daughter = b[events.mothers] & ~b & ~_root(events)
    count = _per_event(events, daughter)
    return Observable(
        "b_daughter_multiplicity", "daughters of the $B$ mesons", "", count, _per_event(events, b) > 0
    )


TRUTH_OBSERVABLES: tuple[Callable[[Events], Observable], ...] = (
    charged_multiplicity,
    photon_multiplicity,
    kaon_multiplicity,
    r2,
    b_momentum,
    missing_energy,
    lepton_momentum,
    b_daughter_multiplicity,
)
"""All observables of this file."""

TRUTH_NAMES: tuple[str, ...] = tuple(function.__name__ for function in TRUTH_OBSERVABLES)
"""Their names, in the same order."""


def truth_observable(name: str) -> Callable[[Events], Observable]:
    """The observable of a name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in TRUTH_NAMES:
        raise InputError(f"no observable {name!r}", f"one of {', '.join(TRUTH_NAMES)}")
    return TRUTH_OBSERVABLES[TRUTH_NAMES.index(name)]


def passing_observables(passing: Events) -> tuple[Observable, ...]:
    """Observables of passing events: generated ones, and those of the best candidate where known."""
    found = [observable(passing) for observable in TRUTH_OBSERVABLES]
    for name, label in (("mbc", r"$M_{bc}$"), ("delta_e", r"$\Delta E$")):
        if name in passing.columns:
            values = passing.columns[name].astype(np.float64)
            found.append(Observable(name, label, "GeV", values, np.isfinite(values)))
    return tuple(found)


# -- inside ----------------------------------------------------------------------------------------


def _always(events: Events) -> Mask:
    return np.ones(len(events), dtype=bool)


def _root(events: Events) -> Mask:
    return np.asarray(events.mothers == np.arange(events.n_particles))


def _final(events: Events) -> Mask:
    final = np.ones(events.n_particles, dtype=bool)
    final[events.mothers[~_root(events)]] = False
    return final


def _visible(events: Events) -> Mask:
    return np.asarray(_final(events) & ~np.isin(np.abs(events.particles["pdg"]), NEUTRINOS))


def _primary_b(events: Events) -> Mask:
    """B mesons that do not come from another B meson."""
    b = np.isin(np.abs(events.particles["pdg"]), B_MESONS)
    return np.asarray(b & ~(b[events.mothers] & ~_root(events)))


def _per_event(events: Events, values: NDArray[np.generic]) -> Array:
    summed = np.bincount(events.event_of_particle, values.astype(np.float64), minlength=len(events))
    return np.asarray(summed, dtype=np.float64)


def _total(events: Events) -> Array:
    """Four-momentum of all roots together, shape ``(n_events, 4)`` [GeV]."""
    return _summed(events, _root(events))


def _summed(events: Events, which: Mask) -> Array:
    """Four-momentum of some particles of each event together, shape ``(n_events, 4)`` [GeV]."""
    event = events.event_of_particle[which]
    columns = (events.particles[name][which].astype(np.float64) for name in ("px", "py", "pz", "energy"))
    return np.stack([np.bincount(event, column, len(events)) for column in columns], axis=1)


def _has_rest_frame(events: Events) -> Mask:
    total = _total(events)
    return np.asarray((total[:, 3] > 0) & (total[:, 3] ** 2 > np.sum(total[:, :3] ** 2, axis=1)))


def _centre_of_mass(events: Events) -> tuple[Array, Array]:
    """Momenta and energies in the rest frame of the roots, in the laboratory where there is none."""
    frame = np.where(_has_rest_frame(events)[:, None], _total(events), [0.0, 0.0, 0.0, 1.0])
    momenta = np.stack([events.particles[name].astype(np.float64) for name in ("px", "py", "pz")], axis=1)
    return boost_to_rest(momenta, events.particles["energy"], frame[events.event_of_particle])
