"""How often each sample is made: cross sections at the Υ(4S), shares of the flavours at the Z."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UPSILON_4S = 1.110
"""Cross section of e⁺e⁻ → Υ(4S) [nb]."""

NEUTRAL_FRACTION = 0.486
"""Share of B⁰B̄⁰ among the B B̄ pairs that an Υ(4S) decays to."""

CROSS_SECTION: Mapping[str, float] = MappingProxyType(
    {
        "mixed": UPSILON_4S * NEUTRAL_FRACTION,
        "charged": UPSILON_4S * (1 - NEUTRAL_FRACTION),
        "uubar": 1.61,
        "ddbar": 0.40,
        "ssbar": 0.38,
        "ccbar": 1.30,
    }
)
"""Cross section [nb] of each of :data:`hepsets.generate.pythia.SAMPLES` at √s = 10.58 GeV.

Of the Υ(4S) and the continuum: E. Kou et al., The Belle II Physics Book, PTEP 2019 (2019) 123C01, table of
production cross sections. Of the charged and neutral B: Particle Data Group, Phys. Rev. D 98 (2018) 030001,
f₊₋ = 0.514 ± 0.006 and f₀₀ = 0.486 ± 0.006.
"""

TAU_PAIR = 0.919
"""Cross section of e⁺e⁻ → τ⁺τ⁻ at √s = 10.58 GeV [nb]: S. Banerjee et al., Phys. Rev. D 77 (2008) 054012,
0.919 ± 0.003 nb, with initial-state radiation."""

Z_SHARE: Mapping[str, float] = MappingProxyType({"zbb": 0.2176, "zcc": 0.1711, "zss": 0.2201, "zud": 0.3912})
"""Share of each of :data:`hepsets.generate.z_pole.SAMPLES` among hadronic events of Pythia 8 at 91.19 GeV.

R_b and R_c of the generator (8.317, its default couplings), counted in 800 000 hard processes of
e⁺e⁻ → γ*/Z → q q̄ with initial-state radiation: b 0.2175 ± 0.0005, c 0.1710, u 0.1713, s 0.2212, d 0.2190,
where c and u, and s and d, have one coupling and are averaged. The measured ones are 0.21629 ± 0.00066 and
0.1721 ± 0.0030 (ALEPH, DELPHI, L3, OPAL and SLD, Phys. Rept. 427 (2006) 257).
"""


def mix(samples: tuple[str, ...]) -> dict[str, float]:
    """Share of each sample in their mix, by cross section.

    Examples
    --------
    >>> {name: round(share, 3) for name, share in mix(("mixed", "charged")).items()}
    {'mixed': 0.486, 'charged': 0.514}
    """
    total = sum(CROSS_SECTION[name] for name in samples)
    return {name: CROSS_SECTION[name] / total for name in samples}
