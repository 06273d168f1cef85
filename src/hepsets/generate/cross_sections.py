"""How often each sample is made: cross sections at the Υ(4S)."""

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


def mix(samples: tuple[str, ...]) -> dict[str, float]:
    """Share of each sample in their mix, by cross section.

    Examples
    --------
    >>> {name: round(share, 3) for name, share in mix(("mixed", "charged")).items()}
    {'mixed': 0.486, 'charged': 0.514}
    """
    total = sum(CROSS_SECTION[name] for name in samples)
    return {name: CROSS_SECTION[name] / total for name in samples}
