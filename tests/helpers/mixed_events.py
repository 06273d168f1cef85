"""A few B⁰B̄⁰ events and what Belle II sees of them, made once."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hepsets.core.events import Events
from hepsets.generate.pythia import generate_block
from hepsets.simulate.belle2 import BELLE2
from hepsets.simulate.detector import Reconstructed, simulate

NUMBERS = np.arange(400)
"""Their event numbers."""


@cache
def mixed_events() -> Events:
    """The events."""
    pytest.importorskip("pythia8mc")
    return generate_block("mixed", 21, 0, len(NUMBERS))


@cache
def seen_events() -> Reconstructed:
    """What Belle II sees of them."""
    return simulate(mixed_events(), seed=21, event_numbers=NUMBERS, detector=BELLE2)
