"""Fragmentations besides the standard one."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.generate.beams import BeamConfig
from hepsets.generate.fragmentation import FRAGMENTATIONS, settings_of
from hepsets.generate.pythia import generate_block

pytest.importorskip("pythia8mc")

N = 1000


def per_pion(events, *pdg):
    """Particles of some kinds for each charged pion."""
    kinds = np.abs(events.particles["pdg"])
    return np.isin(kinds, pdg).sum() / (kinds == 211).sum()


def test_strong_fragmentation_has_more_strangeness_and_the_older_tune_is_another():
    usual = generate_block("uubar", 1, 0, N)
    for name in FRAGMENTATIONS:
        other = generate_block("uubar", 1, 0, N, fragmentation=name)
        assert not np.array_equal(other.particles["pdg"], usual.particles["pdg"])
    strong = generate_block("uubar", 1, 0, N, fragmentation="strong")
    assert per_pion(strong, 321) > 1.2 * per_pion(usual, 321)


def test_no_fragmentation_is_pythia_s_own_and_unknown_ones_and_those_of_b_mesons_are_refused():
    assert settings_of(None) == ()
    with pytest.raises(InputError, match="fragmentation 'soft'; expected one of older_tune, strong"):
        settings_of("soft")
    with pytest.raises(InputError, match="fragmentation 'strong' in sample 'mixed'; expected a continuum"):
        generate_block("mixed", 1, 0, 10, fragmentation="strong")


def test_beams_below_the_resonance_have_less_energy_and_the_same_velocity():
    beams = BeamConfig()
    below = beams.below(0.06)
    assert below.energy == pytest.approx(beams.energy - 0.06)
    assert below.velocity == pytest.approx(beams.velocity)
