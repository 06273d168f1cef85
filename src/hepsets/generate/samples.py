"""Every sample of decay trees by name, whichever generator setup makes it."""

from __future__ import annotations

from collections.abc import Iterator

from hepsets.core.errors import InputError
from hepsets.core.events import Events
from hepsets.generate import pythia, tau_pairs, z_pole
from hepsets.generate.lhc_beauty import samples as lhc_beauty

SAMPLES = (*pythia.SAMPLES, *tau_pairs.SAMPLES, *z_pole.SAMPLES, *lhc_beauty.SAMPLES)
"""Belle II's generic samples, τ pairs, the flavours of the Z, and beauty at the LHC."""


def generate_sample(sample: str, events: int, *, seed: int, workers: int = 1) -> Iterator[Events]:
    """Exactly so many events, in blocks, with the event columns of their sample.

    Parameters
    ----------
    sample
        One of :data:`SAMPLES`.
    events, seed, workers
        How many; same seed, same events, whatever the number of processes.

    Returns
    -------
    iterator of Events
        With ``event_type`` (:mod:`hepsets.generate.pythia`, :mod:`hepsets.generate.tau_pairs`), or
        ``flavour`` and the direction of the quark
        (:mod:`hepsets.generate.z_pole`), or the parton event and the forced decay
        (:mod:`hepsets.generate.lhc_beauty.samples`).

    Raises
    ------
    InputError
        For an unknown sample, numbers that cannot be, or if Pythia 8 is not installed.
    """
    if events < 1 or workers < 1 or not 0 <= seed < 2**63:
        raise InputError(
            f"{events} events with seed {seed} and {workers} workers",
            "one event or more, a seed from 0 to 2^63 - 1, one worker or more",
        )
    if sample in tau_pairs.SAMPLES:
        return tau_pairs.generate_tau_pairs(sample, events, seed=seed, workers=workers)
    if sample in z_pole.SAMPLES:
        return z_pole.generate_z(sample, events, seed=seed, workers=workers)
    if sample in lhc_beauty.SAMPLES:
        return lhc_beauty.generate_lhc(sample, events, seed=seed, workers=workers)
    if sample not in pythia.SAMPLES:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(SAMPLES)}")
    config = pythia.GenerateConfig(sample=sample, events=events, seed=seed, workers=workers)
    blocks = pythia.generate(config)
    return (part.with_columns(event_type=pythia.event_types(sample, len(part))) for part in blocks)
