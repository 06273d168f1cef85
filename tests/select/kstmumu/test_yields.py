"""Expected yields of B → K*μμ and its background."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.core.measured import Measured
from hepsets.generate.kstmumu.density import WINDOWS, Window
from hepsets.generate.kstmumu.sampler import sample_decays
from hepsets.select.kstmumu.cuts import SelectionConfig, efficiency
from hepsets.select.kstmumu.yields import expected_yields, luminosity_of, window_share

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


def test_8000_selected_decays_are_37_inverse_attobarns():
    window = WINDOWS["0-20"]
    found = luminosity_of(8000, efficiency(window, 0.0, 20_000, 1), window_share(window))
    assert found.value == pytest.approx(37, abs=1)
    assert found.se == pytest.approx(found.value * 0.053, rel=0.1)
    back = expected_yields(found.value, efficiency(window, 0.0, 20_000, 1), window_share(window))
    assert back.signal.value == pytest.approx(8000)
    with pytest.raises(InputError, match="positive"):
        luminosity_of(0, EFFICIENCY, 0.9)


def test_the_share_of_a_window_is_that_of_decays_in_it():
    window = WINDOWS["1-19-nonresonant"]
    everywhere = sample_decays(50_000, 0.0, 3, window=Window(0.0, 20.0, vetoes=()))
    share = window.contains(everywhere["q_squared"]).mean()
    assert window_share(window) == pytest.approx(share, abs=4 * np.sqrt(0.25 / 50_000))


def test_without_luminosity_there_is_nothing():
    with pytest.raises(InputError, match="luminosity"):
        expected_yields(0.0, EFFICIENCY, 0.9)
