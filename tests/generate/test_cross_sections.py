"""Cross sections of the samples."""

import pytest

from hepsets.generate.cross_sections import CROSS_SECTION, mix
from hepsets.generate.pythia import SAMPLES


def test_every_sample_has_a_cross_section():
    assert tuple(CROSS_SECTION) == SAMPLES


def test_b_pairs_and_continuum_add_up_to_what_is_published():
    assert CROSS_SECTION["mixed"] + CROSS_SECTION["charged"] == pytest.approx(1.110)
    continuum = sum(CROSS_SECTION[name] for name in SAMPLES[2:])
    assert continuum == pytest.approx(3.69)
    assert CROSS_SECTION["uubar"] / CROSS_SECTION["ddbar"] == pytest.approx(4, rel=0.01)  # squared charges


def test_a_mix_sums_to_one_and_keeps_the_ratios():
    shares = mix(SAMPLES)
    assert sum(shares.values()) == pytest.approx(1)
    few = mix(("mixed", "ccbar"))
    assert few["mixed"] / few["ccbar"] == pytest.approx(shares["mixed"] / shares["ccbar"])
