"""Δm_s from tagged decay times: of simulated decays that the selection keeps, and of the data themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hepsets.analyses.bs_dspi.mass_fits import Selection
from hepsets.analyses.bs_dspi.physical import in_category
from hepsets.analyses.bs_dspi.samples import SIGNAL, Samples
from hepsets.core.errors import InputError
from hepsets.core.particle_sets import ParticleSets
from hepsets.core.run import log
from hepsets.evaluate.decay_time.acceptance import Acceptance, measured_acceptance, resolution_scale
from hepsets.evaluate.decay_time.decays import TaggedDecays, of_candidates, signal_given_time
from hepsets.evaluate.decay_time.fit import OscillationFit, fit_delta_m
from hepsets.evaluate.fits.record import MassFit
from hepsets.evaluate.fits.signal_probability import signal_probability
from hepsets.simulate.flavour_tagging import TaggingConfig, draw_tags

TRUTH = 17.7683
"""Δm_s as generated [1/ps]."""

IN_BIN = 20
"""Candidates in a bin of decay time on average, of each kind, without which there are fewer bins."""

MOST_BINS = 8
"""Of the decay time."""

READS = ("decay_time", "decay_time_err", "true_decay_time", "flavour_produced", "bachelor_charge")
"""Columns of candidates that it takes."""


@dataclass(frozen=True, eq=False)
class Oscillation:
    """Δm_s.

    Parameters
    ----------
    decays, fit
        Simulated signal that the selection keeps, with tags, and the fit of it.
    scale
        What the errors of decay times are multiplied with, as simulation says.
    in_data
        The fit of the data, each candidate with its probability to be signal by mass and decay time; ``None``
        if it did not come out.
    time_bins
        Of the decay time, in which both densities are taken to be constant; 1 if too few candidates tell
        them and the mass alone is used.
    acceptance
        By decay time, of the simulated signal itself; ``None`` if it is too little.
    """

    decays: TaggedDecays
    fit: OscillationFit
    scale: float
    in_data: OscillationFit | None
    time_bins: int
    acceptance: Acceptance | None = None


def measure_oscillation(
    samples: Samples, kept: Selection, result: MassFit, tagging: TaggingConfig, *, seed: int
) -> Oscillation | None:
    """Δm_s, by tags that are drawn from the flavours as produced.

    Parameters
    ----------
    samples, kept
        Candidates, and what the selection keeps of them.
    result
        The mass fit of the data, which says how likely each candidate is signal.
    tagging
        How good tags are.
    seed
        Of the tags.

    Returns
    -------
    Oscillation or None
        ``None`` for candidates without the truth that tags are drawn from, or with too few decays.
    """
    if not set(READS) <= set(samples.signal.columns):
        return None
    signal = samples.signal[kept.simulated[SIGNAL]]
    columns = signal.columns
    scale = resolution_scale(columns["decay_time"], columns["true_decay_time"], columns["decay_time_err"])
    decays = _tagged(signal, np.ones(len(signal)), scale, tagging, seed)
    data = samples.data[kept.data]
    probability, bins = probability_of_signal(samples, kept, result)
    in_data = None
    try:
        in_data = fit_delta_m(_tagged(data, probability, scale, tagging, seed + 1))
    except InputError as error:
        log.warning("Δm_s of the data: %s", error)
    try:
        return Oscillation(decays, fit_delta_m(decays), scale, in_data, bins, _acceptance(decays))
    except InputError as error:
        log.warning("Δm_s: %s", error)
        return None


def _acceptance(decays: TaggedDecays) -> Acceptance | None:
    try:
        return measured_acceptance(decays.time, decays.resolution, knots=min(12, len(decays) // 150))
    except InputError:
        return None


def probability_of_signal(
    samples: Samples, kept: Selection, result: MassFit
) -> tuple[NDArray[np.float64], int]:
    """How likely each candidate of the data is signal, by mass and decay time.

    Signal lives longer than combinations: by the mass alone late candidates would be believed less than
    they may, early ones more. Decay times of signal are those of simulation, of background those of the data
    above the peak, both with the same selection.

    Parameters
    ----------
    samples, kept, result
        As for :func:`measure_oscillation`.

    Returns
    -------
    tuple
        Probabilities of the data that are kept, shape ``(n_kept,)``, and bins of the decay time.
    """
    data, signal = samples.data[kept.data], samples.signal[kept.simulated[SIGNAL]]
    mass, time = data.columns["bs_mass"], data.columns["decay_time"]
    probability = np.zeros(len(data))
    for c, name in enumerate(result.fit.model.categories):
        of_mode = in_category(data.columns, name)
        probability[of_mode] = signal_probability(result.fit, mass[of_mode], category=c)
    above = time[mass > np.quantile(samples.signal.columns["bs_mass"], 0.999)]
    bins = int(np.clip(min(len(signal), len(above)) // IN_BIN, 1, MOST_BINS))
    if bins == 1:
        return probability, 1
    return signal_given_time(probability, time, signal.columns["decay_time"], above, bins=bins), bins


def _tagged(
    candidates: ParticleSets, signal: NDArray[np.float64], scale: float, tagging: TaggingConfig, seed: int
) -> TaggedDecays:
    tags = draw_tags(candidates.columns["flavour_produced"], tagging, seed=seed)
    return of_candidates(candidates.columns, tags, signal, resolution_scale=scale)
