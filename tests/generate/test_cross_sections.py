"""Cross sections of the samples."""

import pytest

from hepsets.generate import z_pole
from hepsets.generate.blocks import initialised, new_pythia
from hepsets.generate.cross_sections import CROSS_SECTION, Z_SHARE, mix
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


def test_shares_of_the_flavours_of_the_z_are_those_of_pythia():
    assert tuple(Z_SHARE) == z_pole.SAMPLES
    assert sum(Z_SHARE.values()) == pytest.approx(1)
    assert Z_SHARE["zbb"] == pytest.approx(0.2163, rel=0.01)  # as measured
    pythia = initialised(
        new_pythia(
            ("Beams:idA = 11", "Beams:idB = -11", "Beams:eCM = 91.19", "WeakSingleBoson:ffbar2gmZ = on")
        )
    )
    z = pythia.particleData.particleDataEntryPtr(23)
    channels = [z.channel(place) for place in range(z.sizeChannels())]
    width = {channel.product(0): channel.bRatio() for channel in channels if channel.product(0) < 6}
    hadronic = sum(width.values())
    assert Z_SHARE["zbb"] == pytest.approx(width[5] / hadronic, rel=0.01)
    assert Z_SHARE["zcc"] == pytest.approx(width[4] / hadronic, rel=0.01)
    assert Z_SHARE["zss"] == pytest.approx(width[3] / hadronic, rel=0.01)
