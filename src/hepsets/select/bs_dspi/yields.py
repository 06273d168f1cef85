"""How many candidates of each kind a luminosity holds, and "data" in these numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.core.particle_sets import ParticleSets
from hepsets.generate.lhc_beauty.samples import GENERIC
from hepsets.select.bs_dspi.sample import CandidateConfig, CandidateSample, make_candidates

CROSS_SECTION = Measured(144e9, 21e9)
"""p p → H_b X at 13 TeV with 2 < η < 5 [fb], averaged over b and b̄ hadrons (LHCb, arXiv:1612.05140)."""

FS_OVER_FD = Measured(0.2539, 0.0079)
"""B_s⁰ per B⁰ at 13 TeV (LHCb, arXiv:2103.06810)."""

FLAMBDA_OVER_FU_PLUS_FD = Measured(0.259, 0.018)
"""Λ_b⁰ per B⁺ and B⁰ at 13 TeV (LHCb, arXiv:1902.06794)."""

BRANCHING_FRACTION = {
    "bs_dspi": Measured(2.98e-3, 0.14e-3),
    "bs_dsk": Measured(2.24e-4, 0.12e-4),
    "bs_dsstpi": Measured(1.9e-3, 0.5e-3),
    "bs_dsrho": Measured(6.8e-3, 1.4e-3),
    "b0_dpi": Measured(2.51e-3, 0.08e-3),
    "b0_dspi": Measured(2.03e-5, 0.18e-5),
    "lb_lcpi": Measured(4.9e-3, 0.4e-3),
}
"""Of the b hadron (Review of Particle Physics, 2024, typed in by hand); B_s⁰ → D_sK by its ratio 0.0752 to
B_s⁰ → D_sπ (LHCb, arXiv:1412.7654)."""

CHARM_FRACTION = {
    "bs": Measured(5.37e-2, 0.10e-2),
    "b0_dpi": Measured(9.38e-2, 0.16e-2),
    "b0_dspi": Measured(5.37e-2, 0.10e-2),
    "lb_lcpi": Measured(6.24e-2, 0.28e-2),
}
"""D_s⁺ → K⁺K⁻π⁺, D⁺ → K⁻π⁺π⁺, Λ_c⁺ → p K⁻π⁺ (Review of Particle Physics, 2024, typed in by hand)."""

_APART = 10**10
"""Between the event numbers of samples that are joined."""

MIXING_SCALE = Measured(1.1, 0.3)
"""Combinatorial candidates of single events per one of mixed events: b and b̄ hadrons of an event fly in
related directions, which mixing forgets. 21 against 19.1 in 20 000 events with looser identification and
trigger, each parton event hadronised four times, from 4.5 to 7 GeV."""


def production_fractions() -> dict[str, float]:
    """Shares of b hadrons that are B_s⁰, B⁰ and Λ_b⁰; with B⁺, as many as B⁰, they add to one."""
    to_fd = {"bs": FS_OVER_FD.value, "b0": 1.0, "lb": 2 * FLAMBDA_OVER_FU_PLUS_FD.value}
    total = 1.0 + sum(to_fd.values())
    return {name: value / total for name, value in to_fd.items()}


def factors(sample: str) -> dict[str, Measured]:
    """What a yield is a product of besides the measured efficiency and the luminosity, by name: samples with
    a factor of one name share its error.

    Raises
    ------
    InputError
        For a sample without a branching fraction.
    """
    if sample == GENERIC:
        return {"cross-section": CROSS_SECTION, "mixing": MIXING_SCALE}
    if sample not in BRANCHING_FRACTION:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(BRANCHING_FRACTION)}")
    hadron = sample.split("_")[0]
    charm = "lb_lcpi" if hadron == "lb" else "b0_dpi" if sample == "b0_dpi" else "bs"
    found = {
        "cross-section": CROSS_SECTION,
        f"branching fraction of {sample}": BRANCHING_FRACTION[sample],
        f"charm fraction of {charm}": CHARM_FRACTION[charm],
    }
    share = {"bs": FS_OVER_FD, "lb": FLAMBDA_OVER_FU_PLUS_FD}.get(hadron)
    return found if share is None else {**found, f"production of {hadron}": share}


def decays(sample: str, luminosity: float) -> Measured:
    """Forced decays of a sample whose b hadron has 2 < η < 5, of both charges, in a luminosity [1/fb].

    Raises
    ------
    InputError
        For a sample without a branching fraction, and a luminosity that is not positive.
    """
    if sample not in BRANCHING_FRACTION:
        raise InputError(f"sample {sample!r}", f"one of {', '.join(BRANCHING_FRACTION)}")
    hadron = sample.split("_")[0]
    charm = CHARM_FRACTION["bs" if hadron == "bs" else sample]
    branching = BRANCHING_FRACTION[sample]
    value = _beauty(luminosity) * production_fractions()[hadron] * branching.value * charm.value
    return Measured(value, value * _relative(*factors(sample).values()))


def expected(sample: CandidateSample, luminosity: float) -> Measured:
    """Candidates of a sample in a luminosity [1/fb], from its measured efficiency.

    Raises
    ------
    InputError
        As :func:`decays`.
    """
    efficiency = sample.efficiency
    if sample.sample == GENERIC:
        mixed = "weight" in sample.candidates.columns and (sample.candidates.columns["weight"] != 1).any()
        scale = MIXING_SCALE if mixed else Measured(1.0, 0.0)
        value = _beauty(luminosity) * efficiency.value * scale.value
        return Measured(value, value * _relative(CROSS_SECTION, efficiency, scale))
    forced = decays(sample.sample, luminosity)
    value = forced.value * efficiency.value
    return Measured(value, value * _relative(forced, efficiency))


def yield_covariance(yields: Mapping[str, Measured]) -> NDArray[np.float64]:
    """Covariance of expected numbers, shape ``(n, n)``: the cross-section is common to all, production and
    charm fractions to some.

    Parameters
    ----------
    yields
        By sample, with their errors; what of these is no common factor's is the sample's own.
    """
    shared = [{name: (one.se / one.value) ** 2 for name, one in factors(sample).items()} for sample in yields]
    of_factors = [sum(each.values()) for each in shared]
    errors = np.array([one.se for one in yields.values()])
    relative = [(one.se / one.value) ** 2 if one.value else 0.0 for one in yields.values()]
    whole = np.sqrt([max(pair) for pair in zip(of_factors, relative, strict=True)])
    common = [[sum(a[name] for name in a if name in b) for b in shared] for a in shared]
    correlation = np.array(common) / np.outer(whole, whole)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation * np.outer(errors, errors))


def luminosity_of(candidates: float, samples: Mapping[str, CandidateSample]) -> float:
    """The luminosity [1/fb] that so many candidates of all samples together are expected in.

    Raises
    ------
    InputError
        If no sample has any.
    """
    per_inverse_femtobarn = sum(expected(sample, 1.0).value for sample in samples.values())
    if not per_inverse_femtobarn > 0:
        raise InputError("samples without candidates", "at least one candidate", "generate more events")
    return candidates / per_inverse_femtobarn


def draw_data(
    yields: Mapping[str, Measured], *, seed: int, workers: int = 1, config: CandidateConfig | None = None
) -> ParticleSets:
    """Candidates as data would have them: of each sample a Poisson number, all weights 1, shuffled.

    Parameters
    ----------
    yields
        Expected candidates by sample (:func:`expected`).
    seed
        Another one than of the samples that the yields were measured with, or data are simulation.
    workers, config
        As for :func:`~hepsets.select.bs_dspi.sample.make_candidates`.

    Returns
    -------
    ParticleSets
        As of :func:`~hepsets.select.bs_dspi.candidates.find_candidates`, with truth in ``category``.
        Candidates of mixed events of one block are one ``underlying_event``, as are those of a parton event.

    Raises
    ------
    InputError
        If all numbers are zero.
    """
    numbers = draw_numbers(yields, seed=seed)
    parts = {
        sample: make_candidates(
            sample, seed=seed, candidates=number, workers=workers, config=config
        ).candidates
        for sample, number in numbers.items()
    }
    return join_data(parts, numbers, seed=seed)


def draw_numbers(yields: Mapping[str, Measured], *, seed: int) -> dict[str, int]:
    """How many candidates of each sample data hold: Poisson numbers; samples without any are left out.

    Parameters
    ----------
    yields, seed
        As for :func:`draw_data`.
    """
    rng = np.random.default_rng([seed, 0xDA7A])
    drawn = {sample: int(rng.poisson(number.value)) for sample, number in yields.items()}
    return {sample: number for sample, number in drawn.items() if number}


def join_data(parts: Mapping[str, ParticleSets], numbers: Mapping[str, int], *, seed: int) -> ParticleSets:
    """So many candidates of each sample at random, shuffled, all weights 1.

    Parameters
    ----------
    parts
        Candidates of each sample, at least as many as wanted.
    numbers
        How many are wanted.
    seed
        Of the choice.

    Raises
    ------
    InputError
        If none are wanted.
    """
    rng = np.random.default_rng([seed, 0x5AFF])
    chosen = []
    for place, (sample, number) in enumerate(numbers.items()):
        part = parts[sample]
        part = part[np.sort(rng.permutation(len(part))[:number])]
        chosen.append(part.with_columns(event_number=part.columns["event_number"] + place * _APART))
    if not chosen:
        raise InputError("no candidate expected", "a yield above zero", "take a larger luminosity")
    data = ParticleSets.concatenate(chosen)
    data = data[rng.permutation(len(data))]
    return data.with_columns(weight=np.ones(len(data)))


def _beauty(luminosity: float) -> float:
    if not luminosity > 0:
        raise InputError(f"a luminosity of {luminosity}/fb", "a positive number")
    return 2 * CROSS_SECTION.value * luminosity


def _relative(*factors: Measured) -> float:
    return math.sqrt(sum((factor.se / factor.value) ** 2 for factor in factors if factor.value))
