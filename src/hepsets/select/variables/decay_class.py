"""The class of an event by its true B decays: which kind each of the two is."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from hepsets.core.events import Events

B_CLASSES: Mapping[str, str] = MappingProxyType(
    {
        "lepton": "e or μ of the B itself",
        "tau": "τ of the B itself",
        "charmonium": "a meson of c and c̄",
        "two_charm": "two hadrons with open charm or more",
        "one_charm": "one hadron with open charm",
        "rare": "none of these",
    }
)
"""What a B can decay to; the first that fits."""

N_CLASSES = len(B_CLASSES) * (len(B_CLASSES) + 1) // 2 + 1
"""Unordered pairs of classes of both B, and one for all other events."""

NO_PAIR = N_CLASSES - 1
"""The class of events that are no pair of B."""

_UPSILON = 300553


def decay_class(events: Events) -> NDArray[np.int64]:
    """Class of each event, from 0 to :data:`N_CLASSES` − 1, shape ``(n_events,)``.

    The order of the two B does not matter. Daughters are those in the table, so that of an excited charm
    meson counts itself and not what it decays to.

    Parameters
    ----------
    events
        Generated events; any that have not exactly two B, or a root that is no Υ(4S), are :data:`NO_PAIR`.
    """
    pdg = np.abs(events.particles["pdg"].astype(np.int64))
    mothers = events.mothers
    own = np.arange(len(pdg))
    is_b = (mothers != own) & (pdg[mothers] == _UPSILON) & np.isin(pdg, (511, 521))
    of_b = is_b[mothers] & (mothers != own)
    quarks = np.stack([pdg // 10**place % 10 for place in (1, 2, 3)])
    charm = (quarks == 4).sum(axis=0) * (pdg > 100)

    def count(which: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(mothers[of_b & which], minlength=len(pdg))

    open_charm = count(charm == 1)
    conditions = [
        count(np.isin(pdg, (11, 13))) > 0,
        count(pdg == 15) > 0,
        count(charm == 2) > 0,
        open_charm > 1,
        open_charm == 1,
    ]
    kind = np.select(conditions, list(range(5)), default=5)
    found = np.full(len(events), NO_PAIR)
    b, event = np.flatnonzero(is_b), events.event_of_particle
    pairs = np.bincount(event[b], minlength=len(events)) == 2
    both = np.sort(kind[b[pairs[event[b]]]].reshape(-1, 2), axis=1)
    found[pairs] = both[:, 1] * (both[:, 1] + 1) // 2 + both[:, 0]
    return found
