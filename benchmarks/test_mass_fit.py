"""How long toys of a mass fit take on one core: generated, fitted, with MINOS intervals of yield and mean."""

import time

import pytest

from hepsets.evaluate.fits.backgrounds import Exponential, find_background
from hepsets.evaluate.fits.model import Component, build_model
from hepsets.evaluate.fits.parameters import MassRange, with_settings
from hepsets.evaluate.fits.peaks import CRYSTAL_BALL, GAUSSIAN
from hepsets.evaluate.fits.toys import run_toys

TOYS = 20


def spectrum(peak):
    """A peak of 4 000 decays on 3 500 of an exponential and 2 000 of a constant, as Bs → Dsπ has it."""
    components = [
        Component("signal", peak.around(5.367, 0.016)),
        Component("exponential", Exponential()),
        Component("constant", find_background("constant")),
    ]
    model = build_model(components, MassRange(5.2, 5.8), {"": 9500.0})
    truth = {"signal": 4000.0, "exponential": 3500.0, "constant": 2000.0, "exponential_slope": -6.0}
    tails = {tail.name: tail.start for tail in peak.tails}
    return model.with_parameters(with_settings(model.parameters, truth, tails))


def seconds_per_toy(model):
    run_toys(model, model.start, count=2, seed=0, watched=("signal", "mean"))
    begin = time.process_time()
    run_toys(model, model.start, count=TOYS, seed=1, watched=("signal", "mean"))
    return (time.process_time() - begin) / TOYS


@pytest.mark.parametrize(
    ("peak", "most"), [(GAUSSIAN, 0.24), (CRYSTAL_BALL, 0.24)], ids=lambda p: getattr(p, "name", "")
)
def test_a_thousand_toys_in_two_minutes_of_two_cores(benchmark, peak, most):
    model = spectrum(peak)
    seconds = benchmark.pedantic(lambda: seconds_per_toy(model), rounds=1)
    benchmark.extra_info["ms_per_toy"] = 1e3 * seconds
    print(f"\n{peak.name}: {1e3 * seconds:.0f} ms per toy")
    assert seconds < most
