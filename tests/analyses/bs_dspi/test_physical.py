"""Physical backgrounds: expected as their yields say, with errors that are common where factors are."""

import dataclasses

import numpy as np
import pytest
from helpers.toy_bs_candidates import PER_FAMILY, toy_samples

from hepsets.analyses.bs_dspi.physical import GROUPS, physical_backgrounds
from hepsets.analyses.bs_dspi.samples import Samples
from hepsets.core.measured import Measured
from hepsets.evaluate.fits.parameters import MassRange

WINDOW = MassRange(5.3, 5.8)


@pytest.fixture(scope="module")
def samples():
    simulated, yields, data = toy_samples()
    return Samples(simulated, yields, 0.001, data)


@pytest.fixture(scope="module")
def everything(samples):
    return {name: np.ones(len(one.candidates), bool) for name, one in samples.simulated.items()}


def test_physical_backgrounds_are_expected_as_their_yields_say(samples, everything):
    modes = physical_backgrounds(samples, everything, WINDOW, ["0", "1", "2"])
    whole = physical_backgrounds(samples, everything, WINDOW, [""])
    for place, (group, names) in enumerate(GROUPS.items()):
        inside = {n: WINDOW.holds(samples.simulated[n].candidates.columns["bs_mass"]).mean() for n in names}
        expected = sum(samples.yields[name].value * inside[name] for name in names)
        assert whole.of(group, "").value == pytest.approx(expected)
        assert modes.expected[place].sum() == pytest.approx(expected)
        assert whole.of(group, "").se > 0.05 * expected
        assert group in whole.templates
    assert whole.left_out == {}


def test_a_background_that_nothing_is_left_of_has_no_template(samples):
    nothing = {name: np.zeros(len(one.candidates), bool) for name, one in samples.simulated.items()}
    found = physical_backgrounds(samples, nothing, WINDOW, [""])
    assert found.templates == {}
    assert found.constraints == ()
    assert set(found.left_out.values()) == {0.0}


def test_the_error_of_the_cross_section_is_common_to_all_modes_and_groups(samples, everything):
    """Yields whose only error is that of the cross-section move together: their sum is as badly known as each
    of them, and not better by the root of their number."""
    known = {name: Measured(one.value, 0.2 * one.value) for name, one in samples.yields.items()}
    many = {  # so that statistics of simulation do not matter
        name: dataclasses.replace(
            one,
            candidates=one.candidates[np.repeat(np.arange(len(one.candidates)), 40)].with_columns(
                underlying_event=np.arange(40 * len(one.candidates))
            ),
        )
        for name, one in samples.simulated.items()
    }
    kept = {name: np.repeat(which, 40) for name, which in everything.items()}
    found = physical_backgrounds(
        dataclasses.replace(samples, yields=known, simulated=many), kept, WINDOW, ["0", "1", "2"]
    )
    of_modes = found.covariance[:3, :3]
    errors = np.sqrt(np.diag(of_modes))
    correlation = of_modes / np.outer(errors, errors)
    assert correlation.min() > 0.9  # of the same samples: all of the error
    total = found.expected[0].sum()
    assert np.sqrt(of_modes.sum()) / total == pytest.approx(np.mean(errors / found.expected[0]), rel=0.05)
    across = found.covariance[0, 3] / np.sqrt(found.covariance[0, 0] * found.covariance[3, 3])
    assert 0.2 < across < 0.9  # cross-section alone
    (constraint,) = found.constraints
    assert constraint.names[:2] == ("misidentified[0]", "misidentified[1]")
    np.testing.assert_allclose(constraint.covariance, found.covariance)


def test_statistics_of_simulation_count_parton_events(samples, everything):
    exact = {name: Measured(one.value, 0.0) for name, one in samples.yields.items()}
    found = physical_backgrounds(dataclasses.replace(samples, yields=exact), everything, WINDOW, [""])
    alone = {
        name: dataclasses.replace(
            one, candidates=one.candidates.with_columns(underlying_event=np.arange(len(one.candidates)))
        )
        for name, one in samples.simulated.items()
    }
    naive = physical_backgrounds(
        dataclasses.replace(samples, yields=exact, simulated=alone), everything, WINDOW, [""]
    )
    assert naive.of("below", "").se < 1.3 * found.of("below", "").se  # the toy's families are independent
    families = {
        name: dataclasses.replace(
            one,
            candidates=one.candidates.with_columns(
                bs_mass=np.repeat(one.candidates.columns["bs_mass"][::PER_FAMILY], PER_FAMILY)
            ),
        )
        for name, one in samples.simulated.items()
    }
    alike = physical_backgrounds(
        dataclasses.replace(samples, yields=exact, simulated=families), everything, WINDOW, [""]
    )
    assert alike.of("below", "").se == pytest.approx(np.sqrt(PER_FAMILY) * naive.of("below", "").se, rel=0.3)
