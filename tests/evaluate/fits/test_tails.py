"""Width and tails from simulation: what is held, what floats, what is constrained."""

import numpy as np
import pytest
from helpers.toy_spectra import WINDOW

from hepsets.core.errors import InputError
from hepsets.evaluate.fits.backgrounds import Exponential
from hepsets.evaluate.fits.likelihood import Likelihood
from hepsets.evaluate.fits.minimise import maximise
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.peaks import CRYSTAL_BALL, DOUBLE_GAUSSIAN
from hepsets.evaluate.fits.tails import fit_simulated_peak, with_simulated_peak


def two_widths(events, scale=1.0, seed=1):
    """Two Gaussians of 12 and 30 MeV, 70 % in the narrow one."""
    rng = np.random.default_rng(seed)
    width = scale * np.where(rng.uniform(size=events) < 0.7, 0.012, 0.030)
    return 5.367 + width * rng.standard_normal(events)


@pytest.fixture(scope="module")
def simulated():
    return fit_simulated_peak(DOUBLE_GAUSSIAN, two_widths(20_000), WINDOW)


def data_model(categories=("",)):
    components = [
        Component("signal", DOUBLE_GAUSSIAN.around(5.36, 0.02)),
        Component("exponential", Exponential()),
    ]
    return build_model(components, WINDOW, dict.fromkeys(categories, 5000.0))


def test_simulation_tells_the_shape_of_its_peak(simulated):
    fit = simulated.fit
    for name, true in (("width", 0.012), ("width_ratio", 2.5), ("core_share", 0.7)):
        assert abs(fit[name].value.value - true) < 4 * fit[name].value.se, name
    assert simulated.tails == simulated.well_known == ("width_ratio", "core_share")


def test_data_that_are_wider_have_a_scale_above_one(simulated):
    rng = np.random.default_rng(2)
    mass = np.concatenate([two_widths(3000, 1.25, seed=3), 5.2 + rng.exponential(0.2, 2000)])
    mass = mass[WINDOW.holds(mass)]
    fit = maximise(Likelihood(with_simulated_peak(data_model(), simulated, "constrained"), [mass]))
    scale = fit["width_scale"].value
    assert abs(scale.value - 1.25) < 4 * scale.se
    assert scale.se < 0.05
    assert fit["width"].state == "fixed"
    assert fit["width_ratio"].state == "constrained"


def test_held_tails_are_those_of_simulation_in_every_category(simulated):
    model = with_simulated_peak(data_model(("0", "1")), simulated, "fixed")
    held = {parameter.name: parameter for parameter in model.parameters if parameter.fixed}
    assert set(held) == {"width[0]", "width[1]", "width_ratio", "core_share"}
    assert held["width[1]"].start == simulated.fit["width"].value.value
    assert model.constraints == ()


def test_a_tail_on_its_limit_in_simulation_is_held_in_data():
    one_width = np.random.default_rng(4).normal(5.367, 0.012, 5000)
    simulated = fit_simulated_peak(DOUBLE_GAUSSIAN, one_width, WINDOW)
    model = with_simulated_peak(data_model(), simulated, "constrained")
    for name in set(simulated.tails) - set(simulated.well_known):
        assert next(one for one in model.parameters if one.name == name).fixed


def test_a_handful_of_simulated_decays_is_refused():
    with pytest.raises(InputError, match="50 simulated decays"):
        fit_simulated_peak(DOUBLE_GAUSSIAN, two_widths(50), WINDOW)


@pytest.mark.parametrize("fixed", [{}, {"power_left": 4.0, "power_right": 4.0}])
def test_decays_without_tails_are_fitted_too(fixed):
    mass = 5.367 + 0.016 * np.random.default_rng(1).standard_normal(2000)
    found = fit_simulated_peak(CRYSTAL_BALL, mass, WINDOW, fixed=fixed)
    assert found.fit["width"].value.value == pytest.approx(0.016, rel=0.1)
    assert all(found.fit[tail].value.value > 1.5 for tail in ("tail_left", "tail_right"))
    assert set(fixed) <= set(found.untold)
    assert not set(found.untold) & set(found.well_known)


def test_simulated_decays_of_one_mass_or_elsewhere_are_refused_by_name():
    with pytest.raises(InputError, match=r"simulated decays of which half or more have one mass, 5\.367 GeV"):
        fit_simulated_peak(DOUBLE_GAUSSIAN, np.full(500, 5.367), WINDOW)
    with pytest.raises(InputError, match=r"0 simulated decays in the range \(all reach from 5320 to 5400"):
        fit_simulated_peak(DOUBLE_GAUSSIAN, np.linspace(5320, 5400, 500), WINDOW)
