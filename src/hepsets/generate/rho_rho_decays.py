"""Force one B⁺ into ρ⁺ρ⁰, both longitudinal: the specific mode of continuum suppression.

Belle II's table has the decay with the one amplitude H₀ (EvtGen's SVV_HELAMP 0 0 1 0 0 0): the angles of
both ρ decays, each in the ρ's own frame, then follow cos²θ₁ cos²θ₂. Pythia knows no such model, but one for
a scalar that decays to a pseudoscalar and a vector, whose decay follows cos²θ (meMode 2). To it a
particle is a pseudoscalar by the digits of its id. So each ρ is an alias with the digits of a
pseudoscalar, and each is polarised by the other. The measured longitudinal share is 0.95
(Particle Data Group).
"""

from __future__ import annotations

from functools import cache

from hepsets.generate.decay_table import VECTOR_TO_2PS, Channel, DecayTable, belle2_decay_table
from hepsets.generate.tag_decays import TagDecays

_B, _RHO_PLUS, _RHO_ZERO = 521, 213, 113
RHO_RHO_ALIAS_BASE = 9_700_000
"""Aliases of these decays have ids above this one, those of tag decays below it."""

_FORCED_B, _FORCED_RHO_PLUS, _FORCED_RHO_ZERO = (RHO_RHO_ALIAS_BASE + k for k in (521, 10_211, 20_111))
"""The last four digits of the latter two are those of pseudoscalars."""


@cache
def rho_rho_decays() -> TagDecays:
    """Belle II's table with the forced B⁺, derived once per process."""
    table = belle2_decay_table()
    total = sum(c.branching_fraction for c in table.channels[_B]) / (1 - table.inclusive[_B][1])
    wanted = sum(
        c.branching_fraction
        for c in table.channels[_B]
        if sorted(c.products) == sorted((_RHO_PLUS, _RHO_ZERO))
    )
    channels = {
        _FORCED_B: (Channel(1.0, (_FORCED_RHO_PLUS, _FORCED_RHO_ZERO), 0),),
        _FORCED_RHO_PLUS: (Channel(1.0, (211, 111), VECTOR_TO_2PS),),
        _FORCED_RHO_ZERO: (Channel(1.0, (211, -211), VECTOR_TO_2PS),),
    }
    aliases = {_FORCED_B: _B, _FORCED_RHO_PLUS: _RHO_PLUS, _FORCED_RHO_ZERO: _RHO_ZERO}
    return TagDecays(
        DecayTable(
            {**table.channels, **channels},
            table.inclusive,
            {**table.aliases, **aliases},
            table.left_out,
        ),
        {_B: _FORCED_B},
        {_B: wanted / total},
    )
