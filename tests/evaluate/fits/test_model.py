"""Models: which numbers belong to which component and category."""

import numpy as np
import pytest

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import Exponential
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.parameters import MassRange
from hepsets.evaluate.fits.peaks import GAUSSIAN
from hepsets.evaluate.fits.template import make_template

WINDOW = MassRange(5.2, 5.8)
SIGNAL, EXPONENTIAL = Component("signal", GAUSSIAN), Component("exponential", Exponential())


def test_one_category_has_plain_names():
    model = build_model([SIGNAL, EXPONENTIAL], WINDOW, {"": 100.0})
    assert model.names == ("signal", "mean", "width", "width_scale", "exponential", "exponential_slope")
    assert [model.names[i] for i in model.floating] == [name for name in model.names if name != "width_scale"]


def test_categories_share_the_mean_and_nothing_of_the_background():
    model = build_model([SIGNAL, EXPONENTIAL], WINDOW, {"0": 100.0, "1": 50.0})
    assert model.names.count("mean") == 1
    assert {"width[0]", "width[1]", "exponential_slope[0]", "exponential_slope[1]"} <= set(model.names)
    together = build_model([SIGNAL, EXPONENTIAL], WINDOW, {"0": 100.0, "1": 50.0}, own=())
    assert "width" in together.names


def test_the_waves_of_a_template_are_common_and_constrained():
    sample = np.random.default_rng(1).normal(5.4, 0.05, 500)
    template = Component("d_pi", make_template(sample, WINDOW, waves=2))
    model = build_model([SIGNAL, template], WINDOW, {"0": 100.0, "1": 50.0})
    assert [name for name in model.names if "wave" in name] == ["d_pi_wave_1", "d_pi_wave_2"]
    assert [one.names for one in model.constraints] == [("d_pi_wave_1",), ("d_pi_wave_2",)]


def test_expected_events_add_up_to_the_yields():
    model = build_model([SIGNAL, EXPONENTIAL], WINDOW, {"": 100.0}, signal_share=0.25)
    assert model.expected(model.start, 0, np.array([5.2, 5.5, 5.8])).sum() == pytest.approx(100)
    assert model.start[model.signal_yields] == pytest.approx([25])


def test_two_components_of_one_name_are_refused():
    with pytest.raises(InputError, match="two components 'exponential'"):
        build_model([SIGNAL, EXPONENTIAL, EXPONENTIAL], WINDOW, {"": 1.0})
