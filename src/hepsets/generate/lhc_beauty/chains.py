"""Which decays are forced: chains of two-body decays from a b hadron to what a detector sees, as data."""

from __future__ import annotations

from dataclasses import dataclass

from hepsets.core.masses import (
    M_B0,
    M_BS,
    M_DELTA,
    M_DPLUS,
    M_DS,
    M_DS_STAR,
    M_K,
    M_KSTAR,
    M_LAMBDA_1520,
    M_LB,
    M_LC,
    M_P,
    M_PHI,
    M_PI,
    M_PI0,
    M_RHO,
    WIDTH_DELTA,
    WIDTH_KSTAR,
    WIDTH_LAMBDA_1520,
    WIDTH_PHI,
    WIDTH_RHO,
)
from hepsets.generate.lhc_beauty.resonances import Resonance

ISOTROPIC, COSINE_SQUARED, SINE_SQUARED = range(3)
"""Laws of the angle between a daughter and the direction that its mother came along, in its frame."""

PHI_PI, KSTAR_K, NON_RESONANT = range(3)
"""``decay_mode`` of D_s → K K π as generated; other charm hadrons count their own channels in order."""

MASSES = {
    22: 0.0, 111: M_PI0, 211: M_PI, 321: M_K, 2212: M_P, 411: M_DPLUS, 431: M_DS, 433: M_DS_STAR, 4122: M_LC,
    511: M_B0, 531: M_BS, 5122: M_LB,
}  # fmt: skip
"""Masses [GeV] of what has no width here, by absolute PDG id."""

LIFETIMES = {511: 1.517, 531: 1.520, 5122: 1.471, 411: 1.033, 431: 0.504, 4122: 0.2029}
"""Mean lives [ps] of what flies: the B⁰ as elsewhere here, 1/Γ_s and the Λ_b of HFLAV (arXiv:2206.07501),
charm hadrons of the Review of Particle Physics (2024)."""

OWN_ANTIPARTICLE = (22, 111, 333)


@dataclass(frozen=True)
class Step:
    """A decay to two particles.

    Parameters
    ----------
    mother
        Place of the mother in the chain: 0 is the b hadron, daughters follow in the order of the steps.
    daughters
        Their PDG ids, if a b̄ meson (B_s⁰, B⁰) or a b baryon (Λ_b⁰) decays; of the others all are conjugate.
    angle
        The law of the angle.
    resonance
        The mass of the first daughter, unless it is one of :data:`MASSES`.
    """

    mother: int
    daughters: tuple[int, int]
    angle: int = ISOTROPIC
    resonance: Resonance | None = None


@dataclass(frozen=True)
class Chain:
    """One way from a b hadron to stable particles, its share of the sample, and its ``decay_mode``."""

    share: float
    mode: int
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Forced:
    """A sample of forced decays: the PDG id of the b hadron, and the chains that it decays by."""

    hadron: int
    chains: tuple[Chain, ...]


def _three_body(
    place: int,
    mother: float,
    pair: tuple[int, int],
    other: int,
    resonance: tuple[int, float, float, int, int],
) -> tuple[Step, Step]:
    """A decay to a resonance (PDG id, mass, width, spin, wave), or none of id 0, and another particle."""
    pdg, mass, width, spin, wave = resonance
    shape = Resonance(
        mother, MASSES[abs(other)], (MASSES[abs(pair[0])], MASSES[abs(pair[1])]), mass, width, spin, wave
    )
    law = COSINE_SQUARED if wave else ISOTROPIC
    return Step(place, (pdg, other), ISOTROPIC, shape), Step(-1, pair, law)


PAIR = 0
"""Instead of a PDG id: a pair of particles that is no resonance; it is left out of event tables."""

_NOTHING = (PAIR, 0.0, 0.0, 0, 0)
_KSTAR = (-313, M_KSTAR, WIDTH_KSTAR, 1, 1)

_DECAYS_OF_DS = {
    (0.414, PHI_PI): ((321, -321), 211, (333, M_PHI, WIDTH_PHI, 1, 1)),
    (0.479, KSTAR_K): ((-321, 211), 321, _KSTAR),
    (0.107, NON_RESONANT): ((321, -321), 211, _NOTHING),
}
"""D_s⁺ → K⁺K⁻π⁺ with the fit fractions of BaBar (arXiv:1011.4190); what is neither φ nor K* is
phase space, although its own fractions, with interference, add to more."""

_DECAYS_OF_DPLUS = {(0.12, 0): ((-321, 211), 211, _KSTAR), (0.88, 1): ((-321, 211), 211, _NOTHING)}
"""D⁺ → K⁻π⁺π⁺: a little K*(892), and an S wave (E791, hep-ex/0507099) as phase space."""

_DECAYS_OF_LC = {
    (0.22, 0): ((-321, 211), 2212, (-313, M_KSTAR, WIDTH_KSTAR, 1, 0)),
    (0.18, 1): ((2212, 211), -321, (2224, M_DELTA, WIDTH_DELTA, 1, 0)),
    (0.10, 2): ((2212, -321), 211, (3124, M_LAMBDA_1520, WIDTH_LAMBDA_1520, 2, 0)),
    (0.50, 3): ((2212, -321), 211, _NOTHING),
}
"""Λ_c⁺ → p K⁻π⁺ in the shares of E791 (hep-ex/9912003), unpolarised."""

_CHARM = {431: (M_DS, _DECAYS_OF_DS), 411: (M_DPLUS, _DECAYS_OF_DPLUS), 4122: (M_LC, _DECAYS_OF_LC)}


def _forced(hadron: int, *openings: tuple[float, tuple[Step, ...], int]) -> Forced:
    """Chains that begin with some steps, after which the charm hadron decays.

    ``openings`` are the share, the steps, and the PDG id of the charm hadron among their daughters.
    """
    chains = []
    for share, steps, charm in openings:
        places = [0, *(pdg for step in steps for pdg in step.daughters)]
        place, (mass, decays) = places.index(charm), _CHARM[abs(charm)]
        sign = 1 if charm > 0 else -1
        for (fraction, mode), (pair, other, resonance) in decays.items():
            first, second = _three_body(place, mass, pair, other, resonance)
            last = (first, Step(len(places), second.daughters, second.angle))
            conjugate = tuple(
                Step(
                    s.mother,
                    (_signed(s.daughters[0], sign), _signed(s.daughters[1], sign)),
                    s.angle,
                    s.resonance,
                )
                for s in last
            )
            chains.append(Chain(share * fraction, mode, (*steps, *conjugate)))
    return Forced(hadron, tuple(chains))


def _signed(pdg: int, sign: int) -> int:
    return pdg if pdg in OWN_ANTIPARTICLE else sign * pdg


_RHO = Resonance(M_BS, M_DS, (M_PI, M_PI0), M_RHO, WIDTH_RHO, spin=1, wave=1)

FORCED = {
    "bs_dspi": _forced(531, (1.0, (Step(0, (-431, 211)),), -431)),
    "bs_dsk": _forced(531, (0.88, (Step(0, (-431, 321)),), -431), (0.12, (Step(0, (431, -321)),), 431)),
    "bs_dsstpi": _forced(
        531,
        (0.942, (Step(0, (-433, 211)), Step(1, (-431, 22), SINE_SQUARED)), -431),
        (0.058, (Step(0, (-433, 211)), Step(1, (-431, 111), COSINE_SQUARED)), -431),
    ),
    "bs_dsrho": _forced(
        531, (1.0, (Step(0, (213, -431), resonance=_RHO), Step(1, (211, 111), COSINE_SQUARED)), -431)
    ),
    "b0_dpi": _forced(511, (1.0, (Step(0, (-411, 211)),), -411)),
    "b0_dspi": _forced(511, (1.0, (Step(0, (431, -211)),), 431)),
    "lb_lcpi": _forced(5122, (1.0, (Step(0, (4122, -211)),), 4122)),
}
"""Samples of forced decays. In B_s⁰ → D_s∓K± both charges come from either flavour; the amplitude of the
rarer is 0.37 of the other's (LHCb, arXiv:1712.07428) and they do not interfere here. D_s* → D_s γ and D_s π⁰
as of the Review of Particle Physics; D_s* and ρ are longitudinal, since the B_s has no spin."""


def final_states(sample: str) -> tuple[tuple[int, ...], ...]:
    """PDG ids of what each chain of a sample ends with, sorted.

    Examples
    --------
    >>> set(final_states("bs_dspi"))
    {(-321, -211, 211, 321)}
    """
    found = []
    for chain in FORCED[sample].chains:
        places = [0, *(pdg for step in chain.steps for pdg in step.daughters)]
        mothers = {step.mother for step in chain.steps}
        found.append(tuple(sorted(pdg for place, pdg in enumerate(places) if place not in mothers)))
    return tuple(found)
