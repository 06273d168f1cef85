"""Forced decays of b hadrons alone, without the rest of a collision: many at once, without Pythia."""

import numpy as np

from hepsets.generate.lhc_beauty.chains import FORCED
from hepsets.generate.lhc_beauty.hadronisation import Hadrons
from hepsets.generate.lhc_beauty.samples import _assembled
from hepsets.select.bs_dspi.candidates import find_candidates
from hepsets.simulate.forward import see_lhc_events
from hepsets.simulate.lhcb import LHCB


def decays(sample, n, seed=1):
    """Events of one decay each, with p_T and η about those of b hadrons in LHCb."""
    rng = np.random.default_rng(seed)
    pt, eta, phi = rng.gamma(2.0, 2.5, n), rng.uniform(2.2, 4.5, n), rng.uniform(-np.pi, np.pi, n)
    p = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)], axis=1)
    pdg = FORCED[sample].hadron * np.where(rng.random(n) < 0.5, 1, -1)
    made = [
        Hadrons(pdg[[i]], np.zeros(1, dtype=int), np.append(p[i], 0.0)[None], np.zeros((1, 4)), 0, 1)
        for i in range(n)
    ]
    spots = rng.normal(0, [4e-3, 4e-3, 5.0], (n, 3))
    return _assembled(sample, made, np.arange(n), spots, np.zeros(n, dtype=int), 1, seed)


def candidates(sample, n, seed=1, **options):
    """Such events, and what is found of them."""
    events = decays(sample, n, seed)
    seen = see_lhc_events(events, seed=seed, event_numbers=np.arange(n), detector=LHCB)
    return events, find_candidates(seen, sample=sample, **options)
