"""The decays that the hadronic tag reconstructs: the one table for making tags and for finding them.

All are written for a B that holds an anti-b quark and for charm mesons that hold a charm quark.
"""

from __future__ import annotations

from collections.abc import Mapping

Content = tuple[int, ...]
"""PDG ids of what a decay ends in."""

COMPANIONS: tuple[Content, ...] = (
    (211,), (211, 111), (211, 111, 111), (211, 211, -211), (211, 211, -211, 111), (431,), (433,), (421, 321),
)  # fmt: skip
"""What an anti-charm meson of charge 0 or -1 makes a B⁺ or B⁰ with."""

B_MODES: Mapping[int, tuple[Content, ...]] = {
    511: (*((d, *rest) for d in (-411, -413) for rest in COMPANIONS), (-421, 211, -211)),
    521: (*((d, *rest) for d in (-421, -423) for rest in COMPANIONS), (-411, 211, 211), (-413, 211, 211)),
}
"""Daughters of the B in the tag's modes, for B⁰ and B⁺; the charm meson stands first."""

CHARM_MODES: Mapping[int, tuple[Content, ...]] = {
    421: (
        (-321, 211), (-321, 211, 111), (-321, 211, 211, -211), (-321, 211, 211, -211, 111),
        (310, 211, -211), (310, 211, -211, 111), (310, 111), (-321, 321),
    ),
    411: (
        (-321, 211, 211), (-321, 211, 211, 111), (310, 211), (310, 211, 111), (310, 211, 211, -211),
        (-321, 321, 211),
    ),
    431: ((-321, 321, 211), (310, 321)),
    310: ((211, -211),),
}  # fmt: skip
"""Daughters of the charm mesons in the tag's modes, and of the K_S."""

EXCITED_MODES: Mapping[int, tuple[Content, ...]] = {
    413: ((421, 211),),
    423: ((421, 111), (421, 22)),
    433: ((431, 22),),
}
"""Daughters of the excited charm mesons; the charm meson stands first."""
