"""Expected yields of B → K*μμ and its background."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.select.kstmumu_selection import SelectionConfig
from hepsets.select.kstmumu_yields import expected_yields

EFFICIENCY = Measured(0.37, 0.002)


def test_the_signal_is_pairs_times_branching_fraction_times_efficiency():
    found = expected_yields(1.0, EFFICIENCY, 0.9).signal
    neutral_pairs = 1.110e9 * 0.486
    assert found.value == pytest.approx(2 * neutral_pairs * 9.4e-7 * 2 / 3 * 0.9 * 0.37)
    assert found.se == pytest.approx(found.value * np.hypot(0.5 / 9.4, 0.002 / 0.37))


def test_yields_grow_with_the_luminosity_and_their_ratio_does_not():
    small, large = (expected_yields(luminosity, EFFICIENCY, 0.9) for luminosity in (0.4, 50.0))
    for name in ("signal", "background"):
        assert getattr(large, name).value == pytest.approx(125 * getattr(small, name).value)
    assert large.background_over_signal.value == pytest.approx(small.background_over_signal.value)


def test_a_stricter_selection_leaves_less_background():
    loose, strict = (
        expected_yields(1.0, EFFICIENCY, 0.9, config=SelectionConfig(min_muon=cut)).background.value
        for cut in (0.2, 0.9)
    )
    assert 0.1 * loose < strict < 0.9 * loose


def test_without_luminosity_there_is_nothing():
    with pytest.raises(InputError, match="luminosity"):
        expected_yields(0.0, EFFICIENCY, 0.9)
