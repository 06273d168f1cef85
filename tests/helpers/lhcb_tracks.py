"""Single particles shot forwards, as events that a forward spectrometer sees."""

import numpy as np

from hepsets.core.events import PARTICLE_COLUMNS, Events
from hepsets.simulate.forward import see_lhc_events

MASS = {211: 0.13957039, 321: 0.493677, 2212: 0.93827208816, 13: 0.1056583755}


def shot(pdg, momentum, n, *, pt=2.0, place=(0.0, 0.0, 0.0), seed=1):
    """One particle per event, of one momentum and p_T [GeV], along any azimuth, from a place [cm]."""
    rng = np.random.default_rng(seed)
    phi = rng.uniform(-np.pi, np.pi, n)
    columns = {name: np.zeros(n, dtype) for name, dtype in PARTICLE_COLUMNS.items()}
    columns["pdg"][:] = pdg
    columns["px"][:], columns["py"][:] = pt * np.cos(phi), pt * np.sin(phi)
    columns["pz"][:] = np.sqrt(momentum**2 - pt**2)
    columns["energy"][:] = np.hypot(momentum, MASS[abs(pdg)])
    for axis, value in zip("xyz", place, strict=True):
        columns[axis][:] = value
    return Events(columns, np.arange(n + 1))


def fired(pdg, momentum, n, *, detector, pt=None, place=(0.0, 0.0, 0.0), seed=1):
    """What a detector sees of them."""
    events = shot(pdg, momentum, n, pt=momentum / 10 if pt is None else pt, place=place, seed=seed)
    return see_lhc_events(events, seed=seed, event_numbers=np.arange(n), detector=detector)
